"""What leads something through the six steps: an order (`placement.py`), a change of one, a person's word on one."""

from typing import Protocol, TypeAlias

from actors.messages.broker import BrokerAnswered
from actors.messages.guard import ExposureReserved
from actors.messages.market import OrderPriced, PriceQuestion
from actors.messages.risk import CheckRefused, RiskApproved
from domain.orders.order import Order, OrderEvent

Answer: TypeAlias = OrderPriced | RiskApproved | ExposureReserved | CheckRefused | BrokerAnswered
"""What comes back from step to step, for an order or for a change of it."""


class Part(Protocol):
    """Waits for what becomes of the events it has recorded, each of which belongs to one part alone."""

    def go_on(self, order: Order, event: OrderEvent) -> None:
        """Take the next step: the event is on disk, and `order` is how the order stands now."""

    def stand_still(self, command_id: str, event: OrderEvent, cause: str) -> None:
        """End what waits: the order's state does not allow the event, and nothing was written."""

    def may_go_on_unwritten(self, event: OrderEvent, cause: str) -> bool:
        """Say whether the event counts although the database did not take it: then it is written later."""


def is_about_change(message: Answer) -> bool:
    """Say whether a change of an order is answered, and not the order itself."""
    match message:
        case OrderPriced():
            return message.about is PriceQuestion.CHANGE
        case BrokerAnswered():
            return message.change is not None
        case _:
            return bool(message.change_id)
