"""What the desk costs beside the bare client, in the same run, rounds interleaved.

`make bench` prints a table and writes `benchmarks/results/latest.json`. Every figure is a ratio or comes with the bare
client's figure of the same rounds: these machines are shared, and absolute times say little.
"""

import argparse
import json
import platform
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path
from typing import Any, Final

from loguru import logger
from NorenRestApiPy.NorenApi import NorenApi

from actors.clock import SystemClock
from actors.desk import Desk
from actors.messages import OrderAnswered, OrderDeclined
from broker.totp import code_at
from domain.lifecycle import State
from domain.order import Exchange, Intent, OrderCommand, OrderType, Product, Side
from domain.settings import Settings, load_settings

RESULTS: Final = Path(__file__).parent / "results" / "latest.json"
UNBOUNDED: Final = 1_000_000
WAIT_S: Final = 120.0


@dataclass(frozen=True, slots=True)
class Server:
    """A server to measure against, and the credentials it wants."""

    name: str
    rest_url: str
    websocket_url: str
    user_id: str
    token: str


class NoFeed:
    """A feed that brings nothing: prices are not what is measured."""

    def start(self, session: object) -> None:
        """Do nothing."""

    def watch(self, instrument: object) -> None:
        """Do nothing."""

    def stop(self) -> None:
        """Do nothing."""


@contextmanager
def null_server() -> Iterator[Server]:
    """Start the server that answers at once."""
    process = subprocess.Popen(
        [sys.executable, "-m", "benchmarks.null_server"], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    assert process.stdin is not None
    assert process.stdout is not None
    try:
        port = int(process.stdout.readline())
        url = f"http://127.0.0.1:{port}/NorenWClientTP/"
        yield Server("null", url, f"ws://127.0.0.1:{port}/", "NULL", "null")
    finally:
        process.stdin.close()
        process.stdout.close()
        process.wait(10)


@contextmanager
def paper_server(folder: Path) -> Iterator[Server]:
    """Start the paper broker with its rate ceiling lifted, durable as always."""
    words = [sys.executable, "-m", "broker.paper", "--port", "0", "--data-dir", str(folder / "paper")]
    process = subprocess.Popen([*words, "--orders-per-s-max", "0"], stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    try:
        where = json.loads(process.stdout.readline())
        yield Server("paper", where["rest_url"], where["websocket_url"], "PAPER", "")
    finally:
        process.terminate()
        process.stdout.close()
        process.wait(10)


def settings_for(server: Server, path: Path) -> Settings:
    """Return a desk's settings with every ceiling lifted that is not the desk's own speed."""
    return load_settings(
        None,
        mode="paper",
        client_id="BENCH",
        broker={
            "rest_url": server.rest_url,
            "websocket_url": server.websocket_url,
            "user_id": server.user_id,
            "password": "paper",
            "totp_secret": "JBSWY3DPEHPK3PXP",
            "vendor_code": "PAPER_U",
            "api_secret": "paper-secret",
            "orders_per_second_max": UNBOUNDED,
            "rate_wait_s_max": WAIT_S,
        },
        storage={"path": path},
        risk={"orders_per_day_max": UNBOUNDED, "order_notional_max": None},
    )


@contextmanager
def running_desk(server: Server, folder: Path) -> Iterator[Desk]:
    """Start a desk on a fresh database, ready to take orders."""
    desk = Desk(settings_for(server, folder / f"{server.name}.db"), feed=NoFeed())
    desk.start()
    try:
        ends_at = time.monotonic() + WAIT_S
        while desk.readiness().reasons:
            assert time.monotonic() < ends_at, desk.readiness().reasons
            desk.wait_for_failure(0.01)
        yield desk
    finally:
        desk.stop()


def order(number: int) -> OrderCommand:
    """Make one entry; each from a strategy of its own, so that the guard lets it pass."""
    return OrderCommand(
        command_id=f"bench-{number}",
        client_id="BENCH",
        strategy=f"bench-{number}",
        intent=Intent.ENTRY,
        exchange=Exchange.NSE,
        symbol="RELIANCE-EQ",
        side=Side.BUY,
        quantity=1,
        product=Product.MIS,
        order_type=OrderType.LIMIT,
        price=Decimal("1500.00"),
    )


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
        assert answer.order.state in {State.WORKING, State.PARTLY_FILLED, State.FILLED}, answer.order
    assert after.placed - before.placed == count
    return {"per_second": count / taken, "broker_idle_share": (after.idle_s - before.idle_s) / taken}


def percentile(values: list[float], share: float) -> float:
    """Return the value below which `share` of the values lie."""
    return sorted(values)[min(len(values) - 1, int(len(values) * share))]


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


def main() -> None:
    """Measure against both servers; write the results."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=9)
    parser.add_argument("--calls", type=int, default=200, help="calls of each client in a round")
    parser.add_argument("--waiting", type=int, default=1_000, help="orders of a flood")
    parser.add_argument("--only", choices=["null", "paper"])
    given = parser.parse_args()
    logger.remove()
    results: dict[str, Any] = {"python": platform.python_version(), "machine": platform.machine()}
    with tempfile.TemporaryDirectory(prefix="desk-bench-") as name:
        folder = Path(name)
        if given.only != "paper":
            with null_server() as server:
                results.update(measure(server, folder, given.rounds, given.calls, given.waiting))
            show("null", results)
        if given.only != "null":
            with paper_server(folder) as server:
                results["paper"] = measure(server, folder, given.rounds, given.calls, given.waiting)
            show("paper", results["paper"])
    RESULTS.parent.mkdir(parents=True, exist_ok=True)
    RESULTS.write_text(json.dumps(results, indent=2) + "\n", encoding="utf-8")
    print(f"\nwritten to {RESULTS.relative_to(Path.cwd()) if RESULTS.is_relative_to(Path.cwd()) else RESULTS}")


if __name__ == "__main__":
    main()
