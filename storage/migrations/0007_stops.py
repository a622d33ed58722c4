"""What stops need: the armed levels of each position and the best price seen, over restarts."""

from typing import Final

import peewee
from playhouse.migrate import SqliteMigrator

SCHEMA: Final = (
    """
    CREATE TABLE IF NOT EXISTS protections (id INTEGER NOT NULL PRIMARY KEY, client_id TEXT NOT NULL,
      protection_id TEXT NOT NULL, strategy TEXT NOT NULL, exchange TEXT NOT NULL, symbol TEXT NOT NULL, product
      TEXT NOT NULL, is_long INTEGER NOT NULL, quantity INTEGER NOT NULL, stop_loss TEXT, target TEXT,
      trailing_type TEXT, trailing_value TEXT, trail_when TEXT, anchor TEXT NOT NULL, peak TEXT NOT NULL,
      armed_at DATETIME NOT NULL, ended TEXT NOT NULL)
    """,
    """
    CREATE UNIQUE INDEX IF NOT EXISTS protections_client_id_protection_id ON protections (client_id,
      protection_id)
    """,
)


def up(_migrator: SqliteMigrator, database: peewee.SqliteDatabase) -> None:
    """Make the table."""
    for statement in SCHEMA:
        database.execute_sql(statement)
