"""An exit that trades after it was over: what it opens beyond flat nobody wanted, and so it is closed again.

A broker says that an order is canceled, and a trade of it shows later. The way out may have ended by then, as the
position was flat for so long as one is looked at (`ExitSettings.flat_for_s`). No more is closed than came late: whoever
has entered again on the exit's side meant it, and the alert of the late trade tells the rest.
"""

from domain.exits.flatten import Exposure
from domain.orders.order import Order
from domain.orders.types import Intent


def may_open_a_position(order: Order, late_quantity: int) -> bool:
    """Say whether units that came late are those of an exit; what is sold for delivery is never bought back."""
    command = order.command
    return command.intent is Intent.EXIT and late_quantity > 0 and not command.product.is_delivery


class LateExits:
    """Owns what exits have traded after they were over, until it is closed."""

    def __init__(self) -> None:
        self._late: dict[str, int] = {}

    def note(self, order: Order, late_quantity: int) -> None:
        """Count units that came late, to those that did before."""
        name = order.command.command_id
        self._late[name] = self._late.get(name, 0) + late_quantity

    def has_opened(self, order: Order, exposure: Exposure, begun_by: str) -> bool:
        """Say whether what is held is that exit's doing: on its own side, and no more than came late.

        While the newest entry of its strategy (`begun_by`, command id) works, nobody can tell what is wanted.
        """
        side, late = order.command.side, self._late.get(order.command.command_id, 0)
        enters = any(one.command_id == begun_by for one in exposure.open)
        return exposure.held * side.sign > 0 and abs(exposure.held) <= late and not enters

    def forget(self, order: Order) -> None:
        """Take it as closed."""
        self._late.pop(order.command.command_id, None)
