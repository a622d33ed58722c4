"""Opening the database: durable, one connection, migrated, ready for quick commits."""

import os
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

import peewee
from loguru import logger
from playhouse.migrations import MigrationError, Runner

from domain.settings import StorageSettings
from storage.models import database_proxy

LOCK_WAIT_MS: Final = 100
"""A statement of a running desk waits no longer for a lock: the thread that decides waits with it."""
SQLITE_MIN: Final = (3, 33, 0)
"""The first that updates many orders by one statement (`batch.py`)."""
MIGRATIONS: Final = Path(__file__).parent / "migrations"
WAL_BYTES_AT_START: Final = 4 * 1024 * 1024


class StorageError(Exception):
    """The database did not do what was asked; says what, and what to do.

    `began` is False when nothing was tried; `locked`: another process has the file, and it may help to wait.
    """

    def __init__(self, message: str, *, began: bool = False, locked: bool = False) -> None:
        super().__init__(message)
        self.began = began
        self.locked = locked


class UnreadableError(StorageError):
    """The database can't be read just now; says so in one sentence."""


def is_locked(error: Exception) -> bool:
    """Say whether SQLite refused because another connection has the file."""
    return isinstance(error, sqlite3.OperationalError | peewee.OperationalError) and "locked" in str(error)


def open_to_read(path: Path) -> sqlite3.Connection:
    """Open the database for reading alone, beside the desk that writes; raise sqlite3's errors."""
    return sqlite3.connect(
        f"{path.absolute().as_uri()}?mode=ro", uri=True, timeout=LOCK_WAIT_MS / 1000, isolation_level=None
    )


@contextmanager
def reading() -> Iterator[None]:
    """Raise `UnreadableError`, in words for a person, where what is read within can't be."""
    try:
        yield
    except (sqlite3.DatabaseError, peewee.DatabaseError) as error:
        message = "end what locks the file, or make the disk readable; exits, cancels and halts go on meanwhile"
        locked = is_locked(error)
        raise UnreadableError(f"the database can't be read just now ({error}); {message}", locked=locked) from error


def open_database(settings: StorageSettings, *, is_checked: bool = True) -> peewee.SqliteDatabase:
    """Open the file in the caller's thread, bring its schema up to date, and make commits durable.

    `journal_mode=WAL` with `synchronous=FULL`: a commit that returned is on disk. Raises `StorageError`.

    Where it `is_checked`, every page is read before: what is damaged is refused (`storage/integrity.py`).
    """
    if sqlite3.sqlite_version_info < SQLITE_MIN:
        raise StorageError(
            f"this Python has SQLite {sqlite3.sqlite_version}, and the desk needs {'.'.join(map(str, SQLITE_MIN))} or "
            "newer; use a Python that was built on a newer system"
        )
    path = settings.path
    database = peewee.SqliteDatabase(
        str(path),
        autoconnect=False,
        pragmas={
            "journal_mode": "wal",
            "synchronous": "full",
            "busy_timeout": settings.busy_timeout_ms,
            "foreign_keys": 1,
        },
    )
    database_proxy.initialize(database)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        database.connect()
        if is_checked:
            _check(database)
        _refuse_newer(database)
        _migrate(database)
        _grow_the_log(database)
    except StorageError:
        database.close()
        raise
    except (peewee.DatabaseError, MigrationError, OSError) as error:
        database.close()
        raise StorageError(
            f"the database {path} cannot be used ({error}); check that the disk has room and that "
            "the file may be written and is a database of this desk"
        ) from error
    return database


def _migrate(database: peewee.SqliteDatabase) -> None:
    """Bring the schema up to date; one that is needs no write, so that a desk starts beside whoever holds the lock."""
    runner = Runner(database, str(MIGRATIONS))
    if any(one.applied is None for one in runner.status()):
        runner.up()


def _check(database: peewee.SqliteDatabase) -> None:
    """Refuse a database that is damaged: trading on it would lose what it knows."""
    verdict = database.execute_sql("PRAGMA quick_check(1)").fetchone()[0]
    if verdict != "ok":
        raise StorageError(damage_told(Path(database.database), verdict))


def damage_told(path: Path, verdict: str) -> str:
    """Say in a sentence that the database is damaged, and what to do."""
    message = " ".join(verdict.split())
    return (
        f"the database {path} is damaged ({message}); move it away and restore a backup, "
        "or start without one: the broker's books hold today's orders and positions, older ones would be lost"
    )


def _refuse_newer(database: peewee.SqliteDatabase) -> None:
    """Refuse a database that a newer desk has written."""
    unknown = [one.name for one in Runner(database, str(MIGRATIONS)).status() if one.path is None]
    if unknown:
        raise StorageError(
            f"the database {database.database} was written by a newer desk (it has {unknown[-1]}); start that one"
        )


def sync_log(database: peewee.SqliteDatabase) -> None:
    """Put on the disk what was committed without waiting for it, also while no transaction can begin.

    Raises `StorageError`. SQLite locks the database and its index, never the log, so opening it here frees no lock.
    """
    try:
        with Path(f"{database.database}-wal").open("rb+") as log:
            os.fsync(log.fileno())
    except OSError as error:
        raise StorageError(f"the write-ahead log could not be synced: {error}") from error


def _grow_the_log(database: peewee.SqliteDatabase) -> None:
    """Give the write-ahead log its length beforehand: a commit that does not grow the file is half as slow."""
    try:
        with database.atomic():
            database.execute_sql("CREATE TABLE grow (filler BLOB)")
            database.execute_sql("INSERT INTO grow VALUES (zeroblob(?))", (WAL_BYTES_AT_START,))
            database.execute_sql("DROP TABLE grow")
        database.execute_sql("PRAGMA wal_checkpoint(RESTART)").fetchall()
    except peewee.OperationalError as error:
        if not is_locked(error):
            raise
        logger.warning("the write-ahead log was not grown: another process has locked the database ({})", error)
