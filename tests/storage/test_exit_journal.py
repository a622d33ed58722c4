"""The exit journal: what it keeps over a crash, and that a line is there whole or not at all."""

import json
import stat
from pathlib import Path

import pytest

from domain.orders.order import Order
from domain.orders.types import Intent, Side
from storage import exit_journal
from storage.database import StorageError
from storage.exit_journal import ROOM_BYTES, ExitJournalFile
from tests.fakes import command, order


@pytest.fixture
def journal(tmp_path: Path) -> ExitJournalFile:
    made = ExitJournalFile(tmp_path / "desk.db")
    made.open()
    return made


def an_exit(name: str) -> Order:
    return order(command=command(command_id=name, intent=Intent.EXIT), remarks_tag=f"sd{name}", limit_price=None)


def anew(journal: ExitJournalFile) -> ExitJournalFile:
    """Return the journal as the next start finds it."""
    return ExitJournalFile(journal.path.with_name("desk.db"))


def test_what_is_kept_is_there_at_the_next_start_as_it_was(journal: ExitJournalFile) -> None:
    kept = [an_exit("x1"), an_exit("x2")]

    for one in kept:
        journal.append(one)

    assert anew(journal).read() == tuple(kept)


def test_an_exit_that_the_desk_before_the_field_terms_has_kept_is_read(journal: ExitJournalFile) -> None:
    kept = order(command_id="x1", intent=Intent.EXIT, side=Side.SELL, remarks_tag="tag-x1")
    journal.append(kept)
    line = next(one for one in journal.path.read_bytes().split(b"\n") if b'"x1"' in one).decode()
    old = json.loads(line.partition(" ")[2])
    old["order"]["trail_when"] = old["order"].pop("trail_activation")
    journal.path.write_bytes(exit_journal._line_of(old))

    assert [one.command.command_id for one in journal.read()] == ["x1"]


def test_it_lies_beside_the_database_for_its_user_alone(journal: ExitJournalFile) -> None:
    journal.append(an_exit("x1"))

    assert journal.path.name == "desk.db-exits.jsonl"
    assert stat.S_IMODE(journal.path.stat().st_mode) == 0o600
    assert [one.name for one in journal.path.parent.iterdir()] == [journal.path.name]


def test_its_room_is_on_the_disk_before_it_is_needed(journal: ExitJournalFile) -> None:
    journal.append(an_exit("x1"))

    assert journal.path.stat().st_size == ROOM_BYTES


@pytest.mark.parametrize("lost", range(1, 400, 7))
def test_a_torn_last_line_was_never_there_and_harms_no_other(journal: ExitJournalFile, lost: int) -> None:
    journal.append(an_exit("x1"))
    journal.append(an_exit("x2"))
    written = journal.path.read_bytes().rstrip(b"\n")
    journal.path.write_bytes(written[:-lost])

    started = anew(journal)
    found = started.read()
    started.open()
    started.append(an_exit("x3"))

    assert found == (an_exit("x1"),)
    assert anew(journal).read() == (an_exit("x1"), an_exit("x3"))


def test_a_line_whose_checksum_is_wrong_is_passed_over(journal: ExitJournalFile) -> None:
    journal.append(an_exit("x1"))
    journal.append(an_exit("x2"))
    content = journal.path.read_bytes()
    journal.path.write_bytes(content.replace(b'"sdx1"', b'"sdx9"'))

    assert anew(journal).read() == (an_exit("x2"),)


def test_an_exit_that_could_not_be_kept_is_an_error_and_the_next_one_is_kept_whole(
    journal: ExitJournalFile, monkeypatch: pytest.MonkeyPatch
) -> None:
    journal.append(an_exit("x1"))

    def tear(number: int, content: bytes, place: int) -> int:
        import os  # noqa: PLC0415  the module's own name is patched

        os.pwrite(number, content[: len(content) // 2], place)
        raise OSError("the disk is gone")

    with monkeypatch.context() as patched:
        patched.setattr("storage.exit_journal._write_all", tear)
        with pytest.raises(StorageError, match="did not take the exit: the disk is gone"):
            journal.append(an_exit("x2"))
    journal.append(an_exit("x3"))

    assert anew(journal).read() == (an_exit("x1"), an_exit("x3"))


def test_a_file_that_vanished_is_made_again(journal: ExitJournalFile) -> None:
    journal.append(an_exit("x1"))
    journal.path.unlink()

    journal.append(an_exit("x2"))

    assert anew(journal).read() == (an_exit("x2"),)


def test_clearing_forgets_every_exit_and_keeps_that_a_run_is_open(journal: ExitJournalFile) -> None:
    journal.append(an_exit("x1"))

    journal.clear()
    journal.append(an_exit("x2"))

    assert anew(journal).read() == (an_exit("x2"),)
    assert not anew(journal).open()


def test_a_run_that_did_not_end_in_order_is_known_by_the_next(journal: ExitJournalFile) -> None:
    killed = anew(journal)
    assert not killed.open()
    killed.close()

    assert anew(journal).open()


def test_a_run_whose_exits_were_all_taken_over_ends_in_order(journal: ExitJournalFile) -> None:
    journal.append(an_exit("x1"))
    journal.clear()

    journal.close()

    assert anew(journal).open()


def test_a_run_that_leaves_exits_has_not_ended_in_order(journal: ExitJournalFile) -> None:
    journal.append(an_exit("x1"))

    journal.close()

    assert anew(journal).read() == (an_exit("x1"),)
    assert not anew(journal).open()
