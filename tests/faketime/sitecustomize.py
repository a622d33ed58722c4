"""Python started under `faketime` loads this by itself: `time.sleep` waits until a moment, which faketime gets wrong.

It takes the shift of the wall clock off a monotonic deadline too, and the call fails with EINVAL. `select` is told
how long to wait, and is left alone.
"""

import select
import time
from typing import SupportsIndex


def _sleep(seconds: float | SupportsIndex, /) -> None:
    seconds = float(seconds)
    if seconds < 0:
        raise ValueError("sleep length must be non-negative")
    select.select((), (), (), seconds)


time.sleep = _sleep
