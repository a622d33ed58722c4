from decimal import Decimal

import pytest

from actors.command.pending import ON_THE_WAY_MAX
from actors.command.records import RETRY_UNRECORDED_S
from actors.messages.alerts import RaiseAlert
from actors.messages.books import (
    BooksReconciled,
    BooksUnavailable,
    BooksWitnessed,
    ChangedOrders,
    FetchChangedOrders,
    FillsSeen,
)
from actors.messages.broker import BrokerAnswered, PlaceOrder, SessionChanged
from actors.messages.desk import JoinStrategy, ResumeOrders, StopTaking
from actors.messages.guard import ReserveExposure
from actors.messages.market import OrderPriced, PriceOrder
from actors.messages.orders import OrderAnswered, OrderChanged, OrderDeclined, SubmitOrder
from actors.messages.persistence import (
    EventRecorded,
    LookUpOrder,
    OrderNotFound,
    OrderRepeated,
    RecordEvent,
    RecordFills,
    RegisterOrder,
    RegistrationFailed,
)
from actors.messages.risk import CheckRefused, CheckRisk
from domain.alerts.alert import Level
from domain.blocker import Blocker, BlockerKind
from domain.broker.book_outages import BookKind, Sighting
from domain.broker.reply_types import Accepted, Refused, Unavailable, Unknown, UnknownInstrument
from domain.broker.session import SessionState
from domain.market.calendar import Calendar
from domain.orders.command import OrderCommand
from domain.orders.lifecycle import Event, State, Status
from domain.orders.order import Order, OrderEvent
from domain.orders.reasons import Reason
from domain.orders.types import Exchange, Intent, OrderType, Product, Side
from domain.reconciliation.order_rows import Report
from domain.settings import CalendarSettings
from tests.actors.rooms import CommandRoom, answered, declined
from tests.fakes import TEN_O_CLOCK, Probe, command, instrument, order, trade_of

LOST = Unknown("no answer within 7 s")
NO_MARGIN = Refused(Reason.BROKER_REFUSED, "RED:Margin Shortfall")
AWAY = Refused(Reason.BROKER_UNREACHABLE, "connection refused")


@pytest.fixture
def room() -> CommandRoom:
    return CommandRoom()


def way_out(**overrides: object) -> OrderCommand:
    return command(**({"command_id": "x1", "intent": Intent.EXIT, "side": Side.SELL} | overrides))


def recorded(room: CommandRoom) -> list[Event]:
    return [one.event.kind for one in room.repo.of(RecordEvent)]


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

    room.tell(OrderRepeated(order=known))
    room.price()

    assert caller.only(OrderAnswered) == OrderAnswered(order=known, repeated=True)
    assert room.risk.messages == room.broker.messages == []


def test_a_repeat_in_step_4_is_never_sent_again(room: CommandRoom) -> None:
    room.go_to_the_broker(command())
    room.place(LOST)
    room.record()

    again = room.submit(command())
    for message in room.repo.of(RegisterOrder):
        room.tell(OrderRepeated(order=room.orders[message.command.command_id]))

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


# Not ready.


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
    room.tell(OrderNotFound(command_id="c1"))

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
    room.tell(OrderNotFound(command_id="c1"))

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

    room.tell(OrderRepeated(order=known))

    assert caller.only(OrderAnswered) == OrderAnswered(order=known, repeated=True)


@pytest.mark.parametrize("asked", [command(), way_out()], ids=["entry", "exit"])
def test_a_stopping_desk_takes_nothing(room: CommandRoom, asked: OrderCommand) -> None:
    room.tell(StopTaking())

    caller = room.submit(asked)
    room.tell(OrderNotFound(command_id=asked.command_id))

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
        room.tell(OrderNotFound(command_id=message.command_id))
    for _ in range(80):
        for step in (room.register, room.price, room.clear, room.reserve, room.record):
            step()
        for message in room.repo.of(LookUpOrder):
            if message.command_id in room.readiness.in_flight:
                room.tell(OrderNotFound(command_id=message.command_id))
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


# Without the database.


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
    room.tell(OrderNotFound(command_id="c2"))
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


# Step 6 and the desk's own life.


def test_what_the_books_prove_is_recorded_and_spread(room: CommandRoom) -> None:
    strategy = Probe()
    room.tell(JoinStrategy(strategy="trend", address=strategy))
    room.go_to_the_broker(command())
    room.place()
    room.record()
    strategy.take()
    room.guard.take()
    filled = OrderEvent(kind=Event.FILLED, filled_quantity=10, average_price=Decimal(100))

    room.tell(BooksReconciled(reports=(Report("c1", filled),), asked_at=room.clock.now()))
    room.record()

    assert strategy.only(OrderChanged).order.state is State.FILLED
    assert [one.order.state for one in room.guard.messages] == [State.FILLED]


def test_an_illegal_report_changes_nothing_and_is_told_to_nobody(room: CommandRoom) -> None:
    room.go_to_the_broker(command())
    room.place()
    room.record()
    room.guard.take()

    room.tell(BooksReconciled(reports=(Report("c1", OrderEvent(kind=Event.PROVED_ABSENT)),), asked_at=room.clock.now()))
    room.record()

    assert room.orders["c1"].state is State.WORKING
    assert room.guard.messages == []


def test_the_watcher_hears_each_moved_order_once_and_as_it_is_now(room: CommandRoom) -> None:
    room.go_to_the_broker(command())
    room.place()
    room.record()

    room.tell(FetchChangedOrders())
    room.tell(FetchChangedOrders())

    first, second = room.watcher.of(ChangedOrders)
    assert [(one.command.command_id, one.state) for one in first.orders] == [("c1", State.WORKING)]
    assert second.orders == ()


@pytest.mark.parametrize(("filled", "grew"), [(0, False), (5, True)])
def test_the_watcher_hears_whether_fills_grew(room: CommandRoom, filled: int, *, grew: bool) -> None:
    now = order(state=State.CANCELED, filled_quantity=filled)
    event = OrderEvent(kind=Event.CANCELED, filled_quantity=filled)
    room.tell(EventRecorded(order=now, event=event, late=False))

    room.tell(FetchChangedOrders())

    assert room.watcher.only(ChangedOrders).fills_grew == grew


def test_what_two_books_told_alike_is_told_to_nobody_twice(room: CommandRoom) -> None:
    strategy = Probe()
    room.tell(JoinStrategy(strategy="s1", address=strategy))
    event = OrderEvent(kind=Event.FILLED, filled_quantity=10)
    filled = order(state=State.FILLED, filled_quantity=10, strategy="s1")

    for again in (False, True):
        room.tell(EventRecorded(order=filled, event=event, late=False, again=again))

    assert len(strategy.of(OrderChanged)) == 1
    assert len(room.guard.of(OrderChanged)) == 1


def test_fills_go_to_the_database(room: CommandRoom) -> None:
    fill = trade_of(order())

    room.tell(FillsSeen(fills=(fill,)))

    assert room.repo.only(RecordFills).fills == (fill,)


@pytest.mark.parametrize("state", [State.CREATED, State.SENDING])
def test_an_order_found_on_its_way_after_a_restart_may_be_live_and_is_never_sent(
    room: CommandRoom, state: State
) -> None:
    left = order(state=state)
    room.orders["c1"] = left

    room.tell(ResumeOrders(orders=(left,)))
    room.record()

    assert (room.orders["c1"].state, room.orders["c1"].tag) == (State.UNCONFIRMED, Reason.RESTARTED_IN_FLIGHT)
    assert room.broker.messages == []


@pytest.mark.parametrize("state", sorted(set(State) - {State.CREATED, State.SENDING}), ids=str)
def test_a_restart_leaves_every_other_order_as_it_is(room: CommandRoom, state: State) -> None:
    room.tell(ResumeOrders(orders=(order(state=state),)))

    assert room.repo.messages == room.broker.messages == []


def test_a_repeat_of_an_order_that_is_being_resumed_is_never_sent(room: CommandRoom) -> None:
    # The resumed order's RESTART is recorded while a repeat of its id waits for the word that it is known.
    left = order(state=State.SENDING)
    room.orders["c1"] = left
    room.tell(ResumeOrders(orders=(left,)))
    caller = room.submit(command())
    room.price()

    room.record()
    room.tell(OrderRepeated(order=room.orders["c1"]))

    assert room.risk.messages == room.broker.messages == []
    assert answered(caller).state is State.UNCONFIRMED


def test_those_in_flight_are_named(room: CommandRoom) -> None:
    room.go_to_the_broker(command())
    room.submit(command(command_id="c2"))

    assert room.readiness.in_flight == ("c1", "c2")


def test_a_reply_that_contradicts_what_a_book_has_shown_moves_nothing_and_harms_nobody(room: CommandRoom) -> None:
    caller = room.go_to_the_broker(command())
    seen = Report("c1", OrderEvent(kind=Event.FILLED, broker_order_id="B1", filled_quantity=10))
    room.tell(BooksReconciled(reports=(seen,), asked_at=room.clock.now()))
    room.record()

    room.place(NO_MARGIN)
    room.record()

    assert answered(caller).state is State.FILLED
    assert room.orders["c1"].state is State.FILLED


def test_a_market_entry_with_a_stop_on_the_wrong_side_is_blocked_at_step_2(room: CommandRoom) -> None:
    caller = room.submit(command(side=Side.SELL, order_type=OrderType.MARKET, price=None, stop_loss=Decimal(90)))
    room.register()
    room.price(last_price=Decimal(100))
    room.record()

    order = caller.only(OrderAnswered).order
    assert (order.state, order.tag) == (State.BLOCKED, Reason.STOP_WRONG_SIDE)
    assert "must be above the last price 100, not 90" in order.note
    assert [type(one) for one in room.risk.messages] == [OrderChanged]
    assert room.broker.messages == []
