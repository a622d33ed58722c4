"""How long an exit takes behind a thousand waiting entries, beside an exit that finds the line free.

The paper broker takes 20 ms a request, so that there is a line at all. Both exits are measured in the same rounds.
"""

import statistics
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from decimal import Decimal
from pathlib import Path
from typing import Any, Final

from actors.desk import Desk
from actors.messages.orders import OrderAnswered, OrderDeclined
from benchmarks.fill_path import admin, until_ready
from benchmarks.ground import WAIT_S, NoFeed, Server, order, settings_for
from domain.orders.command import OrderCommand
from domain.orders.lifecycle import State
from domain.orders.types import Intent, Side

SLOW_S: Final = 0.02
EXITS: Final = 10
"""So many exits a round, each at another moment of the request that is under way."""


class Nobody:
    """An address that hears nothing."""

    def tell(self, message: OrderAnswered | OrderDeclined) -> None:
        """Do nothing."""


def measure_exits(server: Server, folder: Path, rounds: int, waiting: int) -> dict[str, Any]:
    """Measure exits alone and behind `waiting` entries, `EXITS` of each in each round."""
    alone_ms: list[float] = []
    behind_ms: list[float] = []
    for number in range(rounds):
        with _desk(server, folder / f"exits-{number}.db") as desk:
            held = {kind: [f"{kind}-{number}-{one}" for one in range(EXITS)] for kind in ("alone", "behind")}
            _hold(desk, held["alone"] + held["behind"])
            admin(server, "faults", {"route": "PlaceOrder", "kind": "slow", "seconds": SLOW_S, "count": None})
            alone_ms += [_exit(desk, name) * 1e3 for name in held["alone"]]
            for one in range(waiting):
                desk.send(_entry(f"w{number}-{one}"), Nobody())
            for one, name in enumerate(held["behind"]):
                time.sleep(5 * SLOW_S + SLOW_S * one / EXITS)
                behind_ms.append(_exit(desk, name) * 1e3)
            admin(server, "faults", method="DELETE")
    alone, behind = statistics.median(alone_ms), statistics.median(behind_ms)
    return {
        "alone_ms": alone,
        "behind_ms": behind,
        "behind_max_ms": max(behind_ms),
        "ratio": behind / alone,
        "waiting": waiting,
        "rounds": rounds,
    }


@contextmanager
def _desk(server: Server, path: Path) -> Iterator[Desk]:
    desk = Desk(settings_for(server, path), feed=NoFeed())
    desk.start()
    try:
        until_ready(desk, by_push=False)
        yield desk
    finally:
        desk.stop(grace_s=0)


def _command(name: str, **changes: Any) -> OrderCommand:  # noqa: ANN401  any field
    given = order(0)
    return replace(given, **{"command_id": name, "strategy": name} | changes)


def _entry(name: str) -> OrderCommand:
    return _command(name, price=Decimal("1450.00"))


def _hold(desk: Desk, names: list[str]) -> None:
    for name in names:
        desk.submit(_command(name, price=Decimal("1502.00")), WAIT_S)
    ends_at = time.monotonic() + WAIT_S
    for name in names:
        while (timeline := desk.timeline(name)) is None or timeline.order.state is not State.FILLED:
            assert time.monotonic() < ends_at, timeline
            desk.wait_for_failure(0.01)


def _exit(desk: Desk, name: str) -> float:
    way_out = {"intent": Intent.EXIT, "side": Side.SELL, "price": Decimal("1498.00")}
    command = _command(f"{name}-out", **{**way_out, "strategy": name})
    began = time.monotonic()
    answer = desk.submit(command, WAIT_S)
    assert isinstance(answer, OrderAnswered), answer
    return time.monotonic() - began


def show_exits(figures: dict[str, Any]) -> None:
    """Print the figures."""
    waiting, ratio = figures["waiting"], figures["ratio"]
    print(f"\nan exit behind {waiting} waiting entries, broker at {SLOW_S * 1e3:.0f} ms a request")
    print(f"  alone {figures['alone_ms']:.1f} ms, behind {figures['behind_ms']:.1f} ms: {ratio:.2f} times", end="")
    print(f"; at worst {figures['behind_max_ms']:.1f} ms")
    print("  (2 is the worst that is meant: its own request, after the one under way)")
