"""Units that count no more under a strategy: written off by a person, or closed by the broker at a price."""

from datetime import datetime
from decimal import Decimal
from typing import Final

import peewee
from peewee import fn

from domain.exits.flatten import PositionKey
from domain.orders.types import Product
from domain.ports import trading_day
from domain.reconciliation.write_off import WriteOff
from storage.fields import position_columns_of, position_key_of
from storage.models import WriteOffRecord as Row

_OF_THE_DAY: Final = [one for one in Product if one.ends_with_its_day]


class WriteOffs:
    """Owns one client's rows of position_write_offs, which are only added to: their sum counts."""

    def __init__(self, database: peewee.SqliteDatabase, client_id: str) -> None:
        self._database = database
        self._client_id = client_id

    def keep(self, write_off: WriteOff) -> None:
        """Keep that a strategy's position is written off (guide, force_clear_symbol), or was closed at a price."""
        Row.insert(
            client_id=self._client_id,
            at=write_off.at,
            day=trading_day(write_off.at),
            units=write_off.units,
            reason=write_off.reason,
            price=write_off.price,
            **position_columns_of(write_off.position_key),
        ).execute(self._database)

    def counted(self, now: datetime) -> dict[PositionKey, int]:
        """Return the units written off that count today: of what is carried all, of others today's."""
        place = (Row.strategy, Row.exchange, Row.symbol, Row.product)
        counts = Row.product.not_in(_OF_THE_DAY) | (Row.day >= trading_day(now))
        rows = Row.select(*place, fn.SUM(Row.units)).where(Row.client_id == self._client_id, counts).group_by(*place)
        return {position_key_of(*where): units for *where, units in rows.tuples().execute(self._database)}

    def closed_at(self, now: datetime) -> dict[PositionKey, tuple[int, Decimal]]:
        """Return the units that were closed at a price today, with the average of it."""
        closed = (Row.client_id == self._client_id, Row.price.is_null(False), Row.day >= trading_day(now))  # noqa: FBT003
        found: dict[PositionKey, tuple[int, Decimal]] = {}
        for one in Row.select().where(*closed).order_by(Row.id).execute(self._database):
            position_key = position_key_of(one.strategy, one.exchange, one.symbol, one.product)
            before, average = found.get(position_key, (0, Decimal(0)))
            total = before + one.units
            spent = average * before + one.price * one.units
            found[position_key] = (total, spent / total) if total else (0, Decimal(0))
        return found
