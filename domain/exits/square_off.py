"""The time square-off: when the positions of a day are made flat, before the broker does it (docs/architecture.md)."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, time, timedelta

from domain.market.calendar import Calendar
from domain.orders.types import InstrumentKey
from domain.ports import IST


@dataclass(frozen=True, slots=True)
class SquareOff:
    """The times that hold: a strategy's own, and for MIS some minutes before each segment closes."""

    calendar: Calendar | None = None
    before_close_min: int | None = None
    of_strategy: Mapping[str, time] = field(default_factory=dict)

    def due(self, strategy: str, key: InstrumentKey, now: datetime) -> str | None:
        """Say why this position has to be flat by now; None while it may be held, or once its market has closed."""
        if self.calendar is not None and not self.calendar.is_open(key.exchange, now):
            return None
        local = now.astimezone(IST)
        own = self.of_strategy.get(strategy)
        if own is not None and local.time() >= own:
            return f"time square-off of {strategy} at {own:%H:%M}"
        if self.calendar is None or self.before_close_min is None or not key.product.ends_with_its_day:
            return None
        closes = self.calendar.windows(key.exchange, local.date())[-1][1]
        begins = closes - timedelta(minutes=self.before_close_min)
        if local < begins:
            return None
        return f"time square-off at {begins:%H:%M}, {self.before_close_min} min before {key.exchange} closes"
