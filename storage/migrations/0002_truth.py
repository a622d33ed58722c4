"""What the truth about orders needs: changes under way, terms as they stand now, after-market orders, EXTERNAL units.

A database of the first schema gains the columns; one that was made with them has them already.
"""

from typing import Final

import peewee
from playhouse.migrate import SqliteMigrator

COLUMNS: Final = (
    ("amo", "INTEGER NOT NULL DEFAULT 0"),
    ("day", "TEXT NOT NULL DEFAULT ''"),
    ("wire_trigger_price", "REAL"),
    ("change", "TEXT"),
)

SCHEMA: Final = (
    "CREATE INDEX IF NOT EXISTS orders_day ON orders (client_id, day)",
    """
    CREATE TABLE IF NOT EXISTS external_moves (id INTEGER NOT NULL PRIMARY KEY, client_id TEXT NOT NULL,
      at DATETIME NOT NULL, day TEXT NOT NULL, exchange TEXT NOT NULL, symbol TEXT NOT NULL,
      product TEXT NOT NULL, quantity INTEGER NOT NULL, because TEXT NOT NULL, kind TEXT NOT NULL)
    """,
    """
    CREATE TABLE IF NOT EXISTS accepted_disagreements (id INTEGER NOT NULL PRIMARY KEY, client_id TEXT NOT NULL,
      at DATETIME NOT NULL, name TEXT NOT NULL, because TEXT NOT NULL, undone_at DATETIME)
    """,
)


def up(_migrator: SqliteMigrator, database: peewee.SqliteDatabase) -> None:
    """Add what is missing. The terms on the wire of an open order are those it was sent with."""
    have = {column.name for column in database.get_columns("orders")}
    for name, kind in COLUMNS:
        if name not in have:
            database.execute_sql(f"ALTER TABLE orders ADD COLUMN {name} {kind}")
    if "wire_trigger_price" not in have:
        database.execute_sql("UPDATE orders SET wire_trigger_price = trigger_price, day = substr(created_at, 1, 10)")
        database.execute_sql(
            "UPDATE order_events SET changes = json_set(changes, '$.wire_trigger_price',"
            " json_extract(changes, '$.trigger_price'), '$.amo', 0, '$.change', NULL,"
            " '$.day', substr(json_extract(changes, '$.created_at'), 1, 10))"
            " WHERE event IN ('REGISTERED', 'ADOPTED')"
        )
    for statement in SCHEMA:
        database.execute_sql(statement)
