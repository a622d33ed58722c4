"""What a long run has done, a line each: a run that was ended goes on, and never with the results of other code."""

import json
from collections.abc import Iterator
from hashlib import sha256
from pathlib import Path
from typing import Any, Final, Self

from tests.mutation.mutant import ROOT

ROOMS: Final = ("actors", "broker", "console", "domain", "examples", "notify", "storage", "tests")
INTERRUPTED: Final = 130
"""The exit status of a run that somebody has ended."""
BESIDE: Final = ("main.py", "pyproject.toml", "constraints.txt")


def tree(root: Path = ROOT, *, tests: bool = True) -> str:
    """Return the hash of all that results depend on, as it is on the disk, committed or not; 12 hex digits.

    That is our code, the tests and what they read, and which libraries are asked for. Without `tests` the files named
    `test_*.py` do not count: they are run by pytest alone.
    """
    rooms = (path for room in ROOMS for kind in ("*.py", "*.json") for path in (root / room).rglob(kind))
    found = sha256()
    for path in sorted([*(root / name for name in BESIDE), *rooms]):
        if tests or not path.name.startswith("test_"):
            content = path.read_bytes()
            found.update(f"{path.relative_to(root).as_posix()} {len(content)}\n".encode())
            found.update(content)
    return found.hexdigest()[:12]


class Kept:
    """Owns the file of a run; without a file nothing is kept.

    Each line is written as a whole, at once. What a kill or a lost machine has left of a line is taken away.
    """

    def __init__(self, file: Path | None = None) -> None:
        self.file = file
        self.lines: list[dict[str, Any]] = []
        """What earlier runs have done."""
        self._out = None
        if file is not None:
            file.parent.mkdir(parents=True, exist_ok=True)
            self._out = file.open("a+b")
            self._out.seek(0)
            whole = 0
            for line in _whole_lines(self._out.read()):
                self.lines.append(json.loads(line))
                whole += len(line)
            self._out.truncate(whole)

    def add(self, line: dict[str, Any]) -> None:
        """Keep a line, so that it outlives this process."""
        if self._out is not None:
            self._out.write(json.dumps(line, ensure_ascii=False).encode() + b"\n")
            self._out.flush()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        if self._out is not None:
            self._out.close()


def _whole_lines(content: bytes) -> Iterator[bytes]:
    """Yield each line before the first that is not whole."""
    for line in content.splitlines(keepends=True):
        try:
            is_whole = line.endswith(b"\n") and isinstance(json.loads(line), dict)
        except ValueError:
            is_whole = False
        if not is_whole:
            return
        yield line
