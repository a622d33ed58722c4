"""CommandActor: the six steps of an order, each way in which one ends, and repeats."""

from decimal import Decimal

import pytest

from actors.messages.alerts import RaiseAlert
from actors.messages.books import (
    BooksReconciled,
    ChangedOrders,
    FetchChangedOrders,
)
from actors.messages.broker import BrokerAnswered, PlaceOrder
from actors.messages.guard import ReserveExposure
from actors.messages.market import PriceOrder
from actors.messages.orders import OrderAnswered, SubmitOrder
from actors.messages.persistence import (
    LookUpOrder,
    RecordEvent,
    RegisterOrder,
    RegistrationFailed,
)
from actors.messages.risk import CheckRefused, CheckRisk
from domain.alerts.alert import Level
from domain.broker.reply_types import Accepted, Refused, Unavailable, Unknown, UnknownInstrument
from domain.market.calendar import Calendar
from domain.orders.lifecycle import Event, State, Status
from domain.orders.reasons import Reason
from domain.orders.types import Exchange, OrderType, Product
from domain.settings import CalendarSettings
from tests.actors.rooms import CommandRoom, answered, declined, looked_up, recorded, way_out
from tests.fakes import TEN_O_CLOCK, Probe, command, instrument, order

LOST = Unknown("no answer within 7 s")
NO_MARGIN = Refused(Reason.BROKER_REFUSED, "RED:Margin Shortfall")
AWAY = Refused(Reason.BROKER_UNREACHABLE, "connection refused")


@pytest.fixture
def room() -> CommandRoom:
    return CommandRoom()


# The six steps.


def test_the_six_steps_follow_each_other(room: CommandRoom) -> None:
    caller = room.submit(command())
    assert [type(one) for one in room.repo.messages] == [RegisterOrder]
    assert room.risk.messages == room.guard.messages == room.broker.messages == []

    room.register()
    assert room.risk.messages == []
    room.price()
    assert room.risk.only(CheckRisk).price == Decimal(100)
    assert room.guard.messages == room.broker.messages == []

    room.clear()
    assert room.guard.only(ReserveExposure).command == command()
    assert recorded(room) == []

    room.reserve()
    assert recorded(room) == [Event.SENT]
    assert room.broker.messages == []

    room.record()
    assert room.broker.only(PlaceOrder).order.state is State.SENDING
    assert caller.messages == []

    room.place()
    assert recorded(room) == [Event.ACCEPTED]
    assert answered(caller).state is State.WORKING
    assert answered(caller).broker_order_id == "B-c1"


def test_an_order_goes_on_whichever_of_registering_and_pricing_comes_first(room: CommandRoom) -> None:
    room.submit(command())

    room.price()
    before = list(room.risk.messages)
    room.register()

    assert before == []
    assert len(room.risk.of(CheckRisk)) == 1


@pytest.mark.parametrize("steps", [1, 2, 3, 4])
def test_nothing_is_placed_before_the_send_is_recorded(room: CommandRoom, steps: int) -> None:
    room.submit(command())

    for step in (room.register, room.price, room.clear, room.reserve)[:steps]:
        step()

    assert room.broker.messages == []


def test_only_a_market_order_asks_for_a_price(room: CommandRoom) -> None:
    room.submit(command(command_id="limit"))
    room.submit(command(command_id="market", order_type=OrderType.MARKET))

    assert [(one.command_id, one.needs_price) for one in room.market.of(PriceOrder)] == [
        ("limit", False),
        ("market", True),
    ]


def test_a_market_order_leaves_as_a_protected_limit(room: CommandRoom) -> None:
    room.go_to_the_broker(command(order_type=OrderType.MARKET))

    assert room.broker.only(PlaceOrder).order.limit_price == Decimal(101)


def test_the_send_names_what_was_decided_from(room: CommandRoom) -> None:
    room.submit(command())
    for step in (room.register, room.price, room.clear, room.reserve):
        step()

    send = room.repo.only(RecordEvent).event

    assert {"trading_state", "held", "last_price"} <= set(send.inputs)
    assert (send.quantity, send.limit_price) == (10, Decimal(100))


# Step 2: blockers.


def test_an_order_that_risk_blocks_is_recorded_answered_and_not_sent(room: CommandRoom) -> None:
    caller = room.submit(command())
    room.register()
    room.price()

    room.tell(CheckRefused(command_id="c1", reason=Reason.TRADING_EXITS_ONLY, inputs={"trading_state": "EXITS_ONLY"}))
    unanswered = list(caller.messages)
    room.record()

    assert unanswered == []
    assert (answered(caller).state, answered(caller).tag) == (State.BLOCKED, Reason.TRADING_EXITS_ONLY)
    assert room.broker.messages == []


def test_an_order_that_the_guard_refuses_is_recorded_answered_and_not_sent(room: CommandRoom) -> None:
    caller = room.submit(command())
    room.register()
    room.price()
    room.clear()

    room.tell(CheckRefused(command_id="c1", reason=Reason.EXECUTION_GUARD_BLOCKED, inputs={}))
    room.record()

    assert answered(caller).status is Status.FAILED
    assert answered(caller).tag is Reason.EXECUTION_GUARD_BLOCKED
    assert room.broker.messages == []


@pytest.mark.parametrize(
    ("found", "reason"),
    [
        (UnknownInstrument(Exchange.NSE, "RELIANCE-EQ"), Reason.UNKNOWN_INSTRUMENT),
        (Unavailable("the broker is away", TEN_O_CLOCK), Reason.INSTRUMENT_UNAVAILABLE),
        (instrument(lot=3), Reason.QUANTITY_OFF_LOT),
        (instrument(tick=Decimal("0.3")), Reason.PRICE_OFF_TICK),
    ],
)
def test_an_order_the_exchange_would_refuse_is_blocked_before_risk(
    room: CommandRoom, found: object, reason: Reason
) -> None:
    caller = room.submit(command())
    room.register()

    room.price(found)  # type: ignore[arg-type]
    room.record()

    assert answered(caller).tag is reason
    assert not room.risk.of(CheckRisk)
    assert room.guard.of(ReserveExposure) == room.broker.messages == []


def test_an_exit_leaves_with_what_the_guard_allows(room: CommandRoom) -> None:
    caller = room.submit(way_out(quantity=100))
    room.register()
    room.price()
    room.clear()
    room.reserve(quantity=45)
    room.record()

    room.place()

    assert (answered(caller).quantity, answered(caller).command.quantity) == (45, 100)
    assert room.orders["x1"].tag is Reason.EXIT_CLAMPED


def test_an_exit_above_the_freeze_quantity_gives_the_rest_back_to_the_guard(room: CommandRoom) -> None:
    # Else no second exit could close what the first one could not carry.
    room.submit(way_out(quantity=100))
    room.register()
    room.price(instrument(freeze_quantity=61))
    room.clear()
    room.reserve()

    room.record()

    told = [one.order for one in room.guard.messages if hasattr(one, "order")]
    assert [one.quantity for one in told] == [60]
    assert room.broker.only(PlaceOrder).order.quantity == 60


@pytest.mark.parametrize(("only", "alarms"), [(False, 1), (True, 0)])
def test_what_one_exit_can_not_carry_is_told(room: CommandRoom, *, only: bool, alarms: int) -> None:
    # The desk's own exits send the rest themselves.
    room.tell(SubmitOrder(command=way_out(quantity=100), reply_to=Probe(), from_position_only=only))
    room.register()
    room.price(instrument(freeze_quantity=61))
    room.clear()
    room.reserve()

    room.record()

    assert "at most 60 units" in room.orders["x1"].note
    told = [one.alert for one in room.notifier.of(RaiseAlert) if one.alert.level is Level.CRITICAL]
    assert ["40 units" in one.what for one in told] == [True] * alarms


# Steps 4 and 5: the reply.


def test_a_refusal_fails_the_order_with_the_brokers_words(room: CommandRoom) -> None:
    # R6.
    caller = room.go_to_the_broker(command())

    room.place(NO_MARGIN)
    room.record()

    assert (answered(caller).state, answered(caller).status) == (State.REFUSED, Status.FAILED)
    assert (answered(caller).tag, answered(caller).note) == (Reason.BROKER_REFUSED, "RED:Margin Shortfall")
    assert room.orders["c1"].state is State.REFUSED


def test_a_lost_reply_leaves_the_order_unconfirmed_and_nothing_is_sent_again(room: CommandRoom) -> None:
    # R1.
    caller = room.go_to_the_broker(command())

    room.place(LOST)
    room.record()
    room.wait(3_600)

    assert (answered(caller).state, answered(caller).tag) == (State.UNCONFIRMED, Reason.REPLY_LOST)
    assert room.orders["c1"].status is Status.SENT_TO_BROKER
    assert room.broker.of(PlaceOrder) == []


def test_the_reply_is_written_before_the_caller_hears_of_it(room: CommandRoom) -> None:
    caller = room.go_to_the_broker(command())
    caller.messages = room.repo.messages = []

    room.tell(BrokerAnswered(command_id="c1", reply=Accepted("B1")))

    assert [type(one) for one in caller.messages] == [RecordEvent, OrderAnswered]


def test_the_watcher_hears_of_an_acceptance_that_is_on_its_way_to_the_disk(room: CommandRoom) -> None:
    """So it takes no update of the same moment for news."""
    room.go_to_the_broker(command())
    room.tell(FetchChangedOrders())
    room.place()

    room.tell(FetchChangedOrders())

    before, after = (one.orders for one in room.watcher.of(ChangedOrders))
    assert [(one.state, one.broker_order_id) for one in before] == [(State.SENDING, None)]
    assert [(one.state, one.broker_order_id) for one in after] == [(State.WORKING, "B-c1")]


def test_a_caller_that_is_gone_harms_nobody(room: CommandRoom) -> None:
    caller = room.go_to_the_broker(command())
    caller.dead = True

    room.place()
    room.record()

    assert room.orders["c1"].state is State.WORKING


def test_an_unreachable_broker_pauses_entries_until_a_book_is_read(room: CommandRoom) -> None:
    # R8.
    room.go_to_the_broker(command())
    room.place(AWAY)

    room.submit(command(command_id="c2"))
    paused = room.repo.of(LookUpOrder)
    room.tell(BooksReconciled(reports=(), asked_at=room.clock.now()))
    room.submit(command(command_id="c3"))

    assert [one.command_id for one in paused] == ["c2"]
    assert [one.command.command_id for one in room.repo.of(RegisterOrder)] == ["c3"]


# Repeats.


def test_a_repeat_of_an_order_in_flight_hears_the_first_outcome(room: CommandRoom) -> None:
    first = room.go_to_the_broker(command())

    second = room.submit(command())
    placed = room.place()

    assert len(placed) == 1
    assert room.repo.of(RegisterOrder) == []
    assert not first.only(OrderAnswered).repeated
    assert second.only(OrderAnswered).repeated
    assert answered(second) == answered(first)


def test_a_repeat_of_an_order_on_disk_hears_how_it_stands(room: CommandRoom) -> None:
    known = order(state=State.FILLED, filled_quantity=10)
    caller = room.submit(command())

    room.tell(looked_up(known))
    room.price()

    assert caller.only(OrderAnswered) == OrderAnswered(order=known, repeated=True)
    assert room.risk.messages == room.broker.messages == []


def test_a_repeat_in_step_4_is_never_sent_again(room: CommandRoom) -> None:
    room.go_to_the_broker(command())
    room.place(LOST)
    room.record()

    again = room.submit(command())
    for message in room.repo.of(RegisterOrder):
        room.tell(looked_up(room.orders[message.command.command_id]))

    assert answered(again).state is State.UNCONFIRMED
    assert room.broker.of(PlaceOrder) == []


def test_two_prices_for_one_order_lead_it_once(room: CommandRoom) -> None:
    # A first try failed at the database while the broker was slow with the instrument; the caller tried again.
    caller = room.submit(command())
    room.tell(RegistrationFailed(command_id="c1", cause="database is locked"))
    again = room.submit(command())
    room.register()

    room.price()
    room.clear()
    room.reserve()
    room.record()
    placed = room.place()

    assert declined(caller).reason is Reason.DATABASE_UNAVAILABLE
    assert len(placed) == 1
    assert answered(again).state is State.WORKING


# The day and the hour.


@pytest.mark.parametrize(("amo", "day"), [(False, ""), (True, "2026-01-06")])
def test_an_after_market_order_belongs_to_the_next_day_that_trades(*, amo: bool, day: str) -> None:
    room = CommandRoom(calendar=Calendar(CalendarSettings()))

    room.submit(command(product=Product.CNC, amo=amo))

    assert room.repo.only(RegisterOrder).day == day


@pytest.mark.parametrize(("amo", "leaves"), [(False, False), (True, True)])
def test_a_closed_market_takes_after_market_orders_alone(*, amo: bool, leaves: bool) -> None:
    room = CommandRoom(calendar=Calendar(CalendarSettings()))
    room.clock.now_is = room.clock.now_is.replace(hour=16)
    room.tell(BooksReconciled(reports=(), asked_at=room.clock.now()))

    room.submit(command(product=Product.CNC, amo=amo))
    room.register()
    room.price()

    assert bool(room.risk.of(CheckRisk)) is leaves
    assert [one.event.tag for one in room.repo.of(RecordEvent)] == ([] if leaves else [Reason.MARKET_CLOSED])
