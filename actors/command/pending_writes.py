"""What has happened and the database has not taken: the events, in order, and each order as it stands with them.

A part of CommandActor, in its thread. Whoever watches orders is told at once; the database follows when it can.
"""

from typing import Final, TypeAlias

from actors.messages.persistence import EventUnrecorded, RecordEvent
from domain.orders.lifecycle import Event, IllegalTransitionError
from domain.orders.order import Order, OrderEvent
from domain.orders.reasons import Reason

Key: TypeAlias = tuple[str, Event, Reason | None, str | None, int]
"""The watcher reports its news again at every poll until they are written: each is kept once, and in its place."""
EARLIER_WAIT: Final = "earlier events of the order wait for the database"


class PendingWrites:
    """Owns the events that wait to be written, those that are being tried again, and the orders ahead of their rows."""

    def __init__(self) -> None:
        self._waiting: dict[Key, RecordEvent] = {}
        self._kept: dict[Key, RecordEvent] = {}
        self._ahead: dict[str, Order] = {}

    def __len__(self) -> int:
        return len(self._waiting)

    @property
    def orders(self) -> tuple[Order, ...]:
        """Return every order that stands further than its row, as it stands."""
        return tuple(self._ahead.values())

    @property
    def has_untold(self) -> bool:
        """Say whether an event waits that nobody was told of, as its order can't be read."""
        return any(name not in self._ahead for name, *_ in self._kept)

    def find(self, command_id: str) -> Order | None:
        """Return an order as it stands ahead of its row; None where its row is all there is."""
        return self._ahead.get(command_id)

    def holds(self, command_id: str) -> bool:
        """Say whether events of this order wait here: none of the same order may be written past them."""
        return any(name == command_id for name, *_ in self._waiting)

    def keep(self, message: EventUnrecorded, before: Order | None) -> Order | None:
        """Keep an event for the database; return the order after it, or None where that is no news.

        `before` is the order as it was last heard of, for one that is not ahead of its row yet.
        """
        record = _as_written_later(message)
        key = _key_of(record.command_id, record.event)
        earlier = self._kept.get(key)
        self._waiting[key] = self._kept[key] = record
        if earlier is not None and (earlier.event, earlier.at) == (record.event, record.at):
            return None  # it was told when it happened, and was tried again
        before = self._ahead.get(record.command_id) or before
        if before is None:
            return None
        try:
            after = before.after(message.event, message.at)
        except IllegalTransitionError:
            after = before
        self._ahead[record.command_id] = after
        return after

    def take(self) -> tuple[RecordEvent, ...]:
        """Return what waits, to be tried again now."""
        waiting, self._waiting = tuple(self._waiting.values()), {}
        return waiting

    def resolve(self, command_id: str, event: OrderEvent) -> bool:
        """Hear that the database has judged an event; say whether its order was told ahead of its row."""
        self._kept.pop(_key_of(command_id, event), None)
        was_ahead = command_id in self._ahead
        if all(name != command_id for name, *_ in self._kept):
            self._ahead.pop(command_id, None)
        return was_ahead


def _as_written_later(message: EventUnrecorded) -> RecordEvent:
    """Return the event as it is written later: that step 3 was passed unwritten is a note by then."""
    event = message.event
    if event.kind is Event.SENT:
        event = _note_of_sending(message)
    return RecordEvent(command_id=message.command_id, event=event, at=message.at)


def _note_of_sending(message: EventUnrecorded) -> OrderEvent:
    event = message.event
    return OrderEvent(
        kind=Event.NOTED,
        tag=Reason.STEP_3_UNRECORDED,
        quantity=event.quantity,
        limit_price=event.limit_price,
        trigger_price=event.trigger_price,
        inputs={**event.inputs, "database": message.cause},
    )


def _key_of(command_id: str, event: OrderEvent) -> Key:
    about = event.change.change_id if event.change is not None else None
    return command_id, event.kind, event.tag, about, event.filled_quantity or 0
