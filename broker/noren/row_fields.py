"""Scalars of the broker's rows: texts, whole numbers, rupees and times, read or refused by name.

Every scalar on the wire is a string; numbers are tolerated. What must be there raises `UnreadableRowError`; what only
describes is None, or blank, where it cannot be read.
"""

from collections.abc import Mapping
from datetime import datetime
from decimal import Decimal, InvalidOperation
from functools import lru_cache
from typing import Any, Final, TypeAlias

from domain.ports import IST

Raw: TypeAlias = Mapping[str, Any]

ID_CHARACTERS_MAX: Final = 40
MESSAGES_KEPT_MAX: Final = 1024
"""So many numbers and moments are kept ready: those of one minute's rows."""


class UnreadableRowError(ValueError):
    """A row that cannot be read; the sentence names the row and the field."""


def shared(value: Any) -> Any:  # noqa: ANN401  whatever stands in a row
    """Return the copy of a text that was seen first, while it is a usual one; what is no text comes back as it is."""
    return _first_copy(value) if type(value) is str else value


@lru_cache(maxsize=MESSAGES_KEPT_MAX)
def _first_copy(text: str) -> str:
    return text


def text_in(raw: Raw, key: str) -> str:
    """Return a text that must be there and say something."""
    value = raw.get(key)
    if type(value) is int:
        value = str(value)
    if not isinstance(value, str) or not (value := value.strip()):
        raise UnreadableRowError(f"{key} is {value!r}")
    return value


def text_or_nothing(raw: Raw, key: str) -> str:
    """Return a text that may be absent, null or blank, as the broker leaves out what does not apply."""
    value = raw.get(key)
    if value is None:
        return ""
    if not isinstance(value, str):
        raise UnreadableRowError(f"{key} is {value!r}")
    return value.strip()


def whole_in(raw: Raw, key: str) -> int:
    """Return a whole number of units."""
    value = raw.get(key)
    if type(value) is int:
        return value
    try:
        if isinstance(value, str) and "_" not in value:
            return int(value)
    except ValueError:
        pass
    raise UnreadableRowError(f"{key} is {value!r}")


def decimal_in(raw: Raw, key: str) -> Decimal:
    """Return a finite number of rupees."""
    value = raw.get(key)
    if isinstance(value, str | int | float) and not isinstance(value, bool):
        number = _number_in(str(value).strip())
        if number is not None:
            return number
    raise UnreadableRowError(f"{key} is {value!r}")


def whole_or_none(raw: Raw, key: str) -> int | None:
    """Return a whole number of units, or None where the broker left it out."""
    return None if raw.get(key) in (None, "") else whole_in(raw, key)


@lru_cache(maxsize=MESSAGES_KEPT_MAX)
def _number_in(text: str) -> Decimal | None:
    """Return a finite number; rows of the same price share it."""
    try:
        number = Decimal(text)
    except InvalidOperation:
        return None
    return number if number.is_finite() else None


def price_or_none(raw: Raw, key: str) -> Decimal | None:
    """Return a price, or None where the broker left it out or gave the 0.00 that stands for none."""
    if raw.get(key) in (None, "", "0.00", "0"):
        return None
    return decimal_in(raw, key) or None


def price_if_told(raw: Raw, key: str) -> Decimal | None:
    """Return a price above 0, or None: absent, 0, "None", or not readable, none of which may cost us the row."""
    try:
        price = price_or_none(raw, key)
    except UnreadableRowError:
        return None
    return price if price is not None and price > 0 else None


def word_if_told(raw: Raw, key: str) -> str:
    """Return a word that only describes; blank where it is absent or no text."""
    value = raw.get(key)
    return value.strip() if isinstance(value, str) else ""


def time_if_told(raw: Raw, key: str) -> datetime | None:
    """Return a moment written "HH:MM:SS DD-MM-YYYY" in IST, or None where it is absent or not readable."""
    return _moment_in(word_if_told(raw, key))


@lru_cache(maxsize=MESSAGES_KEPT_MAX)
def _moment_in(text: str) -> datetime | None:
    try:
        return datetime.strptime(text, "%H:%M:%S %d-%m-%Y").replace(tzinfo=IST)
    except ValueError:
        return None
