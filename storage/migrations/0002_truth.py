"""What the truth about orders needs: changes under way, terms as they stand now, after-market orders, EXTERNAL units.

A database of the first schema gains the columns; one that was made with them has them already.
"""

import peewee
from playhouse.migrate import SqliteMigrator

from storage.models import AcceptedRecord, ExternalMoveRecord, OrderRecord


def up(migrator: SqliteMigrator, database: peewee.SqliteDatabase) -> None:
    """Add what is missing. The terms on the wire of an open order are those it was sent with."""
    have = {column.name for column in database.get_columns("orders")}
    for field in (OrderRecord.amo, OrderRecord.day, OrderRecord.wire_trigger_price, OrderRecord.change):
        if field.column_name not in have:
            migrator.migrate(migrator.add_column("orders", field.column_name, field))
    if "wire_trigger_price" not in have:
        database.execute_sql("UPDATE orders SET wire_trigger_price = trigger_price, day = substr(created_at, 1, 10)")
        database.execute_sql(
            "UPDATE order_events SET changes = json_set(changes, '$.wire_trigger_price',"
            " json_extract(changes, '$.trigger_price'), '$.amo', 0, '$.change', NULL,"
            " '$.day', substr(json_extract(changes, '$.created_at'), 1, 10))"
            " WHERE event IN ('REGISTERED', 'ADOPTED')"
        )
    database.execute_sql("CREATE INDEX IF NOT EXISTS orders_day ON orders (client_id, day)")
    database.create_tables([ExternalMoveRecord, AcceptedRecord], safe=True)
