"""What exits need: the positions that are on their way to flat, over restarts."""

from typing import Final

import peewee
from playhouse.migrate import SqliteMigrator

SCHEMA: Final = (
    """
    CREATE TABLE IF NOT EXISTS exit_wishes (id INTEGER NOT NULL PRIMARY KEY, client_id TEXT NOT NULL, wish_id
      TEXT NOT NULL, asked_at DATETIME NOT NULL, strategy TEXT NOT NULL, exchange TEXT NOT NULL, symbol TEXT NOT
      NULL, product TEXT NOT NULL, because TEXT NOT NULL, origin TEXT NOT NULL, flat_at DATETIME, missing
      INTEGER)
    """,
    """
    CREATE UNIQUE INDEX IF NOT EXISTS exit_wishes_client_id_wish_id ON exit_wishes (client_id, wish_id)
    """,
)


def up(_migrator: SqliteMigrator, database: peewee.SqliteDatabase) -> None:
    """Make the table."""
    for statement in SCHEMA:
        database.execute_sql(statement)
