"""The rows of alerts."""

import sqlite3
from typing import Any, Final

from domain.alert import Alert, AlertRecord, Level
from storage.rows import to_moment, to_text

RESUMED_MAX: Final = 50
"""So many of an earlier run's alerts a start tells again, the newest."""

_KEEP: Final = (
    "INSERT INTO alerts (client_id, alert_id, raised_at, topic, level, what, means, do_this, ends, told_at,"
    " acknowledged_at) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT (client_id, alert_id) DO UPDATE SET"
    " told_at = COALESCE(excluded.told_at, told_at), acknowledged_at = COALESCE(excluded.acknowledged_at,"
    " acknowledged_at)"
)
_OPEN: Final = (
    "SELECT alert_id, raised_at, topic, level, what, means, do_this, ends, told_at, acknowledged_at FROM alerts AS one"
    " WHERE client_id = ? AND acknowledged_at IS NULL AND ends = 0 AND (told_at IS NULL OR level = 'ALARM')"
    " AND NOT EXISTS (SELECT 1 FROM alerts AS later WHERE later.client_id = one.client_id"
    " AND later.topic = one.topic AND later.ends = 1 AND later.id > one.id) ORDER BY id DESC LIMIT ?"
)


def keep_alert(connection: sqlite3.Connection, client_id: str, record: AlertRecord) -> None:
    """Keep an alert as it stands."""
    alert = record.alert
    words = (alert.topic, alert.level.value, alert.what, alert.means, alert.do, int(alert.ends))
    times = (None if at is None else to_text(at) for at in (record.told_at, record.acknowledged_at))
    connection.execute(_KEEP, (client_id, record.alert_id, to_text(record.raised_at), *words, *times))


def read_open_alerts(connection: sqlite3.Connection, client_id: str) -> tuple[AlertRecord, ...]:
    """Return what was not told, and the alarms that nobody has seen and that did not end well; oldest first."""
    rows = connection.execute(_OPEN, (client_id, RESUMED_MAX)).fetchall()
    return tuple(_record(row) for row in reversed(rows))


def _record(row: tuple[Any, ...]) -> AlertRecord:
    alert_id, raised_at, topic, level, what, means, do, ends, told_at, acknowledged_at = row
    return AlertRecord(
        alert_id=alert_id,
        alert=Alert(topic=topic, level=Level(level), what=what, means=means, do=do, ends=bool(ends)),
        raised_at=to_moment(raised_at),
        told_at=None if told_at is None else to_moment(told_at),
        acknowledged_at=None if acknowledged_at is None else to_moment(acknowledged_at),
    )
