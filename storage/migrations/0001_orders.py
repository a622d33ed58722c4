"""The first schema, and the adoption of an `orders` table that has only the guide's columns (the legacy table).

Legacy rows are kept with their ids. What their status meant becomes a state; open ones are settled by the broker's
books, found there by broker id. Their own tag text stays in `note`.
"""

from typing import Final

import peewee
from playhouse.migrate import SqliteMigrator

LEGACY_STRATEGY: Final = "LEGACY"

ORDERS: Final = (
    ("client_id", "TEXT NOT NULL"),
    ("command_id", "TEXT NOT NULL"),
    ("broker_order_id", "TEXT"),
    ("status", "TEXT NOT NULL"),
    ("tag", "TEXT"),
    ("exchange", "TEXT NOT NULL"),
    ("symbol", "TEXT NOT NULL"),
    ("side", "TEXT NOT NULL"),
    ("quantity", "INTEGER NOT NULL"),
    ("order_type", "TEXT NOT NULL"),
    ("price", "REAL"),
    ("created_at", "DATETIME NOT NULL"),
    ("updated_at", "DATETIME NOT NULL"),
    ("state", "TEXT NOT NULL"),
    ("note", "TEXT NOT NULL"),
    ("remarks_tag", "TEXT NOT NULL"),
    ("strategy", "TEXT NOT NULL"),
    ("intent", "TEXT NOT NULL"),
    ("origin", "TEXT NOT NULL"),
    ("product", "TEXT NOT NULL"),
    ("requested_quantity", "INTEGER NOT NULL"),
    ("trigger_price", "REAL"),
    ("limit_price", "REAL"),
    ("filled_quantity", "INTEGER NOT NULL"),
    ("average_price", "REAL"),
    ("stop_loss", "REAL"),
    ("target", "REAL"),
    ("trailing_type", "TEXT"),
    ("trailing_value", "REAL"),
    ("trail_when", "REAL"),
    ("comment", "TEXT NOT NULL"),
    ("amo", "INTEGER NOT NULL"),
    ("day", "TEXT NOT NULL"),
    ("wire_trigger_price", "REAL"),
    ("change", "TEXT"),
)
"""The columns beside the row's own id, in their order."""

_COLUMNS: Final = ", ".join(f"{name} {kind}" for name, kind in ORDERS)

SCHEMA: Final = (
    f"CREATE TABLE IF NOT EXISTS orders (id INTEGER NOT NULL PRIMARY KEY, {_COLUMNS})",
    "CREATE UNIQUE INDEX IF NOT EXISTS orders_client_id_command_id ON orders (client_id, command_id)",
    """
    CREATE INDEX IF NOT EXISTS orders_open ON orders (client_id, strategy)
      WHERE state IN ('CREATED', 'PARTLY_FILLED', 'SENDING', 'UNCONFIRMED', 'WORKING')
    """,
    """
    CREATE INDEX IF NOT EXISTS orders_broker_id ON orders (client_id, broker_order_id)
      WHERE broker_order_id IS NOT NULL
    """,
    """
    CREATE TABLE IF NOT EXISTS order_events (id INTEGER NOT NULL PRIMARY KEY, client_id TEXT NOT NULL,
      command_id TEXT NOT NULL, at DATETIME NOT NULL, event TEXT NOT NULL, state_before TEXT,
      state_after TEXT NOT NULL, tag TEXT, note TEXT NOT NULL, changes TEXT NOT NULL, inputs TEXT NOT NULL)
    """,
    "CREATE INDEX IF NOT EXISTS order_events_client_id_command_id ON order_events (client_id, command_id)",
    """
    CREATE TABLE IF NOT EXISTS fills (id INTEGER NOT NULL PRIMARY KEY, client_id TEXT NOT NULL,
      command_id TEXT NOT NULL, exchange TEXT NOT NULL, broker_order_id TEXT NOT NULL, fill_id TEXT NOT NULL,
      symbol TEXT NOT NULL, side TEXT NOT NULL, quantity INTEGER NOT NULL, price REAL NOT NULL,
      traded_at TEXT NOT NULL)
    """,
    """
    CREATE UNIQUE INDEX IF NOT EXISTS fills_client_id_exchange_broker_order_id_fill_id
      ON fills (client_id, exchange, broker_order_id, fill_id)
    """,
    """
    CREATE TABLE IF NOT EXISTS trading_state (client_id TEXT NOT NULL PRIMARY KEY, state TEXT NOT NULL,
      because TEXT NOT NULL, since DATETIME NOT NULL)
    """,
)

ADOPT: Final = f"""
UPDATE orders SET
  command_id = COALESCE(command_id, 'legacy-' || id),
  client_id = COALESCE(client_id, ''),
  note = COALESCE(tag, ''),
  tag = 'LEGACY_ORDER',
  strategy = '{LEGACY_STRATEGY}', intent = 'ADJUST', origin = 'STRATEGY',
  remarks_tag = '', comment = '', amo = 0, day = substr(created_at, 1, 10), wire_trigger_price = NULL,
  exchange = UPPER(TRIM(exchange)),
  side = CASE UPPER(TRIM(side)) WHEN 'B' THEN 'BUY' WHEN 'S' THEN 'SELL' ELSE UPPER(TRIM(side)) END,
  product = CASE WHEN UPPER(TRIM(exchange)) IN ('NSE', 'BSE') THEN 'CNC' ELSE 'NRML' END,
  order_type = CASE UPPER(TRIM(order_type)) WHEN 'MKT' THEN 'MARKET' WHEN 'LMT' THEN 'LIMIT' WHEN 'SL-LMT' THEN 'SL'
    WHEN 'SL-MKT' THEN 'SL-M' WHEN 'SLM' THEN 'SL-M' ELSE UPPER(TRIM(order_type)) END,
  price = NULLIF(price, 0), limit_price = NULLIF(price, 0),
  requested_quantity = quantity,
  filled_quantity = CASE UPPER(TRIM(status)) WHEN 'EXECUTED' THEN quantity ELSE 0 END,
  broker_order_id = NULLIF(broker_order_id, ''),
  updated_at = COALESCE(updated_at, created_at),
  state = CASE
    WHEN UPPER(TRIM(status)) = 'EXECUTED' THEN 'FILLED'
    WHEN UPPER(TRIM(status)) = 'SENT_TO_BROKER' AND COALESCE(broker_order_id, '') <> '' THEN 'WORKING'
    WHEN COALESCE(UPPER(TRIM(status)), '') <> 'FAILED' THEN 'UNCONFIRMED'
    WHEN tag LIKE 'BROKER_CANCEL%' OR tag LIKE 'BROKER_EXPIRED' THEN 'CANCELED'
    WHEN COALESCE(broker_order_id, '') <> '' THEN 'REJECTED'
    WHEN tag LIKE 'BROKER_REJECTED' THEN 'REFUSED'
    ELSE 'BLOCKED' END
"""  # noqa: S608  a constant
"""How a row of the guide's columns reads in the finer state. A legacy CREATED row may have been sent when the write
of SENT_TO_BROKER failed (guide, error recovery), so it is not believed to be unsent; and a status that the guide does
not know proves nothing."""

JOURNAL_OF_ADOPTION: Final = """
INSERT INTO order_events (client_id, command_id, at, event, state_before, state_after, tag, note, changes, inputs)
SELECT client_id, command_id, updated_at, 'ADOPTED', NULL, state, tag, note,
  json_object({fields}), json_object('legacy_status', status, 'legacy_tag', note)
FROM orders
"""

STATUS_OF_STATE: Final = """CASE {state} WHEN 'FILLED' THEN 'EXECUTED' WHEN 'WORKING' THEN 'SENT_TO_BROKER'
  WHEN 'UNCONFIRMED' THEN 'SENT_TO_BROKER' ELSE 'FAILED' END"""
"""The contract's word for each state that adoption gives."""


def up(_migrator: SqliteMigrator, database: peewee.SqliteDatabase) -> None:
    """Create the tables; widen a legacy one in place."""
    legacy = database.table_exists("orders")
    if legacy:
        _widen(database)
    for statement in SCHEMA:
        database.execute_sql(statement)
    if legacy:
        listed = ", ".join(f"'{name}', {name}" for name, _ in ORDERS)
        database.execute_sql(JOURNAL_OF_ADOPTION.format(fields=listed))
        database.execute_sql(f"UPDATE orders SET status = {STATUS_OF_STATE.format(state='state')}")  # noqa: S608  constants
        database.execute_sql(
            "UPDATE order_events SET changes ="  # noqa: S608  constants only
            f" json_set(changes, '$.status', {STATUS_OF_STATE.format(state='state_after')})"
        )


def _widen(database: peewee.SqliteDatabase) -> None:
    """Add the columns as a table that has rows can take them: without NOT NULL."""
    have = {column.name for column in database.get_columns("orders")}
    for name, kind in ORDERS:
        if name not in have:
            database.execute_sql(f"ALTER TABLE orders ADD COLUMN {name} {kind.removesuffix(' NOT NULL')}")
    database.execute_sql(ADOPT)
