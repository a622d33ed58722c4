"""Cancels, modifies and resolutions by hand: asked for, looked up, checked, reserved."""

from dataclasses import dataclass

from actors.messages.orders import OrderAnswered, OrderDeclined
from actors.runtime.address import Address
from domain.orders.change_command import ChangeCommand
from domain.orders.resolution import Resolution


@dataclass(frozen=True, slots=True, kw_only=True)
class ChangeOrder:
    """Cancel or modify an order, and answer `reply_to` once, when the broker has answered."""

    command: ChangeCommand
    reply_to: "Address[OrderAnswered | OrderDeclined] | None" = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ResolveOrder:
    """A person says what became of an order that the books do not tell of."""

    command_id: str
    resolution: Resolution
    reply_to: "Address[OrderAnswered | OrderDeclined] | None" = None
