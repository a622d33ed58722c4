"""What clearing by hand needs: the units that a person has taken out of a strategy's book, and why."""

import peewee
from playhouse.migrate import SqliteMigrator

from storage.models import ClearedTable


def up(_migrator: SqliteMigrator, database: peewee.SqliteDatabase) -> None:
    """Make the table."""
    database.create_tables([ClearedTable], safe=True)
