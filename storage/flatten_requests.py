"""The requests to get a position flat: open until it is, over restarts too."""

from datetime import datetime

import peewee

from domain.exits.flatten import EndedRequest, FlattenRequest, PositionKey
from domain.orders.types import Origin
from domain.ports import trading_day
from storage.fields import position_columns_of, position_key_of
from storage.models import FlattenRequestRecord as Row

ENDED_MAX = 1000
"""So many of the last ended requests are looked through for those of today."""


class FlattenRequests:
    """Owns one client's rows of flatten_requests."""

    def __init__(self, database: peewee.SqliteDatabase, client_id: str) -> None:
        self._database = database
        self._client_id = client_id

    def keep(self, request: FlattenRequest) -> None:
        """Keep that a position is to be made flat; once, however often it is told."""
        Row.insert(
            client_id=self._client_id,
            request_id=request.request_id,
            asked_at=request.asked_at,
            reason=request.reason,
            origin=request.origin.value,
            **position_columns_of(request.position_key),
        ).on_conflict_ignore().execute(self._database)

    def end(self, request_id: str, at: datetime, missing: int = 0) -> None:
        """Keep that its position is flat; or that it ended with so many units held, because the shares are missing."""
        ended = Row.update(flat_at=at, missing=missing or None)
        ended.where(Row.client_id == self._client_id, Row.request_id == request_id).execute(self._database)

    def open(self) -> tuple[FlattenRequest, ...]:
        """Return the positions that are on their way to flat, oldest request first."""
        rows = Row.select().where(Row.client_id == self._client_id, Row.flat_at.is_null()).order_by(Row.id)
        return tuple(
            FlattenRequest(
                request_id=one.request_id,
                asked_at=one.asked_at,
                position_key=position_key_of(one.strategy, one.exchange, one.symbol, one.product),
                reason=one.reason,
                origin=Origin(one.origin),
            )
            for one in rows.execute(self._database)
        )

    def ended(self, now: datetime) -> tuple[EndedRequest, ...]:
        """Return the last request of each position that has ended today because the shares are missing."""
        without_shares = Row.select().where(Row.client_id == self._client_id, Row.missing.is_null(False))  # noqa: FBT003
        found: dict[PositionKey, EndedRequest] = {}
        for one in without_shares.order_by(Row.id.desc()).limit(ENDED_MAX).execute(self._database):
            position_key = position_key_of(one.strategy, one.exchange, one.symbol, one.product)
            if trading_day(one.flat_at) == trading_day(now):
                found.setdefault(position_key, EndedRequest(one.request_id, position_key, one.missing))
        return tuple(found.values())
