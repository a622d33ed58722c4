"""A person's word on an order whose fate the books do not tell."""

from dataclasses import dataclass
from decimal import Decimal

from domain.lifecycle import Event, State, is_late_truth
from domain.order import InvalidOrderError, Order, OrderEvent
from domain.reasons import Reason


@dataclass(frozen=True, slots=True, kw_only=True)
class Settlement:
    """What a person found at the broker, and why they believe it. Quantities are cumulative units, prices rupees."""

    found: bool
    because: str
    broker_order_id: str | None = None
    filled_quantity: int | None = None
    average_price: Decimal | None = None


def settled_by_hand(order: Order, settlement: Settlement) -> OrderEvent:
    """Return what the settlement does to `order`; raise `InvalidOrderError` with one sentence where it can't be.

    Found leaves it working, or filled as far as told: the books take it from there. Absent ends it with what is known
    to have traded. Should the broker show otherwise later, that is a late truth; so is an order that is over, and that
    a person has found alive or traded after all.
    """
    if order.is_over and not _is_found_late(order, settlement):
        raise InvalidOrderError(f"the order is {order.state} already; there is nothing to settle")
    if order.state in {State.CREATED, State.SENDING}:
        raise InvalidOrderError("the order is on its way; its reply is being waited for")
    filled = order.filled_quantity if settlement.filled_quantity is None else settlement.filled_quantity
    if not order.filled_quantity <= filled <= order.quantity:
        raise InvalidOrderError(
            f"filled must lie between the {order.filled_quantity} units known to have traded and {order.quantity}"
        )
    number = settlement.broker_order_id or order.broker_order_id
    if settlement.found:
        if number is None:
            raise InvalidOrderError("an order that was found has a number at the broker; give it (--broker-order-id)")
        event = _found(order, filled)
    else:
        event = Event.PROVE_ABSENT if order.state is State.UNCONFIRMED and not filled else Event.CANCEL
    return OrderEvent(
        event=event,
        tag=Reason.SETTLED_BY_HAND,
        note=settlement.because,
        broker_order_id=number,
        filled_quantity=filled,
        average_price=settlement.average_price,
        inputs={"settled_by": "a person", "found_at_broker": "yes" if settlement.found else "no"},
    )


def _is_found_late(order: Order, settlement: Settlement) -> bool:
    """Say whether a person has found more of an order than was believed when it ended."""
    filled = settlement.filled_quantity or 0
    more = filled > order.filled_quantity or order.state in {State.NOT_PLACED, State.REFUSED}
    return settlement.found and more and is_late_truth(order.state, _found(order, filled))


def _found(order: Order, filled: int) -> Event:
    if filled == order.quantity:
        return Event.FILL
    if filled:
        return Event.PARTLY_FILL
    return Event.WORK
