"""What a lock of another process costs: a group waits for it once, and then nobody does until something is written."""

from domain.ports import Clock
from domain.settings import StorageSettings
from storage.database import LOCK_WAIT_MS, StorageError
from storage.repository import OrderRepository


class LockWait:
    """Owns since when another process has locked the file (monotonic seconds), and how long a statement waits."""

    def __init__(self, repository: OrderRepository, clock: Clock, settings: StorageSettings) -> None:
        self._repository = repository
        self._clock = clock
        self._lock_wait_max_ms = settings.busy_timeout_ms
        self._statement_wait_ms = min(LOCK_WAIT_MS, settings.busy_timeout_ms)
        self._locked_at_s: float | None = None
        repository.wait_for_locks(self._statement_wait_ms)

    def note(self, error: StorageError) -> None:
        """Remember a lock: until something is written, nothing waits for it in this thread any more."""
        if error.locked and self._locked_at_s is None:
            self._locked_at_s = self._clock.monotonic()
            self._repository.wait_for_locks(0)

    def note_success(self) -> None:
        """Remember that the database takes writes."""
        if self._locked_at_s is not None:
            self._locked_at_s = None
            self._repository.wait_for_locks(self._statement_wait_ms)

    def may_end_soon(self) -> bool:
        """Say whether what can wait is still held back for this lock."""
        assert self._locked_at_s is not None
        return self._clock.monotonic() - self._locked_at_s < self._lock_wait_max_ms / 1000

    def wait_at_the_end(self) -> None:
        """Wait as long as may be: nobody decides in this thread any more."""
        self._repository.wait_for_locks(self._lock_wait_max_ms)
