"""The trading day and the segments' hours: when an order may leave (step 2), and to which day it belongs.

Every answer is a function of the moment asked about: no clock stands here. Hours are those in which a segment takes
orders, in IST, closed at their end. They come from three places, the first that speaks wins:

1. `calendar.special_sessions`, which replace all hours of their segments on their day;
2. `calendar.no_holidays` and `calendar.extra_holidays`: regular hours, or none, in every segment;
3. the weekend, the NSE's holidays (the `holidays` package follows its circulars, and what was declared after them
   stands below) and the regular hours below.
"""

from collections.abc import Iterator, Mapping
from datetime import date, datetime, time, timedelta
from functools import lru_cache
from itertools import chain
from typing import Final, TypeAlias
from zoneinfo import ZoneInfo

from domain.orders.types import Exchange
from domain.ports import IST
from domain.settings import CalendarSettings

LOOKAHEAD_DAYS_MAX: Final = 30
"""How far ahead an opening is looked for; no break of an exchange comes near it."""

Hours: TypeAlias = tuple[tuple[time, time], ...]
Window: TypeAlias = tuple[datetime, datetime]

_EQUITY: Final[Hours] = ((time(9, 0), time(9, 8)), (time(9, 15), time(15, 30)))
"""Pre-open order entry, which the exchange ends at random in its last minute, and continuous trading."""

_DERIVATIVES: Final[Hours] = ((time(9, 15), time(15, 30)),)
_CURRENCY: Final[Hours] = ((time(9, 0), time(17, 0)),)
_COMMODITIES_SUMMER: Final[Hours] = ((time(9, 0), time(23, 30)),)
_COMMODITIES_WINTER: Final[Hours] = ((time(9, 0), time(23, 55)),)
"""MCX, non-agricultural contracts, while the United States are on standard time."""

_REGULAR: Final[Mapping[Exchange, Hours]] = {
    Exchange.NSE: _EQUITY,
    Exchange.BSE: _EQUITY,
    Exchange.NFO: _DERIVATIVES,
    Exchange.BFO: _DERIVATIVES,
    Exchange.CDS: _CURRENCY,
    Exchange.BCD: _CURRENCY,
    Exchange.MCX: _COMMODITIES_SUMMER,
    Exchange.NCX: ((time(9, 0), time(17, 0)),),  # [assumption] NCDEX; a few of its contracts trade in the evening
}

_COMMODITIES: Final = frozenset({Exchange.MCX, Exchange.NCX})
_EVENING: Final = time(17, 0)
"""[assumption] On an NSE holiday the commodity exchanges' morning is closed and their evening open (MCX circulars)."""

_CLOSED_ALL_DAY: Final = frozenset({(1, 26), (8, 15), (10, 2), (12, 25)})
_GOOD_FRIDAY: Final = "Good Friday"
"""The national holidays, Christmas and Good Friday: commodities have no evening either (MCX list of 2026)."""

_NEW_YEAR: Final = (1, 1)
"""No holiday of the NSE; the commodity exchanges trade in the morning alone (MCX list of 2026)."""

_SATURDAY: Final = 5
_NEW_YORK: Final = ZoneInfo("America/New_York")

_DECLARED_LATE: Final[Mapping[date, str]] = {
    date(2024, 1, 22): "Special Holiday",
    date(2024, 5, 20): "General Parliamentary Elections",
    date(2024, 11, 20): "Assembly General Elections",
    date(2026, 1, 15): "Municipal Corporation Elections",
}
"""Holidays that the NSE declared when its list of the year was out already: the package does not know them."""

_ANNOUNCED_UNTIL: Final = 2026
"""The last year whose list the NSE had announced when these holidays were compared with it; later ones are computed."""

_FESTIVAL: Final = "Diwali"
_ESTIMATE: Final = " (estimated)"
_YEARS_KEPT_MAX: Final = 8


class Calendar:
    """Owns the announced days of the settings; answers about segments, moments (aware, of any zone) and IST days."""

    def __init__(self, settings: CalendarSettings) -> None:
        self._extra_holidays = frozenset(settings.extra_holidays)
        self._no_holidays = frozenset(settings.no_holidays)
        self._checked_until = settings.holidays_checked_until or 0
        self._special: dict[tuple[Exchange, date], Hours] = {}
        for one in sorted(settings.special_sessions, key=lambda one: (one.date, one.opens)):
            for exchange in one.exchanges:
                earlier = self._special.get((exchange, one.date), ())
                self._special[exchange, one.date] = (*earlier, (one.opens, one.closes))

    def windows(self, exchange: Exchange, day: date) -> tuple[Window, ...]:
        """Return when `exchange` takes orders on `day`, in order: opening and closing in IST, the closing excluded."""
        return tuple(
            (datetime.combine(day, opens, IST), datetime.combine(day, closes, IST))
            for opens, closes in self._hours(exchange, day)
        )

    def is_open(self, exchange: Exchange, moment: datetime) -> bool:
        """Whether `exchange` takes orders at `moment`."""
        return any(opens <= moment < closes for opens, closes in self.windows(exchange, _ist_day(moment)))

    def next_opening(self, exchange: Exchange, moment: datetime) -> datetime | None:
        """Return the first opening after `moment`, in IST, or None when there is none within `LOOKAHEAD_DAYS_MAX`."""
        today = _ist_day(moment)
        days = (today + timedelta(days=ahead) for ahead in range(LOOKAHEAD_DAYS_MAX + 1))
        windows = chain.from_iterable(self.windows(exchange, day) for day in days)
        return next((opens for opens, _ in windows if opens > moment), None)

    def is_trading_day(self, exchange: Exchange, day: date) -> bool:
        """Whether `exchange` takes orders at any time of `day`."""
        return bool(self._hours(exchange, day))

    def session_day(self, exchange: Exchange, moment: datetime, *, amo: bool) -> date:
        """Return the day to which an order placed at `moment` belongs.

        A regular order belongs to its own day in IST. An after-market order belongs to the day of the next opening,
        which is today's before today's hours; without an opening in sight it belongs to its own day too.
        """
        opening = self.next_opening(exchange, moment) if amo else None
        return _ist_day(moment if opening is None else opening)

    def objection(self, exchange: Exchange, moment: datetime) -> str | None:
        """Return None when `exchange` takes orders at `moment`; else one line for people: when it does, what to do."""
        if self.is_open(exchange, moment):
            return None
        opening = self.next_opening(exchange, moment)
        if opening is None:
            return f"{exchange} is closed; no opening is known within {LOOKAHEAD_DAYS_MAX} days."
        when = f"{opening:%a} {opening.day} {opening:%b %Y} at {opening:%H:%M} IST"
        return f"{exchange} is closed; it opens on {when}. Send the order with amo to queue it for then."

    def doubts(self, day: date) -> tuple[str, ...]:
        """Return what is not known for sure of the holidays from `day` to the look-ahead's end, for a start to log."""
        years = sorted({day.year, (day + timedelta(days=LOOKAHEAD_DAYS_MAX)).year})
        return tuple(chain.from_iterable(self._doubts_about(year) for year in years))

    def _doubts_about(self, year: int) -> Iterator[str]:
        """Yield a sentence each when `year` is unknown, known without its festivals, computed, or estimated."""
        if year <= self._checked_until:
            return
        known = _nse_holidays(year)
        mend = "name the exchange's days in calendar.extra_holidays, or update the holidays package"
        if not known:
            yield f"no holidays are known for {year}, so that every weekday counts as a trading day: {mend}"
        elif not any(_FESTIVAL in name for name in known.values()):
            yield f"no festivals are known for {year}, only the holidays of fixed date: {mend}"
        elif year > _ANNOUNCED_UNTIL:
            said = "name what differs in calendar.extra_holidays and calendar.no_holidays"
            yield (
                f"the holidays of {year} are computed, not the exchange's list: compare them with its circular, "
                f"{said}, then set calendar.holidays_checked_until = {year}"
            )
        decided = self._extra_holidays | self._no_holidays
        guesses = [
            f"{day} ({name.replace(_ESTIMATE, '')})"
            for day, name in sorted(known.items())
            if _ESTIMATE in name and day.weekday() < _SATURDAY and day not in decided
        ]
        if guesses:
            said = "name each in calendar.extra_holidays or calendar.no_holidays"
            yield f"the exchange's list of {year} decides about these estimated holidays, {said}: {', '.join(guesses)}"

    def _hours(self, exchange: Exchange, day: date) -> Hours:
        special = self._special.get((exchange, day))
        if special is not None:
            return special
        regular = _regular_hours(exchange, day)
        if day in self._no_holidays:
            return regular
        if day.weekday() >= _SATURDAY or day in self._extra_holidays:
            return ()
        holiday = _nse_holidays(day.year).get(day)
        if exchange in _COMMODITIES:
            return _commodity_hours(regular, day, holiday)
        return regular if holiday is None else ()


def _ist_day(moment: datetime) -> date:
    assert moment.utcoffset() is not None, "a moment without a zone could be anywhere"
    return moment.astimezone(IST).date()


def _regular_hours(exchange: Exchange, day: date) -> Hours:
    """Return the hours of an ordinary day; MCX closes later while New York is on winter time."""
    if exchange is Exchange.MCX:
        evening = datetime.combine(day, _EVENING, IST).astimezone(_NEW_YORK)
        return _COMMODITIES_SUMMER if evening.dst() else _COMMODITIES_WINTER
    return _REGULAR[exchange]


def _commodity_hours(regular: Hours, day: date, holiday: str | None) -> Hours:
    """Return what is left of a commodity exchange's weekday: all of it, its morning, its evening or nothing."""
    if (day.month, day.day) == _NEW_YEAR:
        return tuple((opens, min(closes, _EVENING)) for opens, closes in regular if opens < _EVENING)
    if holiday is None:
        return regular
    if (day.month, day.day) in _CLOSED_ALL_DAY or _GOOD_FRIDAY in holiday:
        return ()
    return tuple((max(opens, _EVENING), closes) for opens, closes in regular if closes > _EVENING)


@lru_cache(maxsize=_YEARS_KEPT_MAX)
def _nse_holidays(year: int) -> Mapping[date, str]:
    """Return the NSE's holidays of `year` by day, those on weekends too; none before 2001 and after 2100."""
    from holidays import financial_holidays  # noqa: PLC0415  0.2 s, for which a desk without hours need not wait

    late = {day: name for day, name in _DECLARED_LATE.items() if day.year == year}
    return dict(financial_holidays("XNSE", years=year, language="en_IN", observed=False)) | late
