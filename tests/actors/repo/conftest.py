import sqlite3
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.actors.repo.rooms import RepoRoom


@pytest.fixture
def room(tmp_path: Path) -> Iterator[RepoRoom]:
    made = RepoRoom(tmp_path / "desk.db")
    yield made
    made.actor.on_stop()


@pytest.fixture
def lock(room: RepoRoom) -> Iterator[sqlite3.Connection]:
    """Hold the write lock of the room's file."""
    holder = sqlite3.connect(room.path, isolation_level=None)
    holder.execute("BEGIN IMMEDIATE")
    yield holder
    holder.close()
