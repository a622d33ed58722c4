"""How much of the domain its own tests and those of the actors reach: a table, and a bound for its branches.

Run after `pytest tests/domain tests/actors --cov=domain --cov-branch`, on the data that it has left.
"""

import json
import sys
import tempfile
from pathlib import Path
from typing import Final

import coverage

BRANCHES_MIN: Final = 97.0
"""Percent of the domain's branches."""


def main() -> int:
    """Print what is not reached; return 1 where that is too much."""
    data = coverage.Coverage()
    data.load()
    data.report(skip_covered=True, show_missing=True)
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "coverage.json"
        data.json_report(outfile=str(file))
        totals = json.loads(file.read_text(encoding="utf-8"))["totals"]
    reached = 100.0 * totals["covered_branches"] / totals["num_branches"]
    sys.stdout.write(f"\nbranches of the domain reached: {reached:.1f} % (at least {BRANCHES_MIN:.0f} %)\n")
    return 0 if reached >= BRANCHES_MIN else 1


if __name__ == "__main__":
    sys.exit(main())
