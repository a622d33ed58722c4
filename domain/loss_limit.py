"""The day against its loss limit: when it is broken, how far away it is, and how many days in a row were lost.

The limit is a level of the day's profit and loss. It starts `daily_loss_max` below zero and rises by whole
`trailing_step`s as the day's peak grows; it never goes down. A broken limit stays broken for its day.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime
from decimal import ROUND_FLOOR, Decimal

from domain.pnl import ZERO
from domain.settings import RiskSettings


@dataclass(frozen=True, slots=True, kw_only=True)
class RiskDay:
    """One trading day (YYYY-MM-DD) as risk remembers it. Rupees.

    `base` is where the limit counts from: zero, or where the day stood when a person resumed after a breach.
    """

    day: str
    pnl: Decimal = ZERO
    peak: Decimal = ZERO
    base: Decimal = ZERO
    breach: str = ""
    breached_at: datetime | None = None

    def level(self, limits: RiskSettings) -> Decimal | None:
        """Return the profit and loss at which the limit breaks; None without a limit."""
        if limits.daily_loss_max is None:
            return None
        level = self.base - limits.daily_loss_max
        if limits.trailing_step is not None and self.peak > self.base:
            steps = ((self.peak - self.base) / limits.trailing_step).to_integral_value(rounding=ROUND_FLOOR)
            level += steps * limits.trailing_step
        return level

    def seen(self, pnl: Decimal) -> "RiskDay":
        """Return the day with its profit and loss as it stands now."""
        return replace(self, pnl=pnl, peak=max(self.peak, pnl))

    def is_over_the_limit(self, limits: RiskSettings) -> bool:
        """Say whether the day stands at or below its level."""
        level = self.level(limits)
        return level is not None and self.pnl <= level

    def is_near_the_limit(self, limits: RiskSettings) -> bool:
        """Say whether the warning's share of the way from the base, or from the peak, down to the level is used up."""
        level = self.level(limits)
        if level is None:
            return False
        start = max(self.base, self.peak) if limits.trailing_step is not None else self.base
        return self.pnl <= start - (start - level) * Decimal(str(limits.loss_warning_share))

    def broken(self, because: str, at: datetime) -> "RiskDay":
        """Return the day with its limit broken."""
        return replace(self, breach=because, breached_at=at)

    def resumed(self) -> "RiskDay":
        """Return the day as a person goes on with it: the whole limit counts anew from here."""
        return replace(self, base=self.pnl, peak=self.pnl, breach="", breached_at=None)


def cooldown_until(days: Sequence[RiskDay], today: str, limits: RiskSettings) -> str | None:
    """Return why no entries are taken after lost days in a row; None when they are. `days` are earlier ones."""
    if limits.losing_days_max is None:
        return None
    earlier = sorted((one for one in days if one.day < today), key=lambda one: one.day)
    lost = 0
    for one in reversed(earlier):
        if one.pnl >= 0:
            break
        lost += 1
    if lost < limits.losing_days_max:
        return None
    last = date.fromisoformat(earlier[-1].day)
    since = (date.fromisoformat(today) - last).days
    if since > limits.cooldown_days:
        return None
    return f"{lost} days in a row ended with a loss, the last on {last}; entries rest for {limits.cooldown_days} days"
