"""What a broker's square-off needs: the price at which a strategy's units were closed."""

import peewee
from playhouse.migrate import SqliteMigrator


def up(_migrator: SqliteMigrator, database: peewee.SqliteDatabase) -> None:
    """Add the column where it is missing."""
    if "price" not in {column.name for column in database.get_columns("cleared_positions")}:
        database.execute_sql("ALTER TABLE cleared_positions ADD COLUMN price TEXT")
