"""What the broker's sentences prove (docs/protocol.md, orders, and session). Judgements about money, in one place.

The two mistakes cost differently: a live order believed refused is exposure nobody watches; a refused order believed
unknown costs one proof of absence. So whatever may be trouble behind the broker's front is read as unknown.
"""

import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final

from broker.noren.json_array import JsonArray
from broker.noren.row_fields import ID_CHARACTERS_MAX
from domain.broker.reply_types import Accepted, ChangeReply, PlaceReply, Refused, Unknown
from domain.orders.reasons import Reason

_SESSION: Final = re.compile(r"session expired|invalid session key", re.IGNORECASE)
_RATE: Final = re.compile(
    r"in a current (second|minute) exceeds limit|rate.?limit|too many requests",
    re.IGNORECASE,
)
# The bare words alone, as the broker frames them: `Error Occurred : 5 "no data"`, `No Data :   `. A sentence that has
# them among others (a quota, a maintenance, a timeout) tells of trouble, and never that something does not exist.
_NO_DATA: Final = re.compile(r'\s*(?:error occurred\s*:\s*\d+\s*)?"?no data"?\s*[:.]?\s*', re.IGNORECASE)
_NO_DATA_STATUSES: Final = frozenset({200, 400, 404})

# "Server Timeout :  " is the front saying that it gave up waiting for the order system: the order may be in it. The
# other words are not documented; they are read alike because each tells of trouble behind the front, not of a
# decision about the order.
_BACKEND_TROUBLE: Final = re.compile(
    r"time.?out|timed out|no response|not respond|unavailable|internal (server )?error|gateway"
    r"|connection|disconnected|unexpected|exception",
    re.IGNORECASE,
)

# Trying these again with the same credentials is useless, and may lock the account. A refused one-time code is not
# among them: the next code may pass. Assumption: no public capture shows the broker's words for that.
_FINAL_LOGIN: Final = re.compile(
    r"wrong password|password expired|change password|vendor code|app key|not enabled|access type|is missing"
    r"|blocked|locked|suspended|invalid_verifier|invalid ip",
    re.IGNORECASE,
)
_ONE_TIME_CODE: Final = re.compile(r"\botp\b|totp|factor ?2|2fa|second factor", re.IGNORECASE)

HTTP_OK: Final = 200
_HTTP_REQUEST_TIMEOUT: Final = 408
_HTTP_TOO_MANY: Final = 429
_HTTP_SERVER_ERROR: Final = 500
_HTTP_CLIENT_ERROR: Final = 400


@dataclass(frozen=True, slots=True)
class Answer:
    """A whole reply that could be read as JSON."""

    http_status: int
    body: dict[str, Any] | JsonArray

    @property
    def is_ok(self) -> bool:
        """Is this an object that says Ok, over HTTP that says the same?"""
        return self.http_status == HTTP_OK and self.stat == "Ok"

    @property
    def refusal(self) -> str | None:
        """Return the broker's words when this is its well-formed no, else None."""
        if not isinstance(self.body, dict) or self.stat != "Not_Ok":
            return None
        message = self.body.get("emsg")
        return message if isinstance(message, str) and message.strip() else None

    @property
    def stat(self) -> object:
        """Return what the reply says of itself, None where it is no object."""
        return self.body.get("stat") if isinstance(self.body, dict) else None

    def number(self, key: str) -> str:
        """Return an order's number, blank where there is none of a believable length."""
        value = self.body.get(key) if isinstance(self.body, dict) else None
        number = str(value).strip() if type(value) in {str, int} else ""
        return number if len(number) <= ID_CHARACTERS_MAX else ""

    @property
    def tells_of_trouble(self) -> bool:
        """Is this a no that may be trouble behind the front, and no decision?"""
        in_trouble = self.http_status >= _HTTP_SERVER_ERROR or self.http_status == _HTTP_REQUEST_TIMEOUT
        return in_trouble or bool(_BACKEND_TROUBLE.search(self.refusal or ""))

    @property
    def tells_of_haste(self) -> bool:
        """Is this a no to the number of our requests, not to what they ask?"""
        return self.http_status == _HTTP_TOO_MANY or bool(_RATE.search(self.refusal or ""))

    @property
    def says_no_data(self) -> bool:
        """Is this the failure object that stands for an empty book, or an empty array?

        An empty result is an error object here, under HTTP 200, 400 or 404; never under another status.
        """
        if isinstance(self.body, JsonArray):
            return self.http_status == HTTP_OK and self.body.is_empty
        return self.http_status in _NO_DATA_STATUSES and bool(_NO_DATA.fullmatch(self.refusal or ""))

    @property
    def says_session_expired(self) -> bool:
        """Does the broker say that our session is over?"""
        return bool(_SESSION.search(self.refusal or ""))


@dataclass(frozen=True, slots=True)
class NoAnswer:
    """No readable reply. `sent` says whether a byte of the request may have left."""

    cause: str
    sent: bool


def place_reply(answer: Answer | NoAnswer, clean: Callable[[str], str]) -> PlaceReply:
    """Judge what came of PlaceOrder. `clean` makes words fit to be kept."""
    if isinstance(answer, Answer) and answer.stat == "Ok":
        # A named order is the strongest evidence there is, whatever the HTTP status around it.
        number = answer.number("norenordno")
        return Accepted(number) if number else Unknown(f"HTTP {answer.http_status}: Ok, but without an order number")
    return _no_or_unknown(answer, clean)


def change_reply(answer: Answer | NoAnswer, order_number: str, clean: Callable[[str], str]) -> ChangeReply:
    """Judge what came of CancelOrder or ModifyOrder about this order; their Ok names it in `result`."""
    if isinstance(answer, Answer) and answer.stat == "Ok":
        named = answer.number("result")
        if named == order_number or (not named and answer.is_ok):
            return Accepted(order_number)
        return Unknown(f"HTTP {answer.http_status}: Ok, but about {clean(named) or 'no order'}")
    return _no_or_unknown(answer, clean)


def _no_or_unknown(answer: Answer | NoAnswer, clean: Callable[[str], str]) -> Refused | Unknown:
    """Judge what is no Ok: proof that nothing was done, or none."""
    if isinstance(answer, NoAnswer):
        return Unknown(answer.cause) if answer.sent else Refused(Reason.BROKER_UNREACHABLE, answer.cause)
    status, message = answer.http_status, answer.refusal
    if message is None:
        return Unknown(f"HTTP {status}: neither Ok nor a refusal: {clean(str(answer.body))}")
    kept = clean(message)
    if _SESSION.search(message):
        # Sessions are checked before anything else is, so this holds whatever the HTTP status (expected: 400 or 403).
        return Refused(Reason.SESSION_EXPIRED, kept)
    if answer.tells_of_trouble or HTTP_OK < status < _HTTP_CLIENT_ERROR:
        # Between 201 and 399 nothing is documented: not this broker's way of saying no.
        return Unknown(f"HTTP {status}: {kept}")
    if answer.tells_of_haste:
        return Refused(Reason.BROKER_RATE_LIMITED, kept)
    return Refused(Reason.BROKER_REFUSED, kept)


def is_judgement(answer: Answer) -> bool:
    """Has the broker judged the credentials, as opposed to being in trouble or asked too often?"""
    return answer.refusal is not None and not answer.tells_of_trouble and not answer.tells_of_haste


def login_is_final(message: str) -> bool:
    """Would the same credentials be refused again?"""
    return bool(_FINAL_LOGIN.search(message))


def is_about_one_time_code(message: str) -> bool:
    """Was it the one-time code that was refused?"""
    return bool(_ONE_TIME_CODE.search(message))
