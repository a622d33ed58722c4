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


class Kept(Protocol):
    """A thread to the outside that must not die unnoticed."""

    name: str

    def revive(self) -> bool:
        """Start it again where it has died; say whether it had."""


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


BOOKS_TURN_AFTER: Final = timedelta(hours=2)
"""[assumption] From 02:00 IST on, two hours after the last segment's close, the broker may turn its books to the next
day; it has been seen around 03:00."""


def dropping_since(moment: datetime) -> datetime | None:
    """Return from when on the books asked for at `moment` may be of the next day; None outside those hours.

    Until the desk's day begins, such a book proves nothing about what was placed before.
    """
    local = moment.astimezone(IST)
    midnight = local.replace(hour=0, minute=0, second=0, microsecond=0)
    begins = midnight + BOOKS_TURN_AFTER
    return begins if begins <= local < midnight + DAY_BEGINS_AFTER else None


def may_have_been_dropped(placed_at: datetime, asked_at: datetime) -> bool:
    """Say whether a book asked for at `asked_at` may be of a later day than what was placed at `placed_at`."""
    turning = dropping_since(asked_at)
    return turning is not None and placed_at < turning
