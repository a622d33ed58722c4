"""What a day's judgements stand on over restarts: used-up budgets, and the first prices of what was carried into it."""

import peewee
from playhouse.migrate import SqliteMigrator

from storage.models import RiskDayRecord


def up(migrator: SqliteMigrator, database: peewee.SqliteDatabase) -> None:
    """Add the columns."""
    have = {column.name for column in database.get_columns("risk_days")}
    for name, field in (("spent", RiskDayRecord.spent), ("first_prices", RiskDayRecord.first_prices)):
        if name not in have:
            migrator.migrate(migrator.add_column("risk_days", name, field))
