"""An order whose steps the database does not take: it goes on, is told, and is written later."""

from decimal import Decimal

import pytest

from actors.command.records import RETRY_UNRECORDED_S
from actors.messages.books import (
    BooksReconciled,
)
from actors.messages.persistence import (
    OrderLookedUp,
    RecordEvent,
    RegisterOrder,
)
from actors.messages.risk import CheckRefused
from domain.orders.lifecycle import Event, State
from domain.orders.order import OrderEvent
from domain.orders.reasons import Reason
from domain.reconciliation.order_rows import Report
from tests.actors.rooms import CommandRoom, answered, declined, way_out
from tests.fakes import command


@pytest.fixture
def room() -> CommandRoom:
    return CommandRoom()


def test_an_order_goes_on_when_step_3_cannot_be_written(room: CommandRoom) -> None:
    # The guide's error recovery: the broker is the source of truth, and the tag finds the order.
    caller = room.submit(command())
    for step in (room.register, room.price, room.clear, room.reserve):
        step()

    room.fail_to_record()
    placed = room.place()
    room.wait(RETRY_UNRECORDED_S)
    room.record()

    assert len(placed) == 1
    assert placed[0].limit_price == Decimal(100)
    assert answered(caller).state is State.WORKING
    assert room.orders["c1"].state is State.WORKING


def test_what_the_database_did_not_take_is_noted_later(room: CommandRoom) -> None:
    room.submit(way_out(quantity=100))
    for step in (room.register, room.price, room.clear):
        step()
    room.reserve(quantity=45)
    room.fail_to_record()
    room.place()
    assert room.repo.of(RecordEvent) == [], "nothing of the order is written past what waits"

    room.wait(RETRY_UNRECORDED_S)
    written = [(one.event.kind, one.event.tag) for one in room.repo.of(RecordEvent)]
    room.record()

    kept = room.orders["x1"]
    assert (kept.state, kept.quantity, kept.limit_price) == (State.WORKING, 45, Decimal(100))
    assert written == [(Event.NOTED, Reason.STEP_3_UNRECORDED), (Event.ACCEPTED, None)]
    assert room.readiness.blockers == ()


def test_entries_pause_while_events_wait_for_the_database(room: CommandRoom) -> None:
    room.submit(command())
    for step in (room.register, room.price, room.clear, room.reserve):
        step()
    room.fail_to_record()

    entry = room.submit(command(command_id="c2"))
    room.tell(OrderLookedUp(command_id="c2", order=None))
    room.submit(way_out())

    assert declined(entry).reason is Reason.DATABASE_UNAVAILABLE
    assert [one.command.command_id for one in room.repo.of(RegisterOrder)] == ["x1"]


def test_an_unwritten_reply_is_tried_again_until_it_is_written(room: CommandRoom) -> None:
    room.go_to_the_broker(command())
    room.place()

    for _ in range(3):
        room.fail_to_record()
        room.wait(RETRY_UNRECORDED_S)
    room.record()

    assert (room.orders["c1"].state, room.orders["c1"].broker_order_id) == (State.WORKING, "B-c1")
    assert len(room.timer.waiting) == 0


def test_reports_that_cannot_be_written_do_not_pile_up(room: CommandRoom) -> None:
    # The watcher reports the same news at every poll until it is written.
    room.go_to_the_broker(command())
    room.place()
    room.record()
    filled = Report("c1", OrderEvent(kind=Event.FILLED, filled_quantity=10))

    for _ in range(20):
        room.tell(BooksReconciled(reports=(filled,), asked_at=room.clock.now()))
        room.fail_to_record()
        room.wait(RETRY_UNRECORDED_S)

    assert len(room.repo.of(RecordEvent)) <= 2


def test_a_block_that_cannot_be_written_is_still_answered_and_not_sent(room: CommandRoom) -> None:
    caller = room.submit(command())
    room.register()
    room.price()
    room.tell(CheckRefused(command_id="c1", reason=Reason.TRADING_HALTED, inputs={}))

    room.fail_to_record()

    assert answered(caller).state is State.BLOCKED
    assert room.broker.messages == []
