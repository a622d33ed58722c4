from datetime import timedelta
from decimal import Decimal
from queue import SimpleQueue
from typing import Any

import pytest

from actors.market import EXIT_WAIT_S
from actors.messages.alerts import RaiseAlert
from actors.messages.market import (
    FindUnwatched,
    OrderPriced,
    PriceOrder,
    PriceQuestion,
    PriceTicked,
    WatchPrice,
    WatchUnheard,
)
from actors.runtime.subscribers import TICK_BACKLOG_MAX
from domain.broker.reply_types import InstrumentReply, Unavailable, UnknownInstrument
from domain.exits.pricing import ExitShape
from domain.market.instrument import Instrument
from domain.market.knowledge import FAILED_REST_S, READ_AGAIN_S, STANDS_IN_AFTER_S, Want
from domain.market.price import PRICE_AGE_S_MAX, PriceSource
from domain.market.watching import LOOK_S, TOLD_S
from domain.orders.types import Exchange, Side
from domain.read_models import UnwatchedNow
from tests.actors.market_room import AWAY, BANDED, SHARE, MarketRoom
from tests.fakes import FakeClock, Probe, instrument


@pytest.fixture
def room() -> MarketRoom:
    return MarketRoom()


def test_many_questions_about_one_symbol_are_asked_once(room: MarketRoom) -> None:
    room.ask("c1", "c2", "c3")
    room.found()
    room.read()

    assert room.asked == [Want.INSTRUMENT, Want.PRICE]
    assert room.prices == {"c1": 100, "c2": 100, "c3": 100}


def test_an_order_with_its_own_price_needs_no_other(room: MarketRoom) -> None:
    room.ask("c1", needs_price=False)
    room.found()

    assert Want.PRICE not in room.asked
    assert room.prices == {"c1": None}


def test_a_known_instrument_is_not_asked_for_again_today(room: MarketRoom) -> None:
    room.ask("c1", needs_price=False)
    room.found()

    room.ask("c2", needs_price=False)

    assert room.asked.count(Want.INSTRUMENT) == 1
    assert set(room.prices) == {"c1", "c2"}


def test_instruments_are_asked_for_anew_each_day(room: MarketRoom) -> None:
    # Circuit limits and freeze quantities are set each morning.
    room.ask("c1", needs_price=False)
    room.found()

    room.clock.advance(24 * 3600)
    room.ask("c2", needs_price=False)

    assert room.asked.count(Want.INSTRUMENT) == 2


def test_a_tick_saves_the_question(room: MarketRoom) -> None:
    room.ask("c1", needs_price=False)
    room.found()
    room.see(105)

    room.ask("c2")

    assert Want.PRICE not in room.asked
    assert room.prices["c2"] == 105


@pytest.mark.parametrize(("age", "asked"), [(PRICE_AGE_S_MAX, 0), (PRICE_AGE_S_MAX + 0.1, 1)])
def test_a_stale_price_is_asked_for_again(room: MarketRoom, age: float, asked: int) -> None:
    room.ask("c1", needs_price=False)
    room.found()
    room.see(105)
    room.clock.advance(age)

    room.ask("c2")

    assert room.asked.count(Want.PRICE) == asked


def test_a_price_from_before_the_clock_stepped_back_is_stale(room: MarketRoom) -> None:
    # D10: else a price would stay fresh for an hour.
    room.ask("c1", needs_price=False)
    room.found()
    room.see(105)
    room.clock.advance(60)
    room.clock.now_is -= timedelta(hours=1)

    room.ask("c2")

    assert room.asked.count(Want.PRICE) == 1


@pytest.mark.parametrize(
    "reply", [UnknownInstrument(Exchange.NSE, "RELIANCE-EQ"), Unavailable("away", FakeClock().now())]
)
def test_an_instrument_that_was_not_found_is_told_and_asked_for_again(room: MarketRoom, reply: InstrumentReply) -> None:
    room.ask("c1", "c2")
    room.found(reply)
    room.ask("c3")

    assert [one.instrument for one in room.command.of(OrderPriced)] == [reply, reply]
    assert room.asked.count(Want.INSTRUMENT) == 2


def test_a_price_that_could_not_be_read_leaves_the_order_without_one(room: MarketRoom) -> None:
    room.ask("c1")
    room.found()
    room.read(Unavailable("away", room.clock.now()))

    assert room.prices == {"c1": None}


def test_a_watched_symbol_is_looked_up_and_watched_at_the_feed(room: MarketRoom) -> None:
    subscriber = Probe()
    room.actor.on_receive(WatchPrice(exchange=Exchange.NSE, symbol="RELIANCE-EQ", subscriber=subscriber))

    room.found()
    room.see(101)

    assert room.feed.watched == [SHARE]
    assert [one.tick.last_price for one in subscriber.of(PriceTicked)] == [101]


def test_ticks_go_to_those_who_watch_the_symbol_only(room: MarketRoom) -> None:
    other = Probe()
    room.actor.on_receive(WatchPrice(exchange=Exchange.NSE, symbol="INFY-EQ", subscriber=other))

    room.see(101)

    assert other.messages == []


def test_a_watched_symbol_whose_look_up_failed_is_looked_up_again(room: MarketRoom) -> None:
    # The broker may be away just when the strategies begin.
    room.actor.on_receive(WatchPrice(exchange=Exchange.NSE, symbol="RELIANCE-EQ", subscriber=Probe()))
    room.found(Unavailable("no session yet", room.clock.now()))

    room.ask("c1")
    room.found()

    assert room.feed.watched == [SHARE]


class Full(Probe):
    """A subscriber whose mailbox is as full as told."""

    def __init__(self, waiting: int) -> None:
        super().__init__()
        self.actor_inbox: SimpleQueue[Any] = SimpleQueue()
        for number in range(waiting):
            self.actor_inbox.put(number)


@pytest.mark.parametrize(("waiting", "told"), [(TICK_BACKLOG_MAX - 1, 1), (TICK_BACKLOG_MAX, 0)])
def test_a_subscriber_that_does_not_read_misses_ticks_and_hurts_only_itself(
    room: MarketRoom, waiting: int, told: int
) -> None:
    slow, quick = Full(waiting), Probe()
    for subscriber in (slow, quick):
        room.actor.on_receive(WatchPrice(exchange=Exchange.NSE, symbol="RELIANCE-EQ", subscriber=subscriber))

    room.see(101)

    assert len(slow.messages) == told
    assert len(quick.messages) == 1


def test_a_dead_subscriber_is_forgotten_and_the_others_hear(room: MarketRoom) -> None:
    gone, quick = Probe(dead=True), Probe()
    for subscriber in (gone, quick):
        room.actor.on_receive(WatchPrice(exchange=Exchange.NSE, symbol="RELIANCE-EQ", subscriber=subscriber))

    room.see(101)
    gone.dead = False
    room.see(102)

    assert len(quick.messages) == 2
    assert gone.messages == []


def test_the_books_price_stands_in_for_a_silent_feed_alone_and_prices_no_entry(room: MarketRoom) -> None:
    watcher = Probe()
    room.actor.on_receive(WatchPrice(exchange=Exchange.NSE, symbol="RELIANCE-EQ", subscriber=watcher))
    room.see(100)
    room.show(90)
    assert [one.tick.last_price for one in watcher.of(PriceTicked)] == [100]
    room.clock.advance(STANDS_IN_AFTER_S)
    room.show(91)
    assert [one.tick.last_price for one in watcher.of(PriceTicked)] == [100]
    room.clock.advance(0.1)
    room.show(92)
    room.clock.advance(PRICE_AGE_S_MAX)

    room.show(95)
    room.ask("c1")
    room.found()

    assert [one.tick.last_price for one in watcher.of(PriceTicked)] == [100, 92, 95]
    assert Want.PRICE in room.asked, "an order asks the broker itself"


# What an exit waits for, and what it goes by.


def test_an_exit_leans_on_the_books_price_and_asks_for_none(room: MarketRoom) -> None:
    room.ask("c1", needs_price=False)
    room.found()
    room.show(95)

    room.ask_out()

    reference = room.way_out.reference
    assert reference is not None
    assert (reference.price, reference.source) == (Decimal(95), PriceSource.POSITION)
    assert Want.PRICE not in room.asked


def test_an_exit_leaves_with_an_old_price_when_the_quote_is_refused(room: MarketRoom) -> None:
    room.ask("c1", needs_price=False)
    room.found()
    room.see(105)
    room.clock.advance(60)

    room.ask_out()
    room.read(AWAY)

    reference = room.way_out.reference
    assert reference is not None
    assert (reference.price, reference.age_s) == (Decimal(105), 60.0)
    assert room.way_out.last_price is None, "an entry would not lean on it"


def test_an_exit_waits_for_a_hanging_quote_so_long_only(room: MarketRoom) -> None:
    room.ask("c1", needs_price=False)
    room.found()
    room.show(95)
    room.clock.advance(60)
    room.ask_out()

    room.wait(EXIT_WAIT_S)

    assert room.way_out.reference is not None
    room.read()
    assert len(room.command.of(OrderPriced)) == 2, "it is answered once"


def test_two_questions_of_one_id_are_answered_each_for_what_it_is_about(room: MarketRoom) -> None:
    shape = ExitShape(side=Side.SELL, quantity=10)
    both = (PriceQuestion.EXIT, PriceQuestion.ORDER)
    for about in both:
        room.actor.on_receive(
            PriceOrder(
                about=about, command_id="out", exchange=Exchange.NSE, symbol="RELIANCE-EQ", needs_price=True, exit=shape
            )
        )

    room.wait(EXIT_WAIT_S)

    assert [one.about for one in room.command.of(OrderPriced)] == [*both]


def test_a_quote_that_hangs_is_waited_for_once(room: MarketRoom) -> None:
    room.ask("c1", needs_price=False)
    room.found()
    room.show(95)
    room.clock.advance(60)
    room.ask_out("first")
    room.wait(EXIT_WAIT_S)

    room.ask_out()

    assert room.way_out.reference is not None, "at once"
    assert room.asked.count(Want.PRICE) == 1
    room.read()
    assert room.way_out.reference.price == 95, "it is answered once"


def test_what_failed_just_before_is_not_waited_for_again(room: MarketRoom) -> None:
    room.ask("c1", needs_price=False)
    room.found()
    room.see(105)
    room.clock.advance(60)
    room.ask_out("first")
    room.read(AWAY)

    room.ask_out()

    assert room.way_out.reference is not None
    assert room.asked.count(Want.PRICE) == 1
    room.clock.advance(FAILED_REST_S)
    room.ask_out("later")
    assert room.asked.count(Want.PRICE) == 2


def test_an_exit_leaves_however_often_its_quote_has_failed(room: MarketRoom) -> None:
    # Blind stops ask all day long.
    room.ask("c1", needs_price=False)
    room.found()
    for _ in range(2_000):
        room.read(AWAY)
        room.clock.advance(PRICE_AGE_S_MAX)

    room.ask_out()
    room.wait(EXIT_WAIT_S)

    assert isinstance(room.way_out.instrument, Instrument)


def test_an_exit_of_a_symbol_that_can_not_be_looked_up_goes_by_the_position_row(room: MarketRoom) -> None:
    room.show(95)

    room.ask_out()
    room.found(AWAY)

    found = room.way_out.instrument
    assert isinstance(found, Instrument)
    assert (found.tick, found.lot, found.lower_circuit) == (Decimal("0.10"), 5, None)


def test_an_exit_of_a_symbol_nobody_knows_is_answered_all_the_same(room: MarketRoom) -> None:
    room.ask_out()
    room.found(UnknownInstrument(Exchange.NSE, "RELIANCE-EQ"))

    assert isinstance(room.way_out.instrument, Instrument)


def test_yesterdays_instrument_serves_an_exit_without_its_band(room: MarketRoom) -> None:
    room.ask("c1", needs_price=False)
    room.found(BANDED)
    room.clock.advance(24 * 3600)

    room.ask_out()
    room.found(AWAY)

    found = room.way_out.instrument
    assert isinstance(found, Instrument)
    assert (found.token, found.upper_circuit) == (BANDED.token, None)


@pytest.mark.parametrize(("quantity", "lot"), [(65, 1), (130, 1), (150, 75)])
def test_a_lot_of_yesterday_cuts_no_exit_while_todays_can_not_be_read(
    room: MarketRoom, quantity: int, lot: int
) -> None:
    # Lots change overnight: what is held says more than what was demanded yesterday.
    room.ask("c1", needs_price=False)
    room.found(instrument(lot=75))
    room.clock.advance(24 * 3600)

    room.ask_out(quantity=quantity)
    room.found(AWAY)

    found = room.way_out.instrument
    assert isinstance(found, Instrument)
    assert found.lot == lot


@pytest.mark.parametrize(("quantity", "price"), [(10, Decimal(300)), (10, Decimal("100.03"))])
def test_what_would_cut_an_exit_is_read_anew_first(room: MarketRoom, quantity: int, price: Decimal) -> None:
    room.ask("c1", needs_price=False)
    room.found(BANDED)
    room.clock.advance(READ_AGAIN_S + 1)

    room.ask_out(quantity=quantity, price=price)
    assert room.asked.count(Want.INSTRUMENT) == 2
    wider = instrument(lower_circuit=Decimal(1), upper_circuit=Decimal(1000), tick=Decimal("0.01"))
    room.found(wider)

    assert room.way_out.instrument == wider


@pytest.mark.parametrize("lot", [4, 3])
def test_a_lot_that_would_cut_an_exit_is_read_anew_first(room: MarketRoom, lot: int) -> None:
    room.ask("c1", needs_price=False)
    room.found(instrument(lot=lot))
    room.see(100)
    room.clock.advance(READ_AGAIN_S + 1)

    room.ask_out(quantity=10)

    assert room.asked.count(Want.INSTRUMENT) == 2


def test_a_question_anew_asks_the_broker_however_fresh_the_price_is(room: MarketRoom) -> None:
    room.ask("c1", needs_price=False)
    room.found()
    room.see(100)

    room.actor.on_receive(
        PriceOrder(command_id="doubt", exchange=Exchange.NSE, symbol="RELIANCE-EQ", needs_price=True, anew=True)
    )

    assert room.asked.count(Want.PRICE) == 1


class Watcher:
    """A strategy that watches RELIANCE-EQ."""

    def __init__(self, room: MarketRoom, name: str = "trend") -> None:
        self.box = Probe()
        room.actor.on_receive(
            WatchPrice(
                exchange=Exchange.NSE, symbol="RELIANCE-EQ", subscriber=self.box, strategy=name, unheard=self.box
            )
        )


def test_a_strategys_symbol_is_looked_up_until_it_is_known(room: MarketRoom) -> None:
    watcher = Watcher(room)
    room.found(Unavailable("HTTP 502", room.clock.now()))
    room.wait(LOOK_S)
    room.found(Unavailable("HTTP 502", room.clock.now()))
    for _ in range(3):
        room.wait(LOOK_S)

    room.found()
    room.see(101)

    assert room.asked.count(Want.INSTRUMENT) == 3
    assert room.feed.watched == [SHARE]
    assert [one.tick.last_price for one in watcher.box.of(PriceTicked)] == [101]
    assert watcher.box.of(WatchUnheard) == []
    assert room.notifier.of(RaiseAlert) == []


def test_a_symbol_that_cannot_be_looked_up_for_long_is_told_to_a_person_and_its_strategy(room: MarketRoom) -> None:
    watcher = Watcher(room)
    room.found(Unavailable("HTTP 502", room.clock.now()))
    for _ in range(int(TOLD_S / LOOK_S)):
        room.wait(LOOK_S)
        room.found(Unavailable("HTTP 502", room.clock.now()))

    (alert,) = [one.alert for one in room.notifier.of(RaiseAlert)]
    (heard,) = watcher.box.of(WatchUnheard)
    now = room.actor.on_receive(FindUnwatched())
    assert isinstance(now, UnwatchedNow)
    assert alert.what.startswith("trend watches RELIANCE-EQ (NSE) and gets no prices")
    assert (heard.symbol, heard.why) == ("RELIANCE-EQ", "RELIANCE-EQ (NSE) could not be looked up: HTTP 502")
    assert [one.strategies for one in now.missing] == [("trend",)]

    room.found()

    assert room.notifier.of(RaiseAlert)[-1].alert.ends
    assert room.actor.on_receive(FindUnwatched()) == UnwatchedNow(missing=())


def test_a_symbol_that_the_broker_does_not_know_is_told_at_once(room: MarketRoom) -> None:
    watcher = Watcher(room)

    room.found(UnknownInstrument(Exchange.NSE, "RELIANCE-EQ"))

    assert "the broker knows no RELIANCE-EQ on NSE" in room.notifier.only(RaiseAlert).alert.what
    assert watcher.box.only(WatchUnheard).why == "the broker knows no RELIANCE-EQ on NSE"


def test_what_could_not_be_read_anew_at_the_days_turn_is_looked_up_again(room: MarketRoom) -> None:
    Watcher(room)
    room.found()
    room.clock.advance(24 * 3_600)
    room.see(101)
    room.found(Unavailable("HTTP 502", room.clock.now()))
    asked = room.asked.count(Want.INSTRUMENT)

    room.wait(LOOK_S)

    assert room.asked.count(Want.INSTRUMENT) == asked + 1
    assert room.actor.on_receive(FindUnwatched()) == UnwatchedNow(missing=())
