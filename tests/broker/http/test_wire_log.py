"""The wire log: what it proves, and all that makes it prove nothing."""

import subprocess
import sys
from pathlib import Path
from typing import Final

import pytest

from broker.http.wire_log import ROOM_BYTES, WireLog, boot_of_machine
from domain.orders.hand_over import HandedOver

BOOT_1: Final = "a1b2"
ROOT: Final = Path(__file__).parents[3]


@pytest.fixture
def database(tmp_path: Path) -> Path:
    return tmp_path / "desk.db"


def a_run(database: Path, *tags: str, run: str = "r1", boot: str = BOOT_1) -> WireLog:
    """Leave what a run that was killed leaves."""
    log = WireLog(database, boot)
    log.begin(run)
    assert all(log.hand_over(tag) for tag in tags)
    return log


def test_every_tag_that_was_handed_over_is_there(database: Path) -> None:
    a_run(database, "sd1", "sd2")

    assert WireLog(database, BOOT_1).read() == HandedOver("r1", frozenset({"sd1", "sd2"}))


def test_a_run_that_handed_nothing_over_says_so(database: Path) -> None:
    a_run(database)

    assert WireLog(database, BOOT_1).read() == HandedOver("r1", frozenset())


def test_each_run_begins_anew(database: Path) -> None:
    a_run(database, "sd1")

    a_run(database, "sd2", run="r2")

    assert WireLog(database, BOOT_1).read() == HandedOver("r2", frozenset({"sd2"}))


def test_another_boot_of_the_machine_proves_nothing(database: Path) -> None:
    # A cut of the power: what was noted may be on no disk.
    a_run(database, "sd1")

    assert WireLog(database, "c3d4").read() is None


def test_a_machine_that_does_not_name_its_boot_keeps_no_log(database: Path) -> None:
    log = a_run(database, "sd1", boot="")

    assert not log.path.exists()
    assert WireLog(database, "").read() is None


@pytest.mark.parametrize("lost", range(1, 40))
def test_a_log_that_is_not_whole_proves_nothing_or_what_is_true(database: Path, lost: int) -> None:
    log = a_run(database, "sd1", "sd2")
    log.path.write_bytes(log.path.read_bytes().rstrip(b"\0")[:-lost])

    read = WireLog(database, BOOT_1).read()

    # Lines that are gone without a trace are gone with the machine alone: its boot is another one then.
    assert read is None or read.tags <= {"sd1", "sd2"}
    assert lost % 6 in {0, 1} or read is None


def test_more_orders_than_there_was_room_for_are_noted(database: Path) -> None:
    tags = [f"sd{number:018}" for number in range(25_000)]

    log = a_run(database, *tags)

    assert log.path.stat().st_size == 3 * ROOM_BYTES
    assert WireLog(database, BOOT_1).read() == HandedOver("r1", frozenset(tags))


def test_a_note_survives_the_process(database: Path) -> None:
    message = "import os, sys; from pathlib import Path; from broker.http.wire_log import WireLog\n"
    message += f"log = WireLog(Path({str(database)!r}), {BOOT_1!r}); log.begin('r1'); log.hand_over('sd1')\n"
    message += "os.kill(os.getpid(), 9)\n"

    killed = subprocess.run([sys.executable, "-c", message], check=False, cwd=ROOT)

    assert killed.returncode == -9
    assert WireLog(database, BOOT_1).read() == HandedOver("r1", frozenset({"sd1"}))


def test_no_log_proves_nothing(database: Path) -> None:
    assert WireLog(database, BOOT_1).read() is None


def full(monkeypatch: pytest.MonkeyPatch, log: WireLog) -> None:
    """Let the log have no more room, and the disk none either."""
    log._end = ROOM_BYTES
    monkeypatch.setattr("broker.http.wire_log.os.pwrite", lambda *_: 3)


def test_a_note_that_cannot_be_written_removes_the_log(database: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    log = a_run(database, "sd1")
    full(monkeypatch, log)

    noted = log.hand_over("sd2")
    after = log.hand_over("sd3")

    assert noted
    assert after
    assert WireLog(database, BOOT_1).read() is None


def test_a_log_that_can_be_neither_written_nor_removed_is_told(database: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    log = a_run(database, "sd1")
    full(monkeypatch, log)

    def refuse(*_: object, **__: object) -> None:
        raise OSError("the file system is read-only")

    monkeypatch.setattr(Path, "unlink", refuse)

    assert not log.hand_over("sd2")
    assert not log.hand_over("sd3")


def test_a_boot_has_one_name() -> None:
    assert boot_of_machine() == boot_of_machine()
