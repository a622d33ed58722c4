"""What the broker said: the three-valued reply, the typed books, and the marks on the tape.

Only what stands here may move an order. A reply is `Accepted`, `Refused` or `Unknown`; a book is `Book` or
`Unavailable`. Nothing in between exists, so "no answer" can never be read as "no".
"""

from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from enum import StrEnum
from typing import Generic, TypeAlias, TypeVar

from domain.instrument import Instrument
from domain.order import Exchange, Product, Side
from domain.reasons import Reason


@dataclass(frozen=True, slots=True)
class Accepted:
    """The broker took the order and named it. It may still be rejected later."""

    broker_order_id: str


@dataclass(frozen=True, slots=True)
class Refused:
    """Proof that the order is not in the market; `words` are the broker's own where it spoke."""

    reason: Reason
    words: str


@dataclass(frozen=True, slots=True)
class Unknown:
    """The request may have arrived, and no readable answer came back."""

    cause: str


PlaceReply: TypeAlias = Accepted | Refused | Unknown


class BrokerStatus(StrEnum):
    """A broker row's status, normalised. UNKNOWN is a word this desk has never seen."""

    PENDING = "PENDING"
    OPEN = "OPEN"
    TRIGGER_PENDING = "TRIGGER_PENDING"
    COMPLETE = "COMPLETE"
    CANCELED = "CANCELED"
    REJECTED = "REJECTED"
    UNKNOWN = "UNKNOWN"


@dataclass(frozen=True, slots=True, kw_only=True)
class OrderRow:
    """One order of the account as the order book shows it. Quantities are units; `filled_quantity` is cumulative."""

    broker_order_id: str
    status: BrokerStatus
    status_words: str
    remarks: str
    exchange: str
    symbol: str
    side: Side
    product: str
    quantity: int
    filled_quantity: int
    average_price: Decimal | None
    reject_reason: str


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
    """The account's net position in one instrument and product, in signed units."""

    exchange: str
    symbol: str
    product: str
    net_quantity: int
    net_average_price: Decimal
    last_price: Decimal | None
    realised: Decimal
    unrealised: Decimal


Row = TypeVar("Row", OrderRow, TradeRow, PositionRow)


@dataclass(frozen=True, slots=True)
class Book(Generic[Row]):
    """A book that was read, whole. `asked_at` is when the request was made: the evidence is no younger."""

    rows: tuple[Row, ...]
    asked_at: datetime


@dataclass(frozen=True, slots=True)
class Unavailable:
    """A book that could not be read. It says nothing about orders or positions."""

    cause: str
    asked_at: datetime


@dataclass(frozen=True, slots=True)
class LoggedIn:
    """The broker opened a session for this account."""

    account_id: str


@dataclass(frozen=True, slots=True)
class LoginFailed:
    """The broker opened no session. `final` says that trying again with the same credentials is useless."""

    cause: str
    final: bool


@dataclass(frozen=True, slots=True)
class UnknownInstrument:
    """The broker knows no such symbol."""

    exchange: Exchange
    symbol: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Tick:
    """The last traded price of an instrument, and when we saw it."""

    exchange: Exchange
    symbol: str
    last_price: Decimal
    seen_at: datetime


InstrumentReply: TypeAlias = Instrument | UnknownInstrument | Unavailable
PriceReply: TypeAlias = Tick | Unavailable
LoginReply: TypeAlias = LoggedIn | LoginFailed

PRODUCT_LETTERS: dict[Product, str] = {Product.CNC: "C", Product.NRML: "M", Product.MIS: "I"}
"""The broker's letters for the products."""
