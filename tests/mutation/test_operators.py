"""Each operator makes what it says, what changes nothing is left alone, and a seed draws the same again."""

import ast
import sys
import time
from pathlib import Path
from textwrap import dedent
from threading import Barrier

import pytest

from tests.mutation.__main__ import run, unused
from tests.mutation.bench import Bench, Outcome, Stage, judge_all, stages_of
from tests.mutation.draw import draw, mutants, nearest_scenarios, nearest_tests, paths
from tests.mutation.equivalent import EQUIVALENT
from tests.mutation.kept import Kept
from tests.mutation.known import KNOWN, Known
from tests.mutation.mutant import ROOT
from tests.mutation.operators import OPERATORS, changes
from tests.timing import patient


def made(code: str, operator: str) -> list[str]:
    """Return what an operator makes of a piece of code, each change by itself."""
    code = dedent(code).strip()
    numbers = [number for number, one in enumerate(changes(ast.parse(code))) if one.operator == operator]
    found = []
    for number in numbers:
        module = ast.parse(code)
        list(changes(module))[number].make()
        compile(module, "code.py", "exec")
        found.append(ast.unparse(module))
    return found


@pytest.mark.parametrize(
    ("operator", "code", "wanted"),
    [
        ("boundary", "a < b <= c", ["a <= b <= c", "a < b < c"]),
        ("boundary", "a == b", []),
        ("comparison turned", "a is None", ["a is not None"]),
        ("comparison turned", "a < b", ["a >= b"]),
        ("comparison turned", "a not in b", ["a in b"]),
        ("condition turned", "x = 1 if ready else 2", ["x = 1 if not ready else 2"]),
        ("condition turned", "x = 1 if a < b else 2", []),
        ("and for or", "a and b", ["a or b"]),
        ("part of a condition dropped", "a and b and c", ["b and c", "a and c", "a and b"]),
        ("part of a condition dropped", "a or b", ["b", "a"]),
        ("not dropped", "not a", ["a"]),
        ("plus for minus", "a + b", ["a - b"]),
        ("plus for minus", "a -= 1", ["a += 1"]),
        ("plus for minus", "'a' + b", []),
        ("sign dropped", "-a", ["a"]),
        ("another constant", "f(3)", ["f(4)"]),
        ("another constant", "x = True", ["x = False"]),
        ("another constant", "Decimal('0.5')", ["Decimal('1.5')"]),
        ("another constant", "'words'", []),
        ("min for max", "min(a, b)", ["max(a, b)"]),
        ("min for max", "any(a)", ["all(a)"]),
        ("arguments swapped", "f(a, b)", ["f(b, a)"]),
        ("arguments swapped", "f(a, a)", []),
        ("arguments swapped", "min(a, b)", []),
        ("call dropped", "self.tell(a)", ["pass"]),
        ("call dropped", "x = self.tell(a)", []),
        ("update dropped", "self.seen[a] = b", ["pass"]),
        ("update dropped", "del self.seen[a]", ["pass"]),
        ("update dropped", "x = 1", []),
        ("sql", "x = 'UPDATE t SET a = ? WHERE b IS NULL'", ["x = 'UPDATE t SET a = ? WHERE b IS NOT NULL'"]),
        (
            "sql",
            "f'{sets} WHERE a = ? AND b < ?'",
            ["f'{sets} WHERE a = ? OR b < ?'", "f'{sets} WHERE a = ? AND b <= ?'"],
        ),
        ("sql", "x = 'this AND that'", []),
    ],
)
def test_an_operator_makes_what_it_says(operator: str, code: str, wanted: list[str]) -> None:
    assert made(code, operator) == wanted


def test_ways_out_are_dropped_from_functions_and_loops() -> None:
    code = """
        def f(a):
            if a:
                return None
            for b in a:
                if b:
                    continue
                g(b)
            raise ValueError
    """

    found = made(code, "way out dropped")

    assert len(found) == 4
    assert "pass\n    for b in a:" in found[0]
    assert "raise ValueError" not in found[3]


@pytest.mark.parametrize(
    "code",
    [
        "assert a < b",
        "logger.info('{} of {}', a + 1, b)",
        "x: Literal[1, 2]",
        "f'{a + 1} units'",
        "raise ValueError(f(a, b))",
        "assert_never(a)",
        "'''Words about 3 < 4.'''",
        "__slots__ = ('a',) + b",
        "@dataclass(frozen=True)\nclass A:\n    x: int",
        "x = zip(a, strict=True)",
        "def __repr__(self):\n    return a + 1",
    ],
)
def test_what_changes_nothing_is_left_alone(code: str) -> None:
    assert {one.operator for one in changes(ast.parse(code))} <= {"way out dropped"}


def test_every_operator_finds_places_in_the_code() -> None:
    found = {operator for path in paths() for operator, _ in mutants(path)}

    assert found == set(OPERATORS)


def test_a_seed_draws_the_same_again_and_another_draws_others() -> None:
    first, again, other = draw(1, 40), draw(1, 40), draw(2, 40)

    assert first == again
    assert len({one.name for one in first}) == 40
    assert len({one.name for one in first} & {one.name for one in other}) < 8, "some may be in both by chance"


def test_a_draw_has_as_many_of_each_operator_and_a_longer_one_begins_like_it() -> None:
    drawn = draw(1, 3 * len(OPERATORS))

    assert [sum(f": {operator}: " in one.name for one in drawn) for operator in OPERATORS] == [3] * len(OPERATORS)
    assert draw(1, 100)[: len(drawn)] == drawn


def test_what_is_drawn_can_be_compiled_and_differs() -> None:
    for one in draw(7, 30):
        broken = one.source()
        compile(broken, one.path, "exec")
        assert broken != ast.unparse(ast.parse((ROOT / one.path).read_text(encoding="utf-8"))), one.name


def test_the_tests_of_a_modules_own_name_come_first() -> None:
    assert nearest_tests("domain/positions/ledger.py")[0] == "tests/domain/positions/test_ledger.py"
    assert "tests/actors/exits/test_actor.py" in nearest_tests("actors/exits/stops.py"), (
        "what imports it is its way to a test"
    )


@pytest.mark.parametrize("path", paths())
def test_every_module_has_scenarios_that_are_there(path: str) -> None:
    assert all((ROOT / one).exists() for one in nearest_scenarios(path))


# the bench


def look(code: str, seconds_max: float = 60) -> Stage:
    return Stage("a look", (sys.executable, "-c", code), seconds_max)


@pytest.fixture
def bench(tmp_path: Path) -> Bench:
    (tmp_path / "domain").mkdir()
    (tmp_path / "domain" / "thing.py").write_text("FACT = 1\n", encoding="utf-8")
    return Bench(tmp_path)


GREEN = look("")
RED = look("from domain.thing import FACT; assert FACT == 1")


def test_a_mutant_is_killed_by_the_first_look_that_is_red_and_the_module_is_whole_again(bench: Bench) -> None:
    outcome = bench.judge("domain/thing.py", "FACT = 2\n", iter([GREEN, RED, look("raise SystemExit('not reached')")]))

    assert outcome.killed_by == "a look: AssertionError"
    assert (bench.folder / "domain" / "thing.py").read_text(encoding="utf-8") == "FACT = 1\n"


def test_a_mutant_that_no_look_sees_lives(bench: Bench) -> None:
    assert bench.judge("domain/thing.py", "FACT = 1 + 0\n", iter([GREEN, RED])).killed_by == ""


def test_a_mutant_that_hangs_is_seen(bench: Bench) -> None:
    outcome = bench.judge("domain/thing.py", "while True: pass\n", iter([look("import domain.thing", 2)]))

    assert outcome.killed_by == "a look: no end within 2 s"


def _benches(tmp_path: Path) -> list[Bench]:
    for number in ("0", "1"):
        (tmp_path / number / "domain").mkdir(parents=True)
        (tmp_path / number / "domain" / "thing.py").write_text("FACT = 1\n", encoding="utf-8")
    return [Bench(tmp_path / number) for number in ("0", "1")]


def test_as_many_mutants_are_judged_at_a_time_as_there_are_benches_each_in_its_own(tmp_path: Path) -> None:
    """Two wait for each other, so that one alone would never end."""
    meeting = Barrier(2, timeout=patient(10))

    def judge(on: Bench, fact: int) -> Outcome:
        meeting.wait()
        return on.judge("domain/thing.py", f"FACT = {fact}\n", [RED])

    ended = dict(judge_all(range(4), judge, _benches(tmp_path)))

    assert {fact: bool(outcome.killed_by) for fact, outcome in ended.items()} == {0: True, 1: False, 2: True, 3: True}


def test_what_is_being_judged_is_ended_with_the_run(tmp_path: Path) -> None:
    begun: list[int] = []

    def judge(on: Bench, number: int) -> Outcome:
        begun.append(number)
        return on.judge("domain/thing.py", "", [GREEN] if number == 0 else [look("while True: pass", patient(60)), RED])

    began = time.monotonic()
    judged = judge_all(range(9), judge, _benches(tmp_path))
    assert next(judged)[0] == 0
    judged.close()

    assert time.monotonic() - began < patient(30)
    assert len(begun) < 9
    assert all((tmp_path / one / "domain" / "thing.py").read_text(encoding="utf-8") == "FACT = 1\n" for one in "01")


def test_the_results_of_other_code_are_named_and_count_only_where_that_is_asked_for(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    drawn = draw(1, 2)
    ours, theirs = tmp_path / "seed-1-ours.jsonl", tmp_path / "seed-1-theirs.jsonl"
    with Kept(theirs) as kept:
        for one in drawn:
            kept.add({"name": one.name, "line": one.line, "killed_by": "a test", "seconds": 1.0})
    assert unused(ours) == [theirs.name]

    status = run(drawn, ours, again=False, quick=False, at_once=1, earlier=theirs)
    assert status == 0
    said = capsys.readouterr().out
    assert "2 mutants drawn, 0 of them to be judged" in said
    assert f"2 of them were judged on other code: {theirs.name}" in said
    assert unused(ours) == []


def test_the_nearest_tests_are_looked_at_first() -> None:
    names = [stage.name for stage in stages_of("domain/positions/ledger.py")]

    assert names == ["its own tests", "tests without threads", "simulation", "scenarios"]


def test_what_changes_nothing_is_named_by_a_mutant_that_can_be_drawn() -> None:
    names = {one.name for path in paths() for _, one in mutants(path)}

    assert names >= EQUIVALENT.keys()


# those that lived once


@pytest.mark.parametrize("known", KNOWN, ids=lambda one: one.mutant.name)
def test_a_mutant_that_once_lived_still_breaks_code_that_is_there(known: Known) -> None:
    compile(known.mutant.tree(), known.mutant.path, "exec")

    assert (ROOT / known.tests).exists()
