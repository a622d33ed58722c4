"""What the desk knows of instruments and prices: owns the day's instruments, the last prices, and who watches them.

It stands beside the six actors so that a tick never waits behind a broker's request or a commit (docs/architecture.md).
"""

from decimal import Decimal
from typing import Final, Protocol, TypeAlias, assert_never

from actors.address import Address, backlog, post
from actors.loop import LoopActor
from actors.messages import (
    ActorDied,
    BookPricesSeen,
    BrokerInbox,
    CommandInbox,
    InstrumentRead,
    MarketInbox,
    OrderPriced,
    PriceOrder,
    PriceRead,
    PriceSeen,
    PriceTicked,
    ReadInstrument,
    ReadPrice,
    WatchPrice,
)
from domain.evidence import Tick
from domain.instrument import Instrument
from domain.order import Exchange
from domain.seams import Clock, trading_day

TICK_BACKLOG_MAX: Final = 1_000
"""A subscriber with more than this many messages waiting misses ticks, so that it hurts only itself."""

PRICE_AGE_S_MAX: Final = 5.0
"""An older price is asked for again before a market order leans on it."""

Key: TypeAlias = tuple[Exchange, str]


class Feed(Protocol):
    """What brings ticks of an instrument once it is watched."""

    def watch(self, instrument: Instrument) -> None:
        """Bring ticks of this instrument from now on."""


class MarketActor(LoopActor):
    """Owns instruments, last prices and subscriptions."""

    def __init__(
        self,
        *,
        supervisor: Address[ActorDied],
        command: Address[CommandInbox],
        broker: Address[BrokerInbox],
        feed: Feed,
        clock: Clock,
    ) -> None:
        super().__init__(supervisor)
        self._command = command
        self._broker = broker
        self._feed = feed
        self._clock = clock
        self._day = ""
        self._instruments: dict[Key, Instrument] = {}
        self._ticks: dict[Key, Tick] = {}
        self._questions: dict[Key, list[PriceOrder]] = {}
        self._subscribers: dict[Key, list[Address[PriceTicked]]] = {}

    def on_receive(self, message: MarketInbox) -> None:
        """Answer what an order needs to know, and pass ticks on."""
        match message:
            case PriceOrder():
                self._price(message)
            case InstrumentRead():
                self._learn_instrument(message)
            case PriceRead():
                self._learn_price(message)
            case WatchPrice():
                self._watch(message)
            case PriceSeen():
                self._pass_on(message.tick)
            case BookPricesSeen():
                self._stand_in(message.ticks)
            case _:
                assert_never(message)

    def _price(self, question: PriceOrder) -> None:
        """Answer from what is known today; ask the broker for what is not."""
        self._enter_day()
        key = (question.exchange, question.symbol)
        instrument = self._instruments.get(key)
        if instrument is not None and (not question.needs_price or self._fresh_price(key) is not None):
            self._answer(question, instrument)
            return
        waiting = self._questions.setdefault(key, [])
        waiting.append(question)
        if len(waiting) > 1:
            return
        if instrument is None:
            post(self._broker, ReadInstrument(exchange=question.exchange, symbol=question.symbol))
        else:
            post(self._broker, ReadPrice(instrument=instrument))

    def _answer(self, question: PriceOrder, instrument: Instrument) -> None:
        price = self._fresh_price((question.exchange, question.symbol))
        priced = OrderPriced(command_id=question.command_id, instrument=instrument, last_price=price)
        post(question.reply_to or self._command, priced)

    def _learn_instrument(self, message: InstrumentRead) -> None:
        key = (message.exchange, message.symbol)
        waiting = self._questions.pop(key, [])
        if not isinstance(message.reply, Instrument):
            for question in waiting:
                unknown = OrderPriced(command_id=question.command_id, instrument=message.reply, last_price=None)
                post(question.reply_to or self._command, unknown)
            return
        self._instruments[key] = message.reply
        if key in self._subscribers:
            self._feed.watch(message.reply)
        for question in waiting:
            self._price(question)

    def _learn_price(self, message: PriceRead) -> None:
        key = (message.instrument.exchange, message.instrument.symbol)
        if isinstance(message.reply, Tick):
            self._pass_on(message.reply)
        for question in self._questions.pop(key, []):
            self._answer(question, message.instrument)

    def _watch(self, message: WatchPrice) -> None:
        key = (message.exchange, message.symbol)
        self._subscribers.setdefault(key, []).append(message.subscriber)
        instrument = self._instruments.get(key)
        if instrument is None:
            post(self._broker, ReadInstrument(exchange=message.exchange, symbol=message.symbol))
        else:
            self._feed.watch(instrument)

    def _pass_on(self, tick: Tick) -> None:
        key = (tick.exchange, tick.symbol)
        self._ticks[key] = tick
        self._tell(key, tick)

    def _tell(self, key: Key, tick: Tick) -> None:
        told = PriceTicked(tick=tick)
        subscribers = self._subscribers.get(key, [])
        gone = [one for one in subscribers if backlog(one) < TICK_BACKLOG_MAX and not post(one, told)]
        for one in gone:
            subscribers.remove(one)

    def _stand_in(self, ticks: tuple[Tick, ...]) -> None:
        """Pass on the position book's price of what somebody watches, where no tick has come lately."""
        for tick in ticks:
            key = (tick.exchange, tick.symbol)
            if key in self._subscribers and self._fresh_price(key) is None:
                # Told, but not kept: an order's price is asked for when it is needed.
                self._tell(key, tick)

    def _fresh_price(self, key: Key) -> Decimal | None:
        tick = self._ticks.get(key)
        if tick is None:
            return None
        # A price from the future was seen before the clock stepped back: nobody knows how old it is.
        age_s = (self._clock.now() - tick.seen_at).total_seconds()
        return tick.last_price if 0 <= age_s <= PRICE_AGE_S_MAX else None

    def _enter_day(self) -> None:
        """Forget instruments of an earlier day: circuit limits and freeze quantities are set anew each morning."""
        day = trading_day(self._clock.now())
        if day != self._day:
            self._day = day
            self._instruments.clear()
