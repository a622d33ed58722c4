"""The log: one line a decision, written by a thread of its own, with no secret in it."""

import logging
import os
import queue
import sys
import threading
from collections.abc import Iterable, Sequence
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Final, TextIO

from loguru import logger

from console.views.text import clock_time
from domain.ports import IST
from domain.redaction import without

if TYPE_CHECKING:
    from loguru import Message

LINES_WAITING_MAX: Final = 20_000
FILE_BYTES_MAX: Final = 20_000_000
CLOSE_WAIT_S: Final = 5.0


def clean(text: str, message: Iterable[str]) -> str:
    """Mask these words and whatever looks like a secret; show control characters, so that no terminal obeys them.

    What goes on in a new line is indented: a line that begins with a time is one of ours.
    """
    hidden = without(message, text.rstrip("\n"))
    shown = "".join(one if one.isprintable() or one == "\n" else repr(one)[1:-1] for one in hidden)
    return shown.replace("\n", "\n    ") + "\n"


class LogWriter:
    """Owns the log's file and the thread that writes it: whoever logs only hands over a line."""

    def __init__(self, path: Path, message: Sequence[str], screen: TextIO | None) -> None:
        self._path = path
        self._secrets = message
        self._screen = screen
        self._lines: queue.SimpleQueue[Message | None] = queue.SimpleQueue()
        self._dropped = 0
        path.parent.mkdir(parents=True, exist_ok=True)
        self._thread = threading.Thread(target=self._write_all, name="log", daemon=True)
        self._thread.start()

    def __call__(self, line: "Message") -> None:
        """Take a line to be written; drop it when far too many wait."""
        if self._lines.qsize() < LINES_WAITING_MAX:
            self._lines.put(line)
        else:
            self._dropped += 1

    def close(self) -> None:
        """Write what waits, and end."""
        self._lines.put(None)
        self._thread.join(CLOSE_WAIT_S)

    def _write_all(self) -> None:
        file: TextIO | None = None
        while (line := self._lines.get()) is not None:
            line_told = clean(_stamped(line), self._secrets)
            self._show(line_told)
            dropped = self._dropped
            try:
                file = self._opened(file)
                file.write(_after_the(dropped) + line_told)
                self._dropped -= dropped
                if file.tell() >= FILE_BYTES_MAX:
                    self._path.replace(self._path.with_suffix(".1.log"))
            except OSError:
                # A full disk, or a folder that is gone: the log goes on with the first line that can be written.
                self._dropped += 1
                with suppress(OSError):
                    if file is not None:
                        file.close()
                file = None
        if file is not None:
            file.close()

    def _opened(self, file: TextIO | None) -> TextIO:
        """Return the file at our path, opened anew where the one we have was moved away or deleted.

        Where none can be opened, as when no descriptor is left, the one we have goes on.
        """
        if file is not None:
            with suppress(FileNotFoundError):
                here, ours = self._path.stat(), os.fstat(file.fileno())
                if (here.st_dev, here.st_ino) == (ours.st_dev, ours.st_ino):
                    return file
        try:
            fresh = self._path.open("a", buffering=1, encoding="utf-8", errors="replace")
        except OSError:
            if file is None:
                raise
            return file
        if file is not None:
            file.close()
        return fresh

    def _show(self, message: str) -> None:
        if self._screen is None:
            return
        try:
            self._screen.write(message)
            self._screen.flush()
        except (OSError, ValueError):
            self._screen = None  # whoever looked has gone; the file goes on


def _after_the(dropped: int) -> str:
    if not dropped:
        return ""
    return f"({dropped} log lines were dropped here: too many waited, or the disk took none)\n"


def _stamped(line: "Message") -> str:
    """Begin the line with the exchange's time and the level."""
    at = line.record["time"].astimezone(IST)
    return f"{at:%Y-%m-%d} {clock_time(at)} {line.record['level'].name:<8} {line}"


class _ToLoguru(logging.Handler):
    """Hands the records of the standard library's loggers, pykka's among them, to loguru."""

    def emit(self, record: logging.LogRecord) -> None:
        """Pass the record on under its own level."""
        logger.opt(exception=record.exc_info).log(record.levelname, "{}: {}", record.name, record.getMessage())


def open_log(path: Path, message: Sequence[str], *, on_screen: bool) -> LogWriter:
    """Send every log of this process to `path` (and to stderr when `on_screen`), without these words."""
    writer = LogWriter(path, message, sys.stderr if on_screen else None)
    logger.remove()
    logger.add(writer, level="INFO", format="{message}", backtrace=False, diagnose=False)
    logging.basicConfig(handlers=[_ToLoguru()], level=logging.INFO, force=True)
    for noisy in ("uvicorn", "urllib3", "asyncio", "websocket", "peewee.migrations"):
        logging.getLogger(noisy).setLevel(logging.WARNING)
    logging.captureWarnings(capture=True)
    return writer
