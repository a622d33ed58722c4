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
    # One that no disk knew and that still rests after a kill counts as an order of others: it holds no exit back.
    "nothing can be written": replace(LOCKED, journal_refuses=2, habits=Habits(fill_share=1.0, partial_share=0.0)),
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


@pytest.mark.parametrize(
    ("name", "word"), [("locked", "OrderRegistered"), ("nothing can be written", "RegistrationFailed")]
)
def test_the_stories_are_about_what_they_say(name: str, word: str) -> None:
    """Exits leave past the database: kept in the exit journal, or looked for at the broker."""
    heard: list[str] = []
    for seed in range(6):
        told = tell(replace(STORIES[name], seed=seed), heard.append)
        assert told.violations == []

    assert any(f"CommandActor <- {word}" in line for line in heard)
    assert any("CommandActor <- EventUnrecorded" in line for line in heard)
    assert any("CommandActor <- TagLookedUp" in line for line in heard) is (name != "locked")
