"""The field's own words: none of a private dialect in a name, a text that people read, a column or a page.

The table is part of how this house is written (CONTRIBUTING.md says so too): a word on the left is written as on the
right.
"""

import ast
import re
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Final

import pytest

ROOT: Final = Path(__file__).resolve().parents[2]
ROOMS: Final = ("actors", "broker", "console", "domain", "examples", "notify", "storage")
FROZEN: Final = "storage/migrations/"
"""What renames old tables has to name them."""

TABLE: Final = {
    "settle settles settled settling settlement settlements": "resolve (a settlement is the exchange's T+1)",
    "clearing": "write-off (clearing is the exchange's)",
    "disagreement disagreements": "break",
    "quarrel quarrels": "kind of a break",
    "patience": "persistence filter",
    "seam seams": "port",
    "foreign": "external",
    "sight": "entry gate",
    "wish wishes": "request",
    "episode episodes": "flatten task",
    "stake stakes": "reservation",
    "protection protections": "armed stop",
    "anchor": "entry price",
    "hearing": "frame dispatch",
    "scalar scalars": "row field",
    "telling tellings": "notification",
    "because": "reason",
    "happened": "event",
    "memory": "snapshot",
    "takeback": "cancel orders",
}
"""Words that stand in no name: of a module, a class, a function, an argument, a field, an option or a column."""

TEXTS: Final = {
    r"\b(disagree|disagrees|disagreement|disagreements)\b": "a reconciliation break, or: differ",
    r"\b(quarrel|quarrels)\b": "break",
    r"\bi-know\b": "--force",
    r"--because\b": "--reason",
    r"\b(wish|wishes|wished)\b": "request",
    r"\b(episode|episodes)\b": "flatten task",
    r"\b(settle|settles|settled|settlement)\b(?! (in cash|by the broker|by the clearing|at counts))": "resolve",
    r"\bwas turned round\b": "was reversed",
    r"\bAt most so many\b": "maximum",
    r"\bsafety nets?\b": "stop at the broker",
    r"\b(PARTLY_FILLED|LOSE_REPLY|TAKE_CHANGE|ASK_CHANGE)\b": "the events and states of domain/orders/lifecycle.py",
    r"\b(BOOKS_DISAGREE|SETTLED_BY_HAND|RISK_BLIND)\b": "the tags of domain/orders/reasons.py",
}
"""Phrases that stand in no text: of a docstring, a help, a log line, an alert, an answer or a page."""

MODULES: Final = sorted(
    path.relative_to(ROOT).as_posix()
    for room in ROOMS
    for path in (ROOT / room).rglob("*.py")
    if FROZEN not in path.as_posix()
)
PAGES: Final = sorted(
    path.relative_to(ROOT).as_posix()
    for path in (
        *(ROOT / one for one in ("README.md", "CONTRIBUTING.md", "SECURITY.md")),
        *(ROOT / "docs").glob("*.md"),
        *(ROOT / "docs" / "decisions").glob("*.md"),
    )
)
WORDS: Final = {word: right for words, right in TABLE.items() for word in words.split()}


@cache
def tree(path: str) -> ast.Module:
    return ast.parse((ROOT / path).read_text(encoding="utf-8"))


def names(path: str) -> Iterator[str]:
    yield Path(path).stem
    for node in ast.walk(tree(path)):
        match node:
            case ast.Name(id=name) | ast.Attribute(attr=name) | ast.arg(arg=name):
                yield name
            case ast.ClassDef(name=name) | ast.FunctionDef(name=name) | ast.AsyncFunctionDef(name=name):
                yield name
            case ast.keyword(arg=str(name)):
                yield name
            case ast.alias(name=name, asname=known):
                yield known or name
            case _:
                pass


def parts(name: str) -> list[str]:
    return re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", name).lower().split("_")


def texts(path: str) -> Iterator[tuple[int, str]]:
    if path.endswith(".md"):
        yield from enumerate((ROOT / path).read_text(encoding="utf-8").splitlines(), start=1)
        return
    for node in ast.walk(tree(path)):
        if isinstance(node, ast.Constant) and isinstance(node.value, str):
            yield node.lineno, " ".join(node.value.split())


@pytest.mark.parametrize("path", MODULES)
def test_names_are_the_fields(path: str) -> None:
    found = {name: WORDS[part] for name in names(path) for part in parts(name) if part in WORDS}
    assert not found, f"{path}: " + "; ".join(f"{name}: {right}" for name, right in sorted(found.items()))


@pytest.mark.parametrize("path", [*MODULES, *PAGES])
def test_texts_speak_plainly(path: str) -> None:
    found = [
        f"line {line}: {text[max(0, hit.start() - 30) : hit.end() + 30]!r}: {right}"
        for line, text in texts(path)
        for wrong, right in TEXTS.items()
        if (hit := re.search(wrong, text)) is not None
    ]
    assert not found, f"{path}: " + "; ".join(found)


def test_the_table_finds_what_it_names() -> None:
    assert parts("LookUpSettlement") == ["look", "up", "settlement"]
    assert all(re.search(r"^[a-z ]+$", words) for words in TABLE)
    assert any(re.search(wrong, "the broker's books disagree about it") for wrong in TEXTS)
