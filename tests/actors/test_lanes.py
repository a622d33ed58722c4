"""The lanes, for any arrival of anything: an exit or cancel waits for the one request under way, and for no other."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from actors.messages.broker import ChangeAtBroker, ReadBook
from domain.broker.book_outages import BookKind
from domain.broker.reply_types import Accepted
from domain.orders.change import Change, ChangeKind, ChangeStage
from tests.actors.test_broker import BrokerRoom, entry, way_out
from tests.fakes import TEN_O_CLOCK, order

CEILING, RESERVED = 10, 3
ARRIVALS = st.lists(
    st.tuples(st.sampled_from(["entry", "exit", "cancel", "read"]), st.floats(0, 0.4), st.floats(0, 0.3)),
    min_size=1,
    max_size=60,
)


def cancel(name: str) -> ChangeAtBroker:
    change = Change(change_id=f"x-{name}", kind=ChangeKind.CANCEL, stage=ChangeStage.REQUESTED, asked_at=TEN_O_CLOCK)
    return ChangeAtBroker(order=replace(order(command_id=name), broker_order_id="B1"), change=change)


MAKE: dict[str, Callable[[str], Any]] = {
    "entry": entry,
    "exit": way_out,
    "cancel": cancel,
    "read": lambda _: ReadBook(kind=BookKind.ORDERS),
}


@settings(deadline=None)
@given(ARRIVALS)
def test_an_exit_or_cancel_is_next_and_no_second_sees_more_than_the_ceiling(
    arrivals: list[tuple[str, float, float]],
) -> None:
    """Each arrival comes `gap` seconds after the one before; each request takes `takes` seconds under way."""
    room = BrokerRoom(orders_per_second_max=CEILING, orders_reserved_for_exits=RESERVED, rate_wait_s_max=3_600)
    log: list[tuple[str, float, float]] = []
    came: dict[str, float] = {}
    takes = iter([*(one for _, _, one in arrivals)] * 2)

    def under_way(name: str) -> Accepted:
        began = room.clock.monotonic()
        room.clock.advance(next(takes, 0.0))
        log.append((name, began, room.clock.monotonic()))
        return Accepted("B1")

    room.broker.places.say(lambda: under_way(room.placed[-1]))
    room.broker.cancels.say(lambda: under_way(f"cancel {room.broker.canceled[-1].command.command_id}"))

    for number, (kind, gap, _) in enumerate(arrivals):
        waits_until = room.clock.monotonic() + gap
        while room.own.messages and room.clock.monotonic() < waits_until:
            room.serve_one()
        if room.clock.monotonic() < waits_until:
            room.clock.advance(waits_until - room.clock.monotonic())
            room.timer.fire_due()
        message = MAKE[kind](f"{kind}{number}")
        if kind != "read":
            came[f"cancel cancel{number}" if kind == "cancel" else f"{kind}{number}"] = room.clock.monotonic()
        room.tell(message)
    room.wait(30)

    assert {name for name, _, _ in log} == set(came), "each left once"
    assert len(log) == len(came)
    for name, began, _ in log:
        if name.startswith("entry"):
            continue
        between = [one for one, from_, _ in log if one.startswith("entry") and came[name] < from_ < began]
        assert not between, f"{between} left before {name}, which was waiting"
    ended = sorted(until for _, _, until in log)
    started = sorted(from_ for _, from_, _ in log)
    for place in range(CEILING, len(log)):
        assert started[place] - ended[place - CEILING] >= 1.0 - 1e-9
    for place, (name, from_, _) in enumerate(log):
        recent = [until for _, _, until in log[:place] if until > from_ - 1.0 + 1e-9]
        assert not name.startswith("entry") or len(recent) < CEILING - RESERVED, "an entry took what is kept for exits"
