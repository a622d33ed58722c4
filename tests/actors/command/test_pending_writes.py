"""What the database has not taken: it is told to everybody at once, and written in order when that can be."""

from decimal import Decimal

import pytest

from actors.messages.books import BooksReconciled
from actors.messages.desk import JoinStrategy
from actors.messages.orders import OrderChanged, OrderDeclined
from actors.messages.persistence import EventUnrecorded, RecordEvent
from domain.broker.reply_types import Accepted
from domain.orders.lifecycle import Event, State
from domain.orders.order import OrderEvent
from domain.orders.types import Intent, Side
from domain.reconciliation.order_rows import Report
from tests.actors.rooms import CommandRoom
from tests.fakes import Probe, cancel, command


@pytest.fixture
def room() -> CommandRoom:
    return CommandRoom()


def test_a_fill_is_told_at_once_and_once_while_nothing_can_be_written(room: CommandRoom) -> None:
    listener = Probe()
    room.tell(JoinStrategy(strategy="trend", address=listener))
    known = room.has(command_id="c1", quantity=10)
    fill = OrderEvent(kind=Event.FILLED, broker_order_id="B1", filled_quantity=10, average_price=Decimal(100))

    room.tell(BooksReconciled(reports=(Report("c1", fill),), asked_at=room.clock.now(), whole=False))
    (asked,) = room.repo.of(RecordEvent)
    room.tell(EventUnrecorded(command_id="c1", event=fill, at=asked.at, cause="locked", order=known))
    told = room.guard.of(OrderChanged)
    room.repo.messages.clear()
    room.wait(1)
    again = room.repo.only(RecordEvent)
    room.record()

    assert [one.order.state for one in told] == [State.FILLED]
    assert again.event == fill
    assert [one.order.state for one in listener.of(OrderChanged)] == [State.FILLED]
    assert [one.order.filled_quantity for one in room.guard.of(OrderChanged)] == [10, 10]


def test_what_an_order_has_filled_again_is_written_in_its_place(room: CommandRoom) -> None:
    events = [
        OrderEvent(kind=Event.PARTIALLY_FILLED, filled_quantity=units, average_price=Decimal(100)) for units in (2, 4)
    ]
    for name, event in (("c1", events[0]), ("c2", events[0]), ("c1", events[1])):
        room.has(command_id=name, quantity=10)
        known = room.orders[name]
        room.tell(EventUnrecorded(command_id=name, event=event, at=room.clock.now(), cause="locked", order=known))
    room.repo.messages.clear()

    room.wait(1)

    again = [(one.command_id, one.event.filled_quantity) for one in room.repo.of(RecordEvent)]
    assert again == [("c1", 2), ("c2", 2), ("c1", 4)]


def test_nobody_is_told_an_older_state_than_he_knows_while_the_database_catches_up(room: CommandRoom) -> None:
    known = room.has(command_id="c1", quantity=10, state=State.SENDING, broker_order_id=None)
    events = (
        OrderEvent(kind=Event.ACCEPTED, broker_order_id="B1"),
        OrderEvent(kind=Event.FILLED, broker_order_id="B1", filled_quantity=10, average_price=Decimal(100)),
    )
    for event in events:
        unwritten = EventUnrecorded(command_id="c1", event=event, at=room.clock.now(), cause="locked", order=known)
        room.tell(unwritten)
    room.guard.messages.clear()
    room.wait(1)

    room.record()

    assert [one.order.filled_quantity for one in room.guard.of(OrderChanged)] == [10, 10]
    assert room.orders["c1"].state is State.FILLED


def test_an_exit_that_left_past_the_database_can_be_canceled_meanwhile(room: CommandRoom) -> None:
    sold = command(command_id="c1", intent=Intent.EXIT, side=Side.SELL)
    room.submit(sold)
    room.register()
    room.price()
    room.clear()
    room.reserve()
    room.fail_to_record()
    room.place(Accepted("B1"))
    room.fail_to_record()

    caller = room.change(cancel())
    room.look_up()
    room.fail_to_record()
    asked = room.answer_change()

    assert [one.order.broker_order_id for one in asked] == ["B1"]
    assert caller.of(OrderDeclined) == []


def test_what_an_exit_goes_on_with_waits_for_no_lock(room: CommandRoom) -> None:
    sold = command(command_id="x1", intent=Intent.EXIT, side=Side.SELL)
    for asked in (sold, command(command_id="c2", symbol="INFY-EQ")):
        room.submit(asked)
        room.register()
        room.price()
        room.clear()
        room.reserve()

    urgent = {one.command_id: one.is_urgent for one in room.repo.of(RecordEvent)}

    assert urgent == {"x1": True, "c2": False}
