"""A copy of the database while a desk writes to it: consistent, checked, and there whole or not at all."""

import os
import sqlite3
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote

from storage.database import StorageError


class BackupError(StorageError):
    """No backup was made; says why and what to do."""


@dataclass(frozen=True, slots=True)
class BackupReport:
    """What a backup holds."""

    size_bytes: int
    orders: int
    journal_lines: int


def back_up(database_path: Path, target: Path) -> BackupReport:
    """Copy the database to `target`, a new file; raise `BackupError` and leave nothing behind.

    `VACUUM INTO` copies one snapshot: a desk goes on writing meanwhile and is not held up, as the log is write-ahead.
    The copy is checked and on the disk before it gets its name.
    """
    if not database_path.is_file():
        raise BackupError(f"there is no database at {database_path}; name the desk's settings with --config")
    if target.exists():
        raise BackupError(f"{target} is there already; name a new file")
    if not target.parent.is_dir():
        raise BackupError(f"{target.parent} is no directory; make it first")
    fresh = target.with_name(f".{target.name}.{os.getpid()}.part")
    try:
        _copy(database_path, fresh)
        orders, lines = _checked(fresh)
        with fresh.open("rb+") as copy:
            os.fsync(copy.fileno())
        # A link refuses a name that someone took meanwhile; a rename would take it from them.
        os.link(fresh, target)
    except (sqlite3.Error, OSError) as error:
        raise BackupError(f"no backup was made ({error}); see that the disk has room and may be written") from error
    finally:
        fresh.unlink(missing_ok=True)
    return BackupReport(target.stat().st_size, orders, lines)


def _copy(database_path: Path, fresh: Path) -> None:
    with closing(sqlite3.connect(f"file:{quote(str(database_path))}?mode=ro", uri=True, timeout=10)) as source:
        source.execute("VACUUM INTO ?", (str(fresh),))


def _checked(copy: Path) -> tuple[int, int]:
    with closing(sqlite3.connect(copy)) as database:
        verdict = database.execute("PRAGMA integrity_check").fetchone()[0]
        if verdict != "ok":
            raise sqlite3.DatabaseError(f"the copy is not sound: {verdict}")
        orders = database.execute("SELECT COUNT(*) FROM orders").fetchone()[0]
        lines = database.execute("SELECT COUNT(*) FROM order_events").fetchone()[0]
    return orders, lines
