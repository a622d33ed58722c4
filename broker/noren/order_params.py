"""What an order asks for, in the broker's words, as the arguments of the library (docs/protocol.md, orders)."""

from decimal import Decimal
from typing import Final, Literal

from domain.broker.snapshots import PRODUCT_LETTERS
from domain.orders.change import Change
from domain.orders.order import Order
from domain.orders.types import OrderType, Side

_SIDE_LETTERS: Final = {Side.BUY: "B", Side.SELL: "S"}

# MKT and SL-MKT are refused for API orders, so a market order reaches the wire as the limit that protects it.
_PRICE_TYPES: Final = {
    OrderType.MARKET: "LMT",
    OrderType.LIMIT: "LMT",
    OrderType.SL: "SL-LMT",
    OrderType.SL_M: "SL-LMT",
}
_STOP_TYPES: Final = frozenset({"SL-LMT"})

# The library always sends `amo`; "Yes" asks for an after-market order. The older server takes anything else as a
# regular order, and "NO" is what every user of this library has sent it. The OAuth server documents "Invalid AMO" for
# other words, and None, which becomes a JSON null, is the nearest to leaving it out. Assumption: the OAuth server reads
# that null as absent, as servers of both kinds read a null `remarks`. If it does not, it refuses in words: nothing is
# placed by mistake.
_NOT_AMO: Final[dict[str, str | None]] = {"quickauth": "NO", "oauth": None}


def place_params(order: Order, dialect: Literal["quickauth", "oauth"]) -> tuple[object, ...]:
    """Return the arguments of the library's `place_order`. Quantities are units, prices rupees as plain text."""
    assert order.limit_price is not None, "a price was found for every order before it came here"
    command, trigger = order.command, order.wire_trigger_price
    return (
        _SIDE_LETTERS[command.side],
        PRODUCT_LETTERS[command.product],
        command.exchange.value,
        command.symbol,
        order.quantity,
        0,
        _PRICE_TYPES[command.order_type],
        _text(order.limit_price),
        # A plain order's None goes out as the text "None", which the server reads as absent (client traps).
        None if trigger is None else _text(trigger),
        "DAY",
        "Yes" if command.amo else _NOT_AMO[dialect],
        order.remarks_tag,
    )


def modify_params(order: Order, change: Change) -> tuple[object, ...]:
    """Return the arguments of the library's `modify_order` after the order's number; the quantity is the new total.

    Without a trigger the library sends nothing for a stop, and looks as if the broker had refused: asserted. It never
    sends `ret`. Assumption: the server then keeps the order's own.
    """
    assert change.quantity is not None, "a modify names all terms"
    assert change.limit_price is not None, "a modify names all terms"
    command, trigger = order.command, None
    price_type = _PRICE_TYPES[command.order_type]
    if price_type in _STOP_TYPES:
        assert change.trigger_price is not None, "a stop is modified with its trigger"
        trigger = _text(change.trigger_price)
    return (
        command.exchange.value,
        command.symbol,
        change.quantity,
        price_type,
        _text(change.limit_price),
        trigger,
    )


def _text(price: Decimal) -> str:
    return format(price, "f")
