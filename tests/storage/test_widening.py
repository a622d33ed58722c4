"""A database of the first schema is opened by this one: nothing is lost, and the journal still replays."""

from decimal import Decimal

import peewee

from domain.lifecycle import Event
from domain.order import OrderEvent, OrderType
from storage.repository import OrderRepository
from tests.fakes import TEN_O_CLOCK, command
from tests.storage.conftest import Opener
from tests.storage.test_repository import table

NEW_COLUMNS = ("amo", "day", "wire_trigger_price", "change")


def test_a_database_of_the_first_schema_keeps_its_orders_and_their_journal(open_at: Opener) -> None:
    database = open_at()
    repository = OrderRepository(database, "FA1")
    stop = command(command_id="stop", order_type=OrderType.SL, price=Decimal(1512), trigger_price=Decimal(1510))
    with repository.transaction():
        for one in (stop, command(command_id="filled")):
            repository.create(one, f"tag-{one.command_id}", TEN_O_CLOCK)
            repository.update_status(one.command_id, OrderEvent(event=Event.SEND), TEN_O_CLOCK)
        told = OrderEvent(event=Event.FILL, broker_order_id="B1", filled_quantity=10, average_price=Decimal(1500))
        repository.update_status("filled", told, TEN_O_CLOCK)
    before = {name: repository.get(name) for name in ("stop", "filled")}
    _narrow(database)
    database.close()

    widened = open_at()

    after = OrderRepository(widened, "FA1")
    assert {name: after.get(name) for name in before} == before
    on_disk = table(widened)
    assert after.replayed() == on_disk
    assert [(row["day"], row["amo"]) for row in on_disk.values()] == [("2026-01-05", 0)] * 2
    assert after.external_moves(TEN_O_CLOCK) == {}


def test_moves_of_an_older_schema_learn_whether_a_person_accepted_them(open_at: Opener) -> None:
    database = open_at()
    for because in ("held when the day began, by no order that this desk has seen", "seen in the app"):
        database.execute_sql(
            "INSERT INTO external_moves (client_id, at, day, exchange, symbol, product, quantity, because, kind)"
            " VALUES ('FA1', '2026-01-05T10:00:00+05:30', '2026-01-05', 'NFO', 'NIFTY27JAN26F', 'NRML', 10, ?, 'x')",
            (because,),
        )
    for statement in (
        "ALTER TABLE external_moves DROP COLUMN kind",
        "ALTER TABLE accepted_disagreements DROP COLUMN undone_at",
        "DELETE FROM schema_migration WHERE name LIKE '0009%'",
    ):
        database.execute_sql(statement)
    database.close()

    after = OrderRepository(open_at(), "FA1")

    assert list(after.external_moves(TEN_O_CLOCK).values()) == [20]
    assert list(after.accepted_units(TEN_O_CLOCK).values()) == [10]


def _narrow(database: peewee.SqliteDatabase) -> None:
    """Make of a database what the first schema had made of it."""
    columns = [
        statement
        for name in NEW_COLUMNS
        for statement in (
            f"ALTER TABLE orders DROP COLUMN {name}",
            f"UPDATE order_events SET changes = json_remove(changes, '$.{name}')",  # noqa: S608  constants only
        )
    ]
    for statement in (
        "DROP INDEX orders_day",
        *columns,
        "DROP TABLE external_moves",
        "DROP TABLE accepted_disagreements",
        "DELETE FROM schema_migration WHERE name LIKE '0002%'",
    ):
        database.execute_sql(statement)
