"""An exit that trades after it was over: what it opens beyond flat nobody wanted, and so it is closed again.

A broker says that an order is canceled, and a trade of it shows later. The way out may have ended by then, as the
position was flat for so long as one is looked at (`ExitSettings.flat_for_s`).
"""

from domain.orders.order import Order, OrderEvent
from domain.orders.types import Intent


def may_open_a_position(order: Order, event: OrderEvent) -> bool:
    """Say whether this late truth is of an exit that has traded; what is sold for delivery is never bought back."""
    command = order.command
    return command.intent is Intent.EXIT and bool(event.filled_quantity) and not command.product.is_delivery


def has_opened(order: Order, held: int) -> bool:
    """Say whether what is held (signed units) is that exit's doing: on its own side, and no more than it has traded."""
    return held * order.command.side.sign > 0 and abs(held) <= order.filled_quantity
