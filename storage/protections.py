"""The rows of armed stops. Prices are kept as text, so that a level is the level that was set."""

import sqlite3
from datetime import datetime
from decimal import Decimal
from typing import Any, Final

from domain.exits import Scope
from domain.order import Exchange, InstrumentKey, Product, TrailingType
from domain.seams import trading_day
from domain.stops import Protection, StopTerms
from storage.rows import to_moment, to_text

_COLUMNS: Final = (
    "protection_id, strategy, exchange, symbol, product, is_long, quantity, stop_loss, target, trailing_type,"
    " trailing_value, trail_when, anchor, peak, armed_at, ended"
)
_KEEP: Final = (
    f"INSERT INTO protections (client_id, {_COLUMNS}) VALUES ({', '.join('?' * 17)})"  # noqa: S608  constants only
    " ON CONFLICT (client_id, protection_id) DO UPDATE SET quantity = excluded.quantity, anchor = excluded.anchor,"
    " peak = excluded.peak, armed_at = excluded.armed_at, ended = excluded.ended"
    " WHERE protections.ended = '' OR excluded.quantity > protections.quantity"
)
"""A write that the database took late, after the end was written, must not arm the stops again."""
_FIND: Final = f"SELECT {_COLUMNS} FROM protections WHERE client_id = ? AND ended = ? ORDER BY id"  # noqa: S608  as above
_ENDED: Final = f"SELECT {_COLUMNS} FROM protections WHERE client_id = ? AND ended <> '' ORDER BY id DESC LIMIT 2000"  # noqa: S608  as above


def keep_protection(connection: sqlite3.Connection, client_id: str, protection: Protection) -> None:
    """Keep stops as they stand now."""
    key, terms = protection.scope.key, protection.terms
    values = (
        client_id,
        protection.protection_id,
        protection.scope.strategy,
        *(key.exchange.value, key.symbol, key.product.value),
        int(protection.is_long),
        protection.quantity,
        *(_text(one) for one in (terms.stop_loss, terms.target)),
        None if terms.trailing_type is None else terms.trailing_type.value,
        *(_text(one) for one in (terms.trailing_value, terms.trail_when)),
        *(str(protection.anchor), str(protection.peak)),
        to_text(protection.armed_at),
        protection.ended,
    )
    connection.execute(_KEEP, values)


def read_protections(connection: sqlite3.Connection, client_id: str, now: datetime) -> tuple[Protection, ...]:
    """Return the armed stops, and those of today that are over."""
    armed = connection.execute(_FIND, (client_id, "")).fetchall()
    over = [_protection(row) for row in connection.execute(_ENDED, (client_id,)).fetchall()]
    today = trading_day(now)
    return (*map(_protection, armed), *(one for one in over if trading_day(one.armed_at) == today))


def _protection(row: tuple[Any, ...]) -> Protection:
    name, strategy, exchange, symbol, product, is_long, quantity, stop, target, kind, value, when, *rest = row
    anchor, peak, armed_at, ended = rest
    return Protection(
        protection_id=name,
        scope=Scope(strategy, InstrumentKey(Exchange(exchange), symbol, Product(product))),
        terms=StopTerms(
            stop_loss=_price(stop),
            target=_price(target),
            trailing_type=None if kind is None else TrailingType(kind),
            trailing_value=_price(value),
            trail_when=_price(when),
        ),
        is_long=bool(is_long),
        anchor=Decimal(anchor),
        peak=Decimal(peak),
        armed_at=to_moment(armed_at),
        quantity=quantity,
        ended=ended,
    )


def _text(price: Decimal | None) -> str | None:
    return None if price is None else str(price)


def _price(text: str | None) -> Decimal | None:
    return None if text is None else Decimal(text)
