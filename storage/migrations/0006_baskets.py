"""What baskets need: their legs and how they ended, over restarts."""

from typing import Final

import peewee
from playhouse.migrate import SqliteMigrator

SCHEMA: Final = (
    """
    CREATE TABLE IF NOT EXISTS baskets (id INTEGER NOT NULL PRIMARY KEY, client_id TEXT NOT NULL, basket_id TEXT
      NOT NULL, strategy TEXT NOT NULL, asked_at DATETIME NOT NULL, given TEXT NOT NULL, state TEXT NOT NULL,
      words TEXT NOT NULL)
    """,
    """
    CREATE UNIQUE INDEX IF NOT EXISTS baskets_client_id_basket_id ON baskets (client_id, basket_id)
    """,
)


def up(_migrator: SqliteMigrator, database: peewee.SqliteDatabase) -> None:
    """Make the table."""
    for statement in SCHEMA:
        database.execute_sql(statement)
