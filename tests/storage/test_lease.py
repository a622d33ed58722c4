"""One desk per account: a second is kept out and told by whom, and a dead one's lease is free at once (D5)."""

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from storage.database import StorageError
from storage.lease import LeaseHeldError, take_lease
from tests.fakes import TEN_O_CLOCK, WAIT_S

HOME = Path(__file__).resolve().parents[2]
HOLD = """
import sys
from pathlib import Path
from storage.lease import take_lease
from tests.fakes import TEN_O_CLOCK
lease = take_lease(Path(sys.argv[1]), "FA1", live=False, now=TEN_O_CLOCK)
print("held", flush=True)
sys.stdin.read()
"""


@pytest.fixture
def database(tmp_path: Path) -> Path:
    return tmp_path / "desk" / "desk.db"


@pytest.fixture
def holder(database: Path) -> Iterator["subprocess.Popen[str]"]:
    """Another process that holds the lease."""
    message = [sys.executable, "-c", HOLD, str(database)]
    process = subprocess.Popen(message, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, cwd=HOME)
    assert process.stdin is not None
    assert process.stdout is not None
    assert process.stdout.readline() == "held\n"
    yield process
    process.kill()
    process.wait(WAIT_S)
    process.stdin.close()
    process.stdout.close()


def test_a_second_desk_is_told_who_has_the_account_and_since_when(
    database: Path, holder: "subprocess.Popen[str]"
) -> None:
    with pytest.raises(LeaseHeldError) as refused:
        take_lease(database, "FA1", live=False, now=TEN_O_CLOCK)

    assert f"process {holder.pid} on " in str(refused.value)
    assert "since 2026-01-05T10:00:00+05:30" in str(refused.value)
    assert "stop that one first" in str(refused.value)


@pytest.mark.skipif(os.name != "posix", reason="SIGKILL is POSIX")
def test_the_lease_of_a_killed_desk_is_free_at_once(database: Path, holder: "subprocess.Popen[str]") -> None:
    holder.send_signal(signal.SIGKILL)
    holder.wait(WAIT_S)

    take_lease(database, "FA1", live=False, now=TEN_O_CLOCK).release()


def test_a_lease_is_released_once_and_taken_again(database: Path) -> None:
    lease = take_lease(database, "FA1", live=False, now=TEN_O_CLOCK)
    with pytest.raises(LeaseHeldError):
        take_lease(database, "FA1", live=False, now=TEN_O_CLOCK)

    lease.release()
    lease.release()

    take_lease(database, "FA1", live=False, now=TEN_O_CLOCK).release()


def test_two_accounts_in_one_directory_do_not_meet(database: Path) -> None:
    first = take_lease(database, "FA1", live=False, now=TEN_O_CLOCK)
    second = take_lease(database, "FA2", live=False, now=TEN_O_CLOCK)

    first.release()
    second.release()


def test_with_live_money_two_directories_of_one_user_do_meet(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    monkeypatch.setenv("HOME", str(tmp_path))
    first = take_lease(tmp_path / "one" / "desk.db", "FA1", live=True, now=TEN_O_CLOCK)

    with pytest.raises(LeaseHeldError):
        take_lease(tmp_path / "two" / "desk.db", "FA1", live=True, now=TEN_O_CLOCK)

    paper = take_lease(tmp_path / "two" / "desk.db", "FA1", live=False, now=TEN_O_CLOCK)
    paper.release()
    first.release()


@pytest.mark.parametrize("note", ["", "{", "[]", '{"pid": 1}'])
def test_a_note_that_cannot_be_read_keeps_the_second_desk_out_all_the_same(database: Path, note: str) -> None:
    lease = take_lease(database, "FA1", live=False, now=TEN_O_CLOCK)
    (database.parent / "FA1.lease.holder.json").write_text(note, encoding="utf-8")

    with pytest.raises(LeaseHeldError, match="it has not said which"):
        take_lease(database, "FA1", live=False, now=TEN_O_CLOCK)

    lease.release()


def test_a_place_where_nothing_can_be_written_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("", encoding="utf-8")

    with pytest.raises(StorageError, match="no lease can be taken"):
        take_lease(tmp_path / "file" / "desk.db", "FA1", live=False, now=TEN_O_CLOCK)
