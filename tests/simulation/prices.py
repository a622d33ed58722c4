"""What the broker says of prices: the truth, or what nobody could have traded at, or what is another instrument's."""

import random
from collections.abc import Callable
from dataclasses import replace
from datetime import datetime
from decimal import Decimal
from typing import Final

from domain.evidence import PositionRow, Tick
from domain.instrument import Instrument
from domain.order import Exchange
from tests.simulation.contracts import WIDEST
from tests.simulation.exchange import Ledger

IMPOSSIBLE: Final = (Decimal("24631.20"), Decimal("1.35"), Decimal("9.05"), Decimal("812.55"))
"""An index under an option's token, an option's price under a share's: outside every band there ever is."""


class Sayings:
    """Owns what was said of prices that nobody could have traded at."""

    def __init__(self, ledger: Ledger, chance: random.Random, meets: Callable[[str], bool]) -> None:
        self._ledger = ledger
        self._chance = chance
        self._meets = meets
        self.lies = 0

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

    def rows(self, rows: tuple[PositionRow, ...], *, bare: bool) -> tuple[PositionRow, ...]:
        """Return position rows whose last price may be missing, or one that can't be; `bare`: without tick and lot."""
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
