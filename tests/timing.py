"""How patient the tests are: one factor for every deadline that is reached only when something is wrong.

Waits end as soon as what they wait for is there, so that patience costs nothing on a quiet machine. It also lengthens
what the desk itself bears before it calls a broker slow or a watcher hung, where a test is about something else.
"""

import os
from typing import Final

PATIENCE: Final = float(os.environ.get("PATIENCE", "4"))
"""Set it higher where the machine is busier, lower to see what is tight."""


def patient(seconds: float) -> float:
    """Return a bound for what takes `seconds` at the very worst on a machine of its own."""
    return seconds * PATIENCE
