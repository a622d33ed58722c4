"""The terms of the field, in the names of tables and columns and in what they hold.

Renamed are the values of states, events, tags and levels, and keys in the JSON of journal, changes and baskets.
"""

import json
from typing import Any, Final

import peewee
from playhouse.migrate import SqliteMigrator

TABLES: Final = {
    "accepted_disagreements": "accepted_breaks",
    "protections": "armed_stops",
    "cleared_positions": "position_write_offs",
    "exit_wishes": "flatten_requests",
}
COLUMNS: Final = (
    ("orders", "trail_when", "trail_activation"),
    ("trading_state", "because", "reason"),
    ("external_moves", "because", "reason"),
    ("accepted_breaks", "because", "reason"),
    ("armed_stops", "protection_id", "stop_id"),
    ("armed_stops", "trail_when", "trail_activation"),
    ("armed_stops", "anchor", "entry_price"),
    ("armed_stops", "peak", "best_price"),
    ("risk_days", "peak", "peak_pnl"),
    ("baskets", "words", "message"),
    ("position_write_offs", "because", "reason"),
    ("flatten_requests", "wish_id", "request_id"),
    ("flatten_requests", "because", "reason"),
)
INDEXES: Final = (
    "DROP INDEX IF EXISTS protections_client_id_protection_id",
    "CREATE UNIQUE INDEX IF NOT EXISTS armed_stops_client_id_stop_id ON armed_stops (client_id, stop_id)",
    "DROP INDEX IF EXISTS exit_wishes_client_id_wish_id",
    """
    CREATE UNIQUE INDEX IF NOT EXISTS flatten_requests_client_id_request_id
      ON flatten_requests (client_id, request_id)
    """,
    "DROP INDEX IF EXISTS orders_open",
    """
    CREATE INDEX IF NOT EXISTS orders_open ON orders (client_id, strategy)
      WHERE state IN ('CREATED', 'PARTIALLY_FILLED', 'SENDING', 'UNCONFIRMED', 'WORKING')
    """,
)

STATES: Final = {"PARTLY_FILLED": "PARTIALLY_FILLED"}
EVENTS: Final = {
    "BLOCK": "BLOCKED",
    "SEND": "SENT",
    "ACCEPT": "ACCEPTED",
    "REFUSE": "REFUSED",
    "LOSE_REPLY": "REPLY_LOST",
    "RESTART": "RESTARTED",
    "WORK": "WORKING",
    "PARTLY_FILL": "PARTIALLY_FILLED",
    "FILL": "FILLED",
    "CANCEL": "CANCELED",
    "REJECT": "REJECTED",
    "PROVE_ABSENT": "PROVED_ABSENT",
    "ASK_CHANGE": "CHANGE_REQUESTED",
    "TAKE_CHANGE": "CHANGE_ACCEPTED",
    "REFUSE_CHANGE": "CHANGE_REFUSED",
    "LOSE_CHANGE": "CHANGE_REPLY_LOST",
    "REJECT_CHANGE": "CHANGE_REJECTED",
    "LAPSE_CHANGE": "CHANGE_LAPSED",
    "REPLACE": "REPLACED",
    "NOTE": "NOTED",
}
TAGS: Final = {
    "BOOKS_DISAGREE": "RECONCILIATION_BREAK",
    "SETTLED_BY_HAND": "RESOLVED_BY_HAND",
    "PROTECTION_WRONG_SIDE": "STOP_WRONG_SIDE",
    "RISK_BLIND": "PRICES_STALE",
}
STAGES: Final = {"ASKED": "REQUESTED", "TAKEN": "ACCEPTED", "LOST": "REPLY_LOST"}
LEVELS: Final = {"NEWS": "INFO", "ALARM": "CRITICAL"}
VALUES: Final = (
    ("orders", "state", STATES),
    ("orders", "tag", TAGS),
    ("order_events", "state_before", STATES),
    ("order_events", "state_after", STATES),
    ("order_events", "event", EVENTS),
    ("order_events", "tag", TAGS),
    ("alerts", "level", LEVELS),
)
IN_CHANGES: Final = (("state", STATES), ("tag", TAGS))
INPUTS: Final = {"because": "reason", "settled_by": "resolved_by", "settled_on": "resolved_on"}


def up(_migrator: SqliteMigrator, database: peewee.SqliteDatabase) -> None:
    """Rename all of it; the values that are not named stay."""
    for old, new in TABLES.items():
        database.execute_sql(f"ALTER TABLE {old} RENAME TO {new}")
    for table, old, new in COLUMNS:
        database.execute_sql(f"ALTER TABLE {table} RENAME COLUMN {old} TO {new}")
    database.execute_sql("DROP INDEX IF EXISTS orders_open")
    for table, column, terms in VALUES:
        for old, new in terms.items():
            database.execute_sql(f"UPDATE {table} SET {column} = ? WHERE {column} = ?", (new, old))  # noqa: S608  constants
    for statement in INDEXES:
        database.execute_sql(statement)
    _in_the_journal(database)
    for basket_id, given in database.execute_sql("SELECT id, given FROM baskets").fetchall():
        database.execute_sql("UPDATE baskets SET given = ? WHERE id = ?", (_basket(given), basket_id))


def _in_the_journal(database: peewee.SqliteDatabase) -> None:
    """Rename keys and values of the journal's JSON."""
    for key, terms in IN_CHANGES:
        for old, new in terms.items():
            database.execute_sql(
                f"UPDATE order_events SET changes = json_set(changes, '$.{key}', ?)"  # noqa: S608  constants
                f" WHERE json_extract(changes, '$.{key}') = ?",
                (new, old),
            )
    for old, new in STAGES.items():
        stage, renamed = json.dumps({"stage": old})[1:-1], json.dumps({"stage": new})[1:-1]
        database.execute_sql(
            "UPDATE orders SET change = replace(change, ?, ?) WHERE change IS NOT NULL", (stage, renamed)
        )
        inside = json.dumps(stage)[1:-1], json.dumps(renamed)[1:-1]
        database.execute_sql("UPDATE order_events SET changes = replace(changes, ?, ?)", inside)
    database.execute_sql(
        "UPDATE order_events SET changes = json_remove("
        "json_set(changes, '$.trail_activation', json_extract(changes, '$.trail_when')), '$.trail_when')"
        " WHERE json_type(changes, '$.trail_when') IS NOT NULL"
    )
    for old, new in INPUTS.items():
        database.execute_sql(
            f"UPDATE order_events SET inputs = json_remove("  # noqa: S608  constants
            f"json_set(inputs, '$.{new}', json_extract(inputs, '$.{old}')), '$.{old}')"
            f" WHERE json_type(inputs, '$.{old}') IS NOT NULL"
        )


def _basket(text: str) -> str:
    given: dict[str, Any] = json.loads(text)
    given["reason"] = given.pop("because")
    for leg in given["legs"]:
        if "trail_when" in leg:
            leg["trail_activation"] = leg.pop("trail_when")
    return json.dumps(given)
