"""Steps 1, 3 and 5: owns the only database connection.

Writes are committed in groups: one transaction for what the mailbox holds, and only then the replies. What no order
waits for lingers a few milliseconds, to share a commit. A bad message never fails its neighbours: when a group breaks
inside one of its messages, each is written alone.
"""

from typing import Any, Final, TypeAlias, assert_never

from loguru import logger

from actors.address import Address, post
from actors.loop import LoopActor
from actors.messages import (
    AcceptanceUndone,
    ActorDied,
    ChangeLookedUp,
    ChangeUnreadable,
    CommandInbox,
    CommitNow,
    DeskMemory,
    EventIllegal,
    EventRecorded,
    EventUnrecorded,
    ExternalMoveRecorded,
    FindOrders,
    FindTimeline,
    FindUnwritten,
    ForeignRecorded,
    LookUpChange,
    LookUpOrder,
    LookUpSettlement,
    OrderNotFound,
    OrderRegistered,
    OrderRepeated,
    RecallDesk,
    RecordAlert,
    RecordBasket,
    RecordCleared,
    RecordEvent,
    RecordExpiry,
    RecordExternalMove,
    RecordFills,
    RecordFlat,
    RecordForeign,
    RecordProtection,
    RecordRiskDay,
    RecordTradingState,
    RecordWish,
    RegisterOrder,
    RegistrationFailed,
    RepoInbox,
    SettlementLookedUp,
    Timeline,
    UndoAcceptance,
    UndoRecorded,
    WriteAgain,
)
from actors.timer import Timer
from domain.exits import Scope
from domain.lifecycle import Event, IllegalTransitionError
from domain.order import Order
from domain.seams import Clock
from domain.settings import StorageSettings
from storage.database import StorageError, open_database, sync_log
from storage.repository import OrderRepository, UnknownOrderError

Write: TypeAlias = (
    RegisterOrder
    | LookUpOrder
    | LookUpChange
    | LookUpSettlement
    | RecordEvent
    | RecordFills
    | RecordForeign
    | RecordExternalMove
    | RecordExpiry
    | UndoAcceptance
    | RecordWish
    | RecordFlat
    | RecordProtection
    | RecordRiskDay
    | RecordBasket
    | RecordAlert
    | RecordCleared
    | RecordTradingState
)
"""What goes through a group: look-ups too, so that they see what was written before them."""


TRY_AGAIN_S: Final = 1.0


class RepoActor(LoopActor):
    """Owns the database: the orders, their journal, the fills and the trading state."""

    def __init__(
        self,
        *,
        supervisor: Address[ActorDied],
        command: Address[CommandInbox],
        settings: StorageSettings,
        client_id: str,
        clock: Clock,
        timer: Timer,
    ) -> None:
        super().__init__(supervisor)
        self._command = command
        self._settings = settings
        self._client_id = client_id
        self._clock = clock
        self._timer = timer
        self._waited_for: list[Write] = []
        self._told: list[Write] = []
        self._again: list[Write] = []
        self._refused: list[Write] = []
        self._trading_state: RecordTradingState | None = None
        self._woken = False
        self._wound = False
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
            self._commit_next(lingered=True)
            self._database.close()

    def on_receive(self, message: RepoInbox) -> Any:  # noqa: ANN401  the answers of the queries, for ask
        """Gather writes while more are waiting; answer queries from what is on disk."""
        match message:
            case (
                RegisterOrder()
                | LookUpOrder()
                | LookUpChange()
                | LookUpSettlement()
                | RecordEvent()
                | RecordFills()
                | RecordForeign()
                | RecordExternalMove()
                | RecordExpiry()
                | UndoAcceptance()
                | RecordWish()
                | RecordFlat()
                | RecordProtection()
                | RecordRiskDay()
                | RecordBasket()
                | RecordAlert()
                | RecordCleared()
                | RecordTradingState()
            ):
                self._gather(message)
            case CommitNow():
                self._commit_next(lingered=message.lingered)
            case WriteAgain():
                self._wound = False
                self._commit_next(lingered=True)
            case FindUnwritten():
                self._commit_next(lingered=True)
                return len(self._unwritten())
            case RecallDesk():
                return self._recall()
            case FindOrders():
                self._commit_next(lingered=True)
                return self._repository.newest_orders(message.most, open_only=message.open_only)
            case FindTimeline():
                self._commit_next(lingered=True)
                return self._timeline(message.command_id)
            case _:
                assert_never(message)
        return None

    def _gather(self, message: Write) -> None:
        """Keep the write for the next group; begin the group once the mailbox has been read to its end."""
        if isinstance(message, RecordTradingState):
            # Only the last word counts: one that could not be written must not come after it.
            self._trading_state = message
        elif _was_told(message):
            self._told.append(message)
            if len(self._told) == 1:
                self._timer.tell_after(self._settings.commit_linger_ms / 1000, self.actor_ref, CommitNow(lingered=True))
            return
        else:
            self._waited_for.append(message)
        self._wake()

    def _wake(self) -> None:
        """See to it that a group is written, after what the mailbox holds now has been read."""
        if not self._woken:
            self._woken = True
            self.actor_ref.tell(CommitNow())

    def _commit_next(self, *, lingered: bool) -> None:
        """Write the next group; what was told goes along once it has lingered, or when the group is about its order."""
        if not lingered:
            self._woken = False
        group: list[Write] = [] if self._trading_state is None else [self._trading_state]
        # What failed before goes first: it must not come after what has followed it.
        group += [*self._again, *self._waited_for]
        self._trading_state, self._again, self._waited_for = None, [], []
        if self._told and (lingered or not {_name_in(one) for one in self._told}.isdisjoint(map(_name_in, group))):
            group, self._told = [*self._told, *group], []
        self._commit(group)
        self._refused = self._unwritten()

    def _unwritten(self) -> list[Write]:
        return [*self._again, *([] if self._trading_state is None else [self._trading_state])]

    def _commit(self, batch: list[Write]) -> None:
        if not batch:
            return
        try:
            letters = self._write_group(batch)
        except StorageError as error:
            # A group that could not even begin fails whole; one that broke is taken apart.
            letters = [self._write_alone(one) if error.began else self._failed(one, str(error)) for one in batch]
        for letter in letters:
            if letter is not None:
                post(self._command, letter)

    def _failed(self, message: Write, cause: str) -> CommandInbox | None:
        """Answer a write that the database did not take; one that nobody leads is tried again later."""
        # Told aloud once: what is tried with every group must not fill the disk whose being full may be the cause.
        level = "DEBUG" if any(one is message for one in self._refused) else "ERROR"
        logger.log(level, "not written: {} ({})", type(message).__name__, cause)
        match message:
            case RegisterOrder():
                return RegistrationFailed(command_id=message.command.command_id, cause=cause)
            case LookUpOrder():
                return RegistrationFailed(command_id=message.command_id, cause=cause)
            case RecordEvent():
                if message.happened.event is Event.SEND:
                    self._sync_registrations()
                return EventUnrecorded(
                    command_id=message.command_id, happened=message.happened, at=message.at, cause=cause
                )
            case LookUpChange():
                return ChangeUnreadable(change_id=message.command.change_id, cause=cause)
            case LookUpSettlement():
                return SettlementLookedUp(wish=message.wish, order=None, cause=cause)
            case UndoAcceptance():
                answer = AcceptanceUndone(name=message.name, undone=None, cause=cause)
                return UndoRecorded(answer=answer, reply_to=message.reply_to)
            case (
                RecordFills()
                | RecordExternalMove()
                | RecordExpiry()
                | UndoAcceptance()
                | RecordWish()
                | RecordFlat()
                | RecordProtection()
                | RecordRiskDay()
                | RecordBasket()
                | RecordAlert()
                | RecordCleared()
            ):
                self._try_again(message)
            case RecordForeign():
                pass  # the next book shows it again
            case RecordTradingState():
                self._trading_state = message
                self._wind()
            case _:
                assert_never(message)
        return None

    def _try_again(self, message: Write) -> None:
        self._again.append(message)
        self._wind()

    def _wind(self) -> None:
        """See to it that what the database did not take is tried again: one clock for all of it."""
        if not self._wound:
            self._wound = True
            self._timer.tell_after(TRY_AGAIN_S, self.actor_ref, WriteAgain())

    def _sync_registrations(self) -> None:
        """Step 3 failed and the order goes on: see to it that its registration is on the disk before it leaves."""
        try:
            sync_log(self._database)
        except StorageError as error:
            logger.critical("an order leaves whose registration may not survive a power cut: {}", error)

    def _write_group(self, batch: list[Write]) -> list[CommandInbox | None]:
        # On a registration alone nothing leaves and nobody is told: the write that lets it go on, or that ends it, is
        # synced and takes it along. So a registration is on the disk before anything is sent.
        synced = not all(
            isinstance(message, RegisterOrder | LookUpOrder | LookUpChange | LookUpSettlement) for message in batch
        )
        with self._repository.transaction(synced=synced):
            new = [one.command.command_id for one in batch if isinstance(one, RegisterOrder)]
            known = self._repository.known(new) if new else {}
            letters = [self._write(message, known) for message in batch]
        early = self._repository.take_early_fills()
        if early:
            # The database refused the event that brings their order's number: that one is tried again too.
            self._try_again(RecordFills(fills=early))
        return letters

    def _write_alone(self, message: Write) -> CommandInbox | None:
        try:
            return self._write_group([message])[0]
        except StorageError as error:
            return self._failed(message, str(error))

    def _write(self, message: Write, known: dict[str, Order]) -> CommandInbox | None:
        """Write one message inside the open transaction; the answer is posted after the commit."""
        match message:
            case RegisterOrder():
                earlier = known.get(message.command.command_id)
                if earlier is not None:
                    # Read anew: an event of the same group may have moved it since the group looked.
                    return OrderRepeated(order=self._repository.get(message.command.command_id) or earlier)
                order = self._repository.create(message.command, message.remarks_tag, self._clock.now(), message.day)
                known[message.command.command_id] = order
                return OrderRegistered(order=order)
            case LookUpOrder():
                found = self._repository.get(message.command_id)
                return OrderNotFound(command_id=message.command_id) if found is None else OrderRepeated(order=found)
            case RecordEvent():
                try:
                    recorded = self._repository.update_status(message.command_id, message.happened, message.at)
                except (IllegalTransitionError, UnknownOrderError) as error:
                    return EventIllegal(command_id=message.command_id, happened=message.happened, cause=str(error))
                return EventRecorded(
                    order=recorded.order, happened=message.happened, late=recorded.late, again=recorded.again
                )
            case LookUpChange():
                found = self._repository.get(message.command.command_id)
                outcome = self._repository.change_outcome(found, message.command.change_id) if found else None
                return ChangeLookedUp(command=message.command, order=found, outcome=outcome)
            case LookUpSettlement():
                return SettlementLookedUp(
                    wish=message.wish, order=self._repository.get(message.wish.command_id), cause="no such order"
                )
            case RecordFills():
                self._repository.add_fills(message.fills)
            case RecordForeign():
                kept = self._repository.keep_foreign(message.order)
                return ForeignRecorded(order=kept, known=kept is not message.order)
            case RecordExternalMove():
                self._settle(message)
                return ExternalMoveRecorded(
                    disagreement=message.disagreement, kind=message.kind, because=message.because, ended=message.ended
                )
            case RecordExpiry():
                self._repository.keep_expiry(message.exchange, message.symbol, message.expires_on)
            case UndoAcceptance():
                undone = self._repository.undo_acceptance(message.name, message.because, message.at)
                answer = AcceptanceUndone(name=message.name, undone=undone)
                return UndoRecorded(answer=answer, reply_to=message.reply_to)
            case RecordWish():
                self._repository.keep_wish(message.wish)
            case RecordFlat():
                self._repository.end_wish(message.wish_id, message.at)
            case RecordProtection():
                self._repository.keep_protection(message.protection)
            case RecordRiskDay():
                self._repository.keep_risk_day(message.risk_day)
            case RecordBasket():
                self._repository.keep_basket(message.record)
            case RecordAlert():
                self._repository.keep_alert(message.record)
            case RecordCleared():
                self._repository.keep_cleared(message.scope, message.units, message.because, message.at)
            case RecordTradingState():
                self._repository.set_trading_state(message.state, message.because, self._clock.now())
            case _:
                assert_never(message)
        return None

    def _settle(self, message: RecordExternalMove) -> None:
        """Write a move, and with it which strategies hold something no more."""
        settled = message.disagreement
        self._repository.settle_disagreement(settled, message.because, message.at, message.kind)
        for strategy, units in message.ended:
            assert settled.key is not None, "only of a position units end"
            scope = Scope(strategy, settled.key)
            self._repository.keep_cleared(scope, units, message.because, message.at, settled.price)

    def _recall(self) -> DeskMemory:
        if self._trouble is not None:
            raise StorageError(self._trouble)
        self._commit_next(lingered=True)
        now = self._clock.now()
        state, because = self._repository.trading_state()
        return DeskMemory(
            orders=self._repository.remembered_orders(now),
            positions=self._repository.older_positions(now),
            orders_today=self._repository.sent_today(now),
            trading_state=state,
            because=because,
            moved=self._repository.external_moves(now),
            accepted=self._repository.accepted_today(now),
            accepted_units=self._repository.accepted_units(now),
            against_ours=self._repository.moves_against_ours(now),
            vanished=self._repository.vanished(),
            ended=self._repository.ended(),
            closed_at=self._repository.closed_at(now),
            expiries=self._repository.expiries(),
            wishes=self._repository.open_wishes(),
            protections=self._repository.protections(now),
            unarmed=self._repository.unarmed_entries(),
            risk_days=self._repository.risk_days(),
            baskets=self._repository.baskets(),
            alerts=self._repository.open_alerts(),
            cleared=self._repository.cleared(now),
            last_prices=self._repository.last_prices(),
        )

    def _timeline(self, command_id: str) -> Timeline | None:
        order: Order | None = self._repository.get(command_id)
        return None if order is None else Timeline(order=order, lines=self._repository.journal(command_id))


def _name_in(message: Write) -> str | None:
    """Return the command id that a write speaks of, or None when it speaks of no one order."""
    match message:
        case RegisterOrder():
            return message.command.command_id
        case LookUpOrder() | RecordEvent():
            return message.command_id
        case LookUpChange():
            return message.command.command_id
        case LookUpSettlement():
            return message.wish.command_id
        case RecordForeign():
            return message.order.command.command_id
        case (
            RecordFills()
            | RecordExternalMove()
            | RecordExpiry()
            | UndoAcceptance()
            | RecordWish()
            | RecordFlat()
            | RecordProtection()
            | RecordRiskDay()
            | RecordBasket()
            | RecordAlert()
            | RecordCleared()
            | RecordTradingState()
        ):
            return None


def _was_told(message: Write) -> bool:
    """Say whether nothing waits for this write: an acceptance has been told, and frees nothing in the guard."""
    return isinstance(message, RecordFills) or (
        isinstance(message, RecordEvent) and message.happened.event is Event.ACCEPT
    )
