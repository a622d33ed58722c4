"""What no tool looks for: time and chance through their ports, asking where it is allowed, and small rooms."""

import ast
import statistics
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
ROOMS = ("domain", "actors", "storage", "broker", "notify", "console", "examples")
FILES = sorted([ROOT / "main.py", *(path for room in ROOMS for path in (ROOT / room).rglob("*.py"))])

PORTS = {"clock.py"}
CHANCE_EXCEPTIONS = {
    "broker/feed/reconnecting_feed.py": "spreads its reconnects, by a source that is handed in",
    "broker/paper": "plays the outside world, in a process of its own",
    "console": "makes tokens and order ids for a person, outside the desk",
}
CALLS_OF_TIME_AND_CHANCE = {
    "time.time",
    "time.time_ns",
    "time.monotonic",
    "time.monotonic_ns",
    "time.perf_counter",
    "time.sleep",
    "datetime.now",
    "datetime.utcnow",
    "datetime.today",
    "date.today",
    "uuid.uuid1",
    "uuid.uuid4",
    "uuid4",
    "sleep",
    "monotonic",
    "perf_counter",
    "os.urandom",
}
MODULES_OF_CHANCE = {"random", "secrets"}

ASKERS = {"actors/wiring.py", "actors/supervisor.py"}

LINES_MAX = 400
TEST_LINES_MAX = 600
FUNCTION_LINES_MAX = 50
CASES_MAX = 25
TESTS = sorted((ROOT / "tests").rglob("*.py"))


def _name(path: Path) -> str:
    return path.relative_to(ROOT).as_posix()


def _calls(path: Path) -> Iterator[tuple[int, str]]:
    """Yield each call's line and dotted name, its last two parts at most."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Call):
            if isinstance(node.func, ast.Name):
                yield node.lineno, node.func.id
            elif isinstance(node.func, ast.Attribute):
                owner = node.func.value
                last = owner.id if isinstance(owner, ast.Name) else getattr(owner, "attr", "?")
                yield node.lineno, f"{last}.{node.func.attr}"


def _imports(path: Path) -> set[str]:
    found = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            found.add(node.module)
    return found


def _is_excepted(name: str) -> bool:
    return any(name == place or name.startswith(f"{place}/") for place in CHANCE_EXCEPTIONS)


def test_there_is_code_to_look_at() -> None:
    assert len(FILES) > 40


def test_the_scan_finds_what_it_looks_for() -> None:
    assert {"time.monotonic", "datetime.now"} <= {called for _, called in _calls(ROOT / "actors/runtime/clock.py")}


@pytest.mark.parametrize("path", FILES, ids=_name)
def test_time_and_chance_come_through_the_seams(path: Path) -> None:
    if path.name in PORTS:
        return

    outside = [(line, called) for line, called in _calls(path) if called in CALLS_OF_TIME_AND_CHANCE]

    assert outside == []
    assert _is_excepted(_name(path)) or not _imports(path) & MODULES_OF_CHANCE


@pytest.mark.parametrize("path", FILES, ids=_name)
def test_actors_tell_and_only_those_who_may_wait_ask(path: Path) -> None:
    if _name(path) in ASKERS or _name(path).startswith("console/"):
        return

    asks = [line for line, called in _calls(path) if called.endswith(".ask")]

    assert asks == []


@pytest.mark.parametrize("path", FILES, ids=_name)
def test_every_ask_has_a_timeout(path: Path) -> None:
    without = [
        node.lineno
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, ast.Call)
        and isinstance(node.func, ast.Attribute)
        and node.func.attr == "ask"
        and "timeout" not in {keyword.arg for keyword in node.keywords}
    ]

    assert without == []


@pytest.mark.parametrize("path", [*FILES, *TESTS], ids=_name)
def test_a_module_stays_small(path: Path) -> None:
    lines = len(path.read_text(encoding="utf-8").splitlines())

    assert lines <= (LINES_MAX if path in FILES else TEST_LINES_MAX)


def test_half_of_the_modules_are_a_page_or_two() -> None:
    lines = [len(path.read_text(encoding="utf-8").splitlines()) for path in FILES if path.stat().st_size]

    assert statistics.median(lines) < 115


@pytest.mark.parametrize("path", [*FILES, *TESTS], ids=_name)
def test_a_function_is_a_page_and_a_match_a_screen(path: Path) -> None:
    nodes = list(ast.walk(ast.parse(path.read_text(encoding="utf-8"))))
    long = [
        node.name
        for node in nodes
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
        and (node.end_lineno or node.lineno) - node.lineno + 1 > FUNCTION_LINES_MAX
    ]
    wide = [node.lineno for node in nodes if isinstance(node, ast.Match) and len(node.cases) > CASES_MAX]

    assert (long, wide) == ([], [])


@pytest.mark.parametrize("path", [path for path in FILES if _name(path).startswith("actors/")], ids=_name)
def test_a_match_over_an_inbox_ends_in_assert_never(path: Path) -> None:
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.FunctionDef) and node.name in {"on_receive", "receive"}:
            matches = [one for one in node.body if isinstance(one, ast.Match)]
            assert matches, f"{_name(path)}: {node.name} has no match"
            assert "assert_never" in ast.dump(matches[0].cases[-1])


@pytest.mark.parametrize("path", FILES, ids=_name)
def test_no_log_line_is_made_before_it_is_wanted(path: Path) -> None:
    # An f-string is built, with all that stands in it, whether the line is logged or not.
    eager = [
        node.lineno
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, ast.Call)
        and isinstance(node.func, ast.Attribute)
        and isinstance(node.func.value, ast.Name)
        and node.func.value.id == "logger"
        and node.args
        and isinstance(node.args[0], ast.JoinedStr)
    ]

    assert eager == []
