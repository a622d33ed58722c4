"""The moving market: one seeded walk per underlying, everything else priced from it, bid and ask a tick around.

The walk leans one way for some seconds and then the other, so that ranges form and are broken within tens of steps,
and is drawn back to where it began, so that the listed strikes stay around it.
"""

import random
from collections import deque
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime, time
from decimal import Decimal
from typing import Final

from broker.paper.engine.instruments import BASES, Catalogue, Instrument
from broker.paper.engine.pricing import fair_price, on_tick

_STEP_FRACTION: Final = 0.00015
_LEAN_FRACTION: Final = 0.0001
_LEAN_STEPS: Final = (20, 60)
_PULL: Final = 0.002
_BARS_MAX: Final = 2_000
_SECONDS_A_DAY: Final = 86_400
_TRADED_LOTS_MAX: Final = 20


@dataclass(slots=True)
class Bar:
    """One minute of one instrument."""

    start: datetime
    open: Decimal
    high: Decimal
    low: Decimal
    close: Decimal
    volume: int = 0


@dataclass(slots=True)
class Quote:
    """Where an instrument stands. `bid` and `ask` mean nothing for an index."""

    last: Decimal
    tick: Decimal
    open: Decimal
    high: Decimal
    low: Decimal
    close: Decimal
    volume: int = 0
    turnover: Decimal = Decimal(0)
    traded_at: datetime | None = None
    bars: deque[Bar] = field(default_factory=lambda: deque(maxlen=_BARS_MAX))

    @property
    def bid(self) -> Decimal:
        """What a seller gets: a tick below the last price, and at least a tick."""
        return max(self.last - self.tick, self.tick)

    @property
    def ask(self) -> Decimal:
        """What a buyer pays: a tick above the last price."""
        return self.last + self.tick

    @property
    def average(self) -> Decimal:
        """The day's volume weighted average price."""
        return self.turnover / self.volume if self.volume else self.last

    def trade(self, price: Decimal, volume: int, at: datetime) -> None:
        """Take a new last price."""
        self.last, self.traded_at = price, at
        self.high, self.low = max(self.high, price), min(self.low, price)
        self.volume += volume
        self.turnover += price * volume
        minute = at.replace(second=0, microsecond=0)
        if not self.bars or self.bars[-1].start != minute:
            self.bars.append(Bar(minute, price, price, price, price))
        bar = self.bars[-1]
        bar.high, bar.low, bar.close = max(bar.high, price), min(bar.low, price), price
        bar.volume += volume


@dataclass(slots=True)
class _Walk:
    base: float
    value: float
    lean: float = 0.0
    lean_left: int = 0


class Market:
    """Owns every price. It moves when it is told to (`step`), and the same seed moves it the same way."""

    def __init__(self, catalogue: Catalogue, seed: int, now: datetime) -> None:
        self._catalogue = catalogue
        self._random = random.Random(seed)  # noqa: S311  a repeatable market, not a secret
        self._walks = {name: _Walk(float(base), float(base)) for name, base in BASES.items()}
        self._quotes: dict[str, Quote] = {}
        self._frozen: set[str] = set()
        self.all_frozen = False
        self._listed_at = now
        self.relist(now)

    def relist(self, now: datetime) -> None:
        """Take what is listed as it is now: prices of what is new, ticks and closes of what changed."""
        self._listed_at = now
        for instrument in self._catalogue.listed():
            quote = self.quote(instrument)
            quote.tick, quote.close = instrument.tick, instrument.close

    def rename(self, key: str, to: str) -> None:
        """Go on under another key where a price stood."""
        if key in self._quotes and to not in self._quotes:
            self._quotes[to] = self._quotes[key]
            self._frozen |= {to} if key in self._frozen else set()

    def split(self, instrument: Instrument, ratio: Decimal, now: datetime) -> None:
        """Divide a price, as when one share becomes several."""
        price = on_tick(self.quote(instrument).last / ratio, instrument.tick)
        if instrument.kind in {"EQ", "UNDIND"}:
            walk = self._walks[instrument.underlying]
            walk.base, walk.value = walk.base / float(ratio), float(price)
        self._quotes[instrument.key] = Quote(price, instrument.tick, price, price, price, instrument.close)
        self._quotes[instrument.key].traded_at = now

    def quote(self, instrument: Instrument) -> Quote:
        """Return where `instrument` stands; what was never priced begins at its fair price."""
        if instrument.key not in self._quotes:
            self._begin(instrument, self._listed_at)
        return self._quotes[instrument.key]

    def step(self, now: datetime) -> None:
        """Move everything that is not frozen by one step."""
        if self.all_frozen:
            return
        for walk in self._walks.values():
            self._walk(walk)
        for instrument in self._catalogue.listed():
            lots = self._random.randint(1, _TRADED_LOTS_MAX)
            if instrument.key not in self._frozen:
                self.quote(instrument).trade(self._fair(instrument, now), lots * instrument.lot, now)

    def set_price(self, instrument: Instrument, price: Decimal, now: datetime) -> None:
        """Put a price where a test wants it; an index or a share takes its walk along."""
        if instrument.kind in {"EQ", "UNDIND"}:
            self._walks[instrument.underlying].value = float(price)
        self.quote(instrument).trade(price, instrument.lot, now)

    def freeze(self, instruments: Iterable[Instrument], *, frozen: bool) -> None:
        """Keep prices where they are, or let them move again."""
        keys = {one.key for one in instruments}
        self._frozen = self._frozen | keys if frozen else self._frozen - keys

    def _begin(self, instrument: Instrument, now: datetime) -> None:
        price = self._fair(instrument, now)
        self._quotes[instrument.key] = Quote(price, instrument.tick, price, price, price, instrument.close)

    def _walk(self, walk: _Walk) -> None:
        if walk.lean_left == 0:
            walk.lean_left = self._random.randint(*_LEAN_STEPS)
            walk.lean = self._random.choice((-1, 0, 1)) * _LEAN_FRACTION
        walk.lean_left -= 1
        move = self._random.gauss(walk.lean, _STEP_FRACTION) - _PULL * (walk.value / walk.base - 1)
        walk.value *= 1 + move

    def _fair(self, instrument: Instrument, now: datetime) -> Decimal:
        spot = self._walks[instrument.underlying].value
        if instrument.expiry is None:
            return on_tick(spot, instrument.tick)
        closing = datetime.combine(instrument.expiry, time(15, 30), now.tzinfo)
        days = (closing - now).total_seconds() / _SECONDS_A_DAY
        price = fair_price(spot, instrument.strike, instrument.option, days, instrument.tick)
        return min(max(price, instrument.lower_circuit), instrument.upper_circuit)
