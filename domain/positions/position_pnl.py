"""One position's profit and loss: what closes it realises the difference to its average cost, the rest is open."""

from dataclasses import dataclass, replace
from decimal import Decimal


@dataclass(frozen=True, slots=True)
class PositionPnl:
    """One position: signed units, their average cost, and what has been realised today."""

    quantity: int = 0
    average: Decimal = Decimal(0)
    realised: Decimal = Decimal(0)

    def traded(self, quantity: int, price: Decimal) -> "PositionPnl":
        """Return the position after signed units traded at a price."""
        after = self.quantity + quantity
        if self.quantity * quantity >= 0:
            cost = self.average * abs(self.quantity) + price * abs(quantity)
            return replace(self, quantity=after, average=cost / abs(after) if after else Decimal(0))
        closed = min(abs(quantity), abs(self.quantity))
        way = 1 if self.quantity > 0 else -1
        realised = self.realised + (price - self.average) * closed * way
        is_reversed = after * self.quantity < 0
        return PositionPnl(after, price if is_reversed else self.average if after else Decimal(0), realised)

    def open_at(self, price: Decimal) -> Decimal:
        """Return what the units held have gained at this price."""
        return (price - self.average) * self.quantity
