"""What the desk costs beside the bare client, in the same run, rounds interleaved."""

import statistics
import threading
import time
from pathlib import Path
from typing import Any

from NorenRestApiPy.NorenApi import NorenApi

from actors.desk import Desk
from actors.messages.orders import OrderAnswered, OrderDeclined
from actors.runtime.clock import SystemClock
from benchmarks.ground import WAIT_S, Server, order, percentile, running_desk
from broker.noren.totp import code_at
from domain.orders.lifecycle import State


def bare_calls(api: Any, count: int) -> list[float]:  # noqa: ANN401  the client is untyped
    """Place orders with the bare client, one after the other; return each call's seconds."""
    taken = []
    for _ in range(count):
        began = time.perf_counter()
        reply = api.place_order("B", "I", "NSE", "RELIANCE-EQ", 1, 0, "LMT", 1500.0, None, remarks="bare")
        taken.append(time.perf_counter() - began)
        assert reply is not None, "the bare client's order was refused"
    return taken


def desk_calls(desk: Desk, first: int, count: int) -> list[float]:
    """Submit orders to the desk, one after the other; return each one's seconds to the broker's answer."""
    taken = []
    for number in range(first, first + count):
        command = order(number)
        began = time.perf_counter()
        answer = desk.submit(command, WAIT_S)
        taken.append(time.perf_counter() - began)
        assert isinstance(answer, OrderAnswered), answer
        assert answer.order.broker_order_id, answer.order
    return taken


class Collector:
    """An address that keeps every answer and says when all are in."""

    def __init__(self, expected: int) -> None:
        self.answers: list[OrderAnswered | OrderDeclined] = []
        self.all_in = threading.Event()
        self._expected = expected

    def tell(self, message: OrderAnswered | OrderDeclined) -> None:
        """Keep an answer."""
        self.answers.append(message)
        if len(self.answers) == self._expected:
            self.all_in.set()


def flood(desk: Desk, first: int, count: int) -> dict[str, float]:
    """Submit `count` orders at once; return orders a second and the share of time the BrokerActor had nothing to do."""
    commands = [order(number) for number in range(first, first + count)]
    collector = Collector(count)
    before = desk.status().broker
    began = time.perf_counter()
    for command in commands:
        desk.send(command, collector)
    assert collector.all_in.wait(WAIT_S), f"{len(collector.answers)} of {count} orders were answered"
    taken = time.perf_counter() - began
    after = desk.status().broker
    for answer in collector.answers:
        assert isinstance(answer, OrderAnswered), answer
        assert answer.order.state in {State.WORKING, State.PARTIALLY_FILLED, State.FILLED}, answer.order
    assert after.placed - before.placed == count
    return {"per_second": count / taken, "broker_idle_share": (after.idle_s - before.idle_s) / taken}


def measure(server: Server, folder: Path, rounds: int, calls: int, waiting: int) -> dict[str, Any]:
    """Measure both clients in interleaved rounds, then the floods."""
    api = NorenApi(server.rest_url.rstrip("/"), server.websocket_url)
    if server.token:
        api.set_session(server.user_id, "", server.token)
    else:
        code = code_at("JBSWY3DPEHPK3PXP", SystemClock().now())
        assert api.login("PAPER", "paper", code, "PAPER_U", "paper-secret", "bench") is not None
    with running_desk(server, folder) as desk:
        bare_calls(api, calls // 4)
        desk_calls(desk, 0, calls // 4)
        bare, ours, ratios, floods, bare_rates = [], [], [], [], []
        for number in range(rounds):
            bare_round = bare_calls(api, calls)
            our_round = desk_calls(desk, 1_000_000 + number * calls, calls)
            bare += bare_round
            ours += our_round
            ratios.append(statistics.median(our_round) / statistics.median(bare_round))
        for number in range(max(5, rounds // 2)):
            bare_rates.append(waiting / sum(bare_calls(api, waiting)))
            floods.append(flood(desk, 2_000_000 + number * waiting, waiting))
        per_second = statistics.median(one["per_second"] for one in floods)
        return {
            "single": {
                "ratio_to_bare_p50": statistics.median(ratios),
                "ratios_by_round": ratios,
                "desk_p50_ms": percentile(ours, 0.5) * 1e3,
                "desk_p99_ms": percentile(ours, 0.99) * 1e3,
                "bare_p50_ms": percentile(bare, 0.5) * 1e3,
                "bare_p99_ms": percentile(bare, 0.99) * 1e3,
                "orders": len(ours),
            },
            "flood": {
                "ratio_to_bare": statistics.median(
                    one["per_second"] / rate for one, rate in zip(floods, bare_rates, strict=True)
                ),
                "broker_idle_share": statistics.median(one["broker_idle_share"] for one in floods),
                "desk_per_second": per_second,
                "bare_per_second": statistics.median(bare_rates),
                "waiting": waiting,
                "rounds": floods,
            },
        }


def show(name: str, figures: dict[str, Any]) -> None:
    """Print one server's table."""
    single, many = figures["single"], figures["flood"]
    print(f"\n{name} server")
    print(f"  {'':26}{'desk':>10}{'bare':>10}{'ratio':>8}")
    ratio = single["ratio_to_bare_p50"]
    print(f"  {'one order, p50 ms':26}{single['desk_p50_ms']:>10.3f}{single['bare_p50_ms']:>10.3f}{ratio:>8.2f}")
    ratio = single["desk_p99_ms"] / single["bare_p99_ms"]
    print(f"  {'one order, p99 ms':26}{single['desk_p99_ms']:>10.3f}{single['bare_p99_ms']:>10.3f}{ratio:>8.2f}")
    title = f"{many['waiting']} waiting, orders/s"
    rates = f"{many['desk_per_second']:>10.0f}{many['bare_per_second']:>10.0f}{many['ratio_to_bare']:>8.2f}"
    print(f"  {title:26}{rates}")
    print(f"  {'BrokerActor idle':26}{many['broker_idle_share']:>10.1%}")
