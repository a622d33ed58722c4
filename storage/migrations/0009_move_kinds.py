"""What undoing an acceptance needs: why units count under EXTERNAL, and when an acceptance was taken back."""

import peewee
from playhouse.migrate import SqliteMigrator

from storage.models import AcceptedRecord, ExternalMoveRecord


def up(migrator: SqliteMigrator, database: peewee.SqliteDatabase) -> None:
    """Add the columns. Until now moves were carried into a day or accepted, and the reason alone told which."""
    have = {column.name for column in database.get_columns("external_moves")}
    if "kind" not in have:
        migrator.migrate(migrator.add_column("external_moves", "kind", ExternalMoveRecord.kind))
        database.execute_sql(
            "UPDATE external_moves SET kind = 'ACCEPTED'"
            " WHERE because <> 'held when the day began, by no order that this desk has seen'"
        )
    if "undone_at" not in {column.name for column in database.get_columns("accepted_disagreements")}:
        migrator.migrate(migrator.add_column("accepted_disagreements", "undone_at", AcceptedRecord.undone_at))
