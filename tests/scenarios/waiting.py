"""Waiting for what must come, never longer than it may take."""

import os
import threading
import time
from collections.abc import Callable
from typing import Final, TypeVar

from tests.timing import patient

WAIT_S: Final = patient(10)
"""Never reached when all is well."""
LOOK_EVERY_S: Final = 0.02

LONG: Final = os.environ.get("LONG") == "1"
"""`make long` wants the seconds of real life; without it they are scaled down."""

Found = TypeVar("Found")

_pause: Final = threading.Event()


def until(look: Callable[[], Found], what: str | Callable[[], str], within_s: float = WAIT_S) -> Found:
    """Look again and again until there is something true, and return it; fail with `what` when it does not come.

    No bound is shorter than `WAIT_S`: a test that wants one bound says so after the wait.
    """
    within_s = max(within_s, WAIT_S)
    ends_at = time.monotonic() + within_s
    while not (found := look()):
        assert time.monotonic() < ends_at, f"within {within_s:g} s: {what if isinstance(what, str) else what()}"
        _pause.wait(LOOK_EVERY_S)
    return found
