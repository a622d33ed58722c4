"""Real processes of the desk and of the paper broker, forked from one that has loaded both: none imports them anew.

Loading them is most of what a start costs, and the scenarios start hundreds. How a person starts them, from nothing, is
what `tests/console/test_processes.py` does, and whatever proves how long something takes (`tests/proofs`).
"""

import atexit
import os
import signal
import subprocess
import sys
from multiprocessing import get_context
from pathlib import Path
from runpy import run_path
from typing import Final

_LOADED: Final = get_context("forkserver")
_LOADED.set_forkserver_preload(["console.cli.app", "console.daemon.run", "broker.paper.__main__"])


class Forked:
    """Owns one such process, as `subprocess.Popen` would; what it says goes into a file, and errors where ours go."""

    def __init__(
        self,
        program: Path,
        *arguments: str,
        folder: Path,
        environment: dict[str, str],
        out: Path,
        errors: Path | None = None,
    ) -> None:
        """Start `program`, a file, with these arguments in this folder."""
        message = [str(program), *arguments]
        self._process = _LOADED.Process(target=_run, args=(message, folder, environment, out, errors), daemon=True)
        self._process.start()

    @property
    def pid(self) -> int:
        """Return its number."""
        assert self._process.pid is not None
        return self._process.pid

    @property
    def returncode(self) -> int | None:
        """Return how it ended, by the negative number of a signal that ended it; None while it runs."""
        return self._process.exitcode

    def poll(self) -> int | None:
        """Return how it ended, None while it runs."""
        return self.returncode

    def wait(self, timeout: float) -> int:
        """Wait for its end; raise `subprocess.TimeoutExpired` where it takes longer (seconds)."""
        self._process.join(timeout)
        if self.returncode is None:
            raise subprocess.TimeoutExpired(str(self.pid), timeout)
        return self.returncode

    def send_signal(self, number: int) -> None:
        """Send it a signal, unless it has ended."""
        if self.returncode is None:
            os.kill(self.pid, number)

    def kill(self) -> None:
        """End it at once."""
        self.send_signal(signal.SIGKILL)

    def terminate(self) -> None:
        """Ask it to end."""
        self.send_signal(signal.SIGTERM)


def _run(
    message: list[str],
    folder: Path,
    environment: dict[str, str],
    out: Path,
    errors: Path | None,
) -> None:
    """Run a program as its interpreter would; its end is told by `SystemExit`, as ever."""
    os.environ.clear()
    os.environ.update(environment)
    os.chdir(folder)
    for number, path in ((1, out), (2, errors)):
        if path is not None:
            written = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND)
            os.dup2(written, number)
            os.close(written)
    sys.argv[:] = message
    try:
        run_path(message[0], run_name="__main__")
    finally:
        # A forked process leaves without what was asked for at the interpreter's end.
        atexit._run_exitfuncs()
