"""The wire log: the tag of every order, noted just before its request is made.

It is memory that the machine keeps as a file: a note costs no call and no wait for the disk. What a process has written
survives its kill; what a machine had not put on the disk does not survive the cut of its power, and then the machine's
boot is another one: the log of another boot proves nothing. Where a note can't be written the log is removed, and
proves nothing either.
"""

import mmap
import os
from pathlib import Path
from typing import Final

from loguru import logger

from domain.orders.hand_over import HandedOver

SUFFIX: Final = "-wire.log"
ROOM_BYTES: Final = 256 * 1024
"""Room for 10,000 orders; the file grows by as much, and is never a hole that a full disk could not fill."""
BOOT: Final = Path("/proc/sys/kernel/random/boot_id")
_HEADER: Final = "run"
_END: Final = "."


def boot_of_machine() -> str:
    """Return the name of the machine's boot, or an empty text where it has none: then nothing is proved."""
    try:
        return BOOT.read_text(encoding="ascii").strip()
    except OSError:
        return ""


class WireLog:
    """Owns the file beside one database. A line is a word and a full stop, so that half a line is none."""

    def __init__(self, database_path: Path, boot: str) -> None:
        self.path = database_path.with_name(f"{database_path.name}{SUFFIX}")
        self._boot = boot
        self._number: int | None = None
        self._notes: mmap.mmap | None = None
        self._end = 0

    def read(self) -> HandedOver | None:
        """Return what the last run handed over; None where that proves nothing."""
        try:
            first, *lines = self.path.read_bytes().rstrip(b"\0").decode("ascii").split("\n")
        except (OSError, ValueError):
            return None
        match first.split(" "):
            case [header, boot, run, end] if boot and (header, boot, end) == (_HEADER, self._boot, _END):
                pass
            case _:
                return None
        lines = [line for line in lines if line]
        whole = [line.removesuffix(f" {_END}") for line in lines if line.endswith(f" {_END}")]
        # One that is not whole was being written when the run died: which order's it is, nobody can say.
        return HandedOver(run, frozenset(whole)) if len(whole) == len(lines) else None

    def begin(self, run: str) -> None:
        """Begin the log of this run, in the place of the last one's."""
        self.close()
        try:
            self.path.unlink(missing_ok=True)
            if self._boot:
                self._number = os.open(self.path, os.O_RDWR | os.O_CREAT | os.O_EXCL, 0o600)
                self._write(f"{_HEADER} {self._boot} {run} {_END}\n")
        except OSError as error:
            logger.warning("a kill will leave what waits for its turn UNCONFIRMED: no wire log can be kept ({})", error)
            self._give_up()

    def hand_over(self, remarks_tag: str) -> bool:
        """Note that the request is about to be made; return False where a wrong proof may be left behind."""
        if self._number is None:
            return not self.path.exists()
        try:
            self._write(f"{remarks_tag} {_END}\n")
        except OSError as error:
            logger.error("the wire log is given up: {}", error)
            return self._give_up()
        return True

    def close(self) -> None:
        """Let go of the file; it stays for the next run."""
        if self._notes is not None:
            self._notes.close()
        if self._number is not None:
            os.close(self._number)
        self._notes, self._number, self._end = None, None, 0

    def _write(self, line: str) -> None:
        content = line.encode("ascii")
        end = self._end + len(content)
        if self._notes is None or end > len(self._notes):
            self._grow()
        assert self._notes is not None
        self._notes[self._end : end] = content
        self._end = end

    def _grow(self) -> None:
        """Give the file more room, all of it written, and take it into memory anew."""
        assert self._number is not None
        room = 0 if self._notes is None else len(self._notes)
        if os.pwrite(self._number, bytes(ROOM_BYTES), room) != ROOM_BYTES:
            raise OSError("there is no room for more notes")
        if self._notes is not None:
            self._notes.close()
        self._notes = mmap.mmap(self._number, room + ROOM_BYTES)

    def _give_up(self) -> bool:
        """Remove the log, so that it proves nothing; return whether that is done."""
        self.close()
        try:
            self.path.unlink(missing_ok=True)
        except OSError as error:
            logger.critical("the wire log {} can't be removed: {}", self.path, error)
            return False
        return True
