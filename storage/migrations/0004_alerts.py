"""What alerts need: those that are still to be told or acknowledged, over restarts."""

import peewee
from playhouse.migrate import SqliteMigrator

from storage.models import AlertTable


def up(_migrator: SqliteMigrator, database: peewee.SqliteDatabase) -> None:
    """Make the table."""
    database.create_tables([AlertTable], safe=True)
