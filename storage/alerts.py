"""The rows of alerts: open ones, and those that are still to be told.

The two questions of a start stand as SQL: each asks for the story that a topic has before or after a row, which in
peewee's words would be longer and no safer.
"""

import json
from typing import Any, Final

import peewee
from peewee import EXCLUDED, fn

from domain.alerts.alert import Alert, AlertRecord, Level, Unfinished
from storage.models import AlertTable as Row

RESUMED_MAX: Final = 200
"""So many of an earlier run's alerts a start tells that are no open alarms, the newest. Open alarms it tells all."""

_OPEN: Final = (
    "SELECT * FROM alerts AS one WHERE client_id = ? AND acknowledged_at IS NULL AND level = 'CRITICAL' AND ends = 0"
    " AND NOT EXISTS (SELECT 1 FROM alerts AS later WHERE later.client_id = one.client_id"
    " AND later.topic = one.topic AND later.ends = 1 AND later.id > one.id) ORDER BY id"
)
_OWED: Final = (
    "SELECT * FROM alerts AS one WHERE client_id = ? AND acknowledged_at IS NULL AND (owed != '' OR told_at IS NULL)"
    " AND (level != 'INFO' OR EXISTS (SELECT 1 FROM alerts AS earlier WHERE earlier.client_id = one.client_id"
    " AND earlier.topic = one.topic AND earlier.level = 'CRITICAL' AND earlier.id < one.id)) ORDER BY id DESC LIMIT ?"
)
"""Of the news only the end of what was an alarm: the rest is old when the next run begins."""


class Alerts:
    """Owns one client's rows of alerts."""

    def __init__(self, database: peewee.SqliteDatabase, client_id: str) -> None:
        self._database = database
        self._client_id = client_id

    def keep(self, record: AlertRecord) -> None:
        """Keep an alert as it stands."""
        alert = record.alert
        Row.insert(
            client_id=self._client_id,
            alert_id=record.alert_id,
            raised_at=record.raised_at,
            topic=alert.topic,
            level=alert.level.value,
            what=alert.what,
            means=alert.means,
            do_this=alert.do,
            ends=int(alert.ends),
            told_at=record.told_at,
            owed=json.dumps(record.owed, ensure_ascii=False) if record.owed else "",
            acknowledged_at=record.acknowledged_at,
        ).on_conflict(
            conflict_target=[Row.client_id, Row.alert_id],
            preserve=[Row.owed],
            update={one: fn.COALESCE(getattr(EXCLUDED, one.name), one) for one in (Row.told_at, Row.acknowledged_at)},
        ).execute(self._database)

    def unfinished(self) -> Unfinished:
        """Return what is still to be told or acknowledged."""
        alarms = self._rows(_OPEN, self._client_id)
        known = {row.alert_id for row in alarms}
        owed = self._rows(_OWED, self._client_id, RESUMED_MAX)
        rest = (row for row in reversed(owed) if row.alert_id not in known)
        return Unfinished(tuple(map(_record, alarms)), tuple(map(_record, rest)))

    def _rows(self, sql: str, *values: object) -> list[Any]:
        return list(Row.raw(sql, *values).execute(self._database))


def _record(row: Row) -> AlertRecord:
    return AlertRecord(
        alert_id=row.alert_id,
        alert=Alert(
            topic=row.topic,
            level=Level(row.level),
            what=row.what,
            means=row.means,
            do=row.do_this,
            ends=bool(row.ends),
        ),
        raised_at=row.raised_at,
        told_at=row.told_at,
        owed=tuple(json.loads(row.owed)) if row.owed else (),
        acknowledged_at=row.acknowledged_at,
    )
