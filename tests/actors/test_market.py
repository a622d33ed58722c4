from dataclasses import replace
from datetime import datetime, timedelta
from decimal import Decimal
from queue import SimpleQueue
from typing import Any

import pytest

from actors.market import EXIT_WAIT_S, MarketActor
from actors.messages.alerts import RaiseAlert
from actors.messages.broker import InstrumentRead, PriceRead, ReadInstrument, ReadPrice
from actors.messages.market import (
    AnswerExit,
    BookPricesSeen,
    FindUnwatched,
    LookUpWatched,
    OrderPriced,
    PriceOrder,
    PriceQuestion,
    PriceSeen,
    PriceTicked,
    UnwatchedNow,
    WatchPrice,
    WatchUnheard,
)
from actors.messages.risk import PositionsSeen
from actors.runtime.subscribers import TICK_BACKLOG_MAX
from domain.broker.reply_types import InstrumentReply, PriceReply, Unavailable, UnknownInstrument
from domain.broker.snapshots import Book, PositionRow, Tick
from domain.exits.pricing import ExitShape
from domain.market.instrument import Instrument
from domain.market.knowledge import EDGE_AGAIN_S, FAILED_REST_S, READ_AGAIN_S, STANDS_IN_AFTER_S
from domain.market.price import PRICE_AGE_S_MAX, PriceSource, SeenPrice
from domain.market.watching import LOOK_S, TOLD_S
from domain.orders.types import Exchange, Side
from tests.actors.rooms import own_mailbox
from tests.fakes import FakeClock, FakeFeed, ManualTimer, Probe, instrument, mailboxes, runtime

SHARE = instrument()


class MarketRoom:
    """A MarketActor without a thread."""

    def __init__(self) -> None:
        self.clock = FakeClock()
        self.supervisor, self.command, self.broker, self.risk, self.notifier = (Probe() for _ in range(5))
        self.feed = FakeFeed()
        self.timer = ManualTimer(self.clock)
        self.actor = MarketActor(
            mail=mailboxes(
                supervisor=self.supervisor,
                command=self.command,
                broker=self.broker,
                risk=self.risk,
                notifier=self.notifier,
            ),
            runtime=runtime(self.clock, timer=self.timer),
            feed=self.feed,
            remembered={},
        )
        self.mailbox = own_mailbox(self.actor)

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

    def see(self, price: int, called: str = "") -> None:
        self.actor.on_receive(PriceSeen(tick=replace(self.tick(price), called=called)))

    def ask_out(self, name: str = "out", quantity: int = 10, price: Decimal | None = None) -> None:
        shape = ExitShape(side=Side.SELL, quantity=quantity, price=price)
        self.actor.on_receive(
            PriceOrder(command_id=name, exchange=Exchange.NSE, symbol="RELIANCE-EQ", needs_price=True, exit=shape)
        )

    def show(self, price: int | None, token: str = "", units: int = 10, asked_at: datetime | None = None) -> None:
        row = PositionRow(
            exchange="NSE",
            symbol="RELIANCE-EQ",
            product="I",
            net_quantity=units,
            net_average_price=Decimal(90),
            last_price=None if price is None else Decimal(price),
            realised=Decimal(0),
            unrealised=Decimal(0),
            token=token,
            tick=Decimal("0.10"),
            lot=5,
        )
        self.actor.on_receive(BookPricesSeen(book=Book((row,), asked_at or self.clock.now())))

    def wait(self, seconds: float) -> None:
        self.clock.advance(seconds)
        self.timer.fire_due()
        for late in self.mailbox.of(AnswerExit):
            self.actor.on_receive(late)
        for look in self.mailbox.of(LookUpWatched):
            self.actor.on_receive(look)
        self.mailbox.messages.clear()

    @property
    def way_out(self) -> OrderPriced:
        (told,) = [one for one in self.command.of(OrderPriced) if one.command_id == "out"]
        return told

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
    assert room.broker.of(ReadPrice), "an order asks the broker itself"


# What an exit waits for, and what it goes by.

BANDED = instrument(lower_circuit=Decimal(60), upper_circuit=Decimal(240))
AWAY = Unavailable("Invalid Input :  Order Recieved 121 in a current minute exceeds Limit 120", FakeClock().now())


def test_an_exit_leans_on_the_books_price_and_asks_for_none(room: MarketRoom) -> None:
    room.ask("c1", needs_price=False)
    room.found()
    room.show(95)

    room.ask_out()

    reference = room.way_out.reference
    assert reference is not None
    assert (reference.price, reference.source) == (Decimal(95), PriceSource.POSITION)
    assert room.broker.of(ReadPrice) == []


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
    assert len(room.broker.of(ReadPrice)) == 1
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
    assert len(room.broker.of(ReadPrice)) == 1
    room.clock.advance(FAILED_REST_S)
    room.ask_out("later")
    assert len(room.broker.of(ReadPrice)) == 2


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
    assert len(room.broker.of(ReadInstrument)) == 2
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

    assert len(room.broker.of(ReadInstrument)) == 2


def test_a_question_anew_asks_the_broker_however_fresh_the_price_is(room: MarketRoom) -> None:
    room.ask("c1", needs_price=False)
    room.found()
    room.see(100)

    room.actor.on_receive(
        PriceOrder(command_id="doubt", exchange=Exchange.NSE, symbol="RELIANCE-EQ", needs_price=True, anew=True)
    )

    assert len(room.broker.of(ReadPrice)) == 1


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
    assert [type(one) for one in room.broker.messages] == [ReadInstrument, ReadPrice]
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
    assert [type(one) for one in room.broker.messages] == [ReadInstrument]


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
    assert len(room.broker.of(ReadInstrument)) == 1


def test_a_tick_that_the_feed_calls_another_symbols_moves_nothing_and_makes_the_desk_ask(room: MarketRoom) -> None:
    watched = Watched(room)

    room.see(101, called="INFY-EQ")

    assert watched.told == []
    assert len(room.broker.of(ReadPrice)) == 1


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
    assert len(room.broker.of(ReadInstrument)) == 1
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

    assert len(room.broker.of(ReadPrice)) == 1


def test_what_is_held_without_a_price_is_looked_up_where_nobody_has(room: MarketRoom) -> None:
    room.show(None)

    assert [type(one) for one in room.broker.messages] == [ReadInstrument]


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

    assert len(room.broker.of(ReadInstrument)) == 1


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

    assert len(room.broker.of(ReadInstrument)) == 3
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
    asked = len(room.broker.of(ReadInstrument))

    room.wait(LOOK_S)

    assert len(room.broker.of(ReadInstrument)) == asked + 1
    assert room.actor.on_receive(FindUnwatched()) == UnwatchedNow(missing=())
