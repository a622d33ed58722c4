"""Delivery: shares bought to keep. A sale closes what was bought, or holdings; it is never a short.

Holdings in the demat account are not read yet. So a position in delivery is what the desk's own orders bought and still
hold, and what is sold beyond it came out of the holdings: whether they are there is the broker's to judge.
"""

import re
from datetime import datetime
from typing import Final

from domain.exits.flatten import PositionKey
from domain.orders.lifecycle import State
from domain.orders.order import Order
from domain.orders.types import EXTERNAL, InstrumentKey, Side

_NOT_THERE: Final = re.compile(r"check holdings|insufficient holdings?|no holdings", re.IGNORECASE)
"""How brokers on Noren and their forerunners say that shares are missing (docs/protocol.md, holdings)."""


class Delivered:
    """Owns what one strategy holds of a symbol in delivery, and what it sold out of the holdings, since `held` was so.

    A sale closes what orders from before it bought. Orders count in the order of their creation, however late they
    trade: so a restart, which reads them in that order, finds the same.
    """

    __slots__ = ("_base", "_orders", "_sold_before", "held", "sold")

    def __init__(self, held: int) -> None:
        self._base = self.held = held
        self._sold_before = self.sold = 0
        self._orders: dict[str, tuple[datetime, int]] = {}

    def trade(self, command_id: str, created_at: datetime, units: int) -> None:
        """Count signed units more that an order has traded."""
        traded = self._orders.get(command_id, (created_at, 0))[1]
        self._orders[command_id] = (created_at, traded + units)
        self.held, self.sold = self._base, self._sold_before
        for _, moved in sorted(self._orders.values(), key=lambda one: one[0]):
            self.held += moved
            if self.held < 0:
                self.sold -= self.held
                self.held = 0

    def put(self, held: int) -> None:
        """Begin anew with so many units held."""
        self._base = self.held = held
        self._sold_before = self.sold
        self._orders.clear()


class Deliveries:
    """Owns what each strategy holds and sold in delivery, and what all orders of today moved of it."""

    def __init__(self) -> None:
        self._delivered: dict[PositionKey, Delivered] = {}
        self._moved_today: dict[InstrumentKey, int] = {}

    @property
    def moved_today(self) -> dict[InstrumentKey, int]:
        """Return the signed units that today's orders moved, all together: what a position book shows."""
        return dict(self._moved_today)

    def sold_from_holdings(self) -> dict[str, dict[InstrumentKey, int]]:
        """Return the units that each strategy sold today beyond what it had bought."""
        sold: dict[str, dict[InstrumentKey, int]] = {}
        for position_key, delivered in self._delivered.items():
            if delivered.sold:
                sold.setdefault(position_key.strategy, {})[position_key.key] = delivered.sold
        return sold

    def of(self, position_key: PositionKey, held: int) -> Delivered:
        """Return a strategy's part, which begins with so many units `held`."""
        return self._delivered.setdefault(position_key, Delivered(held))

    def move(self, key: InstrumentKey, units: int) -> None:
        """Count what an order of today moved."""
        self._moved_today[key] = self._moved_today.get(key, 0) + units

    def begin_day(self) -> None:
        """Forget all: what is held is carried by the books."""
        self._delivered.clear()
        self._moved_today.clear()


def is_refused_for_shares(order: Order) -> bool:
    """Say whether the broker refused a sale for delivery, or rejected it later, because the shares are not there.

    The two mistakes cost differently: a way out that ends by mistake leaves a position that somebody wants out of, a
    try too many costs one refused order. So only words that name the holdings count. Margin, price, band, quota,
    session, address or time may change by themselves, and a sale that is not authorised yet (the depository's PIN) is
    of shares that are there: after those, and after any words we don't know, the exit goes on.
    """
    is_sale = order.command.product.is_delivery and order.command.side is Side.SELL
    is_refused = order.state in {State.REFUSED, State.REJECTED} and not order.filled_quantity
    return is_sale and is_refused and _NOT_THERE.search(order.note or "") is not None


class CarriedDelivery:
    """Owns what strategies still hold in delivery of what orders traded, oldest first; signed units.

    EXTERNAL's is below zero where others sold what a strategy held. What anybody sold out of the holdings is in none.
    """

    __slots__ = ("closed", "held", "theirs")

    def __init__(self) -> None:
        self.held: dict[str, dict[InstrumentKey, int]] = {}
        self.theirs: dict[InstrumentKey, int] = {}
        self.closed: dict[InstrumentKey, int] = {}

    def trade(self, strategy: str, key: InstrumentKey, units: int) -> None:
        """Count what the next order has traded."""
        if strategy != EXTERNAL:
            own = self.held.setdefault(strategy, {})
            own[key] = max(0, own.get(key, 0) + units)
        elif units > 0:
            undone = min(units, self.closed.get(key, 0))
            self.closed[key] = self.closed.get(key, 0) - undone
            self.theirs[key] = self.theirs.get(key, 0) + units - undone
        else:
            own_part = min(-units, self.theirs.get(key, 0))
            self.theirs[key] = self.theirs.get(key, 0) - own_part
            ours = sum(one.get(key, 0) for one in self.held.values()) - self.closed.get(key, 0)
            self.closed[key] = self.closed.get(key, 0) + max(0, min(-units - own_part, ours))

    def positions(self) -> dict[str, dict[InstrumentKey, int]]:
        """Return each strategy's units, and EXTERNAL's."""
        positions = {strategy: dict(held) for strategy, held in self.held.items()}
        for key in self.theirs.keys() | self.closed.keys():
            positions.setdefault(EXTERNAL, {})[key] = self.theirs.get(key, 0) - self.closed.get(key, 0)
        return positions
