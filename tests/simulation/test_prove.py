"""A proof that was ended goes on where it stopped, and ends with the figures of one that ran through."""

import os
import re
import signal
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.mutation.bench import in_a_group
from tests.mutation.kept import INTERRUPTED, Kept, tree
from tests.mutation.mutant import ROOT
from tests.simulation.crashes import scenarios
from tests.simulation.kept_runs import file_of_run
from tests.simulation.mutants import MUTANTS
from tests.simulation.prove import (
    DOUBLES_OF_EACH,
    Broken,
    Crew,
    Proof,
    Told,
    Unit,
    prove,
)
from tests.timing import patient

ORDERS = 2_000
MOST_OF_A_UNIT = 5
CELLS = 256
SCENARIOS = len(scenarios())
LIVES = MUTANTS[2].name


Ended = tuple[int, str]
"""How a run ended: its exit status, and its page without the time it took."""


def told(unit: Unit) -> Told:
    """Stand in for the workers: what comes of a unit depends on the unit alone."""
    part, *where = unit
    if part == "mutant":
        return Told(stories=3, cpu_s=2.5, mutant=str(where[0]), seen_by="" if where[0] == LIVES else "once", seed=7)
    if part == "scenario":
        return Told(stories=1, points=2 * 20 + 3, effects=20, requests=3)
    if part == "cells":
        first, times = (int(one) for one in where)
        return Told(cells=tuple((number, 0.5, None, "", "") for number in range(first, first + times)))
    if part == "faults":
        return Told(ends="7 of 7 cells ended well")
    first, times = (int(one) for one in where[-2:])
    points = {"crash": 2 * times, "lost reply": times, "two crashes": times}.get(str(part), 0)
    broken = (Broken("seed 17", "once", "It was sent twice."),) if part == "stories" and first == 16 else ()
    return Told(stories=times, orders=first % 5 + 1, lives=times, seconds=0.5, points=points, broken=broken)


class Workers:
    """Tell units in this process; after so many somebody ends the run."""

    def __init__(self, ends_after: int | None = None) -> None:
        self.units: list[Unit] = []
        self._ends_after = ends_after

    def __call__(
        self, part: str, units: Iterator[Unit], ends_at: Callable[[], float | None]
    ) -> Iterator[tuple[Unit, Told]]:
        for unit in units:
            assert (unit[0], ends_at()) == (part, None)
            if len(self.units) == self._ends_after:
                raise KeyboardInterrupt
            self.units.append(unit)
            yield unit, told(unit)


def run(file: Path, crew: Crew) -> Ended:
    page = file.with_name("proof.md")
    page.unlink(missing_ok=True)
    with Kept(file) as kept, pytest.MonkeyPatch.context() as patch:
        patch.setattr("tests.simulation.cells.COUNT", CELLS)
        status = prove(Proof(kept, orders=ORDERS, crew=crew), page)
    lines = page.read_text(encoding="utf-8").splitlines() if page.exists() else []
    return status, "\n".join(line for line in lines if "| wall time |" not in line)


@pytest.fixture(scope="module")
def through(tmp_path_factory: pytest.TempPathFactory) -> tuple[Ended, list[Unit]]:
    """Return what a run ends with that nobody has ended, and what it told."""
    crew = Workers()
    return run(tmp_path_factory.mktemp("through") / "run.jsonl", crew), crew.units


def test_a_run_tells_every_unit_once_and_no_story_beyond_the_orders_that_are_wanted(
    through: tuple[Ended, list[Unit]],
) -> None:
    (status, page), units = through

    assert status == 1, "a mutant lives, and a story is broken"
    assert len(units) == len(set(units))
    figures = dict(re.findall(r"^\| ([^|]+) \| ([^|]+) \|$", page, re.MULTILINE))
    assert figures["single crash points covered"] == f"{43 * SCENARIOS:,} of {43 * SCENARIOS:,}"
    assert figures["pairs of crashes, sampled"] == f"{DOUBLES_OF_EACH * SCENARIOS:,}"
    assert figures["ways out with anything missing"] == f"{CELLS} of {CELLS} cells ended well"
    assert figures["mutants caught"] == f"{len(MUTANTS) - 1} of {len(MUTANTS)}"
    assert figures["violations"] == "1"
    assert 0 <= int(figures["orders submitted, all stories"].replace(",", "")) - ORDERS < MOST_OF_A_UNIT
    assert f"| **{LIVES}** | not caught | | |" in page


@pytest.mark.parametrize("ends_after", [0, 1, len(MUTANTS) + 40, 400, -1])
def test_a_run_that_was_ended_goes_on_where_it_stopped(
    ends_after: int, through: tuple[Ended, list[Unit]], tmp_path: Path
) -> None:
    whole, units = through
    first, second = Workers(ends_after % len(units)), Workers()
    file = tmp_path / "run.jsonl"

    assert run(file, first) == (INTERRUPTED, "")
    assert run(file, second) == whole
    assert first.units + second.units == units


def test_a_run_that_is_ended_again_and_again_does_nothing_twice(
    through: tuple[Ended, list[Unit]], tmp_path: Path
) -> None:
    whole, units = through
    told: list[Unit] = []
    ended = (INTERRUPTED, "")
    while ended[0] == INTERRUPTED:
        crew = Workers(150)
        ended = run(tmp_path / "run.jsonl", crew)
        told += crew.units

    assert ended == whole
    assert told == units


@pytest.mark.parametrize("left", [0.1, 0.95, 0.9999])
def test_what_a_kill_leaves_of_a_line_does_not_count(
    left: float, through: tuple[Ended, list[Unit]], tmp_path: Path
) -> None:
    file = tmp_path / "run.jsonl"
    run(file, Workers())
    content = file.read_bytes()
    file.write_bytes(content[: int(left * len(content))])

    assert run(file, Workers()) == through[0]


def test_a_line_that_a_lost_machine_has_left_unreadable_ends_what_is_kept(tmp_path: Path) -> None:
    file = tmp_path / "run.jsonl"
    file.write_bytes(b'{"name": 1}\n{"name": 2}\n\0\0\0\0\n{"name": 3}\n')

    with Kept(file) as kept:
        assert kept.lines == [{"name": 1}, {"name": 2}]
        kept.add({"name": "₹"})

    with Kept(file) as kept:
        assert kept.lines == [{"name": 1}, {"name": 2}, {"name": "₹"}]


def test_a_run_that_is_over_tells_its_end_again(
    through: tuple[Ended, list[Unit]],
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    file = tmp_path / "run.jsonl"
    run(file, Workers())
    capsys.readouterr()
    again = Workers(0)

    assert run(file, again) == through[0]
    said = capsys.readouterr().out
    assert again.units == []
    assert f"{len(MUTANTS)} of 'mutant'" in said
    assert "seed 17\nIt was sent twice." in said
    assert f"Not caught in 3 stories: {LIVES}" in said


def test_the_time_of_all_runs_is_summed(tmp_path: Path) -> None:
    with Kept(tmp_path / "run.jsonl") as kept:
        kept.add({"wall_s": 3_600.0})

    with Kept(tmp_path / "run.jsonl") as kept:
        assert 3_600 <= Proof(kept, crew=Workers()).tally.wall_s < 3_700


def test_a_run_of_other_code_is_not_gone_on_with(tmp_path: Path) -> None:
    (tmp_path / "abc-0123456789ab.jsonl").touch()
    ours = file_of_run(folder=tmp_path)

    assert ours.name.endswith(f"-{tree(tests=False)}.jsonl")
    begun = tmp_path / f"earlier-{tree(tests=False)}.jsonl"
    begun.touch()
    assert file_of_run(folder=tmp_path) == begun, "the same code under another commit"
    assert file_of_run(folder=tmp_path, anew=True) == ours
    assert [one.name for one in tmp_path.iterdir()] == ["abc-0123456789ab.jsonl"]


def test_the_tree_is_known_by_what_it_says_tests_apart(tmp_path: Path) -> None:
    for name in ("main.py", "pyproject.toml", "constraints.txt"):
        (tmp_path / name).touch()
    (tmp_path / "tests").mkdir()
    (tmp_path / "domain" / "orders").mkdir(parents=True)
    hashes = [(tree(tmp_path), tree(tmp_path, tests=False))]
    for name in ("tests/test_order.py", "domain/orders/order.py"):
        (tmp_path / name).write_text("# more", encoding="utf-8")
        hashes.append((tree(tmp_path), tree(tmp_path, tests=False)))

    all_of_it, without_tests = zip(*hashes, strict=True)
    assert len(set(all_of_it)) == 3
    assert without_tests[0] == without_tests[1] != without_tests[2]


@pytest.fixture
def _hears_ctrl_c() -> Iterator[None]:
    """Let what is started hear Ctrl-C, also where the tests themselves run in the background and don't."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


@pytest.mark.usefixtures("_hears_ctrl_c")
def test_ctrl_c_ends_the_workers_without_a_word_of_theirs() -> None:
    """Sent to all of them, as a terminal does."""
    command = (sys.executable, "-m", "tests.simulation", "prove", "--seconds", "600")
    with in_a_group(command, ROOT) as running:
        assert running.stdout is not None
        assert running.stdout.readline().startswith("Mutants")
        os.killpg(running.pid, signal.SIGINT)
        said, _ = running.communicate(timeout=patient(30))

    assert running.returncode == INTERRUPTED
    assert said.startswith("\nEnded after ")
    assert "Traceback" not in said
