"""What lasts is told when it begins, at growing distance, and when it ends: the same words never fill a log."""

import re
from dataclasses import dataclass
from typing import Final

from domain.backoff import Backoff

AGAIN_S: Final = 60.0
AGAIN_S_MAX: Final = 900.0
_AGAIN: Final = Backoff(AGAIN_S, AGAIN_S_MAX)
_DIGITS: Final = re.compile(r"\d+")


@dataclass(slots=True)
class Trouble:
    """Owns what was last told of one trouble. Times are monotonic seconds."""

    _message: str = ""
    _began_s: float = 0.0
    _again_s: float = 0.0
    _repeats: int = 0
    _times: int = 0

    def tell(self, message: str, now_s: float) -> str:
        """Return what to say of it now, or an empty text: it is told at once when it begins or becomes another one.

        Words that differ in their numbers alone are the same.
        """
        is_new, is_other = not self._message, _DIGITS.sub("0", message) != _DIGITS.sub("0", self._message)
        if is_new:
            self._began_s, self._times = now_s, 0
        self._times += 1
        lasts = "" if is_new or is_other else f" ({self._times} times in {now_s - self._began_s:.0f} s)"
        if is_new or is_other:
            self._repeats = 0
        elif now_s < self._again_s:
            return ""
        else:
            self._repeats += 1
        self._message, self._again_s = message, now_s + _AGAIN.pause_s(self._repeats)
        return f"{message}{lasts}"

    def end(self, now_s: float) -> str:
        """Return that it is over and how long it took, or an empty text where there was none."""
        if not self._message:
            return ""
        self._message = ""
        return f"well again after {now_s - self._began_s:.0f} s"
