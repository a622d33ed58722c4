"""What happened, on its way to the disk and ahead of it. A part of CommandActor, in its thread.

An event that the database does not take is kept in memory and tried again every second, in order: nothing of the same
order is written past it. The order goes on with it, and entries pause until everything is written.
"""

from collections.abc import Callable
from datetime import datetime
from typing import Final

from actors.command.pending import PendingOrders
from actors.command.pending_writes import EARLIER_WAIT, PendingWrites
from actors.messages.persistence import EventRecorded, EventUnrecorded, RecordEvent
from actors.messages.timer import TimerFired
from actors.runtime.address import post
from actors.runtime.mailboxes import Mailboxes, Runtime
from domain.alerts.alert import Alert
from domain.alerts.text.desk import database_alert, database_back_alert
from domain.orders.change import ChangeKind
from domain.orders.lifecycle import Event, IllegalTransitionError
from domain.orders.order import Order, OrderEvent
from domain.orders.types import Intent

RETRY_UNRECORDED_S: Final = 1.0


class Records:
    """Owns the events that the database has not taken, and whether it writes."""

    def __init__(
        self, *, mail: Mailboxes, runtime: Runtime, pending: PendingOrders, tell: Callable[[Alert], None]
    ) -> None:
        self._repo = mail.repo
        self._command = mail.command
        self._clock = runtime.clock
        self._timer = runtime.timer
        self._pending = pending
        self._tell = tell
        self._unwritten = PendingWrites()
        self._accepted: dict[str, Order] = {}
        """Orders whose acceptance is on its way to the disk, as they stand with it."""
        self._writes = True

    @property
    def waiting(self) -> int:
        """Return how many events wait for the database."""
        return len(self._unwritten)

    @property
    def has_untold(self) -> bool:
        """Say whether an event waits that nobody was told of, as its order can't be read."""
        return self._unwritten.has_untold

    @property
    def ahead(self) -> tuple[Order, ...]:
        """Return every order that stands further than its row, also by an acceptance on its way to the disk."""
        return (*self._unwritten.orders, *self._accepted.values())

    def find(self, command_id: str) -> Order | None:
        """Return an order as it stands ahead of its row; None where its row is all there is."""
        return self._unwritten.find(command_id)

    def accepted(self, command_id: str) -> Order | None:
        """Return an order as it stands with an acceptance that is on its way to the disk."""
        return self._accepted.get(command_id)

    def record(self, command_id: str, event: OrderEvent) -> None:
        """Write an event of this order; `EventRecorded`, `EventIllegal` or `EventUnrecorded` comes back."""
        at, pending = self._clock.now(), self._pending.find(command_id)
        if event.kind is Event.WORKING and self._is_known(command_id, event):
            return
        if event.kind is Event.ACCEPTED and pending is not None and pending.order is not None:
            accepted = _after(pending.order, event, at)
            if accepted is not None:
                self._accepted[command_id] = accepted
        if not self._unwritten.holds(command_id):
            is_exit = pending is not None and pending.command.intent is Intent.EXIT
            is_cancel = event.change is not None and event.change.kind is ChangeKind.CANCEL
            urgent = is_exit or is_cancel
            post(self._repo, RecordEvent(command_id=command_id, event=event, at=at, is_urgent=urgent))
            return
        # What the database did not take is tried again in order: nothing of the same order may be written past it.
        post(self._command, EventUnrecorded(command_id=command_id, event=event, at=at, cause=EARLIER_WAIT))

    def _is_known(self, command_id: str, event: OrderEvent) -> bool:
        """Say whether an update tells only what the broker's reply has told, which is on its way to the disk."""
        known = self._accepted.get(command_id)
        return known is not None and _after(known, event, known.updated_at) == known

    def have_written(self, message: EventRecorded) -> tuple[Order, bool]:
        """Return the order as it stands, ahead of its row perhaps, and whether it was told so before it was written."""
        if not self._writes and not self._unwritten:
            self._writes = True
            self._tell(database_back_alert())
        name = message.order.command.command_id
        self._accepted.pop(name, None)
        was_told = self._unwritten.resolve(name, message.event)
        return self._unwritten.find(name) or message.order, was_told

    def have_refused(self, command_id: str, event: OrderEvent) -> None:
        """Wait no longer for an event that the order's state does not allow."""
        self._accepted.pop(command_id, None)
        self._unwritten.resolve(command_id, event)

    def keep(self, message: EventUnrecorded, led: Order | None) -> tuple[Order, Order] | None:
        """Keep an event for the database; return the order before and after it, or None where that is no news."""
        self.note_trouble(message.cause)
        self._accepted.pop(message.command_id, None)
        if not self._unwritten:
            self._timer.tell_after(RETRY_UNRECORDED_S, self._command, TimerFired())
        before = self._unwritten.find(message.command_id) or led or message.order
        order = self._unwritten.keep(message, before)
        return None if order is None or before is None else (before, order)

    def note_trouble(self, cause: str) -> None:
        """Tell once that the database does not write."""
        if self._writes:
            self._writes = False
            self._tell(database_alert(cause))

    def retry(self) -> None:
        """Try again to write what the database did not take."""
        for message in self._unwritten.take():
            post(self._repo, message)


def _after(order: Order, event: OrderEvent, at: datetime) -> Order | None:
    try:
        return order.after(event, at)
    except IllegalTransitionError:
        return None
