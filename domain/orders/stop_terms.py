"""The stops that are asked for, with an entry or for a position that is held (docs/architecture.md, exits)."""

from dataclasses import InitVar, dataclass, fields
from decimal import Decimal
from typing import Final

from domain.orders.types import TrailingType
from domain.orders.validation import InvalidOrderError

PERCENT: Final = Decimal(100)


class InvalidStopsError(InvalidOrderError):
    """Stops that cannot be meant: says in one sentence what is wrong. Nothing was changed."""


@dataclass(frozen=True, slots=True, kw_only=True)
class StopTerms:
    """What was asked for. At least one level; a trail has a type and a value. Raises `InvalidStopsError`.

    `unchecked`: it comes from storage, and was valid by the rules of its day.
    """

    stop_loss: Decimal | None = None
    target: Decimal | None = None
    trailing_type: TrailingType | None = None
    trailing_value: Decimal | None = None
    trail_activation: Decimal | None = None
    unchecked: InitVar[bool] = False

    def __post_init__(self, unchecked: bool) -> None:
        """Refuse what protects nothing."""
        if unchecked:
            return
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

    @property
    def first_name(self) -> str:
        """Return the name of the first level that is given."""
        return next(name for name in ("stop_loss", "target", "trailing_type") if getattr(self, name) is not None)

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


STOP_FIELDS: Final = tuple(one.name for one in fields(StopTerms))
"""The names of the terms, as callers give them beside an order's other fields."""
