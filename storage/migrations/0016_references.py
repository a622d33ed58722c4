"""An order is found by the unique part of its id, as people give it: what stands after the last point."""

import peewee
from playhouse.migrate import SqliteMigrator


def up(_migrator: SqliteMigrator, database: peewee.SqliteDatabase) -> None:
    """Add the index."""
    database.execute_sql(
        """
        CREATE INDEX IF NOT EXISTS orders_unique_part ON orders (
          client_id,
          substr(command_id, length(rtrim(command_id, replace(command_id, '.', ''))) + 1)
        )
        """
    )
