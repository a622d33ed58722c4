"""What a setting can be: numbers with their bounds, days, times, and a table that refuses what it does not know."""

from contextlib import suppress
from datetime import date, time
from decimal import Decimal
from typing import Annotated

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field

Seconds = Annotated[float, Field(gt=0, allow_inf_nan=False)]
SecondsOrNone = Annotated[float, Field(ge=0, allow_inf_nan=False)]
"""Seconds, of which there may be none."""
Count = Annotated[int, Field(ge=1)]
Rupees = Annotated[Decimal, Field(gt=0)]


class Section(BaseModel):
    """A table of the settings file: unknown keys are errors. A text below a field is its description."""

    model_config = ConfigDict(extra="forbid", frozen=True, use_attribute_docstrings=True)


def _day(given: object) -> date:
    """Take a date of TOML or text; a bare number would be read as seconds since 1970."""
    if type(given) is date:
        return given
    with suppress(ValueError):
        if isinstance(given, str) and len(given) == len("YYYY-MM-DD"):
            return date.fromisoformat(given)
    raise ValueError("must be a day written YYYY-MM-DD")


def _time_of_day(given: object) -> time:
    """Take a local time of TOML or text, in IST; a bare number would be read as seconds since midnight."""
    if isinstance(given, time) and given.tzinfo is None:
        return given
    with suppress(ValueError):
        if isinstance(given, str) and len(given) in {len("HH:MM"), len("HH:MM:SS")}:
            return time.fromisoformat(given)
    raise ValueError("must be a time written HH:MM")


Day = Annotated[date, BeforeValidator(_day)]
TimeOfDay = Annotated[time, BeforeValidator(_time_of_day)]
