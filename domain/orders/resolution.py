"""A person's word on an order whose fate the books do not tell."""

from dataclasses import dataclass
from decimal import Decimal

from domain.orders.lifecycle import Event, State, is_late_truth
from domain.orders.order import Order, OrderEvent
from domain.orders.reasons import Reason
from domain.orders.validation import InvalidOrderError


@dataclass(frozen=True, slots=True, kw_only=True)
class Resolution:
    """What a person found at the broker, and why they believe it. Quantities are cumulative units, prices rupees."""

    placed: bool
    reason: str
    broker_order_id: str | None = None
    filled_quantity: int | None = None
    average_price: Decimal | None = None


def resolve_command(command_id: str) -> str:
    """Return the command with which a person tells what became of an order."""
    return f"resolve {command_id} --placed NUMBER|--not-placed --reason …"


def resolved_by_hand(order: Order, resolution: Resolution) -> OrderEvent:
    """Return what the resolution does to `order`; raise `InvalidOrderError` with one sentence where it can't be.

    Placed leaves it working, or filled as far as told: the books take it from there. Not placed ends it with what is
    known to have traded; one that has a number at the broker was there, and is CANCELED. Should the broker show
    otherwise later, that is a late truth; so is an order that is over, and that a person has found alive or traded.
    """
    if order.is_terminal and not _is_found_late(order, resolution):
        raise InvalidOrderError(f"the order is {order.state} already; there is nothing to resolve")
    if order.state in {State.CREATED, State.SENDING}:
        raise InvalidOrderError("the order is on its way; its reply is being waited for")
    filled = order.filled_quantity if resolution.filled_quantity is None else resolution.filled_quantity
    if not order.filled_quantity <= filled <= order.quantity:
        raise InvalidOrderError(
            f"filled must lie between the {order.filled_quantity} units known to have traded and {order.quantity}"
        )
    number = resolution.broker_order_id or order.broker_order_id
    if resolution.placed:
        if number is None:
            raise InvalidOrderError("an order that was placed has a number at the broker; give it (--placed NUMBER)")
        event = _found(order, filled)
    else:
        never = order.state is State.UNCONFIRMED and not filled and number is None
        event = Event.PROVED_ABSENT if never else Event.CANCELED
    return OrderEvent(
        kind=event,
        tag=Reason.RESOLVED_BY_HAND,
        note=resolution.reason,
        broker_order_id=number,
        filled_quantity=filled,
        average_price=resolution.average_price,
        inputs={"resolved_by": "a person", "found_at_broker": "yes" if resolution.placed else "no"},
    )


def _is_found_late(order: Order, resolution: Resolution) -> bool:
    """Say whether a person has found more of an order than was believed when it ended; what was blocked never left."""
    if order.state is State.BLOCKED:
        return False
    filled = resolution.filled_quantity or 0
    more = filled > order.filled_quantity or order.state in {State.NOT_PLACED, State.REFUSED}
    return resolution.placed and more and is_late_truth(order.state, _found(order, filled))


def _found(order: Order, filled: int) -> Event:
    if filled == order.quantity:
        return Event.FILLED
    if filled:
        return Event.PARTIALLY_FILLED
    return Event.WORKING
