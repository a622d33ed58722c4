"""What callers outside the actors ask of the desk, and what they send into it."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Final

from loguru import logger

from actors.errors import DeskUnavailableError
from actors.messages.alerts import AcknowledgeAlarms, FindAlerts, RaiseAlert
from actors.messages.baskets import BasketAnswered, FindBaskets, SubmitBasket
from actors.messages.books import (
    AcceptanceUndone,
    AcceptBreak,
    FindWatchState,
    PositionsRead,
    PositionWrittenOff,
    ReconcileNow,
    UndoAcceptance,
)
from actors.messages.broker import FindBrokerState, LogIn, ReadBook
from actors.messages.changes import ChangeOrder, ResolveOrder
from actors.messages.desk import FindReadiness, JoinStrategy, KeepAlive
from actors.messages.exits import FindExits, Flatten
from actors.messages.guard import FindExposures, FindHoldings, WriteOffPosition
from actors.messages.market import FindUnwatched
from actors.messages.orders import OrderAnswered, OrderChanged, OrderDeclined, SubmitOrder
from actors.messages.persistence import FindUnwritten
from actors.messages.risk import FindPnl, FindTradingState, SetTradingState, TradingStateChanged
from actors.messages.stops import FindStops, SetStops, StopsAnswered
from actors.order_history import OrderHistory
from actors.runtime.address import Address, ReplyOnce, post
from actors.wiring import ASK_WAIT_S, Wiring
from domain.alerts.text.desk import stranger_alert
from domain.baskets import Basket
from domain.broker.book_outages import BookKind
from domain.broker.snapshots import Book
from domain.exits.flatten import FlattenRequest, PositionKey
from domain.market.watching import Unwatched
from domain.orders.change_command import ChangeCommand
from domain.orders.command import OrderCommand
from domain.orders.order import Order
from domain.orders.resolution import Resolution
from domain.orders.stop_terms import StopTerms
from domain.orders.types import Origin
from domain.ports import Ids, Kept
from domain.read_models import (
    AlarmsAcknowledged,
    AlertsNow,
    BasketsNow,
    BrokerState,
    ExitsNow,
    Holdings,
    PnlNow,
    Readiness,
    StopsNow,
    Timeline,
    TradingStateNow,
    Unwritten,
    WatchState,
)
from domain.reconciliation.breaks import Break
from domain.reconciliation.write_off import Difference, WriteOff, differences, objection_to_write_off
from domain.risk.checks import TradingState
from storage.history import History

NOBODY_SAYS: Final = AlertsNow(records=(), open=(), trouble="the part of the desk that tells does not answer")


@dataclass(frozen=True, slots=True)
class Status:
    """The desk at a glance."""

    trading: TradingStateNow
    readiness: Readiness
    broker: BrokerState
    watch: WatchState
    feed: str
    """How the feed stands, in its own words."""
    exits: ExitsNow
    unwatched: tuple[Unwatched, ...] = ()
    """What strategies watch and get no prices of."""
    alerts: AlertsNow = NOBODY_SAYS
    """Which alarms are open, and how the channels deliver; without the alerts themselves."""


class DeskInterface:
    """The desk as the console, a strategy's process or a test sees it. Owns nothing: every answer is an actor's."""

    def __init__(self, wiring: Wiring, ids: Ids, stored: History) -> None:
        self._wiring = wiring
        self._clock = wiring.clock
        self._ids = ids
        self._history = OrderHistory(stored, self._find_unwritten)

    def submit(self, command: OrderCommand, wait_s: float) -> OrderAnswered | OrderDeclined | None:
        """Send an order into the desk and wait for the outcome of steps 1 to 5; None when it is not known in time."""
        reply: ReplyOnce[OrderAnswered | OrderDeclined] = ReplyOnce()
        post(self._wiring.command, SubmitOrder(command=command, reply_to=reply))
        return reply.wait(wait_s)

    def send(self, command: OrderCommand, reply_to: Address[OrderAnswered | OrderDeclined]) -> None:
        """Send an order into the desk; `reply_to` hears the outcome."""
        post(self._wiring.command, SubmitOrder(command=command, reply_to=reply_to))

    def join(
        self, strategy: str, address: Address[OrderChanged | OrderDeclined | TradingStateChanged | PositionWrittenOff]
    ) -> None:
        """Tell this address what becomes of the strategy's orders, after each commit."""
        post(self._wiring.command, JoinStrategy(strategy=strategy, address=address))

    def submit_basket(self, basket: Basket, wait_s: float) -> BasketAnswered | None:
        """Send orders that belong together and wait until they have ended; None when that is not known in time."""
        reply: ReplyOnce[BasketAnswered] = ReplyOnce()
        post(self._wiring.baskets, SubmitBasket(basket=basket, reply_to=reply))
        return reply.wait(wait_s)

    def baskets(self) -> BasketsNow:
        """Return the baskets, oldest first."""
        return self._wiring.ask_of(self._wiring.baskets, FindBaskets())

    def change(self, command: ChangeCommand, wait_s: float) -> OrderAnswered | OrderDeclined | None:
        """Cancel or modify an order and wait for the broker's answer; None when it is not known in time."""
        reply: ReplyOnce[OrderAnswered | OrderDeclined] = ReplyOnce()
        post(self._wiring.command, ChangeOrder(command=command, reply_to=reply))
        return reply.wait(wait_s)

    def resolve(self, command_id: str, resolution: Resolution) -> OrderAnswered | OrderDeclined | None:
        """Let a person say what became of an order; None when that could not be recorded in time."""
        reply: ReplyOnce[OrderAnswered | OrderDeclined] = ReplyOnce()
        post(self._wiring.command, ResolveOrder(command_id=command_id, resolution=resolution, reply_to=reply))
        return reply.wait(ASK_WAIT_S)

    def accept(self, name: str, reason: str) -> Break | None:
        """Accept what the books differ about; None when they do not, or no longer."""
        return self._wiring.ask_of(self._wiring.command, AcceptBreak(name=name, reason=reason))

    def undo_acceptance(self, name: str, reason: str) -> AcceptanceUndone | None:
        """Take back what a person has accepted under this name; None when that could not be recorded in time."""
        reply: ReplyOnce[AcceptanceUndone] = ReplyOnce()
        post(self._wiring.repo, UndoAcceptance(name=name, reason=reason, at=self._clock.now(), reply_to=reply))
        return reply.wait(ASK_WAIT_S)

    def log_in(self) -> None:
        """Try to open the broker's session again, also after the broker has refused it."""
        post(self._wiring.broker, LogIn(by_hand=True))

    def orders(
        self,
        limit: int,
        *,
        open_only: bool = False,
        reference: str | None = None,
        between: Callable[[], None] = lambda: None,
    ) -> tuple[Order, ...]:
        """Return at most `limit` orders, newest first; they are read page by page, with `between` in between.

        With a `reference` only those that it may mean: the start of a command id, or the broker's number.
        """
        return self._history.orders(limit, open_only=open_only, reference=reference, between=between)

    def timeline(self, command_id: str) -> Timeline | None:
        """Return an order with its journal, or None when there is no such order."""
        return self._history.timeline(command_id)

    def holdings(self) -> Holdings:
        """Return what each strategy holds."""
        return self._wiring.ask_of(self._wiring.guard, FindHoldings())

    def broker_positions(self) -> PositionsRead | None:
        """Return the account's positions as the broker has them, or None when it does not answer in time."""
        reply: ReplyOnce[PositionsRead] = ReplyOnce()
        post(self._wiring.broker, ReadBook(kind=BookKind.POSITIONS, reply_to=reply))
        return reply.wait(ASK_WAIT_S)

    def flatten(self, reason: str, strategy: str | None = None) -> tuple[PositionKey, ...]:
        """See every position through to flat, or those of one strategy; return what is on its way.

        Without a strategy entries stop first, so that nothing is opened behind the exits' back; a halt stays a halt.
        A basket's leg that is still to come is among it: the hedge that it leans on leaves.
        """
        if strategy is None and self.trading_state().state is TradingState.ACTIVE:
            self.set_trading_state(TradingState.EXITS_ONLY, f"flatten: {reason}")
        told = self._wiring.ask_of(self._wiring.guard, FindExposures())
        awaited = sorted(told.awaited, key=str)
        position_keys = tuple(
            one for one in dict.fromkeys((*told.exposures, *awaited)) if strategy in {None, one.strategy}
        )
        self.see_to_flat(position_keys, reason)
        return position_keys

    def see_to_flat(self, position_keys: Sequence[PositionKey], reason: str) -> None:
        """See these positions through to flat, as a person asks: over refusals, dead sessions and restarts."""
        requests = tuple(
            FlattenRequest(
                request_id=self._ids.new(),
                position_key=position_key,
                reason=reason,
                origin=Origin.HUMAN,
                asked_at=self._clock.now(),
            )
            for position_key in position_keys
        )
        self._wiring.ask_of(self._wiring.exits, Flatten(requests=requests))  # It has told the database by its answer.
        if not self.is_stored():
            logger.critical("flatten is under way, but not on the disk: a restart would not know of it")

    def exits(self) -> ExitsNow:
        """Return the positions on their way to flat."""
        return self._wiring.ask_of(self._wiring.exits, FindExits())

    def stops(self) -> StopsNow:
        """Return the positions that are under stops."""
        return self._wiring.ask_of(self._wiring.exits, FindStops())

    def protect(self, position_key: PositionKey, terms: StopTerms | None, reason: str) -> StopsAnswered | None:
        """Put a position under stops, or with None remove them; None when that is not answered in time."""
        reply: ReplyOnce[StopsAnswered] = ReplyOnce()
        post(self._wiring.exits, SetStops(position_key=position_key, terms=terms, reason=reason, reply_to=reply))
        return reply.wait(ASK_WAIT_S)

    def write_off(self, position_key: PositionKey, reason: str, *, force: bool = False) -> str:
        """Take a strategy's position out of our books by hand; return why not, or an empty text when it is done.

        Refused while the broker shows units of it, unless `force`, and while orders of it may still trade.
        """
        read = self.broker_positions()
        refused = objection_to_write_off(position_key, None if read is None else read.book, force=force)
        if refused:
            return refused
        units = self._wiring.ask_of(self._wiring.guard, WriteOffPosition(position_key=position_key))
        if units is None:
            return f"orders of {position_key} may still trade; cancel or resolve them first"
        if not units:
            return f"{position_key} holds nothing by our books"
        write_off = WriteOff(position_key=position_key, units=units, reason=reason, at=self._clock.now())
        post(self._wiring.command, PositionWrittenOff(write_off=write_off))
        return ""

    def reconcile(self) -> tuple[Difference, ...] | str:
        """Hold our sums against the broker's positions now; return the differences, or why they can't be told."""
        read = self.broker_positions()
        if read is None:
            return "the broker did not answer in time"
        if not isinstance(read.book, Book):
            return read.book.cause
        post(self._wiring.watcher, ReconcileNow())
        ours = self.holdings()
        return differences(ours.positions, ours.delivery_today, read.book)

    def alerts(self) -> AlertsNow:
        """Return what was told lately, and which alarms are open."""
        return self._wiring.ask_of(self._wiring.notifier, FindAlerts())

    def acknowledge(self, topic: str | None) -> AlarmsAcknowledged:
        """Take a topic's alarm as seen by a person, or all of them."""
        return self._wiring.ask_of(self._wiring.notifier, AcknowledgeAlarms(topic=topic))

    def warn_of_stranger(self, chat_id: str, earlier: int) -> None:
        """Tell that somebody else talks to the bot."""
        post(self._wiring.notifier, RaiseAlert(alert=stranger_alert(chat_id, earlier)))

    def keep_alive(self, thread: Kept) -> None:
        """Have the supervisor start this thread again whenever it dies."""
        post(self._wiring.supervisor, KeepAlive(thread=thread))

    def trading_state(self) -> TradingStateNow:
        """Return what may be sent, and why."""
        return self._wiring.ask_of(self._wiring.risk, FindTradingState())

    def pnl(self) -> PnlNow:
        """Return how the day stands, in rupees."""
        return self._wiring.ask_of(self._wiring.risk, FindPnl())

    def set_trading_state(self, state: TradingState, reason: str, *, force: bool = False) -> TradingStateNow:
        """Turn trading to ACTIVE, EXITS_ONLY or HALTED, and wait until that is on the disk.

        `force` resumes over a broken loss limit.
        """
        word = SetTradingState(state=state, reason=reason, force=force)
        now = self._wiring.ask_of(self._wiring.risk, word)
        return replace(now, stored=self.is_stored())

    def is_stored(self) -> bool:
        """Say whether all that was decided before this question is on the disk: a restart would know of it."""
        try:
            return not self._find_unwritten().writes
        except DeskUnavailableError:
            return False

    def _find_unwritten(self) -> Unwritten:
        return self._wiring.ask_of(self._wiring.repo, FindUnwritten())

    def status(self) -> Status:
        """Return the desk at a glance."""
        return Status(
            trading=self._wiring.ask_of(self._wiring.risk, FindTradingState()),
            readiness=self.readiness(),
            broker=self._broker_state(),
            watch=self._watch_state(),
            feed=self._wiring.adapters.feed_text,
            exits=self.exits(),
            unwatched=self._unwatched(),
            alerts=self._delivery(),
        )

    def _delivery(self) -> AlertsNow:
        try:
            found = self._wiring.ask_of(self._wiring.notifier, FindAlerts(with_records=False), wait_s=1.0)
        except DeskUnavailableError:
            return NOBODY_SAYS
        return found

    def _unwatched(self) -> tuple[Unwatched, ...]:
        try:
            found = self._wiring.ask_of(self._wiring.market, FindUnwatched(), wait_s=1.0)
        except DeskUnavailableError:
            return ()
        return found.missing

    def readiness(self) -> Readiness:
        """Return whether entries are taken, and why not."""
        return self._wiring.ask_of(self._wiring.command, FindReadiness())

    def _broker_state(self) -> BrokerState:
        """Ask the broker's actor, which may be in the middle of a slow request."""
        try:
            found = self._wiring.ask_of(self._wiring.broker, FindBrokerState(), wait_s=1.0)
        except DeskUnavailableError:
            return BrokerState(session="busy with a request", waiting=-1, placed=-1, idle_s=0.0)
        return found

    def _watch_state(self) -> WatchState:
        try:
            found = self._wiring.ask_of(self._wiring.watcher, FindWatchState(), wait_s=1.0)
        except DeskUnavailableError:
            return WatchState(book_asked_at=None)
        return found
