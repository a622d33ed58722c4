"""The rate ceiling at the wire: place, modify and cancel together (SEBI retail-algo rules: 10 orders a second)."""

from collections import deque
from typing import Final

WINDOW_S: Final = 1.0


class OrderRate:
    """How many counted requests one second has seen, and when the next may leave.

    A request counts from the moment it is *over*, so that however long each was under way, no more than
    `per_second_max` of them can have arrived at the broker within any one second, rolling or of the calendar:
    the one `per_second_max` before left the wire at least `WINDOW_S` before the next enters it. What an earlier process
    sent nobody can count: nothing leaves within `WINDOW_S` of `sent_at`, the latest moment at which it may have.
    """

    def __init__(self, per_second_max: int, reserved_for_exits: int, sent_at: float | None = None) -> None:
        self._free_from = 0.0 if sent_at is None else sent_at + WINDOW_S
        self._ended: deque[float] = deque(maxlen=per_second_max)
        self._exits_max = per_second_max
        self._entries_max = per_second_max - reserved_for_exits

    def wait_s(self, now: float, *, is_exit: bool) -> float:
        """Return how long the next request must wait, 0.0 when it may leave; `now` is monotonic seconds."""
        limit = self._exits_max if is_exit else self._entries_max
        free_from = self._free_from if len(self._ended) < limit else self._ended[-limit] + WINDOW_S
        return max(0.0, free_from - now)

    def count(self, ended_at: float) -> None:
        """Count a request that is over, answered or not."""
        self._ended.append(ended_at)
