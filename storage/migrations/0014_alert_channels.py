"""What alerts need over restarts: the channels that have not told one yet, and a quick look at a story's end."""

import peewee
from playhouse.migrate import SqliteMigrator


def up(_migrator: SqliteMigrator, database: peewee.SqliteDatabase) -> None:
    """Add the column where it is missing, and the index."""
    if "owed" not in {column.name for column in database.get_columns("alerts")}:
        database.execute_sql("ALTER TABLE alerts ADD COLUMN owed TEXT NOT NULL DEFAULT ''")
    database.execute_sql("CREATE INDEX IF NOT EXISTS alerts_topic ON alerts (client_id, topic)")
