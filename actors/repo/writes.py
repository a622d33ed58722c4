"""What goes through a group of writes, and what each asks of it: look-ups too, so that they see what came before."""

from typing import TypeAlias

from actors.messages.books import UndoAcceptance
from actors.messages.persistence import (
    LookUpOrder,
    Record,
    RecordEvent,
    RecordExternalMove,
    RecordExternalOrder,
    RecordFills,
    RegisterOrder,
)
from domain.orders.change import ChangeKind
from domain.orders.lifecycle import Event
from domain.orders.types import Intent

Write: TypeAlias = (
    RegisterOrder
    | LookUpOrder
    | RecordEvent
    | RecordFills
    | RecordExternalOrder
    | RecordExternalMove
    | UndoAcceptance
    | Record
)


def order_in(message: Write) -> str | None:
    """Return the command id that a write speaks of, or None when it speaks of no one order."""
    match message:
        case RegisterOrder():
            return message.command.command_id
        case LookUpOrder() | RecordEvent():
            return message.command_id
        case RecordExternalOrder():
            return message.order.command.command_id
        case RecordFills() | RecordExternalMove() | UndoAcceptance() | Record():
            return None


def is_urgent(message: Write) -> bool:
    """Say whether an exit, or a cancel, goes on with this write."""
    match message:
        case RegisterOrder():
            return message.command.intent is Intent.EXIT
        case RecordEvent():
            return message.is_urgent
        case LookUpOrder():
            return message.change is not None and message.change.kind is ChangeKind.CANCEL
        case _:
            return False


def can_wait(message: Write) -> bool:
    """Say whether a lock that ends soon makes this write's no a yes. What nobody leads is tried again anyway."""
    pending = isinstance(message, RegisterOrder | LookUpOrder | RecordEvent)
    return pending and not is_urgent(message)


def lingers(message: Write) -> bool:
    """Say whether nothing waits for this write: an acceptance has been told, and frees nothing in the guard."""
    return isinstance(message, RecordFills) or (
        isinstance(message, RecordEvent) and message.event.kind is Event.ACCEPTED
    )


def needs_sync(message: Write) -> bool:
    """Say whether somebody goes on with this write, so that it has to be on the disk.

    On a registration alone nothing leaves and nobody is told: the write that lets it go on, or that ends it, is synced
    and takes it along. So a registration is on the disk before anything is sent.
    """
    return not isinstance(message, RegisterOrder | LookUpOrder)


def name_of(message: Write) -> str:
    """Return what a log calls the write."""
    return type(message.item if isinstance(message, Record) else message).__name__
