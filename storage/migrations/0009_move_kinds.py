"""What undoing an acceptance needs: why units count under EXTERNAL, and when an acceptance was taken back."""

import peewee
from playhouse.migrate import SqliteMigrator


def up(_migrator: SqliteMigrator, database: peewee.SqliteDatabase) -> None:
    """Add the columns. Until now moves were carried into a day or accepted, and the reason alone told which."""
    if "kind" not in {column.name for column in database.get_columns("external_moves")}:
        database.execute_sql("ALTER TABLE external_moves ADD COLUMN kind TEXT NOT NULL DEFAULT 'CARRIED'")
        database.execute_sql(
            "UPDATE external_moves SET kind = 'ACCEPTED'"
            " WHERE because <> 'held when the day began, by no order that this desk has seen'"
        )
    if "undone_at" not in {column.name for column in database.get_columns("accepted_disagreements")}:
        database.execute_sql("ALTER TABLE accepted_disagreements ADD COLUMN undone_at DATETIME")
