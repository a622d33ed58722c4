"""The files of a running desk, each still the one that was opened: a deleted one takes what is written to it along."""

from pathlib import Path


class KeptFiles:
    """Owns which files they were at the start."""

    def __init__(self, *paths: Path) -> None:
        self._known = {path: _which(path) for path in paths}

    def objection(self) -> str:
        """Return what has happened to one of them; an empty text while all are as they were."""
        for path, known in self._known.items():
            try:
                now = _which(path)
            except FileNotFoundError:
                return f"{path} was deleted or moved while the desk ran"
            except OSError:
                continue  # nobody can look just now: no news
            if now != known:
                return f"{path} was replaced by another file while the desk ran"
        return ""


def _which(path: Path) -> tuple[int, int]:
    found = path.stat()
    return found.st_dev, found.st_ino
