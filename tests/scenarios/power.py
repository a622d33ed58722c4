"""A desk whose power can be cut: `main.py` as it is, on a disk that keeps a picture of what a cut would leave.

A killed process leaves all that it has written; a machine that loses its power leaves what was synced. So before each
commit that nobody waits for, the database's files are copied as they stand, and the copy is forgotten when the next
sync begins. Started as `python -m tests.scenarios.power`, with the words of the command line behind it.
"""

import os
import shutil
import sqlite3
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

import peewee

import storage.database
from main import main

LOG_BYTES: Final = 64 * 1024
"""The desk grows its log to megabytes at each start, for speed alone; here it is copied all the time."""
NAME: Final = "synced"


def is_unsynced(folder: Path) -> bool:
    """Say whether a cut would now take something from the database in this folder."""
    return (folder / NAME).exists()


def cut(folder: Path) -> bool:
    """Leave of a killed desk's database what a cut of the power would have left; return whether anything was lost."""
    picture = folder / NAME
    if not picture.exists():
        return False
    for stale in folder.glob("desk.db*"):
        stale.unlink()
    for kept in picture.iterdir():
        shutil.move(kept, folder / kept.name)
    picture.rmdir()
    return True


class Connection(sqlite3.Connection):
    """The driver's connection; a commit that is not synced leaves a picture of what was before."""

    is_synced = True

    def execute(self, sql: str, *given: Any) -> Any:  # noqa: ANN401  the driver's own
        return self.run(sql, lambda: super(Connection, self).execute(sql, *given))

    def cursor(self, *_: Any, **__: Any) -> Any:  # noqa: ANN401  the driver's own
        return super().cursor(factory=Cursor)

    def run(self, sql: str, run: Callable[[], Any]) -> Any:  # noqa: ANN401  the driver's own
        if sql.startswith("PRAGMA synchronous"):
            self.is_synced = "NORMAL" not in sql
        if sql == "COMMIT":
            _forget() if self.is_synced else _keep()
        return run()


class Cursor(sqlite3.Cursor):
    """A cursor of peewee's: as the connection."""

    def execute(self, sql: str, *given: Any) -> Any:  # noqa: ANN401  the driver's own
        connection: Any = self.connection
        return connection.run(sql, lambda: super(Cursor, self).execute(sql, *given))


_database = Path()


def _keep() -> None:
    """Keep the picture of the last sync; what is committed after it is on no disk."""
    folder = _database.parent
    if is_unsynced(folder):
        return
    part = folder / "synced.part"
    shutil.rmtree(part, ignore_errors=True)
    part.mkdir()
    for one in (_database, _database.with_name(f"{_database.name}-wal")):
        shutil.copyfile(one, part / one.name)
    part.rename(folder / NAME)


def _forget() -> None:
    """Forget the picture before the sync begins: a cut in its midst may find all of it on the disk."""
    folder = _database.parent
    if is_unsynced(folder):
        old = folder / "synced.old"
        shutil.rmtree(old, ignore_errors=True)
        (folder / NAME).rename(old)


def _connect(self: Any) -> Any:  # noqa: ANN401  peewee's own
    global _database  # noqa: PLW0603  one desk is one process with one database
    _database = Path(self.database)
    connection = sqlite3.connect(_database, isolation_level=None, timeout=self._timeout or 5, factory=Connection)
    self._add_conn_hooks(connection)
    return connection


class _Os:
    """What the storage asks of the machine."""

    def fsync(self, number: int) -> None:
        _forget()
        os.fsync(number)


if __name__ == "__main__":
    put: list[tuple[Any, str, Any]] = [
        (peewee.SqliteDatabase, "_connect", _connect),
        (storage.database, "WAL_BYTES_AT_START", LOG_BYTES),
        (storage.database, "os", _Os()),
    ]
    for owner, name, value in put:
        setattr(owner, name, value)
    main()
