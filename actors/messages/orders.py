"""A caller's order, and what the caller hears of it."""

from dataclasses import dataclass

from actors.runtime.address import Address
from domain.orders.command import OrderCommand
from domain.orders.lifecycle import Event
from domain.orders.order import Order, OrderEvent
from domain.orders.reasons import Reason


@dataclass(frozen=True, slots=True, kw_only=True)
class SubmitOrder:
    """Carry this order through the six steps, and answer `reply_to` once.

    `is_new`: the command id was made by this run of the desk for this very order, so that nobody can have sent it.
    """

    command: OrderCommand
    reply_to: "Address[OrderAnswered | OrderDeclined] | None" = None
    from_position_only: bool = False
    """An exit that the desk sized by a position: of delivery it sells nothing out of the holdings."""
    is_new: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class OrderAnswered:
    """How the order stands after steps 1 to 5. `repeated` says that the command id had been seen before.

    `outcome` is how far a repeated change has come.
    """

    order: Order
    repeated: bool = False
    outcome: Event | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class OrderDeclined:
    """The order was not registered and not sent; the same command id may be tried again later."""

    command_id: str
    reason: Reason
    message: str


@dataclass(frozen=True, slots=True, kw_only=True)
class OrderChanged:
    """An order has changed, by this event: told to all who follow it (`domain/orders/followers.py`).

    `event` is None where the order is told as it stands: one of others, or one whose reservation is taken back.
    `late_quantity`: the units that this event has brought to an order that was over, as far as anybody knew.
    """

    order: Order
    event: OrderEvent | None = None
    late_quantity: int = 0
