"""The real clock and the real names: the only place where the desk asks the machine for either."""

import threading
import time
import uuid
from datetime import datetime, timedelta
from typing import Final

from loguru import logger

from domain.ports import IST, Clock


class SystemClock:
    """The machine's time, in the exchange's zone."""

    def now(self) -> datetime:
        """Return the aware wall-clock time."""
        return datetime.now(IST)

    def monotonic(self) -> float:
        """Return seconds that never step back."""
        return time.monotonic()


SET_BACK_MIN: Final = timedelta(seconds=1)
"""Less is no step that anybody has to hear of."""


class SteadyClock:
    """A clock whose wall time never steps back. Owns how far the wall has been ahead of the seconds that nobody sets.

    Set back, the wall would make a new book older than the orders it proves something of, and begin a day twice: the
    desk goes on by the time it had, until its next start. Set forward, it is followed at once: the machine may have
    slept.
    """

    def __init__(self, machine: Clock) -> None:
        self._machine = machine
        self._lock = threading.Lock()
        self._ahead = machine.now() - timedelta(seconds=machine.monotonic())
        self._set_back = timedelta()

    def now(self) -> datetime:
        """Return the aware wall-clock time, or what it would be had it not been set back."""
        with self._lock:
            wall, seconds = self._machine.now(), timedelta(seconds=self._machine.monotonic())
            self._ahead = max(self._ahead, wall - seconds)
            steady = self._ahead + seconds
            if steady - wall >= self._set_back + SET_BACK_MIN:
                self._set_back = steady - wall
                message = (
                    "the machine's clock was set back by {:.0f} s; the desk goes on by its own until its next start"
                )
                logger.critical(message, self._set_back.total_seconds())
            return steady

    def monotonic(self) -> float:
        """Return seconds that never step back."""
        return self._machine.monotonic()


class RandomIds:
    """Names that no other process will make."""

    def new(self) -> str:
        """Return 32 hexadecimal digits."""
        return uuid.uuid4().hex
