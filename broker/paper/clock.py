"""The paper broker's only source of time."""

import time
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from datetime import time as hour
from typing import Final
from zoneinfo import ZoneInfo

IST: Final = ZoneInfo("Asia/Kolkata")
OPENS: Final = hour(9, 15)
CLOSES: Final = hour(15, 30)
DAY_BEGINS: Final = timedelta(hours=6)
_SATURDAY: Final = 5


def is_open(now: datetime) -> bool:
    """Say whether NSE trades at `now` (IST): Monday to Friday, 09:15 to 15:30; holidays are not known."""
    return now.weekday() < _SATURDAY and OPENS <= now.time() < CLOSES


def next_opening(after: datetime) -> datetime:
    """Return the first 09:15 IST of a Monday to Friday that is later than `after`."""
    opening = datetime.combine(after.date(), OPENS, IST)
    while opening <= after or opening.weekday() >= _SATURDAY:
        opening += timedelta(days=1)
    return opening


@dataclass(frozen=True, slots=True)
class Moment:
    """One reading of both clocks: `at` is aware and in IST, `monotonic` counts seconds and never steps back."""

    at: datetime
    monotonic: float

    @property
    def wall(self) -> float:
        """Return seconds since the epoch."""
        return self.at.timestamp()

    @property
    def day(self) -> date:
        """Return the trading day. Assumption: the books turn their page in the night, before 06:00 IST."""
        return (self.at - DAY_BEGINS).date()


class Clock:
    """Owns how far the wall clock is from the machine's; waiting is never shifted."""

    def __init__(self, offset_s: float = 0.0) -> None:
        self.offset_s = offset_s

    def moment(self) -> Moment:
        """Read both clocks."""
        return Moment(datetime.now(tz=IST) + timedelta(seconds=self.offset_s), time.monotonic())
