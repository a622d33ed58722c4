"""A database of an older schema is opened by this one: nothing is lost, and the journal still replays.

`schema_0014.sql` is the dump of a database that the desk of the fourteenth migration has written.
"""

import sqlite3
import subprocess
import sys
from decimal import Decimal
from pathlib import Path

import peewee
import pytest

from domain.alerts.alert import Level
from domain.exits.flatten import EndedRequest
from domain.orders.change import ChangeStage
from domain.orders.lifecycle import State
from domain.orders.reasons import Reason
from domain.orders.types import Exchange, InstrumentKey, Product
from domain.risk.checks import TradingState
from domain.risk.loss_limit import RiskDay
from storage.repository import OrderRepository
from tests.fakes import TEN_O_CLOCK
from tests.storage.conftest import Opener
from tests.storage.test_repository import table

ROOT = Path(__file__).resolve().parents[2]
SECOND_SCHEMA = ("amo", "day", "wire_trigger_price", "change")


@pytest.fixture
def older(path: Path) -> sqlite3.Connection:
    """Return a connection to a database of the fourteenth migration."""
    connection = sqlite3.connect(path)
    connection.executescript(Path(__file__).with_name("schema_0014.sql").read_text(encoding="utf-8"))
    return connection


def opened(older: sqlite3.Connection, open_at: Opener) -> tuple[OrderRepository, peewee.SqliteDatabase]:
    older.commit()
    older.close()
    database = open_at()
    return OrderRepository(database, "FA1"), database


def test_orders_and_their_journal_speak_the_terms_of_today(older: sqlite3.Connection, open_at: Opener) -> None:
    repository, database = opened(older, open_at)

    orders = {one.command.command_id: one for one in repository.newest_orders(100, open_only=False)}
    assert {name: one.state for name, one in orders.items()} == {
        "trailed": State.FILLED,
        "partly": State.PARTIALLY_FILLED,
        "lost": State.UNCONFIRMED,
        "changing": State.WORKING,
        "settled": State.NOT_PLACED,
        "refused": State.REFUSED,
        "restarted": State.UNCONFIRMED,
        "disagreeing": State.WORKING,
    }
    stops = orders["trailed"].command.stops
    assert stops is not None
    assert stops.trail_activation == Decimal(1510)
    assert orders["settled"].tag is Reason.RESOLVED_BY_HAND
    assert orders["disagreeing"].tag is Reason.RECONCILIATION_BREAK
    change = orders["changing"].change
    assert change is not None
    assert (change.stage, change.limit_price) == (ChangeStage.ACCEPTED, Decimal(101))
    assert {one.command.command_id for one in repository.open_orders()} == set(orders) - {
        *("trailed", "settled", "refused")
    }
    assert [line.event for line in repository.journal.lines("changing")] == [
        *("REGISTERED", "SENT", "ACCEPTED", "CHANGE_REQUESTED", "CHANGE_ACCEPTED")
    ]
    assert repository.journal.lines("changing")[-2].inputs["reason"] == "cheaper"
    assert repository.journal.lines("settled")[-1].inputs == {"resolved_by": "a person", "found_at_broker": "no"}
    assert repository.journal.replayed() == table(database)


def test_what_stands_beside_the_orders_is_read_as_before(older: sqlite3.Connection, open_at: Opener) -> None:
    repository, _ = opened(older, open_at)

    assert repository.desk_state.trading_state() == (TradingState.EXITS_ONLY, "news day")
    (stop,) = repository.stops.read(TEN_O_CLOCK)
    assert (stop.stop_id, stop.entry_price, stop.best_price) == ("trailed", Decimal(1500), Decimal(1512))
    assert stop.terms.trail_activation == Decimal(1510)
    assert repository.desk_state.risk_days() == (
        RiskDay(day="2026-01-05", pnl=Decimal("-10.5"), peak_pnl=Decimal(3), base=Decimal(1)),
    )
    (basket,) = repository.baskets.read()
    assert (basket.message, basket.basket.reason) == ("under way", "a straddle")
    assert [leg.stops and leg.stops.trail_activation for leg in basket.basket.legs] == [Decimal(105), None]
    (asked,) = repository.flatten_requests.open()
    assert (asked.request_id, asked.reason) == ("w1", "a person asked")
    (ended,) = repository.flatten_requests.ended(TEN_O_CLOCK)
    assert ended == EndedRequest("w2", ended.position_key, 5)
    assert repository.write_offs.counted(TEN_O_CLOCK) == {asked.position_key: 15}
    future = InstrumentKey(Exchange.NFO, "NIFTY27JAN26F", Product.NRML)
    assert repository.moves.accepted_units(TEN_O_CLOCK) == {future: 65}
    assert repository.moves.accepted_today(TEN_O_CLOCK) == ("fills:trailed",)
    assert (Exchange.NFO, "NIFTY27JAN26F") in repository.desk_state.expiries()
    left = repository.alerts.unfinished()
    assert [one.alert_id for one in left.open_alarms] == ["a2", "a3"]
    assert {one.alert.level for one in left.open_alarms} == {Level.CRITICAL}


def test_a_database_of_the_first_schema_keeps_its_orders_and_their_journal(
    older: sqlite3.Connection, open_at: Opener
) -> None:
    for name in SECOND_SCHEMA:
        older.execute(f"UPDATE order_events SET changes = json_remove(changes, '$.{name}')")  # noqa: S608  constants
        if name == "day":
            older.execute("DROP INDEX orders_day")
        older.execute(f"ALTER TABLE orders DROP COLUMN {name}")
    for statement in (
        "DROP TABLE external_moves",
        "DROP TABLE accepted_disagreements",
        "DELETE FROM schema_migration WHERE name LIKE '0002%' OR name LIKE '0009%'",
    ):
        older.execute(statement)

    repository, database = opened(older, open_at)

    on_disk = table(database)
    assert len(on_disk) == 8
    assert {(row["day"], row["amo"]) for row in on_disk.values()} == {("2026-01-05", 0)}
    replayed = repository.journal.replayed()
    for row in (*on_disk.values(), *replayed.values()):
        row.pop("change")
    assert replayed == on_disk
    assert repository.moves.units(TEN_O_CLOCK) == {}


def test_moves_of_an_older_schema_learn_whether_a_person_accepted_them(
    older: sqlite3.Connection, open_at: Opener
) -> None:
    older.execute(
        "INSERT INTO external_moves (client_id, at, day, exchange, symbol, product, quantity, because, kind)"
        " VALUES ('FA1', '2026-01-05T10:00:00+05:30', '2026-01-05', 'NFO', 'NIFTY27JAN26F', 'NRML', 10,"
        " 'held when the day began, by no order that this desk has seen', 'x')"
    )
    for statement in (
        "ALTER TABLE external_moves DROP COLUMN kind",
        "ALTER TABLE accepted_disagreements DROP COLUMN undone_at",
        "DELETE FROM schema_migration WHERE name LIKE '0009%'",
    ):
        older.execute(statement)

    repository, _ = opened(older, open_at)

    assert list(repository.moves.units(TEN_O_CLOCK).values()) == [75]
    assert list(repository.moves.accepted_units(TEN_O_CLOCK).values()) == [65]


DIES_AT = """
import os, pathlib, sys
import peewee
from domain.settings import StorageSettings
from storage.database import open_database

left, execute = int(sys.argv[2]), peewee.SqliteDatabase.execute_sql

def execute_and_die(*given, **named):
    global left
    cursor, left = execute(*given, **named), left - 1
    if not left:
        os._exit(9)
    return cursor

peewee.SqliteDatabase.execute_sql = execute_and_die
open_database(StorageSettings(path=pathlib.Path(sys.argv[1])))
"""


@pytest.mark.parametrize("statement", [20, 40, 80])
def test_a_desk_that_dies_in_the_middle_of_a_migration_starts_again(
    older: sqlite3.Connection, path: Path, open_at: Opener, statement: int
) -> None:
    older.commit()
    older.close()
    died = subprocess.run([sys.executable, "-c", DIES_AT, str(path), str(statement)], cwd=ROOT, check=False)
    assert died.returncode == 9, "the migrations have fewer statements"
    left = sqlite3.connect(path)
    assert left.execute("SELECT COUNT(*) FROM schema_migration WHERE name LIKE '0015%'").fetchone() == (0,)
    left.close()

    repository = OrderRepository(open_at(), "FA1")

    assert len(repository.newest_orders(100, open_only=False)) == 8
    assert len(repository.open_orders()) == 5
