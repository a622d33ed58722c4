"""Steps 1, 3 and 5: owns the only database connection that writes; people read by their own (`storage/history.py`).

Writes are committed in groups: one transaction for what the mailbox holds when the first of them comes, and only then
the replies. What comes later makes the next group, so that an exit waits for no stream of entries; and what no order
waits for lingers a few milliseconds, to share a commit. A bad message never fails its neighbours: when a group breaks
inside one of its messages, each is written alone.

While another process has locked the file nobody's thread waits for it: what can wait is held back and tried again for
`storage.busy_timeout_ms`, what can't (exits, cancels, a halt) is answered at once and written later. An exit that can't
be registered is kept in the exit journal (`journaled_exits.py`), and is the first to be written when the lock is gone.
"""

from typing import Any, Final, assert_never

from loguru import logger

from actors.messages.books import UndoAcceptance
from actors.messages.inboxes import CommandInbox, RepoInbox
from actors.messages.persistence import (
    FindUnwritten,
    ForgetRegistration,
    LoadSnapshot,
    LookUpOrder,
    Record,
    RecordEvent,
    RecordExternalMove,
    RecordExternalOrder,
    RecordFills,
    RegisterOrder,
)
from actors.messages.query import Query
from actors.messages.timer import TimerFired
from actors.repo.journaled_exits import JournaledExits
from actors.repo.lock_wait import LockWait
from actors.repo.refusals import Refusals
from actors.repo.snapshot import load_snapshot
from actors.repo.write_queue import WriteQueue, without
from actors.repo.writer import Writer
from actors.repo.writes import Write, lingers, name_of, needs_sync, order_in
from actors.runtime.address import post
from actors.runtime.mailboxes import Mailboxes, Runtime
from actors.runtime.shared_thread import SharedThreadActor
from domain.read_models import Unwritten
from domain.settings import StorageSettings
from domain.snapshot import DeskSnapshot
from storage.database import StorageError, open_database, reading
from storage.exit_journal import ExitJournalFile
from storage.repository import OrderRepository

TRY_AGAIN_S: Final = 1.0
LOCK_AGAIN_S: Final = 0.1
"""So often what is held back by a lock is tried again."""
GROUP_MAX: Final = 64
"""So many writes begin a transaction, however many more wait in the mailbox."""
LINGERED: Final = 0
RETRY: Final = 1


class RepoActor(SharedThreadActor):
    """Owns the database, and the writes that wait for it."""

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
        self._queue = WriteQueue()
        self._retries = False
        self._to_come: int | None = None
        """So many of the messages that waited when the group began have yet to be taken up."""
        self._beside = JournaledExits(ExitJournalFile(settings.path))
        self._trouble: str | None = None

    def on_start(self) -> None:
        """Open the database in this thread. What went wrong is told to whoever asks `LoadSnapshot`."""
        try:
            self._database = open_database(self._settings, is_checked=not self._beside.follow_a_clean_end())
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
        self._lock = LockWait(self._repository, self._clock, self._settings)
        self._writer = Writer(self._repository, self._clock)
        self._refusals = Refusals(self._repository, self._writer, self._queue, self._beside, self._clock)
        self._see_to_retry()

    def on_stop(self) -> None:
        """Write what still waits, and close."""
        if self._trouble is None:
            self._lock.wait_at_the_end()
            self._commit_next(lingered=True)
            self._beside.close()
            self._database.close()

    def on_receive(self, message: RepoInbox) -> Any:  # noqa: ANN401  the answers of the queries, for ask
        """Gather writes while more are waiting; answer a start, and who asks what is not on disk."""
        if self._trouble is not None:
            self._say_unopened(message, self._trouble)
            return None
        match message:
            case (
                RegisterOrder()
                | LookUpOrder()
                | RecordEvent()
                | RecordFills()
                | RecordExternalOrder()
                | RecordExternalMove()
                | UndoAcceptance()
                | Record()
            ):
                self._gather(message)
            case TimerFired():
                self._retries = self._retries and message.turn != RETRY
                self._commit_next(lingered=True)
            case ForgetRegistration():
                if self._beside.forget(message.command_id):
                    self._commit_gathered()
                else:
                    now = self._clock.now()
                    self._gather(RecordEvent(command_id=message.command_id, event=message.blocked, at=now))
            case FindUnwritten():
                self._commit_next(lingered=True)
                return Unwritten(writes=len(self._queue.unwritten), exits=self._beside.waiting)
            case LoadSnapshot():
                self._commit_next(lingered=True)
                snapshot = load_snapshot(self._repository, self._beside, self._clock)
                self._refusals.see(order.command.command_id for order in snapshot.orders)
                self._keep_carried(snapshot)
                return snapshot
            case _:
                assert_never(message)
        return None

    def _keep_carried(self, snapshot: DeskSnapshot) -> None:
        """Keep what past days come to, so that no start counts them again; where that fails, the next one does."""
        roll_ups = self._repository.roll_ups
        try:
            with reading():
                until = roll_ups.countable(self._clock.now(), snapshot.unarmed)
            if until is not None:
                with self._repository.transaction(synced=False):
                    roll_ups.keep_carried(until)
        except StorageError as error:
            logger.warning("past days are counted again at the next start: {}", error)

    def _say_unopened(self, message: RepoInbox, trouble: str) -> None:
        """Tell who asks why nothing can be read; what is told without asking ends with the start that has failed."""
        if isinstance(message, Query):
            raise StorageError(trouble)
        logger.debug("not written: {} ({})", type(message).__name__, trouble)

    def _gather(self, message: Write) -> None:
        """Keep the write for the next group: it ends with what waited when its first came, however much follows."""
        self._queue.add(message)
        if self._queue.lingering == 1 and lingers(message):
            self._timer.tell_after(self._settings.commit_linger_ms / 1000, self.actor_ref, TimerFired(turn=LINGERED))
        if self._queue.gathered:
            self._to_come = self.actor_inbox.qsize() if self._to_come is None else self._to_come - 1
            if self._to_come <= 0 or self._queue.gathered >= GROUP_MAX:
                self._commit_gathered()

    def _commit_gathered(self) -> None:
        """Write what somebody waits for. Whatever is no write comes here first: readers keep no exit waiting."""
        if self._queue.gathered:
            self._commit_next(lingered=False)

    def _commit_next(self, *, lingered: bool) -> None:
        self._to_come = None
        self._commit(self._queue.take(lingered=lingered))
        self._queue.end_group()
        self._see_to_retry()

    def _see_to_retry(self) -> None:
        """See to it that what the database did not take is tried again: one clock for all of it."""
        if (self._queue.unwritten or self._beside) and not self._retries:
            self._retries = True
            self._timer.tell_after(TRY_AGAIN_S, self.actor_ref, TimerFired(turn=RETRY))

    def _commit(self, batch: list[Write]) -> None:
        if self._beside:
            batch = self._write_beside(batch)
        early = self._refusals.too_early(batch)
        self._write(without(batch, early))
        for one in early:
            letter = self._refuse(one, "fills that were told before it wait for the database")
            if letter is not None:
                post(self._command, letter)

    def _write(self, batch: list[Write]) -> None:
        if not batch:
            return
        try:
            letters = self._write_group(batch)
        except StorageError as error:
            # A group that could not even begin fails whole; one that broke is taken apart.
            self._lock.note(error)
            if error.locked and not error.began:
                batch = self._hold_back(batch)
            letters = [self._write_alone(one) if error.began else self._refuse(one, str(error)) for one in batch]
        for letter in letters:
            if letter is not None:
                post(self._command, letter)

    def _write_group(self, batch: list[Write]) -> list[CommandInbox | None]:
        """Write a group as one transaction; return the answers that are still to be told, one a write."""
        with self._repository.transaction(synced=any(map(needs_sync, batch))):
            letters = self._writer.write(batch)
        self._lock.note_success()
        self._refusals.have_written(batch)
        self._refusals.see(one.command.command_id for one in batch if isinstance(one, RegisterOrder))
        early = self._repository.take_early_fills()
        if early:
            # The database refused the event that brings their order's number: that one is tried again too.
            self._queue.try_again(RecordFills(fills=early))
        return [None if self._refusals.was_told(one) else letter for one, letter in zip(batch, letters, strict=True)]

    def _write_alone(self, message: Write) -> CommandInbox | None:
        try:
            return self._write_group([message])[0]
        except StorageError as error:
            self._lock.note(error)
            return self._refuse(message, str(error))

    def _refuse(self, message: Write, cause: str) -> CommandInbox | None:
        # Told aloud once: what is tried with every group must not fill the disk whose being full may be the cause.
        level = "DEBUG" if self._queue.was_told(message) else "ERROR"
        logger.log(level, "not written: {} ({})", name_of(message), cause)
        return self._refusals.answer(message, cause)

    def _hold_back(self, batch: list[Write]) -> list[Write]:
        """Hold back what can wait for a lock that may end soon; return what is to be answered now."""
        if not self._lock.may_end_soon():
            return batch
        held, rest = self._queue.hold_back(batch)
        if held:
            self._timer.tell_after(LOCK_AGAIN_S, self.actor_ref, TimerFired(turn=LINGERED))
        return rest

    def _write_beside(self, batch: list[Write]) -> list[Write]:
        """Write first the exits that wait; answer what is about one that still does, and return the rest."""
        waiting = self._beside.waiting
        try:
            with self._repository.transaction():
                known = self._repository.known([one.command.command_id for one in waiting]) if waiting else {}
                for order in waiting:
                    if order.command.command_id not in known:
                        self._repository.create_late(order)
        except StorageError as error:
            self._lock.note(error)
            early = [one for one in batch if self._beside.find(order_in(one)) is not None]
            for one in early:
                letter = self._refuse(one, f"its registration waits for the database: {error}")
                if letter is not None:
                    post(self._command, letter)
            return without(batch, early)
        self._lock.note_success()
        self._refusals.see(one.command.command_id for one in waiting)
        self._beside.have_been_written()
        return batch
