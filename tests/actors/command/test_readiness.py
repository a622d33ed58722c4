"""When a desk takes no entries, how many wait at once, and that exits get out all the same."""

import pytest

from actors.command.pending import ON_THE_WAY_MAX
from actors.messages.alerts import RaiseAlert
from actors.messages.books import (
    BooksReconciled,
    BooksUnavailable,
    BooksWitnessed,
)
from actors.messages.broker import SessionChanged
from actors.messages.desk import StopTaking
from actors.messages.market import OrderPriced
from actors.messages.orders import OrderAnswered, OrderDeclined
from actors.messages.persistence import (
    LookUpOrder,
    OrderLookedUp,
    RegisterOrder,
    RegistrationFailed,
)
from domain.alerts.alert import Level
from domain.blocker import Blocker, BlockerKind
from domain.broker.book_outages import BookKind, Sighting
from domain.broker.session import SessionState
from domain.orders.command import OrderCommand
from domain.orders.lifecycle import State
from domain.orders.order import Order
from domain.orders.reasons import Reason
from domain.orders.types import Intent, Side
from tests.actors.rooms import CommandRoom, declined, looked_up, way_out
from tests.fakes import command, instrument, order


@pytest.fixture
def room() -> CommandRoom:
    return CommandRoom()


@pytest.mark.parametrize(
    ("message", "reason"),
    [
        (
            SessionChanged(state=SessionState.REFUSED, message="wrong password"),
            "no session at the broker: wrong password",
        ),
        (
            BooksUnavailable(cause="HTTP 502", unavailable_s=6.0),
            "the broker's order book has been unreadable for 6 s: HTTP 502",
        ),
    ],
)
def test_a_desk_that_is_not_ready_declines_entries_and_takes_exits(
    room: CommandRoom, message: object, reason: str
) -> None:
    room.tell(message)

    entry, leaving = room.submit(command()), room.submit(way_out())
    room.tell(OrderLookedUp(command_id="c1", order=None))

    assert [one.detail for one in room.readiness.blockers] == [reason]
    assert declined(entry) == OrderDeclined(command_id="c1", reason=Reason.DESK_NOT_READY, message=reason)
    assert [one.command.command_id for one in room.repo.of(RegisterOrder)] == ["x1"]
    assert leaving.messages == []


def test_a_new_desk_is_not_ready() -> None:
    room = CommandRoom(ready=False)

    room.submit(command())

    assert len(room.readiness.blockers) == 2
    assert len(room.repo.of(LookUpOrder)) == 1


def test_a_short_blindness_is_waited_out(room: CommandRoom) -> None:
    room.tell(BooksUnavailable(cause="HTTP 502", unavailable_s=4.9))

    assert room.readiness.blockers == ()


def test_a_book_that_is_away_is_an_alarm_once_and_its_return_is_told(room: CommandRoom) -> None:
    room.notifier.take()
    away = BooksWitnessed(sighting=Sighting(away=((BookKind.TRADES, "HTTP 502"),), waiting=("c1",)))
    for message in (away, away, BooksWitnessed(sighting=Sighting())):
        room.tell(message)
    told = [one.alert.level for one in room.notifier.of(RaiseAlert)]

    room.tell(BooksWitnessed(sighting=Sighting(read=frozenset(BookKind))))

    assert told == [Level.CRITICAL]
    assert room.notifier.of(RaiseAlert)[-1].alert.ends
    assert room.readiness.blockers == ()


def test_silence_about_the_books_is_blindness_too() -> None:
    # A watcher that hangs says nothing of the books that it does not read.
    room = CommandRoom(silence_s_max=6.0)
    room.wait(6.1)

    entry, leaving = room.submit(command()), room.submit(way_out())
    room.tell(OrderLookedUp(command_id="c1", order=None))

    assert declined(entry).reason is Reason.DESK_NOT_READY
    assert room.readiness.blockers == (
        Blocker(BlockerKind.BOOKS_SILENT, "no order book has been compared with ours for 6 s"),
    )
    assert leaving.messages == []
    assert "books can't be read" in room.notifier.of(RaiseAlert)[-1].alert.what


def test_a_book_that_was_read_long_ago_shows_nothing_of_now() -> None:
    # The watcher hung with the book in its hands.
    room = CommandRoom(silence_s_max=6.0)
    asked_at = room.clock.now()
    room.wait(7)

    room.tell(BooksReconciled(reports=(), asked_at=asked_at))
    old = room.readiness.blockers
    room.tell(BooksReconciled(reports=(), asked_at=room.clock.now()))

    assert [one.detail for one in old] == ["no order book has been compared with ours for 7 s"]
    assert room.readiness.blockers == ()


def test_a_desk_that_takes_nothing_new_still_answers_repeats(room: CommandRoom) -> None:
    room.tell(StopTaking())
    known = order(state=State.WORKING, broker_order_id="B1")
    caller = room.submit(command())

    room.tell(looked_up(known))

    assert caller.only(OrderAnswered) == OrderAnswered(order=known, repeated=True)


@pytest.mark.parametrize("asked", [command(), way_out()], ids=["entry", "exit"])
def test_a_stopping_desk_takes_nothing(room: CommandRoom, asked: OrderCommand) -> None:
    room.tell(StopTaking())

    caller = room.submit(asked)
    room.tell(OrderLookedUp(command_id=asked.command_id, order=None))

    assert declined(caller).reason is Reason.DESK_STOPPING
    assert [one.kind for one in room.readiness.blockers] == [BlockerKind.STOPPING]


def test_an_order_the_database_does_not_take_is_declined_and_not_sent(room: CommandRoom) -> None:
    # D2, step 1.
    caller = room.submit(command())
    room.price()

    room.tell(RegistrationFailed(command_id="c1", cause="disk full"))

    assert declined(caller) == OrderDeclined(command_id="c1", reason=Reason.DATABASE_UNAVAILABLE, message="disk full")
    assert room.risk.messages == room.broker.messages == []
    assert room.readiness.in_flight == ()


def test_the_price_of_an_order_that_is_over_moves_nothing(room: CommandRoom) -> None:
    room.submit(command())
    room.tell(RegistrationFailed(command_id="c1", cause="disk full"))

    room.tell(OrderPriced(command_id="c1", instrument=instrument(), last_price=None))

    assert room.risk.messages == []


def test_orders_beyond_the_bound_are_declined_and_the_earlier_ones_go_on() -> None:
    room = CommandRoom(orders_waiting_max=70)

    callers = [room.submit(command(command_id=f"c{number}")) for number in range(75)]
    for message in room.repo.of(LookUpOrder):
        room.tell(OrderLookedUp(command_id=message.command_id, order=None))
    for _ in range(80):
        for step in (room.register, room.price, room.clear, room.reserve, room.record):
            step()
        for message in room.repo.of(LookUpOrder):
            if message.command_id in room.readiness.in_flight:
                room.tell(OrderLookedUp(command_id=message.command_id, order=None))
        room.place()

    outcomes = [type(one.messages[0]) for one in callers]
    assert outcomes == [OrderAnswered] * 70 + [OrderDeclined] * 5
    assert {one.messages[0].reason for one in callers[70:]} == {Reason.DESK_BUSY}


def test_an_order_that_has_left_gives_its_place_to_the_next_before_its_reply() -> None:
    room = CommandRoom()
    for number in range(ON_THE_WAY_MAX + 1):
        room.submit(command(command_id=f"c{number}"))
    for step in (room.register, room.price, room.clear, room.reserve):
        step()
    assert room.repo.of(RegisterOrder) == []

    room.record()

    assert room.repo.only(RegisterOrder).command.command_id == f"c{ON_THE_WAY_MAX}"


def test_an_exit_that_leaves_past_the_database_gives_its_place_too() -> None:
    room = CommandRoom()
    for number in range(ON_THE_WAY_MAX):
        room.submit(command(command_id=f"x{number}", intent=Intent.EXIT, side=Side.SELL))
    room.submit(command(command_id="c1"))
    for step in (room.register, room.price, room.clear, room.reserve):
        step()
    assert room.repo.of(LookUpOrder) == []

    room.fail_to_record()

    assert room.repo.only(LookUpOrder).command_id == "c1", "an entry is looked up only while nothing can be written"


def test_an_exit_passes_a_flood_of_entries(room: CommandRoom) -> None:
    for number in range(ON_THE_WAY_MAX + 100):
        room.submit(command(command_id=f"c{number}"))

    room.submit(way_out())

    registered = [one.command.command_id for one in room.repo.of(RegisterOrder)]
    assert len(registered) == ON_THE_WAY_MAX + 1
    assert registered[-1] == "x1"


def test_a_flood_reaches_the_broker_whole_and_in_order(room: CommandRoom) -> None:
    callers = [room.submit(command(command_id=f"c{number}")) for number in range(200)]

    placed: list[Order] = []
    for _ in range(10):
        for step in (room.register, room.price, room.clear, room.reserve, room.record):
            step()
        placed += room.place()

    assert [one.command.command_id for one in placed] == [f"c{number}" for number in range(200)]
    assert all(len(one.messages) == 1 for one in callers)
    assert room.readiness.in_flight == ()
