"""The simulation's command in a process of its own."""

import os
import subprocess
import sys
from typing import Final

from tests.mutation.mutant import ROOT
from tests.timing import patient

ENDS_S: Final = patient(75)
"""A busy machine takes longer for what a quiet one does in half a minute."""


def run(*message: str, hash_seed: str = "random") -> subprocess.CompletedProcess[str]:
    """Run `python -m tests.simulation` to its end."""
    return subprocess.run(
        [sys.executable, "-m", "tests.simulation", *message],
        cwd=ROOT,
        env={**os.environ, "PYTHONHASHSEED": hash_seed},
        capture_output=True,
        text=True,
        check=False,
        timeout=ENDS_S,
    )
