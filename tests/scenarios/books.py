"""The desk's database, read from outside with the standard library: rows, journal, fills."""

import json
import sqlite3
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from domain.orders.lifecycle import State
from tests.scenarios.paper import Ledger
from tests.timing import patient

NEVER_PLACED: Final = frozenset({State.BLOCKED, State.REFUSED, State.NOT_PLACED})
_ONLY_ROWS: Final = frozenset({"id"})

Row = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Line:
    """One line of the journal."""

    command_id: str
    at: str
    event: str
    state_after: str
    tag: str | None
    note: str
    changes: Row
    inputs: dict[str, str]


def _select(path: Path, what: str) -> list[Row]:
    with closing(sqlite3.connect(f"file:{path}?mode=ro", uri=True, timeout=patient(5))) as database:
        database.row_factory = sqlite3.Row
        return [dict(one) for one in database.execute(what)]


def rows_of(path: Path) -> dict[str, Row]:
    """Return the orders table by command id."""
    rows = _select(path, "SELECT * FROM orders ORDER BY id")
    by_id = {row["command_id"]: row for row in rows}
    assert len(by_id) == len(rows), "two rows have the same command id"
    return by_id


def own_rows_of(path: Path) -> dict[str, Row]:
    """Return the orders that this desk was asked for: those of others are EXTERNAL."""
    return {name: row for name, row in rows_of(path).items() if row["strategy"] != "EXTERNAL"}


def journal_of(path: Path, command_id: str | None = None) -> list[Line]:
    """Return the journal, oldest first, of one order or of all."""
    lines = [
        Line(
            row["command_id"],
            row["at"],
            row["event"],
            row["state_after"],
            row["tag"],
            row["note"],
            json.loads(row["changes"]),
            json.loads(row["inputs"]),
        )
        for row in _select(path, "SELECT * FROM order_events ORDER BY id")
    ]
    return [line for line in lines if command_id in (None, line.command_id)]


def fills_of(path: Path) -> dict[str, int]:
    """Return the units that the fills table has for each broker order."""
    found = _select(path, "SELECT broker_order_id, SUM(quantity) AS units FROM fills GROUP BY broker_order_id")
    return {row["broker_order_id"]: row["units"] for row in found}


def assert_journal_replays(path: Path) -> None:
    """The journal alone, read in order, gives every row of the orders table as it stands."""
    replayed: dict[str, Row] = {}
    states: dict[str, str] = {}
    for line in journal_of(path):
        replayed.setdefault(line.command_id, {}).update(line.changes)
        states[line.command_id] = line.state_after
    rows = {
        name: {column: value for column, value in row.items() if column not in _ONLY_ROWS}
        for name, row in rows_of(path).items()
    }
    assert replayed == rows
    assert states == {name: row["state"] for name, row in rows.items()}


def breaks(path: Path, ledger: Ledger, ours: frozenset[str]) -> list[str]:
    """Return every difference between our rows and fills and the broker's ledger; `ours` are its orders since we began.

    An order at the broker has one row with its number, its state and its quantity. A row without an order at the
    broker says that there is none.
    """
    rows, fills = rows_of(path), fills_of(path)
    found: list[str] = []
    seen: set[str] = set()
    tags = {row["remarks_tag"]: name for name, row in rows.items()}
    external = {row["broker_order_id"]: row for row in rows.values() if row["strategy"] == "EXTERNAL"}
    for placed in ledger.orders:
        stranger = external.get(placed.number)
        if stranger is not None and stranger["filled_quantity"] != placed.filled:
            found.append(f"{placed.number} of others has {stranger['filled_quantity']}, at the broker {placed.filled}")
        if placed.number not in ours or not (placed.remarks or "").startswith("sd"):
            continue
        name = tags.get(placed.remarks or "")
        if name is None:
            found.append(f"{placed} has no row")
            continue
        if name in seen:
            found.append(f"{name} is at the broker twice")
        seen.add(name)
        row = rows[name]
        stands = (row["broker_order_id"], row["state"], row["filled_quantity"], row["quantity"])
        truth = (placed.number, placed.state, placed.filled, placed.quantity)
        if stands != truth:
            found.append(f"{name} is {stands}, at the broker {truth}")
        if fills.get(placed.number, 0) != ledger.fills[placed.number]:
            counts = f"{fills.get(placed.number, 0)} of {ledger.fills[placed.number]}"
            found.append(f"{name}: the fills table has {counts} units")
    for name, row in rows.items():
        if name not in seen and row["state"] not in NEVER_PLACED and row["strategy"] != "EXTERNAL":
            found.append(f"{name} is {row['state']}, and is not at the broker")
    return found
