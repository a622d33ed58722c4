"""What a person is told about prices, bands and lots."""

from domain.alerts.alert import Alert, Level
from domain.broker.snapshots import Tick
from domain.market.instrument import Instrument
from domain.market.price import PriceSource, Reference, is_of_another
from domain.orders.command import OrderCommand
from domain.orders.order import Order
from domain.orders.types import Intent


def impossible_price_alert(tick: Tick, source: PriceSource, instrument: Instrument | None) -> Alert:
    """Say that a price at which nobody could have traded came again."""
    low = None if instrument is None else instrument.lower_circuit
    high = None if instrument is None else instrument.upper_circuit
    if is_of_another(tick, instrument):
        wrong = f"the price of another instrument ({tick.called or f'token {tick.token}'})"
    else:
        wrong = (
            "against other prices of it"
            if low is None or high is None
            else f"outside the day's band {low:f} to {high:f}"
        )
    symbol, price = tick.symbol, tick.last_price
    return Alert(
        topic=f"price:{tick.exchange}:{symbol}",
        level=Level.WARNING,
        what=f"{symbol} ({tick.exchange}): the {source} shows {price:f}, {wrong}; "
        "it came again after the broker was asked.",
        means="The price is ignored: it triggers no stop and counts in no profit or loss.",
        do="Compare with the broker's own app; the desk goes on asking the broker for the price.",
    )


def odd_lot_alert(position_key: str, left: int, lot: int) -> Alert:
    """Say that units that make no whole lot are still held."""
    return Alert(
        topic=f"lot:{position_key}",
        level=Level.CRITICAL,
        what=f"{position_key}: {left} units are less than one lot of {lot} and cannot be sold or bought back as a lot.",
        means="The whole lots have left or are leaving; these units stay open.",
        do="Ask the broker how to close an odd lot, close it there, then `reconcile`.",
    )


def cut_exit_alert(command: OrderCommand, sent: int, rest: int) -> Alert:
    """Say that an exit was larger than one order may be, so that a part of it was not sent."""
    name = command.command_id
    return Alert(
        topic=f"cut:{name}",
        level=Level.CRITICAL,
        what=f"{command.strategy}: exit {name} of {command.symbol} left with {sent} units; {rest} units were not sent.",
        means="One order may not carry more than the exchange's freeze quantity; the rest is still held.",
        do=f"Send another exit for the rest, or `flatten --strategy {command.strategy}` closes all of it.",
    )


def resting_alert(order: Order, reference: Reference | None, level: Level) -> Alert:
    """Say that a market order, sent as a protected limit, has not filled."""
    command, is_exit = order.command, order.command.intent is Intent.EXIT
    at = "its limit" if order.limit_price is None else f"{order.limit_price:f}"
    market = "no last price is known" if reference is None else f"last price {reference}"
    name = command.command_id
    return Alert(
        topic=f"resting:{name}",
        level=level,
        what=f"{command.strategy}: {command.side} {order.open_quantity} {command.symbol} rests at {at}; {market}.",
        means="A market order leaves as a protected limit. "
        + ("It is re-priced until it fills." if is_exit else "It stays in the market at that price."),
        do="`flatten` closes the position." if is_exit else f"Wait, `modify {name} --price P`, or `cancel {name}`.",
    )
