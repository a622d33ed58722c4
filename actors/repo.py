"""Steps 1, 3 and 5: owns the only database connection.

Writes are committed in groups: one transaction for what the mailbox holds, and only then the replies. A bad message
never fails its neighbours: when a group breaks inside one of its messages, each is written alone.
"""

from typing import Any, TypeAlias, assert_never

from loguru import logger

from actors.actor import DeskActor
from actors.address import Address, post
from actors.messages import (
    ActorDied,
    CommandInbox,
    DeskMemory,
    EventIllegal,
    EventRecorded,
    EventUnrecorded,
    FindOrders,
    FindTimeline,
    LookUpOrder,
    OrderNotFound,
    OrderRegistered,
    OrderRepeated,
    RecallDesk,
    RecordEvent,
    RecordFills,
    RecordTradingState,
    RegisterOrder,
    RegistrationFailed,
    RepoInbox,
    Timeline,
)
from domain.lifecycle import IllegalTransitionError
from domain.order import Order
from domain.seams import Clock
from domain.settings import StorageSettings
from storage.database import StorageError, open_database
from storage.repository import OrderRepository, UnknownOrderError

Write: TypeAlias = RegisterOrder | LookUpOrder | RecordEvent | RecordFills | RecordTradingState


class RepoActor(DeskActor):
    """Owns the database: the orders, their journal, the fills and the trading state."""

    def __init__(
        self,
        *,
        supervisor: Address[ActorDied],
        command: Address[CommandInbox],
        settings: StorageSettings,
        client_id: str,
        clock: Clock,
    ) -> None:
        super().__init__(supervisor)
        self._command = command
        self._settings = settings
        self._client_id = client_id
        self._clock = clock
        self._batch: list[Write] = []
        self._trouble: str | None = None

    def on_start(self) -> None:
        """Open the database in this thread. What went wrong is told to whoever asks `RecallDesk`."""
        try:
            self._database = open_database(self._settings)
        except StorageError as error:
            self._trouble = str(error)
            return
        self._repository = OrderRepository(self._database, self._client_id)

    def on_stop(self) -> None:
        """Write what still waits, and close."""
        if self._trouble is None:
            self._commit()
            self._database.close()

    def on_receive(self, message: RepoInbox) -> Any:  # noqa: ANN401  the answers of the queries, for ask
        """Gather writes while more are waiting; answer queries from what is on disk."""
        match message:
            case RegisterOrder() | LookUpOrder() | RecordEvent() | RecordFills() | RecordTradingState():
                self._batch.append(message)
                if self.actor_inbox.empty() or len(self._batch) >= self._settings.commit_batch_max:
                    self._commit()
            case RecallDesk():
                return self._recall()
            case FindOrders():
                self._commit()
                return self._repository.newest_orders(message.most, open_only=message.open_only)
            case FindTimeline():
                self._commit()
                return self._timeline(message.command_id)
            case _:
                assert_never(message)
        return None

    def _commit(self) -> None:
        if not self._batch:
            return
        batch, self._batch = self._batch, []
        letters: list[CommandInbox | None] = []
        inside = False
        try:
            with self._repository.transaction():
                inside = True
                for message in batch:
                    letters += [self._write(message)]
                inside = False
        except StorageError as error:
            # A group that broke while it began or committed breaks for all; one that broke inside is taken apart.
            letters = [self._write_alone(one) if inside else _failed(one, str(error)) for one in batch]
        for letter in letters:
            if letter is not None:
                post(self._command, letter)

    def _write_alone(self, message: Write) -> CommandInbox | None:
        try:
            with self._repository.transaction():
                return self._write(message)
        except StorageError as error:
            return _failed(message, str(error))

    def _write(self, message: Write) -> CommandInbox | None:
        """Write one message inside the open transaction; the answer is posted after the commit."""
        now = self._clock.now()
        match message:
            case RegisterOrder():
                known = self._repository.get(message.command.command_id)
                if known is not None:
                    return OrderRepeated(order=known)
                return OrderRegistered(order=self._repository.create(message.command, message.remarks_tag, now))
            case LookUpOrder():
                known = self._repository.get(message.command_id)
                return OrderNotFound(command_id=message.command_id) if known is None else OrderRepeated(order=known)
            case RecordEvent():
                try:
                    recorded = self._repository.update_status(message.command_id, message.happened, now)
                except (IllegalTransitionError, UnknownOrderError) as error:
                    return EventIllegal(command_id=message.command_id, happened=message.happened, cause=str(error))
                return EventRecorded(order=recorded.order, happened=message.happened, late=recorded.late)
            case RecordFills():
                self._repository.add_fills(message.fills)
            case RecordTradingState():
                self._repository.set_trading_state(message.state, message.because, now)
            case _:
                assert_never(message)
        return None

    def _recall(self) -> DeskMemory:
        if self._trouble is not None:
            raise StorageError(self._trouble)
        self._commit()
        now = self._clock.now()
        state, because = self._repository.trading_state()
        return DeskMemory(
            orders=self._repository.remembered_orders(now),
            positions=self._repository.older_positions(now),
            orders_today=self._repository.sent_today(now),
            trading_state=state,
            because=because,
        )

    def _timeline(self, command_id: str) -> Timeline | None:
        order: Order | None = self._repository.get(command_id)
        return None if order is None else Timeline(order=order, lines=self._repository.journal(command_id))


def _failed(message: Write, cause: str) -> CommandInbox | None:
    """Answer a write that the database did not take."""
    logger.error("not written: {} ({})", type(message).__name__, cause)
    match message:
        case RegisterOrder() | LookUpOrder():
            command_id = message.command.command_id if isinstance(message, RegisterOrder) else message.command_id
            return RegistrationFailed(command_id=command_id, cause=cause)
        case RecordEvent():
            return EventUnrecorded(command_id=message.command_id, happened=message.happened, cause=cause)
        case RecordFills() | RecordTradingState():
            return None
