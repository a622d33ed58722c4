"""Many rows in few statements: each statement costs a trip out of the interpreter and back, whatever it carries."""

import sqlite3
from collections.abc import Iterator, Sequence
from functools import lru_cache
from typing import Any, Final, TypeAlias

from storage.rows import CHANGING_COLUMNS, COLUMNS

Row: TypeAlias = tuple[Any, ...]

_SIZES: Final = (64, 48, 32, 24, 16, 12, 8, 6, 4, 3, 2, 1)
"""How many rows a statement takes: few sizes, so that every statement is prepared once and kept."""

JOURNAL_COLUMNS: Final = (
    "client_id",
    "command_id",
    "at",
    "event",
    "state_before",
    "state_after",
    "tag",
    "note",
    "changes",
    "inputs",
)


def insert_orders(connection: sqlite3.Connection, rows: Sequence[Row]) -> None:
    """Insert rows of `COLUMNS` into orders."""
    _insert(connection, "orders", COLUMNS, rows)


def insert_journal(connection: sqlite3.Connection, rows: Sequence[Row]) -> None:
    """Insert rows of `JOURNAL_COLUMNS` into order_events."""
    _insert(connection, "order_events", JOURNAL_COLUMNS, rows)


def update_orders(connection: sqlite3.Connection, client_id: str, rows: Sequence[Row]) -> int:
    """Compare and set: rows are the values of `CHANGING_COLUMNS`, then command id and the state it must still have.

    Returns how many orders were found as they should be.
    """
    found = 0
    for part in _parts(rows):
        cursor = connection.execute(_update_sql(len(part)), (*_flat(part), client_id))
        found += cursor.rowcount
    return found


def _insert(connection: sqlite3.Connection, table: str, columns: tuple[str, ...], rows: Sequence[Row]) -> None:
    for part in _parts(rows):
        connection.execute(_insert_sql(table, columns, len(part)), _flat(part))


@lru_cache
def _insert_sql(table: str, columns: tuple[str, ...], count: int) -> str:
    return f"INSERT INTO {table} ({', '.join(columns)}) VALUES {_places(len(columns), count)}"  # noqa: S608  constants


@lru_cache
def _update_sql(count: int) -> str:
    width = len(CHANGING_COLUMNS) + 2
    if count == 1:
        sets = ", ".join(f"{name} = ?" for name in CHANGING_COLUMNS)
        return f"UPDATE orders SET {sets} WHERE command_id = ? AND state = ? AND client_id = ?"  # noqa: S608  constants
    sets = ", ".join(f"{name} = new.column{place}" for place, name in enumerate(CHANGING_COLUMNS, start=1))
    return (
        f"UPDATE orders SET {sets} FROM (VALUES {_places(width, count)}) AS new"  # noqa: S608  constants only
        f" WHERE orders.client_id = ? AND orders.command_id = new.column{width - 1}"
        f" AND orders.state = new.column{width}"
    )


def _places(width: int, count: int) -> str:
    return ", ".join(["(" + ", ".join("?" * width) + ")"] * count)


def _flat(rows: Sequence[Row]) -> list[Any]:
    return [value for row in rows for value in row]


def _parts(rows: Sequence[Row]) -> Iterator[Sequence[Row]]:
    start = 0
    for size in _SIZES:
        while len(rows) - start >= size:
            yield rows[start : start + size]
            start += size
