"""Steps 1, 3 and 5: owns the only database connection.

Writes are committed in groups: one transaction for what the mailbox holds, and only then the replies. What no order
waits for lingers a few milliseconds, to share a commit. A bad message never fails its neighbours: when a group breaks
inside one of its messages, each is written alone.

While another process has locked the file nobody's thread waits for it: what can wait is held back and tried again for
`storage.busy_timeout_ms`, what can't (exits, cancels, a halt) is answered at once and written later. An exit that can't
be registered is kept in the exit journal (`journaled_exits.py`), and is the first to be written when the lock is gone.
"""

from collections.abc import Callable, Iterable
from typing import Any, Final, TypeAlias, TypeVar, assert_never

from loguru import logger

from actors.messages.books import AcceptanceUndone, UndoAcceptance
from actors.messages.changes import ChangeLookedUp, ChangeUnreadable, LookUpChange, LookUpResolution, ResolutionLookedUp
from actors.messages.inboxes import CommandInbox, RepoInbox
from actors.messages.persistence import (
    CommitNow,
    EventIllegal,
    EventRecorded,
    EventUnrecorded,
    ExternalMoveRecorded,
    ExternalOrderRecorded,
    FindOrders,
    FindTimeline,
    FindUnwritten,
    ForgetRegistration,
    LoadSnapshot,
    LookUpOrder,
    OrderNotFound,
    OrderRegistered,
    OrderRepeated,
    Record,
    Recordable,
    RecordEvent,
    RecordExternalMove,
    RecordExternalOrder,
    RecordFills,
    RegisterOrder,
    RegistrationFailed,
    RegistrationUnwritten,
    Timeline,
    UndoRecorded,
)
from actors.repo.journaled_exits import JournaledExits
from actors.runtime.address import post
from actors.runtime.mailboxes import Mailboxes, Runtime
from actors.runtime.shared_thread import SharedThreadActor
from domain.alerts.alert import AlertRecord
from domain.baskets import BasketRecord
from domain.exits.flatten import FlattenEnd, FlattenRequest, PositionKey
from domain.exits.stops import ArmedStop
from domain.market.expiry import Expiry
from domain.orders.change import ChangeKind
from domain.orders.lifecycle import Event, IllegalTransitionError
from domain.orders.order import JournalLine, Order, new_order
from domain.orders.reference import is_named
from domain.orders.types import Intent
from domain.ports import trading_day
from domain.reconciliation.write_off import WriteOff
from domain.risk.checks import TradingDecision
from domain.risk.loss_limit import RiskDay
from domain.settings import StorageSettings
from domain.snapshot import DeskSnapshot
from storage.database import LOCK_WAIT_MS, StorageError, UnreadableError, open_database, sync_log
from storage.exit_journal import ExitJournalFile
from storage.journal import REGISTERED
from storage.repository import OrderRepository, UnknownOrderError

Write: TypeAlias = (
    RegisterOrder
    | LookUpOrder
    | LookUpChange
    | LookUpResolution
    | RecordEvent
    | RecordFills
    | RecordExternalOrder
    | RecordExternalMove
    | UndoAcceptance
    | Record
)
"""What goes through a group: look-ups too, so that they see what was written before them."""


TRY_AGAIN_S: Final = 1.0
ORDERS_A_TURN_MAX: Final = 25
"""Who lists thousands of orders asks again and again: an exit waits for no more of them in this thread."""
LOCK_AGAIN_S: Final = 0.1
"""So often what is held back by a lock is tried again."""
Found = TypeVar("Found")


class RepoActor(SharedThreadActor):
    """Owns the database: the orders, their journal, the fills and the trading state."""

    def __init__(
        self,
        *,
        mail: Mailboxes,
        runtime: Runtime,
        settings: StorageSettings,
        client_id: str,
    ) -> None:
        super().__init__(mail.supervisor)
        self._command = mail.command
        self._settings = settings
        self._client_id = client_id
        self._clock = runtime.clock
        self._timer = runtime.timer
        self._waited_for: list[Write] = []
        self._told: list[Write] = []
        self._again: list[Write] = []
        self._refused: list[Write] = []
        self._trading_state: Record | None = None
        self._held: list[Write] = []
        self._woken = False
        self._wound = False
        self._locked_at_s: float | None = None
        self._lock_wait_ms = min(LOCK_WAIT_MS, settings.busy_timeout_ms)
        self._external: dict[str, RecordExternalOrder] = {}
        self._seen: set[str] = set()
        self._seen_on = ""
        self._beside = JournaledExits(ExitJournalFile(settings.path))
        self._trouble: str | None = None

    def on_start(self) -> None:
        """Open the database in this thread. What went wrong is told to whoever asks `LoadSnapshot`."""
        try:
            self._database = open_database(self._settings)
        except StorageError as error:
            self._trouble = str(error)
            return
        try:
            self._beside.take_up()
        except StorageError as error:
            self._database.close()
            self._trouble = str(error)
            return
        self._repository = OrderRepository(self._database, self._client_id)
        self._repository.wait_for_locks(self._lock_wait_ms)
        if self._beside:
            self._wind()

    def on_stop(self) -> None:
        """Write what still waits, and close."""
        if self._trouble is None:
            # One that ends waits for a lock as long as it may: nobody decides in this thread any more.
            self._repository.wait_for_locks(self._settings.busy_timeout_ms)
            self._commit_next(lingered=True)
            self._beside.close()
            self._database.close()

    def on_receive(self, message: RepoInbox) -> Any:  # noqa: ANN401  the answers of the queries, for ask
        """Gather writes while more are waiting; answer queries from what is on disk."""
        if self._trouble is not None:
            self._say_unopened(message, self._trouble)
            return None
        match message:
            case (
                RegisterOrder()
                | LookUpOrder()
                | LookUpChange()
                | LookUpResolution()
                | RecordEvent()
                | RecordFills()
                | RecordExternalOrder()
                | RecordExternalMove()
                | UndoAcceptance()
                | Record()
            ):
                self._gather(message)
            case CommitNow():
                self._wound = self._wound and not message.is_retry
                self._commit_next(lingered=message.lingered)
            case FindUnwritten():
                self._commit_next(lingered=True)
                return len(self._unwritten())
            case LoadSnapshot():
                return self._recall()
            case ForgetRegistration():
                if not self._beside.forget(message.command_id):
                    now = self._clock.now()
                    self._gather(RecordEvent(command_id=message.command_id, event=message.blocked, at=now))
            case FindOrders():
                if message.before is None:
                    self._commit_next(lingered=True)
                return self._read(lambda: self._newest(message))
            case FindTimeline():
                self._commit_next(lingered=True)
                return self._read(lambda: self._timeline(message.command_id))
            case _:
                assert_never(message)
        return None

    def _say_unopened(self, message: RepoInbox, trouble: str) -> None:
        """Tell who asks why nothing can be read; what is told without asking ends with the start that has failed."""
        if isinstance(message, LoadSnapshot | FindUnwritten | FindOrders | FindTimeline):
            raise StorageError(trouble)
        logger.debug("not written: {} ({})", type(message).__name__, trouble)

    def _gather(self, message: Write) -> None:
        """Keep the write for the next group; begin the group once the mailbox has been read to its end."""
        if isinstance(message, Record) and isinstance(message.item, TradingDecision):
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
        group += [*self._again, *self._held, *self._waited_for]
        self._trading_state, self._again, self._held, self._waited_for = None, [], [], []
        if self._told and (lingered or not {_name_in(one) for one in self._told}.isdisjoint(map(_name_in, group))):
            group, self._told = [*self._told, *group], []
        self._commit(group)
        self._refused = self._unwritten()

    def _unwritten(self) -> list[Write]:
        return [*self._again, *([] if self._trading_state is None else [self._trading_state])]

    def _commit(self, batch: list[Write]) -> None:
        if self._beside:
            batch = self._write_beside(batch)
        if not batch:
            return
        try:
            letters = self._write_group(batch)
        except StorageError as error:
            # A group that could not even begin fails whole; one that broke is taken apart.
            self._mind_the_lock(error)
            if error.locked and not error.began:
                batch = self._hold_back(batch)
            letters = [self._write_alone(one) if error.began else self._failed(one, str(error)) for one in batch]
        for letter in letters:
            if letter is not None:
                post(self._command, letter)

    # While another process has locked the file.

    def _mind_the_lock(self, error: StorageError) -> None:
        """Remember a lock: until something is written, nothing waits for it in this thread any more."""
        if error.locked and self._locked_at_s is None:
            self._locked_at_s = self._clock.monotonic()
            self._repository.wait_for_locks(0)

    def _mind_success(self) -> None:
        if self._locked_at_s is not None:
            self._locked_at_s = None
            self._repository.wait_for_locks(self._lock_wait_ms)

    def _hold_back(self, batch: list[Write]) -> list[Write]:
        """Hold back what can wait for the lock a little longer; return what is to be answered now.

        What was told of an order before something urgent goes with it, so that they stay in order.
        """
        assert self._locked_at_s is not None
        if self._clock.monotonic() - self._locked_at_s >= self._settings.busy_timeout_ms / 1000:
            return batch
        urgent = {_name_in(one) for one in batch if _is_urgent(one)} - {None}
        self._held = [one for one in batch if _can_wait(one) and _name_in(one) not in urgent]
        if self._held:
            self._timer.tell_after(LOCK_AGAIN_S, self.actor_ref, CommitNow(lingered=True))
        return [one for one in batch if not any(one is other for other in self._held)]

    # Exits that the database has not taken.

    def _write_beside(self, batch: list[Write]) -> list[Write]:
        """Write first the exits that wait; answer what is about one that still does, and return the rest."""
        try:
            with self._repository.transaction():
                waiting = self._beside.waiting
                known = self._repository.known([one.command.command_id for one in waiting]) if waiting else {}
                for order in waiting:
                    if order.command.command_id not in known:
                        self._repository.create_late(order)
        except StorageError as error:
            self._mind_the_lock(error)
            self._wind()
            early = [one for one in batch if self._beside.find(_name_in(one)) is not None]
            for one in early:
                letter = self._failed(one, f"its registration waits for the database: {error}")
                if letter is not None:
                    post(self._command, letter)
            return [one for one in batch if not any(one is other for other in early)]
        self._mind_success()
        self._see(one.command.command_id for one in waiting)
        self._beside.have_been_written()
        if self._beside:
            self._wind()
        return batch

    def _register_beside(self, message: RegisterOrder, cause: str) -> CommandInbox:
        """Keep an exit that the database did not take, so that it can leave; one that is known is not kept again."""
        name = message.command.command_id
        known = self._beside.find(name)
        if known is None:
            try:
                known = self._read(lambda: self._repository.get(name))
            except UnreadableError as error:
                if name in self._seen:
                    text = f"the id was seen before, and what became of it can't be read now: {error}"
                    return RegistrationFailed(command_id=name, cause=text)
        if known is not None:
            return OrderRepeated(order=known)
        order = new_order(message.command, message.remarks_tag, self._clock.now(), message.day)
        unkept = self._beside.keep(order)
        self._wind()
        if unkept:
            return RegistrationUnwritten(order=order, cause=f"{cause}; {unkept}")
        return OrderRegistered(order=order, unwritten=cause)

    def _look_up_unwritten(self, message: LookUpChange, cause: str) -> CommandInbox:
        """Find the order of a change that needs no database (`may_leave_unwritten`); say of others that it is away."""
        found = self._look_up_by_reading(message, cause)
        if message.command.kind is ChangeKind.CANCEL or not isinstance(found, ChangeLookedUp):
            return found
        if found.order is not None and found.order.command.intent is Intent.EXIT:
            return found
        return ChangeUnreadable(change_id=message.command.change_id, cause=cause)

    def _look_up_by_reading(self, message: LookUpChange, cause: str) -> CommandInbox:
        """Find the order of what can only reduce by reading alone: it goes out twice rather than never."""
        kept = self._beside.find(message.command.command_id)
        if kept is not None:
            return ChangeLookedUp(command=message.command, order=kept)
        try:
            return self._read(lambda: self._change_looked_up(message))
        except UnreadableError:
            found = self._repository.remembered(message.command.command_id)
            if found is None:
                return ChangeUnreadable(change_id=message.command.change_id, cause=cause)
            return ChangeLookedUp(command=message.command, order=found)

    def _change_looked_up(self, message: LookUpChange) -> ChangeLookedUp:
        found = self._repository.get(message.command.command_id)
        outcome = self._repository.journal.change_outcome(found, message.command.change_id) if found else None
        return ChangeLookedUp(command=message.command, order=found, outcome=outcome)

    def _take_external_beside(self, message: RecordExternalOrder) -> CommandInbox | None:
        """Tell an order of others now, and write it later: what it trades is held no more, whoever locks the file."""
        order = message.order
        name = order.command.command_id
        told = self._external.get(name)
        if told is not None:
            if told is message:
                self._try_again(message)
            return None
        try:
            known = self._read(lambda: self._repository.find_external_order(order))
        except UnreadableError:
            return None  # it may be one of ours; the next book shows it again
        ours = next((one for one in self._beside.waiting if one.remarks_tag and one.remarks_tag == order.note), None)
        known = known or ours
        if known is not None:
            return ExternalOrderRecorded(order=known, known=True)
        self._external[name] = message
        self._try_again(message)
        return ExternalOrderRecorded(order=order, known=False)

    def _last_known(self, command_id: str) -> Order | None:
        """Return an order as it was last registered or written, as far as that can be told now."""
        external = self._external.get(command_id)
        kept = self._beside.find(command_id) or (None if external is None else external.order)
        known = kept or self._repository.remembered(command_id)
        if known is not None:
            return known
        try:
            return self._read(lambda: self._repository.get(command_id))
        except UnreadableError:
            return None

    def _see(self, command_ids: Iterable[str]) -> None:
        """Remember today's command ids: that one was seen is known also while the database can't be read."""
        today = trading_day(self._clock.now())
        if today != self._seen_on:
            self._seen, self._seen_on = set(), today
        self._seen.update(command_ids)

    def _failed(self, message: Write, cause: str) -> CommandInbox | None:
        """Answer a write that the database did not take; one that nobody leads is tried again later."""
        # Told aloud once: what is tried with every group must not fill the disk whose being full may be the cause.
        level = "DEBUG" if any(one is message for one in self._refused) else "ERROR"
        what = message.item if isinstance(message, Record) else message
        logger.log(level, "not written: {} ({})", type(what).__name__, cause)
        match message:
            case RegisterOrder():
                if message.command.intent is Intent.EXIT:
                    return self._register_beside(message, cause)
                return RegistrationFailed(command_id=message.command.command_id, cause=cause)
            case LookUpOrder():
                return RegistrationFailed(command_id=message.command_id, cause=cause)
            case RecordEvent():
                if message.event.kind is Event.SENT:
                    self._sync_registrations()
                return EventUnrecorded(
                    command_id=message.command_id,
                    event=message.event,
                    at=message.at,
                    cause=cause,
                    order=self._last_known(message.command_id),
                )
            case LookUpChange():
                return self._look_up_unwritten(message, cause)
            case LookUpResolution():
                return ResolutionLookedUp(request=message.request, order=None, cause=cause)
            case UndoAcceptance():
                answer = AcceptanceUndone(name=message.name, undone=None, cause=cause)
                return UndoRecorded(answer=answer, reply_to=message.reply_to)
            case Record(item=TradingDecision()):
                self._trading_state = message
                self._wind()
            case RecordFills() | RecordExternalMove() | Record():
                self._try_again(message)
            case RecordExternalOrder():
                return self._take_external_beside(message)
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
            self._timer.tell_after(TRY_AGAIN_S, self.actor_ref, CommitNow(lingered=True, is_retry=True))

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
            isinstance(message, RegisterOrder | LookUpOrder | LookUpChange | LookUpResolution) for message in batch
        )
        with self._repository.transaction(synced=synced):
            new = [one.command.command_id for one in batch if isinstance(one, RegisterOrder)]
            known = self._repository.known(new) if new else {}
            letters = [self._write(message, known) for message in batch]
        self._mind_success()
        if new:
            self._see(new)
        early = self._repository.take_early_fills()
        if early:
            # The database refused the event that brings their order's number: that one is tried again too.
            self._try_again(RecordFills(fills=early))
        return letters

    def _write_alone(self, message: Write) -> CommandInbox | None:
        try:
            return self._write_group([message])[0]
        except StorageError as error:
            self._mind_the_lock(error)
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
                    recorded = self._repository.update_status(message.command_id, message.event, message.at)
                except (IllegalTransitionError, UnknownOrderError) as error:
                    return EventIllegal(command_id=message.command_id, event=message.event, cause=str(error))
                return EventRecorded(
                    order=recorded.order, event=message.event, late=recorded.late, again=recorded.again
                )
            case LookUpChange():
                return self._change_looked_up(message)
            case LookUpResolution():
                return ResolutionLookedUp(
                    request=message.request,
                    order=self._repository.get(message.request.command_id),
                    cause="no such order",
                )
            case RecordFills():
                self._repository.add_fills(message.fills)
            case RecordExternalOrder():
                kept = self._repository.keep_external_order(message.order)
                if self._external.pop(message.order.command.command_id, None) is not None:
                    return None  # it was told when it was seen
                return ExternalOrderRecorded(order=kept, known=kept is not message.order)
            case RecordExternalMove():
                self._resolve(message)
                return ExternalMoveRecorded(
                    recon_break=message.recon_break, kind=message.kind, reason=message.reason, ended=message.ended
                )
            case UndoAcceptance():
                undone = self._repository.moves.undo_acceptance(message.name, message.reason, message.at)
                answer = AcceptanceUndone(name=message.name, undone=undone)
                return UndoRecorded(answer=answer, reply_to=message.reply_to)
            case Record():
                self._keep(message.item)
            case _:
                assert_never(message)
        return None

    def _keep(self, item: Recordable) -> None:
        """Write one item into its table."""
        match item:
            case TradingDecision():
                self._repository.desk_state.set_trading_state(item.state, item.reason, self._clock.now())
            case FlattenRequest():
                self._repository.flatten_requests.keep(item)
            case FlattenEnd():
                self._repository.flatten_requests.end(item.request_id, item.at, item.missing)
            case ArmedStop():
                self._repository.stops.keep(item)
            case RiskDay():
                self._repository.desk_state.keep_risk_day(item)
            case BasketRecord():
                self._repository.baskets.keep(item)
            case AlertRecord():
                self._repository.alerts.keep(item)
            case Expiry():
                self._repository.desk_state.keep_expiry(item.exchange, item.symbol, item.expires_on)
            case WriteOff():
                self._repository.write_offs.keep(item)
            case _:
                assert_never(item)

    def _resolve(self, message: RecordExternalMove) -> None:
        """Write a move, and with it which strategies hold something no more."""
        resolved = message.recon_break
        self._repository.moves.resolve_break(resolved, message.reason, message.at, message.kind)
        for strategy, units in message.ended:
            assert resolved.key is not None, "only of a position units end"
            position_key = PositionKey(strategy, resolved.key)
            ended = WriteOff(
                position_key=position_key, units=units, reason=message.reason, at=message.at, price=resolved.price
            )
            self._repository.write_offs.keep(ended)

    def _recall(self) -> DeskSnapshot:
        self._commit_next(lingered=True)
        snapshot = self._read(self._snapshot)
        self._see(order.command.command_id for order in snapshot.orders)
        return snapshot

    def _snapshot(self) -> DeskSnapshot:
        now = self._clock.now()
        state, reason = self._repository.desk_state.trading_state()
        written = self._repository.remembered_orders(now)
        names = {order.command.command_id for order in written}
        # What the database has not taken yet may have been sent all the same.
        beside = (one for one in self._beside.waiting if one.command.command_id not in names)
        return DeskSnapshot(
            orders=(*written, *beside),
            positions=self._repository.roll_ups.older_positions(now),
            orders_today=self._repository.roll_ups.sent_today(now),
            trading_state=state,
            reason=reason,
            moved=self._repository.moves.units(now),
            accepted=self._repository.moves.accepted_today(now),
            accepted_units=self._repository.moves.accepted_units(now),
            against_ours=self._repository.moves.against_ours(now),
            vanished=self._repository.moves.vanished(),
            ended=self._repository.moves.ended(),
            closed_at=self._repository.write_offs.closed_at(now),
            expiries=self._repository.desk_state.expiries(),
            requests=self._repository.flatten_requests.open(),
            ended_requests=self._repository.flatten_requests.ended(now),
            armed_stops=self._repository.stops.read(now),
            unarmed=self._repository.unarmed_entries(),
            risk_days=self._repository.desk_state.risk_days(),
            baskets=self._repository.baskets.read(),
            alerts=self._repository.alerts.unfinished(),
            written_off=self._repository.write_offs.counted(now),
            last_prices=self._repository.roll_ups.last_prices(),
            ended_in_order=self._beside.ended_in_order,
            stored_by=self._repository.journal.runs_of_sending(written),
        )

    def _read(self, read: Callable[[], Found]) -> Found:
        """Read; raise `UnreadableError` with one sentence where the database does not let us."""
        with self._repository.reading():
            return read()

    def _newest(self, message: FindOrders) -> tuple[Order, ...]:
        """Return the newest orders, those first that the database has not taken yet; no more than one turn may take."""
        beside = {one.command.command_id: one for one in reversed(self._beside.waiting)}
        named = message.reference
        told = (one for one in beside.values() if named is None or is_named(one, named))
        first = () if message.before is not None else tuple(told)
        before = None if message.before in beside else message.before
        limit = min(message.limit, ORDERS_A_TURN_MAX)
        written = self._repository.newest_orders(limit, open_only=message.open_only, before=before, reference=named)
        return (*first, *(one for one in written if one.command.command_id not in beside))

    def _timeline(self, command_id: str) -> Timeline | None:
        beside = self._beside.find(command_id)
        order = self._repository.get(command_id)
        if order is None and beside is not None:
            return Timeline(order=beside, lines=(_registered_beside(beside),))
        return None if order is None else Timeline(order=order, lines=self._repository.journal.lines(command_id))


def _name_in(message: Write) -> str | None:
    """Return the command id that a write speaks of, or None when it speaks of no one order."""
    match message:
        case RegisterOrder():
            return message.command.command_id
        case LookUpOrder() | RecordEvent():
            return message.command_id
        case LookUpChange():
            return message.command.command_id
        case LookUpResolution():
            return message.request.command_id
        case RecordExternalOrder():
            return message.order.command.command_id
        case RecordFills() | RecordExternalMove() | UndoAcceptance() | Record():
            return None


def _is_urgent(message: Write) -> bool:
    """Say whether an exit, or a cancel, goes on with this write."""
    match message:
        case RegisterOrder():
            return message.command.intent is Intent.EXIT
        case RecordEvent():
            return message.is_urgent
        case LookUpChange():
            return message.command.kind is ChangeKind.CANCEL
        case _:
            return False


def _can_wait(message: Write) -> bool:
    """Say whether a lock that ends soon makes this write's no a yes. What nobody leads is tried again anyway."""
    pending = isinstance(message, RegisterOrder | LookUpOrder | LookUpChange | LookUpResolution | RecordEvent)
    return pending and not _is_urgent(message)


def _registered_beside(order: Order) -> JournalLine:
    """Return the first line of an exit's journal, as the database will have it."""
    return JournalLine(
        command_id=order.command.command_id,
        at=order.created_at,
        event=REGISTERED,
        state_before=None,
        state_after=order.state.value,
        tag=None,
        note="",
        changes={"state": order.state.value, "quantity": order.quantity},
        inputs={"kept_in": "exit journal"},
    )


def _was_told(message: Write) -> bool:
    """Say whether nothing waits for this write: an acceptance has been told, and frees nothing in the guard."""
    return isinstance(message, RecordFills) or (
        isinstance(message, RecordEvent) and message.event.kind is Event.ACCEPTED
    )
