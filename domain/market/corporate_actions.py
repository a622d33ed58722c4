"""A morning on which the exchange has adjusted prices: a bonus, a split, a merger; and the stops carried into it.

A share that closed at 1450 opens at 725 after a bonus of one for one, and so does its previous close as the quote tells
it. A stop at 1400 that was carried into this day would fire although nothing was lost. So a carried stop that the first
price of the day reaches is held against that previous close first: where the close itself has moved far beyond what it
was, the stop is held, and a person has to set it anew. A price that fell by itself leaves the close where it was.

What the close was is the last price that was seen on an earlier day. Where none is known (a restart overnight), it was
at least on the good side of the level, which had not been reached: then the close has to be much farther away, because
a stop may also be overdue after a day on which no desk ran.
"""

from dataclasses import dataclass, field
from decimal import Decimal
from enum import StrEnum
from typing import Final, TypeAlias

from domain.exits.flatten import PositionKey
from domain.exits.stops import ArmedStop
from domain.orders.types import Exchange
from domain.ports import trading_day
from domain.positions.pnl import symbol_of

Symbol: TypeAlias = tuple[Exchange, str]

_CASH: Final = frozenset({Exchange.NSE, Exchange.BSE})
"""Contracts are adjusted by new symbols, strikes and lots instead; and an option loses most of its price overnight."""
MOVED_DOWN: Final = Decimal("0.9")
MOVED_UP: Final = Decimal("1.1")
"""From these shares of the last price of an earlier day on, a previous close is another one than was seen."""
FAR_DOWN: Final = Decimal("0.7")
FAR_UP: Final = Decimal("1.5")
"""The same as shares of the level, where no price of an earlier day is known."""
CLOSE_WAIT_S: Final = 3.0
"""So long such a stop waits to hear of the day's previous close; then it counts as unchanged."""


class Verdict(StrEnum):
    """Whether a carried stop may go by today's first price."""

    COUNTS = "COUNTS"
    UNKNOWN = "UNKNOWN"
    """The price is that far away that the previous close has to be known first."""
    ADJUSTED = "ADJUSTED"


@dataclass(slots=True)
class Openings:
    """Owns each share's previous close as today's quotes tell it, its last prices, and the stops that are held."""

    held: dict[PositionKey, Decimal] = field(default_factory=dict)
    """The stops that are held, with the previous close that says so."""
    asked: dict[PositionKey, float] = field(default_factory=dict)
    """Since when (monotonic seconds) a stop waits for the day's previous close."""
    _closes: dict[Symbol, tuple[str, Decimal, bool]] = field(default_factory=dict)
    _last: dict[Symbol, tuple[str, Decimal]] = field(default_factory=dict)
    _earlier: dict[Symbol, Decimal] = field(default_factory=dict)
    _opened: dict[PositionKey, str] = field(default_factory=dict)

    def see_close(self, symbol: Symbol, day: str, previous_close: Decimal | None, *, is_open: bool = True) -> None:
        """Keep the previous close that a quote of this day tells. Before the opening it may be an older one still."""
        if previous_close is not None and previous_close > 0:
            self._closes[symbol] = (day, previous_close, is_open)

    def judge(self, armed_stop: ArmedStop, price: Decimal, day: str, now: float, *, is_open: bool = True) -> Verdict:
        """Say whether this price counts for the stop. One that has opened once today goes by every price after it.

        Before the opening the last price of yesterday may come again: no stop opens by it.
        """
        position_key, symbol = armed_stop.position_key, symbol_of(armed_stop.position_key.key)
        before = self._last.get(symbol)
        if before is not None and before[0] < day:
            self._earlier[symbol] = before[1]
        self._last[symbol] = (day, price)
        if self.has_opened(armed_stop, day):
            return Verdict.COUNTS
        level = _level_beyond(armed_stop, price)
        if level is not None and position_key in self.held:
            return Verdict.ADJUSTED
        known = self._closes.get(symbol)
        close, is_sure = (known[1], known[2]) if known is not None and known[0] == day else (None, False)
        if level is not None:
            is_down = price <= level
            if close is not None and self._has_moved(symbol, close, level, is_down=is_down):
                self.held[position_key] = close
                self.asked.pop(position_key, None)
                return Verdict.ADJUSTED
            is_far = not is_sure and self._has_moved(symbol, price, level, is_down=is_down)
            if is_far and now - self.asked.setdefault(position_key, now) < CLOSE_WAIT_S:
                return Verdict.UNKNOWN
        self.end(position_key)
        if is_open:
            self._opened[position_key] = day
        return Verdict.COUNTS

    def has_opened(self, armed_stop: ArmedStop, day: str) -> bool:
        """Say whether the stop goes by every price: armed today, no share's, or opened by a price of today."""
        carried = armed_stop.position_key.key.exchange in _CASH and trading_day(armed_stop.armed_at) < day
        return not carried or self._opened.get(armed_stop.position_key) == day

    def _has_moved(self, symbol: Symbol, price: Decimal, level: Decimal, *, is_down: bool) -> bool:
        """Say whether `price` is beyond the level, and far from where the symbol stood on an earlier day."""
        earlier = self._earlier.get(symbol)
        if earlier is not None:
            return price <= min(level, earlier * MOVED_DOWN) if is_down else price >= max(level, earlier * MOVED_UP)
        return price <= level * FAR_DOWN if is_down else price >= level * FAR_UP

    def end(self, position_key: PositionKey) -> bool:
        """Forget a stop that is over or set anew; say whether it was held."""
        self.asked.pop(position_key, None)
        self._opened.pop(position_key, None)
        return self.held.pop(position_key, None) is not None

    def holds(self, symbol: Symbol) -> bool:
        """Say whether a stop in this symbol is held."""
        return any(symbol_of(position_key.key) == symbol for position_key in self.held)


def _level_beyond(armed_stop: ArmedStop, price: Decimal) -> Decimal | None:
    """Return the level that this price has reached, or the best price if it is the best by far; None for neither."""
    trigger = armed_stop.triggered_by(price)
    if trigger is not None:
        return trigger.level
    best = armed_stop.best_price
    if armed_stop.is_long:
        return best if price >= best * MOVED_UP else None
    return best if price <= best * MOVED_DOWN else None
