"""What the broker says of prices: the truth, an error, the impossible, or what is another instrument's."""

import random
from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from datetime import datetime
from decimal import Decimal
from typing import Final

from domain.broker.snapshots import PositionRow, Tick
from domain.market.instrument import Instrument
from domain.orders.types import Exchange
from tests.simulation.contracts import TICK, WIDEST, Place
from tests.simulation.exchange import Ledger

IMPOSSIBLE: Final = (Decimal("24631.20"), Decimal("1.35"), Decimal("9.05"), Decimal("812.55"))
"""An index under an option's token, an option's price under a share's: outside every band there ever is."""


ERRS_BY: Final = Decimal("0.25")
"""So far a feed that errs inside the band lies from the truth, as a share of it."""
ERRS_S_MAX: Final = 6.0
RIGHT_S: Final = 5.0
"""So long at least a feed is right between two errors: one after the other they would be one that goes on."""


@dataclass(slots=True)
class Err:
    """A feed that tells wrong prices of one instrument, inside the day's band, until a second."""

    place: Place
    factor: Decimal
    until_s: float


class Sayings:
    """Owns what was said of prices that nobody could have traded at, and of those the feed erred in."""

    def __init__(self, ledger: Ledger, chance: random.Random, meets: Callable[[str], bool]) -> None:
        self._ledger = ledger
        self._chance = chance
        self._meets = meets
        self.lies = 0
        self.err: Err | None = None
        self.in_order: dict[Place, set[Decimal]] = {}
        """Each price that was told and was not older than one that this run of the desk had been told before."""
        self._youngest_s: dict[Place, float] = {}
        """When the youngest of each instrument's prices that was told was true."""
        self._rows_read_s = -1.0

    def begin_life(self) -> None:
        """Tell to a process that knows of nothing."""
        self._youngest_s.clear()

    def _lie(self) -> Decimal:
        self.lies += 1
        return self._chance.choice(IMPOSSIBLE)

    def tick(self, exchange: str, symbol: str, at: datetime, trouble: str) -> Tick:
        """Return the last price; where the trouble is met one that can't be, or another instrument's tick."""
        price = self._ledger.prices[exchange, symbol]
        token = self._ledger.contracts.today[exchange, symbol].token
        if self._meets(trouble):
            price = self._lie()
        if self._meets("stranger"):
            other = self._chance.choice([place for place in self._ledger.prices if place != (exchange, symbol)])
            price, token = self._ledger.prices[other], self._ledger.contracts.today[other].token
            if self._chance.random() < 0.5:
                exchange, symbol = other
        return Tick(exchange=Exchange(exchange), symbol=symbol, last_price=price, seen_at=at, token=token)

    def begin_to_err(self, now_s: float) -> None:
        """Let the feed be wrong in one instrument for a while, unless it was just before."""
        if self.err is None or now_s > self.err.until_s + RIGHT_S:
            place = self._chance.choice(sorted(self._ledger.prices))
            factor = 1 + self._chance.choice((-1, -1, 1)) * ERRS_BY
            self.err = Err(place, factor, now_s + self._chance.random() * ERRS_S_MAX)

    def erring(self, tick: Tick, now_s: float) -> Tick:
        """Return the tick as a feed tells it that errs: possible, and wrong."""
        err = self.err
        if err is None or now_s > err.until_s or err.place != (tick.exchange.value, tick.symbol):
            return tick
        if not self._meets("tick_errs"):
            return tick
        wrong = (self._ledger.prices[err.place] * err.factor // TICK) * TICK
        return replace(tick, last_price=min(max(wrong, WIDEST[0] + TICK), WIDEST[1] - TICK))

    def note(self, tick: Tick, read_s: float) -> None:
        """Note that a tick or a quote is told which was true at this second."""
        place = (tick.exchange.value, tick.symbol)
        is_true = is_possible(tick.last_price) and tick.token == self._ledger.contracts.today[place].token
        if is_true and read_s >= self._youngest_s.get(place, -1.0):
            self._youngest_s[place] = read_s
            self.in_order.setdefault(place, set()).add(tick.last_price)

    def note_rows(self, rows: Iterable[PositionRow]) -> None:
        """Note that rows are told that were read last: they make no price older, as the desk need not go by them."""
        for row in rows:
            place = (row.exchange, row.symbol)
            if row.last_price is not None and self._rows_read_s >= self._youngest_s.get(place, -1.0):
                self.in_order.setdefault(place, set()).add(row.last_price)

    def rows(self, rows: tuple[PositionRow, ...], now_s: float, *, bare: bool) -> tuple[PositionRow, ...]:
        """Return rows, read now, whose last price may be missing or impossible; `bare`: without tick and lot."""
        self._rows_read_s = now_s
        told = []
        for row in rows:
            shown = replace(row, last_price=self._lie()) if self._meets("row_wrong") else row
            shown = replace(shown, tick=None, lot=None) if bare else shown
            told.append(replace(shown, last_price=None) if self._meets("row_bare") else shown)
        return tuple(told)


def without_band(instrument: Instrument) -> Instrument:
    """Return what a look-up without the day's limits tells."""
    return replace(instrument, lower_circuit=None, upper_circuit=None)


def is_possible(price: Decimal) -> bool:
    """Say whether anybody can ever have traded at this price."""
    return WIDEST[0] <= price <= WIDEST[1]
