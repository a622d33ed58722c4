"""The queries of the orders table, in SQL: they stand on the order path, and lean on indexes spelled as they are.

Every query names the client.
"""

import sqlite3
from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime
from typing import Final

from domain.orders.order import Order
from domain.orders.reference import UNIQUE_CHARACTERS_MIN
from domain.ports import trading_day
from storage.models import OPEN, UNIQUE_PART
from storage.rows import COLUMNS, to_order

NAMED_MAX: Final = 200
"""So many orders are looked at whose ids begin alike: more of them name none in particular."""
_LAST: Final = "\U0010ffff"
"""Behind everything that begins alike."""

_SELECT: Final = f"SELECT {', '.join(COLUMNS)} FROM orders WHERE client_id = ?"  # noqa: S608  constants only
_UNARMED: Final = (
    "filled_quantity > 0 AND intent <> 'EXIT'"
    " AND (stop_loss IS NOT NULL OR target IS NOT NULL OR trailing_type IS NOT NULL)"
    " AND filled_quantity > COALESCE((SELECT quantity FROM armed_stops"
    " WHERE armed_stops.client_id = orders.client_id AND stop_id = command_id), 0) ORDER BY id"
)
_NAMED: Final = (
    f"SELECT {', '.join(COLUMNS)} FROM (SELECT id AS named_id FROM"  # noqa: S608  constants only
    f" (SELECT id FROM orders WHERE client_id = ? AND command_id >= ? AND command_id < ? LIMIT {NAMED_MAX})"
    f" UNION SELECT id FROM (SELECT id FROM orders WHERE client_id = ? AND {UNIQUE_PART} >= ? AND {UNIQUE_PART} < ?"
    f" AND length({UNIQUE_PART}) >= {UNIQUE_CHARACTERS_MIN} LIMIT {NAMED_MAX})"
    f" UNION SELECT id FROM (SELECT id FROM orders WHERE client_id = ? AND broker_order_id = ? LIMIT {NAMED_MAX}))"
    " CROSS JOIN orders ON id = named_id WHERE client_id = ?"
)
"""Each part is a short walk through one index; what begins with it comes by id, so a whole id is the first.

SQLite takes the tables of a CROSS JOIN as they stand: it would rather look through the orders from the newest on.
"""


class OrderReader:
    """Reads one client's orders as they are on disk."""

    def __init__(self, connection: sqlite3.Connection, client_id: str) -> None:
        self._connection = connection
        self._client_id = client_id

    def get(self, command_id: str) -> Order | None:
        """Return the order with this command id."""
        return self._one("command_id = ?", command_id)

    def known(self, command_ids: Sequence[str]) -> dict[str, Order]:
        """Return those of the command ids that have an order, with it."""
        places = ", ".join("?" * len(command_ids))
        found = self._orders(f"command_id IN ({places})", *command_ids)
        return {order.command.command_id: order for order in found}

    def get_by_broker_id(self, broker_order_id: str) -> Order | None:
        """Return the order the broker knows by this id (guide, step 6)."""
        return self._one("broker_order_id = ?", broker_order_id)

    def get_by_tag(self, remarks_tag: str) -> Order | None:
        """Return the order that carries this tag in the broker's books."""
        return self._one("remarks_tag = ?", remarks_tag)

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

    def unarmed_entries(self) -> tuple[Order, ...]:
        """Return the entries that carry stops and have traded more than these know of: the desk ended in between."""
        return self._orders(_UNARMED)

    def newest_orders(
        self, limit: int, *, open_only: bool = False, before: str | None = None, reference: str | None = None
    ) -> tuple[Order, ...]:
        """Return at most `limit` orders, newest first; where `before` is a command id, those that are older than it.

        With a `reference` only those that it may mean (`is_named`), of at most `NAMED_MAX` that begin with it.
        """
        select = _SELECT
        values: tuple[object, ...] = (self._client_id,)
        if reference is not None:
            begins = (self._client_id, reference, reference + _LAST)
            select, values = _NAMED, (*begins, *begins, self._client_id, reference, *values)
        where = OPEN if open_only else "1"
        if before is not None:
            where += " AND id < (SELECT id FROM orders WHERE client_id = ? AND command_id = ?)"
            values = (*values, self._client_id, before)
        rows = self._connection.execute(f"{select} AND {where} ORDER BY id DESC LIMIT ?", (*values, limit)).fetchall()
        return tuple(map(to_order, rows))

    def _one(self, where: str, value: str) -> Order | None:
        row = self._connection.execute(f"{_SELECT} AND {where}", (self._client_id, value)).fetchone()
        return None if row is None else to_order(row)

    def _orders(self, where: str, *values: object) -> tuple[Order, ...]:
        rows = self._connection.execute(f"{_SELECT} AND {where}", (self._client_id, *values)).fetchall()
        return tuple(to_order(row) for row in rows)
