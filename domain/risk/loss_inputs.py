"""What a look at the day's loss goes by: rules, our figures, the broker's, and when prices were seen."""

from collections.abc import Mapping
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, replace
from datetime import datetime
from decimal import Decimal
from typing import Final

from domain.exits.flatten import PositionKey
from domain.market.trading_days import TradingDays
from domain.orders.types import InstrumentKey, Product
from domain.ports import trading_day
from domain.positions.pnl import ZERO, Pnl, PnlRow, Symbol, is_ours, symbol_of, total_of
from domain.settings import RiskSettings

COUNTED: Final = frozenset(one for one in Product if not one.is_delivery)
"""The products that the day's sum counts, and that a broken limit makes flat."""


@dataclass(frozen=True, slots=True)
class Now:
    """The moment of a look: the wall's time, and monotonic seconds."""

    at: datetime
    s: float

    @property
    def day(self) -> str:
        """Return the exchange's day, YYYY-MM-DD."""
        return trading_day(self.at)


@dataclass(frozen=True, slots=True)
class LossRules:
    """What the day is held against: the account's limits, strategies' budgets (rupees), and which days count."""

    limits: RiskSettings
    budgets: Mapping[str, Decimal]
    trading_days: TradingDays

    @property
    def products(self) -> frozenset[Product] | None:
        """Return the products that a broken limit makes flat; None where it makes all of them flat."""
        return None if self.limits.breach_sells_delivery else COUNTED

    def makes_flat(self, position_key: PositionKey) -> bool:
        """Say whether a broken limit makes this position flat."""
        return self.products is None or position_key.key.product in self.products


@dataclass(frozen=True, slots=True)
class AccountFigure:
    """The broker's own figure of a trading day (rupees), and when it was read (monotonic seconds)."""

    rupees: Decimal
    day: str
    read_s: float


@dataclass(frozen=True, slots=True, kw_only=True)
class LossInputs:
    """All that a look goes by. Seconds are monotonic.

    `doubted` are the symbols whose rows in the last position book stand on no price to believe, `quotes` the prices
    that the broker has answered since the last look.
    """

    rules: LossRules
    rows: tuple[PnlRow, ...]
    held: tuple[PositionKey, ...]
    first_prices: Mapping[Symbol, Decimal]
    account: AccountFigure | None
    seen_s: Mapping[Symbol, float]
    book_read_s: float
    doubted: AbstractSet[Symbol]
    quotes: Mapping[Symbol, Decimal]
    apart: AbstractSet[InstrumentKey] = frozenset()
    """The positions of which the account has fewer units than we count, although no fill of them is new."""

    def account_on(self, day: str) -> Decimal | None:
        """Return the broker's figure of this day; None where none was read."""
        return self.account.rupees if self.account is not None and self.account.day == day else None

    def ours(self, strategy: str | None = None) -> Pnl:
        """Return our sum of the account or of one strategy, at the last prices."""
        return total_of(self.rows, strategy)

    def by_strategy(self) -> dict[str, Decimal]:
        """Return where each strategy that has a budget stands."""
        return {one: self.ours(one).total for one in self.rules.budgets}

    def valued_at(self, quotes: Mapping[Symbol, Decimal]) -> "LossInputs":
        """Return the same with these prices in place of the last ones."""
        return replace(self, rows=tuple(_valued_at(row, quotes) for row in self.rows))

    def without_apart(self) -> "LossInputs":
        """Return the same without the positions of which the account has fewer units than we count."""
        return replace(self, rows=tuple(row for row in self.rows if row.position_key.key not in self.apart))

    def better_at(self, quotes: Mapping[Symbol, Decimal]) -> dict[Symbol, Decimal]:
        """Return the symbols that show less of a loss at these prices than at the last ones, with how much (rupees)."""
        gains: dict[Symbol, Decimal] = {}
        for row, other in zip(self.rows, self.valued_at(quotes).rows, strict=True):
            if row.open is not None and other.open is not None:
                symbol = symbol_of(row.position_key.key)
                gains[symbol] = gains.get(symbol, ZERO) + other.open - row.open
        return {symbol: gain for symbol, gain in gains.items() if gain > 0}

    @property
    def held_beside_delivery(self) -> tuple[PositionKey, ...]:
        """Return the positions whose price moves the day's sum."""
        return tuple(one for one in self.held if not one.key.product.is_delivery)

    def left(self, strategy: str | None = None) -> tuple[str, ...]:
        """Name the positions of ours that a broken limit leaves as they are: its sum does not count them."""
        ours = (one for one in self.held if is_ours(one) and strategy in {None, one.strategy})
        return tuple(str(one) for one in ours if not self.rules.makes_flat(one))


def _valued_at(row: PnlRow, quotes: Mapping[Symbol, Decimal]) -> PnlRow:
    quote = quotes.get(symbol_of(row.position_key.key))
    return row if quote is None or row.open is None else replace(row, open=(quote - row.average) * row.quantity)
