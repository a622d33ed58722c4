from dataclasses import replace
from datetime import timedelta
from decimal import Decimal

import pytest

from actors.market import MarketActor
from actors.messages.alerts import RaiseAlert
from actors.messages.market import (
    OrderPriced,
    PriceOrder,
    PriceTicked,
    WatchPrice,
)
from actors.messages.risk import PositionsSeen
from domain.market.knowledge import EDGE_AGAIN_S, READ_AGAIN_S, STANDS_IN_AFTER_S, Want
from domain.market.price import PRICE_AGE_S_MAX, PriceSource, SeenPrice
from domain.orders.types import Exchange
from tests.actors.market_room import AWAY, BANDED, MarketRoom
from tests.actors.rooms import own_mailbox
from tests.fakes import Probe, instrument, mailboxes, runtime


@pytest.fixture
def room() -> MarketRoom:
    return MarketRoom()


# Which prices are believed.


class Watched:
    """A room whose symbol is watched, and banded 60 to 240."""

    def __init__(self, room: MarketRoom) -> None:
        self.room, self.subscriber = room, Probe()
        room.actor.on_receive(WatchPrice(exchange=Exchange.NSE, symbol="RELIANCE-EQ", subscriber=self.subscriber))
        room.found(BANDED)
        room.clock.advance(READ_AGAIN_S + 1)
        room.broker.messages.clear()

    @property
    def told(self) -> list[Decimal]:
        return [one.tick.last_price for one in self.subscriber.of(PriceTicked)]


def test_a_quote_that_a_younger_tick_has_overtaken_moves_nothing(room: MarketRoom) -> None:
    watched = Watched(room)
    quote = replace(room.tick(150), previous_close=Decimal(148))
    room.clock.advance(0.2)
    room.see(153)

    room.read(quote)
    room.ask("c1")

    assert watched.told == [153, 153], "the price that stands"
    assert watched.subscriber.of(PriceTicked)[-1].tick.previous_close == 148, "the day's facts are told all the same"
    assert room.prices == {"c1": Decimal(153)}


def test_whoever_asks_anew_and_is_overtaken_hears_the_price_that_stands(room: MarketRoom) -> None:
    watched = Watched(room)
    quote = room.tick(150)
    room.actor.on_receive(
        PriceOrder(command_id="doubt", exchange=Exchange.NSE, symbol="RELIANCE-EQ", needs_price=True, anew=True)
    )
    room.clock.advance(0.2)
    room.see(153)

    room.read(quote)

    assert watched.told == [153, 153]
    assert room.prices == {"doubt": Decimal(153)}
    assert room.command.only(OrderPriced).quote == 150, "the quote's own price is told beside it"


def test_a_row_that_was_asked_for_before_a_quote_moves_nothing(room: MarketRoom) -> None:
    watched = Watched(room)
    row_asked_at = room.clock.now()
    room.clock.advance(0.1)
    quote = room.tick(153)
    room.clock.advance(STANDS_IN_AFTER_S + 0.1)
    room.read(quote)

    room.show(150, asked_at=row_asked_at)

    assert set(watched.told) == {153}


def test_a_quote_younger_than_the_last_tick_is_what_an_order_leans_on(room: MarketRoom) -> None:
    watched = Watched(room)
    room.see(150)
    room.clock.advance(0.2)

    room.read(room.tick(153))
    room.ask("c1")

    assert watched.told == [150, 153]
    assert room.prices == {"c1": Decimal(153)}


def test_after_the_clock_stepped_back_the_next_price_counts(room: MarketRoom) -> None:
    watched = Watched(room)
    room.see(150)
    room.clock.now_is -= timedelta(hours=1)

    room.see(153)

    assert watched.told == [150, 153]


@pytest.mark.parametrize("price", [24631, 59, 241])
def test_a_price_outside_the_band_moves_nothing_and_the_broker_is_asked(room: MarketRoom, price: int) -> None:
    watched = Watched(room)
    room.see(200)

    room.see(price)

    assert watched.told == [200]
    assert room.asked == [Want.INSTRUMENT, Want.PRICE]
    assert room.notifier.messages == [], "once is no news"


def test_an_impossible_price_that_comes_again_is_told_once(room: MarketRoom) -> None:
    watched = Watched(room)
    room.see(24631)
    room.clock.advance(1)
    room.found(BANDED)
    for _ in range(5):
        room.clock.advance(1)
        room.see(24631)

    (alert,) = [one.alert for one in room.notifier.of(RaiseAlert)]
    assert "24631" in alert.what
    assert "60 to 240" in alert.what
    assert watched.told == []


def test_a_band_that_has_widened_is_read_and_the_price_believed(room: MarketRoom) -> None:
    watched = Watched(room)
    room.see(250)
    room.found(instrument(lower_circuit=Decimal(1), upper_circuit=Decimal(1000)))

    room.see(251)

    assert watched.told == [251]


def test_a_price_at_the_edge_is_believed_and_the_band_read_anew(room: MarketRoom) -> None:
    watched = Watched(room)

    room.see(240)

    assert watched.told == [240]
    assert room.asked == [Want.INSTRUMENT]


def test_a_band_that_a_price_contradicts_and_nobody_can_read_counts_as_unknown(room: MarketRoom) -> None:
    # The band widened at noon, and the broker refuses the look-up: a stop has to see the fall all the same.
    watched = Watched(room)
    room.see(70)
    room.see(59)
    room.found(AWAY)

    room.see(58)

    assert watched.told == [70, 58]


@pytest.mark.parametrize("source", ["quote", "book"])
def test_a_quote_and_a_book_are_doubted_as_a_tick_is(room: MarketRoom, source: str) -> None:
    watched = Watched(room)

    if source == "quote":
        room.read(room.tick(24631))
    else:
        room.show(24631)

    assert watched.told == []
    assert room.asked.count(Want.INSTRUMENT) == 1


def test_a_tick_that_the_feed_calls_another_symbols_moves_nothing_and_makes_the_desk_ask(room: MarketRoom) -> None:
    watched = Watched(room)

    room.see(101, called="INFY-EQ")

    assert watched.told == []
    assert room.asked.count(Want.PRICE) == 1


def test_a_tick_of_another_instrument_that_comes_again_is_told_for_what_it_is(room: MarketRoom) -> None:
    Watched(room)

    for _ in range(2):
        room.see(101, called="INFY-EQ")
        room.wait(1)
        room.found(BANDED)

    (warned,) = room.notifier.of(RaiseAlert)
    assert "another instrument" in warned.alert.what
    assert "outside" not in warned.alert.what


def test_a_wrong_tick_that_comes_again_is_told_also_while_the_quotes_are_right(room: MarketRoom) -> None:
    watched = Watched(room)
    for _ in range(5):
        room.see(24631)
        room.clock.advance(READ_AGAIN_S / 2)
        room.found(BANDED)
        room.read(room.tick(200))
        room.clock.advance(READ_AGAIN_S)

    (alert,) = [one.alert for one in room.notifier.of(RaiseAlert)]
    assert "24631" in alert.what
    assert set(watched.told) == {200}


def test_an_impossible_price_is_told_again_when_it_comes_again_much_later(room: MarketRoom) -> None:
    Watched(room)
    for _ in range(2):
        for _ in range(5):
            room.see(24631)
            room.clock.advance(1)
            room.found(BANDED)
        room.see(200)
        room.clock.advance(3 * 3600)

    assert len(room.notifier.of(RaiseAlert)) == 2


def test_a_band_that_counts_as_unknown_is_asked_for_until_it_is_read(room: MarketRoom) -> None:
    watched = Watched(room)
    room.see(70)
    room.see(300)
    room.found(AWAY)
    room.broker.messages.clear()
    room.clock.advance(EDGE_AGAIN_S + 1)

    room.see(71)
    assert room.asked.count(Want.INSTRUMENT) == 1
    room.found(BANDED)
    room.see(41)

    assert watched.told == [70, 71], "41 is near enough to 71, and outside the band"


def test_a_price_of_another_instrument_takes_no_band_away(room: MarketRoom) -> None:
    watched = Watched(room)
    room.see(70)
    room.clock.advance(PRICE_AGE_S_MAX + 1)
    room.show(300, token="999")
    room.found(AWAY)

    room.see(45)

    assert watched.told == [70]


def test_without_a_band_a_second_source_confirms_a_fast_move(room: MarketRoom) -> None:
    # An option went from 200 to 500 within seconds, and no band of it can be read: its stop has to see that.
    watched = Watched(room)
    room.found(instrument(lower_circuit=None, upper_circuit=None))
    room.see(200)
    room.clock.advance(3)

    room.see(500)
    room.read(room.tick(490))
    room.see(505)

    assert watched.told == [200, 490, 505]


def test_with_a_band_no_second_source_confirms_what_lies_outside(room: MarketRoom) -> None:
    watched = Watched(room)
    room.see(24631)
    room.read(room.tick(24631))
    room.see(24631)

    assert watched.told == []


def test_two_sources_confirm_nothing_against_a_band_that_can_not_be_read_now(room: MarketRoom) -> None:
    # The day has a band: a wrong tick and a wrong quote do not do away with it, only because the look-up failed too.
    watched = Watched(room)
    room.see(200)
    room.see(24631)
    room.found(AWAY)

    room.see(24631)
    room.read(room.tick(24631))
    room.see(24631)

    assert watched.told == [200]


def test_one_source_alone_confirms_nothing(room: MarketRoom) -> None:
    watched = Watched(room)
    room.found(instrument(lower_circuit=None, upper_circuit=None))
    room.see(200)

    room.see(500)
    room.see(501)

    assert watched.told == [200]


def test_a_question_that_waits_for_a_price_at_the_days_turn_is_asked_again(room: MarketRoom) -> None:
    room.ask("c1")
    room.found()
    room.clock.advance(24 * 3600)

    room.read()
    assert room.prices == {}
    room.found()
    room.read()

    assert room.prices == {"c1": 100}


def test_a_row_of_another_token_is_no_price_of_this_instrument(room: MarketRoom) -> None:
    watched = Watched(room)

    room.show(100, token="999")

    assert watched.told == []


def test_without_a_band_prices_that_contradict_each_other_are_doubted(room: MarketRoom) -> None:
    watcher = Probe()
    room.actor.on_receive(WatchPrice(exchange=Exchange.NSE, symbol="RELIANCE-EQ", subscriber=watcher))
    room.found(AWAY)
    room.show(200)

    room.see(24631)

    assert [one.tick.last_price for one in watcher.of(PriceTicked)] == [200]


def test_a_doubted_price_is_no_reference(room: MarketRoom) -> None:
    Watched(room)
    room.see(200)
    room.see(24631)

    room.ask_out(price=None)

    reference = room.way_out.reference
    assert reference is not None
    assert reference.price == 200


def test_what_is_held_and_shown_without_a_price_is_asked_for_while_none_is_fresh(room: MarketRoom) -> None:
    Watched(room)

    for _ in range(3):
        room.show(None)
    room.read(room.tick(100))
    room.show(None)

    assert room.asked.count(Want.PRICE) == 1


def test_what_is_held_without_a_price_is_looked_up_where_nobody_has(room: MarketRoom) -> None:
    room.show(None)

    assert room.asked == [Want.INSTRUMENT]


def test_a_flat_row_without_a_price_is_no_question(room: MarketRoom) -> None:
    Watched(room)

    room.show(None, units=0)

    assert room.broker.messages == []
    assert room.risk.only(PositionsSeen).doubted == frozenset()


@pytest.mark.parametrize(
    ("price", "token", "doubted"),
    [(100, "", False), (24631, "", True), (59, "", True), (None, "", True), (100, "999", True)],
)
def test_the_days_figures_are_told_with_what_stands_on_no_price(
    room: MarketRoom, price: int | None, token: str, *, doubted: bool
) -> None:
    Watched(room)
    room.see(200)

    room.show(price, token)

    told = room.risk.only(PositionsSeen)
    assert told.doubted == ({(Exchange.NSE, "RELIANCE-EQ")} if doubted else frozenset())
    assert len(told.book.rows) == 1


def test_watched_instruments_are_read_anew_as_the_day_turns(room: MarketRoom) -> None:
    Watched(room)
    room.show(200)
    room.broker.messages.clear()
    room.clock.advance(24 * 3600)

    room.show(200)

    assert room.asked.count(Want.INSTRUMENT) == 1


def test_a_start_goes_by_what_was_last_traded(room: MarketRoom) -> None:
    stored = SeenPrice(price=Decimal(88), source=PriceSource.STORED, seen_at=room.clock.now() - timedelta(days=1))
    room.actor = MarketActor(
        mail=mailboxes(
            supervisor=room.supervisor, command=room.command, broker=room.broker, risk=room.risk, notifier=room.notifier
        ),
        runtime=runtime(room.clock, timer=room.timer),
        feed=room.feed,
        remembered={(Exchange.NSE, "RELIANCE-EQ"): stored},
    )
    own_mailbox(room.actor)

    room.ask_out()
    room.found(AWAY)

    reference = room.way_out.reference
    assert reference is not None
    assert (reference.price, reference.source) == (Decimal(88), PriceSource.STORED)
