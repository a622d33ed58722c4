"""When to get out: stop, target and trail of one position (docs/architecture.md, exits).

All levels are prices in rupees. The stop in force is the best of the fixed stop and the trail, and never moves back:

* POINTS: the trail stands `trailing_value` rupees behind the best price seen since the position was taken.
* PERCENT: it stands `trailing_value` percent of that price behind it.
* ABSOLUTE: it is the price `trailing_value` itself, such as the entry's price.

`trail_activation` is the price from which on the trail counts; without it, it counts at once. Stop and target cancel
each other: whichever is reached first gets the whole position out.
"""

from dataclasses import dataclass, replace
from datetime import datetime
from decimal import Decimal
from enum import StrEnum

from domain.exits.flatten import Exposure, PositionKey
from domain.orders.order import Order
from domain.orders.stop_terms import PERCENT, StopTerms
from domain.orders.types import TrailingType


@dataclass(frozen=True, slots=True)
class StopTrigger:
    """A level was reached."""

    name: str
    level: Decimal
    price: Decimal

    def __str__(self) -> str:
        return f"{self.name} {self.level} reached at {self.price}"


class StopEnd(StrEnum):
    """What has become of a position under stops: nothing is left to protect."""

    FLAT = "the position is flat"
    REVERSED = "the position was reversed"


@dataclass(frozen=True, slots=True, kw_only=True)
class ArmedStop:
    """The armed stops of one position. `entry_price` is its price when it was taken, `best_price` the best seen since.

    `stop_id` is the command id of the entry, or names a person's word; `quantity` is what the entry had filled
    when its stops were armed last (0 for a person's): more of it arms them again.
    """

    stop_id: str
    position_key: PositionKey
    terms: StopTerms
    is_long: bool
    entry_price: Decimal
    best_price: Decimal
    armed_at: datetime
    quantity: int = 0
    ended: str = ""
    """Why it is over: a sentence's part; empty while it is armed."""

    @property
    def stop(self) -> Decimal | None:
        """Return the stop in force: the better one of the fixed stop and the trail."""
        levels = [level for level in (self.terms.stop_loss, self._trail()) if level is not None]
        return (max(levels) if self.is_long else min(levels)) if levels else None

    @property
    def trails(self) -> bool:
        """Say whether the stop in force is the trail's."""
        return self.stop is not None and self.stop != self.terms.stop_loss

    def _trail(self) -> Decimal | None:
        kind, value, when = self.terms.trailing_type, self.terms.trailing_value, self.terms.trail_activation
        way = 1 if self.is_long else -1
        if kind is None or value is None or (when is not None and (self.best_price - when) * way < 0):
            return None
        match kind:
            case TrailingType.POINTS:
                return self.best_price - value * way
            case TrailingType.PERCENT:
                return self.best_price * (1 - value / PERCENT * way)
            case TrailingType.ABSOLUTE:
                return value

    def seen(self, price: Decimal) -> "ArmedStop":
        """Return it with this price seen: the best price only moves the position's way."""
        better = price > self.best_price if self.is_long else price < self.best_price
        return replace(self, best_price=price) if better else self

    def triggered_by(self, price: Decimal) -> StopTrigger | None:
        """Say which level this price reaches or has jumped over; a stop comes before a target."""
        way = 1 if self.is_long else -1
        stop, target = self.stop, self.terms.target
        if stop is not None and (price - stop) * way <= 0:
            return StopTrigger("trailing stop" if self.trails else "stop", stop, price)
        if target is not None and (price - target) * way >= 0:
            return StopTrigger("target", target, price)
        return None

    def ended_by(self, exposure: Exposure) -> StopEnd | None:
        """Say why there is nothing left for it to protect; None while there is."""
        if exposure.is_flat:
            return StopEnd.FLAT
        return StopEnd.REVERSED if exposure.held * (1 if self.is_long else -1) < 0 else None

    def __str__(self) -> str:
        parts = [f"stop {self.stop:f}" + (" (trails)" if self.trails else "")] if self.stop is not None else []
        if self.terms.trailing_type is not None and not self.trails:
            when = "" if self.terms.trail_activation is None else f" from {self.terms.trail_activation:f}"
            parts.append(f"trail {self.terms.trailing_value:f} {self.terms.trailing_type.lower()}{when}")
        if self.terms.target is not None:
            parts.append(f"target {self.terms.target:f}")
        return ", ".join(parts)


def armed_stop_of(order: Order, at: datetime) -> ArmedStop | None:
    """Return what a filled entry's own stops protect; None when it has traded nothing, or carries no stops."""
    command = order.command
    terms = command.stops if command.carries_stops and order.filled_quantity else None
    entry_price = order.average_price or order.limit_price
    if terms is None or entry_price is None:
        return None
    return ArmedStop(
        stop_id=command.command_id,
        position_key=PositionKey(command.strategy, command.key),
        terms=terms,
        is_long=command.side.sign > 0,
        entry_price=entry_price,
        best_price=entry_price,
        armed_at=at,
        quantity=order.filled_quantity,
    )
