"""A start names what is wrong with the database, and what to do."""

import re
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from domain.settings import StorageSettings
from storage.database import StorageError, open_database
from storage.integrity import damage_of
from storage.repository import OrderRepository
from tests.fakes import TEN_O_CLOCK, command


def _filled(path: Path, orders: int = 300) -> None:
    database = open_database(StorageSettings(path=path))
    repository = OrderRepository(database, "FA1")
    with repository.transaction():
        for number in range(orders):
            repository.create(command(command_id=f"c{number}"), f"tag-{number}", TEN_O_CLOCK)
    database.execute_sql("PRAGMA wal_checkpoint(TRUNCATE)").fetchall()
    database.close()


def tear(path: Path, table: str) -> None:
    """Spoil the first page of a table."""
    with closing(sqlite3.connect(path)) as database:
        page = database.execute("SELECT rootpage FROM sqlite_master WHERE name = ?", (table,)).fetchone()[0]
        size = database.execute("PRAGMA page_size").fetchone()[0]
    content = bytearray(path.read_bytes())
    content[(page - 1) * size : page * size] = b"\x5a" * size
    path.write_bytes(content)


def test_a_torn_page_is_found_at_the_start_with_the_way_out(tmp_path: Path) -> None:
    path = tmp_path / "desk.db"
    _filled(path)
    tear(path, "orders")

    with pytest.raises(StorageError, match=r"is damaged (?s:.*); move it away and restore a backup") as refused:
        open_database(StorageSettings(path=path))

    assert str(path) in str(refused.value)


def test_a_database_of_a_newer_desk_is_left_alone(tmp_path: Path) -> None:
    path = tmp_path / "desk.db"
    _filled(path, 1)
    database = open_database(StorageSettings(path=path))
    database.execute_sql("INSERT INTO schema_migration (name, applied) VALUES ('0999_later', '2030-01-01')")
    database.close()

    with pytest.raises(StorageError, match=r"written by a newer desk \(it has 0999_later\); start that one"):
        open_database(StorageSettings(path=path))


def test_an_empty_file_becomes_a_database_and_a_foreign_one_is_refused(tmp_path: Path) -> None:
    empty, external = tmp_path / "empty.db", tmp_path / "foreign.db"
    empty.write_bytes(b"")
    external.write_bytes(b"GIF89a" + b"\x00" * 5000)

    open_database(StorageSettings(path=empty)).close()
    with pytest.raises(StorageError, match="is a database of this desk"):
        open_database(StorageSettings(path=external))


@pytest.mark.parametrize("table", ["orders", "fills"])
def test_damage_is_told_in_a_sentence_beside_a_running_desk(tmp_path: Path, table: str) -> None:
    path = tmp_path / "desk.db"
    _filled(path)
    whole = damage_of(path, lambda: True)
    tear(path, table)

    assert whole == ""
    assert re.match(
        rf"^the database {re.escape(str(path))} is damaged \(.*\); move it away", damage_of(path, lambda: True)
    )


def test_nobody_looks_on_once_the_desk_has_ended(tmp_path: Path) -> None:
    path = tmp_path / "desk.db"
    _filled(path)
    tear(path, "orders")

    assert damage_of(path, lambda: False) == ""


def test_a_file_that_cannot_be_opened_is_no_damage(tmp_path: Path) -> None:
    assert damage_of(tmp_path / "gone.db", lambda: True) == ""


def test_what_is_not_checked_is_opened_as_it_is(tmp_path: Path) -> None:
    path = tmp_path / "desk.db"
    _filled(path)
    tear(path, "fills")

    open_database(StorageSettings(path=path), is_checked=False).close()
    with pytest.raises(StorageError, match="is damaged"):
        open_database(StorageSettings(path=path))
