"""Cancels, modifies and resolutions by hand: asked for, looked up, checked, reserved."""

from dataclasses import dataclass

from actors.messages.orders import OrderAnswered, OrderDeclined
from actors.runtime.address import Address
from domain.orders.change_command import ChangeCommand
from domain.orders.lifecycle import Event
from domain.orders.order import Order
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


@dataclass(frozen=True, slots=True, kw_only=True)
class LookUpResolution:
    """Find the order that a person wants to resolve."""

    request: ResolveOrder


@dataclass(frozen=True, slots=True, kw_only=True)
class ResolutionLookedUp:
    """The order as it stands; None when there is none, or when it could not be read (`cause`)."""

    request: ResolveOrder
    order: Order | None
    cause: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class LookUpChange:
    """Find the order that a change is about, and whether the change's id has been seen before."""

    command: ChangeCommand


@dataclass(frozen=True, slots=True, kw_only=True)
class ChangeLookedUp:
    """The order as it stands, or None when there is none. `outcome`: how far a change asked for before has come."""

    command: ChangeCommand
    order: Order | None
    outcome: Event | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ChangeUnreadable:
    """The database could not be asked about a change; nothing was sent."""

    change_id: str
    cause: str
