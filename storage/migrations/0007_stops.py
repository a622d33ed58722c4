"""What stops need: the armed levels of each position and the best price seen, over restarts."""

import peewee
from playhouse.migrate import SqliteMigrator

from storage.models import ProtectionRecord


def up(_migrator: SqliteMigrator, database: peewee.SqliteDatabase) -> None:
    """Make the table."""
    database.create_tables([ProtectionRecord], safe=True)
