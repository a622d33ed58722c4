"""What leads something through the six steps: an order (`placement.py`), a change of one, a person's word on one."""

from typing import Protocol

from domain.orders.order import Order, OrderEvent


class Part(Protocol):
    """Waits for what becomes of the events it has recorded, each of which belongs to one part alone."""

    def go_on(self, order: Order, event: OrderEvent) -> None:
        """Take the next step: the event is on disk, and `order` is how the order stands now."""

    def stand_still(self, command_id: str, event: OrderEvent, cause: str) -> None:
        """End what waits: the order's state does not allow the event, and nothing was written."""

    def may_go_on_unwritten(self, event: OrderEvent, cause: str) -> bool:
        """Say whether the event counts although the database did not take it: then it is written later."""
