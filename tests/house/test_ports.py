"""What the simulation owns it owns whole: no time, name, chance, thread or network reaches the desk past a seam."""

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
SIMULATED = ("domain", "actors", "storage")
PRODUCTION = ("domain", "actors", "storage", "broker", "notify", "console", "examples", "main.py")
WORLD = frozenset(
    {
        "_thread",
        "asyncio",
        "concurrent",
        "http",
        "multiprocessing",
        "os",
        "queue",
        "random",
        "requests",
        "secrets",
        "select",
        "selectors",
        "signal",
        "socket",
        "ssl",
        "subprocess",
        "threading",
        "time",
        "urllib",
        "uuid",
        "websocket",
        "websockets",
    }
)
"""Modules through which a program meets time, chance, other threads, other processes and the network."""
SEAMS = {
    "actors/runtime/actor.py": {"queue"},  # the mailbox, which pykka lets an implementor choose
    "actors/runtime/address.py": {"concurrent"},  # the answer for a caller outside the actors
    "actors/runtime/clock.py": {"threading", "time", "uuid"},  # the real clock and the real names
    "actors/desk.py": {"threading"},  # the word that the desk has failed, and the day's summing up
    "actors/runtime/shared_thread.py": {"queue", "threading"},  # the thread that actors share
    "actors/runtime/timer.py": {"threading"},  # the real timer
    "domain/broker/addresses.py": {"urllib"},  # takes a text apart; opens nothing
    "domain/redaction.py": {"urllib"},  # as above: the parts of an address that are secret
    "storage/backup.py": {"os", "urllib"},  # a copy of the file, asked for by a person; a path as SQLite wants it
    "storage/database.py": {"os"},  # the sync of the log
    "storage/exit_journal.py": {"os"},  # the sync of the exits that the database did not take
    "storage/lease.py": {"os", "socket"},  # who holds the account: a process and a host
}
"""Where the desk meets them, and why; everywhere else they come in through a constructor."""


def _files(*places: str) -> list[Path]:
    found = [ROOT / place for place in places]
    return sorted(one for place in found for one in ([place] if place.is_file() else place.rglob("*.py")))


def _imports(path: Path) -> Iterator[str]:
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        match node:
            case ast.Import(names=names):
                yield from (one.name.partition(".")[0] for one in names)
            case ast.ImportFrom(module=str(module)):
                yield module.partition(".")[0]
            case _:
                pass


@pytest.mark.parametrize("path", _files(*SIMULATED), ids=lambda one: str(one.relative_to(ROOT)))
def test_the_world_is_met_at_the_seams_alone(path: Path) -> None:
    met = {module for module in _imports(path) if module in WORLD}

    assert met == SEAMS.get(str(path.relative_to(ROOT)), set())


@pytest.mark.parametrize("path", _files(*PRODUCTION), ids=lambda one: str(one.relative_to(ROOT)))
def test_no_production_file_knows_the_simulation(path: Path) -> None:
    assert "tests" not in set(_imports(path))
    assert "simulat" not in path.read_text(encoding="utf-8").lower()


def test_the_scan_sees_what_it_looks_for() -> None:
    assert {"threading", "time", "uuid"} <= set(_imports(ROOT / "actors/runtime/clock.py"))
    assert "tests" in set(_imports(ROOT / "tests/simulation/world.py"))
