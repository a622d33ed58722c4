"""The real clock and the real names: the only place where the desk asks the machine for either."""

import time
import uuid
from datetime import datetime

from domain.seams import IST


class SystemClock:
    """The machine's time, in the exchange's zone."""

    def now(self) -> datetime:
        """Return the aware wall-clock time."""
        return datetime.now(IST)

    def monotonic(self) -> float:
        """Return seconds that never step back."""
        return time.monotonic()


class RandomIds:
    """Names that no other process will make."""

    def new(self) -> str:
        """Return 32 hexadecimal digits."""
        return uuid.uuid4().hex
