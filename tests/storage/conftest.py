from collections.abc import Callable, Iterator
from pathlib import Path

import peewee
import pytest

from domain.settings import StorageSettings
from storage.database import open_database
from storage.repository import OrderRepository

Opener = Callable[..., peewee.SqliteDatabase]


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "desk.db"


@pytest.fixture
def open_at(path: Path) -> Iterator[Opener]:
    """Open databases that are closed after the test."""
    opened: list[peewee.SqliteDatabase] = []

    def open_one(where: Path | None = None, busy_timeout_ms: int = 20) -> peewee.SqliteDatabase:
        database = open_database(StorageSettings(path=where or path, busy_timeout_ms=busy_timeout_ms))
        opened.append(database)
        return database

    yield open_one
    for database in opened:
        database.close()


@pytest.fixture
def database(open_at: Opener) -> peewee.SqliteDatabase:
    return open_at()


@pytest.fixture
def repository(database: peewee.SqliteDatabase) -> OrderRepository:
    return OrderRepository(database, "FA1")
