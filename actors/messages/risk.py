"""The risk check of an order, the day's profit and loss, and the trading state."""

from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal

from actors.messages.query import Query
from domain.broker.snapshots import Book, PositionRow
from domain.market.expiry import ContractOver
from domain.orders.command import OrderCommand
from domain.orders.reasons import Reason
from domain.orders.types import Exchange
from domain.positions.already_exposed import AlreadyExposed
from domain.positions.nothing_to_exit import NothingToExit
from domain.read_models import PnlNow, TradingStateNow
from domain.risk.checks import TradingState


@dataclass(frozen=True, slots=True, kw_only=True)
class CheckRisk:
    """Check 2A: may this order be sent at this price? `last_price` is the market's, where it was asked for.

    With a `change_id`: may an order be changed to what `command` says?
    """

    command: OrderCommand
    price: Decimal | None
    last_price: Decimal | None = None
    change_id: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class RiskApproved:
    """Check 2A says yes to the order, or to the change of it."""

    command_id: str
    inputs: Mapping[str, str]
    change_id: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class CheckRefused:
    """Risk or guard says no to the order, or to the change of it.

    `why` tells what stands in the way of an entry, or what there is instead of units to exit.
    """

    command_id: str
    reason: Reason
    inputs: Mapping[str, str]
    change_id: str = ""
    why: AlreadyExposed | NothingToExit | ContractOver | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class PositionsSeen:
    """The broker's own figures of the day; those of `doubted` stand on a price that nobody could trade at, or none."""

    book: Book[PositionRow]
    doubted: frozenset[tuple[Exchange, str]] = frozenset()


@dataclass(frozen=True, slots=True, kw_only=True)
class FindPnl(Query[PnlNow]):
    """How does the day stand?"""


@dataclass(frozen=True, slots=True, kw_only=True)
class SetTradingState(Query[TradingStateNow]):
    """A person turns trading to this state; `force` resumes over a broken loss limit."""

    state: TradingState
    reason: str
    force: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class TradingStateChanged:
    """What may be sent has changed, or is said again, and why: where entries wait they are stopped or taken again."""

    state: TradingState
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class FindTradingState(Query[TradingStateNow]):
    """What may be sent?"""
