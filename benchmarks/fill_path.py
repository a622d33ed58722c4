"""How soon a fill at the broker is EXECUTED in the database: by push, and by poll with the feed off.

The paper broker notes when it traded; the desk tells a strategy's address right after its commit. Both read the same
clock. Orders rest first, and each is filled by the broker's admin, one after the other.
"""

import json
import queue
import statistics
import time
import urllib.request
from contextlib import suppress
from dataclasses import replace
from decimal import Decimal
from pathlib import Path
from typing import Any, Final

from actors.desk import Desk
from actors.messages.books import PositionWrittenOff
from actors.messages.orders import OrderAnswered, OrderChanged, OrderDeclined
from actors.messages.risk import TradingStateChanged
from benchmarks.ground import WAIT_S, NoFeed, Server, order, percentile, settings_for
from domain.orders.lifecycle import State
from domain.orders.order import Order

RESTING: Final = Decimal("1450.00")


class Told:
    """An address that notes when an order was told to be FILLED."""

    def __init__(self) -> None:
        self.fills: queue.SimpleQueue[tuple[Order, float]] = queue.SimpleQueue()

    def tell(self, message: OrderChanged | OrderDeclined | TradingStateChanged | PositionWrittenOff) -> None:
        """Note a fill."""
        if isinstance(message, OrderChanged) and message.order.state is State.FILLED:
            self.fills.put((message.order, time.time()))


def measure_fills(server: Server, folder: Path, count: int) -> dict[str, Any]:
    """Measure `count` fills by push, and a quarter as many by poll."""
    return {
        "push": _measure(server, folder / "push.db", count, by_push=True),
        "poll": _measure(server, folder / "poll.db", max(20, count // 10), by_push=False),
    }


def _measure(server: Server, path: Path, count: int, *, by_push: bool) -> dict[str, Any]:
    settings = settings_for(server, path)
    desk = Desk(settings, feed=None if by_push else NoFeed())
    desk.start()
    try:
        until_ready(desk, by_push=by_push)
        told = Told()
        kind = "push" if by_push else "poll"
        taken_ms = [_one_fill(desk, server, told, f"{kind}-{number}") * 1e3 for number in range(count)]
    finally:
        desk.stop()
    return {
        "p50_ms": percentile(taken_ms, 0.5),
        "p99_ms": percentile(taken_ms, 0.99),
        "mean_ms": statistics.mean(taken_ms),
        "poll_interval_ms": settings.watcher.poll_interval_s * 1e3,
        "fills": count,
    }


def until_ready(desk: Desk, *, by_push: bool) -> None:
    """Wait until the desk takes orders, and hears the feed where it is to."""
    ends_at = time.monotonic() + WAIT_S
    while desk.readiness().blockers or (by_push and desk.status().feed != "logged in"):
        assert time.monotonic() < ends_at, (desk.readiness().blockers, desk.status().watch)
        desk.wait_for_failure(0.01)


def _one_fill(desk: Desk, server: Server, told: Told, name: str) -> float:
    """Rest an order, let it trade, and return the seconds from the trade to the word after the commit."""
    given = order(0)
    command = replace(given, command_id=name, strategy=name, price=RESTING)
    desk.join(name, told)
    answer = desk.submit(command, WAIT_S)
    assert isinstance(answer, OrderAnswered), answer
    number = answer.order.broker_order_id
    admin(server, "fill", {"norenordno": number, "qty": 1})
    filled, at = told.fills.get(timeout=WAIT_S)
    assert filled.broker_order_id == number, filled
    with suppress(queue.Empty):
        raise AssertionError(told.fills.get_nowait())
    traded_at = next(one["wall"] for one in admin(server, "ledger")["fills"] if one["norenordno"] == number)
    return float(at - traded_at)


def admin(server: Server, what: str, given: dict[str, Any] | None = None, method: str = "") -> dict[str, Any]:
    """Ask the paper broker's admin interface: GET, or POST where something is given, unless told otherwise."""
    url = f"{server.admin_url}/{what}"
    body = None if given is None else json.dumps(given).encode()
    request = urllib.request.Request(url, data=body, method=method or ("GET" if given is None else "POST"))  # noqa: S310  loopback
    with urllib.request.urlopen(request, timeout=WAIT_S) as reply:  # noqa: S310  as above
        shown: dict[str, Any] = json.loads(reply.read())
    return shown


def show_fills(figures: dict[str, Any]) -> None:
    """Print the table."""
    print("\nfill at the broker -> EXECUTED in the database")
    print(f"  {'':26}{'p50 ms':>10}{'p99 ms':>10}{'fills':>8}")
    for name in ("push", "poll"):
        one = figures[name]
        print(f"  {'by ' + name:26}{one['p50_ms']:>10.2f}{one['p99_ms']:>10.2f}{one['fills']:>8}")
    poll = figures["poll"]
    print(f"  by poll, share of the interval: {poll['p50_ms'] / poll['poll_interval_ms']:.2f}")
