"""What a day's judgements stand on over restarts: used-up budgets, and the first prices of what was carried into it."""

import peewee
from playhouse.migrate import SqliteMigrator


def up(_migrator: SqliteMigrator, database: peewee.SqliteDatabase) -> None:
    """Add the columns where they are missing."""
    have = {column.name for column in database.get_columns("risk_days")}
    for name in ("spent", "first_prices"):
        if name not in have:
            database.execute_sql(f"ALTER TABLE risk_days ADD COLUMN {name} TEXT NOT NULL DEFAULT '[]'")
