"""What ending an expired contract needs: the last days of the contracts that were traded."""

import peewee
from playhouse.migrate import SqliteMigrator

from storage.models import ExpiryRecord


def up(_migrator: SqliteMigrator, database: peewee.SqliteDatabase) -> None:
    """Make the table."""
    database.create_tables([ExpiryRecord], safe=True)
