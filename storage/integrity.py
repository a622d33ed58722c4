"""Whether the database is whole: asked at a start after an unclean end, and while the desk runs after a clean one.

A check reads every page, and so takes longer with every order that there ever was. After a clean end nothing can have
torn a page but the disk itself: the start goes by what it reads, and the check follows in a thread of its own, table by
table.
"""

import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

from storage.database import damage_told, open_to_read


def damage_of(path: Path, goes_on: Callable[[], bool]) -> str:
    """Return what is wrong with the database, in a sentence; empty where nothing is, or where nobody can look.

    `goes_on` is asked before each table: the desk may have ended.
    """
    try:
        with closing(open_to_read(path)) as connection:
            rows = connection.execute("SELECT name FROM sqlite_master WHERE type = 'table' ORDER BY name").fetchall()
            for (table,) in rows:
                if not goes_on():
                    break
                verdict = connection.execute(f'PRAGMA quick_check("{table}")').fetchone()[0]
                if verdict != "ok":
                    return damage_told(path, verdict)
    except sqlite3.OperationalError:
        return ""  # a lock, or a file that is gone: who minds the files says so
    except sqlite3.DatabaseError as error:
        return damage_told(path, str(error))
    return ""
