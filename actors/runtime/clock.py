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


SET_BACK_S_MIN: Final = 1.0
"""Less is no step that anybody has to hear of."""
SLACK_S: Final = 0.001
"""So much may pass between two readings: where the wall is less behind, the time stands still instead."""


class SteadyClock:
    """A clock whose wall time never steps back. Owns how far the wall has been ahead of the seconds that nobody sets.

    Set back, the wall would make a new book older than the orders it proves something of, and begin a day twice: the
    desk goes on by the time it had, until its next start. Set forward, it is followed at once: the machine may have
    slept.
    """

    def __init__(self, machine: Clock) -> None:
        self._machine = machine
        self._lock = threading.Lock()
        self._last = machine.now()
        self._ahead_s = self._last.timestamp() - machine.monotonic()
        self._set_back_s = 0.0

    def now(self) -> datetime:
        """Return the aware wall-clock time, or what it would be had it not been set back."""
        with self._lock:
            wall = self._machine.now()
            ahead_s = wall.timestamp() - self._machine.monotonic()
            behind_s = self._ahead_s - ahead_s
            if behind_s < 0:
                self._ahead_s = ahead_s
            elif behind_s >= SLACK_S:
                wall += timedelta(seconds=behind_s)
                self._tell(behind_s)
            self._last = max(self._last, wall)
            return self._last

    def _tell(self, behind_s: float) -> None:
        if behind_s >= self._set_back_s + SET_BACK_S_MIN:
            self._set_back_s = behind_s
            message = "the machine's clock was set back by {:.0f} s; the desk goes on by its own until its next start"
            logger.critical(message, behind_s)

    def monotonic(self) -> float:
        """Return seconds that never step back."""
        return self._machine.monotonic()


class RandomIds:
    """Names that no other process will make."""

    def new(self) -> str:
        """Return 32 hexadecimal digits."""
        return uuid.uuid4().hex
