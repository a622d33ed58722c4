"""Step 6: compares the broker's books with ours and reports; never writes."""

from typing import assert_never

from loguru import logger

from actors.actor import DeskActor
from actors.address import Address, post
from actors.messages import (
    AskForMoves,
    BooksCompared,
    BooksUnavailable,
    BrokerInbox,
    CommandInbox,
    FillsSeen,
    HeartbeatSent,
    OrderBookRead,
    OrdersMoved,
    Poll,
    ReadOrderBook,
    ReadTradeBook,
    SendHeartbeat,
    SupervisorInbox,
    TradeBookRead,
    WatcherInbox,
)
from actors.timer import Timer
from domain.evidence import Book, OrderRow, TradeRow, Unavailable
from domain.reconcile import Comparison
from domain.seams import Clock
from domain.settings import WatcherSettings


class WatcherActor(DeskActor):
    """Owns the comparison: the orders the books may speak of, and the proofs of absence under way."""

    def __init__(
        self,
        *,
        supervisor: Address[SupervisorInbox],
        command: Address[CommandInbox],
        broker: Address[BrokerInbox],
        comparison: Comparison,
        settings: WatcherSettings,
        clock: Clock,
        timer: Timer,
    ) -> None:
        super().__init__(supervisor)
        self._supervisor = supervisor
        self._command = command
        self._broker = broker
        self._comparison = comparison
        self._settings = settings
        self._clock = clock
        self._timer = timer
        self._seen_at = clock.monotonic()
        self._fills_are_new = True
        self._asked = False

    def on_receive(self, message: WatcherInbox) -> None:
        """Read, compare, report, and wind the clock again."""
        match message:
            case Poll():
                self._ask()
            case OrderBookRead():
                self._compare(message.book)
                # A book that an earlier watcher asked for is welcome, but winds no second clock.
                if self._asked:
                    self._asked = False
                    self._timer.tell_after(self._settings.poll_interval_s, self.actor_ref, Poll())
            case TradeBookRead():
                self._report_fills(message.book)
            case OrdersMoved():
                self._learn(message)
                post(self._broker, ReadOrderBook())
            case SendHeartbeat():
                post(self._supervisor, HeartbeatSent(urn=self.actor_urn))
            case _:
                assert_never(message)

    def _ask(self) -> None:
        """Learn how our orders stand, then read the book: its rows are compared with what we knew before."""
        self._asked = True
        post(self._command, AskForMoves())

    def _learn(self, message: OrdersMoved) -> None:
        for order in message.orders:
            self._comparison.orders.observe(order)
        self._fills_are_new = self._fills_are_new or message.fills_grew

    def _compare(self, book: Book[OrderRow] | Unavailable) -> None:
        now = self._clock.monotonic()
        if isinstance(book, Unavailable):
            logger.warning("the order book could not be read: {}", book.cause)
            post(self._command, BooksUnavailable(cause=book.cause, blind_s=now - self._seen_at))
            return
        self._seen_at = now
        reports = self._comparison.compare(book)
        post(self._command, BooksCompared(reports=reports, asked_at=book.asked_at))
        if self._fills_are_new:
            self._fills_are_new = False
            post(self._broker, ReadTradeBook())

    def _report_fills(self, book: Book[TradeRow] | Unavailable) -> None:
        if isinstance(book, Unavailable):
            logger.warning("the trade book could not be read: {}", book.cause)
            self._fills_are_new = True
            return
        if book.rows:
            post(self._command, FillsSeen(fills=book.rows))
