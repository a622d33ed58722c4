"""Why an exit has nothing left to exit, said by what the guard knows: no word of it denies what is held."""

from dataclasses import dataclass
from decimal import Decimal
from typing import Final

from domain.market.price import Reference
from domain.orders.resolution import resolve_command
from domain.orders.types import InstrumentKey, Side

ORDERS_NAMED_MAX: Final = 3


@dataclass(frozen=True, slots=True)
class OrderAtWork:
    """An open order of the same strategy and instrument. `limit_price` is None before it has one.

    `past_day` is its trading day, where that is over: it works no more, and what it traded is not known yet.
    """

    command_id: str
    side: Side
    open_quantity: int
    limit_price: Decimal | None
    unconfirmed: bool
    past_day: str = ""

    def __str__(self) -> str:
        if self.past_day:
            return f"{self.command_id} ({self.side} {self.open_quantity} of {self.past_day})"
        price = "" if self.limit_price is None else f" at {self.limit_price:f}"
        doubt = ", its fate still unknown" if self.unconfirmed else ""
        return f"{self.command_id} ({self.side} {self.open_quantity}{price}{doubt})"


@dataclass(frozen=True, slots=True, kw_only=True)
class NothingToExit:
    """What stands when the guard has no units left for an exit on `side`.

    `held` are signed units by our fills; `closed_by_others` those of them that EXTERNAL orders have closed already.
    """

    strategy: str
    key: InstrumentKey
    side: Side
    held: int
    orders: tuple[OrderAtWork, ...] = ()
    closed_by_others: int = 0

    def sentence(self, reference: Reference | None) -> str:
        """Say why there is nothing to exit, and what gets out all the same; `reference` is the last price, if known."""
        said = [self._by_others(), self._by_orders(reference), self._by_past_orders(self.side)]
        if not self._reducible:
            said = [self._nothing_held(), self._may_fill(), self._by_past_orders(self.side.opposite)]
        return " ".join(part for part in said if part)

    @property
    def _reducible(self) -> int:
        """Return the units by our fills that an order on this side reduces."""
        return abs(self.held) if self.held * self.side.sign < 0 else 0

    def _nothing_held(self) -> str:
        what = f"{self.key.symbol} ({self.key.exchange} {self.key.product})"
        if self.held:
            way_out = self.side.opposite
            return (
                f"{self.strategy} holds {self.held:+d} {what}, which a {self.side} does not reduce; send a {way_out}."
            )
        return f"By this desk's fills {self.strategy} holds nothing of {what}."

    def _may_fill(self) -> str:
        """Name the orders that may yet take what this exit was meant for."""
        entering = [one for one in self.orders if one.side is not self.side and not one.past_day]
        if not entering:
            return ""
        unknown = any(one.unconfirmed for one in entering)
        what = "Whether more has traded is still unknown" if unknown else "More may still trade"
        return (
            f"{what}: {_named(entering)}. `flatten --strategy {self.strategy}` takes it back and exits what it takes."
        )

    def _by_orders(self, reference: Reference | None) -> str:
        closing = [one for one in self.orders if one.side is self.side and not one.past_day]
        if not closing:
            return ""
        units = sum(one.open_quantity for one in closing)
        last = "" if reference is None else f"; last price {reference}"
        return (
            f"{self.strategy} holds {self.held:+d}, and {units} of it are being closed already by "
            f"{_named(closing)}{last}. `modify` changes that order's price; "
            f"`flatten --strategy {self.strategy}` takes it back and gets out."
        )

    def _by_past_orders(self, side: Side) -> str:
        """Name the orders of past days on `side` that may have traded unseen, and how a person decides."""
        past = [one for one in self.orders if one.side is side and one.past_day]
        if not past:
            return ""
        units = sum(one.open_quantity for one in past)
        done = "closed" if side is self.side else "opened"
        return (
            f"What became of {_named(past)} is not known: {units} units may have been {done} by it. Today's books tell "
            f"where they add up; else look at the broker, then `{resolve_command(past[0].command_id)}`."
        )

    def _by_others(self) -> str:
        if not self.closed_by_others:
            return ""
        key = self.key
        return (
            f"By this desk's fills {self.strategy} holds {self.held:+d} {key.symbol}, but {self.closed_by_others} of "
            "it were closed by others (phone, web or the broker), so an exit would open a new position. `write-off "
            f"{key.symbol} --strategy {self.strategy} --exchange {key.exchange} --product {key.product} "
            "--reason …` takes them out of the book."
        )


def _named(orders: list[OrderAtWork]) -> str:
    shown = ", ".join(str(one) for one in orders[:ORDERS_NAMED_MAX])
    more = len(orders) - ORDERS_NAMED_MAX
    return f"{shown} and {more} more" if more > 0 else shown
