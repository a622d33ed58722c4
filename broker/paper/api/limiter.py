"""The order rate limit: place, modify and cancel together (docs/protocol.md, rates)."""

from collections import deque
from typing import Final

from broker.paper.clock import Moment

_MINUTE_S: Final = 60.0


class RateLimiter:
    """Owns when the last requests came. Both the rolling and the calendar second (and minute) have to hold.

    Assumption: a refused request does not count against the next one.
    """

    def __init__(self, per_s_max: int | None, per_min_max: int | None) -> None:
        self._limits = [(1.0, "second", per_s_max), (_MINUTE_S, "minute", per_min_max)]
        self._seen: deque[Moment] = deque()

    def refusal(self, moment: Moment) -> str | None:
        """Count a request, or return the text that refuses it."""
        while self._seen and moment.monotonic - self._seen[0].monotonic >= _MINUTE_S:
            self._seen.popleft()
        for window_s, name, limit in self._limits:
            if limit is None:
                continue
            count = 0
            for one in reversed(self._seen):
                rolling = moment.monotonic - one.monotonic < window_s
                if not rolling and one.wall // window_s != moment.wall // window_s:
                    break
                count += 1
            if count >= limit:
                return f"Invalid Input :  Order Recieved {count + 1} in a current {name} exceeds Limit {limit} for user"
        if any(limit is not None for _, _, limit in self._limits):
            self._seen.append(moment)
        return None
