"""What risk needs: how each day stood against its limits, over restarts and nights."""

from typing import Final

import peewee
from playhouse.migrate import SqliteMigrator

SCHEMA: Final = (
    """
    CREATE TABLE IF NOT EXISTS risk_days (id INTEGER NOT NULL PRIMARY KEY, client_id TEXT NOT NULL, day TEXT NOT
      NULL, pnl TEXT NOT NULL, peak TEXT NOT NULL, base TEXT NOT NULL, breach TEXT NOT NULL, breached_at
      DATETIME, spent TEXT NOT NULL, first_prices TEXT NOT NULL)
    """,
    """
    CREATE UNIQUE INDEX IF NOT EXISTS risk_days_client_id_day ON risk_days (client_id, day)
    """,
)


def up(_migrator: SqliteMigrator, database: peewee.SqliteDatabase) -> None:
    """Make the table."""
    for statement in SCHEMA:
        database.execute_sql(statement)
