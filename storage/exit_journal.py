"""The exit journal: exits that left while the database could not be written, until it has them.

A file beside the database, one line a record: a checksum and JSON. An order of it may have been sent, so a start reads
it before anything is sent. Its room is on the disk beforehand, as empty lines: a full disk still takes an exit. A line
that was torn by a crash was never acknowledged, so its order was never sent.
"""

import hashlib
import json
import os
from pathlib import Path
from typing import Any, Final, Protocol

from loguru import logger

from domain.orders.order import Order
from storage.database import StorageError
from storage.rows import COLUMNS, changing_values, constant_values, to_order

ROOM_BYTES: Final = 64 * 1024
"""Room for about 60 exits on a full disk; on any other the file grows."""
SUFFIX: Final = "-exits.jsonl"
_CHECKSUM_CHARACTERS: Final = 16
_OPEN: Final = {"run": "open"}
"""The first record while a desk runs: who finds it knows that the last run did not end in order."""
_RENAMED: Final = {"trail_when": "trail_activation"}
"""As migration 0015 does in the database: an exit that was kept before it is read all the same."""

_to_json: Final = json.JSONEncoder(separators=(",", ":"), sort_keys=True).encode


class ExitJournal(Protocol):
    """Where an exit is kept that the database did not take. Every failure is a `StorageError`."""

    def is_closed(self) -> bool:
        """Say whether the last run has ended in order, before this one begins; False where that is not known."""

    def open(self) -> bool:
        """Begin a run; say whether the last one ended in order."""

    def read(self) -> tuple[Order, ...]:
        """Return the orders that are kept, oldest first, as they were registered."""

    def append(self, order: Order) -> None:
        """Keep an order; it is on the disk when this returns."""

    def clear(self) -> None:
        """Forget the orders, all at once: the database has them."""

    def close(self) -> None:
        """End the run in order, where nothing is kept any more."""


class ExitJournalFile:
    """The journal of one database, as a file that none but its user may read."""

    def __init__(self, database_path: Path) -> None:
        self.path = database_path.with_name(f"{database_path.name}{SUFFIX}")
        self._end = 0
        self._has_orders = False

    def is_closed(self) -> bool:
        """Say whether the last run has ended in order, before this one begins; False where there is no file."""
        return self.path.exists() and _OPEN not in self._records()

    def open(self) -> bool:
        """Begin a run; say whether the last one ended in order."""
        records = self._records()
        self._has_orders = any("order" in one for one in records)
        ended_in_order = _OPEN not in records
        if ended_in_order:
            self._replace([_OPEN, *records])
        return ended_in_order

    def read(self) -> tuple[Order, ...]:
        """Return the orders that are kept, oldest first, as they were registered."""
        rows = [one["order"] for one in self._records() if "order" in one]
        kept = [{_RENAMED.get(name, name): value for name, value in row.items()} for row in rows]
        return tuple(to_order(tuple(row[name] for name in COLUMNS)) for row in kept)

    def append(self, order: Order) -> None:
        """Keep an order; it is on the disk when this returns."""
        row = dict(zip(COLUMNS, constant_values(order) + changing_values(order), strict=True))
        # Begins on a line of its own, whatever a crash or a failure has left of the one before.
        line = b"\n" + _line_of({"order": row})
        try:
            is_new = not self.path.exists()
            start = 0 if is_new else self._end
            self._end = start + len(line)
            number = os.open(self.path, os.O_WRONLY | os.O_CREAT, 0o600)
            try:
                _write_all(number, line, start)
                os.fsync(number)
            finally:
                os.close(number)
            if is_new:
                self._sync_folder()
        except OSError as error:
            raise StorageError(f"the exit journal {self.path} did not take the exit: {error}") from error
        self._has_orders = True

    def clear(self) -> None:
        """Forget the orders, all at once: the database has them."""
        if self._has_orders:
            self._replace([_OPEN])
            self._has_orders = False

    def close(self) -> None:
        """End the run in order, where nothing is kept any more."""
        if not self._has_orders:
            self._replace([])

    def _records(self) -> list[dict[str, Any]]:
        """Return the whole records, and take the end of the last line for the end of the journal."""
        try:
            content = self.path.read_bytes()
        except FileNotFoundError:
            content = b""
        except OSError as error:
            raise StorageError(f"the exit journal {self.path} cannot be read: {error}") from error
        written = content.rstrip(b"\n\0")
        records = [_record_of(one) for one in written.split(b"\n") if one]
        self._end = len(written)
        whole = [one for one in records if one is not None]
        if len(whole) < len(records):
            logger.warning("{}: {} torn lines were passed over", self.path, len(records) - len(whole))
        return whole

    def _replace(self, records: list[dict[str, Any]]) -> None:
        """Put these records, and room for more, in the place of the file: whole or not at all."""
        content = b"".join(map(_line_of, records))
        fresh = self.path.with_name(f"{self.path.name}.part")
        try:
            self.path.parent.mkdir(parents=True, exist_ok=True)
            number = os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
            try:
                _write_all(number, content.ljust(ROOM_BYTES, b"\n"), 0)
                os.fsync(number)
            finally:
                os.close(number)
            fresh.replace(self.path)
            self._sync_folder()
        except OSError as error:
            raise StorageError(f"the exit journal {self.path} cannot be written: {error}") from error
        self._end = len(content)

    def _sync_folder(self) -> None:
        number = os.open(self.path.parent, os.O_RDONLY)
        try:
            os.fsync(number)
        finally:
            os.close(number)


def _write_all(number: int, content: bytes, place: int) -> None:
    done = 0
    while done < len(content):
        done += os.pwrite(number, content[done:], place + done)


def _line_of(record: dict[str, Any]) -> bytes:
    text = _to_json(record)
    return f"{_checksum(text)} {text}\n".encode()


def _record_of(line: bytes) -> dict[str, Any] | None:
    """Return the record of a line, or None where the line is not whole."""
    try:
        checksum, _, text = line.decode().partition(" ")
        record = json.loads(text) if checksum == _checksum(text) else None
    except ValueError:
        return None
    return record if isinstance(record, dict) else None


def _checksum(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()[:_CHECKSUM_CHARACTERS]
