"""The clocks of `make test-days`, whatever day they are computed on."""

from datetime import datetime, timedelta

import pytest

from domain.market.calendar import Calendar
from domain.orders.types import Exchange
from domain.ports import IST, trading_day
from domain.settings import CalendarSettings
from tests.days import moments

CALENDAR = Calendar(CalendarSettings())
NOON = datetime(2026, 11, 20, 12, 0, tzinfo=IST)


@pytest.mark.parametrize("now", [NOON + timedelta(days=days, hours=days % 24) for days in range(45)])
def test_each_clock_is_what_its_name_says_and_lies_ahead(now: datetime) -> None:
    clocks = moments(now)

    days = {name: begins.date() for name, begins in clocks.items()}
    assert all(begins > now for begins in clocks.values())
    assert clocks["saturday"].weekday() == 5
    assert clocks["holiday"].weekday() < 5
    assert not CALENDAR.is_trading_day(Exchange.NSE, days["holiday"])
    assert (f"{clocks['04:00']:%H:%M}", f"{clocks['23:59']:%H:%M}") == ("04:00", "23:59")
    assert CALENDAR.is_trading_day(Exchange.NSE, days["23:59"])
    assert CALENDAR.is_trading_day(Exchange.NSE, datetime.fromisoformat(trading_day(clocks["04:00"])).date())
