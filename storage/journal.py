"""The journal of orders, in SQL: one line for every transition goes to the disk with the order it moves."""

import json
import sqlite3
from collections.abc import Mapping, Sequence
from datetime import datetime
from operator import itemgetter
from typing import Any, Final

from domain.orders.change_command import change_outcome
from domain.orders.hand_over import RUN
from domain.orders.lifecycle import Event, State
from domain.orders.order import JournalLine, Order
from domain.orders.reasons import Reason
from domain.orders.types import EXTERNAL
from storage.rows import to_moment

REGISTERED: Final = "REGISTERED"
"""The journal's name for the first line of an order of ours."""
SEEN: Final = "SEEN"
"""The journal's name for the first line of an order that others placed."""

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

_SELECT: Final = (
    "SELECT command_id, at, event, state_before, state_after, tag, note, changes, inputs FROM order_events"
    " WHERE client_id = ?"
)
_TOLD_BY: Final = ("book_asked_at", "update_seen_at")
"""What a line calls the moment of the book, or the update, that has told of the trade."""

_to_json: Final = json.JSONEncoder(check_circular=False).encode


class Journal:
    """Reads one client's journal, which is only ever added to."""

    def __init__(self, connection: sqlite3.Connection, client_id: str) -> None:
        self._connection = connection
        self._client_id = client_id

    def lines(self, command_id: str) -> tuple[JournalLine, ...]:
        """Return the lines of one order, oldest first."""
        return self._read("command_id = ? ORDER BY id", command_id)

    def all_lines(self) -> tuple[JournalLine, ...]:
        """Return the lines of all orders, oldest first: for who holds the whole table against them."""
        return self._read("1 ORDER BY id")

    def _read(self, where: str, *values: object) -> tuple[JournalLine, ...]:
        rows = self._connection.execute(f"{_SELECT} AND {where}", (self._client_id, *values)).fetchall()
        return tuple(
            JournalLine(
                command, to_moment(at), event, before, after, tag, note, json.loads(changes), json.loads(inputs)
            )
            for command, at, event, before, after, tag, note, changes, inputs in rows
        )

    def replayed(self) -> dict[str, dict[str, object]]:
        """Return what the journal alone says every order's row should hold, by command id."""
        table: dict[str, dict[str, object]] = {}
        for line in self.all_lines():
            table.setdefault(line.command_id, {}).update(line.changes)
        return table

    def trades_beside_others(self, orders: Sequence[Order]) -> tuple[tuple[str, int], ...]:
        """Return how those of `orders` have filled that are in an instrument which others traded too.

        Each is a command id and the units that the order had filled by then, in the order of the books and updates that
        have told of it, and in one of them ours first: so the desk counted it then. When it was written says less, as a
        locked file delays some lines and not others.
        """
        traded = [order for order in orders if order.filled_quantity]
        of_others = {order.command.key for order in traded if order.command.strategy == EXTERNAL}
        told: list[tuple[datetime, bool, str, int]] = []
        for order in (one for one in traded if one.command.key in of_others):
            is_theirs = order.command.strategy == EXTERNAL
            for line in self.lines(order.command.command_id):
                filled = line.changes.get("filled_quantity")
                if isinstance(filled, int) and filled:
                    told.append((_told_at(line), is_theirs, line.command_id, filled))
        trades: list[tuple[str, int]] = []
        reached: dict[str, int] = {}
        for _, _, name, filled in sorted(told, key=itemgetter(0, 1)):
            # A clock that was set back puts an order's lines out of order: what it has filled never goes down.
            if filled > reached.get(name, 0):
                reached[name] = filled
                if trades and trades[-1][0] == name:
                    trades.pop()
                trades.append((name, filled))
        return tuple(trades)

    def change_outcome(self, order: Order, change_id: str) -> Event | None:
        """Return how far this change of the order has come; None when it has never been asked for."""
        return change_outcome(self.lines(order.command.command_id), change_id)

    def runs_of_sending(self, orders: Sequence[Order]) -> dict[str, str]:
        """Return the run that stored each of these orders that is SENDING, as far as it said so."""
        sending = (order.command.command_id for order in orders if order.state is State.SENDING)
        lines = (line for name in sending for line in self.lines(name))
        return {line.command_id: line.inputs[RUN] for line in lines if line.event == Event.SENT and RUN in line.inputs}


def _told_at(line: JournalLine) -> datetime:
    """Return when the book, or the update, was that told what a line says; else when that happened."""
    told = next((line.inputs[name] for name in _TOLD_BY if name in line.inputs), None)
    return line.at if told is None else datetime.fromisoformat(told)


def journal_row(
    client_id: str,
    command_id: str,
    event: str,
    state_before: str | None,
    changing: tuple[Any, ...],
    changes: Mapping[str, object],
    inputs: Mapping[str, str],
    said: Reason | None = None,
) -> tuple[Any, ...]:
    """Return the line's values of `JOURNAL_COLUMNS`; `changing` are the order's `CHANGING_COLUMNS` after it."""
    _, state, tag, note, *_, updated_at = changing
    # A note keeps its own tag here, also where the order's tag says something weightier.
    shown = said.value if said is not None and event == Event.NOTED else tag
    moved = (updated_at, event, state_before, state, shown, note)
    return (client_id, command_id, *moved, _to_json(changes), _to_json(dict(inputs)))
