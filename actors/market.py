"""What the desk knows of instruments and prices: asks for what is missing, passes on what is believed.

It stands beside the six actors so that a tick never waits behind a broker's request or a commit (docs/architecture.md).
What is believed, and what an order has to wait for, is judged in `domain/market/knowledge.py`. An exit waits
`EXIT_WAIT_S` at most, then leaves with the best that is known.
"""

from collections.abc import Mapping
from decimal import Decimal
from typing import Final, Protocol, TypeAlias, assert_never

from actors.messages.alerts import RaiseAlert
from actors.messages.books import PositionsRead
from actors.messages.broker import LookedUp, LookUp
from actors.messages.inboxes import MarketInbox
from actors.messages.market import (
    AnswerExit,
    FindUnwatched,
    LookUpWatched,
    OrderPriced,
    PriceOrder,
    PriceSeen,
    PriceTicked,
    WatchPrice,
    WatchUnheard,
)
from actors.messages.orders import OrderChanged
from actors.messages.risk import PositionsSeen
from actors.runtime.address import Address, post
from actors.runtime.mailboxes import Mailboxes, Runtime
from actors.runtime.shared_thread import SharedThreadActor
from actors.runtime.subscribers import Subscribers
from domain.alerts.text.prices import impossible_price_alert
from domain.broker.reply_types import InstrumentReply, Unavailable, UnknownInstrument
from domain.broker.snapshots import Book, PositionRow, Tick, prices_in
from domain.market.instrument import Instrument
from domain.market.knowledge import EDGE_AGAIN_S, READ_AGAIN_S, Key, MarketKnowledge, Want
from domain.market.price import Belief, PriceSource, SeenPrice
from domain.market.watching import LOOK_S, Watching, unwatched_alert, watched_alert
from domain.orders.order import Order
from domain.ports import trading_day
from domain.read_models import UnwatchedNow

EXIT_WAIT_S: Final = 1.0
"""An exit waits so long for a price or an instrument to be read."""

Waiting: TypeAlias = tuple[Key, Want]


class Feed(Protocol):
    """What brings ticks of an instrument once it is watched."""

    def watch(self, instrument: Instrument) -> None:
        """Bring ticks of this instrument from now on."""


class MarketActor(SharedThreadActor):
    """Owns what is known, the questions that wait for it, and the subscriptions."""

    def __init__(
        self,
        *,
        mail: Mailboxes,
        runtime: Runtime,
        feed: Feed,
        remembered: Mapping[Key, SeenPrice],
    ) -> None:
        super().__init__(mail.supervisor)
        self._command = mail.command
        self._broker = mail.broker
        self._risk = mail.risk
        self._notifier = mail.notifier
        self._feed = feed
        self._clock = runtime.clock
        self._timer = runtime.timer
        self._known = MarketKnowledge()
        for key, price in remembered.items():
            self._known.remember(key, price)
        self._questions: dict[Waiting, list[PriceOrder]] = {}
        self._asking: dict[Waiting, float] = {}  # since which monotonic second
        self._subscribers = Subscribers()
        self._watching = Watching()
        self._unheard: dict[tuple[Key, str], Address[WatchUnheard]] = {}
        self._looks_again = False

    def on_receive(self, message: MarketInbox) -> UnwatchedNow | None:
        """Answer what an order needs to know, and pass believed prices on."""
        self._enter_day()
        match message:
            case PriceOrder():
                self._price(message)
            case AnswerExit():
                self._give_up(message.question)
            case LookedUp():
                self._learn(message)
            case WatchPrice():
                self._watch(message)
            case LookUpWatched():
                self._look_up_watched()
            case FindUnwatched():
                return UnwatchedNow(missing=self._watching.lacking())
            case PriceSeen():
                self._see(message.tick, PriceSource.TICK)
            case PositionsRead():
                if not isinstance(message.book, Unavailable):
                    self._see_book(message.book)
            case OrderChanged():
                self._see_trade(message.order)
            case _:
                assert_never(message)
        return None

    def _see_trade(self, order: Order) -> None:
        """Remember at what price the account has traded: something to fall back on."""
        if order.average_price is not None:
            price = SeenPrice(price=order.average_price, source=PriceSource.TRADE, seen_at=order.updated_at)
            self._known.remember((order.command.exchange, order.command.symbol), price)

    # what orders need to know

    def _price(self, question: PriceOrder) -> None:
        """Answer from what is known; ask the broker for what is worth waiting for."""
        key, now, now_s = (question.exchange, question.symbol), self._clock.now(), self._clock.monotonic()
        if question.exit is not None:
            want = self._known.wants_for_exit(key, question.exit, now, now_s)
        elif question.anew and self._known.instrument(key) is not None:
            want = Want.PRICE
        else:
            want = self._known.wants_for_entry(key, now, needs_price=question.needs_price)
        if want is None or (question.exit is not None and self._hangs((key, want), now_s)):
            self._answer(question)
            return
        self._questions.setdefault((key, want), []).append(question)
        self._ask(key, want)
        if question.exit is not None:
            self._timer.tell_after(EXIT_WAIT_S, self.actor_ref, AnswerExit(question=question))

    def _hangs(self, asked: Waiting, now_s: float) -> bool:
        return now_s - self._asking.get(asked, now_s) >= EXIT_WAIT_S

    def _ask(self, key: Key, want: Want) -> None:
        """Ask the broker, unless it is being asked."""
        if (key, want) in self._asking:
            return
        instrument = self._known.instrument(key)
        self._asking[key, want] = self._clock.monotonic()
        assert want is Want.INSTRUMENT or instrument is not None, "a price is asked for by the instrument's token"
        known = None if want is Want.INSTRUMENT else instrument
        post(self._broker, LookUp(exchange=key[0], symbol=key[1], instrument=known))

    def _answer(
        self,
        question: PriceOrder,
        failed: InstrumentReply | None = None,
        stands: Tick | None = None,
        quote: Tick | None = None,
    ) -> None:
        key, now = (question.exchange, question.symbol), self._clock.now()
        instrument = failed or self._known.instrument(key)
        if question.exit is not None:
            message = failed if isinstance(failed, Unavailable) else None
            instrument = self._known.best_instrument(key, message, question.exit.quantity)
        if instrument is None:
            self._price(question)  # the day has turned since it was asked
            return
        priced = OrderPriced(
            about=question.about,
            command_id=question.command_id,
            instrument=instrument,
            last_price=_price_of(stands) if question.anew else self._known.fresh_price(key, now),
            reference=self._known.reference(key, now),
            quote=_price_of(quote),
        )
        post(question.reply_to or self._command, priced)

    def _give_up(self, question: PriceOrder) -> None:
        """Let an exit that has waited long enough leave with what is known."""
        for waiting in self._questions.values():
            if question in waiting:
                waiting.remove(question)
                self._answer(question)

    def _learn(self, message: LookedUp) -> None:
        key = (message.exchange, message.symbol)
        self._asking.pop((key, message.want), None)
        waiting = self._questions.pop((key, message.want), [])
        match message.reply:
            case Instrument():
                self._mind_watched(key, message.reply)
                self._learn_instrument(key, message.reply, waiting)
            case Tick():
                self._learn_price(key, message.reply, waiting)
            case UnknownInstrument() | Unavailable():
                self._miss(key, message.want, message.reply, waiting)
            case _:
                assert_never(message.reply)

    def _learn_instrument(self, key: Key, instrument: Instrument, waiting: list[PriceOrder]) -> None:
        self._known.learn_instrument(instrument, self._clock.monotonic())
        if key in self._subscribers:
            self._feed.watch(instrument)
        for question in waiting:
            self._price(question)

    def _learn_price(self, key: Key, quote: Tick, waiting: list[PriceOrder]) -> None:
        stands = self._see(quote, PriceSource.QUOTE)
        if stands is None:
            self._known.fail(key, Want.PRICE, self._clock.monotonic())
        for question in waiting:
            self._answer(question, stands=stands, quote=stands and quote)

    def _miss(self, key: Key, want: Want, reply: UnknownInstrument | Unavailable, waiting: list[PriceOrder]) -> None:
        """Answer with what is known for want of better. An instrument that is missing is the answer itself."""
        if want is Want.INSTRUMENT:
            self._mind_watched(key, reply)
        self._known.fail(key, want, self._clock.monotonic())
        for question in waiting:
            self._answer(question, reply if want is Want.INSTRUMENT else None)

    # what the market shows

    def _watch(self, message: WatchPrice) -> None:
        key = (message.exchange, message.symbol)
        self._subscribers.add(key, message.subscriber)
        instrument = self._known.instrument(key)
        if instrument is not None:
            self._feed.watch(instrument)
            return
        if message.unheard is not None:
            self._unheard[key, message.strategy] = message.unheard
        self._want(key, message.strategy)

    def _want(self, key: Key, strategy: str = "") -> None:
        """Look a watched symbol up until it is known."""
        self._watching.want(key, strategy, self._clock.monotonic())
        self._ask(key, Want.INSTRUMENT)
        self._look_again()

    def _mind_watched(self, key: Key, reply: InstrumentReply) -> None:
        found = self._watching.answered(key, reply, self._clock.monotonic())
        if found is not None:
            post(self._notifier, RaiseAlert(alert=watched_alert(found)))
        self._tell_unwatched()

    def _look_up_watched(self) -> None:
        self._looks_again = False
        key = self._watching.due(self._clock.monotonic())
        if key is not None:
            self._ask(key, Want.INSTRUMENT)
        self._tell_unwatched()
        self._look_again()

    def _look_again(self) -> None:
        if self._watching and not self._looks_again:
            self._looks_again = True
            self._timer.tell_after(LOOK_S, self.actor_ref, LookUpWatched())

    def _tell_unwatched(self) -> None:
        """Tell a person and the strategies of what is watched and brings no prices."""
        for one in self._watching.news(self._clock.monotonic()):
            post(self._notifier, RaiseAlert(alert=unwatched_alert(one)))
            for strategy in one.strategies:
                address = self._unheard.get((one.key, strategy))
                if address is not None:
                    post(address, WatchUnheard(exchange=one.key[0], symbol=one.key[1], why=one.message))

    def _see(self, tick: Tick, source: PriceSource) -> Tick | None:
        """Pass on what is believed, and return it; ask the broker where it is doubted.

        What a younger price has overtaken tells the rest that it knows (the previous close) at that price.
        """
        key, now_s = (tick.exchange, tick.symbol), self._clock.monotonic()
        belief = self._known.judge(tick, source, self._clock.now(), now_s)
        if belief is Belief.OVERTAKEN:
            tick = self._known.standing(tick, self._clock.now())
        if belief in {Belief.BELIEVED, Belief.OVERTAKEN}:
            self._subscribers.tell(PriceTicked(tick=tick))
            return tick
        again_s = EDGE_AGAIN_S if belief is Belief.AT_EDGE else READ_AGAIN_S
        if self._known.may_ask(key, Want.INSTRUMENT, now_s, again_s):
            self._ask(key, Want.INSTRUMENT)
        if belief is Belief.AT_EDGE:
            self._subscribers.tell(PriceTicked(tick=tick))
            return tick
        self._ask_again(key)
        if belief is Belief.DOUBTED_AGAIN:
            alert = impossible_price_alert(tick, source, self._known.instrument(key))
            post(self._notifier, RaiseAlert(alert=alert))
        return None

    def _see_book(self, book: Book[PositionRow]) -> None:
        """Let the book's prices stand in for a feed that is silent; ask for those it lacks, and tell risk of them."""
        now = self._clock.now()
        self._known.learn_rows(book)
        for tick in prices_in(book):
            key = (tick.exchange, tick.symbol)
            if not self._known.hears(key, now):
                self._see(tick, PriceSource.POSITION)
        doubted = self._known.doubted_rows(book, now)
        for key in sorted(one for one in doubted if self._known.fresh_price(one, now) is None):
            self._ask_again(key)
        post(self._risk, PositionsSeen(book=book, doubted=doubted))

    def _ask_again(self, key: Key) -> None:
        """Ask for a price on the market's own account, for the instrument before that."""
        want = Want.INSTRUMENT if self._known.instrument(key) is None else Want.PRICE
        if self._known.may_ask(key, want, self._clock.monotonic()):
            self._ask(key, want)

    def _enter_day(self) -> None:
        """Read anew each day what is watched: circuit limits, lots and freeze quantities are set each morning."""
        first = not self._known.has_day
        if self._known.enter_day(trading_day(self._clock.now())) and not first:
            for key in self._subscribers:
                self._want(key)


def _price_of(tick: Tick | None) -> Decimal | None:
    return None if tick is None else tick.last_price
