"""The threads in which the API waits for the desk.

Whoever reads, or sends entries, waits among its like: a halt, a flatten, a cancel and an exit have threads of their
own, however many others wait.
"""

from collections.abc import Callable
from typing import Final, TypeVar

from anyio import CapacityLimiter, to_thread

ENTRIES_AT_ONCE_MAX: Final = 64
WAYS_OUT_AT_ONCE_MAX: Final = 32

Answer = TypeVar("Answer")


class Lanes:
    """Owns the limits of both lanes. What reads is in neither: it has the server's own threads."""

    def __init__(self) -> None:
        self._entries = CapacityLimiter(ENTRIES_AT_ONCE_MAX)
        self._ways_out = CapacityLimiter(WAYS_OUT_AT_ONCE_MAX)

    async def enter(self, work: Callable[[], Answer]) -> Answer:
        """Do what takes a position, in a thread of its lane."""
        return await to_thread.run_sync(work, limiter=self._entries)

    async def get_out(self, work: Callable[[], Answer]) -> Answer:
        """Do what gets out of one, or stops others from getting in, in a thread of its lane."""
        return await to_thread.run_sync(work, limiter=self._ways_out)
