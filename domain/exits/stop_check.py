"""Whether a stop, target or trail lies on the right side of the price: one on the wrong side gets out at once.

What the order's own prices say is checked when it is made (`domain/orders/order.py`); here it is held against the last
price and the trigger, before the entry leaves. Without a known last price nothing is refused for it.
"""

from decimal import Decimal
from typing import Final

from domain.exits.stops import ArmedStop
from domain.market.instrument import Instrument, Objection
from domain.orders.command import OrderCommand
from domain.orders.reasons import Reason
from domain.orders.stop_terms import InvalidStopsError
from domain.orders.types import OrderType, Side, TrailingType

_STOPS: Final = (OrderType.SL, OrderType.SL_M)


def stop_objection(command: OrderCommand, last_price: Decimal | None) -> Objection | None:
    """Return why the entry's own stops would get out at once; None when they would not, or nothing is known."""
    stops = command.stops
    entry = _entry_price(command, last_price)
    if stops is None or entry is None:
        return None
    price, name = entry
    trail = stops.trailing_value if stops.trailing_type is TrailingType.ABSOLUTE else None
    trail = trail if stops.trail_activation is None else None
    way = command.side.sign
    for level_name, level, wanted in (
        ("stop_loss", stops.stop_loss, -way),
        ("trail", trail, -way),
        ("target", stops.target, way),
    ):
        if level is not None and (level - price) * wanted <= 0:
            where = "above" if wanted > 0 else "below"
            return Objection(
                Reason.STOP_WRONG_SIDE,
                f"the {level_name} of a {command.side} must be {where} {name} {price:f}, not {level:f}: "
                "it would close the position as soon as it is taken",
            )
    return None


def _entry_price(command: OrderCommand, last_price: Decimal | None) -> tuple[Decimal, str] | None:
    """Return the price at which the entry would trade first, and what it is called."""
    if command.order_type in _STOPS:
        return None if command.trigger_price is None else (command.trigger_price, "its trigger")
    if command.price is None:
        return None if last_price is None else (last_price, "the last price")
    # A limit on the far side of the market trades at the market's price.
    better = min if command.side is Side.BUY else max
    if last_price is None or better(command.price, last_price) == command.price:
        return command.price, "its limit"
    return last_price, "the last price"


def beyond_the_band(armed_stop: ArmedStop, instrument: Instrument) -> str:
    """Say which level lies outside the day's band, where no price gets unless it is widened; empty where none does.

    That is no reason to refuse: what is carried meets other bands. But a digit may be missing.
    """
    low, high = instrument.lower_circuit, instrument.upper_circuit
    if low is None or high is None:
        return ""
    levels = (("stop", armed_stop.stop), ("target", armed_stop.terms.target))
    beyond = [f"the {name} {level:f}" for name, level in levels if level is not None and not low <= level <= high]
    if not beyond:
        return ""
    lie = f"{' and '.join(beyond)} {'lies' if len(beyond) == 1 else 'lie'}"
    return f"{lie} outside today's band of {low:f} to {high:f}: no price gets there unless it is widened"


def check_held(armed_stop: ArmedStop, last_price: Decimal | None) -> None:
    """Refuse new stops of a held position that would get out at once, its trail and its best price included.

    Raises `InvalidStopsError` naming the last price. Who means to get out says `flatten`.
    """
    trigger = None if last_price is None else armed_stop.triggered_by(last_price)
    if trigger is not None:
        through = f"the {trigger.name} {trigger.level:f} is already through the last price {trigger.price:f}"
        raise InvalidStopsError(f"{through}, so it would get out at once; to get out now, send an EXIT")
