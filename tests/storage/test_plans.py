"""No statement on the order path, and none of a reader, grows with history: each walks an index."""

import shutil
from collections.abc import Callable
from dataclasses import replace
from decimal import Decimal
from functools import partial
from pathlib import Path
from typing import Any, Final

import peewee
import pytest

from domain.orders.lifecycle import Event
from domain.orders.order import OrderEvent
from domain.ports import trading_day
from domain.settings import StorageSettings
from storage.database import open_database
from storage.orders import NAMED_MAX
from storage.repository import OrderRepository
from tests.fakes import TEN_O_CLOCK, command, order, trade_of
from tests.storage.conftest import Opener

TODAY: Final = trading_day(TEN_O_CLOCK)
LONG: Final = {"orders", "order_events", "fills"}
"""The tables that grow with every order."""
SEND: Final = OrderEvent(kind=Event.SENT)
ACCEPT: Final = OrderEvent(kind=Event.ACCEPTED, broker_order_id="B9")
FILLED: Final = OrderEvent(kind=Event.FILLED, filled_quantity=10, average_price=Decimal(100))
EXTERNAL: Final = order(command=command(command_id="ext-7"), broker_order_id="7", remarks_tag="", note="sdx")

READS: Final[dict[str, Callable[[OrderRepository], Any]]] = {
    "one order": lambda stored: stored.get("c1"),
    "some orders": lambda stored: stored.known(["c1", "c2"]),
    "by the broker's number": lambda stored: stored.get_by_broker_id("B1"),
    "by its tag": lambda stored: stored.get_by_tag("tag-c1"),
    "a strategy's open orders": lambda stored: stored.get_open_orders_by_strategy("trend"),
    "open orders": lambda stored: stored.open_orders(),
    "today's and open ones": lambda stored: stored.remembered_orders(TEN_O_CLOCK),
    "how many left today": lambda stored: stored.roll_ups.sent_today(TEN_O_CLOCK),
    "what past days come to": lambda stored: stored.roll_ups.carried(TEN_O_CLOCK),
    "until when days are over": lambda stored: stored.roll_ups.countable(TEN_O_CLOCK, ()),
    "entries without their stops": lambda stored: stored.unarmed_entries(stored.roll_ups.counted_until(TODAY)),
    "the newest": lambda stored: stored.newest_orders(50),
    "the newest that are open": lambda stored: stored.newest_orders(50, open_only=True),
    "those before one": lambda stored: stored.newest_orders(50, before="c1"),
    "open ones before one": lambda stored: stored.newest_orders(50, open_only=True, before="c1"),
    "what a reference means": lambda stored: stored.named_orders("c"),
    "one journal": lambda stored: stored.journal.lines("c1"),
    "an order of others": lambda stored: stored.find_external_order(EXTERNAL),
}
WRITES: Final[dict[str, Callable[[OrderRepository], Any]]] = {
    "a registration": lambda stored: stored.create(command(command_id="new"), "tag-new", TEN_O_CLOCK),
    "an event": lambda stored: stored.update_status("c2", SEND, TEN_O_CLOCK),
    "a number": lambda stored: stored.update_broker_id("c3", "B3", TEN_O_CLOCK),
    "a fill": lambda stored: stored.add_fills([trade_of(order(broker_order_id="B1"))]),
    "a fill of nobody's": lambda stored: stored.add_fills([trade_of(order(broker_order_id="B404"))]),
    "an order of others": lambda stored: stored.keep_external_order(EXTERNAL),
}


def fill(stored: OrderRepository, count: int) -> OrderRepository:
    """Keep so many orders of past days, most of them over, and beside them always the same that are open or today's."""
    with stored.transaction():
        for number in range(count):
            name = f"old-{number}"
            stored.create(command(command_id=name, strategy=f"s{number % 3}"), f"tag-{name}", TEN_O_CLOCK, "2025-12-01")
            stored.update_status(name, SEND, TEN_O_CLOCK)
            stored.update_status(name, replace(ACCEPT, broker_order_id=f"N{number}"), TEN_O_CLOCK)
            stored.update_status(name, FILLED, TEN_O_CLOCK)
    with stored.transaction():
        stored.roll_ups.keep_carried("2025-12-02")
    for number in range(1, 5):
        with stored.transaction():
            stored.create(command(command_id=f"c{number}"), f"tag-c{number}", TEN_O_CLOCK)
            for event in () if number == 2 else (SEND,):
                stored.update_status(f"c{number}", event, TEN_O_CLOCK)
    with stored.transaction():
        stored.update_broker_id("c1", "B1", TEN_O_CLOCK)
    return stored


@pytest.fixture
def stored(repository: OrderRepository) -> OrderRepository:
    return fill(repository, 40)


def plans_of(database: peewee.SqliteDatabase, act: Callable[[], object]) -> dict[str, list[str]]:
    """Return every statement about a long table that `act` makes, with its plan."""
    statements: list[str] = []
    connection = database.connection()
    connection.set_trace_callback(statements.append)
    act()
    connection.set_trace_callback(None)
    about = [one for one in statements if LONG & set(one.replace("(", " ").replace(",", " ").split())]
    return {one: [row[3] for row in connection.execute(f"EXPLAIN QUERY PLAN {one}").fetchall()] for one in about}


def grows(plan: list[str]) -> list[str]:
    """Return the lines of a plan that go through a whole long table, or sort what was read of it."""
    return [one for one in plan if (one.startswith("SCAN ") and LONG & set(one.split())) or "TEMP B-TREE" in one]


def steps_of(database: peewee.SqliteDatabase, act: Callable[[], object]) -> int:
    """Return how many instructions SQLite takes for `act`: of a walk through an index more with every row."""
    steps = [0]

    def step() -> int:
        steps[0] += 1
        return 0

    connection = database.connection()
    connection.set_progress_handler(step, 1)
    act()
    connection.set_progress_handler(None, 0)
    return steps[0]


def writing(stored: OrderRepository, name: str) -> None:
    with stored.transaction():
        WRITES[name](stored)


@pytest.mark.parametrize("name", READS)
def test_a_look_up_neither_scans_nor_sorts(stored: OrderRepository, database: peewee.SqliteDatabase, name: str) -> None:
    plans = plans_of(database, lambda: READS[name](stored))

    assert plans, "nothing was read"
    assert {statement: grows(plan) for statement, plan in plans.items() if grows(plan)} == {}


@pytest.mark.parametrize("name", WRITES)
def test_a_write_neither_scans_nor_sorts(stored: OrderRepository, database: peewee.SqliteDatabase, name: str) -> None:
    plans = plans_of(database, lambda: writing(stored, name))

    assert plans, "nothing was written"
    assert {statement: grows(plan) for statement, plan in plans.items() if grows(plan)} == {}


@pytest.fixture(scope="module")
def histories(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """Make two databases, one with ten times the history of the other."""
    folder = tmp_path_factory.mktemp("histories")
    paths = folder / "short.db", folder / "long.db"
    for path, count in zip(paths, (NAMED_MAX, 10 * NAMED_MAX), strict=True):
        database = open_database(StorageSettings(path=path))
        fill(OrderRepository(database, "FA1"), count)
        database.close()
    return paths


@pytest.mark.parametrize("is_analyzed", [False, True])
@pytest.mark.parametrize("name", [*READS, *WRITES])
def test_ten_times_the_history_costs_no_more(
    open_at: Opener, histories: tuple[Path, Path], tmp_path: Path, name: str, *, is_analyzed: bool
) -> None:
    steps = []
    for history in histories:
        database = open_at(Path(shutil.copy(history, tmp_path)))
        if is_analyzed:
            database.execute_sql("ANALYZE")
        stored = OrderRepository(database, "FA1")
        act = partial(READS[name], stored) if name in READS else partial(writing, stored, name)
        steps.append(steps_of(database, act))

    assert steps[0] > 0
    assert steps[1] <= steps[0] * 1.2, steps


def test_a_scan_and_a_sort_are_seen(stored: OrderRepository, database: peewee.SqliteDatabase) -> None:
    def act() -> None:
        database.execute_sql("SELECT * FROM orders ORDER BY symbol").fetchall()

    few = steps_of(database, act)
    (plan,) = plans_of(database, act).values()
    with stored.transaction():
        for number in range(400):
            stored.create(command(command_id=f"more-{number}"), f"tag-more-{number}", TEN_O_CLOCK)

    assert len(grows(plan)) == 2
    assert steps_of(database, act) > 5 * few
