"""What all orders of the account come to: positions, last prices, and how many left today.

In SQL, since they lean on the orders' indexes, which only count for conditions that are spelled as theirs. Past days
are counted once: what they come to is kept (`carried_states`), and a start goes on from there.
"""

import json
import sqlite3
from collections.abc import Iterable
from datetime import datetime
from decimal import Decimal
from functools import lru_cache
from typing import Any, Final

from domain.orders.order import Order
from domain.orders.types import Exchange, InstrumentKey
from domain.ports import trading_day
from domain.positions.carried import Carried
from storage.fields import key_of
from storage.models import OPEN
from storage.rows import to_moment, to_text

_TRADED: Final = (
    "SELECT day, strategy, exchange, symbol, product,"  # noqa: S608  constants only
    " CASE side WHEN 'BUY' THEN filled_quantity ELSE -filled_quantity END,"
    f" average_price, updated_at, {OPEN} FROM orders WHERE client_id = ? AND day >= ? AND filled_quantity > 0"
)
_FIRST_OPEN_DAY: Final = f"SELECT MIN(day) FROM orders INDEXED BY orders_open WHERE client_id = ? AND {OPEN}"  # noqa: S608  as above
_SENT_TODAY: Final = (
    "SELECT COUNT(*) FROM orders WHERE client_id = ? AND day >= ? AND state NOT IN ('CREATED', 'BLOCKED')"
    " AND origin <> 'EXTERNAL'"
)
_NEVER: Final = "9999-12-31"
STATES_MAX: Final = 8
"""So many sums are kept: what is found late of an order of the last days costs no count from the first day on."""


class RollUps:
    """Sums one client's orders up, and owns the sums of past days."""

    def __init__(self, connection: sqlite3.Connection, client_id: str) -> None:
        self._connection = connection
        self._client_id = client_id
        self._newest = self.counted_until(_NEVER)
        """The day of the newest sum that this run knows of: an older order that changes is in it."""

    def carried(self, now: datetime) -> Carried:
        """Return what the orders come to that `remembered_orders` leaves out, and the last price of each instrument."""
        return self._count(trading_day(now))

    def countable(self, now: datetime, unarmed: Iterable[Order]) -> str | None:
        """Return the day whose predecessors are over: none of their orders is open or waits for its stops.

        None where no more of them have traded than are counted.
        """
        row = self._connection.execute(_FIRST_OPEN_DAY, (self._client_id,)).fetchone()
        until = min([trading_day(now), *filter(None, row), *(one.day for one in unarmed)])
        fresh = self._connection.execute(
            f"{_TRADED} AND day < ? LIMIT 1", (self._client_id, self.counted_until(until), until)
        )
        return None if fresh.fetchone() is None else until

    def keep_carried(self, until: str) -> None:
        """Keep what the days before this one come to, and the last sums before it."""
        kept = (self._client_id, until, _to_text(self._count(until, until)))
        self._connection.execute("INSERT OR REPLACE INTO carried_states (client_id, day, state) VALUES (?, ?, ?)", kept)
        self._connection.execute(
            "DELETE FROM carried_states WHERE client_id = ? AND day <="
            " (SELECT day FROM carried_states WHERE client_id = ? ORDER BY day DESC LIMIT 1 OFFSET ?)",
            (self._client_id, self._client_id, STATES_MAX),
        )
        self._newest = max(self._newest, until)

    def forget_what_holds(self, day: str) -> None:
        """Let the next start count that day anew, and what came after: an order of it changes."""
        if day < self._newest:
            forget = "DELETE FROM carried_states WHERE client_id = ? AND day > ?"
            self._connection.execute(forget, (self._client_id, day))

    def counted_until(self, day: str) -> str:
        """Return up to when days are counted in what a start of that day goes on from; empty where nothing is kept.

        A clock that was set back finds sums that hold the day itself: they are passed over.
        """
        return self._state_until(day)[0]

    def sent_today(self, now: datetime) -> int:
        """Return how many of today's orders of ours passed the blockers."""
        row = self._connection.execute(_SENT_TODAY, (self._client_id, trading_day(now))).fetchone()
        return int(row[0])

    def _state_until(self, day: str) -> tuple[str, Carried]:
        row = self._connection.execute(
            "SELECT day, state FROM carried_states WHERE client_id = ? AND day <= ? ORDER BY day DESC LIMIT 1",
            (self._client_id, day),
        ).fetchone()
        return ("", Carried()) if row is None else (row[0], _from_text(row[1]))

    def _count(self, today: str, until: str | None = None) -> Carried:
        """Go on counting from what is kept: positions of the days before `today`, prices of those before `until`."""
        since, carried = self._state_until(today)
        where, values = ("day < ?", (until,)) if until is not None else ("1", ())
        rows = self._connection.execute(f"{_TRADED} AND {where} ORDER BY day, id", (self._client_id, since, *values))
        for day, strategy, exchange, symbol, product, units, price, at, is_open in rows:
            key = _known_key(exchange, symbol, product)
            if price is not None:
                carried.see_price(key.exchange, symbol, Decimal(str(price)), to_moment(at))
            if day < today and not is_open:
                carried.count(strategy, key, units)
        return carried


def _to_text(carried: Carried) -> str:
    """Write down what is held, and the prices of that: who has nothing left is left out."""
    delivery = carried.delivery
    held = {(key.exchange, key.symbol) for one in carried.positions().values() for key, units in one.items() if units}
    return json.dumps(
        {
            "sums": _rows(carried.sums),
            "held": _rows(delivery.held),
            "theirs": [[*_where(key), units] for key, units in delivery.theirs.items() if units],
            "closed": [[*_where(key), units] for key, units in delivery.closed.items() if units],
            "prices": [
                [exchange.value, symbol, str(one.price), to_text(one.seen_at)]
                for (exchange, symbol), one in carried.prices.items()
                if (exchange, symbol) in held
            ],
        }
    )


def _rows(table: dict[str, dict[InstrumentKey, int]]) -> list[tuple[str, str, str, str, int]]:
    return [(one, *_where(key), units) for one, held in table.items() for key, units in held.items() if units]


def _from_text(text: str) -> Carried:
    stored: dict[str, list[list[Any]]] = json.loads(text)
    carried = Carried()
    for table, rows in ((carried.sums, stored["sums"]), (carried.delivery.held, stored["held"])):
        for strategy, *where, units in rows:
            table.setdefault(strategy, {})[_known_key(*where)] = units
    carried.delivery.theirs.update({_known_key(*where): units for *where, units in stored["theirs"]})
    carried.delivery.closed.update({_known_key(*where): units for *where, units in stored["closed"]})
    for exchange, symbol, price, at in stored["prices"]:
        carried.see_price(Exchange(exchange), symbol, Decimal(price), to_moment(at))
    return carried


def _where(key: InstrumentKey) -> tuple[str, str, str]:
    return key.exchange.value, key.symbol, key.product.value


@lru_cache(maxsize=4096)
def _known_key(exchange: str, symbol: str, product: str) -> InstrumentKey:
    return key_of(exchange, symbol, product)
