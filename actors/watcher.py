"""Step 6: compares the broker's books with ours and reports; never writes.

A look at the broker is a round: which orders have moved, the order book, the trade book, the positions. Polls wind the
next one; the feed's reconnection asks for one at once. Updates that the feed brings are compared as soon as it is known
how our orders stand; what they can't tell waits for the next round.
"""

from datetime import datetime
from typing import Final, assert_never

from loguru import logger

from actors.messages.books import (
    BooksChecked,
    BooksReconciled,
    BooksUnavailable,
    BooksWitnessed,
    BreakResolved,
    ChangedOrders,
    DayBegan,
    ExpiryLearnt,
    FeedChanged,
    FetchChangedOrders,
    FillsSeen,
    FindWatchState,
    OrderBookRead,
    OrderUpdatesSeen,
    PositionsRead,
    ReconcileNow,
    TradeBookRead,
)
from actors.messages.broker import ReadBook
from actors.messages.desk import HeartbeatSent, SendHeartbeat
from actors.messages.inboxes import WatcherInbox
from actors.messages.timer import TimerFired
from actors.runtime.actor import DeskActor
from actors.runtime.address import post
from actors.runtime.mailboxes import Mailboxes, Runtime
from domain.broker.book_outages import BookKind, BookOutages
from domain.broker.reply_types import Unavailable
from domain.broker.snapshots import Book, OrderRow, OrderUpdate, PositionRow, TradeRow
from domain.ports import trading_day
from domain.read_models import WatchState
from domain.reconciliation.moves import MoveKind
from domain.reconciliation.reconciler import Reconciler
from domain.settings import WatcherSettings
from domain.trouble import Troubles

SHRUNK: Final = "the order book lacks orders that it has shown before"


class WatcherActor(DeskActor):
    """Owns the comparison: the orders the books may speak of, the proofs and the differences under way."""

    def __init__(
        self,
        *,
        mail: Mailboxes,
        runtime: Runtime,
        reconciler: Reconciler,
        settings: WatcherSettings,
    ) -> None:
        super().__init__(mail.supervisor)
        self._supervisor = mail.supervisor
        self._command = mail.command
        self._broker = mail.broker
        self._reconciler = reconciler
        self._settings = settings
        self._clock = runtime.clock
        self._timer = runtime.timer
        self._seen_at = runtime.clock.monotonic()
        self._troubles = Troubles()
        self._witnessing = BookOutages(settings.book_away_s_max, runtime.clock.monotonic())
        self._book_asked_at: datetime | None = None
        self._day = ""
        self._updates: list[OrderUpdate] = []
        self._trades: Book[TradeRow] | None = None
        self._told: set[tuple[str, str]] = set()
        self._asked_for_moves = False
        self._wants_books = False
        self._polling = False

    def on_receive(self, message: WatcherInbox) -> WatchState | None:
        """Read, compare, report, and wind the clock again."""
        match message:
            case TimerFired():
                self._polling = True
                self._look()
            case ReconcileNow():
                self._look()
            case ChangedOrders():
                self._learn(message)
            case OrderBookRead():
                self._compare(message.book)
            case TradeBookRead():
                self._take_trades(message.book)
            case PositionsRead():
                self._keep(message.book)
            case OrderUpdatesSeen():
                self._updates.extend(message.updates)
                self._ask_for_moves()
            case FeedChanged():
                if message.up:
                    # What was pushed while the feed was down is lost: the books have it.
                    self._look()
            case BreakResolved():
                self._resolve(message)
            case ExpiryLearnt():
                self._reconciler.contracts.learn(message.exchange, message.symbol, message.expires_on)
            case SendHeartbeat():
                post(self._supervisor, HeartbeatSent(urn=self.actor_urn))
            case FindWatchState():
                return WatchState(book_asked_at=self._book_asked_at)
            case _:
                assert_never(message)
        return None

    def _look(self) -> None:
        """Learn how our orders stand, then read the books: their rows are compared with what we knew before."""
        self._wants_books = True
        self._ask_for_moves()

    def _ask_for_moves(self) -> None:
        if not self._asked_for_moves:
            self._asked_for_moves = True
            post(self._command, FetchChangedOrders())

    def _learn(self, message: ChangedOrders) -> None:
        self._asked_for_moves = False
        for order in message.orders:
            self._reconciler.orders.observe(order)
        updates, self._updates = self._updates, []
        reports = tuple(report for report in map(self._reconciler.reconcile_update, updates) if report is not None)
        if reports:
            post(self._command, BooksReconciled(reports=reports, asked_at=self._clock.now(), whole=False))
        if self._wants_books:
            self._wants_books = False
            post(self._broker, ReadBook(kind=BookKind.ORDERS))

    def _compare(self, book: Book[OrderRow] | Unavailable) -> None:
        if self._polling:
            # A book that an earlier watcher asked for is welcome, but winds no second clock.
            self._polling = False
            self._timer.tell_after(self._settings.poll_interval_s, self.actor_ref, TimerFired())
        self._witness(BookKind.ORDERS, book)
        if isinstance(book, Unavailable):
            self._report_unavailable(book.cause)
            # Positions are read all the same: the day's loss and the stops' prices hang on them.
            self._trades = None
            post(self._broker, ReadBook(kind=BookKind.POSITIONS))
            return
        self._enter_day(trading_day(book.asked_at))
        compared = self._reconciler.compare(book)
        news = BooksReconciled(
            reports=compared.reports, external=compared.external, whole=compared.whole, asked_at=book.asked_at
        )
        post(self._command, news)
        if compared.checked is not None:
            post(self._command, BooksChecked(checked=compared.checked))
        if compared.whole:
            self._seen_at, self._book_asked_at = self._clock.monotonic(), book.asked_at
            self._log_end("whole order book")
        else:
            self._log_trouble("whole order book", SHRUNK)
            self._report_unavailable(SHRUNK)
        post(self._broker, ReadBook(kind=BookKind.TRADES))

    def _witness(self, kind: BookKind, book: Book[OrderRow] | Book[TradeRow] | Book[PositionRow] | Unavailable) -> None:
        """Note whether a book could be read, and tell when one has been away for too long, or is back."""
        now_s = self._clock.monotonic()
        if isinstance(book, Unavailable):
            self._witnessing.miss(kind, book.cause)
            self._log_trouble(kind, book.cause)
        else:
            self._witnessing.read(kind, now_s)
            self._log_end(kind)
        sighting = self._witnessing.look(now_s, self._reconciler.orders)
        if sighting is not None:
            post(self._command, BooksWitnessed(sighting=sighting))

    def _log_trouble(self, what: str, message: str) -> None:
        if told := self._troubles.tell(what, message, self._clock.monotonic()):
            logger.warning("the {} can't be read: {}", what, told)

    def _log_end(self, what: str) -> None:
        if told := self._troubles.end(what, self._clock.monotonic()):
            logger.info("the {}: {}", what, told)

    def _report_unavailable(self, cause: str) -> None:
        unavailable_s = self._clock.monotonic() - self._seen_at
        post(self._command, BooksUnavailable(cause=cause, unavailable_s=unavailable_s))

    def _enter_day(self, day: str) -> None:
        if day != self._day:
            self._day = day
            post(self._command, DayBegan(day=day))

    def _take_trades(self, book: Book[TradeRow] | Unavailable) -> None:
        self._witness(BookKind.TRADES, book)
        # As above, whether these trades could be read or not.
        post(self._broker, ReadBook(kind=BookKind.POSITIONS))
        if isinstance(book, Unavailable):
            self._trades = None
            return
        self._trades = book
        reports = self._reconciler.reconcile_trades(book)
        if reports:
            post(self._command, BooksReconciled(reports=reports, asked_at=self._clock.now(), whole=False))
        self._tell_fills(book.rows)

    def _tell_fills(self, rows: tuple[TradeRow, ...]) -> None:
        """Tell the fills that were not told yet, of orders whose number we know: the others wait for it."""
        knows = self._reconciler.orders.knows_number
        fresh = (row for row in rows if (row.broker_order_id, row.fill_id) not in self._told)
        new = tuple(row for row in fresh if knows(row.broker_order_id))
        if new:
            self._told.update((row.broker_order_id, row.fill_id) for row in new)
            post(self._command, FillsSeen(fills=new))

    def _keep(self, book: Book[PositionRow] | Unavailable) -> None:
        self._witness(BookKind.POSITIONS, book)
        if self._trades is not None and not isinstance(book, Unavailable):
            self._reconciler.keep(self._trades, book)

    def _resolve(self, message: BreakResolved) -> None:
        resolved = message.recon_break
        if message.kind is MoveKind.SQUARED_OFF:
            self._reconciler.square_offs.close(resolved)
        elif resolved.key is not None:
            self._reconciler.move(resolved.key, resolved.difference, message.kind)
        elif message.kind is MoveKind.UNDONE:
            self._reconciler.undo_acceptance(resolved.name)
        else:
            self._reconciler.accept(resolved.name)
