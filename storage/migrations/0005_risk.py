"""What risk needs: how each day stood against its limits, over restarts and nights."""

import peewee
from playhouse.migrate import SqliteMigrator

from storage.models import RiskDayRecord


def up(_migrator: SqliteMigrator, database: peewee.SqliteDatabase) -> None:
    """Make the table."""
    database.create_tables([RiskDayRecord], safe=True)
