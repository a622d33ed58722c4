"""What the orders of past days come to: who still holds what, and at what price each instrument was last traded."""

from datetime import datetime
from decimal import Decimal

from domain.market.price import PriceSource, SeenPrice
from domain.orders.types import Exchange, InstrumentKey
from domain.positions.delivery import CarriedDelivery


class Carried:
    """Owns what was counted, order by order, the oldest first; signed units."""

    __slots__ = ("delivery", "prices", "sums")

    def __init__(self) -> None:
        self.sums: dict[str, dict[InstrumentKey, int]] = {}
        """Of each strategy, but delivery."""
        self.delivery = CarriedDelivery()
        self.prices: dict[tuple[Exchange, str], SeenPrice] = {}

    def count(self, strategy: str, key: InstrumentKey, units: int) -> None:
        """Count what the next order that is over has traded."""
        if key.product.is_delivery:
            self.delivery.trade(strategy, key, units)
        else:
            held = self.sums.setdefault(strategy, {})
            held[key] = held.get(key, 0) + units

    def see_price(self, exchange: Exchange, symbol: str, price: Decimal, at: datetime) -> None:
        """Remember at what price an order has traded, unless a later one is known."""
        known = self.prices.get((exchange, symbol))
        if known is None or known.seen_at <= at:
            self.prices[exchange, symbol] = SeenPrice(price=price, source=PriceSource.STORED, seen_at=at)

    def positions(self) -> dict[str, dict[InstrumentKey, int]]:
        """Return each strategy's units, and EXTERNAL's."""
        positions = self.delivery.positions()
        for strategy, held in self.sums.items():
            positions.setdefault(strategy, {}).update(held)
        return positions
