"""The calendar: what the exchanges announced and no program can know."""

from itertools import pairwise
from typing import Annotated, Self

from pydantic import Field, model_validator

from domain.orders.types import Exchange
from domain.settings.fields import Day, Section, TimeOfDay


class SpecialSession(Section):
    """Hours (IST) that an exchange announced for one day, such as the Muhurat hour of Diwali."""

    date: Day
    """The day, YYYY-MM-DD."""
    exchanges: Annotated[tuple[Exchange, ...], Field(min_length=1)]
    """The exchanges that hold it, such as ["NSE", "NFO"]; one at least."""
    opens: TimeOfDay
    """When it opens (IST), HH:MM."""
    closes: TimeOfDay
    """When it closes (IST), later on the same day."""

    @model_validator(mode="after")
    def _open_before_closing(self) -> Self:
        if self.opens >= self.closes:
            raise ValueError(f"opens ({self.opens:%H:%M}) must be before closes ({self.closes:%H:%M}) on the same day")
        return self


class CalendarSettings(Section):
    """What the exchanges announced and the desk can't know. A day's special sessions replace all its other hours."""

    enforced: bool | None = None
    """Whether an order outside its segment's hours is refused. None: with live money, and not on paper."""
    extra_holidays: tuple[Day, ...] = ()
    """Days without trading that the desk does not know, YYYY-MM-DD."""
    no_holidays: tuple[Day, ...] = ()
    """Days with regular hours although they seem to be none, such as the Saturday of a budget."""
    special_sessions: tuple[SpecialSession, ...] = ()
    """Hours that replace all others of their day."""
    holidays_checked_until: Annotated[int, Field(ge=2_000, le=2_200)] | None = None
    """The last year whose holidays a person has compared with the exchange's circular: the desk doubts later ones."""

    @model_validator(mode="after")
    def _say_one_thing_of_a_day(self) -> Self:
        if both := {*self.extra_holidays} & {*self.no_holidays}:
            raise ValueError(f"{min(both)} stands in extra_holidays and in no_holidays; take it out of one")
        every = self.special_sessions
        hours = sorted((name, one.date, one.opens, one.closes) for one in every for name in one.exchanges)
        for (*earlier, _, closes), (*later, opens, _) in pairwise(hours):
            if earlier == later and opens <= closes:
                raise ValueError(f"special sessions of {later[0]} on {later[1]} overlap or touch; write them as one")
        return self
