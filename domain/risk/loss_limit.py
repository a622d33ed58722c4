"""The day against its loss limit: when it is broken, how far away it is, and how many trading days in a row were lost.

The limit is a level of the day's profit and loss. It starts `daily_loss_max` below zero and rises by whole
`trailing_step`s as the day's peak grows; it never goes down. A broken limit stays broken for its day.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from decimal import ROUND_FLOOR, Decimal
from itertools import islice, takewhile

from domain.market.trading_days import TradingDays
from domain.positions.pnl import ZERO, Symbol
from domain.settings import RiskSettings


@dataclass(frozen=True, slots=True, kw_only=True)
class RiskDay:
    """One trading day (YYYY-MM-DD) as risk remembers it. Rupees.

    `base` is where the limit counts from: zero, or where the day stood when a person resumed after a breach. `spent`
    are the strategies that have lost what they may lose in a day; `first_prices` at what price what was carried into
    the day began to count.
    """

    day: str
    pnl: Decimal = ZERO
    peak_pnl: Decimal = ZERO
    base: Decimal = ZERO
    breach: str = ""
    breached_at: datetime | None = None
    spent: frozenset[str] = frozenset()
    first_prices: Mapping[Symbol, Decimal] = field(default_factory=dict)

    @property
    def is_broken(self) -> bool:
        """Say whether the limit is broken: until the day ends, or a person resumes."""
        return self.breached_at is not None

    def level(self, limits: RiskSettings) -> Decimal | None:
        """Return the profit and loss at which the limit breaks; None without a limit."""
        if limits.daily_loss_max is None:
            return None
        level = self.base - limits.daily_loss_max
        if limits.trailing_step is not None and self.peak_pnl > self.base:
            steps = ((self.peak_pnl - self.base) / limits.trailing_step).to_integral_value(rounding=ROUND_FLOOR)
            level += steps * limits.trailing_step
        return level

    def seen(self, pnl: Decimal) -> "RiskDay":
        """Return the day with its profit and loss as it stands now."""
        return replace(self, pnl=pnl, peak_pnl=max(self.peak_pnl, pnl))

    def is_over_the_limit(self, limits: RiskSettings) -> bool:
        """Say whether the day stands at or below its level."""
        level = self.level(limits)
        return level is not None and self.pnl <= level

    def is_near_the_limit(self, limits: RiskSettings) -> bool:
        """Say whether the warning's share of the way from the base, or from the peak, down to the level is used up."""
        level = self.level(limits)
        if level is None:
            return False
        start = max(self.base, self.peak_pnl) if limits.trailing_step is not None else self.base
        return self.pnl <= start - (start - level) * Decimal(str(limits.loss_warning_share))

    def broken(self, reason: str, at: datetime) -> "RiskDay":
        """Return the day with its limit broken."""
        return replace(self, breach=reason, breached_at=at)

    def newly_spent(self, totals: Mapping[str, Decimal], budgets: Mapping[str, Decimal]) -> tuple[str, ...]:
        """Return the strategies that have just lost what they may lose in a day (rupees)."""
        return tuple(one for one, limit in budgets.items() if totals.get(one, ZERO) <= -limit and one not in self.spent)

    def spent_by(self, strategy: str) -> "RiskDay":
        """Return the day with a strategy's budget used up: it stays so, however its prices move."""
        return replace(self, spent=self.spent | {strategy})

    def resumed(self) -> "RiskDay":
        """Return the day as a person goes on with it: the whole limit counts anew from here."""
        return replace(self, base=self.pnl, peak_pnl=self.pnl, breach="", breached_at=None)


def cooldown_until(days: Sequence[RiskDay], today: str, limits: RiskSettings, trading_days: TradingDays) -> str | None:
    """Return why no entries are taken after lost days in a row; None when they are. `days` are earlier ones.

    Days without trading stand in no row and end none; neither do they rest anybody. A trading day at or above zero ends
    a row, but not the rest that has begun: a day of rest ends at zero.
    """
    if limits.losing_days_max is None:
        return None
    earlier = sorted((one for one in days if one.day < today and _counts(one, trading_days)), key=lambda one: one.day)
    while earlier and earlier[-1].pnl >= 0:
        earlier.pop()
    lost = sum(1 for _ in takewhile(lambda one: one.pnl < 0, reversed(earlier)))
    if lost < limits.losing_days_max:
        return None
    last, rest = earlier[-1].day, limits.cooldown_days
    if sum(1 for _ in islice(trading_days.between(last, today), rest)) == rest:
        return None
    row = "a trading day" if lost == 1 else f"{lost} trading days in a row"
    after = "the next trading day" if rest == 1 else f"the next {rest} trading days"
    return f"{row} ended with a loss, the last on {last}; entries rest through {after}"


def _counts(day: RiskDay, trading_days: TradingDays) -> bool:
    """Say whether a day can stand in a row of days, or end one: a weekend's, at zero, does neither."""
    return trading_days.is_trading_day(day.day) or (day.pnl != 0 and trading_days.may_have_traded(day.day))
