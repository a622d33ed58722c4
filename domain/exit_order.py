"""In which order positions get out: legs of one underlying depend on each other through margin.

A short that loses its hedge needs more margin, and its own way out may be refused for want of it. So where several
positions are made flat together, the shorts of an underlying are bought back first, and its longs go after their fills,
or after `exits.hedge_wait_s` at the latest. A long whose underlying has no short among them leaves at once, and so does
a stop that is hit by itself. What was begun together ends together: "flat" of it is said when all of it is.
"""

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final, TypeAlias

from domain.exits import Exposure, Scope
from domain.order import Exchange, InstrumentKey, Side
from domain.settings import ExitSettings

Underlying: TypeAlias = tuple[Exchange, str]

_CASH: Final = frozenset({Exchange.NSE, Exchange.BSE})
_MONTH: Final = "(?:JAN|FEB|MAR|APR|MAY|JUN|JUL|AUG|SEP|OCT|NOV|DEC)"
_DATED: Final = (
    re.compile(rf"(.+?)\d{{2}}{_MONTH}\d{{2}}(?:F|FUT|[CP][\d.]+)?"),
    re.compile(rf"(.+?)\d{{2}}(?:{_MONTH}|[1-9OND]\d{{2}})(?:FUT|[\d.]+(?:CE|PE))"),
)
"""NIFTY01DEC26C26000, NIFTY29DEC26F and CRUDEOIL18DEC26; SENSEX26D0376800CE, SENSEX26DEC76800CE and SENSEX26DECFUT
(docs/protocol.md, symbols)."""
_LETTERS: Final = re.compile(r"[A-Z -]+")


def underlying_of(key: InstrumentKey) -> Underlying | None:
    """Return what a derivative is about, by its symbol; None for a share, whose margin hangs on no other leg."""
    if key.exchange in _CASH:
        return None
    for pattern in _DATED:
        dated = pattern.fullmatch(key.symbol)
        if dated is not None:
            return key.exchange, dated[1]
    letters = _LETTERS.match(key.symbol)
    return key.exchange, letters[0] if letters is not None else key.symbol


def units_for_order(exposure: Exposure) -> int:
    """Return the signed units that count for the order of getting out: what may still be sold counts as a short.

    A sale whose fill is on its way, or whose cancel is, must not let the hedge go before it.
    """
    selling = sum(one.open_quantity for one in exposure.open if one.side is Side.SELL)
    return exposure.held if exposure.held > 0 else exposure.held - selling


def shorts_before(held: Mapping[Scope, int]) -> dict[Scope, tuple[Scope, ...]]:
    """Return which longs are to wait, and for which shorts; `held` are the signed units of what is to be flat."""
    shorts: dict[Underlying, list[Scope]] = {}
    for scope, units in held.items():
        about = underlying_of(scope.key)
        if units < 0 and about is not None:
            shorts.setdefault(about, []).append(scope)
    longs = ((scope, underlying_of(scope.key)) for scope, units in held.items() if units > 0)
    return {scope: tuple(shorts[about]) for scope, about in longs if about is not None and about in shorts}


@dataclass(frozen=True, slots=True)
class LongWaits:
    """A long waits for these shorts to be bought back, at most so many seconds."""

    scope: Scope
    shorts: tuple[Scope, ...]
    seconds_max: float


@dataclass(frozen=True, slots=True)
class LongLeaves:
    """A long has waited as long as it may, and leaves before these shorts are bought back."""

    scope: Scope
    shorts: tuple[Scope, ...]
    seconds: float


@dataclass(frozen=True, slots=True)
class Stuck:
    """Of what was begun together these are not flat, and none has become so for so many seconds."""

    name: str
    because: str
    left: tuple[Scope, ...]
    all: int
    seconds: float


@dataclass(frozen=True, slots=True)
class AllFlat:
    """All that was begun together is flat. `is_told`: a person heard that it was stuck."""

    name: str
    because: str
    all: int
    is_told: bool


News: TypeAlias = LongWaits | LongLeaves | Stuck | AllFlat


@dataclass(slots=True)
class _Together:
    """Positions whose way out began together (monotonic seconds), and those that are not flat yet."""

    name: str
    because: str
    all: int
    left: dict[Scope, None]
    in_order: bool
    began_at: float
    moved_at: float
    is_told: bool = False


@dataclass(slots=True)
class ExitOrder:
    """Owns what is made flat together, which longs wait, and what was told of both."""

    settings: ExitSettings
    _groups: list[_Together] = field(default_factory=list)
    _waiting: dict[Scope, tuple[Scope, ...]] = field(default_factory=dict)

    def begin(self, name: str, scopes: Sequence[Scope], because: str, now: float, *, in_order: bool) -> None:
        """Take up what begins now; without `in_order` (a stop that was hit by itself) none of it waits for others."""
        if scopes:
            self._groups.append(_Together(name, because, len(scopes), dict.fromkeys(scopes), in_order, now, now))

    def look(
        self, held: Mapping[Scope, int], now: float, is_open: Callable[[Scope], bool]
    ) -> tuple[frozenset[Scope], list[News]]:
        """Return which longs may not leave yet, and what is new; `held` are the signed units of all under way."""
        news: list[News] = []
        ordered = {one: group for group in self._groups if group.in_order for one in group.left}
        waiting: dict[Scope, tuple[Scope, ...]] = {}
        for scope, shorts in shorts_before({one: held.get(one, 0) for one in ordered}).items():
            began_at = ordered[scope].began_at
            if now - began_at < self.settings.hedge_wait_s:
                waiting[scope] = shorts
                if scope not in self._waiting:
                    news.append(LongWaits(scope, shorts, self.settings.hedge_wait_s))
            elif scope in self._waiting:
                news.append(LongLeaves(scope, shorts, now - began_at))
        self._waiting = waiting
        news.extend(self._stuck(now, is_open))
        return frozenset(waiting), news

    def _stuck(self, now: float, is_open: Callable[[Scope], bool]) -> list[News]:
        found: list[News] = []
        for group in (one for one in self._groups if one.all > 1):  # one alone is told of by its own exits
            waited_s = now - group.moved_at
            if not group.is_told and waited_s >= self.settings.stuck_s and any(map(is_open, group.left)):
                group.is_told = True
                found.append(Stuck(group.name, group.because, tuple(group.left), group.all, waited_s))
        return found

    def leave(self, scope: Scope) -> None:
        """Take out a position whose way out ends before it is flat (an odd lot): it is told of by itself."""
        for group in [one for one in self._groups if scope in one.left]:
            del group.left[scope]
            group.all -= 1
            if not group.left:
                self._groups.remove(group)

    def end(self, scope: Scope, now: float) -> AllFlat | None:
        """Hear that a position is flat; return the word for all that began with it, where it was the last."""
        for group in self._groups:
            if scope in group.left:
                del group.left[scope]
                group.moved_at = now
                if not group.left:
                    self._groups.remove(group)
                    return AllFlat(group.name, group.because, group.all, group.is_told)
                return None
        return None
