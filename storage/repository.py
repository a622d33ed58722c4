"""OrderRepository: orders under the guide's method names, where their meaning still holds.

Every write of an order goes through the lifecycle, compares the old state, and puts the row and its journal line into
the same transaction. What a start needs beside the orders stands in rooms of its own, by subject.
"""

import sqlite3
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from types import MappingProxyType
from typing import Any, Final

import peewee

from domain.broker.snapshots import TradeRow
from domain.orders.command import OrderCommand
from domain.orders.lifecycle import Event, State
from domain.orders.order import Order, OrderEvent, new_order
from domain.orders.reasons import Reason
from storage import batch
from storage.alerts import Alerts
from storage.armed_stops import ArmedStops
from storage.baskets import Baskets
from storage.database import StorageError, is_locked, sync_log
from storage.desk_state import DeskState
from storage.external_moves import ExternalMoves
from storage.flatten_requests import FlattenRequests
from storage.journal import JOURNAL_COLUMNS, REGISTERED, SEEN, Journal, journal_row
from storage.orders import OrderReader
from storage.roll_ups import RollUps
from storage.rows import CHANGING_COLUMNS, COLUMNS, changing_values, constant_values
from storage.write_offs import WriteOffs

_FILL: Final = (
    "INSERT OR IGNORE INTO fills (client_id, command_id, exchange, broker_order_id, fill_id, symbol, side, quantity,"
    " price, traded_at) SELECT client_id, command_id, ?, ?, ?, ?, ?, ?, ?, ? FROM orders"
    " WHERE client_id = ? AND broker_order_id = ?"
)


class UnknownOrderError(LookupError):
    """No order of this client has that command id."""


_TOLD_BY_BOOKS: Final = frozenset({Event.WORKING, Event.PARTIALLY_FILLED, Event.FILLED, Event.CANCELED, Event.REJECTED})


@dataclass(frozen=True, slots=True)
class Recorded:
    """An order as it stands after a write; `late` marks a late truth, `again` what had been written before.

    `late_quantity`: the units that came to an order that was over.
    """

    order: Order
    late: bool
    late_quantity: int = 0
    again: bool = False


@dataclass(frozen=True, slots=True)
class _Image:
    """An order, the values of its columns, and the state its row has on disk (None: there is no row yet)."""

    order: Order
    changing: tuple[Any, ...]
    state_on_disk: State | None
    constant: tuple[Any, ...] = ()


class StaleOrderError(StorageError):
    """Another writer has moved the order since it was read; reading it again will help."""


class OrderRepository(OrderReader):
    """Owns one client's orders, journal and fills, and the way to what is stored beside them.

    Writes are staged inside a `transaction` and reach the database together at its end. The orders that are not over
    are remembered as they were last written, so that moving one costs no read. What is remembered is checked by every
    write (compare-and-set on the state) and dropped with a transaction that fails.
    """

    def __init__(self, database: peewee.SqliteDatabase, client_id: str) -> None:
        super().__init__(database.connection(), client_id)
        self._database = database
        self.journal = Journal(self._connection, client_id)
        self.roll_ups = RollUps(self._connection, client_id)
        self.moves = ExternalMoves(database, client_id)
        self.write_offs = WriteOffs(database, client_id)
        self.flatten_requests = FlattenRequests(database, client_id)
        self.stops = ArmedStops(database, client_id)
        self.baskets = Baskets(database, client_id)
        self.alerts = Alerts(database, client_id)
        self.desk_state = DeskState(database, client_id)
        self._written: dict[str, _Image] = {}
        self._staged: dict[str, _Image] = {}
        self._lines: list[tuple[Any, ...]] = []
        self._fills: list[TradeRow] = []
        self._early_fills: list[TradeRow] = []

    def wait_for_locks(self, wait_ms: int) -> None:
        """Let a statement wait so long for another process that has locked the file."""
        self._connection.execute(f"PRAGMA busy_timeout = {int(wait_ms)}")

    def sync(self) -> None:
        """Put on the disk what was committed without `synced`, also while no transaction can begin."""
        sync_log(self._database)

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
        except (sqlite3.DatabaseError, peewee.DatabaseError, UnicodeEncodeError, OverflowError) as error:
            # The last two: a value that SQLite has no place for, such as half a character in the broker's words.
            message = f"the database did not take the write: {error}"
            raise StorageError(message, began=began, locked=is_locked(error)) from error
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
        if images:
            self.roll_ups.forget_what_holds(min(one.order.day for one in images))
        new = [one.constant + one.changing for one in images if one.state_on_disk is None]
        moved = [
            (*image.changing, name, image.state_on_disk.value)
            for name, image in self._staged.items()
            if image.state_on_disk is not None
        ]
        batch.insert(self._connection, "orders", COLUMNS, new)
        if batch.move_orders(self._connection, self._client_id, moved) != len(moved):
            for name in self._staged:
                self._written.pop(name, None)
            raise StaleOrderError("another writer has moved an order since it was read", began=True)
        batch.insert(self._connection, "order_events", JOURNAL_COLUMNS, self._lines)
        for fill in self._fills:
            facts = (fill.exchange, fill.broker_order_id, fill.fill_id, fill.symbol, fill.side.value, fill.quantity)
            timing = (float(fill.price), fill.traded_at)
            written = self._connection.execute(_FILL, (*facts, *timing, self._client_id, fill.broker_order_id)).rowcount
            if not written and self.get_by_broker_id(fill.broker_order_id) is None:
                self._early_fills.append(fill)

    def _remember(self) -> None:
        for name, image in self._staged.items():
            if image.order.is_terminal:
                self._written.pop(name, None)
            else:
                self._written[name] = _Image(image.order, image.changing, image.order.state)

    def create(self, command: OrderCommand, remarks_tag: str, at: datetime, day: str = "") -> Order:
        """Store a new order as CREATED (guide, step 1), for `day` or that of `at`. Its id has been looked up before."""
        order = new_order(command, remarks_tag, at, day)
        self._begin(order, REGISTERED)
        return order

    def create_late(self, order: Order) -> None:
        """Store an exit that was registered while the database could not be written, as it was then."""
        self._begin(order, REGISTERED, {"kept_in": "exit journal"})

    def keep_external_order(self, order: Order) -> Order:
        """Store an order that others placed, as it stands; return the one with its broker id or tag if there is one.

        A row of the book may be an order of ours that the asker has not heard of yet.
        """
        known = self.find_external_order(order)
        if known is not None:
            return known
        self._begin(order, SEEN)
        return order

    def find_external_order(self, order: Order) -> Order | None:
        """Return the order that is stored with the broker id or the tag of one that others placed."""
        name = order.command.command_id
        staged = self._staged.get(name)
        known = (
            (staged.order if staged else None)
            or self.get(name)
            or self.get_by_broker_id(order.broker_order_id or "")
            or (self.get_by_tag(order.note) if order.note else None)
        )
        return known if known is not None and known.broker_order_id in {None, order.broker_order_id} else None

    def _begin(self, order: Order, event: str, inputs: Mapping[str, str] = MappingProxyType({})) -> None:
        constant, changing = constant_values(order), changing_values(order)
        self._staged[order.command.command_id] = _Image(order, changing, None, constant)
        changes = dict(zip(COLUMNS, constant + changing, strict=True))
        self._journal(order.command.command_id, event, None, changing, changes, inputs)

    def update_status(self, command_id: str, event: OrderEvent, at: datetime) -> Recorded:
        """Move an order by what happened to it (guide, steps 2 to 6), through the lifecycle.

        What books and updates tell a second time, before the first was written, changes nothing and is no second line.
        Raises `UnknownOrderError`, or `IllegalTransitionError`; then nothing has been written.
        """
        image = self._staged.get(command_id) or self._written.get(command_id) or self._image(command_id)
        before, old = image.order, image.changing
        after = before.after(event, at)
        new = changing_values(after)
        changes = {name: value for name, value, was in zip(CHANGING_COLUMNS, new, old, strict=True) if value != was}
        is_of_books = event.kind in _TOLD_BY_BOOKS or (event.kind is Event.NOTED and event.note is not None)
        if is_of_books and changes.keys() <= {"updated_at"}:
            return Recorded(before, late=False, again=True)
        self._staged[command_id] = _Image(after, new, image.state_on_disk, image.constant)
        self._journal(command_id, event.kind.value, before.state.value, new, changes, event.inputs, event.tag)
        return Recorded(after, before.is_late(event), before.late_quantity(event))

    def update_tag(self, command_id: str, tag: Reason, at: datetime) -> Recorded:
        """Say why an order stands where it stands, without moving it."""
        return self.update_status(command_id, OrderEvent(kind=Event.NOTED, tag=tag), at)

    def update_broker_id(self, command_id: str, broker_order_id: str, at: datetime) -> Recorded:
        """Record that the broker accepted the order under this id (guide, step 5)."""
        return self.update_status(command_id, OrderEvent(kind=Event.ACCEPTED, broker_order_id=broker_order_id), at)

    def add_fills(self, fills: Sequence[TradeRow]) -> None:
        """Keep each fill of our orders once."""
        self._fills.extend(fills)

    def take_early_fills(self) -> tuple[TradeRow, ...]:
        """Return, once, the fills whose orders had no row with their number: nothing was kept of them."""
        early = tuple(self._early_fills)
        self._early_fills.clear()
        return early

    def get(self, command_id: str) -> Order | None:
        """Return the order with this command id, as it is staged, or on disk."""
        staged = self._staged.get(command_id)
        return super().get(command_id) if staged is None else staged.order

    def remembered(self, command_id: str) -> Order | None:
        """Return an order that is not over as it was last written, without a look at the disk; None where unknown."""
        image = self._written.get(command_id)
        return None if image is None else image.order

    def _image(self, command_id: str) -> "_Image":
        order = self.get(command_id)
        if order is None:
            raise UnknownOrderError(f"no order {command_id!r}")
        return _Image(order, changing_values(order), order.state)

    def _journal(
        self,
        command_id: str,
        event: str,
        state_before: str | None,
        changing: tuple[Any, ...],
        changes: Mapping[str, object],
        inputs: Mapping[str, str],
        said: Reason | None = None,
    ) -> None:
        row = journal_row(self._client_id, command_id, event, state_before, changing, changes, inputs, said)
        self._lines.append(row)
