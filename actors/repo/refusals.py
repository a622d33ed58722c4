"""What becomes of a write that the database did not take.

What can only reduce goes on without it: an exit is kept in the exit journal, a cancel finds its order by reading or in
memory, an order of others is told at once and written later. What somebody leads is answered, and what nobody leads is
tried again with every group.
"""

from collections.abc import Iterable
from typing import assert_never

from loguru import logger

from actors.messages.books import AcceptanceUndone, UndoAcceptance
from actors.messages.inboxes import CommandInbox
from actors.messages.persistence import (
    EventUnrecorded,
    ExternalOrderRecorded,
    LookUp,
    LookUpOrder,
    OrderLookedUp,
    OrderRegistered,
    Record,
    RecordEvent,
    RecordExternalMove,
    RecordExternalOrder,
    RecordFills,
    RegisterOrder,
    RegistrationFailed,
    UndoRecorded,
)
from actors.repo.journaled_exits import JournaledExits
from actors.repo.write_queue import WriteQueue
from actors.repo.writer import Writer, looked_up
from actors.repo.writes import Write, order_in
from domain.orders.change import ChangeKind
from domain.orders.external import COMMAND_ID_PREFIX
from domain.orders.lifecycle import Event
from domain.orders.order import Order, new_order
from domain.orders.types import Intent
from domain.ports import Clock, trading_day
from storage.database import StorageError, UnreadableError, reading
from storage.repository import OrderRepository


class Refusals:
    """Owns the orders of others that were told before they were written, and the command ids that were seen today.

    And whose fills were told and are still to be written: what others traded later is written after them, so that no
    kill leaves it alone (`domain/positions/closed_by_others.py`: who traded first decides).
    """

    def __init__(
        self, repository: OrderRepository, writer: Writer, queue: WriteQueue, beside: JournaledExits, clock: Clock
    ) -> None:
        self._repository = repository
        self._writer = writer
        self._queue = queue
        self._beside = beside
        self._clock = clock
        self._external: dict[str, RecordExternalOrder] = {}
        self._fills_to_come: set[str] = set()
        self._seen: set[str] = set()
        self._seen_on = ""

    def see(self, command_ids: Iterable[str]) -> None:
        """Remember today's command ids: that one was seen is known also while the database can't be read."""
        today = trading_day(self._clock.now())
        if today != self._seen_on:
            self._seen, self._seen_on = set(), today
        self._seen.update(command_ids)

    def have_written(self, batch: Iterable[Write]) -> None:
        """Know that these are on the disk."""
        self._fills_to_come.difference_update(one.command_id for one in batch if isinstance(one, RecordEvent))

    def too_early(self, batch: Iterable[Write]) -> list[Write]:
        """Return what others traded that would be written before fills of ours which were told earlier.

        What follows of the same order is too early with it.
        """
        to_come, early = set(self._fills_to_come), list[Write]()
        names: set[str | None] = set()
        for one in batch:
            if _is_of_others(one) and (to_come or order_in(one) in names):
                early.append(one)
                names.add(order_in(one))
            elif isinstance(one, RecordEvent):
                to_come.discard(one.command_id)
        return early

    def was_told(self, message: Write) -> bool:
        """Say of a write that is done whether its answer was told before: an order of others, when it was seen."""
        if not isinstance(message, RecordExternalOrder):
            return False
        return self._external.pop(message.order.command.command_id, None) is not None

    def answer(self, message: Write, cause: str) -> CommandInbox | None:
        """Answer a write that the database did not take; one that nobody leads is tried again later."""
        match message:
            case RegisterOrder():
                if message.command.intent is Intent.EXIT:
                    return self._register_beside(message, cause)
                return RegistrationFailed(command_id=message.command.command_id, cause=cause)
            case LookUpOrder():
                if message.about is LookUp.CHANGE:
                    return self._look_up_unwritten(message, cause)
                return looked_up(message, None, cause=cause)
            case RecordEvent():
                return self._fail_event(message, cause)
            case UndoAcceptance():
                answer = AcceptanceUndone(name=message.name, undone=None, cause=cause)
                return UndoRecorded(answer=answer, reply_to=message.reply_to)
            case RecordExternalOrder():
                return self._take_external_beside(message)
            case RecordFills() | RecordExternalMove() | Record():
                self._queue.try_again(message)
            case _:
                assert_never(message)
        return None

    def _fail_event(self, message: RecordEvent, cause: str) -> CommandInbox:
        if message.event.kind is Event.SENT:
            self._sync_registrations()
        if message.event.filled_quantity and not _is_of_others(message):
            self._fills_to_come.add(message.command_id)
        return EventUnrecorded(
            command_id=message.command_id,
            event=message.event,
            at=message.at,
            cause=cause,
            order=self._last_known(message.command_id),
        )

    def _sync_registrations(self) -> None:
        """Step 3 failed and the order goes on: see to it that its registration is on the disk before it leaves."""
        try:
            self._repository.sync()
        except StorageError as error:
            logger.critical("an order leaves whose registration may not survive a power cut: {}", error)

    def _last_known(self, command_id: str) -> Order | None:
        """Return an order as it was last registered or written, as far as that can be told now."""
        external = self._external.get(command_id)
        kept = self._beside.find(command_id) or (None if external is None else external.order)
        known = kept or self._repository.remembered(command_id)
        if known is not None:
            return known
        try:
            with reading():
                return self._repository.get(command_id)
        except UnreadableError:
            return None

    def _register_beside(self, message: RegisterOrder, cause: str) -> CommandInbox:
        """Keep an exit that the database did not take, so that it can leave; one that is known is not kept again."""
        name = message.command.command_id
        known = self._beside.find(name)
        if known is None:
            try:
                with reading():
                    known = self._repository.get(name)
            except UnreadableError as error:
                if name in self._seen:
                    text = f"the id was seen before, and what became of it can't be read now: {error}"
                    return RegistrationFailed(command_id=name, cause=text)
        if known is not None:
            return OrderLookedUp(command_id=name, order=known)
        order = new_order(message.command, message.remarks_tag, self._clock.now(), message.day)
        unkept = self._beside.keep(order)
        if unkept:
            return RegistrationFailed(command_id=name, order=order, cause=f"{cause}; {unkept}")
        return OrderRegistered(order=order, unwritten=cause)

    def _look_up_unwritten(self, message: LookUpOrder, cause: str) -> OrderLookedUp:
        """Find the order of a change that needs no database (`may_leave_unwritten`); say of others that it is away."""
        assert message.change is not None, "only a change is looked up so"
        found = self._look_up_by_reading(message, cause)
        if message.change.kind is ChangeKind.CANCEL or found.cause:
            return found
        if found.order is not None and found.order.command.intent is Intent.EXIT:
            return found
        return looked_up(message, None, cause=cause)

    def _look_up_by_reading(self, message: LookUpOrder, cause: str) -> OrderLookedUp:
        """Find the order of what can only reduce by reading alone: it goes out twice rather than never."""
        kept = self._beside.find(message.command_id)
        if kept is not None:
            return looked_up(message, kept)
        try:
            with reading():
                return self._writer.look_up(message)
        except UnreadableError:
            found = self._repository.remembered(message.command_id)
            return looked_up(message, found, cause="" if found is not None else cause)

    def _take_external_beside(self, message: RecordExternalOrder) -> CommandInbox | None:
        """Tell an order of others now, and write it later: what it trades is held no more, whoever locks the file."""
        order = message.order
        name = order.command.command_id
        told = self._external.get(name)
        if told is not None:
            if told is message:
                self._queue.try_again(message)
            return None
        try:
            with reading():
                known = self._repository.find_external_order(order)
        except UnreadableError:
            return None  # it may be one of ours; the next book shows it again
        ours = next((one for one in self._beside.waiting if one.remarks_tag and one.remarks_tag == order.note), None)
        known = known or ours
        if known is not None:
            return ExternalOrderRecorded(order=known, known=True)
        self._external[name] = message
        self._queue.try_again(message)
        return ExternalOrderRecorded(order=order, known=False)


def _is_of_others(message: Write) -> bool:
    if isinstance(message, RecordEvent):
        return message.command_id.startswith(COMMAND_ID_PREFIX)
    return isinstance(message, RecordExternalOrder)
