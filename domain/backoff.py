"""How long to wait before the next try: doubled with each failure, up to a bound."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

_DOUBLINGS_MAX: Final = 60
"""More would leave what a float holds; every bound is reached long before."""


@dataclass(frozen=True, slots=True)
class Backoff:
    """Owns the first pause and the longest one, in seconds."""

    first_s: float
    longest_s: float

    def pause_s(self, failures: int) -> float:
        """Return the pause after so many failures that came before the last one."""
        return min(self.first_s * 2.0 ** min(failures, _DOUBLINGS_MAX), self.longest_s)

    def spread_s(self, failures: int, chance: Callable[[], float]) -> float:
        """Return that pause, shortened by `chance` (0 to 1) to no less than its half: so tries do not fall together."""
        return self.pause_s(failures) * (0.5 + chance() / 2)
