import sqlite3
from pathlib import Path

import peewee
import pytest

from domain.settings import StorageSettings
from storage import models
from storage.database import StorageError, open_database
from storage.repository import OrderRepository
from tests.fakes import TEN_O_CLOCK, command
from tests.storage.conftest import Opener

_DDL = peewee.SqliteDatabase(None).get_sql_context()


def pragma(database: peewee.SqliteDatabase, name: str) -> object:
    return database.execute_sql(f"PRAGMA {name}").fetchone()[0]


def test_a_commit_is_on_disk_when_it_returns(database: peewee.SqliteDatabase) -> None:
    # WAL with synchronous FULL (2): the guide's step 1 must survive the power going off.
    assert pragma(database, "journal_mode") == "wal"
    assert pragma(database, "synchronous") == 2


def test_the_wait_for_a_lock_is_bounded_as_set(open_at: Opener) -> None:
    assert pragma(open_at(busy_timeout_ms=123), "busy_timeout") == 123


def test_no_second_connection_opens_by_itself(database: peewee.SqliteDatabase) -> None:
    database.close()

    with pytest.raises(peewee.InterfaceError, match="not opened"):
        database.execute_sql("SELECT 1")
    database.connect()


def test_opening_again_migrates_nothing_and_keeps_everything(open_at: Opener) -> None:
    first = open_at()
    repository = OrderRepository(first, "FA1")
    with repository.transaction():
        made = repository.create(command(), "sdtag", TEN_O_CLOCK)
    schema = first.execute_sql("SELECT sql FROM sqlite_master ORDER BY name").fetchall()
    first.close()

    second = open_at()

    assert second.execute_sql("SELECT sql FROM sqlite_master ORDER BY name").fetchall() == schema
    assert OrderRepository(second, "FA1").get("c1") == made
    assert len(OrderRepository(second, "FA1").journal.all_lines()) == 1


@pytest.mark.parametrize("model", models.Table.__subclasses__(), ids=lambda model: model._meta.table_name)
def test_the_migrations_have_made_the_columns_that_the_models_name(
    database: peewee.SqliteDatabase, model: type[models.Table]
) -> None:
    made = {column.name: (column.data_type, column.null) for column in database.get_columns(model._meta.table_name)}
    fields = model._meta.sorted_fields
    assert made == {one.column_name: (one.ddl_datatype(_DDL).sql, one.null) for one in fields}


def test_folders_on_the_way_to_the_file_are_made(open_at: Opener, tmp_path: Path) -> None:
    deep = tmp_path / "a" / "b" / "desk.db"

    open_at(deep)

    assert deep.exists()


def _assert_refused(path: Path) -> None:
    with pytest.raises(StorageError) as refused:
        open_database(StorageSettings(path=path, busy_timeout_ms=20))

    assert str(refused.value).startswith(f"the database {path} cannot be used (")
    assert str(refused.value).endswith(
        "check that the disk has room and that the file may be written and is a database of this desk"
    )


def test_a_file_that_is_no_database_is_refused_with_a_sentence(path: Path) -> None:
    path.write_bytes(b"Dear diary, today I bought 10 RELIANCE. " * 100)

    _assert_refused(path)

    assert path.read_bytes().startswith(b"Dear diary")


def test_a_path_that_is_a_folder_is_refused_with_a_sentence(path: Path) -> None:
    path.mkdir()

    _assert_refused(path)


def test_a_folder_that_cannot_be_made_is_refused_with_a_sentence(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way", encoding="utf-8")

    _assert_refused(tmp_path / "file" / "desk.db")


def test_a_file_on_a_read_only_place_is_refused_with_a_sentence() -> None:
    _assert_refused(Path("/proc/desk.db"))


def test_a_sqlite_that_is_too_old_is_refused_before_anything_is_touched(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sqlite3, "sqlite_version", "3.31.1")
    monkeypatch.setattr(sqlite3, "sqlite_version_info", (3, 31, 1))

    with pytest.raises(StorageError, match=r"has SQLite 3\.31\.1, and the desk needs 3\.33\.0 or newer"):
        open_database(StorageSettings(path=path))

    assert not path.exists()


def test_a_database_held_by_another_writer_is_refused_with_a_sentence(path: Path) -> None:
    holder = sqlite3.connect(path, isolation_level=None)
    holder.execute("PRAGMA journal_mode = wal")
    holder.execute("BEGIN IMMEDIATE")

    _assert_refused(path)

    holder.execute("ROLLBACK")
    holder.close()


def test_a_write_that_could_not_begin_says_so(open_at: Opener, path: Path) -> None:
    repository = OrderRepository(open_at(), "FA1")
    holder = sqlite3.connect(path, isolation_level=None)
    holder.execute("BEGIN IMMEDIATE")

    with pytest.raises(StorageError) as locked, repository.transaction():
        repository.create(command(), "sdtag", TEN_O_CLOCK)

    assert not locked.value.began
    holder.execute("ROLLBACK")
    holder.close()
    with repository.transaction():
        repository.create(command(), "sdtag", TEN_O_CLOCK)
    assert repository.get("c1") is not None


def test_a_transaction_that_need_not_be_synced_leaves_the_next_one_synced(database: peewee.SqliteDatabase) -> None:
    repository = OrderRepository(database, "FA1")

    with repository.transaction(synced=False):
        inside = pragma(database, "synchronous")
    with pytest.raises(StorageError), repository.transaction(synced=False):
        database.execute_sql("INSERT INTO nowhere VALUES (1)")

    assert inside == 1
    assert pragma(database, "synchronous") == 2
