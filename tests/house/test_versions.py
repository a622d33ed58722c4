"""Which versions of Python the desk runs on is said in several places, and everywhere alike."""

import re
import tomllib
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
WANTED = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]["requires-python"]
FIRST, BEYOND = (int(minor) for minor in re.findall(r"3\.(\d+)", WANTED))
VERSIONS = [f"3.{minor}" for minor in range(FIRST, BEYOND)]


def test_every_version_is_tested_by_the_workflow() -> None:
    workflow = (ROOT / ".github" / "workflows" / "test.yml").read_text(encoding="utf-8")
    (matrix,) = re.findall(r"python: \[(.*)\]", workflow)

    assert re.findall(r"[\d.]+", matrix) == VERSIONS


@pytest.mark.parametrize("page", ["README.md", "Makefile", "docs/operations.md"])
def test_every_version_is_named(page: str) -> None:
    spelled = f"{', '.join(VERSIONS[:-1])} (?:or|and) {VERSIONS[-1]}"

    assert re.search(f"Python {spelled}", (ROOT / page).read_text(encoding="utf-8"))
