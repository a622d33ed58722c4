"""Who is told of an instrument's prices. A part of MarketActor, in its thread."""

from collections.abc import Iterator
from typing import Final

from actors.messages.market import PriceTicked
from actors.runtime.address import Address, backlog, post
from domain.market.knowledge import Key

TICK_BACKLOG_MAX: Final = 1_000
"""A subscriber with more than this many messages waiting misses ticks, so that it hurts only itself."""


class Subscribers:
    """Owns the addresses that are told of each instrument's prices; one that is gone is forgotten."""

    def __init__(self) -> None:
        self._addresses: dict[Key, list[Address[PriceTicked]]] = {}

    def __iter__(self) -> Iterator[Key]:
        """Return what is watched."""
        return iter(self._addresses)

    def __contains__(self, key: Key) -> bool:
        """Say whether anybody watches this."""
        return key in self._addresses

    def add(self, key: Key, subscriber: Address[PriceTicked]) -> None:
        """Tell this address from now on."""
        self._addresses.setdefault(key, []).append(subscriber)

    def tell(self, told: PriceTicked) -> None:
        """Tell a price to all who watch its instrument."""
        addresses = self._addresses.get((told.tick.exchange, told.tick.symbol), [])
        for one in [one for one in addresses if backlog(one) < TICK_BACKLOG_MAX and not post(one, told)]:
            addresses.remove(one)
