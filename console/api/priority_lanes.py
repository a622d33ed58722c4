"""The threads in which the API waits for the desk.

Whoever reads, or sends entries, waits among its like: a halt, a flatten, a cancel and an exit have threads of their
own, however many others wait; and whoever spells out long lists stands still while one of these is under way, as all
of them need the one interpreter.
"""

from collections.abc import Callable
from threading import Event
from typing import Final, TypeVar

from anyio import CapacityLimiter, to_thread

ENTRIES_AT_ONCE_MAX: Final = 64
WAYS_OUT_AT_ONCE_MAX: Final = 32
STANDS_STILL_S_MAX: Final = 0.05
"""A list takes its next step after so long all the same: ways out that hang at the broker hold it up, not for good."""

Answer = TypeVar("Answer")


class PriorityLanes:
    """Owns the limits of the lanes, and how many ways out are under way. What reads little is in no lane."""

    def __init__(self) -> None:
        self._entries = CapacityLimiter(ENTRIES_AT_ONCE_MAX)
        self._ways_out = CapacityLimiter(WAYS_OUT_AT_ONCE_MAX)
        self._lists = CapacityLimiter(1)
        self._under_way = 0
        self._is_free = Event()
        self._is_free.set()

    async def enter(self, work: Callable[[], Answer]) -> Answer:
        """Do what takes a position, in a thread of its lane."""
        return await to_thread.run_sync(work, limiter=self._entries)

    async def get_out(self, work: Callable[[], Answer]) -> Answer:
        """Do what gets out of one, or stops others from getting in, in a thread of its lane."""
        self._under_way += 1
        self._is_free.clear()
        try:
            return await to_thread.run_sync(work, limiter=self._ways_out)
        finally:
            self._under_way -= 1
            if not self._under_way:
                self._is_free.set()

    async def list(self, work: Callable[[], Answer]) -> Answer:
        """Do what may be long, such as spelling out thousands of orders: one at a time."""
        return await to_thread.run_sync(work, limiter=self._lists)

    def let_out(self) -> None:
        """Stand still in a list's thread while a way out is under way, `STANDS_STILL_S_MAX` at most."""
        self._is_free.wait(STANDS_STILL_S_MAX)
