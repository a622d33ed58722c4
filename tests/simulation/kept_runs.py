"""Where a whole run is kept, so that one that was ended goes on: never with the results of other code."""

import subprocess
from pathlib import Path
from typing import Final

from tests.mutation.kept import tree
from tests.mutation.mutant import ROOT

RUNS: Final = ROOT / "build" / "proof"


def commit() -> str:
    """Return the commit that is proved, and whether the tree has changes."""
    asked = ["git", "describe", "--always", "--dirty", "--abbrev=12"]
    ran = subprocess.run(asked, cwd=ROOT, capture_output=True, text=True, check=False)
    return ran.stdout.strip() or "not a git checkout"


def file_of_run(*, anew: bool = False, folder: Path = RUNS) -> Path:
    """Return where a whole run of this code is kept: begun before, under whatever commit, or new."""
    code = tree(tests=False)
    begun = sorted(folder.glob(f"*-{code}.jsonl"))
    if anew:
        for file in begun:
            file.unlink()
    return folder / f"{commit().replace(' ', '-')}-{code}.jsonl" if anew or not begun else begun[0]
