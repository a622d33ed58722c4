from datetime import timedelta
from decimal import Decimal
from queue import SimpleQueue
from typing import Any

import pytest

from actors.market import PRICE_AGE_S_MAX, TICK_BACKLOG_MAX, MarketActor
from actors.messages import (
    BookPricesSeen,
    InstrumentRead,
    OrderPriced,
    PriceOrder,
    PriceRead,
    PriceSeen,
    PriceTicked,
    ReadInstrument,
    ReadPrice,
    WatchPrice,
)
from domain.evidence import InstrumentReply, PriceReply, Tick, Unavailable, UnknownInstrument
from domain.order import Exchange
from tests.fakes import FakeClock, FakeFeed, Probe, instrument

SHARE = instrument()


class MarketRoom:
    """A MarketActor without a thread."""

    def __init__(self) -> None:
        self.clock = FakeClock()
        self.supervisor, self.command, self.broker = Probe(), Probe(), Probe()
        self.feed = FakeFeed()
        self.actor = MarketActor(
            supervisor=self.supervisor, command=self.command, broker=self.broker, feed=self.feed, clock=self.clock
        )

    def ask(self, *names: str, needs_price: bool = True) -> None:
        for name in names:
            self.actor.on_receive(
                PriceOrder(command_id=name, exchange=Exchange.NSE, symbol="RELIANCE-EQ", needs_price=needs_price)
            )

    def found(self, reply: InstrumentReply = SHARE) -> None:
        self.actor.on_receive(InstrumentRead(exchange=Exchange.NSE, symbol="RELIANCE-EQ", reply=reply))

    def read(self, reply: PriceReply | None = None) -> None:
        self.actor.on_receive(PriceRead(instrument=SHARE, reply=reply or self.tick(100)))

    def tick(self, price: int) -> Tick:
        return Tick(exchange=Exchange.NSE, symbol="RELIANCE-EQ", last_price=Decimal(price), seen_at=self.clock.now())

    def see(self, price: int) -> None:
        self.actor.on_receive(PriceSeen(tick=self.tick(price)))

    @property
    def prices(self) -> dict[str, Decimal | None]:
        return {one.command_id: one.last_price for one in self.command.of(OrderPriced)}


@pytest.fixture
def room() -> MarketRoom:
    return MarketRoom()


def test_many_questions_about_one_symbol_are_asked_once(room: MarketRoom) -> None:
    room.ask("c1", "c2", "c3")
    room.found()
    room.read()

    assert [type(one) for one in room.broker.messages] == [ReadInstrument, ReadPrice]
    assert room.prices == {"c1": 100, "c2": 100, "c3": 100}


def test_an_order_with_its_own_price_needs_no_other(room: MarketRoom) -> None:
    room.ask("c1", needs_price=False)
    room.found()

    assert room.broker.of(ReadPrice) == []
    assert room.prices == {"c1": None}


def test_a_known_instrument_is_not_asked_for_again_today(room: MarketRoom) -> None:
    room.ask("c1", needs_price=False)
    room.found()

    room.ask("c2", needs_price=False)

    assert len(room.broker.of(ReadInstrument)) == 1
    assert set(room.prices) == {"c1", "c2"}


def test_instruments_are_asked_for_anew_each_day(room: MarketRoom) -> None:
    # Circuit limits and freeze quantities are set each morning.
    room.ask("c1", needs_price=False)
    room.found()

    room.clock.advance(24 * 3600)
    room.ask("c2", needs_price=False)

    assert len(room.broker.of(ReadInstrument)) == 2


def test_a_tick_saves_the_question(room: MarketRoom) -> None:
    room.ask("c1", needs_price=False)
    room.found()
    room.see(105)

    room.ask("c2")

    assert room.broker.of(ReadPrice) == []
    assert room.prices["c2"] == 105


@pytest.mark.parametrize(("age", "asked"), [(PRICE_AGE_S_MAX, 0), (PRICE_AGE_S_MAX + 0.1, 1)])
def test_a_stale_price_is_asked_for_again(room: MarketRoom, age: float, asked: int) -> None:
    room.ask("c1", needs_price=False)
    room.found()
    room.see(105)
    room.clock.advance(age)

    room.ask("c2")

    assert len(room.broker.of(ReadPrice)) == asked


def test_a_price_from_before_the_clock_stepped_back_is_stale(room: MarketRoom) -> None:
    # D10: else a price would stay fresh for an hour.
    room.ask("c1", needs_price=False)
    room.found()
    room.see(105)
    room.clock.advance(60)
    room.clock.now_is -= timedelta(hours=1)

    room.ask("c2")

    assert len(room.broker.of(ReadPrice)) == 1


@pytest.mark.parametrize(
    "reply", [UnknownInstrument(Exchange.NSE, "RELIANCE-EQ"), Unavailable("away", FakeClock().now())]
)
def test_an_instrument_that_was_not_found_is_told_and_asked_for_again(room: MarketRoom, reply: InstrumentReply) -> None:
    room.ask("c1", "c2")
    room.found(reply)
    room.ask("c3")

    assert [one.instrument for one in room.command.of(OrderPriced)] == [reply, reply]
    assert len(room.broker.of(ReadInstrument)) == 2


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


def test_the_books_price_stands_in_for_a_silent_feed_alone_and_prices_no_order(room: MarketRoom) -> None:
    watcher = Probe()
    room.actor.on_receive(WatchPrice(exchange=Exchange.NSE, symbol="RELIANCE-EQ", subscriber=watcher))
    room.see(100)
    room.actor.on_receive(BookPricesSeen(ticks=(room.tick(90),)))
    assert [one.tick.last_price for one in watcher.of(PriceTicked)] == [100]
    room.clock.advance(PRICE_AGE_S_MAX + 1)

    room.actor.on_receive(BookPricesSeen(ticks=(room.tick(95),)))
    room.ask("c1")
    room.found()

    assert [one.tick.last_price for one in watcher.of(PriceTicked)] == [100, 95]
    assert room.broker.of(ReadPrice), "an order asks the broker itself"
