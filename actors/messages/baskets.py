"""Orders that belong together."""

from dataclasses import dataclass

from actors.messages.query import Query
from actors.runtime.address import Address
from domain.baskets import Basket, BasketRecord
from domain.exits.flatten import PositionKey
from domain.orders.followers import Follower
from domain.orders.types import Exchange
from domain.read_models import BasketsNow


@dataclass(frozen=True, slots=True, kw_only=True)
class SubmitBasket:
    """Lead these orders through together, and answer `reply_to` once, when the basket has ended."""

    basket: Basket
    reply_to: "Address[BasketAnswered] | None" = None


@dataclass(frozen=True, slots=True, kw_only=True)
class BasketAnswered:
    """How a basket ended."""

    record: BasketRecord


@dataclass(frozen=True, slots=True, kw_only=True)
class SuspendSymbol:
    """Take no entries in this symbol, for this reason; an empty one takes them again."""

    exchange: Exchange
    symbol: str
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class FollowOrders:
    """Tell `follower` of every change of these orders, until they are over."""

    command_ids: tuple[str, ...]
    follower: Follower


@dataclass(frozen=True, slots=True, kw_only=True)
class PositionLeaving:
    """The position is being made flat for this reason: no further leg of its strategy's baskets, and none beside it.

    An empty reason: it is not any more, and baskets beside it may begin.
    """

    position_key: PositionKey
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class FindBaskets(Query[BasketsNow]):
    """Which baskets are there, and how do they stand?"""
