"""OrderRepository: the only queries, under the guide's method names where their meaning still holds.

Every query names the client. Every write of an order goes through the lifecycle, compares the old state, and puts
the row and its journal line into the same transaction.
"""

import json
import sqlite3
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

import peewee

from domain.evidence import TradeRow
from domain.lifecycle import Event, State, is_late_truth
from domain.order import Exchange, InstrumentKey, JournalLine, Order, OrderCommand, OrderEvent, Product
from domain.reasons import Reason
from domain.risk import TradingState
from domain.seams import trading_day
from storage.batch import insert_journal, insert_orders, update_orders
from storage.database import StorageError
from storage.models import OPEN
from storage.rows import (
    CHANGING_COLUMNS,
    COLUMNS,
    changing_values,
    constant_values,
    to_moment,
    to_order,
    to_text,
)

REGISTERED: Final = "REGISTERED"
"""The journal's name for an order's first line."""

_SELECT: Final = f"SELECT {', '.join(COLUMNS)} FROM orders WHERE client_id = ?"  # noqa: S608  constants only
_OLDER_POSITIONS: Final = (
    "SELECT strategy, exchange, symbol, product,"  # noqa: S608  constants only
    " SUM(CASE side WHEN 'BUY' THEN filled_quantity ELSE -filled_quantity END) FROM orders"
    f" WHERE client_id = ? AND filled_quantity > 0 AND NOT {OPEN} AND id < ?"
    " GROUP BY strategy, exchange, symbol, product"
)
_FILL: Final = (
    "INSERT OR IGNORE INTO fills (client_id, command_id, exchange, broker_order_id, fill_id, symbol, side, quantity,"
    " price, traded_at) SELECT client_id, command_id, ?, ?, ?, ?, ?, ?, ?, ? FROM orders"
    " WHERE client_id = ? AND broker_order_id = ?"
)


_to_json: Final = json.JSONEncoder(check_circular=False).encode


class UnknownOrderError(LookupError):
    """No order of this client has that command id."""


@dataclass(frozen=True, slots=True)
class Recorded:
    """An order as it stands after a write; `late` marks a late truth."""

    order: Order
    late: bool


@dataclass(frozen=True, slots=True)
class _Image:
    """An order, the values of its columns, and the state its row has on disk (None: there is no row yet)."""

    order: Order
    changing: tuple[Any, ...]
    state_on_disk: State | None
    constant: tuple[Any, ...] = ()


class StaleOrderError(StorageError):
    """Another writer has moved the order since it was read; reading it again will help."""


class OrderRepository:
    """One client's orders, journal, fills and trading state.

    Writes are staged inside a `transaction` and reach the database together at its end. The orders that are not over
    are remembered as they were last written, so that moving one costs no read. What is remembered is checked by every
    write (compare-and-set on the state) and dropped with a transaction that fails.
    """

    def __init__(self, database: peewee.SqliteDatabase, client_id: str) -> None:
        self._connection: sqlite3.Connection = database.connection()
        self._client_id = client_id
        self._written: dict[str, _Image] = {}
        self._staged: dict[str, _Image] = {}
        self._lines: list[tuple[Any, ...]] = []
        self._fills: list[TradeRow] = []

    @contextmanager
    def transaction(self, *, synced: bool = True) -> Iterator[None]:
        """Make what follows durable together; raise `StorageError` and keep nothing when it can't be.

        Without `synced` it survives the process at once, but the machine only from the next synced transaction on:
        the write-ahead log is one file, so that one puts both on the disk.
        """
        began = False
        try:
            if not synced:
                self._connection.execute("PRAGMA synchronous = NORMAL")
            self._connection.execute("BEGIN IMMEDIATE")
            began = True
            yield
            self._flush()
            self._connection.execute("COMMIT")
        except (sqlite3.DatabaseError, UnicodeEncodeError, OverflowError) as error:
            # The last two: a value that SQLite has no place for, such as half a character in the broker's words.
            raise StorageError(f"the database did not take the write: {error}", began=began) from error
        else:
            self._remember()
        finally:
            if self._connection.in_transaction:
                self._connection.rollback()
            if not synced:
                self._connection.execute("PRAGMA synchronous = FULL")
            self._staged.clear()
            self._lines.clear()
            self._fills.clear()

    def _flush(self) -> None:
        images = self._staged.values()
        new = [one.constant + one.changing for one in images if one.state_on_disk is None]
        moved = [
            (*image.changing, name, image.state_on_disk.value)
            for name, image in self._staged.items()
            if image.state_on_disk is not None
        ]
        insert_orders(self._connection, new)
        if update_orders(self._connection, self._client_id, moved) != len(moved):
            for name in self._staged:
                self._written.pop(name, None)
            raise StaleOrderError("another writer has moved an order since it was read", began=True)
        insert_journal(self._connection, self._lines)
        for fill in self._fills:
            facts = (fill.exchange, fill.broker_order_id, fill.fill_id, fill.symbol, fill.side.value, fill.quantity)
            timing = (float(fill.price), fill.traded_at)
            self._execute(_FILL, (*facts, *timing, self._client_id, fill.broker_order_id))

    def _remember(self) -> None:
        for name, image in self._staged.items():
            if image.order.is_over:
                self._written.pop(name, None)
            else:
                self._written[name] = _Image(image.order, image.changing, image.order.state)

    # writing

    def create(self, command: OrderCommand, remarks_tag: str, at: datetime) -> Order:
        """Store a new order as CREATED (guide, step 1). The caller has looked the command id up before."""
        order = Order(command=command, remarks_tag=remarks_tag, quantity=command.quantity, created_at=at, updated_at=at)
        constant, changing = constant_values(order), changing_values(order)
        self._staged[command.command_id] = _Image(order, changing, None, constant)
        changes = dict(zip(COLUMNS, constant + changing, strict=True))
        self._journal(command.command_id, REGISTERED, None, changing, changes, {})
        return order

    def update_status(self, command_id: str, happened: OrderEvent, at: datetime) -> Recorded:
        """Move an order by what happened to it (guide, steps 2 to 6), through the lifecycle.

        Raises `UnknownOrderError`, or `IllegalTransitionError`; then nothing has been written.
        """
        image = self._staged.get(command_id) or self._written.get(command_id) or self._image(command_id)
        before, old = image.order, image.changing
        after = before.after(happened, at)
        new = changing_values(after)
        self._staged[command_id] = _Image(after, new, image.state_on_disk, image.constant)
        changes = {name: value for name, value, was in zip(CHANGING_COLUMNS, new, old, strict=True) if value != was}
        self._journal(command_id, happened.event.value, before.state.value, new, changes, happened.inputs)
        return Recorded(after, is_late_truth(before.state, happened.event))

    def update_tag(self, command_id: str, tag: Reason, at: datetime) -> Recorded:
        """Say why an order stands where it stands, without moving it."""
        return self.update_status(command_id, OrderEvent(event=Event.NOTE, tag=tag), at)

    def update_broker_id(self, command_id: str, broker_order_id: str, at: datetime) -> Recorded:
        """Record that the broker accepted the order under this id (guide, step 5)."""
        return self.update_status(command_id, OrderEvent(event=Event.ACCEPT, broker_order_id=broker_order_id), at)

    def add_fills(self, fills: Sequence[TradeRow]) -> None:
        """Keep each fill of our orders once."""
        self._fills.extend(fills)

    def set_trading_state(self, state: TradingState, because: str, at: datetime) -> None:
        """Keep the trading state over restarts."""
        self._execute(
            "INSERT INTO trading_state (client_id, state, because, since) VALUES (?, ?, ?, ?) ON CONFLICT (client_id)"
            " DO UPDATE SET state = excluded.state, because = excluded.because, since = excluded.since",
            (self._client_id, state.value, because, to_text(at)),
        )

    # reading

    def get(self, command_id: str) -> Order | None:
        """Return the order with this command id, as it is staged, or on disk."""
        staged = self._staged.get(command_id)
        return self._one("command_id = ?", command_id) if staged is None else staged.order

    def known(self, command_ids: Sequence[str]) -> dict[str, Order]:
        """Return those of the command ids that have an order, with it."""
        places = ", ".join("?" * len(command_ids))
        found = self._orders(f"command_id IN ({places})", *command_ids)
        return {order.command.command_id: order for order in found}

    def get_by_broker_id(self, broker_order_id: str) -> Order | None:
        """Return the order the broker knows by this id (guide, step 6)."""
        return self._one("broker_order_id = ?", broker_order_id)

    def get_open_orders_by_strategy(self, strategy: str) -> tuple[Order, ...]:
        """Return the strategy's orders that are not over (guide, check 2C)."""
        return self._orders(f"strategy = ? AND {OPEN} ORDER BY id", strategy)

    def open_orders(self) -> tuple[Order, ...]:
        """Return every order that is not over, oldest first."""
        return self._orders(f"{OPEN} ORDER BY id")

    def remembered_orders(self, now: datetime) -> tuple[Order, ...]:
        """Return what a start takes up again: every order that is not over, and today's that are."""
        first = self._first_of_day(now)
        return (*self._orders(f"{OPEN} AND id < ? ORDER BY id", first), *self._orders("id >= ? ORDER BY id", first))

    def newest_orders(self, most: int, *, open_only: bool) -> tuple[Order, ...]:
        """Return at most `most` orders, newest first."""
        where = OPEN if open_only else "1"
        return self._orders(f"{where} ORDER BY id DESC LIMIT ?", most)

    def older_positions(self, now: datetime) -> dict[str, dict[InstrumentKey, int]]:
        """Return each strategy's signed units from the orders that `remembered_orders` leaves out."""
        rows = self._execute(_OLDER_POSITIONS, (self._client_id, self._first_of_day(now)))
        held: dict[str, dict[InstrumentKey, int]] = {}
        for strategy, exchange, symbol, product, quantity in rows.fetchall():
            held.setdefault(strategy, {})[InstrumentKey(Exchange(exchange), symbol, Product(product))] = quantity
        return held

    def sent_today(self, now: datetime) -> int:
        """Return how many of today's orders passed the blockers."""
        row = self._execute(
            "SELECT COUNT(*) FROM orders WHERE client_id = ? AND id >= ? AND state NOT IN ('CREATED', 'BLOCKED')",
            (self._client_id, self._first_of_day(now)),
        ).fetchone()
        return int(row[0])

    def trading_state(self) -> tuple[TradingState, str]:
        """Return the stored trading state and its reason; ACTIVE when none was stored."""
        row = self._execute(
            "SELECT state, because FROM trading_state WHERE client_id = ?", (self._client_id,)
        ).fetchone()
        return (TradingState.ACTIVE, "") if row is None else (TradingState(row[0]), row[1])

    def journal(self, command_id: str | None = None) -> tuple[JournalLine, ...]:
        """Return the journal, oldest first, of one order or of all."""
        rows = self._execute(
            "SELECT command_id, at, event, state_before, state_after, tag, note, changes, inputs FROM order_events"
            " WHERE client_id = ? AND (? IS NULL OR command_id = ?) ORDER BY id",
            (self._client_id, command_id, command_id),
        ).fetchall()
        return tuple(
            JournalLine(
                command, to_moment(at), event, before, after, tag, note, json.loads(changes), json.loads(inputs)
            )
            for command, at, event, before, after, tag, note, changes, inputs in rows
        )

    def replayed(self) -> dict[str, dict[str, object]]:
        """Return what the journal alone says every order's row should hold, by command id."""
        table: dict[str, dict[str, object]] = {}
        for line in self.journal():
            table.setdefault(line.command_id, {}).update(line.changes)
        return table

    # the ways to the table

    def _first_of_day(self, now: datetime) -> int:
        """Return the id from which on orders are of `now`'s trading day; ids grow with the time of creation."""
        row = self._execute(
            "SELECT id FROM orders WHERE client_id = ? AND created_at < ? ORDER BY id DESC LIMIT 1",
            (self._client_id, trading_day(now)),
        ).fetchone()
        return 0 if row is None else int(row[0]) + 1

    def _image(self, command_id: str) -> "_Image":
        order = self.get(command_id)
        if order is None:
            raise UnknownOrderError(f"no order {command_id!r}")
        return _Image(order, changing_values(order), order.state)

    def _one(self, where: str, value: str) -> Order | None:
        row = self._execute(f"{_SELECT} AND {where}", (self._client_id, value)).fetchone()
        return None if row is None else to_order(row)

    def _orders(self, where: str, *values: object) -> tuple[Order, ...]:
        rows = self._execute(f"{_SELECT} AND {where}", (self._client_id, *values)).fetchall()
        return tuple(to_order(row) for row in rows)

    def _journal(
        self,
        command_id: str,
        event: str,
        state_before: str | None,
        changing: tuple[Any, ...],
        changes: Mapping[str, object],
        inputs: Mapping[str, str],
    ) -> None:
        _, state, tag, note, *_, updated_at = changing
        moved = (updated_at, event, state_before, state, tag, note)
        self._lines.append((self._client_id, command_id, *moved, _to_json(changes), _to_json(dict(inputs))))

    def _execute(self, sql: str, values: Sequence[object]) -> Any:  # noqa: ANN401  a cursor of the driver
        return self._connection.execute(sql, values)
