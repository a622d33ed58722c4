"""What exits need: the positions that are on their way to flat, over restarts."""

import peewee
from playhouse.migrate import SqliteMigrator

from storage.models import ExitWishRecord


def up(_migrator: SqliteMigrator, database: peewee.SqliteDatabase) -> None:
    """Make the table."""
    database.create_tables([ExitWishRecord], safe=True)
