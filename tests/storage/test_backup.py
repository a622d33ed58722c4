"""A backup is a consistent copy, taken while a desk writes."""

import sqlite3
import threading
from contextlib import closing
from pathlib import Path

import pytest

from domain.settings import StorageSettings
from storage.backup import BackupError, back_up
from storage.database import open_database
from storage.repository import OrderRepository
from tests.fakes import TEN_O_CLOCK, WAIT_S, command


@pytest.fixture
def source(tmp_path: Path) -> Path:
    """A desk's database with three orders."""
    path = tmp_path / "desk.db"
    database = open_database(StorageSettings(path=path))
    repository = OrderRepository(database, "FA1")
    with repository.transaction():
        for number in range(3):
            repository.create(command(command_id=f"c{number}"), f"tag-{number}", TEN_O_CLOCK)
    database.close()
    return path


def test_a_backup_opens_as_a_desks_database_with_all_that_was_committed(source: Path, tmp_path: Path) -> None:
    report = back_up(source, tmp_path / "copy.db")

    assert (report.orders, report.journal_lines) == (3, 3)
    assert report.size_bytes == (tmp_path / "copy.db").stat().st_size
    copy = open_database(StorageSettings(path=tmp_path / "copy.db"))
    assert set(OrderRepository(copy, "FA1").journal.replayed()) == {"c0", "c1", "c2"}
    copy.close()


def test_a_writer_goes_on_meanwhile_and_the_copy_is_of_one_moment(source: Path, tmp_path: Path) -> None:
    database, wrote, enough = open_database(StorageSettings(path=source)), threading.Event(), threading.Event()
    database.close()

    def write() -> None:
        mine = open_database(StorageSettings(path=source))
        repository = OrderRepository(mine, "FA1")
        number = 0
        while not enough.is_set():
            number += 1
            with repository.transaction():
                repository.create(command(command_id=f"w{number}"), f"w-{number}", TEN_O_CLOCK)
            wrote.set()
        mine.close()

    writer = threading.Thread(target=write)
    writer.start()
    assert wrote.wait(WAIT_S)
    reports = [back_up(source, tmp_path / f"copy-{number}.db") for number in range(3)]
    enough.set()
    writer.join(WAIT_S)

    assert all(report.orders == report.journal_lines > 3 for report in reports)


def test_a_backup_never_takes_the_place_of_a_file(source: Path, tmp_path: Path) -> None:
    taken = tmp_path / "taken.db"
    taken.write_text("precious", encoding="utf-8")

    for target in (taken, source):
        with pytest.raises(BackupError, match="is there already; name a new file"):
            back_up(source, target)

    assert taken.read_text(encoding="utf-8") == "precious"


def test_what_cannot_be_copied_is_said_in_one_sentence_and_nothing_is_left(source: Path, tmp_path: Path) -> None:
    with pytest.raises(BackupError, match="there is no database at"):
        back_up(tmp_path / "none.db", tmp_path / "copy.db")
    with pytest.raises(BackupError, match="is no directory; make it first"):
        back_up(source, tmp_path / "nowhere" / "copy.db")
    (tmp_path / "torn.db").write_bytes(b"not a database at all" * 1000)
    with pytest.raises(BackupError, match="no backup was made"):
        back_up(tmp_path / "torn.db", tmp_path / "copy.db")

    assert {one.name for one in tmp_path.iterdir() if "copy" in one.name} == set()


def test_a_copy_that_is_not_sound_gets_no_name(source: Path, tmp_path: Path) -> None:
    with closing(sqlite3.connect(source)) as database:
        database.execute("DROP TABLE order_events")

    with pytest.raises(BackupError, match="no such table"):
        back_up(source, tmp_path / "copy.db")

    assert not (tmp_path / "copy.db").exists()
