"""Every single point at which a short story can end, and a second end inside the recovery from the first.

A scenario is a story of a few orders. Without a crash it has so many effects; it is told again with the process ending
after the first, the second, and so on: killed, and where something was not on the disk yet, with the power. Each of its
requests also loses its reply once, after the broker has taken it.
"""

import random
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Final

from tests.simulation.stories import THEMES, seeds_of, story_of
from tests.simulation.story import CrashAt, Outcome, Story
from tests.simulation.world import tell

SECONDS: Final = 2.0
ORDERS: Final = 8
OF_THE_WORLD: Final = ("locks",)
"""The themes of the world whose ways out take other steps, so that a crash finds other states."""


def scenarios() -> tuple[Story, ...]:
    """Return the short stories whose every effect is a crash point: one of each theme."""
    found: list[Story] = []
    for theme in (*THEMES, *OF_THE_WORLD):
        told = story_of(next(seeds_of(theme, 1_000_000)))
        found.append(
            replace(
                told,
                name=theme,
                seconds=SECONDS,
                orders_max=ORDERS,
                crashes=(),
                stops=0,
                days=1,
                downtime_s_max=min(told.downtime_s_max, 1.0),
                has_begun=bool(found),
                is_short=True,
            )
        )
    return tuple(found)


@dataclass(frozen=True, slots=True)
class Points:
    """What can be done to a scenario: so many effects to die after, and requests whose reply can be lost."""

    scenario: Story
    effects: int
    requests: int

    @property
    def count(self) -> int:
        """Return how many there are: each effect killed and cut off from power, each reply lost."""
        return 2 * self.effects + self.requests

    def doubles(self, seed: int) -> Iterator[Story]:
        """Yield, without end, pairs: a crash anywhere, and a second within the recovery from it."""
        chance = random.Random(f"{seed} {self.scenario.name}")  # noqa: S311  a seed has to bring the same again
        while True:
            first = CrashAt(chance.randint(1, self.effects), power=chance.random() < 0.5)
            second = CrashAt(chance.randint(1, RECOVERY_EFFECTS), power=chance.random() < 0.5)
            yield replace(self.scenario, crashes=(first, second))


RECOVERY_EFFECTS: Final = 220
"""A start has about so many effects until everything is compared; a second crash falls within them."""


def points_of(scenario: Story) -> Points:
    """Tell the scenario once, undisturbed, and count."""
    base = tell(scenario)
    return Points(scenario, base.effects_before_quiet, base.sends)


def crash_after(scenario: Story, effect: int) -> tuple[Outcome, ...]:
    """End the scenario after this effect: killed, and by a cut of the power where that leaves another disk behind."""
    killed = tell(replace(scenario, crashes=(CrashAt(effect),)))
    if killed.violations or not any(killed.unsynced_at_crashes[:1]):
        return (killed,)
    return killed, tell(replace(scenario, crashes=(CrashAt(effect, power=True),)))
