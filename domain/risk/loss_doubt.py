"""A loss that only our own figure shows: it waits for one fresh quote before anything is made flat.

Our figure stands on the last prices, the broker's on its own. Where ours alone breaks a limit, and lies further from
the broker's than `risk.pnl_difference_max`, one wrong price is likelier than a loss. So each position's price is asked
for anew, and the limit is judged when all have come; after `DOUBT_S_MAX` by what there is: being blind is no profit.
"""

from collections.abc import Mapping
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, field, replace
from decimal import Decimal
from typing import Final

from domain.positions.pnl import Symbol

DOUBT_S_MAX: Final = 10.0
"""The longest that a loss which only our own figure shows may wait for quotes."""
ASK_AGAIN_S: Final = 2.0


def is_ours_alone(ours: Decimal, account: Decimal | None, level: Decimal | None, difference_max: Decimal) -> bool:
    """Say whether our figure alone stands at or below the limit's level, far from the broker's (rupees)."""
    if account is None:
        return False
    broken_by_both = level is not None and account <= level
    return not broken_by_both and account - ours > difference_max


@dataclass(frozen=True, slots=True, kw_only=True)
class LossDoubt:
    """Since when a loss is in doubt, when quotes were asked for (monotonic seconds), and which have come."""

    since_s: float
    asked_s: float
    quotes: Mapping[Symbol, Decimal] = field(default_factory=dict)

    def with_quotes(self, quotes: Mapping[Symbol, Decimal]) -> "LossDoubt":
        """Return the doubt with what the broker has answered since."""
        return replace(self, quotes={**self.quotes, **quotes}) if quotes else self

    def is_resolved(self, symbols: AbstractSet[Symbol], now_s: float) -> bool:
        """Say whether every quote has come, or was waited for long enough."""
        return symbols <= self.quotes.keys() or now_s - self.since_s >= DOUBT_S_MAX

    def asks(self, symbols: AbstractSet[Symbol], now_s: float) -> tuple[Symbol, ...]:
        """Return whose prices are to be asked for again now."""
        return tuple(sorted(symbols - self.quotes.keys())) if now_s - self.asked_s >= ASK_AGAIN_S else ()
