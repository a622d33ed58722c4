"""What alerts need: those that are still to be told or acknowledged, over restarts."""

from typing import Final

import peewee
from playhouse.migrate import SqliteMigrator

SCHEMA: Final = (
    """
    CREATE TABLE IF NOT EXISTS alerts (id INTEGER NOT NULL PRIMARY KEY, client_id TEXT NOT NULL, alert_id TEXT
      NOT NULL, raised_at DATETIME NOT NULL, topic TEXT NOT NULL, level TEXT NOT NULL, what TEXT NOT NULL, means
      TEXT NOT NULL, do_this TEXT NOT NULL, ends INTEGER NOT NULL, told_at DATETIME, owed TEXT NOT NULL,
      acknowledged_at DATETIME)
    """,
    """
    CREATE UNIQUE INDEX IF NOT EXISTS alerts_client_id_alert_id ON alerts (client_id, alert_id)
    """,
)


def up(_migrator: SqliteMigrator, database: peewee.SqliteDatabase) -> None:
    """Make the table."""
    for statement in SCHEMA:
        database.execute_sql(statement)
