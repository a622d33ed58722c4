"""The pages say what the code does: their drawings, and the tests they name."""

import re
from pathlib import Path

import pytest

from console.cli.app import app
from docs.draw import PAGE, PICTURES, drawn, inboxes

ROOT = Path(__file__).resolve().parents[2]
NAMED = re.compile(r"`([\w/]+\.py)::(test_\w+)`")


def test_the_drawings_are_what_the_code_says() -> None:
    page = PAGE.read_text(encoding="utf-8")

    redrawn = drawn(page)

    assert page == redrawn, "run `make draw`"


def test_every_message_that_an_actor_takes_has_a_sender_in_the_drawing() -> None:
    """FINDINGS D15: what helper modules make was missing."""
    drawn_words = set(re.split(r"\W+", PICTURES["flow-of-messages"]()))

    assert {kind for kinds in inboxes().values() for kind in kinds} - drawn_words == set()


def test_a_change_of_the_code_would_change_the_page(monkeypatch: pytest.MonkeyPatch) -> None:
    page = PAGE.read_text(encoding="utf-8")
    monkeypatch.setitem(PICTURES, "life-of-an-order", lambda: "something else")

    redrawn = drawn(page)

    assert "something else" in redrawn
    assert redrawn != page


@pytest.mark.parametrize("name", ["guide.md", "operations.md", "scenarios.md", "upgrade.md"])
def test_every_test_that_a_page_names_is_there(name: str) -> None:
    named = NAMED.findall((ROOT / "docs" / name).read_text(encoding="utf-8"))

    missing = [
        f"{file}::{test}"
        for file, test in named
        if f"def {test}(" not in (ROOT / "tests" / file).read_text(encoding="utf-8")
    ]

    assert named
    assert not missing


PAGES = sorted((ROOT / "docs").glob("*.md")) + sorted((ROOT / "docs" / "decisions").glob("*.md"))
ROOMS = ("actors", "benchmarks", "broker", "console", "docs", "domain", "examples", "notify", "storage", "tests")
MODULES = {path.relative_to(ROOT).as_posix() for room in ROOMS for path in (ROOT / room).rglob("*.py")} | {"main.py"}
NO_MODULES = {"my_strategies.py"}
"""Files of the reader's own."""


@pytest.mark.parametrize("page", [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *PAGES], ids=lambda page: page.name)
def test_every_module_that_a_page_names_is_there(page: Path) -> None:
    named = set(re.findall(r"`([\w/]+\.py)(?:::\w+)?`", page.read_text(encoding="utf-8"))) - NO_MODULES

    assert {name for name in named if not any(f"/{module}".endswith(f"/{name}") for module in MODULES)} == set()


def test_the_page_of_commands_has_a_situation_for_each() -> None:
    page = (ROOT / "docs" / "commands.md").read_text(encoding="utf-8")
    rows = re.findall(r"^\| [^|]+ \| `([a-z-]+)", page, re.MULTILINE)

    assert set(rows) == set(app.commands)


@pytest.mark.parametrize("page", sorted((ROOT / "docs" / "decisions").glob("0*.md")), ids=lambda page: page.stem)
def test_a_decision_says_why_and_how_we_would_notice_that_it_is_wrong(page: Path) -> None:
    text = page.read_text(encoding="utf-8")

    assert re.findall(r"^## (.+)$", text, re.MULTILINE) == [
        "Context",
        "Decision",
        "Consequences",
        "How we would notice that it is wrong",
    ]
    assert text.startswith(f"# {int(page.stem[:4])}. ")
