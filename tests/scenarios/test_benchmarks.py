"""`make bench` in its smallest form: a real desk, real servers, the paper broker led over its admin interface."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from tests.timing import patient

SMALLEST = ("--rounds", "1", "--calls", "3", "--waiting", "6")


@pytest.mark.parametrize("part", ["null", "exits"])
@pytest.mark.timeout(180)
def test_it_measures_and_writes_its_figures(part: str, tmp_path: Path) -> None:
    results = tmp_path / "figures.json"
    command = [sys.executable, "-m", "benchmarks", *SMALLEST, "--only", part, "--results", str(results)]

    done = subprocess.run(command, capture_output=True, text=True, timeout=patient(60), check=False)

    assert done.returncode == 0, done.stderr[-2000:]
    assert json.loads(results.read_text(encoding="utf-8"))
    assert str(results) in done.stdout
