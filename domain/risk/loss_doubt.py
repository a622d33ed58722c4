"""A loss that only our own figure shows: it waits for one fresh quote before anything is made flat.

Our figure stands on the last prices, the broker's on its own. Where ours alone breaks a limit, and lies further from
the broker's than `risk.pnl_difference_max`, one wrong price is likelier than a loss. So each position's price is asked
for anew, and the limit is judged when all have come; after `DOUBT_S_MAX` by what there is: being blind is no profit.
"""

from collections.abc import Iterable
from dataclasses import dataclass, field
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


@dataclass(slots=True)
class LossDoubt:
    """Owns which prices are waited for, and since when (monotonic seconds). Resolved, it stays so until it is over."""

    _since_s: float | None = None
    _asked_s: float = 0.0
    _missing: set[Symbol] = field(default_factory=set)

    def asks(self, symbols: Iterable[Symbol], now_s: float) -> tuple[Symbol, ...]:
        """Begin to doubt, or go on; return whose prices are to be asked for now."""
        if self._since_s is None:
            self._since_s, self._missing = now_s, set(symbols)
        elif now_s - self._asked_s < ASK_AGAIN_S:
            return ()
        self._asked_s = now_s
        return tuple(sorted(self._missing))

    def hear(self, symbol: Symbol) -> None:
        """Take note of a fresh quote."""
        self._missing.discard(symbol)

    def is_resolved(self, now_s: float) -> bool:
        """Say whether every quote has come, or was waited for long enough."""
        return self._since_s is not None and (not self._missing or now_s - self._since_s >= DOUBT_S_MAX)

    def end(self) -> None:
        """Forget it: the loss is gone, or both figures show it."""
        self._since_s = None
