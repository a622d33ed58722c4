"""The order as a caller means it, and every rule that makes it valid."""

from collections.abc import Mapping
from dataclasses import InitVar, dataclass, fields
from decimal import Decimal
from itertools import pairwise
from typing import Any, Final, Self

from domain.orders.parsing import parsers
from domain.orders.stop_terms import STOP_FIELDS, StopTerms
from domain.orders.types import (
    EXTERNAL,
    Exchange,
    InstrumentKey,
    Intent,
    OrderType,
    Origin,
    Product,
    Side,
    instrument_key,
)
from domain.orders.validation import (
    NAME_PATTERN,
    InvalidOrderError,
    check_comment,
    check_id,
    check_price,
    check_quantity,
    check_symbol,
    check_text,
)

_PRODUCTS: Final[Mapping[Product, frozenset[Exchange]]] = {
    Product.CNC: frozenset({Exchange.NSE, Exchange.BSE}),
    Product.NRML: frozenset({Exchange.NFO, Exchange.BFO, Exchange.CDS, Exchange.BCD, Exchange.MCX}),
    Product.MIS: frozenset(Exchange) - {Exchange.BFO, Exchange.NCX},
    Product.CO: frozenset(),
    Product.BO: frozenset(),
    Product.MTF: frozenset(),
}
"""Where each product may be used (docs/protocol.md, products)."""

_WANTS_PRICE: Final = frozenset({OrderType.LIMIT, OrderType.SL})

_WANTS_TRIGGER: Final = frozenset({OrderType.SL, OrderType.SL_M})


@dataclass(frozen=True, slots=True, kw_only=True)
class OrderCommand:
    """One order as it was asked for, complete and valid from the moment it is made.

    Quantities are units, not lots, in 1..`QUANTITY_MAX`. Prices are rupees with at most four decimals, above 0
    and at most `PRICE_MAX`. Raises `InvalidOrderError` with one sentence that names the field. `unchecked`: it comes
    from storage or from the broker's books, and is kept as it is.
    """

    command_id: str
    client_id: str
    strategy: str
    intent: Intent
    exchange: Exchange
    symbol: str
    side: Side
    quantity: int
    product: Product
    order_type: OrderType
    price: Decimal | None = None
    trigger_price: Decimal | None = None
    stops: StopTerms | None = None
    comment: str = ""
    origin: Origin = Origin.STRATEGY
    amo: bool = False
    unchecked: InitVar[bool] = False

    def __post_init__(self, unchecked: bool) -> None:
        """Refuse what no exchange could mean."""
        if unchecked:
            return
        check_id("command_id", self.command_id)
        check_text("client_id", self.client_id, NAME_PATTERN, "1 to 40 of A-Z a-z 0-9 _ . -")
        check_text("strategy", self.strategy, NAME_PATTERN, "1 to 40 of A-Z a-z 0-9 _ . -")
        check_symbol(self.symbol)
        check_quantity(self.quantity)
        if self.strategy == EXTERNAL or self.origin is Origin.EXTERNAL:
            raise InvalidOrderError(f"{EXTERNAL} names the orders that others placed; call the strategy otherwise")
        if self.exchange not in _PRODUCTS[self.product]:
            allowed = ", ".join(sorted(p for p, where in _PRODUCTS.items() if self.exchange in where))
            raise InvalidOrderError(f"product {self.product} cannot be used on {self.exchange}; use one of: {allowed}")
        check_price("price", self.price)
        check_price("trigger_price", self.trigger_price)
        self._check_prices_fit_the_type()
        if self.stops is not None:
            self._check_stops(self.stops)
        check_comment("comment", self.comment)

    def _check_stops(self, stops: StopTerms) -> None:
        """Refuse stops that would get out at once, or that nothing would arm."""
        for name in ("stop_loss", "target", "trailing_value", "trail_activation"):
            check_price(name, getattr(stops, name))
        given = stops.first_name
        if self.intent is Intent.EXIT:
            raise InvalidOrderError(f"an EXIT order takes no {given}; stops belong to the entry, or to `protect`")
        if self.product.is_delivery and self.side is Side.SELL:
            raise InvalidOrderError(f"a {self.product} sale takes no {given}; it leaves no position to protect")
        rising = (("stop_loss", stops.stop_loss), ("price", self.price), ("target", stops.target))
        steps = [(name, level) for name, level in rising if level is not None]
        for (lower, low), (higher, high) in pairwise(steps):
            if (high - low) * self.side.sign <= 0:
                where = "below" if self.side is Side.BUY else "above"
                message = f"the {lower} of a {self.side} must be {where} its {higher}"
                raise InvalidOrderError(f"{message}, not {low} with {high}")

    def _check_prices_fit_the_type(self) -> None:
        for name, value, wanted in (
            ("price", self.price, self.order_type in _WANTS_PRICE),
            ("trigger_price", self.trigger_price, self.order_type in _WANTS_TRIGGER),
        ):
            if wanted and value is None:
                raise InvalidOrderError(f"a {self.order_type} order needs a {name}")
            if not wanted and value is not None:
                raise InvalidOrderError(f"a {self.order_type} order takes no {name}; leave it out")
        if self.order_type is OrderType.SL and self.price is not None and self.trigger_price is not None:
            # Exchange rule (assumption, docs/protocol.md): a stop's limit lies at or beyond its trigger.
            room = (self.price - self.trigger_price) * self.side.sign
            if room < 0:
                where = "at or above" if self.side is Side.BUY else "at or below"
                raise InvalidOrderError(f"the price of an SL {self.side} must be {where} its trigger_price")

    @property
    def key(self) -> InstrumentKey:
        """Return what this order trades in."""
        return instrument_key(self.exchange, self.symbol, self.product)

    @property
    def carries_stops(self) -> bool:
        """Say whether the position that this order takes is to be put under stops."""
        return self.stops is not None

    def as_given(self) -> dict[str, Any]:
        """Return the fields by the names that `parse` reads, those of the stops among them."""
        given = {one.name: getattr(self, one.name) for one in fields(self) if one.name != "stops"}
        return given | {name: getattr(self.stops, name, None) for name in STOP_FIELDS}

    @classmethod
    def parse(cls, given: Mapping[str, Any], *, unchecked: bool = False) -> Self:
        """Make a command from loosely spelled fields (MKT, LMT, SL-LMT, M/I/C, B/S; numbers as text).

        Unknown fields are refused by name, so that a typo can't silently lose a stop. `unchecked`: it was valid when
        it was stored, whatever the rules are now.
        """
        known = {one.name for one in fields(cls)} - {"stops"} | set(STOP_FIELDS)
        unknown = sorted(set(given) - known)
        if unknown:
            raise InvalidOrderError(f"unknown field {unknown[0]!r}; the fields are: {', '.join(sorted(known))}")
        values = {name: parsers[name](name, value) for name, value in given.items() if value is not None}
        missing = [one.name for one in fields(cls) if one.name in REQUIRED and one.name not in values]
        if missing:
            raise InvalidOrderError(f"{missing[0]} is missing")
        stops = {name: values.pop(name) for name in STOP_FIELDS if name in values}
        return cls(stops=StopTerms(**stops, unchecked=unchecked) if stops else None, unchecked=unchecked, **values)


REQUIRED: Final = frozenset(
    {
        "command_id",
        "client_id",
        "strategy",
        "intent",
        "exchange",
        "symbol",
        "side",
        "quantity",
        "product",
        "order_type",
    }
)
