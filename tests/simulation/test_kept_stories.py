"""The stories that showed a bug once: still told well, and each shows its bug when that is put back."""

import json
import os
from typing import Any

import pytest

from tests.simulation.command import run
from tests.simulation.invariants import INVARIANTS
from tests.simulation.shrink import FOUND, from_json
from tests.simulation.world import tell

KEPT: list[dict[str, Any]] = json.loads(FOUND.read_text(encoding="utf-8"))
LONG = os.environ.get("LONG") == "1"
"""`make long` puts every bug back, as `make prove` does; otherwise every third."""


@pytest.mark.parametrize("kept", KEPT, ids=lambda kept: kept["mutant"])
def test_what_was_found_once_ends_well(kept: dict[str, Any]) -> None:
    assert tell(from_json(json.dumps(kept["story"]))).violations == []


@pytest.mark.parametrize("kept", KEPT if LONG else KEPT[::3], ids=lambda kept: kept["mutant"])
def test_what_was_found_once_would_be_found_again(kept: dict[str, Any]) -> None:
    """Each bug that the simulation has found, put back by its mutant, in the shortest story that shows it."""
    broken = run("replay", json.dumps(kept["story"]), "--mutant", kept["mutant"], "--quiet")

    assert broken.stdout.startswith(f"Broken: {INVARIANTS[kept['rule']]}."), broken.stdout + broken.stderr
