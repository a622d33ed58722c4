"""What is traded, and on what terms: they change within the day and overnight, as the exchange pleases."""

import random
from dataclasses import dataclass, field, replace
from datetime import date
from decimal import Decimal
from typing import Final

from domain.market.instrument import Instrument
from domain.orders.types import Exchange as Segment

TICK: Final = Decimal("0.05")
WIDEST: Final = (Decimal(50), Decimal(150))
"""Prices stay inside; so does every band."""
FUTURE: Final = (Segment.NFO.value, "CCC25JANFUT")
NEAR: Final = (Segment.NFO.value, "DDD25JAN100CE")
FAR: Final = (Segment.NFO.value, "DDD25JAN120CE")
"""Two options of one underlying: who is short of the near one hedges with the far one."""
FIRST_DAY: Final = date(2026, 1, 5)
RELAXED_BY: Final = Decimal(10)
Place = tuple[str, str]
"""Exchange and symbol."""


@dataclass(frozen=True, slots=True)
class Customs:
    """What the exchange does with its contracts in a story; nothing of it in an ordinary one."""

    options: bool = False
    """Whether two options of one underlying are traded as well."""
    band_rupees: int = 0
    """How far the day's band lies from the price it began with, either way; 0: as wide as prices go."""
    band_relaxes: bool = False
    """Whether a band widens after the price has touched it."""
    band_narrows: bool = False
    """Whether a band closes round the price in the middle of the day."""
    lot_changes: bool = False
    tick_changes: bool = False
    freeze_changes: bool = False
    expires: bool = False
    """Whether the future ends after the first day."""
    renames: bool = False
    """Whether the future bears another name from the second day on."""


@dataclass(slots=True)
class Contracts:
    """Owns today's instruments, what has ended, and what was renamed."""

    customs: Customs
    chance: random.Random
    today: dict[Place, Instrument] = field(default_factory=dict)
    gone: set[Place] = field(default_factory=set)
    heirs: dict[Place, Place] = field(default_factory=dict)
    relaxed: int = 0
    _days: int = 0

    def __post_init__(self) -> None:
        """Begin with the contracts of the first day."""
        self.today = {(one.exchange.value, one.symbol): one for one in make_instruments(options=self.customs.options)}
        if self.customs.expires:
            self.today[FUTURE] = replace(self.today[FUTURE], expires_on=FIRST_DAY)

    def begin_day(self, prices: dict[Place, Decimal]) -> None:
        """Set the day's bands; from the second day on, let the night have changed what the story says."""
        self._days += 1
        if self._days > 1:
            self._change_overnight(prices)
        if self.customs.band_rupees:
            for place, price in prices.items():
                self._set_band(place, price, Decimal(self.customs.band_rupees))

    def _change_overnight(self, prices: dict[Place, Decimal]) -> None:
        customs = self.customs
        for place, one in list(self.today.items()):
            changed = one
            if customs.lot_changes and one.lot > 1:
                changed = replace(changed, lot=one.lot - 1)
            if customs.tick_changes:
                changed = replace(changed, tick=TICK * 2)
            if customs.freeze_changes and one.freeze_quantity is not None:
                changed = replace(changed, freeze_quantity=one.freeze_quantity // 50)
            self.today[place] = changed
        if customs.expires and FUTURE in self.today:
            self._end(FUTURE, prices)
        if customs.renames and FUTURE in self.today:
            heir = (FUTURE[0], f"NEW{FUTURE[1]}")
            self.today[heir] = replace(self.today[FUTURE], symbol=heir[1])
            prices[heir] = prices[FUTURE]
            self.heirs[FUTURE] = heir
            self._end(FUTURE, prices)

    def _end(self, place: Place, prices: dict[Place, Decimal]) -> None:
        self.gone.add(place)
        del self.today[place]
        del prices[place]

    def _set_band(self, place: Place, middle: Decimal, rupees: Decimal) -> None:
        low, high = max(WIDEST[0], middle - rupees), min(WIDEST[1], middle + rupees)
        self.today[place] = replace(self.today[place], lower_circuit=low, upper_circuit=high)

    def band_of(self, place: Place) -> tuple[Decimal, Decimal]:
        """Return today's band as it is now."""
        one = self.today[place]
        return one.lower_circuit or WIDEST[0], one.upper_circuit or WIDEST[1]

    def touch(self, place: Place, price: Decimal) -> None:
        """Widen the band where its edge was touched and the exchange relaxes it."""
        low, high = self.band_of(place)
        if self.customs.band_relaxes and price in {low, high} and self.chance.random() < 0.3:
            self.relaxed += 1
            low = max(WIDEST[0], low - RELAXED_BY) if price == low else low
            high = min(WIDEST[1], high + RELAXED_BY) if price == high else high
            self.today[place] = replace(self.today[place], lower_circuit=low, upper_circuit=high)

    def narrow(self, prices: dict[Place, Decimal]) -> None:
        """Close each band round its price."""
        for place, price in prices.items():
            self._set_band(place, price, Decimal(4))


def make_instruments(*, options: bool = False) -> tuple[Instrument, ...]:
    """Return what is traded: two shares, a future in lots of five, and options where they are asked for."""
    listed = [
        (Segment.NSE, "AAA-EQ", "EQ", 1),
        (Segment.NSE, "BBB-EQ", "EQ", 1),
        (Segment(FUTURE[0]), FUTURE[1], "FUTIDX", 5),
    ]
    if options:
        listed += [(Segment(where), symbol, "OPTIDX", 5) for where, symbol in (NEAR, FAR)]
    return tuple(
        Instrument(
            exchange=where,
            symbol=symbol,
            token=str(number),
            kind=kind,
            tick=TICK,
            lot=lot,
            freeze_quantity=1_000,
            lower_circuit=WIDEST[0],
            upper_circuit=WIDEST[1],
        )
        for number, (where, symbol, kind, lot) in enumerate(listed, 1)
    )


def underlying_of(symbol: str) -> str:
    """Return the underlying of a contract: the letters it begins with."""
    return symbol[:3]
