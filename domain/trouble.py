"""What lasts is told when it begins, at growing distance, and when it ends: the same words never fill a log."""

import re
from dataclasses import dataclass, field
from math import inf
from typing import Final

from domain.backoff import Backoff

AGAIN_S: Final = 60.0
AGAIN_S_MAX: Final = 900.0
_AGAIN: Final = Backoff(AGAIN_S, AGAIN_S_MAX)
_CAUSES_MAX: Final = 8
_DIGITS: Final = re.compile(r"\d+")


@dataclass(slots=True)
class Trouble:
    """Owns what was told of one trouble. Times are monotonic seconds.

    Causes that take turns, and spells that follow each other within `AGAIN_S`, are one trouble: each cause is told
    once, then all of it at growing distance.
    """

    _is_on: bool = False
    _is_told: bool = False
    _since_s: float = 0.0
    _began_s: float = 0.0
    _ended_s: float = -inf
    _again_s: float = 0.0
    _repeats: int = 0
    _times: int = 0
    _causes: set[str] = field(default_factory=set)

    def tell(self, message: str, now_s: float) -> str:
        """Return what to say of it now, or an empty text: it is told at once when it begins or has another cause.

        Words that differ in their numbers alone are the same.
        """
        if not self._is_on:
            self._begin(now_s)
        self._times += 1
        cause = _DIGITS.sub("0", message)
        if cause not in self._causes and len(self._causes) < _CAUSES_MAX:
            self._causes.add(cause)
            self._repeats, lasts = 0, ""
        elif now_s < self._again_s:
            return ""
        else:
            self._repeats += 1
            lasts = f" ({self._times} times in {now_s - self._since_s:.0f} s)"
        self._is_told, self._again_s = True, now_s + _AGAIN.pause_s(self._repeats)
        return f"{message}{lasts}"

    def end(self, now_s: float) -> str:
        """Return that it is over and how long it took, or an empty text where nothing was told of it."""
        if not self._is_on:
            return ""
        took_s = now_s - self._began_s
        self._is_on, self._ended_s = False, now_s if took_s < AGAIN_S else -inf
        return f"well again after {took_s:.0f} s" if self._is_told else ""

    def _begin(self, now_s: float) -> None:
        self._is_on, self._is_told, self._began_s = True, False, now_s
        if now_s - self._ended_s > AGAIN_S:
            self._since_s, self._times, self._causes = now_s, 0, set()


class Troubles:
    """Owns the troubles of several things, each by its name."""

    def __init__(self) -> None:
        self._of: dict[str, Trouble] = {}

    def tell(self, name: str, message: str, now_s: float) -> str:
        """Return what to say of this one's trouble now, as `Trouble.tell` does."""
        return self._of.setdefault(name, Trouble()).tell(message, now_s)

    def end(self, name: str, now_s: float) -> str:
        """Return that this one's trouble is over, as `Trouble.end` does."""
        trouble = self._of.get(name)
        return "" if trouble is None else trouble.end(now_s)
