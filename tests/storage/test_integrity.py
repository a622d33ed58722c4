"""A start names what is wrong with the database, and what to do."""

import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from domain.settings import StorageSettings
from storage.database import StorageError, open_database
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


def test_a_torn_page_is_found_at_the_start_with_the_way_out(tmp_path: Path) -> None:
    path = tmp_path / "desk.db"
    _filled(path)
    with closing(sqlite3.connect(path)) as database:
        page = database.execute("SELECT rootpage FROM sqlite_master WHERE name = 'orders'").fetchone()[0]
        size = database.execute("PRAGMA page_size").fetchone()[0]
    content = bytearray(path.read_bytes())
    content[(page - 1) * size : page * size] = b"\x5a" * size
    path.write_bytes(content)

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
