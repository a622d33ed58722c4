"""What a way out needs that ended because the shares are missing: how many units were held then."""

import peewee
from playhouse.migrate import SqliteMigrator

from storage.models import ExitWishRecord


def up(migrator: SqliteMigrator, database: peewee.SqliteDatabase) -> None:
    """Add the column where it is missing."""
    if "missing" not in {column.name for column in database.get_columns("exit_wishes")}:
        migrator.migrate(migrator.add_column("exit_wishes", "missing", ExitWishRecord.missing))
