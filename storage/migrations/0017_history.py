"""Open orders, the newest and a tag are found by walking an index, and past days are counted once."""

import peewee
from playhouse.migrate import SqliteMigrator


def up(_migrator: SqliteMigrator, database: peewee.SqliteDatabase) -> None:
    """Let open orders come by age, index the tags of orders without a number, and keep what past days come to."""
    database.execute_sql("DROP INDEX IF EXISTS orders_open")
    database.execute_sql(
        """
        CREATE INDEX IF NOT EXISTS orders_open ON orders (client_id)
        WHERE state IN ('CREATED', 'PARTIALLY_FILLED', 'SENDING', 'UNCONFIRMED', 'WORKING')
        """
    )
    database.execute_sql(
        """
        CREATE INDEX IF NOT EXISTS orders_unnumbered ON orders (client_id, remarks_tag)
        WHERE broker_order_id IS NULL
        """
    )
    database.execute_sql(
        """
        CREATE TABLE IF NOT EXISTS carried_states (
          client_id TEXT NOT NULL,
          day TEXT NOT NULL,
          state TEXT NOT NULL,
          PRIMARY KEY (client_id, day)
        )
        """
    )
