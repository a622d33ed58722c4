"""The simulation tells the same story twice, sees what is broken, and says it shortly; a slice of the proof."""

import ast
from dataclasses import replace

import pytest

from tests.mutation.mutant import ROOT, Mutant
from tests.simulation.command import ENDS_S, run
from tests.simulation.crashes import crash_after, points_of, scenarios
from tests.simulation.invariants import INVARIANTS
from tests.simulation.mutants import MUTANTS
from tests.simulation.prove import MUTANTS_IN_A_SLICE
from tests.simulation.shrink import from_json, to_json
from tests.simulation.stories import ALL_THEMES, THEMES, seeds_of, story_of
from tests.simulation.story import CrashAt, Story
from tests.simulation.world import tell

SLICE_S = 20


@pytest.mark.parametrize("seed", [0, 12, 30])
def test_the_same_seed_tells_the_same_story_in_two_processes(seed: int) -> None:
    first, second = (run("replay", str(seed), "--quiet", hash_seed=one) for one in ("1", "2"))

    assert (first.returncode, second.returncode) == (0, 0), first.stdout + first.stderr
    assert first.stdout == second.stdout
    assert len(first.stdout.splitlines()[-1]) == len("0" * 64), "the journal's hash is the last line"


def test_another_seed_tells_another_story() -> None:
    assert tell(story_of(0)).digest != tell(story_of(len(THEMES))).digest


@pytest.mark.parametrize("theme", THEMES)
def test_a_story_of_each_theme_ends_well_and_is_about_something(theme: str) -> None:
    told = tell(story_of(next(seeds_of(theme, 2_000))))

    assert told.violations == []
    assert told.orders > 0
    assert told.effects > 100


@pytest.mark.timeout(ENDS_S)
def test_the_judge_catches_mutants_within_the_seconds_of_a_slice() -> None:
    told = run("prove", "--seconds", str(SLICE_S))

    assert told.returncode == 0, told.stdout + told.stderr
    caught = next(line for line in told.stdout.splitlines() if line.startswith("mutants caught"))
    assert int(caught.split()[2]) >= MUTANTS_IN_A_SLICE


@pytest.mark.parametrize("mutant", MUTANTS, ids=lambda one: one.name)
def test_a_mutant_breaks_code_that_is_in_its_place_once(mutant: Mutant) -> None:
    broken = mutant.tree()

    compile(broken, mutant.path, "exec")
    assert ast.dump(broken) != ast.dump(ast.parse((ROOT / mutant.path).read_text(encoding="utf-8")))
    assert mutant.theme in ALL_THEMES


def test_a_mutants_name_is_its_own() -> None:
    assert len({one.name for one in MUTANTS}) == len(MUTANTS)


def test_what_goes_wrong_is_told_shortly_and_can_be_told_again() -> None:
    broken = run("replay", "1", "--quiet", "--mutant", "a lost reply is taken for a refusal")

    assert broken.returncode == 1
    assert f"Broken: {INVARIANTS['no false end']}." in broken.stdout
    assert "Again: python -m tests.simulation replay '" in broken.stdout


def test_a_story_survives_being_written_in_a_line() -> None:
    for seed in range(len(THEMES)):
        story = story_of(seed)
        assert from_json(to_json(story)) == story


def test_a_crash_ends_a_life_where_it_was_told_to() -> None:
    told = tell(replace(scenarios()[0], crashes=(CrashAt(200), CrashAt(90))))

    assert told.violations == []
    assert told.effects_of_lives[:2] == [200, 90]
    assert told.lives == 3


def test_a_power_cut_loses_what_was_not_synced() -> None:
    """Some crash point leaves a registration in the log that no disk has; the first third of this story is a start."""
    points = points_of(scenarios()[0])
    ended = (crash_after(points.scenario, effect) for effect in range(points.effects // 3, points.effects))
    twice = next(outcomes for outcomes in ended if len(outcomes) > 1)

    killed, cut = twice
    assert killed.violations == cut.violations == []
    assert killed.unsynced_at_crashes[0] > 0


def test_a_stopped_story_leaves_nothing_patched() -> None:
    from actors.runtime.actor import DeskActor  # noqa: PLC0415  looked at after a story

    before = DeskActor.__dict__["_create_actor_inbox"]

    tell(Story(seed=1, seconds=0.5))

    assert DeskActor.__dict__["_create_actor_inbox"] is before
    assert "_start_actor_loop" not in DeskActor.__dict__
