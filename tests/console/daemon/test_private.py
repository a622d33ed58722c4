"""Files that other users of the machine must not read, and what is done about older ones (FINDINGS B1)."""

import os
import stat
import subprocess
import sys
from pathlib import Path

import pytest

from console.daemon.private import guard_files
from console.errors import PlainError
from console.settings_file import load_settings
from domain.settings import Settings

ROOT = Path(__file__).resolve().parents[3]


def mode_of(path: Path) -> int:
    return stat.S_IMODE(path.lstat().st_mode)


def kept_in(folder: Path) -> Settings:
    return load_settings(None, client_id="PAPER", mode="paper", data_dir=folder)


def test_a_new_folder_is_its_owners_alone(tmp_path: Path) -> None:
    folder = tmp_path / "deep" / "desk"

    guard_files(kept_in(folder))

    assert mode_of(folder) & 0o077 == 0


def test_an_older_folder_is_closed_with_a_word(tmp_path: Path) -> None:
    folder = tmp_path / "desk"
    (folder / "paper").mkdir(parents=True)
    for name in ("desk.db", "desk.db-wal", "desk.log", "PAPER.lease", "api-token", "paper/sessions.jsonl"):
        (folder / name).write_text("x")
        (folder / name).chmod(0o644)
    folder.chmod(0o755)
    (folder / "paper").chmod(0o755)

    told = guard_files(kept_in(folder))

    assert told == f"others of this machine could read {folder} and 7 more; they can no more"
    assert [one for one in (folder, *folder.rglob("*")) if mode_of(one) & 0o077] == []
    assert guard_files(kept_in(folder)) == ""


def test_what_is_not_the_desks_stays_as_it_is(tmp_path: Path) -> None:
    """A person may well keep a strategy, or a whole project, in the folder that the desk is told to use."""
    (tmp_path / "src").mkdir()
    others = (tmp_path / "src" / "strategy.py", tmp_path / "notes.txt", tmp_path / "src")
    for one in others[:2]:
        one.write_text("x")
        one.chmod(0o644)
    others[2].chmod(0o755)

    guard_files(kept_in(tmp_path))

    assert [mode_of(one) for one in others] == [0o644, 0o644, 0o755]


def test_a_database_that_lies_elsewhere_is_closed_there(tmp_path: Path) -> None:
    database = tmp_path / "fast disk" / "orders.db"
    database.parent.mkdir()
    database.write_text("x")
    database.chmod(0o644)

    guard_files(
        load_settings(None, client_id="PAPER", mode="paper", data_dir=tmp_path / "desk", storage={"path": database})
    )

    assert mode_of(database) == 0o600


def test_what_a_link_leads_to_stays_as_it_is(tmp_path: Path) -> None:
    other = tmp_path / "other"
    other.write_text("x")
    other.chmod(0o644)
    folder = tmp_path / "desk"
    guard_files(kept_in(folder))
    (folder / "desk.2.log").symlink_to(other)

    guard_files(kept_in(folder))

    assert mode_of(other) == 0o644


def test_a_folder_that_cannot_be_made_is_one_sentence(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("x")

    with pytest.raises(PlainError, match="the data directory") as refused:
        guard_files(kept_in(tmp_path / "file" / "desk"))

    assert refused.value.code == 2


def test_a_folder_of_somebody_else_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = tmp_path / "desk"
    folder.mkdir()
    monkeypatch.setattr(os, "geteuid", lambda: folder.stat().st_uid + 1)

    with pytest.raises(PlainError, match="belongs to another user") as refused:
        guard_files(kept_in(folder))

    assert refused.value.code == 2


def test_every_command_writes_for_its_owner_alone(tmp_path: Path) -> None:
    command = [sys.executable, str(ROOT / "main.py"), "init"]

    subprocess.run(command, cwd=tmp_path, check=True, capture_output=True, umask=0o022)

    assert mode_of(tmp_path / "desk.toml") == 0o600
