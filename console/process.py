"""What a process does before any command: what it makes is its owner's alone, what it says any console shows."""

import io
import os
import sys
from typing import Final

OTHERS: Final = 0o077


def be_private() -> None:
    """Let every file and folder that this process makes be its owner's alone."""
    if os.name == "posix":
        os.umask(OTHERS)


def be_shown_anywhere() -> None:
    """Let what a console can't show be replaced, such as the rupee's sign in an old code page: never an error."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="replace")
