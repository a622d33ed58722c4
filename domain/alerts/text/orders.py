"""What a person is told about an order."""

from collections.abc import Mapping
from typing import Final

from domain.alerts.alert import Alert, Level
from domain.market.expiry import LAST_DAY
from domain.orders.lifecycle import Event, State
from domain.orders.order import Order, OrderEvent
from domain.orders.reasons import Reason
from domain.orders.text import meaning_of, said_by_the_broker, way_out_of
from domain.orders.types import Intent, Side
from domain.reconciliation.vanishing import HEIR

STUCK_S: Final = 60.0
"""A part of an order that waits for so long is told."""

_NO: Final = {State.REFUSED, State.REJECTED}

_CHANGE_CAME_TO_NOTHING: Final = {
    Event.CHANGE_REFUSED,
    Event.CHANGE_REJECTED,
    Event.CHANGE_LAPSED,
    Event.CHANGE_REPLY_LOST,
}


def order_alert(order: Order, event: OrderEvent, *, late: bool) -> Alert | None:
    """Return what to tell about what has become of an order; None for what is no outcome."""
    name, command = order.command.command_id, order.command
    topic = f"order:{name}"
    what = f"{command.strategy}: {command.side} {order.quantity} {command.symbol}"
    price = "" if order.average_price is None else f" at {order.average_price:f}"
    if late:
        return Alert(
            topic=topic,
            level=Level.CRITICAL,
            what=(
                f"LATE {'FILL' if order.filled_quantity else 'UPDATE'}: {what} was recorded as over, "
                f"the broker now reports {order.state}, {order.filled_quantity} filled{price}."
            ),
            means=(
                "It is not in the market, and nothing of it has traded."
                if order.is_terminal and not order.filled_quantity
                else "The position may be another one than was thought; guard, stops and risk count it from now on."
            ),
            do=f"Look at the position at the broker; `why {name}` tells the story.",
        )
    return _fill_alert(order, event, topic, what, price) or _trouble_alert(order, event, topic, what, price)


def _fill_alert(order: Order, event: OrderEvent, topic: str, what: str, price: str) -> Alert | None:
    """Return what to tell about what has traded, or won't."""
    name = order.command.command_id
    if event.kind is Event.FILLED and order.state is State.FILLED:
        command = order.command
        means = "So much of the position is out." if command.intent is Intent.EXIT else "The position is taken."
        if command.product.is_delivery and command.side is Side.SELL:
            means = "The shares are sold: what the desk had bought first, and the rest out of the holdings."
        return Alert(
            topic=topic,
            level=Level.INFO,
            what=f"{what} has filled{price}.",
            means=means,
        )
    if order.state is State.CANCELED and event.tag is Reason.DAY_ENDED_UNKNOWN:
        return _day_ended_alert(order, topic, what, event.inputs)
    if order.state is State.CANCELED and event.kind is Event.CANCELED:
        held = f"{order.filled_quantity} units had traded{price} and are held." if order.filled_quantity else ""
        return Alert(
            topic=topic,
            level=Level.INFO,
            what=f"{what} was canceled.",
            means=held or "Nothing of it has traded.",
        )
    if event.kind is Event.PARTIALLY_FILLED:
        return Alert(
            topic=topic,
            level=Level.WARNING,
            what=f"{what} has been filled in part for {STUCK_S:.0f} s: {order.filled_quantity}{price}.",
            means=f"{order.open_quantity} units still wait in the market.",
            do=f"Wait, or `cancel {name}` to keep what has traded.",
            wait_s=STUCK_S,
        )
    return None


def _day_ended_alert(order: Order, topic: str, what: str, inputs: Mapping[str, str]) -> Alert:
    """Say that nobody knows what an order of a past day traded last, and what that does to the position."""
    product = order.command.product
    means = (
        "Another order of that day on the other side may have traded as much: the account holds the same either way. "
        "This desk counts what it has seen."
    )
    if product.ends_with_its_day:
        means = "It is not in the market, and an intraday position was squared off with its day."
    elif LAST_DAY in inputs:
        last_day = inputs[LAST_DAY]
        means = (
            f"Its contract had its last day on {last_day}: its trades are settled by the clearing house, in no book."
        )
    elif HEIR in inputs:
        means = (
            f"The account holds {inputs[HEIR]}, which no order explains: it may be what it traded, under a new name."
        )
    elif product.is_delivery:
        means = "It is not in the market; what it traded for delivery is in the holdings, or gone from them."
    name = order.command.command_id
    return Alert(
        topic=topic,
        level=Level.INFO if product.ends_with_its_day else Level.WARNING,
        what=f"{what} ended with its day, {order.day}: {order.filled_quantity} traded as far as known, maybe more.",
        means=means,
        do=f"Look at the broker's statement; if it traded, `resolve {name} --placed NUMBER --filled … --reason …`.",
    )


def _trouble_alert(order: Order, event: OrderEvent, topic: str, what: str, price: str) -> Alert | None:
    """Return what to tell about a no, a fate that is not known, or a change that was not taken."""
    name = order.command.command_id
    if order.state in _NO and event.kind in {Event.REFUSED, Event.REJECTED}:
        return _refusal_alert(order, topic, what, price)
    if order.state is State.UNCONFIRMED and event.kind in {Event.REPLY_LOST, Event.RESTARTED}:
        stopped = event.kind is Event.RESTARTED
        cause = "the desk stopped while it was on its way" if stopped else "the broker's reply was lost"
        return Alert(
            topic=topic,
            level=Level.WARNING,
            what=f"{what} is unconfirmed: {cause}.",
            means="It may be in the market. It is being searched for and is never sent again.",
            do=f"Wait: the books tell. `why {name}` shows how far the search is.",
        )
    if order.state is State.NOT_PLACED:
        by_hand = order.tag is Reason.RESOLVED_BY_HAND
        how = "a person has said" if by_hand else "the books prove"
        return Alert(
            topic=topic,
            level=Level.WARNING,
            what=f"{what} never reached the broker, as {how}.",
            means="It is not in the market and has no position.",
            do="Send a new order if it is still wanted.",
        )
    return _change_alert(order, event, what)


def _refusal_alert(order: Order, topic: str, what: str, price: str) -> Alert:
    """Say who said no to an order, and what to do: where nobody was reached there is nothing to fix at the broker."""
    name = order.command.command_id
    held = f" {order.filled_quantity} units had traded{price}." if order.filled_quantity else ""
    by_the_broker = order.state is State.REJECTED or said_by_the_broker(order.tag)
    said = order.state.lower() if by_the_broker else "not sent"
    again = "Fix what the broker names, and send a new order" if by_the_broker else "Send a new order when it can leave"
    return Alert(
        topic=topic,
        level=Level.WARNING,
        what=f'{what} was {said}: "{order.note or order.tag}".',
        means=f"What is left of it is not in the market.{held}",
        do=f"{way_out_of(order) or f'{again};'} `why {name}` tells the story.",
    )


def _change_alert(order: Order, event: OrderEvent, what: str) -> Alert | None:
    """Return what to tell about a change that came to nothing, or whose reply was lost."""
    if event.kind not in _CHANGE_CAME_TO_NOTHING or order.is_terminal:
        return None
    lost = event.kind is Event.CHANGE_REPLY_LOST
    if lost and order.change is None:
        return None
    said = meaning_of(order) or "The change did not take effect."
    if event.note and event.kind in {Event.CHANGE_REFUSED, Event.CHANGE_REJECTED}:
        said = f'{said} The broker says: "{event.note}".'
    return Alert(
        topic=f"change:{order.command.command_id}",
        level=Level.WARNING,
        what=f"{what}: {'a change may be done or not' if lost else 'a change was not made'}. {said}",
        means=f"The order is {order.state}{', on its old terms or its new ones' if lost else ', on its old terms'}.",
        do=f"{'Wait for the books' if lost else 'Ask again'}, or look at it with `why {order.command.command_id}`.",
    )
