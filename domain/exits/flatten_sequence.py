"""In which order positions get out: legs of one underlying depend on each other through margin.

A short that loses its hedge needs more margin, and its own way out may be refused for want of it. So where several
positions are made flat together, the shorts of an underlying are bought back first, and its longs go after their fills,
or after `exits.hedge_wait_s` at the latest. A long whose underlying has no short among them leaves at once, and so does
a stop that is hit by itself. What was begun together ends together: "flat" of it is said when all of it is. And no leg
of a strategy's underlying ends before the others are flat with it: a spread that is entered, or filled late, on the
heels of its way out would lose its hedge to the leg that is still under way, and keep its short.
"""

import re
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field
from math import inf
from typing import Final, TypeAlias

from domain.baskets import Basket
from domain.exits.flatten import Exposure, PositionKey
from domain.orders.types import Exchange, InstrumentKey, Side
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
_NOTHING: Final = Exposure()


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


def shorts_before(held: Mapping[PositionKey, int]) -> dict[PositionKey, tuple[PositionKey, ...]]:
    """Return which longs are to wait, and for which shorts; `held` are the signed units of what is to be flat."""
    shorts: dict[Underlying, list[PositionKey]] = {}
    for position_key, units in held.items():
        about = underlying_of(position_key.key)
        if units < 0 and about is not None:
            shorts.setdefault(about, []).append(position_key)
    longs = ((position_key, underlying_of(position_key.key)) for position_key, units in held.items() if units > 0)
    return {
        position_key: tuple(shorts[about]) for position_key, about in longs if about is not None and about in shorts
    }


def _spread_of(position_key: PositionKey) -> tuple[str, Underlying] | None:
    """Return what a leg is part of: a strategy's positions in one underlying."""
    about = underlying_of(position_key.key)
    return None if about is None else (position_key.strategy, about)


def beside_ways_out(basket: Basket, leaving: Mapping[PositionKey, str]) -> str:
    """Return why a basket may not begin now: a leg stands beside what is being made flat, or in it. Empty if it may.

    `leaving` are the positions on their way out, and why. Such a leg is taken back or leaves with them, and the
    other legs would stand without it.
    """
    for leg in basket.legs:
        place = PositionKey(leg.strategy, leg.key)
        for position_key, reason in leaving.items():
            if position_key == place or _spread_of(position_key) in {_spread_of(place)} - {None}:
                return f"{position_key} is being {reason}; send it again when that is flat"
    return ""


@dataclass(frozen=True, slots=True)
class LongWaits:
    """A long waits for these shorts to be bought back, at most so many seconds."""

    position_key: PositionKey
    shorts: tuple[PositionKey, ...]
    seconds_max: float


@dataclass(frozen=True, slots=True)
class LongLeaves:
    """A long has waited as long as it may, and leaves before these shorts are bought back."""

    position_key: PositionKey
    shorts: tuple[PositionKey, ...]
    seconds: float


@dataclass(frozen=True, slots=True)
class Stuck:
    """Of what was begun together these are not flat, and their number has not fallen for so many seconds."""

    name: str
    reason: str
    left: tuple[PositionKey, ...]
    all: int
    seconds: float


@dataclass(frozen=True, slots=True)
class AllFlat:
    """All that was begun together is flat. `is_told`: a person heard that it was stuck."""

    name: str
    reason: str
    all: int
    is_told: bool


News: TypeAlias = LongWaits | LongLeaves | Stuck | AllFlat


@dataclass(slots=True)
class _Together:
    """Positions whose way out began together (monotonic seconds), and those whose way out has not ended.

    `fewest` of them were not flat in a look, for the first time at `moved_at`.
    """

    name: str
    reason: str
    all: int
    left: dict[PositionKey, None]
    in_order: bool
    began_at: float
    moved_at: float
    fewest: int
    is_told: bool = False


@dataclass(slots=True)
class FlattenSequence:
    """Owns what is made flat together, which longs wait, and what was told of both."""

    settings: ExitSettings
    _groups: list[_Together] = field(default_factory=list)
    _waiting: dict[PositionKey, tuple[PositionKey, ...]] = field(default_factory=dict)

    def begin(
        self, name: str, position_keys: Sequence[PositionKey], reason: str, now: float, *, in_order: bool
    ) -> None:
        """Take up what begins now; without `in_order` (a stop that was hit by itself) none of it waits for others."""
        if position_keys:
            left, all_ = dict.fromkeys(position_keys), len(position_keys)
            self._groups.append(_Together(name, reason, all_, left, in_order, now, now, all_))

    def look(
        self, exposures: Mapping[PositionKey, Exposure], now: float, is_open: Callable[[PositionKey], bool]
    ) -> tuple[frozenset[PositionKey], list[News]]:
        """Return which longs may not leave yet, and what is new; what is not among the `exposures` is flat."""
        news: list[News] = []
        ordered = self._ordered()
        held = {one: units_for_order(exposures.get(one, _NOTHING)) for one in ordered}
        waiting: dict[PositionKey, tuple[PositionKey, ...]] = {}
        for position_key, shorts in shorts_before(held).items():
            began_at = ordered[position_key].began_at
            if now - began_at < self.settings.hedge_wait_s:
                waiting[position_key] = shorts
                if position_key not in self._waiting:
                    news.append(LongWaits(position_key, shorts, self.settings.hedge_wait_s))
            elif position_key in self._waiting:
                news.append(LongLeaves(position_key, shorts, now - began_at))
        self._waiting = waiting
        news.extend(self._stuck(exposures, now, is_open))
        return frozenset(waiting), news

    def due_at(self, now: float) -> float:
        """Return when the next long has waited as long as it may (monotonic seconds); infinity where none waits."""
        ordered = self._ordered()
        times = (ordered[one].began_at + self.settings.hedge_wait_s for one in self._waiting if one in ordered)
        return min((one for one in times if one > now), default=inf)

    def _ordered(self) -> dict[PositionKey, _Together]:
        return {one: group for group in self._groups if group.in_order for one in group.left}

    def _stuck(
        self, exposures: Mapping[PositionKey, Exposure], now: float, is_open: Callable[[PositionKey], bool]
    ) -> list[News]:
        found: list[News] = []
        for group in (one for one in self._groups if one.all > 1):  # one alone is told of by its own exits
            left = tuple(one for one in group.left if not exposures.get(one, _NOTHING).is_flat)
            if len(left) < group.fewest:
                group.fewest, group.moved_at = len(left), now
            waited_s = now - group.moved_at
            if not group.is_told and waited_s >= self.settings.stuck_s and any(map(is_open, left)):
                group.is_told = True
                found.append(Stuck(group.name, group.reason, left, group.all, waited_s))
        return found

    def ending(self, flat: Collection[PositionKey]) -> frozenset[PositionKey]:
        """Return whose way out ends, of those that have been `flat` for long enough.

        Legs of one strategy and underlying that go in order end in the same look.
        """
        ordered = self._ordered()
        unended = {_spread_of(one) for one in ordered if one not in flat} - {None}
        return frozenset(one for one in flat if one not in ordered or _spread_of(one) not in unended)

    def joining(self, awaited: Collection[PositionKey]) -> dict[PositionKey, PositionKey]:
        """Return which baskets' legs go along, each with the leg of its spread that gets out in order.

        Such a leg was let through before its hedge was told to get out: it could stay without it.
        """
        ordered = self._ordered()
        legs = {_spread_of(one): one for one in ordered}
        beside = ((one, _spread_of(one)) for one in awaited if one not in ordered)
        return {one: legs[spread] for one, spread in beside if spread is not None and spread in legs}

    def leave(self, position_key: PositionKey) -> None:
        """Take out a position whose way out ends before it is flat (an odd lot): it is told of by itself."""
        for group in [one for one in self._groups if position_key in one.left]:
            del group.left[position_key]
            group.all, group.fewest = group.all - 1, group.fewest - 1
            if not group.left:
                self._groups.remove(group)

    def end(self, position_key: PositionKey) -> AllFlat | None:
        """Hear that a position's way out has ended; return the word for all that began with it, if it was the last."""
        for group in self._groups:
            if position_key in group.left:
                del group.left[position_key]
                if not group.left:
                    self._groups.remove(group)
                    return AllFlat(group.name, group.reason, group.all, group.is_told)
                return None
        return None
