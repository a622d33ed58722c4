"""What people ask of orders, read beside the desk that writes: whole, a page at a time, and in nobody's way."""

import sqlite3
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import peewee
import pytest

from domain.orders.lifecycle import Event, State
from domain.orders.order import OrderEvent
from storage.database import UnreadableError
from storage.history import PAGE_MAX, History
from storage.repository import OrderRepository
from tests.fakes import TEN_O_CLOCK, command

SEND = OrderEvent(kind=Event.SENT)


@pytest.fixture
def history(database: peewee.SqliteDatabase) -> History:
    return History(Path(database.database), "FA1")


@pytest.fixture
def lock(database: peewee.SqliteDatabase) -> Iterator[sqlite3.Connection]:
    """Lock the file as a person's tool does: it can be read, and nobody else writes."""
    locking = sqlite3.connect(database.database, isolation_level=None)
    locking.execute("BEGIN IMMEDIATE")
    yield locking
    locking.close()


def register(repository: OrderRepository, *names: str) -> None:
    with repository.transaction():
        for name in names:
            repository.create(command(command_id=name, client_id=repository._client_id), f"tag-{name}", TEN_O_CLOCK)


def names(history: History, before: str | None = None) -> list[str]:
    return [one.command.command_id for one in history.newest_orders(10_000, before=before)]


def test_a_page_is_no_longer_however_much_is_asked_for(repository: OrderRepository, history: History) -> None:
    all_names = [f"c{number}" for number in range(PAGE_MAX + 3)]
    register(repository, *all_names)

    first = names(history)
    rest = names(history, before=first[-1])

    assert len(first) == PAGE_MAX
    assert [*first, *rest] == all_names[::-1]
    assert names(history, before=rest[-1]) == []


def test_an_order_is_told_with_its_journal_and_what_is_not_there_is_nothing(
    repository: OrderRepository, history: History
) -> None:
    register(repository, "c1")
    with repository.transaction():
        repository.update_status("c1", SEND, TEN_O_CLOCK + timedelta(seconds=1))

    timeline = history.timeline("c1")

    assert timeline is not None
    assert (timeline.order.state, [one.event for one in timeline.lines]) == (State.SENDING, ["REGISTERED", "SENT"])
    assert history.timeline("c2") is None


def test_only_the_own_clients_orders_are_told(database: peewee.SqliteDatabase, history: History) -> None:
    register(OrderRepository(database, "FA2"), "theirs")

    assert names(history) == []
    assert history.timeline("theirs") is None


def test_what_is_not_committed_is_not_told_and_keeps_nobody_waiting(
    repository: OrderRepository, history: History
) -> None:
    register(repository, "c1")

    with repository.transaction():
        repository.create(command(command_id="c2"), "tag-c2", TEN_O_CLOCK)
        repository._flush()
        during = names(history)
        repository._staged.clear()
        repository._lines.clear()

    assert during == ["c1"]
    assert names(history) == ["c2", "c1"]


@pytest.mark.usefixtures("lock")
def test_a_file_that_another_process_writes_to_is_read(database: peewee.SqliteDatabase, history: History) -> None:
    del database

    assert names(history) == []


def test_nothing_is_written_by_who_reads(history: History) -> None:
    with history._reading() as connection, pytest.raises(sqlite3.OperationalError, match="readonly"):
        connection.execute("DELETE FROM orders")


@pytest.mark.parametrize("question", ["newest_orders", "timeline"])
def test_what_cannot_be_read_is_one_sentence(tmp_path: Path, question: str) -> None:
    history = History(tmp_path / "gone.db", "FA1")

    with pytest.raises(UnreadableError, match=r"^the database can't be read just now \(.*\); end what locks the file"):
        history.newest_orders(1) if question == "newest_orders" else history.timeline("c1")
    assert not (tmp_path / "gone.db").exists()
