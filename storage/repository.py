"""OrderRepository: the only queries, under the guide's method names where their meaning still holds.

Every query names the client. Every write of an order goes through the lifecycle, compares the old state, and puts
the row and its journal line into the same transaction.
"""

import json
import sqlite3
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import date, datetime
from decimal import Decimal
from functools import lru_cache
from types import MappingProxyType
from typing import Any, Final

import peewee

from domain.alerts.alert import AlertRecord, Unfinished
from domain.baskets import BasketRecord
from domain.broker.snapshots import TradeRow
from domain.exits.flatten import EndedRequest, FlattenRequest, PositionKey
from domain.exits.stops import ArmedStop
from domain.market.price import PriceSource, SeenPrice
from domain.orders.change_command import change_outcome
from domain.orders.command import OrderCommand
from domain.orders.hand_over import RUN
from domain.orders.lifecycle import Event, State, is_late_truth
from domain.orders.order import JournalLine, Order, OrderEvent, new_order
from domain.orders.reasons import Reason
from domain.orders.types import Exchange, InstrumentKey, Origin, Product
from domain.ports import trading_day
from domain.positions.delivery import carried_delivery
from domain.reconciliation.breaks import Break, BreakKind, key_in_name
from domain.reconciliation.moves import AGAINST_OURS, BY_A_PERSON, MoveKind
from domain.risk.checks import TradingState
from domain.risk.loss_limit import RiskDay
from storage.alerts import keep_alert, read_unfinished_alerts
from storage.armed_stops import keep_armed_stop, read_armed_stops
from storage.baskets import keep_basket, read_baskets
from storage.batch import insert_journal, insert_orders, update_orders
from storage.database import StorageError, UnreadableError, is_locked
from storage.external_moves import keep_expiry, read_closed_at, read_ended, read_expiries, read_moves, read_vanished
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
"""The journal's name for the first line of an order of ours."""
SEEN: Final = "SEEN"
"""The journal's name for the first line of an order that others placed."""

_DELIVERED: Final = ", ".join(f"'{one}'" for one in Product if one.is_delivery)
_OF_THE_DAY: Final = ", ".join(f"'{one}'" for one in Product if one.ends_with_its_day)
_SELECT: Final = f"SELECT {', '.join(COLUMNS)} FROM orders WHERE client_id = ?"  # noqa: S608  constants only
_OLDER_POSITIONS: Final = (
    "SELECT strategy, exchange, symbol, product,"  # noqa: S608  constants only
    " SUM(CASE side WHEN 'BUY' THEN filled_quantity ELSE -filled_quantity END) FROM orders"
    f" WHERE client_id = ? AND filled_quantity > 0 AND NOT {OPEN} AND day < ? AND product NOT IN ({_DELIVERED})"
    " GROUP BY strategy, exchange, symbol, product"
)
_OLDER_DELIVERY: Final = (
    "SELECT strategy, exchange, symbol, product,"  # noqa: S608  constants only
    " CASE side WHEN 'BUY' THEN filled_quantity ELSE -filled_quantity END FROM orders"
    f" WHERE client_id = ? AND filled_quantity > 0 AND NOT {OPEN} AND day < ? AND product IN ({_DELIVERED})"
    " ORDER BY id"
)
_FILL: Final = (
    "INSERT OR IGNORE INTO fills (client_id, command_id, exchange, broker_order_id, fill_id, symbol, side, quantity,"
    " price, traded_at) SELECT client_id, command_id, ?, ?, ?, ?, ?, ?, ?, ? FROM orders"
    " WHERE client_id = ? AND broker_order_id = ?"
)


_to_json: Final = json.JSONEncoder(check_circular=False).encode


class UnknownOrderError(LookupError):
    """No order of this client has that command id."""


_TOLD_BY_BOOKS: Final = frozenset({Event.WORKING, Event.PARTIALLY_FILLED, Event.FILLED, Event.CANCELED, Event.REJECTED})


@dataclass(frozen=True, slots=True)
class Recorded:
    """An order as it stands after a write; `late` marks a late truth, `again` what had been written before."""

    order: Order
    late: bool
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
        self._early_fills: list[TradeRow] = []

    def wait_for_locks(self, wait_ms: int) -> None:
        """Let a statement wait so long for another process that has locked the file."""
        self._connection.execute(f"PRAGMA busy_timeout = {int(wait_ms)}")

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

    @contextmanager
    def reading(self) -> Iterator[None]:
        """Raise `UnreadableError`, in words for a person, where what is read within can't be."""
        try:
            yield
        except sqlite3.DatabaseError as error:
            message = "end what locks the file, or make the disk readable; exits, cancels and halts go on meanwhile"
            locked = is_locked(error)
            raise UnreadableError(f"the database can't be read just now ({error}); {message}", locked=locked) from error

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
            written = self._execute(_FILL, (*facts, *timing, self._client_id, fill.broker_order_id)).rowcount
            if not written and not self._has_order(fill.broker_order_id):
                self._early_fills.append(fill)

    def _remember(self) -> None:
        for name, image in self._staged.items():
            if image.order.is_terminal:
                self._written.pop(name, None)
            else:
                self._written[name] = _Image(image.order, image.changing, image.order.state)

    # writing

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
            or (self._one("remarks_tag = ?", order.note) if order.note else None)
        )
        return known if known is not None and known.broker_order_id in {None, order.broker_order_id} else None

    def _begin(self, order: Order, event: str, inputs: Mapping[str, str] = MappingProxyType({})) -> None:
        constant, changing = constant_values(order), changing_values(order)
        self._staged[order.command.command_id] = _Image(order, changing, None, constant)
        changes = dict(zip(COLUMNS, constant + changing, strict=True))
        self._journal(order.command.command_id, event, None, changing, changes, inputs)

    def resolve_break(self, recon_break: Break, reason: str, at: datetime, kind: MoveKind = MoveKind.CARRIED) -> None:
        """Keep that a break is resolved: its units become EXTERNAL, or it is accepted for the day."""
        key = recon_break.key
        if key is None:
            self._execute(
                "INSERT INTO accepted_breaks (client_id, at, name, reason) VALUES (?, ?, ?, ?)",
                (self._client_id, to_text(at), recon_break.name, reason),
            )
            return
        where = (key.exchange.value, key.symbol, key.product.value)
        self._execute(
            "INSERT INTO external_moves (client_id, at, day, exchange, symbol, product, quantity, reason, kind)"
            " VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)",
            (self._client_id, to_text(at), trading_day(at), *where, recon_break.difference, reason, kind.value),
        )

    def undo_acceptance(self, name: str, reason: str, at: datetime) -> Break | None:
        """Take back what a person has accepted under this name and still counts; return what is undone, if anything."""
        key = key_in_name(name)
        units = 0 if key is None else self._moves(at, BY_A_PERSON).get(key, 0)
        if units:
            undone = Break(name=name, kind=BreakKind.POSITION, sentence="", difference=-units, key=key)
            self.resolve_break(undone, reason, at, MoveKind.UNDONE)
            return undone
        if name not in self.accepted_today(at):
            return None
        self._execute(
            "UPDATE accepted_breaks SET undone_at = ? WHERE client_id = ? AND name = ? AND undone_at IS NULL",
            (to_text(at), self._client_id, name),
        )
        return Break(name=name, kind=BreakKind.EXTERNAL, sentence="")

    def keep_flatten_request(self, request: FlattenRequest) -> None:
        """Keep that a position is to be made flat; once, however often it is told."""
        key = request.position_key.key
        self._execute(
            "INSERT INTO flatten_requests"
            " (client_id, request_id, asked_at, strategy, exchange, symbol, product, reason, origin)"
            " VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT (client_id, request_id) DO NOTHING",
            (
                self._client_id,
                request.request_id,
                to_text(request.asked_at),
                request.position_key.strategy,
                *(key.exchange.value, key.symbol, key.product.value),
                request.reason,
                request.origin.value,
            ),
        )

    def end_flatten_request(self, request_id: str, at: datetime, missing: int = 0) -> None:
        """Keep that its position is flat; or that it ended with so many units held, because the shares are missing."""
        statement = "UPDATE flatten_requests SET flat_at = ?, missing = ? WHERE client_id = ? AND request_id = ?"
        self._execute(statement, (to_text(at), missing or None, self._client_id, request_id))

    def keep_armed_stop(self, armed_stop: ArmedStop) -> None:
        """Keep a position's stops as they stand now."""
        keep_armed_stop(self._connection, self._client_id, armed_stop)

    def keep_risk_day(self, day: RiskDay) -> None:
        """Keep how a trading day stands against its limits."""
        figures = (str(day.pnl), str(day.peak_pnl), str(day.base), day.breach)
        first = [[exchange.value, symbol, str(price)] for (exchange, symbol), price in day.first_prices.items()]
        breached_at = None if day.breached_at is None else to_text(day.breached_at)
        self._execute(
            "INSERT INTO risk_days (client_id, day, pnl, peak_pnl, base, breach, breached_at, spent, first_prices)"
            " VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)"
            " ON CONFLICT (client_id, day) DO UPDATE SET pnl = excluded.pnl, peak_pnl = excluded.peak_pnl,"
            " base = excluded.base, breach = excluded.breach, breached_at = excluded.breached_at,"
            " spent = excluded.spent, first_prices = excluded.first_prices",
            (self._client_id, day.day, *figures, breached_at, _to_json(sorted(day.spent)), _to_json(first)),
        )

    def keep_basket(self, record: BasketRecord) -> None:
        """Keep a basket as it stands."""
        keep_basket(self._connection, self._client_id, record)

    def keep_alert(self, record: AlertRecord) -> None:
        """Keep an alert as it stands."""
        keep_alert(self._connection, self._client_id, record)

    def keep_write_off(
        self, position_key: PositionKey, units: int, reason: str, at: datetime, price: Decimal | None = None
    ) -> None:
        """Keep that a strategy's position is written off (guide, force_clear_symbol), or was closed at this price."""
        where = (position_key.key.exchange.value, position_key.key.symbol, position_key.key.product.value)
        self._execute(
            "INSERT INTO position_write_offs (client_id, at, day, strategy, exchange, symbol, product, units, reason,"
            " price) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
            (
                *(self._client_id, to_text(at), trading_day(at), position_key.strategy, *where, units, reason),
                None if price is None else str(price),
            ),
        )

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
        if event.kind in _TOLD_BY_BOOKS and changes.keys() <= {"updated_at"}:
            return Recorded(before, late=False, again=True)
        self._staged[command_id] = _Image(after, new, image.state_on_disk, image.constant)
        self._journal(command_id, event.kind.value, before.state.value, new, changes, event.inputs, event.tag)
        return Recorded(after, is_late_truth(before.state, event.kind))

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

    def set_trading_state(self, state: TradingState, reason: str, at: datetime) -> None:
        """Keep the trading state over restarts."""
        self._execute(
            "INSERT INTO trading_state (client_id, state, reason, since) VALUES (?, ?, ?, ?) ON CONFLICT (client_id)"
            " DO UPDATE SET state = excluded.state, reason = excluded.reason, since = excluded.since",
            (self._client_id, state.value, reason, to_text(at)),
        )

    # reading

    def get(self, command_id: str) -> Order | None:
        """Return the order with this command id, as it is staged, or on disk."""
        staged = self._staged.get(command_id)
        return self._one("command_id = ?", command_id) if staged is None else staged.order

    def remembered(self, command_id: str) -> Order | None:
        """Return an order that is not over as it was last written, without a look at the disk; None where unknown."""
        image = self._written.get(command_id)
        return None if image is None else image.order

    def known(self, command_ids: Sequence[str]) -> dict[str, Order]:
        """Return those of the command ids that have an order, with it."""
        places = ", ".join("?" * len(command_ids))
        found = self._orders(f"command_id IN ({places})", *command_ids)
        return {order.command.command_id: order for order in found}

    def get_by_broker_id(self, broker_order_id: str) -> Order | None:
        """Return the order the broker knows by this id (guide, step 6)."""
        return self._one("broker_order_id = ?", broker_order_id)

    def _has_order(self, broker_order_id: str) -> bool:
        return self._one("broker_order_id = ?", broker_order_id) is not None

    def get_open_orders_by_strategy(self, strategy: str) -> tuple[Order, ...]:
        """Return the strategy's orders that are not over (guide, check 2C)."""
        return self._orders(f"strategy = ? AND {OPEN} ORDER BY id", strategy)

    def open_orders(self) -> tuple[Order, ...]:
        """Return every order that is not over, oldest first."""
        return self._orders(f"{OPEN} ORDER BY id")

    def remembered_orders(self, now: datetime) -> tuple[Order, ...]:
        """Return what a start takes up again: every order that is not over, and today's that are.

        None has moved after `now`: where the machine's clock was set back in between, every book would seem older than
        the orders it speaks of.
        """
        today = trading_day(now)
        found = (*self._orders(f"{OPEN} AND day < ? ORDER BY id", today), *self._orders("day >= ? ORDER BY id", today))
        return tuple(one if one.updated_at <= now else replace(one, updated_at=now) for one in found)

    def change_outcome(self, order: Order, change_id: str) -> Event | None:
        """Return how far this change of the order has come; None when it has never been asked for."""
        return change_outcome(self.journal(order.command.command_id), change_id)

    def runs_of_sending(self, orders: Sequence[Order]) -> dict[str, str]:
        """Return the run that stored each of these orders that is SENDING, as far as it said so."""
        sending = (order.command.command_id for order in orders if order.state is State.SENDING)
        lines = (line for name in sending for line in self.journal(name))
        return {line.command_id: line.inputs[RUN] for line in lines if line.event == Event.SENT and RUN in line.inputs}

    def external_moves(self, now: datetime) -> dict[InstrumentKey, int]:
        """Return the units by nobody's order that count today: of carried products all, of others today's."""
        return self._moves(now, frozenset(MoveKind))

    def accepted_units(self, now: datetime) -> dict[InstrumentKey, int]:
        """Return those of the moves that count today which a person has accepted, and not undone."""
        return {key: units for key, units in self._moves(now, BY_A_PERSON).items() if units}

    def _moves(self, now: datetime, kinds: frozenset[MoveKind]) -> dict[InstrumentKey, int]:
        return read_moves(self._connection, self._client_id, now, kinds)

    def moves_against_ours(self, now: datetime) -> dict[InstrumentKey, int]:
        """Return those of the moves that stand against units of our strategies."""
        return {key: units for key, units in self._moves(now, AGAINST_OURS).items() if units}

    def vanished(self) -> tuple[Break, ...]:
        """Return the positions that are gone and wait for a person's decision."""
        return read_vanished(self._connection, self._client_id)

    def ended(self) -> frozenset[InstrumentKey]:
        """Return the positions that have ended with their contracts."""
        return read_ended(self._connection, self._client_id)

    def keep_expiry(self, exchange: Exchange, symbol: str, expires_on: date) -> None:
        """Keep the last day of a contract."""
        keep_expiry(self._connection, self._client_id, exchange, symbol, expires_on)

    def expiries(self) -> dict[tuple[Exchange, str], date]:
        """Return the last days of the contracts that were traded here."""
        return read_expiries(self._connection, self._client_id)

    def accepted_today(self, now: datetime) -> tuple[str, ...]:
        """Return the names of the breaks that a person has accepted today."""
        rows = self._execute(
            "SELECT at, name FROM accepted_breaks WHERE client_id = ? AND undone_at IS NULL"
            " ORDER BY id DESC LIMIT 1000",
            (self._client_id,),
        ).fetchall()
        return tuple(name for at, name in rows if trading_day(to_moment(at)) == trading_day(now))

    def open_flatten_requests(self) -> tuple[FlattenRequest, ...]:
        """Return the positions that are on their way to flat, oldest request first."""
        rows = self._execute(
            "SELECT request_id, asked_at, strategy, exchange, symbol, product, reason, origin FROM flatten_requests"
            " WHERE client_id = ? AND flat_at IS NULL ORDER BY id",
            (self._client_id,),
        ).fetchall()
        return tuple(
            FlattenRequest(
                request_id=request_id,
                asked_at=to_moment(asked_at),
                position_key=PositionKey(strategy, InstrumentKey(Exchange(exchange), symbol, Product(product))),
                reason=reason,
                origin=Origin(origin),
            )
            for request_id, asked_at, strategy, exchange, symbol, product, reason, origin in rows
        )

    def ended_requests(self, now: datetime) -> tuple[EndedRequest, ...]:
        """Return the last request of each position that has ended today because the shares are missing."""
        rows = self._execute(
            "SELECT request_id, flat_at, strategy, exchange, symbol, product, missing FROM flatten_requests"
            " WHERE client_id = ? AND missing IS NOT NULL ORDER BY id DESC LIMIT 1000",
            (self._client_id,),
        ).fetchall()
        found: dict[PositionKey, EndedRequest] = {}
        for request_id, ended_at, strategy, exchange, symbol, product, missing in rows:
            position_key = PositionKey(strategy, InstrumentKey(Exchange(exchange), symbol, Product(product)))
            if trading_day(to_moment(ended_at)) == trading_day(now):
                found.setdefault(position_key, EndedRequest(request_id, position_key, missing))
        return tuple(found.values())

    def armed_stops(self, now: datetime) -> tuple[ArmedStop, ...]:
        """Return the armed stops, and those of today that are over."""
        return read_armed_stops(self._connection, self._client_id, now)

    def unarmed_entries(self) -> tuple[Order, ...]:
        """Return the entries that carry stops and have traded more than these know of: the desk ended in between."""
        return self._orders(
            "filled_quantity > 0 AND intent <> 'EXIT'"
            " AND (stop_loss IS NOT NULL OR target IS NOT NULL OR trailing_type IS NOT NULL)"
            " AND filled_quantity > COALESCE((SELECT quantity FROM armed_stops"
            " WHERE armed_stops.client_id = orders.client_id AND stop_id = command_id), 0) ORDER BY id"
        )

    def baskets(self) -> tuple[BasketRecord, ...]:
        """Return the baskets that are open and the last that ended, oldest first."""
        return read_baskets(self._connection, self._client_id)

    def unfinished_alerts(self) -> Unfinished:
        """Return the alerts that are still to be told, or acknowledged."""
        return read_unfinished_alerts(self._connection, self._client_id)

    def written_off(self, now: datetime) -> dict[PositionKey, int]:
        """Return the units written off that count today: of what is carried all, of others today's."""
        rows = self._execute(
            "SELECT strategy, exchange, symbol, product, SUM(units) FROM position_write_offs"  # noqa: S608  constants only
            f" WHERE client_id = ? AND (product NOT IN ({_OF_THE_DAY}) OR day >= ?)"
            " GROUP BY strategy, exchange, symbol, product",
            (self._client_id, trading_day(now)),
        ).fetchall()
        return {
            PositionKey(strategy, InstrumentKey(Exchange(exchange), symbol, Product(product))): units
            for strategy, exchange, symbol, product, units in rows
        }

    def closed_at(self, now: datetime) -> dict[PositionKey, tuple[int, Decimal]]:
        """Return those of today's written-off units that were closed at a price, with its average."""
        return read_closed_at(self._connection, self._client_id, now)

    def risk_days(self) -> tuple[RiskDay, ...]:
        """Return how the last days stood, oldest first."""
        rows = self._execute(
            "SELECT day, pnl, peak_pnl, base, breach, breached_at, spent, first_prices FROM risk_days"
            " WHERE client_id = ? ORDER BY day DESC LIMIT 100",
            (self._client_id,),
        ).fetchall()
        return tuple(
            RiskDay(
                day=day,
                pnl=Decimal(pnl),
                peak_pnl=Decimal(peak),
                base=Decimal(base),
                breach=breach,
                breached_at=None if at is None else to_moment(at),
                spent=frozenset(json.loads(spent)),
                first_prices={
                    (Exchange(exchange), symbol): Decimal(price) for exchange, symbol, price in json.loads(first)
                },
            )
            for day, pnl, peak, base, breach, at, spent, first in reversed(rows)
        )

    def newest_orders(self, limit: int, *, open_only: bool, before: str | None = None) -> tuple[Order, ...]:
        """Return at most `limit` orders, newest first; where `before` is a command id, those that are older than it."""
        where = OPEN if open_only else "1"
        values: tuple[object, ...] = ()
        if before is not None:
            where += " AND id < (SELECT id FROM orders WHERE client_id = ? AND command_id = ?)"
            values = (self._client_id, before)
        return self._orders(f"{where} ORDER BY id DESC LIMIT ?", *values, limit)

    def older_positions(self, now: datetime) -> dict[str, dict[InstrumentKey, int]]:
        """Return each strategy's signed units from the orders that `remembered_orders` leaves out.

        Delivery is counted order by order: a sale out of the holdings takes nothing off what is bought after it.
        """
        which = (self._client_id, trading_day(now))
        delivered = self._execute(_OLDER_DELIVERY, which)
        held = carried_delivery((strategy, _key_of(*where), units) for strategy, *where, units in delivered)
        rows = self._execute(_OLDER_POSITIONS, which)
        for strategy, exchange, symbol, product, quantity in rows.fetchall():
            held.setdefault(strategy, {})[_key_of(exchange, symbol, product)] = quantity
        return held

    def last_prices(self) -> dict[tuple[Exchange, str], SeenPrice]:
        """Return at what price each instrument was last traded: an exit goes by it when no younger one is known."""
        rows = self._execute(
            "SELECT exchange, symbol, average_price, MAX(updated_at) FROM orders"
            " WHERE client_id = ? AND filled_quantity > 0 AND average_price IS NOT NULL GROUP BY exchange, symbol",
            (self._client_id,),
        ).fetchall()
        return {
            (Exchange(exchange), symbol): SeenPrice(
                price=Decimal(str(price)), source=PriceSource.STORED, seen_at=to_moment(at)
            )
            for exchange, symbol, price, at in rows
        }

    def sent_today(self, now: datetime) -> int:
        """Return how many of today's orders of ours passed the blockers."""
        row = self._execute(
            "SELECT COUNT(*) FROM orders WHERE client_id = ? AND day >= ? AND state NOT IN ('CREATED', 'BLOCKED')"
            " AND origin <> 'EXTERNAL'",
            (self._client_id, trading_day(now)),
        ).fetchone()
        return int(row[0])

    def trading_state(self) -> tuple[TradingState, str]:
        """Return the stored trading state and its reason; ACTIVE when none was stored."""
        row = self._execute(
            "SELECT state, reason FROM trading_state WHERE client_id = ?", (self._client_id,)
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
        said: Reason | None = None,
    ) -> None:
        _, state, tag, note, *_, updated_at = changing
        # A note keeps its own tag here, also where the order's tag says something weightier.
        shown = said.value if said is not None and event == Event.NOTED else tag
        moved = (updated_at, event, state_before, state, shown, note)
        self._lines.append((self._client_id, command_id, *moved, _to_json(changes), _to_json(dict(inputs))))

    def _execute(self, sql: str, values: Sequence[object]) -> Any:  # noqa: ANN401  a cursor of the driver
        return self._connection.execute(sql, values)


@lru_cache(maxsize=4096)
def _key_of(exchange: str, symbol: str, product: str) -> InstrumentKey:
    return InstrumentKey(Exchange(exchange), symbol, Product(product))
