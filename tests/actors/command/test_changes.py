"""Cancels and modifies: each step, each way in which one fails, and what is on its way at the same time."""

from collections.abc import Callable
from decimal import Decimal

import pytest

from actors.messages.broker import ChangeAtBroker
from actors.messages.guard import ReserveExposure
from actors.messages.market import PriceOrder
from actors.messages.orders import OrderAnswered, OrderChanged, OrderDeclined
from actors.messages.persistence import EventRecorded, LookUpOrder, RecordEvent
from actors.messages.risk import CheckRefused, CheckRisk
from domain.broker.reply_types import Accepted, ChangeReply, Unavailable
from domain.orders.change import Change, ChangeKind, ChangeStage
from domain.orders.change_command import ChangeCommand
from domain.orders.lifecycle import Event, State
from domain.orders.order import OrderEvent
from domain.orders.reasons import Reason
from domain.orders.types import Intent, OrderType, Side
from tests.actors.command.changes import LOST, NO, fill, sent
from tests.actors.rooms import CommandRoom, answered, declined, recorded
from tests.fakes import TEN_O_CLOCK, cancel, change, instrument, modify, snapshot_loaded


@pytest.fixture
def room() -> CommandRoom:
    made = CommandRoom()
    made.has()
    return made


# The six steps.


def test_a_cancel_is_looked_up_recorded_sent_and_answered(room: CommandRoom) -> None:
    caller = room.change(cancel(reason="too slow"))
    assert [type(one) for one in room.repo.messages] == [LookUpOrder]

    room.look_up()
    asked = room.repo.only(RecordEvent).event
    assert (asked.kind, asked.inputs["change_id"], asked.inputs["reason"]) == (Event.CHANGE_REQUESTED, "k1", "too slow")
    assert room.market.messages == room.risk.messages == room.broker.messages == []

    room.record()
    assert sent(room) == ["k1"]
    assert caller.messages == []

    room.answer_change()
    room.record()
    assert (answered(caller).state, answered(caller).change) == (State.WORKING, room.orders["c1"].change)
    assert room.orders["c1"].change == change(change_id="k1", kind=ChangeKind.CANCEL)


def test_a_modify_is_held_against_instrument_risk_and_guard_before_it_is_recorded(room: CommandRoom) -> None:
    caller = room.change(modify(quantity=15, price=Decimal(99)))
    room.look_up()
    assert (room.market.only(PriceOrder).needs_price, recorded(room)) == (False, [])

    room.price()
    checked = room.risk.only(CheckRisk)
    assert (checked.command.quantity, checked.price, recorded(room)) == (15, Decimal(99), [])

    room.clear()
    assert (room.guard.only(ReserveExposure).command.quantity, recorded(room)) == (15, [])

    room.reserve_change()
    assert recorded(room) == [Event.CHANGE_REQUESTED]
    assert room.broker.messages == []

    room.record()
    room.answer_change()
    room.record()
    taken = change(quantity=15, limit_price=Decimal(99))
    assert (room.orders["c1"].change, answered(caller).change) == (taken, taken)
    assert room.orders["c1"].quantity == 10, "only a book or an update says that the terms hold"


def test_what_the_guard_cuts_is_what_is_asked(room: CommandRoom) -> None:
    room.change(modify(quantity=20))
    room.look_up()
    room.price()
    room.clear()
    room.reserve_change(quantity=13)
    room.record()

    (asked,) = room.broker.of(ChangeAtBroker)

    assert asked.change.quantity == 13


@pytest.mark.parametrize(
    ("reply", "stage", "tag", "note"),
    [
        (Accepted("B1"), ChangeStage.ACCEPTED, None, ""),
        (LOST, ChangeStage.REPLY_LOST, Reason.CHANGE_REPLY_LOST, "no answer within 7 s"),
        (NO, None, Reason.CHANGE_REFUSED, "Order is not open to cancel"),
    ],
)
@pytest.mark.parametrize("asked", [cancel(), modify()], ids=lambda one: one.kind)
def test_a_reply_says_how_far_the_change_is_and_moves_no_order(
    room: CommandRoom,
    asked: ChangeCommand,
    reply: ChangeReply,
    stage: ChangeStage | None,
    tag: Reason | None,
    note: str,
) -> None:
    caller = room.ask_broker_to(asked)

    room.answer_change(reply)
    room.record()

    now = answered(caller)
    assert (now.state, now.tag, now.note) == (State.WORKING, tag, note)
    assert (now.change.stage if now.change else None) == stage
    assert room.readiness.in_flight == ()


def test_a_lost_reply_is_followed_by_no_second_asking(room: CommandRoom) -> None:
    room.ask_broker_to(modify())

    room.answer_change(LOST)
    room.record()
    room.wait(3_600)

    assert room.broker.messages == []


# Declined.


@pytest.mark.parametrize("asked", [cancel(), modify()], ids=lambda one: one.kind)
@pytest.mark.parametrize("state", sorted(set(State) - {State.WORKING, State.PARTIALLY_FILLED}), ids=str)
def test_only_what_the_broker_works_on_can_be_changed(state: State, asked: ChangeCommand) -> None:
    room = CommandRoom()
    room.has(state=state)

    caller = room.ask_broker_to(asked)

    assert declined(caller).reason is Reason.NOT_CHANGEABLE
    assert room.broker.messages == []


def test_an_order_without_a_number_at_the_broker_cannot_be_changed(room: CommandRoom) -> None:
    room.has(broker_order_id=None)

    assert declined(room.ask_broker_to(cancel())).reason is Reason.NOT_CHANGEABLE


def test_an_order_that_nobody_knows_is_said_to_be_unknown(room: CommandRoom) -> None:
    caller = room.ask_broker_to(cancel(command_id="nobody"))

    assert declined(caller).reason is Reason.UNKNOWN_ORDER
    assert room.readiness.in_flight == ()


@pytest.mark.parametrize(
    ("fields", "asked", "message"),
    [
        ({"filled_quantity": 4, "state": State.PARTIALLY_FILLED}, modify(quantity=4), "must be above the 4"),
        ({}, modify(trigger_price=Decimal(90)), "a LIMIT order has no trigger_price to modify"),
        (
            {"order_type": OrderType.SL_M, "trigger_price": Decimal(90), "wire_trigger_price": Decimal(90)},
            modify(price=Decimal(91)),
            "an SL-M order takes no price",
        ),
        (
            {
                "order_type": OrderType.SL,
                "price": Decimal(101),
                "trigger_price": Decimal(100),
                "wire_trigger_price": Decimal(100),
            },
            modify(price=Decimal(99)),
            "must be at or above its trigger_price",
        ),
        (
            {"order_type": OrderType.MARKET, "limit_price": Decimal(101)},
            modify(trigger_price=Decimal(5)),
            "a MARKET order has no trigger_price",
        ),
    ],
)
def test_terms_that_cannot_be_are_declined_in_a_sentence(
    room: CommandRoom, fields: dict[str, object], asked: ChangeCommand, message: str
) -> None:
    room.has(**fields)

    caller = room.ask_broker_to(asked)

    assert declined(caller).reason is Reason.NOT_CHANGEABLE
    assert message in declined(caller).message
    assert room.market.messages == room.broker.messages == []


@pytest.mark.parametrize(
    ("asked", "reason"),
    [
        (modify(price=Decimal("99.99")), Reason.PRICE_OFF_TICK),
        (modify(quantity=60), Reason.FREEZE_QUANTITY_EXCEEDED),
        (modify(price=Decimal(130)), Reason.PRICE_OUTSIDE_CIRCUIT),
    ],
)
def test_terms_that_the_exchange_would_refuse_are_declined_before_risk(
    room: CommandRoom, asked: ChangeCommand, reason: Reason
) -> None:
    caller = room.change(asked)
    room.look_up()

    room.price(instrument(freeze_quantity=50, upper_circuit=Decimal(120), lower_circuit=Decimal(80)))

    assert declined(caller).reason is reason
    assert room.risk.messages == room.broker.messages == []


def test_an_exit_is_repriced_even_when_the_instrument_cannot_be_looked_up(room: CommandRoom) -> None:
    room.has(intent=Intent.EXIT, side=Side.SELL)
    room.change(modify(price=Decimal(99)))
    room.look_up()

    room.price(Unavailable("the broker is away", TEN_O_CLOCK))

    assert room.risk.only(CheckRisk).price == Decimal(99)


def test_an_order_that_went_out_as_a_protected_market_order_is_changed_as_the_limit_it_is(room: CommandRoom) -> None:
    room.has(order_type=OrderType.MARKET, limit_price=Decimal(101))

    room.ask_broker_to(modify(price=Decimal(102)))

    (asked,) = room.broker.of(ChangeAtBroker)
    assert (asked.change.quantity, asked.change.limit_price) == (10, Decimal(102))


@pytest.mark.parametrize("who", ["risk", "guard"])
def test_what_risk_or_guard_block_is_not_sent(room: CommandRoom, who: str) -> None:
    caller = room.change(modify())
    room.look_up()
    room.price()
    if who == "guard":
        room.clear()

    room.tell(CheckRefused(command_id="c1", change_id="m1", reason=Reason.TRADING_EXITS_ONLY, inputs={}))

    assert declined(caller).reason is Reason.TRADING_EXITS_ONLY
    assert recorded(room) == []
    assert room.broker.messages == []


def test_terms_that_the_order_has_already_are_not_sent_and_give_the_reserve_back(room: CommandRoom) -> None:
    room.has(intent=Intent.EXIT, side=Side.SELL)
    caller = room.change(modify(quantity=20))
    room.look_up()
    room.price()
    room.clear()

    room.reserve_change(quantity=10)

    assert declined(caller).reason is Reason.NOT_CHANGEABLE
    assert room.guard.only(OrderChanged).order.open_quantity == 10
    assert room.broker.messages == []


# At most once.


def test_a_change_id_on_its_way_is_sent_once_and_both_callers_hear(room: CommandRoom) -> None:
    first = room.change(cancel())
    second = room.change(cancel())
    room.look_up()
    room.record()

    asked = room.answer_change()
    room.record()

    assert len(asked) == 1
    assert answered(first) == answered(second)


def test_a_change_id_that_is_settled_is_answered_by_the_order_as_it_stands(room: CommandRoom) -> None:
    room.ask_broker_to(cancel())
    room.answer_change(NO)
    room.record()

    again = room.ask_broker_to(cancel())

    asked = OrderAnswered(order=room.orders["c1"], repeated=True, outcome=Event.CHANGE_REQUESTED)
    assert again.only(OrderAnswered) == asked
    assert room.broker.messages == []


def test_the_same_change_id_for_another_order_never_hears_of_the_first(room: CommandRoom) -> None:
    room.has(command_id="c2", broker_order_id="B2")
    first = room.change(cancel())

    second = room.change(cancel(command_id="c2"))
    room.look_up()
    room.record()
    room.answer_change()
    room.record()

    assert answered(first).command.command_id == "c1"
    assert declined(second).reason is Reason.CHANGE_IN_FLIGHT
    assert declined(second).command_id == "c2"


# In flight.


@pytest.mark.parametrize(
    ("pending", "asked", "goes"),
    [
        (change(), modify(change_id="m2", quantity=30), False),
        (change(stage=ChangeStage.REPLY_LOST), modify(change_id="m2", quantity=30), False),
        (change(kind=ChangeKind.CANCEL), modify(change_id="m2", quantity=30), False),
        (change(), cancel(), True),
        (change(stage=ChangeStage.REQUESTED), cancel(), True),
        (change(kind=ChangeKind.CANCEL), cancel(), True),
        (change(kind=ChangeKind.CANCEL, stage=ChangeStage.REPLY_LOST), cancel(), True),
        (change(kind=ChangeKind.CANCEL, stage=ChangeStage.REQUESTED), cancel(), False),
    ],
)
def test_a_modify_waits_for_what_is_not_settled_and_a_cancel_for_a_cancel_on_the_wire_alone(
    room: CommandRoom, pending: Change, asked: ChangeCommand, *, goes: bool
) -> None:
    room.has(change=pending)

    caller = room.ask_broker_to(asked)

    assert bool(sent(room)) == goes
    assert [one.reason for one in caller.of(OrderDeclined)] == ([] if goes else [Reason.CHANGE_IN_FLIGHT])


@pytest.mark.parametrize("one", [cancel, modify])
def test_two_of_a_kind_that_come_together_are_sent_once(room: CommandRoom, one: Callable[..., ChangeCommand]) -> None:
    first, second = room.change(one(change_id="a")), room.change(one(change_id="b"))

    room.look_up()
    for step in (room.price, room.clear, room.reserve_change, room.record):
        step()
    room.answer_change()
    room.record()

    assert answered(first).change is not None
    assert declined(second).reason is Reason.CHANGE_IN_FLIGHT


def test_a_modify_that_comes_with_a_cancel_stays_behind(room: CommandRoom) -> None:
    # Both were looked up before either was recorded.
    leaving, growing = room.change(cancel()), room.change(modify())

    room.look_up()
    for step in (room.price, room.clear, room.reserve_change, room.record):
        step()

    assert sent(room) == ["k1"]
    assert leaving.messages == []
    assert declined(growing).reason is Reason.CHANGE_IN_FLIGHT


def test_a_cancel_overtakes_a_modify_that_is_not_asked_yet(room: CommandRoom) -> None:
    growing = room.change(modify())
    room.look_up()
    room.price()

    room.ask_broker_to(cancel())
    room.clear()
    room.reserve_change()
    room.record()

    assert sent(room) == ["k1"]
    assert declined(growing).reason is Reason.CHANGE_IN_FLIGHT
    assert room.orders["c1"].change == change(change_id="k1", kind=ChangeKind.CANCEL, stage=ChangeStage.REQUESTED)
    assert room.guard.of(OrderChanged)[-1].order.open_quantity == 10


# The order moves on the way.


def test_an_order_that_ends_on_the_way_is_not_changed_and_the_guard_hears_how_it_ended(room: CommandRoom) -> None:
    caller = room.change(modify())
    room.look_up()
    room.price()
    room.clear()

    fill(room, 10)
    room.reserve_change()
    room.record()

    assert declined(caller).reason is Reason.NOT_CHANGEABLE
    assert room.broker.messages == []
    last = room.guard.of(OrderChanged)[-1].order
    assert (last.state, last.filled_quantity, last.open_quantity) == (State.FILLED, 10, 0)


def test_a_fill_on_the_way_is_not_taken_back_from_the_guard(room: CommandRoom) -> None:
    caller = room.change(modify())
    room.look_up()
    room.price()

    fill(room, 4)
    room.tell(CheckRefused(command_id="c1", change_id="m1", reason=Reason.TRADING_EXITS_ONLY, inputs={}))

    assert declined(caller).reason is Reason.TRADING_EXITS_ONLY
    assert [one.order.filled_quantity for one in room.guard.of(OrderChanged)] == [4, 4]


def test_a_cancel_of_an_order_that_has_just_filled_is_answered_by_the_fill(room: CommandRoom) -> None:
    # B10.
    caller = room.ask_broker_to(cancel())

    fill(room, 10)
    room.answer_change(NO)
    room.record()

    assert (answered(caller).state, answered(caller).change) == (State.FILLED, None)


# A restart.


@pytest.mark.parametrize(
    ("stage", "after"),
    [
        (ChangeStage.REQUESTED, ChangeStage.REPLY_LOST),
        (ChangeStage.ACCEPTED, ChangeStage.ACCEPTED),
        (ChangeStage.REPLY_LOST, ChangeStage.REPLY_LOST),
    ],
)
def test_a_change_found_on_its_way_after_a_restart_may_have_arrived_and_is_never_sent(
    room: CommandRoom, stage: ChangeStage, after: ChangeStage
) -> None:
    left = room.has(change=change(stage=stage))

    room.tell(snapshot_loaded(orders=(left,)))
    room.record()

    assert room.orders["c1"].change == change(stage=after)
    assert room.broker.messages == []


def test_the_word_of_a_change_that_nobody_waits_for_harms_nobody(room: CommandRoom) -> None:
    lapsed = OrderEvent(kind=Event.CHANGE_LAPSED, tag=Reason.CHANGE_NOT_SEEN, change=change())

    room.tell(EventRecorded(order=room.orders["c1"], event=lapsed, late=False))

    assert room.broker.messages == []


def test_a_repeat_that_is_looked_up_while_the_exchange_rejects_the_first_is_answered_once(room: CommandRoom) -> None:
    """The rejection is about the first asking, which was answered: the repeat hears what the journal says."""
    first = room.ask_broker_to(cancel())
    asked = room.orders["c1"].change
    room.answer_change()
    room.record()
    assert first.only(OrderAnswered).repeated is False
    again = room.change(cancel())

    event = OrderEvent(kind=Event.CHANGE_REJECTED, tag=Reason.CHANGE_REJECTED, change=asked)
    room.orders["c1"] = room.orders["c1"].after(event, room.clock.now())
    room.tell(EventRecorded(order=room.orders["c1"], event=event, late=False))
    assert again.messages == []
    room.look_up()

    assert again.only(OrderAnswered).repeated
    assert room.actor._changes.names() == ()
