"""EXTERNAL moves and what follows from them: units by nobody's order, positions that are gone, and expiries."""

import sqlite3
from datetime import date, datetime
from decimal import Decimal

from domain.exits.flatten import PositionKey
from domain.orders.types import Exchange, InstrumentKey, Product
from domain.ports import trading_day
from domain.reconciliation.breaks import Break
from domain.reconciliation.moves import MoveKind
from domain.reconciliation.vanishing import vanished_of


def read_moves(
    connection: sqlite3.Connection, client_id: str, now: datetime, kinds: frozenset[MoveKind]
) -> dict[InstrumentKey, int]:
    """Return the units of these kinds that count today: of carried products all, of others today's."""
    places = ", ".join("?" * len(kinds))
    rows = connection.execute(
        "SELECT exchange, symbol, product, SUM(quantity) FROM external_moves"  # noqa: S608  places for values only
        f" WHERE client_id = ? AND (product = 'NRML' OR day >= ?) AND kind IN ({places})"
        " GROUP BY exchange, symbol, product",
        (client_id, trading_day(now), *sorted(kinds)),
    ).fetchall()
    return {InstrumentKey(Exchange(exchange), symbol, Product(product)): n for exchange, symbol, product, n in rows}


def read_vanished(connection: sqlite3.Connection, client_id: str) -> tuple[Break, ...]:
    """Return the positions that are gone, have not returned, and wait for a person's decision."""
    rows = connection.execute(
        "SELECT exchange, symbol, product, quantity, kind FROM external_moves"
        " WHERE client_id = ? AND kind IN ('VANISHED', 'RETURNED', 'DECIDED') ORDER BY id",
        (client_id,),
    ).fetchall()
    gone: dict[InstrumentKey, int] = {}
    for exchange, symbol, product, units, kind in rows:
        key = InstrumentKey(Exchange(exchange), symbol, Product(product))
        gone[key] = 0 if kind == MoveKind.DECIDED else gone.get(key, 0) + units
    return tuple(vanished_of(key, units) for key, units in gone.items() if units)


def read_ended(connection: sqlite3.Connection, client_id: str) -> frozenset[InstrumentKey]:
    """Return the positions that have ended with their contracts."""
    rows = connection.execute(
        "SELECT DISTINCT exchange, symbol, product FROM external_moves WHERE client_id = ? AND kind = 'EXPIRED'",
        (client_id,),
    ).fetchall()
    return frozenset(InstrumentKey(Exchange(exchange), symbol, Product(product)) for exchange, symbol, product in rows)


def read_closed_at(
    connection: sqlite3.Connection, client_id: str, now: datetime
) -> dict[PositionKey, tuple[int, Decimal]]:
    """Return the units that were closed at a price today, with the average of it."""
    rows = connection.execute(
        "SELECT strategy, exchange, symbol, product, units, price FROM position_write_offs"
        " WHERE client_id = ? AND price IS NOT NULL AND day >= ? ORDER BY id",
        (client_id, trading_day(now)),
    ).fetchall()
    found: dict[PositionKey, tuple[int, Decimal]] = {}
    for strategy, exchange, symbol, product, units, price in rows:
        position_key = PositionKey(strategy, InstrumentKey(Exchange(exchange), symbol, Product(product)))
        before, average = found.get(position_key, (0, Decimal(0)))
        total = before + units
        found[position_key] = (total, (average * before + Decimal(price) * units) / total) if total else (0, Decimal(0))
    return found


def keep_expiry(
    connection: sqlite3.Connection, client_id: str, exchange: Exchange, symbol: str, expires_on: date
) -> None:
    """Keep the last day of a contract."""
    connection.execute(
        "INSERT INTO expiries (client_id, exchange, symbol, expires_on) VALUES (?, ?, ?, ?)"
        " ON CONFLICT (client_id, exchange, symbol) DO UPDATE SET expires_on = excluded.expires_on",
        (client_id, exchange.value, symbol, expires_on.isoformat()),
    )


def read_expiries(connection: sqlite3.Connection, client_id: str) -> dict[tuple[Exchange, str], date]:
    """Return the last days of the contracts that were traded here."""
    rows = connection.execute(
        "SELECT exchange, symbol, expires_on FROM expiries WHERE client_id = ?", (client_id,)
    ).fetchall()
    return {(Exchange(exchange), symbol): date.fromisoformat(day) for exchange, symbol, day in rows}
