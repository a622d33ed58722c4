"""The one touchpoint: requests to the broker, its session, and its answers."""

from dataclasses import dataclass

from actors.messages.books import PositionsRead
from actors.messages.query import Query
from actors.runtime.address import Address
from domain.broker.book_outages import BookKind
from domain.broker.reply_types import ChangeReply, InstrumentReply, PlaceReply, PriceReply, Unavailable
from domain.broker.session import SessionState
from domain.broker.snapshots import Book, OrderRow, TradeRow
from domain.market.instrument import Instrument
from domain.market.knowledge import Want
from domain.orders.change import Change
from domain.orders.order import Order
from domain.orders.types import Exchange
from domain.read_models import BrokerState


@dataclass(frozen=True, slots=True, kw_only=True)
class LookUpTag:
    """Read the order book and the trade book: does either show this tag?"""

    command_id: str
    remarks_tag: str


@dataclass(frozen=True, slots=True, kw_only=True)
class TagLookedUp:
    """Both books, in which the tag of this order is looked for."""

    command_id: str
    orders: Book[OrderRow] | Unavailable
    trades: Book[TradeRow] | Unavailable


@dataclass(frozen=True, slots=True, kw_only=True)
class PlaceOrder:
    """Place this order at the broker: once."""

    order: Order


@dataclass(frozen=True, slots=True, kw_only=True)
class BrokerAnswered:
    """What became of the one request to place this order, or to change it where `change` says how."""

    command_id: str
    reply: PlaceReply | ChangeReply
    change: Change | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ChangeAtBroker:
    """Cancel or modify this order at the broker: once."""

    order: Order
    change: Change


@dataclass(frozen=True, slots=True, kw_only=True)
class SendNextRequest:
    """Send the request whose turn it is; or, where a wait is over (`woken`), see whose turn it is."""

    woken: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class LogIn:
    """Open a session at the broker. `by_hand` forgets earlier refusals: a person has mended what was wrong."""

    by_hand: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class SessionChanged:
    """The broker's session stands differently now; `message` says why."""

    state: SessionState
    message: str


@dataclass(frozen=True, slots=True, kw_only=True)
class LookUp:
    """Look this symbol up at the broker; where its `instrument` is known, ask for its last price."""

    exchange: Exchange
    symbol: str
    instrument: Instrument | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class LookedUp:
    """What the broker says of a symbol: what was asked for (`want`), or why there is none of it."""

    exchange: Exchange
    symbol: str
    want: Want
    reply: InstrumentReply | PriceReply


@dataclass(frozen=True, slots=True, kw_only=True)
class ReadBook:
    """Read this book of the account. Who asks hears of positions alone where `reply_to` is given."""

    kind: BookKind
    reply_to: "Address[PositionsRead] | None" = None


@dataclass(frozen=True, slots=True, kw_only=True)
class FindBrokerState(Query[BrokerState]):
    """How busy is the broker's line?"""
