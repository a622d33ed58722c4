"""Stops without a thread: which price reaches what, what is written when, and when a stop counts as blind."""

from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest

from actors.exits.openings import CarriedStops
from actors.exits.stops import PRICE_WAIT_S, Stops
from actors.messages.alerts import RaiseAlert
from actors.messages.market import OrderPriced, PriceOrder, PriceQuestion, WatchPrice
from actors.messages.stops import SetStops, StopsAnswered
from domain.broker.reply_types import UnknownInstrument
from domain.exits.flatten import Exposure, PositionKey
from domain.exits.stops import ArmedStop
from domain.market.calendar import Calendar
from domain.orders.lifecycle import State
from domain.orders.order import Order
from domain.orders.stop_terms import StopTerms
from domain.orders.types import Exchange, InstrumentKey, Product, Side, TrailingType
from domain.settings import CalendarSettings, StopSettings
from tests.fakes import TEN_O_CLOCK, FakeClock, FakeIds, Probe, instrument, mailboxes, order, runtime

KEY = InstrumentKey(Exchange.NSE, "RELIANCE-EQ", Product.MIS)
SCOPE = PositionKey("trend", KEY)
LONG, SHORT, FLAT = Exposure(held=10), Exposure(held=-10), Exposure()


def entry(name: str = "e1", filled: int = 10, created_at: datetime = TEN_O_CLOCK, **given: Any) -> Order:  # noqa: ANN401  any field
    """Return an entry at 100 that has filled so far, under a stop at 90."""
    terms = {"stop_loss": Decimal(90)} if "trailing_type" not in given else {}
    made = {"state": State.FILLED, "filled_quantity": filled, "average_price": Decimal(100)}
    return order(command_id=name, created_at=created_at, **(made | terms | given))


class StopsRoom:
    """The stops of an ExitsActor beside probes; prices are told by hand."""

    def __init__(self, calendar: Calendar | None = None) -> None:
        self.clock = FakeClock()
        self.market, self.repo, self.notifier, self.caller = Probe(), Probe(), Probe(), Probe()
        self.out: list[str] = []
        self.doubted: list[PositionKey] = []
        self.stops = Stops(
            mail=mailboxes(market=self.market, repo=self.repo, notifier=self.notifier),
            runtime=runtime(self.clock, ids=FakeIds()),
            subscriber=Probe(),
            get_out=lambda _, reason: self.out.append(reason),
            doubt=self.doubted.append,
            settings=StopSettings(price_age_s_max=10),
            calendar=calendar,
            carried=CarriedStops(
                mail=mailboxes(command=Probe(), notifier=self.notifier), runtime=runtime(self.clock), calendar=None
            ),
        )

    def see(self, *prices: str, symbol: str = "RELIANCE-EQ") -> None:
        for price in prices:
            self.stops.see(Exchange.NSE, symbol, Decimal(price))

    def look(
        self, exposure: Exposure = LONG, under_way: Mapping[PositionKey, object] | None = None, *, stale: bool = False
    ) -> None:
        self.stops.look({SCOPE: exposure}, under_way or {}, {SCOPE} if stale else set())

    def set(self, terms: StopTerms | None, exposure: Exposure | None = LONG) -> StopsAnswered:
        self.caller.take()
        self.stops.set(
            SetStops(position_key=SCOPE, terms=terms, reason="a test", reply_to=self.caller),
            {SCOPE: exposure or FLAT},
        )
        if not self.caller.messages:
            self.clock.advance(PRICE_WAIT_S)
            self.look(exposure or FLAT)
        return self.caller.only(StopsAnswered)

    @property
    def written(self) -> list[ArmedStop]:
        return self.repo.records(ArmedStop)

    @property
    def told(self) -> list[str]:
        return [one.alert.what for one in self.notifier.of(RaiseAlert)]

    @property
    def armed(self) -> ArmedStop:
        return self.stops.armed[SCOPE]


@pytest.fixture
def room() -> StopsRoom:
    return StopsRoom()


# armed by fills


def test_a_fill_arms_its_stops_on_disk_and_watches_the_price(room: StopsRoom) -> None:
    room.stops.arm(entry())

    assert [one.stop_id for one in room.written] == ["e1"]
    assert [one.symbol for one in room.market.of(WatchPrice)] == ["RELIANCE-EQ"]
    assert room.market.only(PriceOrder).needs_price
    assert room.told == [f"{SCOPE} is under stops: stop 90."]


def test_a_level_that_todays_band_keeps_out_of_reach_is_told_where_it_is_set(room: StopsRoom) -> None:
    banded = instrument(lower_circuit=Decimal(90), upper_circuit=Decimal(110))
    room.stops.see_answer(OrderPriced(instrument=banded, last_price=None))
    room.stops.arm(entry())
    room.see("100")

    answer = room.set(StopTerms(stop_loss=Decimal("9.50")))
    in_reach = room.set(StopTerms(stop_loss=Decimal(95)))
    room.clock.now_is += timedelta(days=1)
    tomorrow = room.set(StopTerms(stop_loss=Decimal(9)))

    assert answer.beware.startswith("the stop 9.50 lies outside today's band of 90 to 110")
    assert [one for one in room.told if "Beware" in one] == [
        f"{SCOPE} is under stops: stop 9.50. Beware: {answer.beware}."
    ]
    assert (in_reach.beware, tomorrow.beware) == ("", ""), "of another day nothing is known yet"


def test_the_same_fill_arms_nothing_again_and_more_of_it_keeps_the_peak(room: StopsRoom) -> None:
    room.stops.arm(entry(filled=4))
    room.see("108")
    room.stops.arm(entry(filled=4))
    room.stops.arm(entry(filled=3))
    assert len(room.written) == 1

    room.stops.arm(entry(filled=10, average_price=Decimal(101)))

    assert (room.armed.quantity, room.armed.entry_price, room.armed.best_price) == (10, Decimal(101), Decimal(108))
    assert room.written[-1] == room.armed
    assert len(room.told) == 1, "it is the same stops' news"


def test_stops_that_ended_are_armed_again_by_more_of_their_entry_alone(room: StopsRoom) -> None:
    room.stops.arm(entry(filled=4))
    room.see("89")
    assert SCOPE not in room.stops.armed

    room.stops.arm(entry(filled=4))
    assert SCOPE not in room.stops.armed

    room.stops.arm(entry(filled=5))
    assert room.out == ["stop 90 reached at 89", "stop 90 reached at 89"], "the price stands there still"


def test_the_stops_that_a_newer_entry_replaces_are_ended_on_disk(room: StopsRoom) -> None:
    room.stops.arm(entry("e1"))
    room.stops.arm(entry("e2", created_at=TEN_O_CLOCK + timedelta(seconds=1), stop_loss=Decimal(95)))

    ended = [one for one in room.written if one.ended]
    assert [(one.stop_id, one.ended) for one in ended] == [("e1", "replaced by the stops of e2")]
    assert room.armed.stop_id == "e2"


def test_entries_of_one_instant_count_in_the_order_of_their_fills(room: StopsRoom) -> None:
    room.stops.arm(entry("e1"))
    room.stops.arm(entry("e2"))

    assert room.armed.stop_id == "e2"


def test_what_an_earlier_run_had_armed_is_taken_up_and_what_had_ended_is_not(room: StopsRoom) -> None:
    room.stops.arm(entry("e1"))
    known = room.armed
    later = StopsRoom()

    later.stops.take_up((known, replace(known, stop_id="e0", ended="the position is flat")), ())
    later.stops.arm(entry("e1"))
    later.stops.arm(entry("e0"))

    assert later.armed.stop_id == "e1"
    assert later.written == [], "nothing of it is new"


def test_what_filled_while_its_stops_were_not_written_is_armed_by_the_start() -> None:
    room = StopsRoom()

    room.stops.take_up((), (entry("e1"),))

    assert room.armed.stop_id == "e1"


# prices


@pytest.mark.parametrize(
    ("side", "stop", "price", "out"),
    [
        (Side.BUY, 90, "90.05", False),
        (Side.BUY, 90, "90", True),
        (Side.BUY, 90, "50", True),
        (Side.SELL, 110, "109.95", False),
        (Side.SELL, 110, "110", True),
        (Side.SELL, 110, "200", True),
    ],
)
def test_a_price_at_the_stop_or_beyond_gets_out_once(
    room: StopsRoom, side: Side, stop: int, price: str, *, out: bool
) -> None:
    room.stops.arm(entry(side=side, stop_loss=Decimal(stop)))

    room.see(price, price)

    assert len(room.out) == out
    assert (room.written[-1].ended == f"stop {stop} reached at {price}") is out


def test_a_price_of_nothing_or_of_another_symbol_reaches_no_stop(room: StopsRoom) -> None:
    room.stops.arm(entry())

    room.see("0", "-1")
    room.see("1", symbol="INFY-EQ")

    assert room.out == []


def test_a_price_that_is_known_already_is_held_against_new_stops(room: StopsRoom) -> None:
    room.stops.arm(entry())
    room.see("95")

    room.stops.arm(entry("e2", stop_loss=Decimal(96)))

    assert room.out == ["stop 96 reached at 95"]


def test_the_brokers_answer_is_a_price_and_teaches_the_instrument(room: StopsRoom) -> None:
    room.stops.arm(entry())
    assert room.market.only(PriceOrder).about is PriceQuestion.STOPS

    answer = OrderPriced(instrument=instrument(), last_price=Decimal(89))
    room.stops.see_answer(replace(answer, last_price=None))
    room.stops.see_answer(replace(answer, instrument=UnknownInstrument(Exchange.NSE, "RELIANCE-EQ")))
    assert room.out == []

    room.stops.see_answer(answer)
    assert room.out == ["stop 90 reached at 89"]
    assert list(room.stops.prices.instruments) == [(Exchange.NSE, "RELIANCE-EQ")]


def trailing(room: StopsRoom) -> None:
    room.stops.arm(entry(trailing_type=TrailingType.POINTS, trailing_value=Decimal(5)))


def test_a_peak_is_written_at_the_next_look_and_only_when_it_grew(room: StopsRoom) -> None:
    trailing(room)
    room.repo.take()

    room.see("104", "106", "103")
    assert room.written == []

    room.look()
    room.look()
    assert [one.best_price for one in room.written] == [Decimal(106)]


def test_a_trail_is_reached_from_its_peak(room: StopsRoom) -> None:
    trailing(room)

    room.see("110", "105.05")
    assert room.out == []

    room.see("105")
    assert room.out == ["trailing stop 105 reached at 105"]


# what the guard tells


@pytest.mark.parametrize(
    ("exposure", "ended"),
    [
        (LONG, ""),
        (FLAT, "the position is flat"),
        (SHORT, "the position was reversed"),
    ],
)
def test_stops_end_with_their_position(room: StopsRoom, exposure: Exposure, ended: str) -> None:
    room.stops.arm(entry())

    room.look(exposure)

    assert room.written[-1].ended == ended
    assert any("was reversed" in what for what in room.told) is (exposure is SHORT)


@pytest.mark.parametrize("exposure", [FLAT, SHORT])
def test_exposures_that_may_not_know_of_the_fill_end_nothing(room: StopsRoom, exposure: Exposure) -> None:
    room.stops.arm(entry())

    room.look(exposure, stale=True)

    assert room.doubted == [SCOPE]

    assert room.armed.stop_id == "e1"


# blindness


def test_a_stop_without_a_price_asks_from_half_its_age_on_and_is_told_once(room: StopsRoom) -> None:
    room.stops.arm(entry())
    room.notifier.take()
    asked_at = []
    for second in range(31):
        room.look()
        asked_at += [second] * len(room.market.of(PriceOrder))
        room.market.take()
        room.clock.advance(1)

    assert asked_at == [0, 6, 11, 16, 21, 26]
    assert [what for what in room.told if "No price" in what] == [
        "No price of RELIANCE-EQ has come for 11 s, neither by the feed nor by the broker's books."
    ]


def test_a_price_is_old_after_its_age_and_not_before(room: StopsRoom) -> None:
    room.stops.arm(entry())
    room.clock.advance(3)
    room.see("100")
    room.notifier.take()

    room.clock.advance(10)
    room.look()
    assert room.told == []

    room.clock.advance(0.1)
    room.look()
    assert len(room.told) == 1


def blinded(room: StopsRoom) -> None:
    room.stops.arm(entry())
    room.clock.advance(11)
    room.look()
    room.notifier.take()
    room.market.take()


def test_a_stop_that_sees_again_is_told_once(room: StopsRoom) -> None:
    blinded(room)

    room.see("100")
    room.look()
    room.look()

    assert room.told == ["Prices of RELIANCE-EQ come again, or no stop needs them any more."]


def test_a_stop_that_ends_blind_is_told_as_over(room: StopsRoom) -> None:
    blinded(room)

    room.look(FLAT)
    room.look(FLAT)

    assert room.told == ["Prices of RELIANCE-EQ come again, or no stop needs them any more."]


def test_a_position_on_its_way_out_needs_no_price(room: StopsRoom) -> None:
    room.stops.arm(entry())
    room.clock.advance(60)
    room.notifier.take()

    room.look(under_way={SCOPE: None})

    assert room.told == []


def test_prices_stand_still_while_the_market_is_closed() -> None:
    room = StopsRoom(Calendar(CalendarSettings()))
    room.clock.now_is = TEN_O_CLOCK.replace(hour=15, minute=29, second=55)
    room.stops.arm(entry())
    room.market.take()
    room.notifier.take()

    room.clock.advance(60)
    room.look()

    assert (room.told, room.market.messages) == ([], [])


def test_a_market_that_closes_ends_the_blindness() -> None:
    room = StopsRoom(Calendar(CalendarSettings()))
    room.clock.now_is = TEN_O_CLOCK.replace(hour=15, minute=29, second=45)
    blinded(room)

    room.clock.advance(60)
    room.look()

    assert room.told == ["Prices of RELIANCE-EQ come again, or no stop needs them any more."]


# a person's word


def test_a_persons_stops_take_the_place_of_the_entrys_and_keep_its_peak(room: StopsRoom) -> None:
    room.stops.arm(entry())
    room.see("108")

    answer = room.set(StopTerms(stop_loss=Decimal(101)))

    assert answer.armed_stop == room.armed
    assert (room.armed.stop_id, room.armed.best_price, room.armed.quantity) == ("hand-n1", Decimal(108), 0)
    assert [(one.stop_id, one.ended) for one in room.written if one.ended] == [("e1", "changed: a test")]


def test_stops_are_removed_by_a_word(room: StopsRoom) -> None:
    room.stops.arm(entry())

    assert room.set(None) == StopsAnswered(armed_stop=None)
    assert room.written[-1].ended == "removed: a test"
    assert room.set(None).refused == f"{SCOPE} is under no stops"


@pytest.mark.parametrize("exposure", [None, FLAT])
def test_nothing_that_is_not_held_is_protected(room: StopsRoom, exposure: Exposure | None) -> None:
    answer = room.set(StopTerms(stop_loss=Decimal(90)), exposure)

    assert answer.refused == f"nothing is held of {SCOPE}, so there is nothing to protect"
    assert room.stops.armed == {}


def test_a_level_that_is_reached_already_is_refused_and_what_was_armed_stays(room: StopsRoom) -> None:
    room.stops.arm(entry())
    room.see("100")

    answer = room.set(StopTerms(stop_loss=Decimal(100)))

    assert answer.armed_stop == room.armed
    assert answer.refused.startswith("the stop_loss of a long position must be below the last price 100, not 100")
    assert room.armed.stop_id == "e1"


@pytest.mark.parametrize(
    ("terms", "entry_price"),
    [
        (StopTerms(stop_loss=Decimal(90), target=Decimal(120)), Decimal(90)),
        (StopTerms(target=Decimal(120)), Decimal(120)),
    ],
)
def test_without_a_price_stops_of_a_position_count_from_their_level(
    room: StopsRoom, terms: StopTerms, entry_price: Decimal
) -> None:
    room.set(terms)

    assert (room.armed.entry_price, room.armed.is_long) == (entry_price, True)


@pytest.mark.parametrize(("level", "refused"), [(104, True), (96, False)])
def test_a_persons_word_waits_for_the_first_price_and_is_held_against_it(
    room: StopsRoom, level: int, *, refused: bool
) -> None:
    """A stop that the price has passed already would get out at once: nobody means that by `protect`."""
    terms = StopTerms(stop_loss=Decimal(level))
    room.stops.set(SetStops(position_key=SCOPE, terms=terms, reason="a test", reply_to=room.caller), {SCOPE: LONG})
    assert room.market.only(PriceOrder).needs_price
    assert (room.caller.messages, room.stops.armed) == ([], {})

    room.see("100")

    answer = room.caller.only(StopsAnswered)
    assert (bool(answer.refused), SCOPE in room.stops.armed) == (refused, not refused)
    assert room.out == []
    if refused:
        assert "must be below the last price 100, not 104; to get out now, send an EXIT" in answer.refused


@pytest.mark.parametrize(
    ("strategy", "symbol", "message"),
    [
        ("trend", "INFY-EQ", "so there is nothing to protect"),
        ("trend", "RELIANCE", "nothing to protect; what is held is RELIANCE-EQ (NSE MIS) of trend"),
        ("other", "RELIANCE-EQ", "nothing to protect; what is held is RELIANCE-EQ (NSE MIS) of trend"),
    ],
)
def test_where_nothing_is_held_what_may_be_meant_is_named(
    room: StopsRoom, strategy: str, symbol: str, message: str
) -> None:
    position_key = PositionKey(strategy, InstrumentKey(Exchange.NSE, symbol, Product.MIS))
    terms = StopTerms(stop_loss=Decimal(90))

    room.stops.set(SetStops(position_key=position_key, terms=terms, reason="", reply_to=room.caller), {SCOPE: LONG})

    assert room.caller.only(StopsAnswered).refused.endswith(message)


def test_a_trail_without_a_price_is_asked_to_come_again(room: StopsRoom) -> None:
    answer = room.set(StopTerms(trailing_type=TrailingType.POINTS, trailing_value=Decimal(5)))

    assert answer.refused == "no price of RELIANCE-EQ is known yet to trail from; try again shortly"


def test_a_word_about_a_turned_position_counts_from_the_price_of_now(room: StopsRoom) -> None:
    room.stops.arm(entry())
    room.see("104")

    room.set(StopTerms(stop_loss=Decimal(120)), SHORT)

    assert (room.armed.is_long, room.armed.entry_price, room.armed.best_price) == (False, Decimal(104), Decimal(104))


def test_what_is_armed_is_listed_with_its_last_price_and_age(room: StopsRoom) -> None:
    room.stops.arm(entry())
    assert room.stops.now().armed == ((room.armed, None, None),)

    room.see("104")
    room.clock.advance(2)
    assert room.stops.now().armed == ((room.armed, Decimal(104), 2.0),)


@pytest.mark.parametrize(("is_long", "held"), [(True, LONG), (False, SHORT)])
def test_stops_of_either_side_outlive_a_look_at_what_they_protect(
    room: StopsRoom, held: Exposure, *, is_long: bool
) -> None:
    level = Decimal(90) if is_long else Decimal(110)
    room.stops.arm(entry(side=Side.BUY if is_long else Side.SELL, stop_loss=level))

    room.look(held)

    assert room.armed.is_long is is_long
