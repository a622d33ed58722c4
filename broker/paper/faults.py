"""Trouble on request: which requests meet it, how often, and of what kind.

A kind belongs to one of a few families; a request meets at most one fault of each, so that an order can rest unfilled
*and* its answer can be lost.
"""

import random
from collections.abc import Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Final

DELIVERIES: Final = frozenset(
    {
        "refuse",
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
    }
)
BEHAVIOURS: Final = frozenset({"reject_later", "partial_fill", "no_fill"})
CHANGES: Final = frozenset({"change_later", "reject_change_later", "fill_wins", "partial_fill_first"})
READINGS: Final = frozenset({"stale_book", "shrunk_book", "empty_book", "late_book", "ghost_row"})
FRAMES: Final = frozenset({"drop", "duplicate", "reorder", "delay"})
GREETINGS: Final = frozenset({"refuse_login", "late_login", "mute", "close"})
"""What may befall a WebSocket as it logs in."""
_FAMILIES: Final = (DELIVERIES, BEHAVIOURS, CHANGES, READINGS, FRAMES, GREETINGS)
KINDS: Final = frozenset[str]().union(*_FAMILIES)
BOOKS: Final = frozenset({"OrderBook", "TradeBook", "PositionBook"})
_OM: Final = "om"
_WS: Final = "ws"

_ROUTES_OF: Final = {
    **dict.fromkeys(BEHAVIOURS, frozenset({"PlaceOrder"})),
    "late_acceptance": frozenset({"PlaceOrder", "ModifyOrder", "CancelOrder"}),
    **dict.fromkeys(CHANGES, frozenset({"ModifyOrder", "CancelOrder"})),
    **dict.fromkeys(READINGS, BOOKS),
    "ghost_row": frozenset({"OrderBook"}),
    **dict.fromkeys(FRAMES, frozenset({_OM})),
    **dict.fromkeys(GREETINGS, frozenset({_WS})),
}
_SECONDS: Final = 5.0
_HTTP_BAD: Final = 400


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
    chance: random.Random | None = field(default=None, repr=False)
    """The fault's own, where it was posted with a seed; else the server's."""
    fired: int = 0
    snapshot: bytes = field(default=b"", repr=False)

    def fires(self, route: str, chance: random.Random) -> bool:
        """Say whether a request to `route` meets this fault, and count it."""
        if self.route not in {"*", route} or self.count == 0:
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

    def clear(self) -> None:
        """Forget all faults."""
        self._posted.clear()

    def meet(self, route: str) -> Met:
        """Return what a request to `route` meets, the oldest fault of each family first."""
        if not self._posted:
            return Met()
        return Met(*(self._first(route, family) for family in _FAMILIES))

    def _first(self, route: str, family: frozenset[str]) -> Fault | None:
        special = {_OM: FRAMES, _WS: GREETINGS}.get(route, family)
        suited = (one for one in self._posted if one.kind in family and family is special)
        return next((one for one in suited if one.fires(route, self._random)), None)


def _fault_from(given: Mapping[str, object], number: int) -> Fault:
    route, kind = str(given.get("route", "")), str(given.get("kind", ""))
    if kind not in KINDS:
        raise FaultError(f"{kind!r} is no kind of fault; the kinds are {', '.join(sorted(KINDS))}.")
    allowed = _ROUTES_OF.get(kind)
    if not route or (allowed is not None and route not in allowed):
        raise FaultError(f"{kind} needs a route out of {', '.join(sorted(allowed or {'*', 'any route'}))}.")
    fault = Fault(number=number, route=route, kind=kind)
    try:
        count = given.get("count", 1)
        fault.count = None if count is None else int(str(count))
        fault.probability = float(str(given.get("probability", 1.0)))
        fault.seconds = float(str(given.get("seconds", _SECONDS)))
        fault.http_status = int(str(given.get("http_status", _HTTP_BAD)))
        fault.after = int(str(given.get("after", 0)))
        fault.fraction = Decimal(str(given.get("fraction", "0.5")))
    except (ValueError, ArithmeticError) as error:
        raise FaultError(f"a number of the fault can't be read: {error}") from error
    fault.text = str(given.get("text", fault.text))
    fault.keep_tokens = given.get("keep_tokens") is True
    if "seed" in given:
        fault.chance = random.Random(str(given["seed"]))  # noqa: S311  repeatable trouble, not a secret
    return fault
