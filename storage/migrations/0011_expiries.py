"""What ending an expired contract needs: the last days of the contracts that were traded."""

from typing import Final

import peewee
from playhouse.migrate import SqliteMigrator

SCHEMA: Final = (
    """
    CREATE TABLE IF NOT EXISTS expiries (id INTEGER NOT NULL PRIMARY KEY, client_id TEXT NOT NULL, exchange TEXT
      NOT NULL, symbol TEXT NOT NULL, expires_on TEXT NOT NULL)
    """,
    """
    CREATE UNIQUE INDEX IF NOT EXISTS expiries_client_id_exchange_symbol ON expiries (client_id, exchange,
      symbol)
    """,
)


def up(_migrator: SqliteMigrator, database: peewee.SqliteDatabase) -> None:
    """Make the table."""
    for statement in SCHEMA:
        database.execute_sql(statement)
