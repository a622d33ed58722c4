"""What a broker's square-off needs: the price at which a strategy's units were closed."""

import peewee
from playhouse.migrate import SqliteMigrator

from storage.models import ClearedTable


def up(migrator: SqliteMigrator, database: peewee.SqliteDatabase) -> None:
    """Add the column where it is missing."""
    if "price" not in {column.name for column in database.get_columns("cleared_positions")}:
        migrator.migrate(migrator.add_column("cleared_positions", "price", ClearedTable.price))
