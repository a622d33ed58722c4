"""What baskets need: their legs and how they ended, over restarts."""

import peewee
from playhouse.migrate import SqliteMigrator

from storage.models import BasketTable


def up(_migrator: SqliteMigrator, database: peewee.SqliteDatabase) -> None:
    """Make the table."""
    database.create_tables([BasketTable], safe=True)
