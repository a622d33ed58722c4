"""What the broker shows: its books, its updates, and the marks on the tape. Only what stands here may move an order."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from enum import StrEnum
from typing import Final, Generic, TypeVar

from domain.orders.types import Exchange, InstrumentKey, Product, Side


class BrokerStatus(StrEnum):
    """A broker row's status, normalised. UNKNOWN is a word this desk has never seen."""

    PENDING = "PENDING"
    OPEN = "OPEN"
    TRIGGER_PENDING = "TRIGGER_PENDING"
    COMPLETE = "COMPLETE"
    CANCELED = "CANCELED"
    REJECTED = "REJECTED"
    UNKNOWN = "UNKNOWN"


_ALIVE: Final = frozenset({BrokerStatus.PENDING, BrokerStatus.OPEN, BrokerStatus.TRIGGER_PENDING})


@dataclass(frozen=True, slots=True, kw_only=True)
class OrderRow:
    """One order of the account as the order book shows it. Quantities are units; `filled_quantity` is cumulative.

    `price` and `trigger_price` (rupees) are the terms that hold now; `entered_at` is when the broker last took terms.
    """

    broker_order_id: str
    status: BrokerStatus
    status_text: str
    remarks: str
    exchange: str
    symbol: str
    side: Side
    product: str
    quantity: int
    filled_quantity: int
    average_price: Decimal | None
    reject_reason: str
    price: Decimal | None = None
    trigger_price: Decimal | None = None
    price_type: str = ""
    source: str = ""
    amo: bool = False
    entered_at: datetime | None = None

    @property
    def tells_of_more_than_life(self) -> bool:
        """Say whether it shows more than an order that lives and has not traded."""
        return bool(self.filled_quantity) or self.status not in _ALIVE


class ReportType(StrEnum):
    """What an order update is about, in the broker's words. UNKNOWN is a word this desk has never seen, or none.

    It is read before the status: a rejected cancel names the order, and does not reject it.
    """

    NEW_ACK = "NewAck"
    MODIFY_ACK = "ModAck"
    CANCEL_ACK = "CanAck"
    PENDING_NEW = "PendingNew"
    PENDING_REPLACE = "PendingReplace"
    PENDING_CANCEL = "PendingCancel"
    NEW = "New"
    REPLACED = "Replaced"
    CANCELED = "Canceled"
    FILL = "Fill"
    REJECTED = "Rejected"
    REPLACE_REJECTED = "ReplaceRejected"
    CANCEL_REJECTED = "CancelRejected"
    UNKNOWN = "UNKNOWN"


@dataclass(frozen=True, slots=True)
class OrderUpdate:
    """One order as the broker pushed it: updates may be lost, doubled, late and out of order. `seen_at`: our clock."""

    report: ReportType
    row: OrderRow
    seen_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class TradeRow:
    """One fill as the trade book shows it; (exchange, broker_order_id, fill_id) is unique."""

    broker_order_id: str
    fill_id: str
    exchange: str
    symbol: str
    side: Side
    quantity: int
    price: Decimal
    remarks: str
    traded_at: str


@dataclass(frozen=True, slots=True, kw_only=True)
class PositionRow:
    """The account's net position in one instrument and product, in signed units.

    `carried_quantity` is the part of it that was held when the day began. `token`, `tick` (rupees) and `lot` (units)
    say what the row knows of the instrument; blank or None where it does not.
    """

    exchange: str
    symbol: str
    product: str
    net_quantity: int
    carried_quantity: int = 0
    net_average_price: Decimal
    last_price: Decimal | None
    realised: Decimal
    unrealised: Decimal
    token: str = ""
    tick: Decimal | None = None
    lot: int | None = None


Row = TypeVar("Row", OrderRow, TradeRow, PositionRow)


@dataclass(frozen=True, slots=True)
class Book(Generic[Row]):
    """A book that was read, whole. `asked_at` is when the request was made: the evidence is no younger.

    `asked_s` is the same moment in seconds of a clock that nobody sets; where none was looked at, of the wall's.
    """

    rows: tuple[Row, ...]
    asked_at: datetime
    asked_s: float = field(default=0.0, compare=False)

    def __post_init__(self) -> None:
        """Let the wall's clock tell the seconds, where no other was looked at."""
        if not self.asked_s:
            object.__setattr__(self, "asked_s", self.asked_at.timestamp())


@dataclass(frozen=True, slots=True, kw_only=True)
class Tick:
    """The last traded price of an instrument, and when we saw it. `token` names the instrument, where told.

    `called` is the symbol that the feed calls it by, where that is another one than its token says.
    `previous_close` is the close of the day before as the quote tells it, adjusted by the exchange where it was.
    """

    exchange: Exchange
    symbol: str
    last_price: Decimal
    seen_at: datetime
    token: str = ""
    called: str = ""
    previous_close: Decimal | None = None


def prices_in(book: Book[PositionRow]) -> tuple[Tick, ...]:
    """Return the last prices that a position book shows; they are no younger than its asking."""
    rows = [(row, row.last_price) for row in book.rows if row.exchange in _EXCHANGES]
    return tuple(
        Tick(
            exchange=Exchange(row.exchange),
            symbol=row.symbol,
            last_price=price,
            seen_at=book.asked_at,
            token=row.token,
        )
        for row, price in rows
        if price is not None and price > 0
    )


_EXCHANGES: Final = frozenset(Exchange)

PRODUCT_LETTERS: Final[Mapping[Product, str]] = {
    Product.CNC: "C",
    Product.NRML: "M",
    Product.MIS: "I",
    Product.CO: "H",
    Product.BO: "B",
    Product.MTF: "F",
}
"""The broker's letters for the products."""

_PRODUCTS: Final[Mapping[str, Product]] = {letter: product for product, letter in PRODUCT_LETTERS.items()}


def key_of(row: OrderRow | PositionRow) -> InstrumentKey | None:
    """Return what a row is in; None where the desk has no word for its exchange or product."""
    try:
        return InstrumentKey(Exchange(row.exchange), row.symbol, _PRODUCTS.get(row.product) or Product(row.product))
    except ValueError:
        return None


def held_in(book: Book[PositionRow]) -> set[InstrumentKey]:
    """Return what the account holds, of exchanges and products that the desk has a word for."""
    keys = (key_of(row) for row in book.rows if row.net_quantity)
    return {key for key in keys if key is not None}
