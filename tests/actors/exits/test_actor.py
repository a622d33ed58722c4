"""ExitsActor: an answer of the guard knows of nothing that came after its question had left."""

from dataclasses import replace
from datetime import timedelta
from decimal import Decimal

import pytest

from actors.exits.actor import ExitsActor
from actors.exits.stops import PRICE_WAIT_S
from actors.messages.alerts import RaiseAlert
from actors.messages.books import PositionVanished, VanishingResolved
from actors.messages.changes import ChangeOrder
from actors.messages.exits import ExitCut, FindExits, Flatten, FlattenAll
from actors.messages.guard import ExposuresTold
from actors.messages.market import OrderPriced, PriceOrder, PriceTicked
from actors.messages.orders import OrderChanged, SubmitOrder
from actors.messages.stops import FindStops, SetStops
from domain.alerts.alert import Alert, Level
from domain.broker.snapshots import Tick
from domain.exits.flatten import Exposure, FlattenEnd, FlattenRequest, OpenOrder, PositionKey
from domain.exits.square_off import SquareOff
from domain.exits.stops import ArmedStop, armed_stop_of
from domain.market.calendar import Calendar
from domain.market.instrument import Instrument
from domain.market.price import PriceSource, Reference
from domain.orders.lifecycle import Event, State
from domain.orders.order import Order, OrderEvent
from domain.orders.reasons import Reason
from domain.orders.stop_terms import StopTerms
from domain.orders.types import Intent, OrderType, Origin, Side
from domain.ports import trading_day
from domain.read_models import ExitsNow, StopsNow
from domain.reconciliation.vanishing import Holders, vanished_of
from domain.settings import CalendarSettings, ExitSettings, StopSettings
from tests.actors.rooms import is_asked, own_mailbox
from tests.fakes import (
    TEN_O_CLOCK,
    FakeClock,
    FakeIds,
    ManualTimer,
    Probe,
    command,
    instrument,
    mailboxes,
    order,
    runtime,
    snapshot_loaded,
)

ENTRY = order(
    command_id="e1", stop_loss=Decimal(90), state=State.FILLED, filled_quantity=10, average_price=Decimal("100.00")
)
SCOPE = PositionKey(ENTRY.command.strategy, ENTRY.command.key)
HELD = Exposure(held=10)
TRADED = OrderEvent(kind=Event.FILLED, filled_quantity=10)


class ExitsRoom:
    """An ExitsActor without a thread."""

    def __init__(self, calendar: Calendar | None = None) -> None:
        self.clock = FakeClock()
        self.timer = ManualTimer(self.clock)
        self.guard, self.repo, self.command, self.market, self.notifier = (Probe() for _ in range(5))
        self.actor = ExitsActor(
            mail=mailboxes(
                supervisor=Probe(),
                command=self.command,
                guard=self.guard,
                market=self.market,
                repo=self.repo,
                notifier=self.notifier,
                baskets=Probe(),
            ),
            runtime=runtime(self.clock, ids=FakeIds(), timer=self.timer),
            client_id="FA1",
            settings=ExitSettings(),
            stops=StopSettings(),
            square_off=SquareOff(),
            calendar=calendar,
        )
        self.own = own_mailbox(self.actor)
        self.actor.on_start()

    def wait(self, seconds: float) -> None:
        """Let time pass, and the actor's ticks come."""
        self.clock.advance(seconds)
        self.timer.fire_due()
        for message in self.own.take():
            self.actor.on_receive(message)

    def guard_tells(self, exposure: Exposure | None = None, *, after_s: float = 0.0, over: bool = False) -> None:
        """Let the guard answer what it was asked, or tell of a change; `over`: the contract's last day is."""
        self.wait(after_s)
        held = {} if exposure is None else {SCOPE: exposure}
        keys = frozenset({SCOPE.key} if over else ())
        self.actor.on_receive(ExposuresTold(exposures=held, answers=is_asked(self.guard), over=keys))

    def price(
        self, found: Instrument, last: str = "100", source: PriceSource = PriceSource.TICK, age_s: float = 0
    ) -> None:
        """Let the market answer its last question."""
        question = self.market.of(PriceOrder)[-1]
        reference = Reference(price=Decimal(last), source=source, age_s=age_s)
        self.actor.on_receive(
            OrderPriced(
                about=question.about,
                command_id=question.command_id,
                instrument=found,
                last_price=None,
                reference=reference,
            )
        )

    @property
    def alerts(self) -> list[Alert]:
        return [one.alert for one in self.notifier.of(RaiseAlert)]

    @property
    def armed(self) -> list[str]:
        found = self.actor.on_receive(FindStops())
        assert isinstance(found, StopsNow)
        return [armed_stop.stop_id for armed_stop, *_ in found.armed]

    @property
    def requests(self) -> list[str]:
        return [one.reason for one in self.repo.records(FlattenRequest)]


@pytest.fixture
def room() -> ExitsRoom:
    return ExitsRoom()


def test_a_stop_outlives_an_answer_that_does_not_know_of_its_fill(room: ExitsRoom) -> None:
    """Found on real parts: a late fill armed its stop while an answer from before the fill was on its way."""
    room.wait(1)
    room.actor.on_receive(OrderChanged(order=ENTRY, event=TRADED))

    room.guard_tells()

    assert room.armed == ["e1"]


def test_a_stop_ends_by_the_next_answer_that_says_flat(room: ExitsRoom) -> None:
    room.guard_tells(after_s=1)
    room.actor.on_receive(OrderChanged(order=ENTRY, event=TRADED))

    room.guard_tells(after_s=1)

    assert room.armed == []


GONE = PositionVanished(
    recon_break=vanished_of(SCOPE.key, -10), holders=Holders(strategies=((SCOPE.strategy, 10),), closes=10)
)


def under_a_stop(room: ExitsRoom) -> None:
    room.actor.on_receive(OrderChanged(order=ENTRY, event=TRADED))
    room.guard_tells(HELD, after_s=1)
    room.notifier.take()


def tick(room: ExitsRoom, price: str) -> None:
    seen = Tick(exchange=SCOPE.key.exchange, symbol=SCOPE.key.symbol, last_price=Decimal(price), seen_at=TEN_O_CLOCK)
    room.actor.on_receive(PriceTicked(tick=seen))


def test_the_stop_of_a_position_that_is_gone_waits_and_is_named(room: ExitsRoom) -> None:
    under_a_stop(room)

    room.actor.on_receive(GONE)
    room.guard_tells(after_s=1)
    tick(room, "50")

    (alarm,) = room.alerts
    assert (alarm.level, "stop 90" in alarm.means) == (Level.CRITICAL, True)
    assert (room.armed, room.requests) == (["e1"], []), "neither flat nor hit"


def test_the_stop_of_a_position_that_is_back_watches_again(room: ExitsRoom) -> None:
    under_a_stop(room)
    room.actor.on_receive(GONE)
    room.wait(1)

    room.actor.on_receive(VanishingResolved(key=SCOPE.key))
    room.guard_tells()
    still = room.armed
    tick(room, "50")

    assert (still, room.armed, len(room.requests)) == (["e1"], [], 1)


def test_the_stop_of_a_position_that_has_ended_ends_by_that_reason(room: ExitsRoom) -> None:
    under_a_stop(room)

    room.actor.on_receive(VanishingResolved(key=SCOPE.key, ended="the contract has expired"))

    assert room.armed == []
    assert room.repo.records(ArmedStop)[-1].ended == "the contract has expired"
    assert room.requests == []


def test_stops_that_waited_in_an_earlier_run_wait_on(room: ExitsRoom) -> None:
    armed_stop = armed_stop_of(ENTRY, TEN_O_CLOCK)
    assert armed_stop is not None

    room.actor.on_receive(snapshot_loaded(armed_stops=(armed_stop,), vanished=(vanished_of(SCOPE.key, 10),)))
    room.guard_tells(after_s=1)
    tick(room, "50")

    assert (room.armed, room.requests) == (["e1"], [])


def test_a_stop_of_the_other_side_outlives_an_answer_from_before(room: ExitsRoom) -> None:
    room.wait(1)
    room.actor.on_receive(OrderChanged(order=ENTRY, event=TRADED))

    room.guard_tells(Exposure(held=-5))

    assert room.armed == ["e1"]


def test_the_newest_entrys_stops_hold_however_late_an_older_one_fills(room: ExitsRoom) -> None:
    """Found by the simulation: a canceled entry that filled after all loosened the stops of the one after it."""
    later = order(
        command_id="e2",
        stop_loss=Decimal(95),
        state=State.FILLED,
        filled_quantity=10,
        average_price=Decimal("100.00"),
        created_at=ENTRY.created_at + timedelta(seconds=5),
    )
    room.actor.on_receive(OrderChanged(order=later, event=TRADED))

    room.actor.on_receive(OrderChanged(order=ENTRY, event=TRADED))

    assert room.armed == ["e2"]


def test_a_newer_entrys_stops_take_the_place_of_an_older_ones(room: ExitsRoom) -> None:
    room.actor.on_receive(OrderChanged(order=ENTRY, event=TRADED))
    later = replace(
        ENTRY, command=replace(ENTRY.command, command_id="e2"), created_at=ENTRY.created_at + timedelta(seconds=5)
    )

    room.actor.on_receive(OrderChanged(order=later, event=TRADED))

    assert room.armed == ["e2"]


def test_a_persons_stops_outlive_the_late_fill_of_an_entry_from_before(room: ExitsRoom) -> None:
    terms = StopTerms(stop_loss=Decimal(95))
    room.clock.advance(60)
    room.actor.on_receive(OrderChanged(order=replace(ENTRY, filled_quantity=5), event=TRADED))
    room.actor.on_receive(SetStops(position_key=SCOPE, terms=terms, reason="a person"))
    room.guard_tells(HELD)
    (by_hand,) = room.armed

    room.actor.on_receive(OrderChanged(order=ENTRY, event=TRADED))

    assert room.armed == [by_hand]


def test_making_all_flat_waits_for_an_answer_that_knows_what_came_before_it(room: ExitsRoom) -> None:
    room.wait(1)
    room.actor.on_receive(FlattenAll(reason="the day's limit"))

    room.guard_tells()
    assert room.requests == []
    room.guard_tells(HELD)

    assert room.requests == ["the day's limit"]


def test_a_word_about_stops_waits_for_an_answer_that_knows_what_came_before_it(room: ExitsRoom) -> None:
    caller = Probe()
    room.wait(1)
    terms = StopTerms(stop_loss=Decimal(80))
    room.actor.on_receive(SetStops(position_key=SCOPE, terms=terms, reason="a person", reply_to=caller))

    room.guard_tells()
    assert caller.messages == []
    room.guard_tells(HELD)
    room.clock.advance(PRICE_WAIT_S)
    room.guard_tells(HELD)

    assert caller.messages[0].refused == ""
    assert len(room.armed) == 1


def test_a_cut_exit_waits_for_an_answer_that_knows_of_the_net_in_its_way(room: ExitsRoom) -> None:
    room.wait(1)
    room.actor.on_receive(ExitCut(command=command(command_id="x1", intent=Intent.EXIT, side=Side.SELL)))

    room.guard_tells(HELD)
    assert room.requests == []
    net = OpenOrder(command_id="net-1", side=Side.SELL, open_quantity=10)
    room.guard_tells(Exposure(held=10, open=(net,)))

    assert room.requests == ["exit x1 was asked for while the stop at the broker works"]


# Exits whose knowledge is missing, and what makes no whole lot.


def get_out(room: ExitsRoom, held: int = 10) -> None:
    """Begin a flatten task and let it ask for its price."""
    room.actor.on_receive(FlattenAll(reason="test"))
    room.guard_tells(Exposure(held=held))


def test_an_exit_leaves_by_an_old_price_further_out(room: ExitsRoom) -> None:
    get_out(room)

    room.price(instrument(), source=PriceSource.STORED, age_s=3600)

    sent = room.command.only(SubmitOrder).command
    assert (sent.order_type, sent.price) == (OrderType.LIMIT, Decimal("95.00"))


@pytest.mark.parametrize(("last", "tick"), [("99999999", "0.05"), ("0.41", "0.000003")])
def test_an_exit_that_can_not_be_written_down_is_tried_again(room: ExitsRoom, last: str, tick: str) -> None:
    # A price or a tick that makes no sense, where no band speaks against it, ends no process.
    get_out(room)
    room.price(instrument(tick=Decimal(tick), lower_circuit=None, upper_circuit=None), last=last)
    assert room.command.of(SubmitOrder) == []

    room.guard_tells(HELD, after_s=1)
    room.price(instrument())

    assert room.command.only(SubmitOrder).command.price == Decimal("99.00")


def test_units_that_make_no_lot_end_the_episode_with_an_alarm_once(room: ExitsRoom) -> None:
    get_out(room, held=15)
    room.price(instrument(lot=50))

    room.actor.on_receive(FlattenAll(reason="the day's loss limit was broken before"))
    room.guard_tells(Exposure(held=15), after_s=1)

    assert room.command.of(SubmitOrder) == []
    assert room.repo.records(FlattenEnd), "the next start does not take it up"
    now = room.actor.on_receive(FindExits())
    assert isinstance(now, ExitsNow)
    assert (list(now.under_way), list(now.stays.values())) == ([], [15])
    (alarm,) = [one for one in room.alerts if one.level is Level.CRITICAL]
    assert "15 units are less than one lot of 50" in alarm.what
    assert not any("is flat" in one.what for one in room.alerts)


def test_more_of_it_is_made_flat_again(room: ExitsRoom) -> None:
    get_out(room, held=15)
    room.price(instrument(lot=50))

    room.actor.on_receive(FlattenAll(reason="again"))
    room.guard_tells(Exposure(held=65), after_s=1)
    room.price(instrument(lot=50))

    assert room.command.only(SubmitOrder).command.quantity == 65


# Market orders that rest.


def resting(intent: Intent = Intent.EXIT, limit: str = "97", filled: int = 0) -> Order:
    """Return a market order of 10 in the market."""
    return order(
        command_id="m1",
        intent=intent,
        side=Side.SELL if intent is Intent.EXIT else Side.BUY,
        order_type=OrderType.MARKET,
        price=None,
        limit_price=Decimal(limit),
        state=State.PARTIALLY_FILLED if filled else State.WORKING,
        filled_quantity=filled,
        broker_order_id="1",
    )


def look(room: ExitsRoom, after_s: float) -> None:
    room.guard_tells(HELD, after_s=after_s)


def test_a_market_exit_that_rests_is_told_and_priced_anew(room: ExitsRoom) -> None:
    room.actor.on_receive(OrderChanged(order=resting()))
    look(room, ExitSettings().unfilled_s)
    room.price(instrument(), last="60")

    change = room.command.only(ChangeOrder).command
    assert change.command_id == "m1"
    assert change.price is not None
    assert change.price < 60
    (warning,) = room.alerts
    assert warning.level is Level.WARNING
    assert "rests at 97; last price 60" in warning.what


def test_a_price_that_can_not_be_written_down_changes_no_order(room: ExitsRoom) -> None:
    room.actor.on_receive(OrderChanged(order=resting()))
    look(room, ExitSettings().unfilled_s)

    room.price(instrument(lower_circuit=None, upper_circuit=None), last="99999999")

    assert room.command.of(ChangeOrder) == []


def test_each_limit_that_was_in_vain_makes_the_next_worse_and_a_refused_change_does_not(room: ExitsRoom) -> None:
    room.actor.on_receive(OrderChanged(order=resting()))
    prices = []
    for limit in ("97", "97", "59"):
        room.actor.on_receive(OrderChanged(order=resting(limit=limit)))
        look(room, ExitSettings().unfilled_s)
        room.price(instrument(), last="60")
        prices.append(room.command.of(ChangeOrder)[-1].command.price)

    first, refused, worse = prices
    assert refused == first
    assert first is not None
    assert worse is not None
    assert worse < first


def test_after_15_s_it_is_an_alarm_once(room: ExitsRoom) -> None:
    room.actor.on_receive(OrderChanged(order=resting()))
    for _ in range(10):
        look(room, 2.0)
        room.price(instrument(), last="60")

    assert [one.level for one in room.alerts] == [Level.WARNING, Level.CRITICAL]


def test_a_market_entry_that_rests_is_told_once_and_left_alone(room: ExitsRoom) -> None:
    room.actor.on_receive(OrderChanged(order=resting(Intent.ENTRY)))
    for _ in range(10):
        look(room, 2.0)
        if room.market.of(PriceOrder):
            room.price(instrument(), last="120")

    (warning,) = room.alerts
    assert warning.level is Level.WARNING
    assert room.command.of(ChangeOrder) == []


@pytest.mark.parametrize("state", [State.FILLED, State.CANCELED, State.REJECTED])
def test_a_market_order_that_is_over_is_left_alone(room: ExitsRoom, state: State) -> None:
    room.actor.on_receive(OrderChanged(order=resting()))
    room.actor.on_receive(OrderChanged(order=replace(resting(), state=state)))

    look(room, 60.0)

    assert room.market.of(PriceOrder) == []


def test_what_rests_in_the_books_of_a_past_day_is_not_priced_anew(room: ExitsRoom) -> None:
    """It is in no market: the broker would refuse the change, and its words would be the last of the order."""
    room.actor.on_receive(OrderChanged(order=replace(resting(), day="2026-01-04")))

    look(room, ExitSettings().unfilled_s)
    look(room, ExitSettings().retry_closed_s)

    assert room.market.of(PriceOrder) == []
    assert room.alerts == []


def test_while_its_market_is_closed_an_order_that_rests_is_not_called_unfilled() -> None:
    # An after-market order waits for the opening all night: nothing of that says that its price is wrong.
    room = ExitsRoom(Calendar(CalendarSettings()))
    opening = TEN_O_CLOCK + timedelta(hours=23)
    room.clock.advance(10 * 3600)
    room.actor.on_receive(OrderChanged(order=replace(resting(), day=trading_day(opening))))
    pause_s, asked = 60.0, 0
    while room.clock.now() + timedelta(seconds=pause_s) < opening:
        look(room, pause_s)
        if room.market.of(PriceOrder):
            asked += 1
            room.price(instrument(), last="60", age_s=3600)
            room.market.messages.clear()

    assert {one.command.price for one in room.command.of(ChangeOrder)} == {Decimal("54.00")}, "it grows no worse"
    assert asked < 13 * 3600 / ExitSettings().retry_closed_s
    assert room.alerts == []

    look(room, (opening - room.clock.now()).total_seconds() - 0.5)
    look(room, 1)
    assert room.market.of(PriceOrder) == [], "it has just come into the market"
    look(room, ExitSettings().unfilled_s)
    room.price(instrument(), last="60")
    assert [one.level for one in room.alerts] == [Level.WARNING]


def test_a_change_that_is_refused_is_asked_for_less_and_less_often(room: ExitsRoom) -> None:
    # Brokers take a bounded number of modifications of an order.
    room.actor.on_receive(OrderChanged(order=replace(resting(), tag=Reason.CHANGE_REFUSED)))
    for _ in range(120):
        look(room, 1.0)
        if room.market.of(PriceOrder):
            room.price(instrument(), last="60")
            room.market.messages.clear()

    assert 120 / ExitSettings().retry_s_max <= len(room.command.of(ChangeOrder)) < 120 / ExitSettings().retry_s_max + 5


# How old a stop's price may be.


def test_a_quiet_market_is_asked_about_before_a_stop_is_called_blind(room: ExitsRoom) -> None:
    room.actor.on_receive(OrderChanged(order=ENTRY, event=TRADED))
    answered = []
    for _ in range(60):
        look(room, 1.0)
        questions = [one for one in room.market.take() if isinstance(one, PriceOrder)]
        for question in questions:
            answered.append(question)
            room.actor.on_receive(
                OrderPriced(
                    about=question.about,
                    command_id=question.command_id,
                    instrument=instrument(),
                    last_price=Decimal(100),
                )
            )

    assert 60 / StopSettings().price_age_s_max < len(answered) < 10
    assert not any(one.level is Level.CRITICAL for one in room.alerts)


def test_a_price_that_can_not_be_had_is_an_alarm(room: ExitsRoom) -> None:
    room.actor.on_receive(OrderChanged(order=ENTRY, event=TRADED))
    for _ in range(20):
        look(room, 1.0)

    (alarm,) = [one for one in room.alerts if one.level is Level.CRITICAL]
    assert "No price" in alarm.what


# a contract whose last day is over


WISH = FlattenRequest(request_id="w1", position_key=SCOPE, reason="flatten", origin=Origin.HUMAN, asked_at=TEN_O_CLOCK)


def test_a_wish_of_the_day_before_orders_nothing_in_a_contract_that_is_over_and_ends_with_it(room: ExitsRoom) -> None:
    room.actor.on_receive(Flatten(requests=(WISH,)))

    for _ in range(3):
        room.guard_tells(over=True, after_s=60)

    assert room.market.of(PriceOrder) == []
    assert room.repo.records(FlattenEnd) == []
    told = [one.what for one in room.alerts if "the contract's last day is over" in one.what]
    assert len(told) == 1
    room.actor.on_receive(VanishingResolved(key=SCOPE.key, ended="it has expired"))
    assert room.repo.record(FlattenEnd).request_id == "w1"
    room.guard_tells(after_s=60)
    assert not [one for one in room.alerts if "is flat" in one.what]


def test_it_goes_on_where_the_account_holds_the_contract_all_the_same(room: ExitsRoom) -> None:
    room.actor.on_receive(Flatten(requests=(WISH,)))
    room.guard_tells(over=True, after_s=1)

    room.guard_tells(HELD, after_s=1)

    assert room.market.of(PriceOrder)[-1].exit is not None
    room.actor.on_receive(VanishingResolved(key=SCOPE.key, ended="nothing of this request"))
    assert room.repo.records(FlattenEnd) == [], "it is under way again"


def test_a_wish_whose_orders_are_over_with_the_contract_ends_as_any_other(room: ExitsRoom) -> None:
    room.actor.on_receive(Flatten(requests=(WISH,)))
    room.guard_tells(over=True, after_s=1)

    for _ in range(2):
        room.guard_tells(after_s=60)

    assert room.repo.record(FlattenEnd).request_id == "w1"


def test_stops_in_a_contract_that_is_over_wait_for_the_books(room: ExitsRoom) -> None:
    room.guard_tells(after_s=1)
    room.actor.on_receive(OrderChanged(order=ENTRY, event=TRADED))
    room.guard_tells(over=True, after_s=1)

    tick = Tick(exchange=SCOPE.key.exchange, symbol=SCOPE.key.symbol, last_price=Decimal(80), seen_at=TEN_O_CLOCK)
    room.actor.on_receive(PriceTicked(tick=tick))
    room.guard_tells(over=True, after_s=1)
    waiting, requests = room.armed, list(room.requests)
    room.guard_tells(HELD, after_s=1)
    room.actor.on_receive(PriceTicked(tick=tick))

    assert (waiting, requests) == (["e1"], [])
    assert len(room.requests) == 1, "the account holds it all the same, so the stop counts again"
