"""The rows of alerts: open ones, and those that are still to be told.

All stands as SQL. The two questions of a start ask for the story that a topic has before or after a row, which in
peewee's words would be longer and no safer; and an order is told by an alert, so that keeping one is on its path:
making the statement anew each time costs five times what running it does.
"""

import json
from typing import Any, Final

import peewee

from domain.alerts.alert import Alert, AlertRecord, Level, Unfinished
from storage.models import AlertTable as Row
from storage.rows import to_text

RESUMED_MAX: Final = 200
"""So many of an earlier run's alerts a start tells that are no open alarms, the newest. Open alarms it tells all."""

_KEEP: Final = (
    "INSERT INTO alerts (client_id, alert_id, raised_at, topic, level, what, means, do_this, ends, told_at, owed,"
    " acknowledged_at) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT (client_id, alert_id) DO UPDATE SET"
    " owed = excluded.owed, told_at = coalesce(excluded.told_at, told_at),"
    " acknowledged_at = coalesce(excluded.acknowledged_at, acknowledged_at)"
)
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
        self._connection = database.connection()
        self._client_id = client_id

    def keep(self, record: AlertRecord) -> None:
        """Keep an alert as it stands."""
        alert = record.alert
        message = (alert.topic, alert.level.value, alert.what, alert.means, alert.do, int(alert.ends))
        told_at, seen_at = (None if at is None else to_text(at) for at in (record.told_at, record.acknowledged_at))
        owed = json.dumps(record.owed, ensure_ascii=False) if record.owed else ""
        head = (self._client_id, record.alert_id, to_text(record.raised_at))
        self._connection.execute(_KEEP, (*head, *message, told_at, owed, seen_at))

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
