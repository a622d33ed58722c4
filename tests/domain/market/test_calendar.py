import os
import subprocess
import sys
from datetime import UTC, date, datetime, time, timedelta, timezone
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from console.settings_file import SettingsError, load_settings
from domain.market.calendar import LOOKAHEAD_DAYS_MAX, Calendar
from domain.orders.types import Exchange
from domain.ports import IST
from domain.settings import CalendarSettings, SpecialSession

NSE, BSE, NFO, MCX, NCX = Exchange.NSE, Exchange.BSE, Exchange.NFO, Exchange.MCX, Exchange.NCX
OF_THE_NSE = [one for one in Exchange if one not in {MCX, NCX}]

MONDAY = date(2026, 1, 5)
HOLI = date(2026, 3, 3)
DIWALI = date(2026, 11, 8)  # a Sunday
BUDGET_SATURDAY = date(2025, 2, 1)
EXTRA = date(2026, 1, 14)  # an ordinary Wednesday
PLAIN = Calendar(CalendarSettings())
MUHURAT = SpecialSession(date=DIWALI, exchanges=(NSE, MCX), opens=time(18), closes=time(19))
BUSY = Calendar(
    CalendarSettings(
        extra_holidays=(EXTRA,),
        no_holidays=(BUDGET_SATURDAY,),
        special_sessions=(
            MUHURAT,
            SpecialSession(date=date(2026, 3, 7), exchanges=(NSE,), opens=time(11, 30), closes=time(12, 30)),
            SpecialSession(date=date(2026, 3, 7), exchanges=(NSE,), opens=time(9, 15), closes=time(10)),
        ),
    )
)
"""With Muhurat, an election day, a budget and a drill on a Saturday of two sessions."""

EQUITY = "09:00-09:08 09:15-15:30"
DERIVATIVES = "09:15-15:30"
OFFICE = "09:00-17:00"


def hours(calendar: Calendar, exchange: Exchange, day: date) -> str:
    return " ".join(f"{opens:%H:%M}-{closes:%H:%M}" for opens, closes in calendar.windows(exchange, day))


def at(day: date, clock: str) -> datetime:
    return datetime.combine(day, time.fromisoformat(clock), IST)


@pytest.mark.parametrize(
    ("exchange", "expected"),
    [
        (NSE, EQUITY),
        (BSE, EQUITY),
        (NFO, DERIVATIVES),
        (Exchange.BFO, DERIVATIVES),
        (Exchange.CDS, OFFICE),
        (Exchange.BCD, OFFICE),
        (MCX, "09:00-23:55"),
        (NCX, OFFICE),
    ],
)
def test_each_segment_has_its_regular_hours(exchange: Exchange, expected: str) -> None:
    assert hours(PLAIN, exchange, MONDAY) == expected


def test_hours_are_told_in_the_exchanges_time() -> None:
    assert PLAIN.windows(NFO, MONDAY) == ((at(MONDAY, "09:15"), at(MONDAY, "15:30")),)
    assert all(edge.tzinfo is IST for window in PLAIN.windows(NSE, MONDAY) for edge in window)


@pytest.mark.parametrize(
    ("clock", "is_open"),
    [
        ("08:59:59.999999", False),
        ("09:00:00", True),
        ("09:07:59", True),
        ("09:08:00", False),
        ("09:14:59", False),
        ("09:15:00", True),
        ("15:29:59.999999", True),
        ("15:30:00", False),
    ],
)
def test_a_window_begins_with_its_opening_and_ends_before_its_closing(clock: str, is_open: bool) -> None:  # noqa: FBT001  a table's column
    assert PLAIN.is_open(NSE, at(MONDAY, clock)) is is_open


@pytest.mark.parametrize(
    ("day", "closes"),
    [
        (date(2026, 3, 6), "23:55"),  # the United States turn their clocks on Sunday, 8 March
        (date(2026, 3, 9), "23:30"),
        (date(2026, 10, 30), "23:30"),  # and back on 1 November
        (date(2026, 11, 2), "23:55"),
    ],
)
def test_mcx_closes_later_while_new_york_is_on_winter_time(day: date, closes: str) -> None:
    assert hours(PLAIN, MCX, day) == f"09:00-{closes}"


@pytest.mark.parametrize("exchange", Exchange)
@pytest.mark.parametrize("day", [date(2026, 1, 3), date(2026, 1, 4)])
def test_nothing_trades_at_the_weekend(exchange: Exchange, day: date) -> None:
    assert not PLAIN.is_trading_day(exchange, day)


HOLIDAYS_2026 = [
    date(2026, month, day)
    for month, days in {
        1: (15, 26),
        3: (3, 26, 31),
        4: (3, 14),
        5: (1, 28),
        6: (26,),
        9: (14,),
        10: (2, 20),
        11: (10, 24),
        12: (25,),
    }.items()
    for day in days
]
"""The NSE's list of weekday holidays at the start of the year (circular CMTR71775), and 15 January, declared later."""


@pytest.mark.parametrize("exchange", OF_THE_NSE)
def test_the_holidays_of_2026_are_the_exchanges(exchange: Exchange) -> None:
    weekdays = [day for day in map(MONDAY.__add__, map(timedelta, range(360))) if day.weekday() < 5]

    assert [day for day in weekdays if not PLAIN.is_trading_day(exchange, day)] == HOLIDAYS_2026


@pytest.mark.parametrize(
    ("day", "mcx", "ncx"),
    [
        (HOLI, "17:00-23:55", ""),
        (date(2026, 1, 15), "17:00-23:55", ""),
        (date(2026, 5, 1), "17:00-23:30", ""),
        (date(2026, 1, 26), "", ""),
        (date(2025, 8, 15), "", ""),
        (date(2026, 10, 2), "", ""),
        (date(2026, 12, 25), "", ""),
        (date(2026, 4, 3), "", ""),
        (date(2026, 1, 1), "09:00-17:00", OFFICE),
    ],
    ids=[
        "Holi",
        "Elections",
        "Maharashtra",
        "Republic",
        "Independence",
        "Gandhi",
        "Christmas",
        "Good Friday",
        "New Year",
    ],
)
def test_commodities_trade_in_the_evening_of_a_holiday_unless_all_are_off(day: date, mcx: str, ncx: str) -> None:
    assert (hours(PLAIN, MCX, day), hours(PLAIN, NCX, day)) == (mcx, ncx)


def test_new_years_day_is_an_ordinary_day_of_the_nse() -> None:
    assert hours(PLAIN, NSE, date(2026, 1, 1)) == EQUITY


def test_a_leap_day_is_a_day() -> None:
    assert hours(PLAIN, NSE, date(2028, 2, 29)) == EQUITY
    assert PLAIN.next_opening(NFO, at(date(2028, 2, 28), "16:00")) == at(date(2028, 2, 29), "09:15")


@pytest.mark.parametrize("exchange", Exchange)
def test_an_extra_holiday_closes_every_segment_all_day(exchange: Exchange) -> None:
    assert PLAIN.is_trading_day(exchange, EXTRA)
    assert not BUSY.is_trading_day(exchange, EXTRA)


@pytest.mark.parametrize("exchange", Exchange)
def test_a_saturday_that_is_no_holiday_has_regular_hours(exchange: Exchange) -> None:
    friday = BUDGET_SATURDAY - timedelta(days=1)

    assert not PLAIN.is_trading_day(exchange, BUDGET_SATURDAY)
    assert hours(BUSY, exchange, BUDGET_SATURDAY) == hours(BUSY, exchange, friday)


@pytest.mark.parametrize("exchange", Exchange)
def test_a_holiday_can_be_declared_none(exchange: Exchange) -> None:
    calendar = Calendar(CalendarSettings(no_holidays=(HOLI,)))

    assert hours(calendar, exchange, HOLI) == hours(calendar, exchange, HOLI - timedelta(days=1))


def test_muhurat_trades_on_a_sunday_in_the_segments_that_announced_it() -> None:
    assert hours(BUSY, NSE, DIWALI) == hours(BUSY, MCX, DIWALI) == "18:00-19:00"
    assert not BUSY.is_trading_day(NFO, DIWALI)


def test_special_sessions_replace_the_hours_of_any_day() -> None:
    ordinary, holiday = MONDAY, HOLI
    hour = {"exchanges": (MCX,), "opens": time(10), "closes": time(11)}
    sessions = tuple(SpecialSession.model_validate({"date": day, **hour}) for day in (ordinary, holiday))
    calendar = Calendar(CalendarSettings(extra_holidays=(ordinary,), no_holidays=(holiday,), special_sessions=sessions))

    assert hours(calendar, MCX, ordinary) == hours(calendar, MCX, holiday) == "10:00-11:00"
    assert hours(calendar, NCX, ordinary) == ""
    assert hours(calendar, NCX, holiday) == OFFICE


def test_two_special_sessions_of_a_day_are_told_in_order() -> None:
    assert hours(BUSY, NSE, date(2026, 3, 7)) == "09:15-10:00 11:30-12:30"


@pytest.mark.parametrize(
    ("exchange", "moment", "opening"),
    [
        (NSE, at(MONDAY, "08:00"), at(MONDAY, "09:00")),
        (NSE, at(MONDAY, "09:00"), at(MONDAY, "09:15")),
        (NSE, at(MONDAY, "09:10"), at(MONDAY, "09:15")),
        (NSE, at(MONDAY, "12:00"), at(date(2026, 1, 6), "09:00")),
        (NFO, at(date(2026, 1, 23), "15:30"), at(date(2026, 1, 27), "09:15")),  # a weekend, then Republic Day
        (MCX, at(HOLI, "10:00"), at(HOLI, "17:00")),
        (NSE, at(date(2026, 11, 7), "12:00"), at(DIWALI, "18:00")),
    ],
)
def test_the_next_opening_comes_after_the_moment(exchange: Exchange, moment: datetime, opening: datetime) -> None:
    assert BUSY.next_opening(exchange, moment) == opening


def long_break() -> Calendar:
    days = tuple(MONDAY + timedelta(days=ahead) for ahead in range(LOOKAHEAD_DAYS_MAX + 10))
    return Calendar(CalendarSettings(extra_holidays=days))


def test_an_opening_beyond_the_look_ahead_is_not_known() -> None:
    calendar, noon = long_break(), at(MONDAY, "12:00")

    assert calendar.next_opening(NSE, noon) is None
    assert calendar.session_day(NSE, noon, amo=True) == MONDAY
    assert calendar.objection(NSE, noon) == "NSE is closed; no opening is known within 30 days."


@pytest.mark.parametrize(
    ("exchange", "moment", "day"),
    [
        (NFO, at(MONDAY, "02:00"), MONDAY),
        (NFO, at(MONDAY, "09:14"), MONDAY),
        (NFO, at(MONDAY, "09:15"), date(2026, 1, 6)),
        (NFO, at(MONDAY, "15:45"), date(2026, 1, 6)),
        (NFO, at(date(2026, 1, 9), "20:00"), date(2026, 1, 12)),
        (NFO, at(date(2026, 1, 26), "11:00"), date(2026, 1, 27)),
        (MCX, at(HOLI, "11:00"), HOLI),
        (MCX, at(HOLI, "18:00"), date(2026, 3, 4)),
    ],
)
def test_an_after_market_order_belongs_to_the_next_opening(exchange: Exchange, moment: datetime, day: date) -> None:
    assert PLAIN.session_day(exchange, moment, amo=True) == day


def test_a_regular_order_belongs_to_its_own_day_in_ist() -> None:
    late_in_utc = datetime(2026, 1, 5, 18, 30, tzinfo=UTC)

    assert PLAIN.session_day(NSE, late_in_utc, amo=False) == date(2026, 1, 6)
    assert PLAIN.session_day(NSE, late_in_utc - timedelta(seconds=1), amo=False) == MONDAY


@pytest.mark.parametrize(
    ("exchange", "moment", "sentence"),
    [
        (NFO, at(MONDAY, "12:00"), None),
        (
            NFO,
            at(date(2026, 11, 23), "15:30"),
            "NFO is closed; it opens on Wed 25 Nov 2026 at 09:15 IST. Send the order with amo to queue it for then.",
        ),
        (
            MCX,
            at(HOLI, "12:00"),
            "MCX is closed; it opens on Tue 3 Mar 2026 at 17:00 IST. Send the order with amo to queue it for then.",
        ),
    ],
)
def test_an_objection_says_when_the_segment_opens(exchange: Exchange, moment: datetime, sentence: str | None) -> None:
    assert PLAIN.objection(exchange, moment) == sentence


def test_a_moment_without_a_zone_is_our_bug() -> None:
    with pytest.raises(AssertionError, match="zone"):
        PLAIN.is_open(NSE, datetime(2026, 1, 5, 12))  # noqa: DTZ001  the bug


ZONES = (UTC, IST, ZoneInfo("America/New_York"), ZoneInfo("Pacific/Kiritimati"), timezone(timedelta(hours=-12)))
exchanges = st.sampled_from(Exchange)
calendars = st.sampled_from([PLAIN, BUSY])
moments = st.builds(
    lambda local, zone: local.replace(tzinfo=IST).astimezone(zone),
    st.datetimes(datetime(2024, 1, 1), datetime(2037, 12, 31))  # noqa: DTZ001  made aware above
    | st.builds(
        lambda edge, seconds: edge + timedelta(seconds=seconds),
        st.builds(
            datetime.combine,
            st.dates(date(2025, 1, 1), date(2027, 12, 31)) | st.sampled_from([DIWALI, HOLI, date(2026, 3, 7)]),
            st.sampled_from([time(9), time(9, 8), time(9, 15), time(15, 30), time(17), time(18), time(23, 30)]),
        ),
        st.sampled_from([-1, 0, 1]),
    ),
    st.sampled_from(ZONES),
)


@given(calendars, exchanges, moments)
def test_a_segment_is_open_inside_its_windows_and_nowhere_else(
    calendar: Calendar, exchange: Exchange, moment: datetime
) -> None:
    day = moment.astimezone(IST).date()
    near = (day + timedelta(days=ahead) for ahead in (-1, 0, 1))

    inside = any(opens <= moment < closes for one in near for opens, closes in calendar.windows(exchange, one))

    assert calendar.is_open(exchange, moment) is inside
    assert (calendar.objection(exchange, moment) is None) is inside
    assert not inside or calendar.is_trading_day(exchange, day)


@given(calendars, exchanges, moments, st.floats(0, 1, exclude_max=True))
def test_the_next_opening_is_open_and_no_opening_lies_before_it(
    calendar: Calendar, exchange: Exchange, moment: datetime, part: float
) -> None:
    opening = calendar.next_opening(exchange, moment)
    assert opening is not None

    between = moment + (opening - moment) * part
    still_open = [closes for _, closes in calendar.windows(exchange, _day(moment)) if moment < closes]

    assert opening > moment
    assert calendar.is_open(exchange, opening)
    assert not calendar.is_open(exchange, opening - timedelta(microseconds=1))
    if not calendar.is_open(exchange, moment) or between >= still_open[0]:
        assert between == opening or not calendar.is_open(exchange, between)


def _day(moment: datetime) -> date:
    return moment.astimezone(IST).date()


@given(calendars, exchanges, moments, moments, st.booleans())
def test_a_later_order_never_belongs_to_an_earlier_day(
    calendar: Calendar,
    exchange: Exchange,
    one: datetime,
    other: datetime,
    amo: bool,  # noqa: FBT001  drawn
) -> None:
    first, second = sorted((one, other))

    assert calendar.session_day(exchange, first, amo=amo) <= calendar.session_day(exchange, second, amo=amo)


@given(calendars, exchanges, moments)
def test_an_after_market_order_belongs_to_a_trading_day_not_before_its_own(
    calendar: Calendar, exchange: Exchange, moment: datetime
) -> None:
    day = calendar.session_day(exchange, moment, amo=True)

    assert day >= calendar.session_day(exchange, moment, amo=False)
    assert calendar.is_trading_day(exchange, day)


@given(calendars, exchanges, st.dates(date(2000, 1, 1), date(2110, 12, 31)))
def test_windows_stand_in_order_within_their_day(calendar: Calendar, exchange: Exchange, day: date) -> None:
    edges = [edge for window in calendar.windows(exchange, day) for edge in window]

    assert edges == sorted(set(edges))
    assert all(edge.date() == day for edge in edges)
    assert calendar.is_trading_day(exchange, day) is bool(edges)


def test_a_year_without_data_has_weekends_only_and_says_so() -> None:
    republic_day = date(2101, 1, 26)  # a Wednesday

    assert PLAIN.is_trading_day(NSE, republic_day)
    assert not PLAIN.is_trading_day(NSE, date(2101, 1, 29))
    (doubt,) = PLAIN.doubts(republic_day)
    assert doubt.startswith("no holidays are known for 2101, so that every weekday counts as a trading day: name the")


def test_a_year_known_without_its_festivals_says_so() -> None:
    assert PLAIN.doubts(date(2080, 6, 3))[0].startswith("no festivals are known for 2080, only the holidays of fixed")


def estimated(year: int) -> list[date]:
    """Return the weekdays that `year` holds by estimate, from what the calendar says about it."""
    message = " ".join(PLAIN.doubts(date(year, 6, 1))).replace(",", " ").split()
    return [date.fromisoformat(word) for word in message if word.startswith(f"{year}-")]


def test_estimated_holidays_are_named_until_the_settings_decide() -> None:
    first, *others = estimated(2033)

    calendar = Calendar(CalendarSettings(extra_holidays=(first,), no_holidays=tuple(others)))

    assert others
    assert all(day.weekday() < 5 for day in (first, *others))
    assert len(PLAIN.doubts(date(2033, 6, 1))) == 2
    assert not any("estimated" in doubt for doubt in calendar.doubts(date(2033, 6, 1)))


def test_holidays_that_the_exchange_has_not_announced_are_doubted_until_a_person_has_compared_them() -> None:
    calendar = Calendar(CalendarSettings(holidays_checked_until=2027))

    assert any("the holidays of 2027 are computed" in doubt for doubt in PLAIN.doubts(date(2027, 2, 1)))
    assert any("holidays_checked_until = 2027" in doubt for doubt in PLAIN.doubts(date(2026, 12, 10)))
    assert calendar.doubts(date(2027, 6, 1)) == calendar.doubts(date(2026, 12, 10)) == ()
    assert any("2028" in doubt for doubt in calendar.doubts(date(2027, 12, 10)))


@pytest.mark.parametrize("day", [date(2024, 1, 22), date(2024, 5, 20), date(2024, 11, 20), date(2026, 1, 15)])
def test_a_holiday_that_was_declared_late_is_known(day: date) -> None:
    assert not PLAIN.is_trading_day(NSE, day)
    assert hours(PLAIN, MCX, day).startswith("17:00-")
    assert PLAIN.session_day(NSE, at(day, "10:00"), amo=True) == day + timedelta(days=1)


def test_a_year_that_is_known_leaves_no_doubt_and_its_end_looks_into_the_next() -> None:
    assert PLAIN.doubts(date(2025, 6, 1)) == PLAIN.doubts(date(2026, 11, 28)) == ()
    assert any("2101" in doubt for doubt in PLAIN.doubts(date(2100, 12, 15)))


def answer_of_another_process(question: str, language: str = "en") -> int:
    script = (
        "import sys; from datetime import date; from domain.market.calendar import Calendar;"
        "from domain.orders.types import Exchange; from domain.settings import CalendarSettings;"
        f"calendar = Calendar(CalendarSettings()); sys.exit({question})"
    )
    environment = {**os.environ, "LANGUAGE": language}
    root = Path(__file__).parents[3]
    return subprocess.run([sys.executable, "-c", script], cwd=root, env=environment, check=False, timeout=60).returncode


def test_the_holidays_are_loaded_when_first_asked_for() -> None:
    assert answer_of_another_process("'holidays' in sys.modules") == 0


def test_the_holidays_have_the_same_names_in_every_language_of_the_machine() -> None:
    good_friday = "calendar.is_trading_day(Exchange.MCX, date(2026, 4, 3))"

    assert answer_of_another_process(f"{good_friday} or len(calendar.doubts(date(2025, 6, 1)))", language="hi") == 0


GOOD = 'mode = "paper"\nclient_id = "FA1"\n[calendar]\n'
SESSION = "[[calendar.special_sessions]]\ndate = 2026-11-08\nexchanges = ['NSE']\nopens = '18:00'\ncloses = '19:00'\n"
BAD = [
    ("extra_holiday = []", "calendar.extra_holiday is not a setting; check its spelling"),
    (
        "enforced = 'perhaps'",
        "calendar.enforced: Input should be a valid boolean, unable to interpret input, not 'perhaps'",
    ),
    (
        "extra_holidays = ['15/01/2026']",
        "calendar.extra_holidays.0: must be a day written YYYY-MM-DD, not '15/01/2026'",
    ),
    ("no_holidays = ['2027-02-29']", "calendar.no_holidays.0: must be a day written YYYY-MM-DD, not '2027-02-29'"),
    ("no_holidays = ['20260115']", "calendar.no_holidays.0: must be a day written YYYY-MM-DD, not '20260115'"),
    ("extra_holidays = [0]", "calendar.extra_holidays.0: must be a day written YYYY-MM-DD, not 0"),
    (
        "extra_holidays = [2026-01-15T00:00:00]",
        "calendar.extra_holidays.0: must be a day written YYYY-MM-DD, not datetime.datetime(2026, 1, 15, 0, 0)",
    ),
    (
        "extra_holidays = [2026-01-15]\nno_holidays = ['2026-01-15']",
        "calendar: 2026-01-15 stands in extra_holidays and in no_holidays; take it out of one",
    ),
    (
        SESSION.replace("'18:00'", "'6 pm'"),
        "calendar.special_sessions.0.opens: must be a time written HH:MM, not '6 pm'",
    ),
    (SESSION.replace("'19:00'", "1900"), "calendar.special_sessions.0.closes: must be a time written HH:MM, not 1900"),
    (
        SESSION.replace("'19:00'", "'24:00'"),
        "calendar.special_sessions.0.closes: must be a time written HH:MM, not '24:00'",
    ),
    (SESSION.replace("'19:00'", "'19'"), "calendar.special_sessions.0.closes: must be a time written HH:MM, not '19'"),
    (
        SESSION.replace("'19:00'", "'18:00'"),
        "calendar.special_sessions.0: opens (18:00) must be before closes (18:00) on the same day",
    ),
    (
        SESSION.replace("'19:00'", "'17:00'"),
        "calendar.special_sessions.0: opens (18:00) must be before closes (17:00) on the same day",
    ),
    (
        SESSION.replace("'NSE'", ""),
        "calendar.special_sessions.0.exchanges: Tuple should have at least 1 item after validation, not 0, not []",
    ),
    (
        SESSION.replace("'NSE'", "'NYSE'"),
        (
            "calendar.special_sessions.0.exchanges.0: "
            "Input should be 'NSE', 'BSE', 'NFO', 'BFO', 'CDS', 'BCD', 'MCX' or 'NCX', not 'NYSE'"
        ),
    ),
    (
        SESSION + SESSION.replace("'18:00'", "18:30:00").replace("'19:00'", "20:00:00"),
        "calendar: special sessions of NSE on 2026-11-08 overlap or touch; write them as one",
    ),
    (
        SESSION + SESSION.replace("'18:00'", "'19:00'", 1).replace("closes = '19:00'", "closes = '20:00'"),
        "calendar: special sessions of NSE on 2026-11-08 overlap or touch; write them as one",
    ),
    (
        SESSION.replace("'NSE'", "'NSE', 'NSE'"),
        "calendar: special sessions of NSE on 2026-11-08 overlap or touch; write them as one",
    ),
]


def test_a_special_session_of_another_zone_is_refused() -> None:
    with pytest.raises(ValueError, match="must be a time written HH:MM"):
        SpecialSession(date=DIWALI, exchanges=(NSE,), opens=time(18), closes=time(19, tzinfo=UTC))


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "desk.toml"


@pytest.mark.parametrize(("text", "sentence"), BAD)
def test_a_bad_value_is_refused_with_one_clear_sentence(file: Path, text: str, sentence: str) -> None:
    file.write_text(GOOD + text, encoding="utf-8")

    with pytest.raises(SettingsError) as refused:
        load_settings(file)

    assert str(refused.value).startswith(f"{file}: {sentence}")


def test_days_and_times_are_taken_as_toml_or_as_text(file: Path) -> None:
    days = "extra_holidays = [2026-01-15, '2026-01-16']\nno_holidays = ['2026-02-01']\n"
    later = SESSION.replace("['NSE']", "['NSE', 'MCX']").replace("'18:00'", "20:00:00").replace("'19:00'", "20:30:00")
    file.write_text(GOOD + days + SESSION + later, encoding="utf-8")

    settings = load_settings(file).calendar

    assert settings.enforced is None
    assert settings.extra_holidays == (date(2026, 1, 15), date(2026, 1, 16))
    assert hours(Calendar(settings), NSE, DIWALI) == "18:00-19:00 20:00-20:30"
    assert hours(Calendar(settings), MCX, DIWALI) == "20:00-20:30"
    assert hours(Calendar(settings), NFO, date(2026, 2, 1)) == DERIVATIVES


def test_the_calendar_can_be_told_through_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DESK_CALENDAR__ENFORCED", "true")
    monkeypatch.setenv("DESK_CALENDAR__EXTRA_HOLIDAYS", '["2026-01-15"]')
    monkeypatch.setenv("DESK_CALENDAR__SPECIAL_SESSIONS", f"[{MUHURAT.model_dump_json()}]")

    settings = load_settings(None, mode="paper", client_id="FA1").calendar

    assert settings == CalendarSettings(enforced=True, extra_holidays=(date(2026, 1, 15),), special_sessions=(MUHURAT,))
