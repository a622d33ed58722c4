"""What the broker's books and updates show, and what follows where they differ from ours."""

from dataclasses import dataclass
from datetime import date, datetime

from actors.messages.query import Query
from actors.runtime.address import Address
from domain.broker.book_outages import Sighting
from domain.broker.reply_types import Unavailable
from domain.broker.snapshots import Book, OrderRow, OrderUpdate, PositionRow, TradeRow
from domain.orders.order import Order
from domain.orders.types import Exchange, InstrumentKey
from domain.read_models import WatchState
from domain.reconciliation.breaks import Break
from domain.reconciliation.moves import MoveKind
from domain.reconciliation.order_rows import Report
from domain.reconciliation.reconciler import Checked
from domain.reconciliation.vanishing import Holders
from domain.reconciliation.write_off import WriteOff


@dataclass(frozen=True, slots=True, kw_only=True)
class AcceptBreak(Query[Break | None]):
    """A person accepts what the books differ about; units of it become EXTERNAL."""

    name: str
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class PositionVanished:
    """The account has units of ours no more, and nobody knows why: their stops wait, and a person is told."""

    recon_break: Break
    holders: Holders


@dataclass(frozen=True, slots=True, kw_only=True)
class VanishingResolved:
    """What became of a position that was gone: it is back, or it has ended for this reason, and so have its stops."""

    key: InstrumentKey
    ended: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class ExpiryLearnt:
    """The last day of a contract that is traded."""

    exchange: Exchange
    symbol: str
    expires_on: date


@dataclass(frozen=True, slots=True, kw_only=True)
class UndoAcceptance:
    """Take back what a person has accepted under this name, as far as it still counts."""

    name: str
    reason: str
    at: datetime
    reply_to: "Address[AcceptanceUndone]"


@dataclass(frozen=True, slots=True, kw_only=True)
class AcceptanceUndone:
    """What was taken back: its units count no more. `undone` is None where there was nothing, or for `cause`."""

    name: str
    undone: Break | None
    cause: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class ReconcileNow:
    """Read the books at once; the clock of the polls goes on as it is."""


@dataclass(frozen=True, slots=True, kw_only=True)
class OrderUpdatesSeen:
    """The feed brought updates of orders, in this order."""

    updates: tuple[OrderUpdate, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class FeedChanged:
    """The feed's connection is up, or down."""

    up: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class PositionsRead:
    """The account's net positions, or why they could not be read."""

    book: Book[PositionRow] | Unavailable


@dataclass(frozen=True, slots=True, kw_only=True)
class OrderBookRead:
    """The account's orders, or why they could not be read."""

    book: Book[OrderRow] | Unavailable


@dataclass(frozen=True, slots=True, kw_only=True)
class TradeBookRead:
    """The account's fills, or why they could not be read."""

    book: Book[TradeRow] | Unavailable


@dataclass(frozen=True, slots=True, kw_only=True)
class BooksReconciled:
    """Books or updates of the broker were compared with ours; these are the news in them, and the orders of others.

    Only a `whole` order book shows that we see: updates and trades don't, nor one that has lost rows and is told as
    unavailable too.
    """

    reports: tuple[Report, ...]
    asked_at: datetime
    external: tuple[Order, ...] = ()
    whole: bool = True


@dataclass(frozen=True, slots=True, kw_only=True)
class BooksChecked:
    """The three books were held against each other."""

    checked: Checked


@dataclass(frozen=True, slots=True, kw_only=True)
class DayBegan:
    """The exchange's day has turned."""

    day: str


@dataclass(frozen=True, slots=True, kw_only=True)
class BreakResolved:
    """A break is resolved: count its units, or say no more of it today; UNDONE lets it be spoken of again.

    Where units move it is on disk. `ended` are signed units that strategies hold no more.
    """

    recon_break: Break
    kind: MoveKind = MoveKind.CARRIED
    reason: str = ""
    ended: tuple[tuple[str, int], ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class FillsSeen:
    """Fills of ours that the trade book shows."""

    fills: tuple[TradeRow, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class BooksUnavailable:
    """No order book could be read for so long."""

    cause: str
    unavailable_s: float


@dataclass(frozen=True, slots=True, kw_only=True)
class BooksWitnessed:
    """Which of the three books have been away for too long, and which were read, where that has changed."""

    sighting: Sighting


@dataclass(frozen=True, slots=True, kw_only=True)
class FetchChangedOrders:
    """The watcher is about to read a book: which orders have moved since it last asked?"""


@dataclass(frozen=True, slots=True, kw_only=True)
class ChangedOrders:
    """These orders have moved; each stands once, as it is now. `fills_grew` says that one of them traded."""

    orders: tuple[Order, ...]
    fills_grew: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class PositionWrittenOff:
    """These signed units are a strategy's no more: a person has written them off, or they have ended for it."""

    write_off: WriteOff


@dataclass(frozen=True, slots=True, kw_only=True)
class FindWatchState(Query[WatchState]):
    """How well do we see the broker?"""
