"""The first schema, and the adoption of an `orders` table that has only the guide's columns (the legacy table).

Legacy rows are kept with their ids. What their status meant becomes a state; open ones are settled by the broker's
books, found there by broker id. Their own tag text stays in `note`.
"""

from typing import Any, Final

import peewee
from playhouse.migrate import SqliteMigrator

from storage.models import FillRecord, OrderEventRecord, OrderRecord, TradingStateRecord

LEGACY_STRATEGY: Final = "LEGACY"

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


def up(migrator: SqliteMigrator, database: peewee.SqliteDatabase) -> None:
    """Create the tables; widen a legacy one in place."""
    legacy = database.table_exists("orders")
    if legacy:
        _widen(migrator, database)
    database.create_tables([OrderRecord, OrderEventRecord, FillRecord, TradingStateRecord], safe=True)
    if legacy:
        columns = [field.column_name for field in OrderRecord._meta.sorted_fields if field.column_name != "id"]  # noqa: SLF001  peewee's documented way
        listed = ", ".join(f"'{name}', {name}" for name in columns)
        database.execute_sql(JOURNAL_OF_ADOPTION.format(fields=listed))
        database.execute_sql(f"UPDATE orders SET status = {STATUS_OF_STATE.format(state='state')}")  # noqa: S608  constants
        database.execute_sql(
            "UPDATE order_events SET changes ="  # noqa: S608  constants only
            f" json_set(changes, '$.status', {STATUS_OF_STATE.format(state='state_after')})"
        )


def _widen(migrator: SqliteMigrator, database: peewee.SqliteDatabase) -> None:
    have = {column.name for column in database.get_columns("orders")}
    for field in OrderRecord._meta.sorted_fields:  # noqa: SLF001  peewee's documented way to a model's fields
        if field.column_name not in have:
            migrator.migrate(migrator.add_column("orders", field.column_name, _nullable(field)))
    database.execute_sql(ADOPT)


def _nullable(field: Any) -> Any:  # noqa: ANN401  peewee's fields share no public base with a copy method
    """Return the field as it must be added to a table that has rows."""
    twin = field.clone()
    twin.null = True
    return twin
