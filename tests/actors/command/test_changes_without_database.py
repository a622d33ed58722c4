"""Cancels and modifies that the database does not take: which go on all the same, and what is written later."""

from decimal import Decimal

import pytest

from actors.command.records import RETRY_UNRECORDED_S
from actors.messages.broker import ChangeAtBroker
from actors.messages.orders import OrderAnswered
from actors.messages.persistence import LookUp, OrderLookedUp
from domain.broker.reply_types import Accepted, ChangeReply, Refused, Unknown
from domain.orders.change import ChangeKind, ChangeStage
from domain.orders.change_command import ChangeCommand
from domain.orders.lifecycle import Event, State
from domain.orders.reasons import Reason
from domain.orders.types import Intent, Side
from tests.actors.command.changes import LOST, NO, fill, sent
from tests.actors.rooms import CommandRoom, answered, declined, recorded
from tests.fakes import Probe, cancel, change, modify


@pytest.fixture
def room() -> CommandRoom:
    made = CommandRoom()
    made.has()
    return made


def test_a_change_that_cannot_be_looked_up_is_declined(room: CommandRoom) -> None:
    caller = room.change(cancel())

    room.tell(
        OrderLookedUp(command_id="c1", order=None, about=LookUp.CHANGE, change_id="k1", cause="database is locked")
    )

    assert declined(caller).reason is Reason.DATABASE_UNAVAILABLE
    assert (room.broker.messages, room.readiness.in_flight) == ([], ())


def unrecorded(room: CommandRoom, asked: ChangeCommand) -> Probe:
    """Lead a change to step 3, which the database does not take."""
    caller = room.change(asked)
    room.look_up()
    for step in (room.price, room.clear, room.reserve_change):
        step()
    room.fail_to_record()
    return caller


def test_a_cancel_goes_on_without_the_database_and_is_recorded_later(room: CommandRoom) -> None:
    caller = unrecorded(room, cancel())
    assert sent(room) == ["k1"]

    room.answer_change()
    room.wait(RETRY_UNRECORDED_S)
    room.record()

    assert answered(caller).state is State.WORKING
    assert room.orders["c1"].change == change(change_id="k1", kind=ChangeKind.CANCEL)
    assert room.broker.messages == []


def test_a_modify_does_not_go_on_without_the_database(room: CommandRoom) -> None:
    caller = unrecorded(room, modify())

    assert declined(caller).reason is Reason.DATABASE_UNAVAILABLE
    assert room.broker.messages == []


def test_an_exit_is_given_another_price_without_the_database(room: CommandRoom) -> None:
    room.has(intent=Intent.EXIT, side=Side.SELL)
    caller = unrecorded(room, modify(price=Decimal(99)))
    assert sent(room) == ["m1"]

    room.answer_change()
    room.wait(RETRY_UNRECORDED_S)
    room.record()

    assert answered(caller).state is State.WORKING
    now = room.orders["c1"].change
    assert now is not None
    assert (now.stage, now.limit_price) == (ChangeStage.ACCEPTED, Decimal(99))
    assert room.broker.messages == []


def test_an_exit_does_not_grow_without_the_database(room: CommandRoom) -> None:
    room.has(intent=Intent.EXIT, side=Side.SELL)

    caller = unrecorded(room, modify(quantity=20))

    assert declined(caller).reason is Reason.DATABASE_UNAVAILABLE
    assert room.broker.messages == []


def test_a_modify_that_was_declined_for_the_database_is_not_written_later_as_asked(room: CommandRoom) -> None:
    # Nothing was sent: an order with a change that nobody asked the broker for could not be changed again.
    unrecorded(room, modify())

    room.wait(RETRY_UNRECORDED_S)
    room.record()

    assert room.orders["c1"].change is None
    assert room.readiness.blockers == ()


@pytest.mark.parametrize("reply", [Accepted("B1"), LOST, NO], ids=lambda one: type(one).__name__)
def test_a_reply_that_cannot_be_written_is_answered_and_written_later(room: CommandRoom, reply: ChangeReply) -> None:
    caller = room.ask_broker_to(modify())

    room.answer_change(reply)
    room.fail_to_record()
    heard = answered(caller)
    room.wait(RETRY_UNRECORDED_S)
    room.record()

    assert heard.state is State.WORKING
    now = room.orders["c1"].change
    assert (now.stage if now else None) == {
        Accepted: ChangeStage.ACCEPTED,
        Unknown: ChangeStage.REPLY_LOST,
        Refused: None,
    }[type(reply)]


def test_a_cancel_that_is_written_while_the_broker_is_slow_is_not_sent_again(room: CommandRoom) -> None:
    unrecorded(room, cancel())
    first = len(room.broker.of(ChangeAtBroker))

    room.wait(RETRY_UNRECORDED_S)
    room.record()

    assert (first, len(room.broker.of(ChangeAtBroker))) == (1, 1)


def test_a_repeat_of_a_cancel_that_is_not_written_yet_is_not_sent_again(room: CommandRoom) -> None:
    unrecorded(room, cancel())
    room.answer_change()

    again = room.ask_broker_to(cancel())

    assert again.only(OrderAnswered).repeated
    assert room.broker.messages == []


def test_two_cancels_that_are_not_written_yet_are_both_written_later(room: CommandRoom) -> None:
    unrecorded(room, cancel())
    room.answer_change(LOST)
    room.change(cancel(change_id="k2"))
    room.look_up()
    room.answer_change()

    room.wait(RETRY_UNRECORDED_S)
    room.record()

    assert room.changes_asked == {("c1", "k1"), ("c1", "k2")}


def test_what_waits_for_the_database_is_written_in_order(room: CommandRoom) -> None:
    unrecorded(room, cancel())
    room.answer_change()
    fill(room, 4)
    assert recorded(room) == [], "nothing of the order is written past what waits"

    room.wait(RETRY_UNRECORDED_S)

    assert recorded(room) == [Event.CHANGE_REQUESTED, Event.CHANGE_ACCEPTED, Event.PARTIALLY_FILLED]
