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
from typing import Final

from domain.exits.flatten import PositionKey
from domain.orders.command import OrderCommand
from domain.orders.order import Order
from domain.orders.types import TrailingType

PERCENT: Final = Decimal(100)


class InvalidStopsError(ValueError):
    """Stops that cannot be meant: says in one sentence what is wrong. Nothing was changed."""


@dataclass(frozen=True, slots=True, kw_only=True)
class StopTerms:
    """What was asked for. At least one level; a trail has a type and a value. Raises `InvalidStopsError`."""

    stop_loss: Decimal | None = None
    target: Decimal | None = None
    trailing_type: TrailingType | None = None
    trailing_value: Decimal | None = None
    trail_activation: Decimal | None = None

    def __post_init__(self) -> None:
        """Refuse what protects nothing."""
        if (self.trailing_type is None) != (self.trailing_value is None):
            raise InvalidStopsError("trailing_type and trailing_value must be given together")
        if self.trail_activation is not None and self.trailing_type is None:
            raise InvalidStopsError(
                "trail_activation says when a trail begins; give trailing_type and trailing_value too"
            )
        if self.stop_loss is None and self.target is None and self.trailing_type is None:
            raise InvalidStopsError("give a stop_loss, a target or a trail")
        if self.trailing_type is TrailingType.PERCENT and (self.trailing_value or 0) >= PERCENT:
            raise InvalidStopsError(f"a trail of {self.trailing_value} % would never be reached; give less than 100")

    def check_against(self, last_price: Decimal | None, *, is_long: bool) -> None:
        """Refuse levels on the wrong side of each other or of the last price: they would get out at once."""
        way = 1 if is_long else -1
        side = "long" if is_long else "short"
        levels = (("stop_loss", self.stop_loss, -way), ("target", self.target, way))
        if self.stop_loss is not None and self.target is not None and (self.target - self.stop_loss) * way <= 0:
            where = "below" if is_long else "above"
            message = f"the stop_loss of a {side} position must be {where} its target"
            raise InvalidStopsError(f"{message}, not {self.stop_loss} with {self.target}")
        for name, level, wanted in levels:
            if level is not None and last_price is not None and (level - last_price) * wanted <= 0:
                where = "above" if wanted > 0 else "below"
                message = f"the {name} of a {side} position must be {where} the last price {last_price}, not {level}"
                raise InvalidStopsError(f"{message}; to get out now, send an EXIT")


@dataclass(frozen=True, slots=True)
class StopTrigger:
    """A level was reached."""

    name: str
    level: Decimal
    price: Decimal

    def __str__(self) -> str:
        return f"{self.name} {self.level} reached at {self.price}"


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

    def __str__(self) -> str:
        parts = [f"stop {self.stop:f}" + (" (trails)" if self.trails else "")] if self.stop is not None else []
        if self.terms.trailing_type is not None and not self.trails:
            when = "" if self.terms.trail_activation is None else f" from {self.terms.trail_activation:f}"
            parts.append(f"trail {self.terms.trailing_value:f} {self.terms.trailing_type.lower()}{when}")
        if self.terms.target is not None:
            parts.append(f"target {self.terms.target:f}")
        return ", ".join(parts)


def terms_in(command: OrderCommand) -> StopTerms | None:
    """Return the stops that an order carries for the position it takes; None for one that carries none, or exits."""
    if not command.carries_stops:
        return None
    return StopTerms(
        stop_loss=command.stop_loss,
        target=command.target,
        trailing_type=command.trailing_type,
        trailing_value=command.trailing_value,
        trail_activation=command.trail_activation,
    )


def armed_stop_of(order: Order, at: datetime) -> ArmedStop | None:
    """Return what a filled entry's own stops protect; None when it has traded nothing, or carries no stops."""
    terms = terms_in(order.command) if order.filled_quantity else None
    entry_price = order.average_price or order.limit_price
    if terms is None or entry_price is None:
        return None
    command = order.command
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
