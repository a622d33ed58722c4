"""The seams through which time and chance reach the desk, so that a test can own them."""

from datetime import date, datetime, timedelta
from functools import lru_cache
from typing import Final, Protocol
from zoneinfo import ZoneInfo

IST: Final = ZoneInfo("Asia/Kolkata")
"""The exchange's time; the trading day is a day in this zone."""


class Clock(Protocol):
    """What time it is: `now` for people and the exchange's day, `monotonic` (seconds) for waiting."""

    def now(self) -> datetime:
        """Return the aware wall-clock time."""

    def monotonic(self) -> float:
        """Return seconds that never step back."""


class Ids(Protocol):
    """Where new names come from."""

    def new(self) -> str:
        """Return a name never returned before, of 1 to 32 letters and digits."""


DAY_BEGINS_AFTER: Final = timedelta(hours=6)
"""The desk's day begins at 06:00 IST: after the broker's nightly turn of its books (seen around 03:00), before any
segment opens, and long after the last one has closed. What is placed in the night belongs to the day that ends."""


def trading_day(moment: datetime) -> str:
    """Return the exchange's day of `moment` as YYYY-MM-DD."""
    return _text((moment.astimezone(IST) - DAY_BEGINS_AFTER).date())


@lru_cache(maxsize=16)
def _text(day: date) -> str:
    """Write a day, once for all that happens on it."""
    return day.isoformat()
