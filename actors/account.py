"""The account's files before the desk runs: its lease, and a copy of its database."""

from dataclasses import asdict
from datetime import datetime
from pathlib import Path
from typing import Any

from actors.errors import DeskStartError, DeskUnavailableError
from actors.runtime.clock import SystemClock
from domain.settings import Mode, Settings
from storage.backup import back_up
from storage.database import StorageError
from storage.lease import Lease, take_lease


def hold_account(settings: Settings, now: datetime) -> Lease:
    """Keep a second desk for this account out, before anything of it is touched; raise `DeskStartError`."""
    try:
        live = settings.mode is Mode.LIVE
        return take_lease(settings.storage.path, settings.client_id, live=live, now=now)
    except StorageError as error:
        raise DeskStartError(str(error)) from error


def back_up_database(settings: Settings, target: Path) -> dict[str, Any]:
    """Copy the desk's database to a new file, also while a desk writes; return what it holds and the seconds it took.

    Raises `DeskUnavailableError` saying why not.
    """
    clock = SystemClock()
    began = clock.monotonic()
    try:
        report = back_up(settings.storage.path, target)
    except StorageError as error:
        raise DeskUnavailableError(str(error)) from error
    return {**asdict(report), "seconds": round(clock.monotonic() - began, 3)}


__all__ = ["Lease", "back_up_database", "hold_account"]
