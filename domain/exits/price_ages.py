"""How old the prices may be that stops are held against: asked for while they grow old, called stale when none come.

A market in which nobody trades is no outage: the broker's quote says that its price still stands.
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from decimal import Decimal
from typing import TypeAlias

from domain.orders.types import Exchange

Symbol: TypeAlias = tuple[Exchange, str]


@dataclass(frozen=True, slots=True)
class AgesNow:
    """What a look at the ages has shown: prices to `ask` the broker for, and those that are `stale`, or `back`, now."""

    ask: tuple[Symbol, ...] = ()
    stale: tuple[tuple[Symbol, float], ...] = ()
    """With the age in seconds; each is told once."""
    back: tuple[Symbol, ...] = ()


@dataclass(slots=True)
class PriceAges:
    """Owns the last prices with the second they were seen, since when each is watched, and which are too old."""

    age_s_max: float
    _prices: dict[Symbol, tuple[Decimal, float]] = field(default_factory=dict)
    _watched: dict[Symbol, float] = field(default_factory=dict)
    _asked: dict[Symbol, float] = field(default_factory=dict)
    _stale: set[Symbol] = field(default_factory=set)

    def of(self, symbol: Symbol) -> Decimal | None:
        """Return the last price of a symbol, if one was seen."""
        seen = self._prices.get(symbol)
        return None if seen is None else seen[0]

    def age_s(self, symbol: Symbol, now_s: float) -> float | None:
        """Return how old the last price is."""
        seen = self._prices.get(symbol)
        return None if seen is None else now_s - seen[1]

    def watch(self, symbol: Symbol, now_s: float) -> bool:
        """Begin to watch; say whether it is new."""
        is_new = symbol not in self._watched
        self._watched.setdefault(symbol, now_s)
        return is_new

    def see(self, symbol: Symbol, price: Decimal, now_s: float) -> bool:
        """Take over a price; say whether it is one of a watched symbol."""
        if price <= 0 or symbol not in self._watched:
            return False
        self._prices[symbol] = (price, now_s)
        return True

    def may_ask(self, symbol: Symbol, now_s: float) -> bool:
        """Say whether the broker may be asked, at most twice while a price may grow old; then it counts as asked."""
        pause_s = self.age_s_max / 2
        if now_s - self._asked.get(symbol, -pause_s) < pause_s:
            return False
        self._asked[symbol] = now_s
        return True

    def look(
        self, watching: Iterable[Symbol], armed: Iterable[Symbol], now_s: float, is_open: Callable[[Symbol], bool]
    ) -> AgesNow:
        """Judge the prices that stops are `watching`; those of symbols without an `armed` stop matter no more."""
        ask: list[Symbol] = []
        stale: list[tuple[Symbol, float]] = []
        back: list[Symbol] = []
        for symbol in sorted(set(watching)):
            _, seen_at = self._prices.get(symbol, (None, self._watched[symbol]))
            age_s, opened = now_s - seen_at, is_open(symbol)
            if opened and age_s > self.age_s_max / 2 and self.may_ask(symbol, now_s):
                ask.append(symbol)
            if not opened or age_s <= self.age_s_max:
                back += [symbol] if symbol in self._stale else []
            elif symbol not in self._stale:
                self._stale.add(symbol)
                stale.append((symbol, age_s))
        back += sorted(self._stale.difference(armed, back))
        self._stale.difference_update(back)
        return AgesNow(tuple(ask), tuple(stale), tuple(back))
