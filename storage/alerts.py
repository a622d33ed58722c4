"""The rows of alerts."""

import json
import sqlite3
from typing import Any, Final

from domain.alerts.alert import Alert, AlertRecord, Level, Unfinished
from storage.rows import to_moment, to_text

RESUMED_MAX: Final = 200
"""So many of an earlier run's alerts a start tells that are no open alarms, the newest. Open alarms it tells all."""

_KEEP: Final = (
    "INSERT INTO alerts (client_id, alert_id, raised_at, topic, level, what, means, do_this, ends, told_at, owed,"
    " acknowledged_at) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT (client_id, alert_id) DO UPDATE SET"
    " told_at = COALESCE(excluded.told_at, told_at), owed = excluded.owed,"
    " acknowledged_at = COALESCE(excluded.acknowledged_at, acknowledged_at)"
)
_OPEN: Final = (
    "SELECT alert_id, raised_at, topic, level, what, means, do_this, ends, told_at, owed, acknowledged_at"
    " FROM alerts AS one WHERE client_id = ? AND acknowledged_at IS NULL AND level = 'CRITICAL' AND ends = 0"
    " AND NOT EXISTS (SELECT 1 FROM alerts AS later WHERE later.client_id = one.client_id"
    " AND later.topic = one.topic AND later.ends = 1 AND later.id > one.id) ORDER BY id"
)
_OWED: Final = (
    "SELECT alert_id, raised_at, topic, level, what, means, do_this, ends, told_at, owed, acknowledged_at"
    " FROM alerts AS one WHERE client_id = ? AND acknowledged_at IS NULL AND (owed != '' OR told_at IS NULL)"
    " AND (level != 'INFO' OR EXISTS (SELECT 1 FROM alerts AS earlier WHERE earlier.client_id = one.client_id"
    " AND earlier.topic = one.topic AND earlier.level = 'CRITICAL' AND earlier.id < one.id)) ORDER BY id DESC LIMIT ?"
)
"""Of the news only the end of what was an alarm: the rest is old when the next run begins."""


def keep_alert(connection: sqlite3.Connection, client_id: str, record: AlertRecord) -> None:
    """Keep an alert as it stands."""
    alert = record.alert
    message = (alert.topic, alert.level.value, alert.what, alert.means, alert.do, int(alert.ends))
    told_at, seen_at = (None if at is None else to_text(at) for at in (record.told_at, record.acknowledged_at))
    times = (told_at, json.dumps(record.owed, ensure_ascii=False) if record.owed else "", seen_at)
    connection.execute(_KEEP, (client_id, record.alert_id, to_text(record.raised_at), *message, *times))


def read_unfinished_alerts(connection: sqlite3.Connection, client_id: str) -> Unfinished:
    """Return what is still to be told or acknowledged."""
    alarms = connection.execute(_OPEN, (client_id,)).fetchall()
    owed = connection.execute(_OWED, (client_id, RESUMED_MAX)).fetchall()
    known = {row[0] for row in alarms}
    rest = (row for row in reversed(owed) if row[0] not in known)
    return Unfinished(tuple(map(_record, alarms)), tuple(map(_record, rest)))


def _record(row: tuple[Any, ...]) -> AlertRecord:
    alert_id, raised_at, topic, level, what, means, do, ends, told_at, owed, acknowledged_at = row
    return AlertRecord(
        alert_id=alert_id,
        alert=Alert(topic=topic, level=Level(level), what=what, means=means, do=do, ends=bool(ends)),
        raised_at=to_moment(raised_at),
        told_at=None if told_at is None else to_moment(told_at),
        owed=tuple(json.loads(owed)) if owed else (),
        acknowledged_at=None if acknowledged_at is None else to_moment(acknowledged_at),
    )
