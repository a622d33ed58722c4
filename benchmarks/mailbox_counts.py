"""How many mailbox messages one entry to FILLED takes over all actors, and one flatten of one position.

Counted where an actor takes a message out of its mailbox, on the real wiring beside the paper broker with its feed; the
median of some rounds is the figure. The books are polled once a minute here, and what only time brings (timers,
heartbeats, prices) is counted apart: how much of it falls into a round says nothing of the order.
"""

import statistics
import threading
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

from actors import wiring
from actors.desk import Desk
from actors.messages.orders import OrderAnswered
from actors.runtime.actor import DeskActor
from benchmarks.fill_path import until_ready
from benchmarks.ground import WAIT_S, Server, order, settings_for
from domain.orders.command import OrderCommand
from domain.orders.lifecycle import State

ACTORS: Final[tuple[type[DeskActor], ...]] = tuple(
    one for one in vars(wiring).values() if isinstance(one, type) and issubclass(one, DeskActor)
)
ASKED: Final = ("FindUnwritten", "FindExits")
"""What this benchmark itself asks while it waits; a flatten asks it too, and that is counted."""
OF_TIME: Final = ("TimerFired", "SendHeartbeat", "HeartbeatSent", "PriceSeen", "PriceTicked")
POLL_S: Final = 60.0
QUIET_S: Final = 0.05
"""A round is over when the order has ended and its last words have been heard."""


class Counted:
    """Owns the messages that the actors have taken since the last look, by actor and kind."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._taken: Counter[str] = Counter()
        self.is_waiting = False
        """The benchmark asks until what it waits for is over."""

    def take(self) -> Counter[str]:
        """Return what was counted, and begin anew."""
        with self._lock:
            taken, self._taken, self.is_waiting = self._taken, Counter(), False
        return taken

    def note(self, actor: DeskActor, message: object) -> None:
        """Count one message."""
        kind = type(message).__name__
        if not (self.is_waiting and kind in ASKED):
            with self._lock:
                self._taken[f"{type(actor).__name__} {kind}"] += 1


@contextmanager
def counting() -> Iterator[Counted]:
    """Count every message that an actor takes."""
    counted = Counted()
    handlers = {one: one.on_receive for one in ACTORS}
    for one, handler in handlers.items():
        _count_at(one, handler, counted)
    try:
        yield counted
    finally:
        for one, handler in handlers.items():
            one.on_receive = handler  # type: ignore[method-assign]


def _count_at(kind: type[DeskActor], handler: Any, counted: Counted) -> None:  # noqa: ANN401  each its own inbox
    def on_receive(actor: DeskActor, message: object) -> object:
        counted.note(actor, message)
        return handler(actor, message)

    kind.on_receive = on_receive  # type: ignore[method-assign, assignment]


def measure_mailboxes(server: Server, folder: Path, rounds: int) -> dict[str, Any]:
    """Count `rounds` entries that fill at once, and the flatten of each."""
    entries, flattens = [], []
    settings = settings_for(server, folder / "mailboxes.db")
    watcher = settings.watcher.model_copy(update={"poll_interval_s": POLL_S})
    with counting() as counted:
        desk = Desk(settings.model_copy(update={"watcher": watcher}))
        desk.start()
        try:
            until_ready(desk, by_push=True)
            for number in range(rounds):
                counted.take()
                _enter(desk, f"mail-{number}", counted)
                entries.append(counted.take())
                _flatten(desk, f"mail-{number}", counted)
                flattens.append(counted.take())
        finally:
            desk.stop()
    return {"entry": _median(entries), "flatten": _median(flattens), "rounds": rounds}


def _enter(desk: Desk, name: str, counted: Counted) -> None:
    given = order(0)
    fields = {one: getattr(given, one) for one in given.__slots__}
    answer = desk.submit(OrderCommand(**fields | {"command_id": name, "strategy": name}), WAIT_S)
    assert isinstance(answer, OrderAnswered), answer
    counted.is_waiting = True
    ends_at = time.monotonic() + WAIT_S
    while (timeline := desk.timeline(name)) is None or timeline.order.state is not State.FILLED:
        assert time.monotonic() < ends_at, timeline
        desk.wait_for_failure(0.005)
    desk.wait_for_failure(QUIET_S)


def _flatten(desk: Desk, name: str, counted: Counted) -> None:
    asked = desk.flatten("counted", name)
    assert asked, name
    counted.is_waiting = True
    ends_at = time.monotonic() + WAIT_S
    while desk.exits().under_way:
        assert time.monotonic() < ends_at, desk.exits()
        desk.wait_for_failure(0.005)
    desk.wait_for_failure(QUIET_S)


def _median(rounds: list[Counter[str]]) -> dict[str, Any]:
    """Return the median of the sums, and the kinds of the round that lies there."""
    in_order = sorted(map(_caused, rounds), key=Counter.total)
    middle = in_order[len(in_order) // 2]
    return {
        "median": statistics.median(one.total() for one in in_order),
        "fewest": in_order[0].total(),
        "most": in_order[-1].total(),
        "of_time": statistics.median(one.total() - _caused(one).total() for one in rounds),
        "kinds": dict(sorted(middle.items())),
    }


def _caused(taken: Counter[str]) -> Counter[str]:
    """Return what does not come by time alone."""
    return Counter({kind: count for kind, count in taken.items() if not kind.endswith(OF_TIME)})


def show_mailboxes(figures: dict[str, Any]) -> None:
    """Print the figures."""
    print("\nmailbox messages over all actors; timers, heartbeats and prices of the time apart")
    print(f"  {'':26}{'median':>8}{'fewest':>8}{'most':>8}{'of time':>9}")
    for name, what in (("entry", "one entry to FILLED"), ("flatten", "its flatten to flat")):
        one = figures[name]
        print(f"  {what:26}{one['median']:>8.0f}{one['fewest']:>8}{one['most']:>8}{one['of_time']:>9.0f}")
