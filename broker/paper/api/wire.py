"""The shapes on the wire: request bodies, replies, number and time formats, and the broker's own sentences.

docs/protocol.md: request, escaping quirks, response, formats.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import ROUND_HALF_UP, Decimal, InvalidOperation
from typing import Final
from urllib.parse import unquote_plus

NOT_JSON: Final = "Invalid Input :  jData is not valid json object"
SESSION_EXPIRED: Final = "Session Expired :  Invalid Session Key"
NO_DATA: Final = 'Error Occurred : 5 "no data"'
NO_SCRIP: Final = "No Data :   "
INVALID_INPUT: Final = 'Error Occurred : 2 "invalid input"'
EMPTY_TEXT: Final = "Invalid Input :  basic_string::at: __n (which is 0) >= this->size() (which is 0)"

HTTP_OK: Final = 200
HTTP_BAD: Final = 400
HTTP_NOT_FOUND: Final = 404

_DECODED: Final = frozenset({"tsym", "stext", "tsym2", "tsym3"})
_ABSENT_TRIGGERS: Final = frozenset({"", "None", "0", "0.0", "0.00"})
_PLACES: Final = Decimal("0.01")


class RefusalError(Exception):
    """A request that is answered `Not_Ok`, with the broker's text and the HTTP status it comes under."""

    def __init__(self, text: str, http_status: int = HTTP_OK) -> None:
        super().__init__(text)
        self.text = text
        self.http_status = http_status


@dataclass(frozen=True, slots=True)
class Reply:
    """An answer, ready to be sent."""

    body: bytes
    http_status: int = HTTP_OK


@dataclass(frozen=True, slots=True)
class Fields:
    """The jData object of a request: every scalar as text, null as absent."""

    values: Mapping[str, str]

    def get(self, name: str) -> str | None:
        """Return a field, None where it is absent or null."""
        return self.values.get(name)

    def need(self, *names: str) -> None:
        """Refuse with the broker's text where a field is missing or empty."""
        if any(name not in self.values for name in names):
            raise RefusalError(f"Invalid Input : Missing {' or '.join(names)}.", HTTP_BAD)
        if any(not self.values[name] for name in names):
            raise RefusalError(EMPTY_TEXT, HTTP_BAD)

    def number(self, name: str) -> Decimal:
        """Read a number, refuse what is none."""
        try:
            value = Decimal(self.values.get(name, ""))
        except InvalidOperation:
            raise RefusalError(INVALID_INPUT, HTTP_BAD) from None
        if not value.is_finite():
            raise RefusalError(INVALID_INPUT, HTTP_BAD)
        return value

    def whole(self, name: str) -> int:
        """Read a whole number, refuse what is none."""
        value = self.number(name)
        if value != int(value):
            raise RefusalError(INVALID_INPUT, HTTP_BAD)
        return int(value)

    def trigger(self) -> Decimal | None:
        """Read `trgprc`; the library writes "None" where there is none."""
        return None if self.values.get("trgprc", "") in _ABSENT_TRIGGERS else self.number("trgprc")

    def one_of(self, name: str, allowed: Sequence[str]) -> str:
        """Read a word out of `allowed`, refuse others."""
        value = self.values.get(name, "")
        if value not in allowed:
            raise RefusalError(INVALID_INPUT, HTTP_BAD)
        return value


def parse_body(raw: str) -> tuple[Fields, str | None]:
    """Split a raw body into the jData fields and the jKey. The body as a whole is not URL-decoded.

    Assumption: a body that begins with an encoded brace was encoded as a whole, and is decoded as a leniency.
    """
    parts = raw.split("&")
    data = next((part[6:] for part in parts if part.startswith("jData=")), None)
    key = next((part[5:] for part in parts if part.startswith("jKey=")), None)
    if data is None:
        raise RefusalError(NOT_JSON, HTTP_BAD)
    if data.upper().startswith("%7B"):
        data = unquote_plus(data)
    try:
        given = json.loads(data)
    except (ValueError, RecursionError):
        raise RefusalError(NOT_JSON, HTTP_BAD) from None
    if not isinstance(given, dict):
        raise RefusalError(NOT_JSON, HTTP_BAD)
    values = {
        name: unquote_plus(str(value)) if name in _DECODED else str(value)
        for name, value in given.items()
        if value is not None
    }
    return Fields(values), key


def encoded(body: object) -> bytes:
    """Return JSON as it goes out."""
    return json.dumps(body, separators=(",", ":")).encode()


def ok(now: datetime, **fields: object) -> Reply:
    """Answer Ok."""
    return Reply(encoded({"request_time": time_first(now), "stat": "Ok", **fields}))


def rows(found: Sequence[Mapping[str, object]], now: datetime) -> Reply:
    """Answer a bare array, or the failure object that stands for an empty one."""
    return Reply(encoded(list(found))) if found else refusal(now, NO_DATA)


def refusal(now: datetime, text: str, http_status: int = HTTP_OK) -> Reply:
    """Answer Not_Ok. Assumption: an empty book comes under HTTP 200."""
    return Reply(encoded({"stat": "Not_Ok", "request_time": time_first(now), "emsg": text}), http_status)


def money(value: Decimal) -> str:
    """Write a price with the two places of `pp`."""
    rounded = value.quantize(_PLACES, rounding=ROUND_HALF_UP)
    return str(rounded) if rounded else "0.00"


def time_first(at: datetime) -> str:
    """Write `request_time` and `norentm`."""
    return at.strftime("%H:%M:%S %d-%m-%Y")


def date_first(at: datetime) -> str:
    """Write `exch_tm` and `fltm`."""
    return at.strftime("%d-%m-%Y %H:%M:%S")


def epoch(at: datetime) -> str:
    """Write `ordenttm` and its like."""
    return str(int(at.timestamp()))
