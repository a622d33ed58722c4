"""A stop order of the broker behind a stop of ours: where it belongs, and whether it can still be moved there."""

from dataclasses import dataclass
from decimal import Decimal
from enum import StrEnum
from typing import Final

from domain.orders.order import Order
from domain.orders.reasons import Reason


@dataclass(frozen=True, slots=True)
class Wanted:
    """Where a net belongs: its trigger (rupees), and the units it is to catch."""

    trigger: Decimal
    quantity: int


class Moved(StrEnum):
    """What has become of a net's last change."""

    OPEN = "OPEN"
    """On its way, or done."""
    UNSEEN = "UNSEEN"
    """The books never showed it: it may be asked for again."""
    REFUSED = "REFUSED"
    """The broker or the exchange said no, such as for too many modifications: the net is to be laid anew."""


_NO: Final = frozenset({Reason.CHANGE_REFUSED, Reason.CHANGE_REJECTED})


def moved(order: Order, wanted: Wanted | None) -> Moved:
    """Say what has become of the change that was to bring a working net to where it is `wanted`."""
    if order.is_terminal or order.change is not None or wanted is None:
        return Moved.OPEN
    if (order.wire_trigger_price, order.open_quantity) == (wanted.trigger, wanted.quantity):
        return Moved.OPEN
    if order.tag in _NO:
        return Moved.REFUSED
    return Moved.UNSEEN if order.tag is Reason.CHANGE_NOT_SEEN else Moved.OPEN
