"""The database under the simulation: the real file, statement by statement, and what a crash leaves of it.

A killed process leaves what it has written. A power cut leaves less: of the write-ahead log only what was synced. Both
leave a picture of the files, and the next life begins from that.
"""

import os
import re
import shutil
import sqlite3
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import datetime
from functools import cache, partial
from pathlib import Path
from typing import Any, Final

import peewee

import actors.wiring
import storage.database
import storage.exit_journal
from broker.http.wire_log import SUFFIX as WIRE_SUFFIX
from broker.http.wire_log import WireLog
from domain.orders.lifecycle import Event
from domain.orders.order import OrderEvent
from domain.settings import StorageSettings
from storage.database import StorageError
from storage.exit_journal import SUFFIX
from storage.repository import OrderRepository
from tests.simulation.exchange import Placed
from tests.simulation.scheduler import Crash, Scheduler
from tests.simulation.stand_in import standing_in

_WRITES: Final = ("INSERT", "UPDATE", "DELETE", "REPLACE", "BEGIN", "COMMIT", "CREATE", "DROP", "ALTER")
_BUSY: Final = re.compile(r"busy_timeout\s*=\s*(\d+)")
LOG_BYTES: Final = 64 * 1024
"""The desk grows its log to megabytes at each start; that is for speed alone, and here it would be for slowness."""


class Disk:
    """Owns the database's file, one after the other: a new one for each life."""

    def __init__(self, folder: Path, scheduler: Scheduler) -> None:
        self._folder = folder
        self._lives = 0
        self._synced = folder / "synced"
        self._open: list[Connection] = []
        self.scheduler = scheduler
        self.path = folder / "life0" / "desk.db"
        self.path.parent.mkdir(parents=True)
        self.refuses_until_s = -1.0
        self.locked_until_s = -1.0
        """Until then another process has the database: it can be read, and no transaction begins."""
        self.refused = 0
        self.journal_refuses_until_s = -1.0
        self.journal_refused = 0
        self._journal: bytes | None = None
        """The exit journal as it is on the disk after a cut of the power."""
        self.boots = 1
        self._asked = 0
        self.commits = 0
        self.unsynced = 0
        self.may_lose_power = False
        self.locked_until_s = -1.0
        self.after_commit: Callable[[], None] = lambda: None

    def refuses(self, word: str) -> bool:
        """Say whether this statement is refused: some groups may begin, and fail later."""
        if self.is_locked():
            return word == "BEGIN"
        if self.scheduler.clock.seconds >= self.refuses_until_s:
            return False
        self._asked += 1
        return word != "BEGIN" or self._asked % 2 == 0

    def is_refusing(self) -> bool:
        return self.is_locked() or self.scheduler.clock.seconds < self.refuses_until_s

    def is_locked(self) -> bool:
        """Say whether another process holds the file."""
        return self.scheduler.clock.seconds < self.locked_until_s

    def wait_for_lock(self, busy_s: float) -> bool:
        """Wait, as long as the driver does, for another process to let go; say whether it did."""
        until_s = self.scheduler.clock.seconds + busy_s
        self.scheduler.hold_up(min(until_s, self.locked_until_s))
        if self.scheduler.crashed:
            raise Crash
        return not self.is_locked()

    def before_unsynced(self) -> None:
        """Keep the picture that a power cut would leave: all that follows up to the next sync is on no disk."""
        if self.unsynced == 0 and self.may_lose_power:
            shutil.rmtree(self._synced, ignore_errors=True)
            _copy(self.path, self._synced)

    def committed(self, *, synced: bool) -> None:
        self.commits += 1
        self.unsynced = 0 if synced else self.unsynced + 1
        self.after_commit()

    def synced(self) -> None:
        """The log was synced on its own."""
        self.unsynced = 0

    @property
    def journal_path(self) -> Path:
        return self.path.with_name(f"{self.path.name}{SUFFIX}")

    def journal_synced(self) -> None:
        """The exit journal, or its folder, was synced."""
        self._journal = self.journal_path.read_bytes() if self.journal_path.exists() else None
        self.scheduler.effect("journal")

    def journal_refuses(self) -> bool:
        """Say whether the exit journal can't be written either."""
        is_so = self.scheduler.clock.seconds < self.journal_refuses_until_s
        self.journal_refused += is_so
        return is_so

    def cut(self, *, power: bool) -> None:
        """Leave what a kill, or a cut of the power, leaves; begin the next life from it."""
        assert not power or self.may_lose_power, "a cut has to be expected, or there is no picture"
        source = self.path.parent if not (power and self.unsynced) else self._synced
        self._lives += 1
        target = self._folder / f"life{self._lives}"
        _copy(source / self.path.name, target)
        if power and self._journal is not None:
            (target / self.journal_path.name).write_bytes(self._journal)
        elif not power and self.journal_path.exists():
            shutil.copyfile(self.journal_path, target / self.journal_path.name)
        # Nothing of the wire log waits for the disk: after a cut of the power it may be there, and proves nothing.
        wire = self.path.with_name(f"{self.path.name}{WIRE_SUFFIX}")
        if wire.exists():
            shutil.copyfile(wire, target / wire.name)
        self.boots += power
        old = self.path.parent
        self.path = target / self.path.name
        self.unsynced = 0
        self.let_go()
        shutil.rmtree(old, ignore_errors=True)

    def write_beside(self, command_id: str, order: Placed, at: datetime) -> None:
        """Move an order as a second desk would, on a connection of its own; the process does not hear of it."""
        connection = sqlite3.connect(self.path, isolation_level=None, timeout=0)
        event = OrderEvent(
            kind=Event.FILLED, broker_order_id=order.number, filled_quantity=order.filled, average_price=order.average
        )
        try:
            repository = OrderRepository(_Lent(connection), "FA1")  # type: ignore[arg-type]
            with repository.transaction():
                repository.update_status(command_id, event, at)
        except StorageError:
            pass  # the desk is in the middle of a transaction: it goes first
        finally:
            connection.close()

    def let_go(self) -> None:
        """Close what the dead process had open."""
        for connection in self._open:
            connection.really_close()
        self._open.clear()

    def connect(self) -> "Connection":
        connection = sqlite3.connect(
            self.path, isolation_level=None, timeout=1, check_same_thread=False, factory=Connection
        )
        connection.disk = self
        self._open.append(connection)
        return connection


@cache
def made_database() -> bytes:
    """Return the database of a desk that was started once and has done nothing."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "desk.db"
        storage.database.open_database(StorageSettings(path=path)).close()
        return path.read_bytes()


class Connection(sqlite3.Connection):
    """The driver's connection; each statement that writes is an effect, and a refusing disk refuses it."""

    disk: Disk
    is_synced = True
    in_life = True
    busy_s = 0.0
    """So long a statement waits for a lock of others, before it fails."""

    def execute(self, sql: str, *given: Any) -> Any:  # noqa: ANN401  the driver's own
        return self._do(sql, lambda: super(Connection, self).execute(sql, *given))

    def executemany(self, sql: str, *given: Any) -> Any:  # noqa: ANN401  the driver's own
        return self._do(sql, lambda: super(Connection, self).executemany(sql, *given))

    def cursor(self, *_: Any, **__: Any) -> Any:  # noqa: ANN401  the driver's own
        return super().cursor(factory=Cursor)

    def _do(self, sql: str, run: Callable[[], Any]) -> Any:  # noqa: ANN401  the driver's own
        disk = self.disk
        if disk.scheduler.crashed:
            raise Crash
        word = sql.lstrip()[:9].split(None, 1)[0].upper()
        if disk.is_locked() and not self.in_transaction and word != "PRAGMA" and not disk.wait_for_lock(self.busy_s):
            # Who is in a transaction had the lock first; everybody else waits, and readers too where a file is locked.
            disk.refused += 1
            raise sqlite3.OperationalError("database is locked")
        if word == "PRAGMA" and "synchronous" in sql:
            self.is_synced = "NORMAL" not in sql
        busy = _BUSY.search(sql)
        if busy is not None:
            self.busy_s = int(busy[1]) / 1000
        if word not in _WRITES:
            return run()
        if disk.refuses(word):
            disk.refused += 1
            raise sqlite3.OperationalError("database is locked" if disk.is_locked() else "database or disk is full")
        if word == "COMMIT" and not self.is_synced:
            disk.before_unsynced()
        done = run()
        if word == "COMMIT":
            disk.committed(synced=self.is_synced)
        disk.scheduler.effect("commit" if word == "COMMIT" else "statement")
        return done

    def rollback(self) -> None:
        if not self.disk.scheduler.crashed:
            super().rollback()

    def commit(self) -> None:
        if not self.disk.scheduler.crashed:
            super().commit()

    def close(self) -> None:
        """Close in order; a dead process closes nothing, its files are let go of later."""
        if not self.disk.scheduler.crashed:
            super().close()

    def really_close(self) -> None:
        super().close()


class Cursor(sqlite3.Cursor):
    """A cursor of peewee's: as the connection."""

    def execute(self, sql: str, *given: Any) -> Any:  # noqa: ANN401  the driver's own
        connection: Any = self.connection
        return connection._do(sql, lambda: super(Cursor, self).execute(sql, *given))


class _Lent:
    """What a repository asks of a database: its connection."""

    def __init__(self, connection: sqlite3.Connection) -> None:
        self._connection = connection

    def connection(self) -> sqlite3.Connection:
        return self._connection


def _copy(database: Path, folder: Path) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    for name in (database.name, f"{database.name}-wal"):
        source = database.parent / name
        if source.exists():
            shutil.copyfile(source, folder / name)


@contextmanager
def on_disk(disk: Disk) -> Iterator[None]:
    """Let every database that is opened within lie on this disk."""

    def connect(self: Any) -> Any:  # noqa: ANN401  peewee's own
        connection = disk.connect()
        self._add_conn_hooks(connection)
        return connection

    def fsync(_: int) -> None:
        disk.synced()
        disk.scheduler.effect("sync")

    put: list[tuple[Any, str, Any]] = [
        (peewee.SqliteDatabase, "_connect", connect),
        (storage.database, "WAL_BYTES_AT_START", LOG_BYTES),
        (storage.database, "os", _Os(fsync)),
        (storage.exit_journal, "os", _JournalOs(disk)),
        (actors.wiring, "boot_of_machine", lambda: f"boot-{disk.boots}"),
        (actors.wiring, "WireLog", partial(_SimulatedWire, disk)),
    ]
    with standing_in(put):
        yield


class _Os:
    """What the storage asks of the machine."""

    def __init__(self, fsync: Callable[[int], None]) -> None:
        self.fsync = fsync


class _SimulatedWire(WireLog):
    """The wire log; each note is an effect, and a dead process makes none."""

    def __init__(self, disk: Disk, database_path: Path, boot: str) -> None:
        super().__init__(database_path, boot)
        self._disk = disk

    def hand_over(self, remarks_tag: str) -> bool:
        if self._disk.scheduler.crashed:
            raise Crash
        noted = super().hand_over(remarks_tag)
        self._disk.scheduler.effect("wire log")
        return noted


class _JournalOs:
    """What the exit journal asks of the machine: each write and each sync is an effect, and a dead process has none."""

    O_RDONLY, O_WRONLY, O_CREAT, O_TRUNC = os.O_RDONLY, os.O_WRONLY, os.O_CREAT, os.O_TRUNC

    def __init__(self, disk: Disk) -> None:
        self._disk = disk

    def open(self, path: Path, flags: int, mode: int = 0o777) -> int:
        if self._disk.scheduler.crashed:
            raise Crash
        if flags & os.O_WRONLY and self._disk.journal_refuses():
            raise OSError("the file system is read-only")
        return os.open(path, flags, mode)

    def pwrite(self, number: int, content: bytes, place: int) -> int:
        """Write the first half, which a crash may leave alone, and then the rest."""
        half = len(content) // 2
        os.pwrite(number, content[:half], place)
        self._disk.scheduler.effect("journal")
        return half + os.pwrite(number, content[half:], place + half)

    def fsync(self, number: int) -> None:
        del number
        self._disk.journal_synced()

    def close(self, number: int) -> None:
        os.close(number)
