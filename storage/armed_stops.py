"""The rows of armed stops. Prices are kept as text, so that a level is the level that was set."""

from datetime import datetime
from typing import Final

import peewee
from peewee import EXCLUDED

from domain.exits.stops import ArmedStop
from domain.orders.stop_terms import StopTerms
from domain.orders.types import TrailingType
from domain.ports import trading_day
from storage.fields import position_columns_of, position_key_of
from storage.models import ArmedStopRecord as Row

ENDED_MAX: Final = 2000
"""So many of the last stops that are over are looked through for those of today."""


class ArmedStops:
    """Owns one client's rows of armed_stops."""

    def __init__(self, database: peewee.SqliteDatabase, client_id: str) -> None:
        self._database = database
        self._client_id = client_id

    def keep(self, armed_stop: ArmedStop) -> None:
        """Keep stops as they stand now; what the database takes after their end does not arm them again."""
        terms = armed_stop.terms
        Row.insert(
            client_id=self._client_id,
            stop_id=armed_stop.stop_id,
            is_long=int(armed_stop.is_long),
            quantity=armed_stop.quantity,
            stop_loss=terms.stop_loss,
            target=terms.target,
            trailing_type=None if terms.trailing_type is None else terms.trailing_type.value,
            trailing_value=terms.trailing_value,
            trail_activation=terms.trail_activation,
            entry_price=armed_stop.entry_price,
            best_price=armed_stop.best_price,
            armed_at=armed_stop.armed_at,
            ended=armed_stop.ended,
            **position_columns_of(armed_stop.position_key),
        ).on_conflict(
            conflict_target=[Row.client_id, Row.stop_id],
            preserve=[Row.quantity, Row.entry_price, Row.best_price, Row.armed_at, Row.ended],
            where=(Row.ended == "") | (EXCLUDED.quantity > Row.quantity),
        ).execute(self._database)

    def read(self, now: datetime) -> tuple[ArmedStop, ...]:
        """Return the armed stops, and those of today that are over."""
        ours = Row.select().where(Row.client_id == self._client_id)
        armed = ours.where(Row.ended == "").order_by(Row.id).execute(self._database)
        over = ours.where(Row.ended != "").order_by(Row.id.desc()).limit(ENDED_MAX).execute(self._database)
        today = trading_day(now)
        return (*map(_armed_stop, armed), *(_armed_stop(one) for one in over if trading_day(one.armed_at) == today))


def _armed_stop(row: Row) -> ArmedStop:
    return ArmedStop(
        stop_id=row.stop_id,
        position_key=position_key_of(row.strategy, row.exchange, row.symbol, row.product),
        terms=StopTerms(
            stop_loss=row.stop_loss,
            target=row.target,
            trailing_type=None if row.trailing_type is None else TrailingType(row.trailing_type),
            trailing_value=row.trailing_value,
            trail_activation=row.trail_activation,
            unchecked=True,
        ),
        is_long=bool(row.is_long),
        entry_price=row.entry_price,
        best_price=row.best_price,
        armed_at=row.armed_at,
        quantity=row.quantity,
        ended=row.ended,
    )
