"""The paper broker's only source of time."""

import time
from dataclasses import dataclass
from datetime import date, datetime
from typing import Final
from zoneinfo import ZoneInfo

IST: Final = ZoneInfo("Asia/Kolkata")


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
        """Return the trading day, which is the date in IST."""
        return self.at.date()


class Clock:
    """Owns nothing; reads the machine's clocks."""

    def moment(self) -> Moment:
        """Read both clocks."""
        return Moment(datetime.now(tz=IST), time.monotonic())
