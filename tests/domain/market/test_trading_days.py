"""Days are counted by the calendar: lost days in a row, the rest after them, and the summary of a day."""

from datetime import date
from decimal import Decimal

import pytest

from domain.market.calendar import Calendar
from domain.market.trading_days import TradingDays
from domain.orders.types import Exchange
from domain.risk.loss_limit import RiskDay, cooldown_until
from domain.settings import CalendarSettings, RiskSettings

THU, FRI, SAT, SUN, MON = (f"2026-11-{day}" for day in range(19, 24))
HOLIDAY = "2026-11-24"
"""A Tuesday: the NSE is closed, MCX trades in the evening."""
WED, THU_AFTER, FRI_AFTER, SAT_AFTER = (f"2026-11-{day}" for day in range(25, 29))

LIVE = TradingDays(Calendar(CalendarSettings()), enforced=True)
PAPER = TradingDays(Calendar(CalendarSettings()), enforced=False)


def rests(
    days: dict[str, int], today: str, *, row: int = 1, rest: int = 1, trading_days: TradingDays = LIVE
) -> str | None:
    """Return why entries rest on `today`, after days with these profits."""
    limits = RiskSettings(losing_days_max=row, cooldown_days=rest)
    return cooldown_until(
        [RiskDay(day=day, pnl=Decimal(pnl)) for day, pnl in days.items()], today, limits, trading_days
    )


@pytest.mark.parametrize("trading_days", [LIVE, PAPER])
@pytest.mark.parametrize(
    ("lost", "resting", "free"),
    [
        (THU, [FRI], [SAT, MON]),
        (FRI, [SAT, SUN, MON], [HOLIDAY, WED]),
        (MON, [HOLIDAY, WED], [THU_AFTER]),
        (HOLIDAY, [WED], [THU_AFTER]),
    ],
)
def test_the_rest_lasts_for_trading_days(
    trading_days: TradingDays, lost: str, resting: list[str], free: list[str]
) -> None:
    for today in resting:
        assert rests({lost: -1}, today, trading_days=trading_days), today
    for today in free:
        assert rests({lost: -1}, today, trading_days=trading_days) is None, today


@pytest.mark.parametrize(("rest", "last"), [(1, MON), (2, WED), (3, THU_AFTER)])
def test_a_day_of_rest_that_is_on_record_does_not_end_the_rest(rest: int, last: str) -> None:
    days = [SAT, SUN, MON, HOLIDAY, WED, THU_AFTER, FRI_AFTER]
    resting = [today for today in days if rests({FRI: -1, **{one: 0 for one in days if one < today}}, today, rest=rest)]

    assert resting == [one for one in days if one <= last]


def test_the_weekend_neither_ends_a_row_nor_belongs_to_it() -> None:
    assert rests({FRI: -1, SAT: 0, SUN: 0, MON: -1, HOLIDAY: 0}, WED, row=2)
    assert rests({FRI: -1, SAT: 0, SUN: 0}, MON, row=2) is None


def test_on_a_closed_day_nothing_is_lost_where_hours_are_kept() -> None:
    """The broker's book values what was carried also on a Saturday: nobody could trade on it."""
    days = {FRI: -1, SAT: -1, SUN: -1}

    assert rests(days, MON, row=2) is None
    assert rests(days, MON, row=2, trading_days=PAPER)
    assert rests({FRI: 1, SAT: -1}, MON, trading_days=PAPER)
    assert rests({FRI: 1, SAT: -1}, WED, trading_days=PAPER) is None


@pytest.mark.parametrize("trading_days", [LIVE, PAPER])
def test_a_day_of_exactly_zero_is_not_lost(trading_days: TradingDays) -> None:
    for days in ({THU: 0}, {THU: 0, FRI: 0}, {THU: -1, FRI: 0}, {THU: 0, FRI: -1}):
        assert rests(days, MON, row=2, trading_days=trading_days) is None, days
    assert rests({THU: 0}, FRI, trading_days=trading_days) is None


def test_a_trading_day_without_a_loss_ends_the_row() -> None:
    for ended in (0, 1):
        assert rests({THU: -1, FRI: ended, MON: -1}, WED, row=2) is None, ended
    assert rests({THU: 1, FRI: -1, MON: -1}, WED, row=2)


def test_a_weekend_session_can_be_lost_and_rested_on() -> None:
    sunday = {"date": SUN, "exchanges": ["NSE", "NFO"], "opens": "18:00", "closes": "19:00"}
    settings = CalendarSettings.model_validate({"special_sessions": [sunday], "no_holidays": [SAT]})
    busy = TradingDays(Calendar(settings), enforced=True)

    assert rests({SAT: -1, SUN: -1}, MON, row=2, trading_days=busy)
    assert rests({FRI: -1}, SAT, trading_days=busy)
    assert rests({FRI: -1}, SUN, trading_days=busy) is None
    assert rests({FRI: -1}, SUN, rest=2, trading_days=busy)


def test_without_the_limit_nobody_rests() -> None:
    days = [RiskDay(day=day, pnl=Decimal(-1)) for day in (THU, FRI)]

    assert cooldown_until(days, MON, RiskSettings(), LIVE) is None
    assert rests({}, MON) is None


def test_the_sentence_says_for_how_long() -> None:
    assert rests({THU: -1, FRI: -1}, MON, row=2) == (
        "2 trading days in a row ended with a loss, the last on 2026-11-20; entries rest through the next trading day"
    )
    assert str(rests({FRI: -1}, MON, rest=2)).endswith("entries rest through the next 2 trading days")


def test_mcx_has_trading_days_of_its_own_which_are_no_rest() -> None:
    assert LIVE.is_trading_day(HOLIDAY)
    assert not LIVE.calendar.is_trading_day(Exchange.NSE, date.fromisoformat(HOLIDAY))
    assert not LIVE.is_trading_day("2026-12-25")
    assert [str(day) for day in LIVE.between(FRI, THU_AFTER)] == [MON, WED]


@pytest.mark.parametrize("trading_days", [LIVE, PAPER])
def test_a_day_is_summed_up_when_it_could_be_traded_or_was(trading_days: TradingDays) -> None:
    assert trading_days.is_worth_a_summary(FRI, 0)
    assert trading_days.is_worth_a_summary(HOLIDAY, 0)
    assert not trading_days.is_worth_a_summary(SAT, 0)
    assert not trading_days.is_worth_a_summary("2026-12-25", 0)
    assert trading_days.is_worth_a_summary(SAT, 1)
