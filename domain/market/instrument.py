"""Tick, lot, freeze quantity and circuit limits; and market orders as protected limits."""

from dataclasses import dataclass
from datetime import date
from decimal import ROUND_CEILING, ROUND_FLOOR, Decimal
from typing import Final

from domain.orders.command import OrderCommand
from domain.orders.reasons import Reason
from domain.orders.types import Exchange, OrderType, Side

Slabs = tuple[tuple[Decimal, Decimal], ...]

_NO_END: Final = Decimal("Infinity")

OPTION_BANDS: Final[Slabs] = (
    (Decimal(10), Decimal("0.05")),
    (Decimal(100), Decimal("0.03")),
    (Decimal(500), Decimal("0.02")),
    (_NO_END, Decimal("0.01")),
)
SHARE_AND_FUTURE_BANDS: Final[Slabs] = (
    (Decimal(100), Decimal("0.02")),
    (Decimal(500), Decimal("0.01")),
    (_NO_END, Decimal("0.005")),
)
"""How far a protected limit may stand from the last price, as a share of it, by price slab
(docs/protocol.md, price types): the band of the first slab whose end is not below the price. The first slab of
each table ends below its number, the others at it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Instrument:
    """What the exchange demands of an order in this symbol today. Prices in rupees, quantities in units."""

    exchange: Exchange
    symbol: str
    token: str
    kind: str
    tick: Decimal
    lot: int
    freeze_quantity: int | None
    lower_circuit: Decimal | None
    upper_circuit: Decimal | None
    expires_on: date | None = None
    """The last day on which it trades; None for what does not expire, or where the broker does not say."""

    @property
    def is_option(self) -> bool:
        """Say whether the option bands apply."""
        return self.kind.startswith("OPT")

    @property
    def order_quantity_max(self) -> int | None:
        """Return the most units one order may have: whole lots below the freeze quantity.

        Assumption (docs/protocol.md, quantity checks): an order of exactly the freeze quantity is refused. One that
        leaves room for no lot at all cannot be meant: then no bound is known, and the broker judges.
        """
        if self.freeze_quantity is None:
            return None
        limit = (self.freeze_quantity - 1) // self.lot * self.lot
        return limit if limit > 0 else None


@dataclass(frozen=True, slots=True)
class Objection:
    """Why an order can't be sent as it is: the tag, and one sentence with the numbers."""

    reason: Reason
    sentence: str


def slices(quantity: int, instrument: Instrument) -> tuple[int, ...]:
    """Cut a quantity into orders that each stay under the freeze quantity, largest first."""
    limit = instrument.order_quantity_max
    if limit is None or quantity <= limit:
        return (quantity,)
    full, rest = divmod(quantity, limit)
    return (limit,) * full + ((rest,) if rest else ())


def on_grid(price: Decimal, tick: Decimal, rounding: str) -> Decimal:
    """Move a price onto the tick grid."""
    return (price / tick).to_integral_value(rounding=rounding) * tick


def band_of(last_price: Decimal, instrument: Instrument) -> Decimal:
    """Return the protection band as a share of the last price."""
    table = OPTION_BANDS if instrument.is_option else SHARE_AND_FUTURE_BANDS
    for position, (end, band) in enumerate(table):
        if last_price < end or (position > 0 and last_price == end):
            return band
    raise AssertionError("the last slab has no end")


def protected_limit(side: Side, reference: Decimal, instrument: Instrument, band: Decimal | None = None) -> Decimal:
    """Return the limit price that stands in for a market order (docs/protocol.md: MKT is refused for API orders).

    The limit lies `band` beyond the reference price, moved inwards onto the tick grid, so that no more than the band
    is ever given away; but always at least one tick beyond, so that it can trade; and never outside the circuit limits,
    on either side: a reference beyond them is older than they are.
    """
    share = band_of(reference, instrument) if band is None else band
    far = reference * (1 + share * side.sign)
    inwards, outwards = (ROUND_FLOOR, ROUND_CEILING) if side is Side.BUY else (ROUND_CEILING, ROUND_FLOOR)
    limit = on_grid(far, instrument.tick, inwards)
    least = on_grid(reference, instrument.tick, outwards) + instrument.tick * side.sign
    limit = max(limit, least) if side is Side.BUY else min(limit, least)
    return inside_band(limit, instrument)


def inside_band(price: Decimal, instrument: Instrument) -> Decimal:
    """Return the price of the tick grid inside the circuit limits that is nearest to `price`, which is on the grid."""
    low, high, tick = instrument.lower_circuit, instrument.upper_circuit, instrument.tick
    if high is not None:
        price = min(price, on_grid(high, tick, ROUND_FLOOR))
    return max(price, tick if low is None else on_grid(low, tick, ROUND_CEILING), tick)


def meets_the_edge(price: Decimal, instrument: Instrument) -> bool:
    """Say whether `price` lies at or beyond an edge of the band: exchanges move the band when it is reached."""
    low, high = instrument.lower_circuit, instrument.upper_circuit
    return (low is not None and price <= low) or (high is not None and price >= high)


def limit_price_of(command: OrderCommand, instrument: Instrument, last_price: Decimal | None) -> Decimal | None:
    """Return the price that goes on the wire, or None where a market order has no price to lean on."""
    match command.order_type:
        case OrderType.LIMIT | OrderType.SL:
            return command.price
        case OrderType.MARKET:
            return None if last_price is None else protected_limit(command.side, last_price, instrument)
        case OrderType.SL_M:
            assert command.trigger_price is not None
            return protected_limit(command.side, command.trigger_price, instrument)


def objection_to(command: OrderCommand, instrument: Instrument) -> Objection | None:
    """Check an entry's lot, freeze quantity, tick and circuit limits (docs/protocol.md, quantity and price checks).

    Exits are never refused for these: `domain/exits/pricing.py` shapes them.
    """
    if command.quantity % instrument.lot:
        return Objection(
            Reason.QUANTITY_OFF_LOT,
            f"{command.symbol} trades in lots of {instrument.lot}; {command.quantity} is not a multiple",
        )
    limit = instrument.order_quantity_max
    if limit is not None and command.quantity > limit:
        cut = " + ".join(str(part) for part in slices(command.quantity, instrument)[:6])
        return Objection(
            Reason.FREEZE_QUANTITY_EXCEEDED,
            f"{command.symbol} takes at most {limit} units an order (freeze quantity {instrument.freeze_quantity}); "
            f"send {command.quantity} as {cut}",
        )
    for name, price in (("price", command.price), ("trigger_price", command.trigger_price)):
        if price is None:
            continue
        if price % instrument.tick:
            below, above = (on_grid(price, instrument.tick, way) for way in (ROUND_FLOOR, ROUND_CEILING))
            return Objection(
                Reason.PRICE_OFF_TICK,
                f"{name} {price} is off {command.symbol}'s tick of {instrument.tick}; nearest are {below} and {above}",
            )
        low, high = instrument.lower_circuit, instrument.upper_circuit
        if (low is not None and price < low) or (high is not None and price > high):
            return Objection(
                Reason.PRICE_OUTSIDE_CIRCUIT,
                f"{name} {price} is outside {command.symbol}'s circuit limits {low} to {high}",
            )
    return None
