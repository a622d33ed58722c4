"""What the account holds today, from its fills (docs/protocol.md, PositionBook).

Assumption: nothing is carried over from an earlier day; the `cf` fields are zero.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from decimal import Decimal

from broker.paper.instruments import Instrument


@dataclass(slots=True)
class Position:
    """The day's trades in one instrument and product."""

    instrument: Instrument
    product: str
    buy_quantity: int = 0
    sell_quantity: int = 0
    buy_amount: Decimal = Decimal(0)
    sell_amount: Decimal = Decimal(0)

    @property
    def net(self) -> int:
        """Return the signed quantity held."""
        return self.buy_quantity - self.sell_quantity

    @property
    def buy_average(self) -> Decimal:
        """Return the day's average buying price, zero without a buy."""
        return self.buy_amount / self.buy_quantity if self.buy_quantity else Decimal(0)

    @property
    def sell_average(self) -> Decimal:
        """Return the day's average selling price, zero without a sell."""
        return self.sell_amount / self.sell_quantity if self.sell_quantity else Decimal(0)

    @property
    def net_average(self) -> Decimal:
        """Return the average of the open side, zero when flat."""
        if self.net == 0:
            return Decimal(0)
        return self.buy_average if self.net > 0 else self.sell_average

    @property
    def realised(self) -> Decimal:
        """Return the profit of what was both bought and sold."""
        return min(self.buy_quantity, self.sell_quantity) * (self.sell_average - self.buy_average)

    def unrealised(self, last: Decimal) -> Decimal:
        """Return net quantity times the distance of `last` from the net average (docs/protocol.md, urmtom)."""
        return self.net * (last - self.net_average)


class Positions:
    """Owns one position per exchange, token and product; flat ones stay for the day."""

    def __init__(self) -> None:
        self._by_key: dict[tuple[str, str], Position] = {}

    def all(self) -> list[Position]:
        """Return the day's positions, flat ones included."""
        return list(self._by_key.values())

    def with_working(self, working: Iterable[tuple[Instrument, str]]) -> list[Position]:
        """Return the day's positions, and empty ones where only orders wait: the book shows those too."""
        shown = {(instrument.key, product): Position(instrument, product) for instrument, product in working}
        return list((shown | self._by_key).values())

    def net(self, instrument: Instrument, product: str) -> int:
        """Return the signed quantity held."""
        position = self._by_key.get((instrument.key, product))
        return position.net if position else 0

    def take(self, instrument: Instrument, product: str, side: str, quantity: int, price: Decimal) -> None:
        """Book one trade."""
        position = self._by_key.setdefault((instrument.key, product), Position(instrument, product))
        if side == "B":
            position.buy_quantity += quantity
            position.buy_amount += quantity * price
        else:
            position.sell_quantity += quantity
            position.sell_amount += quantity * price

    def clear(self) -> None:
        """Begin a new day."""
        self._by_key.clear()
