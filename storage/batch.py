"""Many rows in one statement.

Each step of a statement lets go of the interpreter, and whoever runs beside takes it. `executemany` is a step a row: so
often a group of orders waits for the interpreter while the broker's thread is at work (`make bench`, the flood).
"""

import sqlite3
from collections.abc import Iterator, Sequence
from functools import lru_cache
from typing import Any, Final, TypeAlias

from storage.rows import CHANGING_COLUMNS

Row: TypeAlias = tuple[Any, ...]

SIZES: Final = (64, 32, 24, 16, 8, 4, 2, 1)
"""How many rows a statement takes: few sizes, so that each is prepared once and kept."""


def insert(connection: sqlite3.Connection, table: str, columns: tuple[str, ...], rows: Sequence[Row]) -> None:
    """Insert rows of these columns."""
    for part in _parts(rows):
        connection.execute(_insert(table, columns, len(part)), _flat(part))


def move_orders(connection: sqlite3.Connection, client_id: str, rows: Sequence[Row]) -> int:
    """Compare and set: rows are the values of `CHANGING_COLUMNS`, then the order's id and the state it must still have.

    Return how many orders were found as they should be.
    """
    return sum(connection.execute(_move(len(part)), (*_flat(part), client_id)).rowcount for part in _parts(rows))


@lru_cache
def _insert(table: str, columns: tuple[str, ...], count: int) -> str:
    return f"INSERT INTO {table} ({', '.join(columns)}) VALUES {_places(len(columns), count)}"  # noqa: S608  constants


@lru_cache
def _move(count: int) -> str:
    id_place, state_place = len(CHANGING_COLUMNS) + 1, len(CHANGING_COLUMNS) + 2
    sets = ", ".join(f"{name} = moved.column{place}" for place, name in enumerate(CHANGING_COLUMNS, start=1))
    is_as_expected = f"orders.state = moved.column{state_place}"
    return (
        f"UPDATE orders SET {sets} FROM (VALUES {_places(state_place, count)}) AS moved"  # noqa: S608  constants
        f" WHERE orders.client_id = ? AND orders.command_id = moved.column{id_place} AND {is_as_expected}"
    )


def _places(width: int, count: int) -> str:
    return ", ".join(["(" + ", ".join("?" * width) + ")"] * count)


def _flat(rows: Sequence[Row]) -> list[Any]:
    return [value for row in rows for value in row]


def _parts(rows: Sequence[Row]) -> Iterator[Sequence[Row]]:
    start = 0
    for size in SIZES:
        while len(rows) - start >= size:
            yield rows[start : start + size]
            start += size
