"""What this machine's other users must not get: the desk's files. Everything it writes is its owner's alone."""

import glob
import os
import stat
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from console.errors import PlainError
from console.process import OTHERS
from domain.settings import Settings

_OWN: Final = ("desk*.log", "api.json", "paper.json", "paper", "paper/*")
"""What the desk writes into its data directory; the database, its lease and the token may lie elsewhere."""


def unprotected() -> str:
    """Return which protection this system does not give; an empty text where it gives all."""
    if os.name == "posix":
        return ""
    return "on this system the desk's files are not closed to the machine's other users; run it under WSL"


def guard_files(settings: Settings) -> str:
    """Make the data directory, and close it and the desk's files to others; return a word about what was open.

    What else lies in the directory is not the desk's: it stays as it is.

    Raises `PlainError` (exit code 2) where it is not ours, or can't be made or closed.
    """
    folder = settings.data_dir
    try:
        folder.mkdir(parents=True, exist_ok=True)
        if os.name != "posix":
            return ""
        if folder.stat().st_uid != os.geteuid():
            raise PlainError(
                f"{folder} belongs to another user of this machine; set data_dir to a folder of your own", 2
            )
        closed = [one for one in (folder, *_own_files(settings)) if _close(one)]
    except OSError as error:
        sentence = f"the data directory {folder} cannot be used ({error.strerror}); set data_dir to one that can be"
        raise PlainError(sentence, 2) from None
    if not closed:
        return ""
    more = f" and {len(closed) - 1} more" if len(closed) > 1 else ""
    return f"others of this machine could read {closed[0]}{more}; they can no more"


def _own_files(settings: Settings) -> Iterator[Path]:
    for pattern in _OWN:
        yield from sorted(settings.data_dir.glob(pattern))
    database = settings.storage.path
    for name in (database.name, f"{settings.client_id}.lease"):
        yield from sorted(database.parent.glob(f"{glob.escape(name)}*"))
    if settings.api.token_path.exists():
        yield settings.api.token_path


def _close(path: Path) -> bool:
    """Take everything from others; say whether they had something. What a link leads to is not ours to judge."""
    found = path.lstat()
    if stat.S_ISLNK(found.st_mode) or not found.st_mode & OTHERS:
        return False
    path.chmod(stat.S_IMODE(found.st_mode) & ~OTHERS)
    return True
