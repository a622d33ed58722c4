"""Which days count where days are counted: lost days in a row, the rest after them, the summary of a day.

The holidays of the calendar hold for this also where its hours are not enforced, so that paper and live count alike.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, datetime, timedelta

from domain.market.calendar import Calendar
from domain.orders.types import Exchange
from domain.ports import dropping_since, trading_day


@dataclass(frozen=True, slots=True)
class TradingDays:
    """Owns the calendar by which days are counted. Days are YYYY-MM-DD, as `domain.ports.trading_day` writes them."""

    calendar: Calendar
    enforced: bool
    """Whether orders outside the calendar's hours are refused, so that nothing can trade on any other day."""

    def is_trading_day(self, day: str) -> bool:
        """Say whether any segment takes orders on `day`; the evening that MCX trades on a holiday is one."""
        given = date.fromisoformat(day)
        return any(self.calendar.is_trading_day(exchange, given) for exchange in Exchange)

    def may_have_traded(self, day: str) -> bool:
        """Say whether something can have traded on `day`: on paper, where no hours are kept, on any day."""
        return not self.enforced or self.is_trading_day(day)

    def can_trade(self, exchange: Exchange, moment: datetime) -> bool:
        """Say whether `exchange` may trade at `moment`; always where hours are not kept."""
        return not self.enforced or self.calendar.is_open(exchange, moment)

    def counts_figures_of(self, asked_at: datetime) -> bool:
        """Say whether the broker's profit and loss, asked for at `asked_at`, is that of a day that trades.

        In the night the broker turns its books to the next day while the desk's goes on; on a closed day it values what
        was carried once more.
        """
        return self.may_have_traded(trading_day(asked_at)) and not (self.enforced and dropping_since(asked_at))

    def is_worth_a_summary(self, day: str, orders: int) -> bool:
        """Say whether `day` is summed up: any trading day is, and any other on which orders were placed."""
        return orders > 0 or self.is_trading_day(day)

    def between(self, earlier: str, later: str) -> Iterator[date]:
        """Yield the days after `earlier` and before `later` on which the NSE trades.

        A day of which MCX trades the evening alone is none: a rest is never shorter because of it.
        """
        first = date.fromisoformat(earlier)
        for ahead in range(1, (date.fromisoformat(later) - first).days):
            day = first + timedelta(days=ahead)
            if self.calendar.is_trading_day(Exchange.NSE, day):
                yield day
