"""What clearing by hand needs: the units that a person has taken out of a strategy's book, and why."""

from typing import Final

import peewee
from playhouse.migrate import SqliteMigrator

SCHEMA: Final = (
    """
    CREATE TABLE IF NOT EXISTS cleared_positions (id INTEGER NOT NULL PRIMARY KEY, client_id TEXT NOT NULL, at
      DATETIME NOT NULL, day TEXT NOT NULL, strategy TEXT NOT NULL, exchange TEXT NOT NULL, symbol TEXT NOT
      NULL, product TEXT NOT NULL, units INTEGER NOT NULL, because TEXT NOT NULL, price TEXT)
    """,
)


def up(_migrator: SqliteMigrator, database: peewee.SqliteDatabase) -> None:
    """Make the table."""
    for statement in SCHEMA:
        database.execute_sql(statement)
