"""How prices, moments, terms and the inputs of a decision are written for people."""

from collections.abc import Mapping
from datetime import datetime
from decimal import Decimal
from typing import Any, Final

from domain.orders.order import Order
from domain.orders.types import Origin, Side
from domain.ports import IST

LABELS: Final[Mapping[str, str]] = {
    "trading_state": "trading",
    "orders_today": "orders today before it",
    "notional": "value in rupees",
    "held": "units held",
    "open_orders": "open orders of the strategy",
    "already_closing": "units already being closed",
    "unconfirmed_orders": "orders of unknown fate",
    "other_order": "the other order",
    "last_price": "last price",
    "broker_status": "the broker's word",
    "filled": "filled",
    "matched_by": "found by",
    "book": "seen in",
    "book_asked_at": "book asked at",
    "healthy_books": "healthy books without it",
    "first_asked_at": "first asked at",
    "last_asked_at": "last asked at",
    "change_id": "change",
    "change": "kind",
    "quantity": "units",
    "limit_price": "limit",
    "trigger_price": "trigger",
    "asked_by": "asked by",
    "left_by_others": "units left after what others did with the account",
    "open": "units open",
    "wanted_open": "units open if changed",
    "update": "the broker's report",
    "update_seen_at": "report seen at",
    "order_of": "order of",
    "resolved_on": "resolved on",
    "resolved_by": "resolved by",
    "found_at_broker": "found at the broker",
    "database": "the database said",
    "registered": "registered",
    "kept_in": "kept in",
    "tag_at_broker": "its tag in the broker's books",
    "run": "stored by run",
}
"""What the inputs of a decision are called in front of people."""

_QUOTED: Final = frozenset({"reason"})
"""Inputs that the sentence itself quotes."""

_PEOPLE: Final[Mapping[str, str]] = {"HUMAN": "a person", "DESK": "the desk", "STRATEGY": "the strategy"}


def decided_from(inputs: Mapping[str, str]) -> str:
    """Tell what a decision was made from."""
    told = ((name, value) for name, value in inputs.items() if name not in _QUOTED)
    return ", ".join(f"{LABELS.get(name, name.replace('_', ' '))} {_plain(value)}" for name, value in told)


def _plain(value: str) -> str:
    """Write a moment as the exchange's time of day, and who asked as people say it; leave everything else."""
    if value in {"None", ""}:
        return "unknown"
    if value in _PEOPLE:
        return _PEOPLE[value]
    try:
        moment = datetime.fromisoformat(value)
    except ValueError:
        return value
    return clock_time(moment) if moment.tzinfo else value


def as_sentence(message: str) -> str:
    """Begin with a capital and end with a stop."""
    return message[:1].upper() + message[1:] + ("" if message.endswith((".", "!", "?")) else ".")


def clock_time(moment: datetime) -> str:
    """Write the exchange's time of day with milliseconds."""
    return moment.astimezone(IST).strftime("%H:%M:%S.%f")[:-3]


TAKEN: Final[Mapping[str, str]] = {
    "ACTIVE": "takes orders",
    "EXITS_ONLY": "takes exits only, until `resume`",
    "HALTED": "takes exits of a person, a stop or a limit only, until `resume`",
}
"""What a desk sends against which nothing speaks, by its `TradingState`, which is more than a command loads."""


def taken_text(state: str) -> str:
    """Say what a desk sends against which nothing speaks, by its trading state."""
    return TAKEN[state]


def price_text(price: object) -> str:
    """Write a price or an amount of rupees: thousands apart, two decimals, or the four that a currency has."""
    if price is None:
        return "an unknown price"
    number = Decimal(str(price)).normalize() + 0
    exponent = number.as_tuple().exponent
    places = min(4, max(2, -exponent)) if isinstance(exponent, int) else 2
    return f"{number:,.{places}f}"


def terms_text(quantity: object, limit: object, trigger: object) -> str:
    """Write the terms of an order as they stand on the wire; those that are None are left out."""
    parts = [f"{quantity} units"] if quantity is not None else []
    parts += [f"limit {price_text(limit)}"] if limit is not None else []
    parts += [f"trigger {price_text(trigger)}"] if trigger is not None else []
    return ", ".join(parts)


def asked_text(order: Order) -> str:
    """Write what was asked for, as it was asked for."""
    command = order.command
    is_external = command.origin is Origin.EXTERNAL
    what = f"{command.side} {command.quantity} {command.symbol} on {command.exchange}"
    parts = [what if is_external else f"{command.intent} {what}", f"{command.order_type} {command.product}"]
    named = (
        ("at", command.price),
        ("trigger", command.trigger_price),
        ("stop loss", command.stops and command.stops.stop_loss),
        ("target", command.stops and command.stops.target),
    )
    parts += [f"{name} {price_text(price)}" for name, price in named if price is not None]
    parts += [] if is_external else [f"for {command.strategy}"]
    message = ", ".join(parts)
    return f"{message} ({command.comment})" if command.comment and not is_external else message


def traded_text(order: Order, row: Mapping[str, Any]) -> str:
    """Write what an order has traded, by its row at that time."""
    filled, quantity, average = row.get("filled_quantity") or 0, row.get("quantity"), row.get("average_price")
    if not filled:
        return "Nothing traded."
    message = f"All {filled}" if filled == quantity else f"{filled} of {quantity}"
    verb = "bought" if order.command.side is Side.BUY else "sold"
    return f"{message} {verb} at {price_text(average)} on average." if average is not None else f"{message} {verb}."
