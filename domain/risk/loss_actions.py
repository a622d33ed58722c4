"""What follows from a look at the day's loss: frozen values that an actor delivers, in their order."""

from dataclasses import dataclass
from typing import TypeAlias

from domain.alerts.alert import Alert
from domain.orders.types import Product
from domain.positions.pnl import Symbol
from domain.risk.loss_limit import RiskDay


@dataclass(frozen=True, slots=True)
class RecordDay:
    """Write how the day stands."""

    day: RiskDay


@dataclass(frozen=True, slots=True)
class TellPeople:
    """Raise this alert."""

    alert: Alert


@dataclass(frozen=True, slots=True, kw_only=True)
class MakeFlat:
    """See positions through to flat: of all strategies or of one, of all products (None) or of these."""

    reason: str
    products: frozenset[Product] | None
    strategy: str | None = None


@dataclass(frozen=True, slots=True)
class WatchSymbol:
    """Ask for every price of a symbol from now on."""

    symbol: Symbol


@dataclass(frozen=True, slots=True)
class AskForQuote:
    """Ask the broker for a symbol's price, however fresh the last one is."""

    symbol: Symbol


Action: TypeAlias = RecordDay | TellPeople | MakeFlat | WatchSymbol | AskForQuote
