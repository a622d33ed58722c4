"""A caller's request to cancel or modify an order, complete and valid from the moment it is made."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, fields, replace
from decimal import Decimal
from typing import Any, Final, Self

from domain.orders.change import Change, ChangeKind
from domain.orders.command import OrderCommand
from domain.orders.lifecycle import Event
from domain.orders.order import JournalLine, Order
from domain.orders.parsing import parsers
from domain.orders.types import Intent, OrderType, Origin
from domain.orders.validation import InvalidOrderError, check_comment, check_id, check_price, check_quantity

_TERMS: Final = ("quantity", "price", "trigger_price")


@dataclass(frozen=True, slots=True, kw_only=True)
class ChangeCommand:
    """Cancel or modify the order `command_id`. The same `change_id` is sent at most once for an order.

    `quantity` is the new total in units, what has traded included; `price` and `trigger_price` are rupees. A term that
    is None stays as it is. Raises `InvalidOrderError` with one sentence that names the field.
    """

    change_id: str
    client_id: str
    command_id: str
    kind: ChangeKind
    quantity: int | None = None
    price: Decimal | None = None
    trigger_price: Decimal | None = None
    reason: str = ""
    origin: Origin = Origin.STRATEGY

    def __post_init__(self) -> None:
        """Refuse what cannot be meant."""
        check_id("change_id", self.change_id)
        check_id("command_id", self.command_id)
        check_comment("reason", self.reason)
        given = [name for name in _TERMS if getattr(self, name) is not None]
        if self.kind is ChangeKind.CANCEL and given:
            raise InvalidOrderError(f"a cancel takes no {given[0]}; modify the order instead")
        if self.kind is ChangeKind.MODIFY and not given:
            raise InvalidOrderError("a modify needs a new quantity, price or trigger_price")
        if self.quantity is not None:
            check_quantity(self.quantity)
        check_price("price", self.price)
        check_price("trigger_price", self.trigger_price)

    @classmethod
    def parse(cls, given: Mapping[str, Any]) -> Self:
        """Make a command from loosely spelled fields; unknown fields are refused by name."""
        known = [one.name for one in fields(cls)]
        unknown = sorted(set(given) - set(known))
        if unknown:
            raise InvalidOrderError(f"unknown field {unknown[0]!r}; the fields are: {', '.join(sorted(known))}")
        values = {name: parsers[name](name, value) for name, value in given.items() if value is not None}
        missing = [name for name in ("change_id", "client_id", "command_id", "kind") if name not in values]
        if missing:
            raise InvalidOrderError(f"{missing[0]} is missing")
        return cls(**values)


_FATES: Final = frozenset(
    {
        Event.CHANGE_REQUESTED,
        Event.CHANGE_ACCEPTED,
        Event.CHANGE_REFUSED,
        Event.CHANGE_REPLY_LOST,
        Event.CHANGE_REJECTED,
        Event.CHANGE_LAPSED,
    }
)


def change_outcome(journal: Iterable[JournalLine], change_id: str) -> Event | None:
    """Return how far a change has come by its order's journal; None when it was never asked for.

    A line that names no change is about the one that was asked for last: an order has at most one open.
    """
    outcome, latest = None, ""
    for line in journal:
        if line.event not in _FATES:
            continue
        about = line.inputs.get("change_id", latest)
        if line.event == Event.CHANGE_REQUESTED:
            latest = about
        if about == change_id:
            outcome = Event(line.event)
    return outcome


def as_modified(order: Order, request: ChangeCommand) -> OrderCommand:
    """Return the order's command as it would be with the new terms; raise `InvalidOrderError` where it can't be."""
    command = order.command
    if request.quantity is not None and request.quantity <= order.filled_quantity:
        raise InvalidOrderError(
            f"quantity is the new total and must be above the {order.filled_quantity} that have traded; cancel instead"
        )
    given_price = request.price
    kind = command.order_type
    if kind is OrderType.MARKET:
        # It is on the wire as the limit that protects it, and is changed as a limit.
        kind, price = OrderType.LIMIT, given_price or order.limit_price
    elif kind is OrderType.SL_M and given_price is not None:
        raise InvalidOrderError("an SL-M order takes no price; modify its trigger_price")
    else:
        price = given_price or (command.price and order.limit_price)
    trigger = request.trigger_price or order.wire_trigger_price
    if request.trigger_price is not None and command.trigger_price is None:
        raise InvalidOrderError(f"a {command.order_type} order has no trigger_price to modify")
    return replace(
        command,
        quantity=request.quantity or order.quantity,
        order_type=kind,
        price=price,
        trigger_price=trigger if command.trigger_price is not None else None,
    )


def may_leave_unwritten(order: Order, change: Change) -> bool:
    """Say whether a change may be asked for although the database has not taken it.

    A cancel can only reduce, and so can an exit's other price: asked for twice it is the same price. An exit never
    waits for the database.
    """
    is_exit = order.command.intent is Intent.EXIT
    return change.kind is ChangeKind.CANCEL or (is_exit and (change.quantity or 0) <= order.quantity)
