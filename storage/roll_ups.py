"""What all orders of the account come to: positions, last prices, and how many left today.

In SQL, since they lean on the orders' partial indexes, which only count for conditions that are spelled as theirs.
"""

import sqlite3
from datetime import datetime
from decimal import Decimal
from functools import lru_cache
from typing import Final

from domain.market.price import PriceSource, SeenPrice
from domain.orders.types import Exchange, InstrumentKey, Product
from domain.ports import trading_day
from domain.positions.delivery import carried_delivery
from storage.fields import key_of
from storage.models import OPEN
from storage.rows import to_moment

_DELIVERED: Final = ", ".join(f"'{one}'" for one in Product if one.is_delivery)
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
_LAST_PRICES: Final = (
    "SELECT exchange, symbol, average_price, MAX(updated_at) FROM orders"
    " WHERE client_id = ? AND filled_quantity > 0 AND average_price IS NOT NULL GROUP BY exchange, symbol"
)
_SENT_TODAY: Final = (
    "SELECT COUNT(*) FROM orders WHERE client_id = ? AND day >= ? AND state NOT IN ('CREATED', 'BLOCKED')"
    " AND origin <> 'EXTERNAL'"
)


class RollUps:
    """Sums one client's orders up."""

    def __init__(self, connection: sqlite3.Connection, client_id: str) -> None:
        self._connection = connection
        self._client_id = client_id

    def older_positions(self, now: datetime) -> dict[str, dict[InstrumentKey, int]]:
        """Return each strategy's signed units from the orders that `remembered_orders` leaves out.

        Delivery is counted order by order: a sale out of the holdings takes nothing off what is bought after it.
        """
        which = (self._client_id, trading_day(now))
        delivered = self._connection.execute(_OLDER_DELIVERY, which)
        held = carried_delivery((strategy, _known_key(*where), units) for strategy, *where, units in delivered)
        for strategy, *where, quantity in self._connection.execute(_OLDER_POSITIONS, which).fetchall():
            held.setdefault(strategy, {})[_known_key(*where)] = quantity
        return held

    def last_prices(self) -> dict[tuple[Exchange, str], SeenPrice]:
        """Return at what price each instrument was last traded: an exit goes by it when no younger one is known."""
        rows = self._connection.execute(_LAST_PRICES, (self._client_id,)).fetchall()
        return {
            (Exchange(exchange), symbol): SeenPrice(
                price=Decimal(str(price)), source=PriceSource.STORED, seen_at=to_moment(at)
            )
            for exchange, symbol, price, at in rows
        }

    def sent_today(self, now: datetime) -> int:
        """Return how many of today's orders of ours passed the blockers."""
        row = self._connection.execute(_SENT_TODAY, (self._client_id, trading_day(now))).fetchone()
        return int(row[0])


@lru_cache(maxsize=4096)
def _known_key(exchange: str, symbol: str, product: str) -> InstrumentKey:
    return key_of(exchange, symbol, product)
