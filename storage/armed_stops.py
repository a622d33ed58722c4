"""The rows of armed stops. Prices are kept as text, so that a level is the level that was set."""

import sqlite3
from datetime import datetime
from decimal import Decimal
from typing import Any, Final

from domain.exits.flatten import PositionKey
from domain.exits.stops import ArmedStop
from domain.orders.stop_terms import StopTerms
from domain.orders.types import Exchange, InstrumentKey, Product, TrailingType
from domain.ports import trading_day
from storage.rows import to_moment, to_text

_COLUMNS: Final = (
    "stop_id, strategy, exchange, symbol, product, is_long, quantity, stop_loss, target, trailing_type,"
    " trailing_value, trail_activation, entry_price, best_price, armed_at, ended"
)
_KEEP: Final = (
    f"INSERT INTO armed_stops (client_id, {_COLUMNS}) VALUES ({', '.join('?' * 17)})"  # noqa: S608  constants only
    " ON CONFLICT (client_id, stop_id) DO UPDATE SET quantity = excluded.quantity, entry_price = excluded.entry_price,"
    " best_price = excluded.best_price, armed_at = excluded.armed_at, ended = excluded.ended"
    " WHERE armed_stops.ended = '' OR excluded.quantity > armed_stops.quantity"
)
"""A write that the database took late, after the end was written, must not arm the stops again."""
_FIND: Final = f"SELECT {_COLUMNS} FROM armed_stops WHERE client_id = ? AND ended = ? ORDER BY id"  # noqa: S608  as above
_ENDED: Final = f"SELECT {_COLUMNS} FROM armed_stops WHERE client_id = ? AND ended <> '' ORDER BY id DESC LIMIT 2000"  # noqa: S608  as above


def keep_armed_stop(connection: sqlite3.Connection, client_id: str, armed_stop: ArmedStop) -> None:
    """Keep stops as they stand now."""
    key, terms = armed_stop.position_key.key, armed_stop.terms
    values = (
        client_id,
        armed_stop.stop_id,
        armed_stop.position_key.strategy,
        *(key.exchange.value, key.symbol, key.product.value),
        int(armed_stop.is_long),
        armed_stop.quantity,
        *(_text(one) for one in (terms.stop_loss, terms.target)),
        None if terms.trailing_type is None else terms.trailing_type.value,
        *(_text(one) for one in (terms.trailing_value, terms.trail_activation)),
        *(str(armed_stop.entry_price), str(armed_stop.best_price)),
        to_text(armed_stop.armed_at),
        armed_stop.ended,
    )
    connection.execute(_KEEP, values)


def read_armed_stops(connection: sqlite3.Connection, client_id: str, now: datetime) -> tuple[ArmedStop, ...]:
    """Return the armed stops, and those of today that are over."""
    armed = connection.execute(_FIND, (client_id, "")).fetchall()
    over = [_armed_stop(row) for row in connection.execute(_ENDED, (client_id,)).fetchall()]
    today = trading_day(now)
    return (*map(_armed_stop, armed), *(one for one in over if trading_day(one.armed_at) == today))


def _armed_stop(row: tuple[Any, ...]) -> ArmedStop:
    name, strategy, exchange, symbol, product, is_long, quantity, stop, target, kind, value, when, *rest = row
    entry_price, best_price, armed_at, ended = rest
    return ArmedStop(
        stop_id=name,
        position_key=PositionKey(strategy, InstrumentKey(Exchange(exchange), symbol, Product(product))),
        terms=StopTerms(
            stop_loss=_price(stop),
            target=_price(target),
            trailing_type=None if kind is None else TrailingType(kind),
            trailing_value=_price(value),
            trail_activation=_price(when),
        ),
        is_long=bool(is_long),
        entry_price=Decimal(entry_price),
        best_price=Decimal(best_price),
        armed_at=to_moment(armed_at),
        quantity=quantity,
        ended=ended,
    )


def _text(price: Decimal | None) -> str | None:
    return None if price is None else str(price)


def _price(text: str | None) -> Decimal | None:
    return None if text is None else Decimal(text)
