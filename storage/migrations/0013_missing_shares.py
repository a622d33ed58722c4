"""What a way out needs that ended because the shares are missing: how many units were held then."""

import peewee
from playhouse.migrate import SqliteMigrator


def up(_migrator: SqliteMigrator, database: peewee.SqliteDatabase) -> None:
    """Add the column where it is missing."""
    if "missing" not in {column.name for column in database.get_columns("exit_wishes")}:
        database.execute_sql("ALTER TABLE exit_wishes ADD COLUMN missing INTEGER")
