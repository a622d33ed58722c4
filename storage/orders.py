"""The queries of the orders table, in SQL: they stand on the order path, and lean on indexes spelled as they are.

Every query names the client.
"""

import sqlite3
from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime
from typing import Any, Final

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
_SELECT_OPEN: Final = (
    f"SELECT {', '.join(COLUMNS)} FROM orders INDEXED BY orders_open"  # noqa: S608  as above
    f" WHERE client_id = ? AND {OPEN}"
)
"""The index is named, as SQLite would rather walk all the days before today than the few orders that are open."""
_UNARMED: Final = (
    "day >= ? AND filled_quantity > 0 AND intent <> 'EXIT'"
    " AND (stop_loss IS NOT NULL OR target IS NOT NULL OR trailing_type IS NOT NULL)"
    " AND filled_quantity > COALESCE((SELECT quantity FROM armed_stops"
    " WHERE armed_stops.client_id = orders.client_id AND stop_id = command_id), 0) ORDER BY day, id"
)
_IS_OLDER: Final = "id < (SELECT id FROM orders WHERE client_id = ? AND command_id = ?)"
_IS_BEFORE: Final = "(day, id) < (SELECT day, id FROM orders WHERE client_id = ? AND command_id = ?)"
_BEGINS: Final = (
    "command_id >= ? AND command_id < ?",
    f"{UNIQUE_PART} >= ? AND {UNIQUE_PART} < ? AND length({UNIQUE_PART}) >= {UNIQUE_CHARACTERS_MIN}",
)
"""Each is a short walk through one index; what begins with it comes by id, so a whole id is among the first."""
_NAMED: Final = f"SELECT id, {', '.join(COLUMNS)} FROM orders WHERE client_id = ?"  # noqa: S608  as above


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
        """Return the order that carries this tag in the broker's books, and whose number there is not known yet."""
        return self._one("broker_order_id IS NULL AND remarks_tag = ?", remarks_tag)

    def get_open_orders_by_strategy(self, strategy: str) -> tuple[Order, ...]:
        """Return the strategy's orders that are not over (guide, check 2C)."""
        return self._open_orders("strategy = ? ORDER BY id", strategy)

    def open_orders(self) -> tuple[Order, ...]:
        """Return every order that is not over, oldest first."""
        return self._open_orders("1 ORDER BY id")

    def remembered_orders(self, now: datetime) -> tuple[Order, ...]:
        """Return what a start takes up again: every order that is not over, and today's that are.

        None has moved after `now`: where the machine's clock was set back in between, every book would seem older than
        the orders it speaks of.
        """
        today = trading_day(now)
        older = self._open_orders("day < ? ORDER BY id", today)
        found = (*older, *self._orders("day >= ? ORDER BY day, id", today))
        return tuple(one if one.updated_at <= now else replace(one, updated_at=now) for one in found)

    def unarmed_entries(self, since: str) -> tuple[Order, ...]:
        """Return the entries that carry stops and have traded more than these know of: the desk ended in between.

        `since` is a day: those of the days before it have been armed (`RollUps.countable`).
        """
        return self._orders(_UNARMED, since)

    def newest_orders(self, limit: int, *, open_only: bool = False, before: str | None = None) -> tuple[Order, ...]:
        """Return at most `limit` orders, the last day's newest first; of open ones the newest of any day.

        With `before` those that come after the one of that command id.
        """
        older: tuple[object, ...] = () if before is None else (self._client_id, before)
        if open_only:
            return self._open_orders(f"{_IS_OLDER if older else 1} ORDER BY id DESC LIMIT ?", *older, limit)
        return self._orders(f"{_IS_BEFORE if older else 1} ORDER BY day DESC, id DESC LIMIT ?", *older, limit)

    def named_orders(self, reference: str) -> tuple[Order, ...]:
        """Return the orders that a reference may mean (`is_named`), newest first: of each kind at most `NAMED_MAX`."""
        begins = (reference, reference + _LAST)
        asked = [*((where, begins) for where in _BEGINS), ("broker_order_id = ?", (reference,))]
        found: dict[int, Sequence[Any]] = {}
        for where, values in asked:
            rows = self._connection.execute(f"{_NAMED} AND {where} LIMIT {NAMED_MAX}", (self._client_id, *values))
            found.update((row_id, columns) for row_id, *columns in rows.fetchall())
        return tuple(to_order(tuple(found[row_id])) for row_id in sorted(found, reverse=True))

    def _one(self, where: str, value: str) -> Order | None:
        row = self._connection.execute(f"{_SELECT} AND {where}", (self._client_id, value)).fetchone()
        return None if row is None else to_order(row)

    def _orders(self, where: str, *values: object) -> tuple[Order, ...]:
        rows = self._connection.execute(f"{_SELECT} AND {where}", (self._client_id, *values)).fetchall()
        return tuple(to_order(row) for row in rows)

    def _open_orders(self, where: str, *values: object) -> tuple[Order, ...]:
        rows = self._connection.execute(f"{_SELECT_OPEN} AND {where}", (self._client_id, *values)).fetchall()
        return tuple(to_order(row) for row in rows)
