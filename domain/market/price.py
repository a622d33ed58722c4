"""What a price is worth: where it came from, how old it is, and whether anybody could have traded at it."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from enum import StrEnum
from math import inf
from typing import Final

from domain.broker.snapshots import Tick
from domain.market.instrument import Instrument
from domain.orders.validation import PRICE_MAX

PRICE_AGE_S_MAX: Final = 5.0
"""A price is fresh for so long. Entries lean on a fresh one only; exits take an older one where there is no other."""
SAME_AGE_S: Final = 2.0
"""Prices that were seen within so long count as of the same age; then the better source decides."""
WITNESS_AGE_S_MAX: Final = 300.0
"""So long a price speaks against another one, where no band of the day is known."""
WITNESS_FACTOR_MAX: Final = 2
"""By more than this factor no two prices of one instrument lie apart within `WITNESS_AGE_S_MAX`.

[assumption] Cheap options do move that fast; then the second source, or the day's band, confirms the move."""


class PriceSource(StrEnum):
    """Where a price came from, the best source first."""

    TICK = "tick"
    QUOTE = "quote"
    POSITION = "position book"
    TRADE = "last trade"
    STORED = "stored price"
    AVERAGE = "average price"


_RANK: Final = {source: rank for rank, source in enumerate(PriceSource)}
_OF_THE_MOMENT: Final = frozenset({PriceSource.TICK, PriceSource.QUOTE})
_LIVE: Final = _OF_THE_MOMENT | {PriceSource.POSITION}
"""What follows the market as it moves."""


class Belief(StrEnum):
    """What a price is taken for.

    OVERTAKEN and AT_EDGE are believed too, but the one moves nothing; DOUBTED_AGAIN stays doubtful after the broker was
    asked.
    """

    BELIEVED = "believed"
    OVERTAKEN = "overtaken by a younger price"
    AT_EDGE = "at the edge of the band"
    DOUBTED = "doubted"
    DOUBTED_AGAIN = "doubted again"


@dataclass(frozen=True, slots=True, kw_only=True)
class Reference:
    """The best price known of an instrument: rupees a unit, its source and its age in seconds when it was asked for."""

    price: Decimal
    source: PriceSource
    age_s: float

    @property
    def is_fresh(self) -> bool:
        """Say whether an entry may lean on it."""
        return self.age_s <= PRICE_AGE_S_MAX

    def __str__(self) -> str:
        age = "of unknown age" if self.age_s == inf else f"{self.age_s:.0f} s old"
        return f"{self.price:f} ({self.source}, {age})"


@dataclass(frozen=True, slots=True, kw_only=True)
class SeenPrice:
    """A price and when it was seen (our clock)."""

    price: Decimal
    source: PriceSource
    seen_at: datetime

    def at(self, now: datetime) -> Reference:
        """Return it with its age: unknown for an average, and for a price from before the clock stepped back."""
        age_s = inf if self.source is PriceSource.AVERAGE else _age_s(self.seen_at, now)
        return Reference(price=self.price, source=self.source, age_s=age_s)


def _age_s(seen_at: datetime, now: datetime) -> float:
    age_s = (now - seen_at).total_seconds()
    return age_s if age_s >= 0 else inf


def best_reference(known: Iterable[SeenPrice], now: datetime) -> Reference | None:
    """Return the best source's among fresh prices of about the same age; where none is fresh, the youngest of all.

    A better source stands above a younger price of another by `SAME_AGE_S` at most: the stop that a position row has
    hit must not be priced from the quote before the fall. Of a tick and a quote the younger is the better.
    """
    seen = [one.at(now) for one in known]
    youngest_s = min((one.age_s for one in seen), default=inf)
    fresh = [one for one in seen if one.is_fresh and one.age_s <= youngest_s + SAME_AGE_S]
    of_the_moment = [one for one in fresh if one.source in _OF_THE_MOMENT]
    if fresh and not of_the_moment:
        return min(fresh, key=lambda one: _RANK[one.source])
    return min(of_the_moment or seen, key=lambda one: (one.age_s, _RANK[one.source]), default=None)


def overtaken_by(tick: Tick, known: Iterable[SeenPrice], now: datetime) -> SeenPrice | None:
    """Return the youngest live price that was seen after this one; None where this one is the youngest.

    Answers take their time: a quote may come after a tick that was seen while it was on its way. Then it moves nothing.
    A price from before the clock stepped back is older than any other.
    """
    age_s = _age_s(tick.seen_at, now)
    younger = [one for one in known if one.source in _LIVE and _age_s(one.seen_at, now) < age_s]
    return max(younger, key=lambda one: one.seen_at, default=None)


def is_of_another(tick: Tick, instrument: Instrument | None) -> bool:
    """Say whether a price is of another instrument, by its token or by the symbol that the feed calls it."""
    other_token = bool(tick.token) and instrument is not None and tick.token != instrument.token
    return other_token or tick.called not in {"", tick.symbol}


def could_trade(price: Decimal, instrument: Instrument | None, known: Iterable[SeenPrice], now: datetime) -> bool:
    """Say whether somebody could have traded at `price`: inside the day's band.

    Without a band, prices of the last `WITNESS_AGE_S_MAX` seconds must not contradict it.
    """
    if not 0 < price <= PRICE_MAX:
        return False
    low = None if instrument is None else instrument.lower_circuit
    high = None if instrument is None else instrument.upper_circuit
    if low is not None and high is not None:
        return low <= price <= high
    inside = (low is None or low <= price) and (high is None or price <= high)
    return inside and not any(_contradicts(one.at(now), price) for one in known)


def contradicts(witness: SeenPrice, price: SeenPrice, now: datetime) -> bool:
    """Say whether a price of the last `WITNESS_AGE_S_MAX` seconds lies too far from another one."""
    return _contradicts(witness.at(now), price.price)


def _contradicts(witness: Reference, price: Decimal) -> bool:
    if witness.age_s > WITNESS_AGE_S_MAX:
        return False
    return not witness.price / WITNESS_FACTOR_MAX <= price <= witness.price * WITNESS_FACTOR_MAX
