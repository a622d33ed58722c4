"""One desk per account: who holds it, since when, and how a second one is kept out.

The lease is a lock of the operating system, so it ends with its process, however that ends: a stale one can't be.
Beside the lock lies a note for people that says who holds it; nothing is decided from the note. It keeps apart desks of
one machine. Two machines, or a network file system without locks, are beyond it.
"""

import json
import os
import socket
from datetime import datetime
from pathlib import Path
from typing import Final

from filelock import FileLock, Timeout
from platformdirs import user_state_path

from storage.database import StorageError

_NOTE_SUFFIX: Final = ".holder.json"


class LeaseHeldError(StorageError):
    """Another desk has the account; says who, since when, and what to do."""


class Lease:
    """Owns the locks of one account until `release`."""

    def __init__(self, locks: list[FileLock]) -> None:
        self._locks = locks

    @property
    def paths(self) -> tuple[Path, ...]:
        """Return the files whose locks keep others out, while they are these files."""
        return tuple(Path(lock.lock_file) for lock in self._locks)

    def release(self) -> None:
        """Let another desk have the account; nothing happens the second time."""
        for lock in reversed(self._locks):
            lock.release()
        self._locks = []


def take_lease(database_path: Path, client_id: str, *, live: bool, now: datetime) -> Lease:
    """Take the account for this process, or raise `LeaseHeldError`; `StorageError` where no lock can be made.

    The lock lies beside the database. With live money a second one lies in the user's own state directory, so that two
    data directories of one user can't trade the same account.
    """
    places = [database_path.parent]
    if live:
        places.append(user_state_path("shoonya-desk"))
    locks: list[FileLock] = []
    try:
        for place in places:
            locks.append(_lock(place / f"{client_id}.lease", client_id, database_path, now))  # noqa: PERF401  kept if the next fails
    except StorageError:
        Lease(locks).release()
        raise
    return Lease(locks)


def _lock(path: Path, client_id: str, database_path: Path, now: datetime) -> FileLock:
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        lock = FileLock(path)
        lock.acquire(timeout=0)
    except Timeout:
        raise LeaseHeldError(
            f"the account {client_id} is held by another desk ({_holder(path)}); stop that one first, "
            "as two desks would trade it twice"
        ) from None
    except OSError as error:
        raise StorageError(
            f"no lease can be taken at {path} ({error}); see that the directory may be written"
        ) from error
    note = {"pid": os.getpid(), "host": socket.gethostname(), "since": now.isoformat(timespec="seconds")}
    _write_note(path, note | {"database": str(database_path)})
    return lock


def _write_note(path: Path, note: dict[str, object]) -> None:
    """Write for people, whole or not at all; a note that can't be written costs nobody the account."""
    fresh = path.with_suffix(f".{os.getpid()}.tmp")
    try:
        fresh.write_text(json.dumps(note), encoding="utf-8")
        fresh.replace(path.with_name(path.name + _NOTE_SUFFIX))
    except OSError:
        fresh.unlink(missing_ok=True)


def _holder(path: Path) -> str:
    """Say who holds the lease, by the note; a holder that is just starting may not have written it yet."""
    try:
        note = json.loads(path.with_name(path.name + _NOTE_SUFFIX).read_text(encoding="utf-8"))
        return f"process {note['pid']} on {note['host']}, since {note['since']}, with {note['database']}"
    except (OSError, ValueError, KeyError, TypeError):
        return "it has not said which"
