"""Step 1 without the database: the exits that it did not take. A part of RepoActor, in its thread.

An exit never waits for the database. One that could not be registered is kept in the exit journal, and leaves; the
database gets it before anything else that is told of it. What the last run left in the journal may have been sent.
"""

from loguru import logger

from domain.orders.order import Order
from storage.database import StorageError
from storage.exit_journal import ExitJournal


class JournaledExits:
    """Owns the exits that wait for the database by command id, and the journal that keeps them meanwhile."""

    def __init__(self, journal: ExitJournal) -> None:
        self._journal = journal
        self._waiting: dict[str, Order] = {}
        self._is_approved = True
        self.ended_in_order = True
        """Whether the last run left nothing that only the broker knows of."""

    def __bool__(self) -> bool:
        """Say whether anything is still to be written or emptied."""
        return bool(self._waiting) or not self._is_approved

    @property
    def waiting(self) -> tuple[Order, ...]:
        """Return the exits that the database has not taken, oldest first, as they were registered."""
        return tuple(self._waiting.values())

    def find(self, command_id: str | None) -> Order | None:
        """Return the exit with this command id, as it was registered; None where none waits."""
        return None if command_id is None else self._waiting.get(command_id)

    def follow_a_clean_end(self) -> bool:
        """Say whether the last run has ended in order and left nothing, before `take_up`."""
        try:
            return self._journal.is_closed() and not self._journal.read()
        except StorageError:
            return False

    def take_up(self) -> None:
        """Take up what the last run left; raise `StorageError` where nobody can say what that is."""
        self._waiting = {order.command.command_id: order for order in self._journal.read()}
        self._is_approved = not self._waiting
        try:
            self.ended_in_order = self._journal.open()
        except StorageError as error:
            self.ended_in_order = False
            logger.warning("exits can't be kept beside the database while that lasts: {}", error)
        if self._waiting:
            logger.warning("the exit journal has {} that may have been sent", ", ".join(self._waiting))

    def keep(self, order: Order) -> str:
        """Keep an exit; return why it is on no disk, or an empty text when it is."""
        self._waiting[order.command.command_id] = order
        try:
            self._journal.append(order)
        except StorageError as error:
            logger.critical("{} is known in memory alone: {}", order.command.command_id, error)
            return str(error)
        self._is_approved = False
        return ""

    def forget(self, command_id: str) -> bool:
        """Forget an exit that was never sent, and that no disk knows; return False where the database has it by now."""
        return self._waiting.pop(command_id, None) is not None

    def have_been_written(self) -> None:
        """Clear the journal: the database has every exit of it. Where that fails it is tried again."""
        self._waiting.clear()
        try:
            self._journal.clear()
        except StorageError as error:
            logger.warning("the exit journal is emptied later: {}", error)
        else:
            self._is_approved = True

    def close(self) -> None:
        """End in order; what still waits is left to the next start."""
        if self:
            return
        try:
            self._journal.close()
        except StorageError as error:
            logger.warning("the next start will take this run's end for a kill: {}", error)
