"""Trouble on request: which requests meet it, how often, and of what kind.

A kind belongs to one of a few families; a request meets at most one fault of each, so that an order can rest unfilled
*and* its answer can be lost.
"""

import asyncio
import random
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Final

DELIVERIES: Final = frozenset(
    {
        "refuse",
        "refuse_after",
        "timeout_after",
        "reset_after",
        "empty_after",
        "html_502_after",
        "html_200_after",
        "truncated_after",
        "drip_after",
        "slow_after",
        "not_arrived",
        "reset_before",
        "html_502",
        "html_504",
        "slow",
        "session_expired",
        "late_acceptance",
        "over_quota",
        "ip_refused",
    }
)
BEHAVIOURS: Final = frozenset({"reject_later", "partial_fill", "no_fill", "margin_refused", "product_refused"})
CHANGES: Final = frozenset({"change_later", "reject_change_later", "fill_wins", "partial_fill_first"})
READINGS: Final = frozenset({"stale_book", "shrunk_book", "empty_book", "late_book", "ghost_row"})
FRAMES: Final = frozenset({"drop", "duplicate", "reorder", "delay"})
GREETINGS: Final = frozenset({"refuse_login", "late_login", "mute", "close"})
"""What may befall a WebSocket as it logs in."""
_FAMILIES: Final = (DELIVERIES, BEHAVIOURS, CHANGES, READINGS, FRAMES, GREETINGS)
WRONG_DATA: Final = frozenset({"missing_rows", "wrong_price", "wrong_instrument"})
"""What may be untrue in an answer or a tick; counted where there is something to change."""
KINDS: Final = WRONG_DATA.union(*_FAMILIES)
BOOKS: Final = frozenset({"OrderBook", "TradeBook", "PositionBook"})
_OM: Final = "om"
_WS: Final = "ws"
TICK: Final = "tick"
_ORDERS: Final = "orders"
_ORDER_ROUTES: Final = frozenset({"PlaceOrder", "ModifyOrder", "CancelOrder"})

_ROUTES_OF: Final = {
    **dict.fromkeys(BEHAVIOURS, frozenset({"PlaceOrder"})),
    "late_acceptance": _ORDER_ROUTES,
    "ip_refused": _ORDER_ROUTES | {_ORDERS},
    **dict.fromkeys(CHANGES, frozenset({"ModifyOrder", "CancelOrder"})),
    **dict.fromkeys(READINGS, BOOKS),
    "ghost_row": frozenset({"OrderBook"}),
    **dict.fromkeys(FRAMES, frozenset({_OM})),
    **dict.fromkeys(GREETINGS, frozenset({_WS})),
    "missing_rows": BOOKS | {"Holdings"},
    "wrong_price": frozenset({"GetQuotes", "PositionBook", TICK}),
    "wrong_instrument": frozenset({"GetQuotes", "GetSecurityInfo", "SearchScrip", TICK}),
}
_SECONDS: Final = 5.0
_HTTP_OK: Final = 200
_HTTP_BAD: Final = 400
_WORDS: Final = {
    "over_quota": (
        "Invalid Input :  Order Recieved 121 in a current minute exceeds Limit 120 for user",
        _HTTP_BAD,
    ),
    "ip_refused": ("Rejected : ALGO_CHK: Invalid IP address", _HTTP_OK),
    "margin_refused": (
        "RED:Margin Shortfall:INR 101830.33 Available:INR 86932.68 for C-PAPER [DEFAULT]",
        _HTTP_OK,
    ),
    "product_refused": ("RED:RULE:{Allowed Basket} in Basket NSE.MIS.NSE_MIS_BASKET [DEFAULT]", _HTTP_OK),
}
"""What a refusal says unless it is told otherwise, and its HTTP status (docs/protocol.md, orders, and rates)."""


FIELDS: Final = frozenset(
    {"route", "kind", "count", "probability", "seconds", "text", "http_status", "after", "fraction", "keep_tokens"}
    | {"match", "price", "other", "seed"}
)
"""What a fault may be posted with."""


class FaultError(ValueError):
    """A fault that makes no sense; the sentence says why."""


@dataclass(slots=True, kw_only=True)
class Fault:
    """One posted fault. `count` None means for ever; the first `after` matching requests pass."""

    number: int
    route: str
    kind: str
    count: int | None = 1
    probability: float = 1.0
    seconds: float = _SECONDS
    text: str = "Rejected : fault on request"
    http_status: int = _HTTP_BAD
    after: int = 0
    fraction: Decimal = Decimal("0.5")
    keep_tokens: bool = False
    match: Mapping[str, str] = field(default_factory=dict)
    """Fields that a request must have to meet it; of wrong data: the answer, row or tick."""
    price: str | None = None
    other: str = ""
    """The instrument that wrong data are taken from, as in `NSE|26000`."""
    chance: random.Random | None = field(default=None, repr=False)
    """The fault's own, where it was posted with a seed; else the server's."""
    fired: int = 0
    snapshot: bytes = field(default=b"", repr=False)
    _ended: asyncio.Event = field(default_factory=asyncio.Event, repr=False)

    async def hold(self) -> None:
        """Wait its seconds, or until it is ended."""
        with suppress(TimeoutError):
            await asyncio.wait_for(self._ended.wait(), self.seconds)

    def end(self) -> None:
        """Let go of what it holds."""
        self._ended.set()

    def awaits(self, route: str) -> bool:
        """Say whether it may befall this route still."""
        known = {"*", route, _ORDERS} if route in _ORDER_ROUTES else {"*", route}
        return self.route in known and self.count != 0

    def suits(self, fields: Mapping[str, object]) -> bool:
        """Say whether it is meant for what has these fields."""
        return all(str(fields.get(name)) == value for name, value in self.match.items())

    def fires(self, route: str, chance: random.Random) -> bool:
        """Say whether a request to `route` meets this fault, and count it."""
        if not self.awaits(route):
            return False
        if self.after > 0:
            self.after -= 1
            return False
        if self.probability < 1 and (self.chance or chance).random() >= self.probability:
            return False
        if self.count is not None:
            self.count -= 1
        self.fired += 1
        return True

    def shown(self) -> dict[str, object]:
        """Return what the list of faults says."""
        return {
            "id": self.number,
            "route": self.route,
            "kind": self.kind,
            "remaining": self.count,
            "fired": self.fired,
            "after": self.after,
            "probability": self.probability,
        }


@dataclass(frozen=True, slots=True)
class Met:
    """The faults that one request met."""

    delivery: Fault | None = None
    behaviour: Fault | None = None
    change: Fault | None = None
    reading: Fault | None = None
    frame: Fault | None = None
    greeting: Fault | None = None


class Faults:
    """Owns the posted faults, and the chance that decides about them."""

    def __init__(self, seed: int) -> None:
        self._random = random.Random(seed)  # noqa: S311  repeatable trouble, not a secret
        self._posted: list[Fault] = []
        self._count = 0

    def post(self, given: Mapping[str, object]) -> Fault:
        """Take a fault as it was posted; raise `FaultError` where it makes no sense."""
        fault = _fault_from(given, self._count + 1)
        self._count += 1
        self._posted.append(fault)
        return fault

    def list(self) -> list[Fault]:
        """Return every fault posted since the last `clear`, spent ones included."""
        return list(self._posted)

    def clear(self, number: int | None = None) -> None:
        """Forget this fault, or all of them, and let go of the slow requests that they hold."""
        ended = [one for one in self._posted if number in {None, one.number}]
        if number is not None and not ended:
            raise FaultError(f"there is no fault {number}.")
        for one in ended:
            one.end()
        self._posted = [one for one in self._posted if one not in ended]

    def meet(self, route: str, fields: Mapping[str, object] | None = None) -> Met:
        """Return what a request to `route` meets, the oldest fault of each family first."""
        if not self._posted:
            return Met()
        return Met(*(self._first(route, family, fields or {}) for family in _FAMILIES))

    def wrong_data(self, route: str) -> tuple[Fault, ...]:
        """Return what may be untrue in answers or ticks of `route`; whoever changes something counts it."""
        return tuple(one for one in self._posted if one.kind in WRONG_DATA and one.awaits(route))

    def count(self, fault: Fault, route: str) -> bool:
        """Count wrong data that found something to change; say whether it is to be done."""
        return fault.fires(route, self._random)

    def _first(self, route: str, family: frozenset[str], fields: Mapping[str, object]) -> Fault | None:
        special = {_OM: FRAMES, _WS: GREETINGS}.get(route, family)
        suited = (one for one in self._posted if one.kind in family and family is special and one.suits(fields))
        return next((one for one in suited if one.fires(route, self._random)), None)


def _fault_from(given: Mapping[str, object], number: int) -> Fault:
    route, kind = str(given.get("route", "")), str(given.get("kind", ""))
    if unknown := sorted(given.keys() - FIELDS):
        raise FaultError(f"a fault has no {', '.join(unknown)}; its fields are {', '.join(sorted(FIELDS))}.")
    if kind not in KINDS:
        raise FaultError(f"{kind!r} is no kind of fault; the kinds are {', '.join(sorted(KINDS))}.")
    allowed = _ROUTES_OF.get(kind)
    if not route or (allowed is not None and route not in allowed):
        raise FaultError(f"{kind} needs a route out of {', '.join(sorted(allowed or {'*', 'any route'}))}.")
    fault = Fault(number=number, route=route, kind=kind)
    fault.text, status = _WORDS.get(kind, (fault.text, _HTTP_BAD))
    try:
        count = given.get("count", 1)
        fault.count = None if count is None else int(str(count))
        fault.probability = float(str(given.get("probability", 1.0)))
        fault.seconds = float(str(given.get("seconds", _SECONDS)))
        fault.http_status = int(str(given.get("http_status", status)))
        fault.after = int(str(given.get("after", 0)))
        fault.fraction = Decimal(str(given.get("fraction", "0.5")))
    except (ValueError, ArithmeticError) as error:
        raise FaultError(f"a number of the fault can't be read: {error}") from error
    fault.text = str(given.get("text", fault.text))
    fault.keep_tokens = given.get("keep_tokens") is True
    match = given.get("match", {})
    if not isinstance(match, Mapping):
        raise FaultError('match has to be an object of fields, as in {"tsym": "RELIANCE-EQ"}.')
    fault.match = {str(name): str(value) for name, value in match.items()}
    fault.price = None if given.get("price") is None else str(given["price"])
    fault.other = str(given.get("other", ""))
    if kind == "missing_rows" and not fault.match:
        raise FaultError("missing_rows needs the fields of the rows to leave out in match.")
    if kind == "wrong_price" and fault.price is None and not fault.other:
        raise FaultError("wrong_price needs a price, or another instrument to take it from in other.")
    if kind == "wrong_instrument" and not fault.other:
        raise FaultError('wrong_instrument needs the other instrument, as in "NSE|26000", in other.')
    if "seed" in given:
        fault.chance = random.Random(str(given["seed"]))  # noqa: S311  repeatable trouble, not a secret
    return fault
