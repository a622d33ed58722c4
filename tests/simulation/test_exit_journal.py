"""Exits while the database is locked, and while the exit journal can't be written either: killed at every effect."""

import random
from dataclasses import replace
from typing import Final

import pytest

from tests.simulation.crowd import Manners
from tests.simulation.exchange import Habits
from tests.simulation.port import Troubles
from tests.simulation.story import CrashAt, Story
from tests.simulation.world import tell

LOCKED: Final = Story(
    seed=5,
    name="exits while the database is locked",
    seconds=6.0,
    orders_max=24,
    is_short=True,
    downtime_s_max=0.5,
    manners=Manners(strategies=4, deeds_per_s=9.0, repeat_share=0.2, flatten_share=0.05, exit_share=0.95),
    habits=Habits(fill_share=0.9, partial_share=0.2),
    troubles=Troubles(reply_lost=0.1, update_lost=0.3),
)
STORIES: Final = {
    "locked": replace(LOCKED, disk_locks=2),
    "full": replace(LOCKED, disk_refuses=4),
    "nothing can be written": replace(LOCKED, journal_refuses=2),
}
POINTS: Final = 25
"""So many of a story's effects are drawn for one run of the tests."""


@pytest.mark.parametrize("name", STORIES)
def test_whatever_is_killed_meanwhile_an_exit_is_sent_once(name: str) -> None:
    story = STORIES[name]
    base = tell(story)
    assert base.violations == []
    chance = random.Random(name)  # noqa: S311  a seed has to bring the same again
    effects = chance.sample(range(1, base.effects_before_quiet), POINTS)

    for effect in effects:
        told = tell(replace(story, crashes=(CrashAt(effect, power=chance.random() < 0.5), CrashAt(effect // 2))))

        assert told.violations == [], f"killed at {effect}"


@pytest.mark.parametrize("name", ["locked", "nothing can be written"])
def test_exits_leave_meanwhile(name: str) -> None:
    """The stories are about what they say: seeds in which the journal is written, or the broker asked."""
    kinds = [tell(replace(STORIES[name], seed=seed)) for seed in range(6)]

    assert all(one.violations == [] for one in kinds)
    assert sum(one.kinds.get("journal", 0) for one in kinds) > 6 * 4
