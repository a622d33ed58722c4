"""What people ask of orders, today's and old ones: read over connections of their own, in the thread of who asks.

The database is in WAL mode: who reads keeps no write waiting, and sees all that was committed before. A connection
lives as long as one question, so that no read transaction outlasts it and threads share nothing.
"""

import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Final

from domain.orders.order import Order
from domain.read_models import Timeline
from storage.database import open_to_read, reading
from storage.journal import Journal
from storage.orders import OrderReader

PAGE_MAX: Final = 200
"""So many orders are read at once: a longer read transaction would keep the write-ahead log from being emptied."""


class History:
    """Reads one client's orders and their journals. Raises `UnreadableError` where the database does not let us."""

    def __init__(self, path: Path, client_id: str) -> None:
        self._path = path
        self._client_id = client_id

    def newest_orders(self, limit: int, *, open_only: bool = False, before: str | None = None) -> tuple[Order, ...]:
        """Return a page of orders, newest first: at most `limit` and `PAGE_MAX`, after the one called `before`."""
        with self._reading() as connection:
            page = min(limit, PAGE_MAX)
            return OrderReader(connection, self._client_id).newest_orders(page, open_only=open_only, before=before)

    def named_orders(self, reference: str) -> tuple[Order, ...]:
        """Return the orders that a reference may mean, newest first, as `OrderReader` does."""
        with self._reading() as connection:
            return OrderReader(connection, self._client_id).named_orders(reference)

    def timeline(self, command_id: str) -> Timeline | None:
        """Return an order with its journal, both of one moment; None where there is no such order."""
        with self._reading() as connection:
            connection.execute("BEGIN")
            order = OrderReader(connection, self._client_id).get(command_id)
            lines = Journal(connection, self._client_id).lines(command_id)
        return None if order is None else Timeline(order=order, lines=lines)

    @contextmanager
    def _reading(self) -> Iterator[sqlite3.Connection]:
        """Open the file for reading alone, and close it with the question."""
        with reading(), closing(open_to_read(self._path)) as connection:
            yield connection
