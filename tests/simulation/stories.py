"""The stories that are told: each seed draws its own troubles, so that each kind is met alone and with others."""

import random
from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from itertools import count
from typing import Any, Final

from tests.simulation.crowd import Manners
from tests.simulation.exchange import Habits
from tests.simulation.port import Troubles
from tests.simulation.story import CrashAt, Story
from tests.simulation.worlds import WORLD_SEEDS, WORLD_THEMES

_TROUBLES: Final = {
    "reply_lost": 0.1,
    "request_lost": 0.05,
    "arrives_late": 0.05,
    "never_left": 0.05,
    "refused": 0.1,
    "rate_refused": 0.02,
    "session_dies": 0.01,
    "login_fails": 0.2,
    "book_unavailable": 0.1,
    "strange_words": 0.02,
    "update_lost": 0.3,
    "update_doubled": 0.3,
    "slow": 0.05,
}
_HABITS: Final = {"reject_later_share": 0.1, "fill_after_cancel_share": 0.3, "cancel_refused_share": 0.2}
_MANNERS: Final = {
    "stops_share": 0.4,
    "basket_share": 0.1,
    "phone_share": 0.03,
    "phone_cancel_share": 0.05,
    "halt_share": 0.03,
    "flatten_share": 0.04,
    "protect_share": 0.05,
    "stray_share": 0.1,
    "repeat_share": 0.15,
    "twice_share": 0.3,
    "cancel_share": 0.15,
    "modify_share": 0.15,
}
_MOMENTS: Final = {
    "disk_refuses": 2,
    "watcher_dies": 2,
    "watcher_hangs": 2,
    "clock_steps": 2,
    "feed_falls": 3,
    "hidings": 1,
    "blackouts": 1,
    "stops": 1,
}
SHARE_ON: Final = 0.35
"""How likely a story of everything has each kind of trouble."""


def _some(chance: random.Random, table: Mapping[str, float]) -> dict[str, Any]:
    return {name: limit * chance.random() for name, limit in table.items() if chance.random() < SHARE_ON}


def _everything(chance: random.Random) -> dict[str, Any]:
    return {
        "troubles": Troubles(**_some(chance, _TROUBLES), update_late_s=chance.choice((0.01, 0.05, 0.5))),
        "habits": Habits(
            **_some(chance, _HABITS),
            partial_share=chance.choice((0.0, 0.2, 0.7)),
            fill_share=chance.choice((0.3, 0.9)),
        ),
        "manners": replace(
            Manners(**_some(chance, _MANNERS)),
            strategies=chance.choice((3, 8, 16)),
            deeds_per_s=chance.choice((3.0, 8.0, 16.0)),
        ),
        "crashes": _crashes(chance, chance.choice((0, 0, 1, 2))),
        "dawdle_share": chance.choice((0.0, 0.0, 0.05)),
        "days": chance.choice((1, 1, 1, 2)),
        **{name: chance.randint(1, limit) for name, limit in _MOMENTS.items() if chance.random() < SHARE_ON},
    }


LATE_S_AFTER_A_CRASH: Final = 4.5
"""A request on the wire comes within the window of proof (`PROOF_S`): a start opens it anew, however soon it comes."""


def _crashes(chance: random.Random, limit: int) -> tuple[CrashAt, ...]:
    return tuple(
        CrashAt(chance.choice((chance.randint(1, 400), chance.randint(1, 3_000))), power=chance.random() < 0.4)
        for _ in range(limit)
    )


def _lost_replies(chance: random.Random) -> dict[str, Any]:
    troubles = Troubles(
        reply_lost=0.2,
        request_lost=0.2,
        arrives_late=0.2,
        late_s_max=7.5,
        update_lost=0.9,
        book_unavailable=chance.choice((0.0, 0.4)),
    )
    return {"troubles": troubles, "habits": Habits(fill_share=0.3), "blackouts": chance.randint(0, 2)}


def _first_orders(chance: random.Random) -> dict[str, Any]:
    """What happens when nothing has been seen yet: no earlier book says what a later one lacks."""
    orders_max = chance.randint(1, 4)
    crashes = _crashes(chance, chance.randint(0, 1))
    late_s_max = LATE_S_AFTER_A_CRASH if crashes else 7.5
    return {
        "orders_max": orders_max,
        "manners": Manners(strategies=2, deeds_per_s=2.0),
        "troubles": Troubles(reply_lost=0.7, arrives_late=0.3, late_s_max=late_s_max, update_lost=1.0),
        "blackouts": 3,
        "crashes": crashes,
    }


def _restarts(chance: random.Random) -> dict[str, Any]:
    return {
        "crashes": _crashes(chance, chance.randint(2, 5)),
        "troubles": Troubles(reply_lost=0.1, update_lost=0.3),
        "manners": Manners(strategies=16, deeds_per_s=20.0, repeat_share=0.1),
    }


def _halts(chance: random.Random) -> dict[str, Any]:
    return {
        "manners": Manners(strategies=40, deeds_per_s=chance.choice((8.0, 40.0)), halt_share=0.02),
        "troubles": Troubles(flight_s_max=chance.choice((0.02, 0.8))),
        "crashes": _crashes(chance, chance.randint(0, 4)),
        "disk_refuses": chance.randint(0, 1),
    }


def _days(chance: random.Random) -> dict[str, Any]:
    return {
        "days": 2,
        "abrupt_ends": True,
        "habits": Habits(fill_share=0.4, partial_share=0.4),
        "troubles": Troubles(reply_lost=0.1, request_lost=0.05, update_lost=0.3),
        "manners": Manners(phone_share=chance.choice((0.0, 0.0, 0.05))),
        "rules": ("never waits",),
    }


def _gate(chance: random.Random) -> dict[str, Any]:
    return {
        "troubles": Troubles(reply_lost=0.3, session_dies=chance.choice((0.0, 0.05)), update_lost=0.8, slow=0.05),
        # Where nothing trades, an order book with fewer rows has no other book to contradict it.
        "habits": Habits(fill_share=chance.choice((0.0, 0.9))),
        "manners": Manners(strategies=16),
        "seconds": 16.0,
        "hidings": chance.randint(1, 3),
        "watcher_hangs": chance.randint(0, 2),
        "watcher_dies": chance.randint(0, 2),
        "blackouts": chance.randint(0, 1),
    }


def _late_truths(chance: random.Random) -> dict[str, Any]:
    return {
        "habits": Habits(fill_share=0.2, fill_after_cancel_share=0.6, cancel_refused_share=0.2, reject_later_share=0.1),
        "manners": Manners(
            cancel_share=0.3,
            modify_share=0.1,
            change_again_share=0.9,
            phone_cancel_share=0.1,
            stray_share=chance.choice((0.0, 0.3)),
            stops_share=chance.choice((0.0, 0.8)),
            turn_share=0.8,
        ),
        "troubles": Troubles(update_lost=chance.choice((0.0, 0.6)), update_doubled=0.5),
        "dawdle_share": chance.choice((0.0, 0.1)),
    }


def _late_stops(chance: random.Random) -> dict[str, Any]:
    """Entries that trade after they were canceled, under the eyes of one who looks all the time and is slow."""
    return {
        "habits": Habits(
            fill_share=chance.choice((0.1, 0.4)), fill_after_cancel_share=0.9, partial_share=chance.choice((0.0, 0.5))
        ),
        "settings": {"stops": {"look_s": 0.01}, "exits": {"flat_for_s": chance.choice((0.2, 1.0))}},
        "manners": Manners(cancel_share=0.5, stops_share=1.0, exit_share=0.0, deeds_per_s=chance.choice((8.0, 16.0))),
        "dawdle_share": chance.choice((0.1, 0.4)),
    }


def _stops(chance: random.Random) -> dict[str, Any]:
    return {
        "manners": Manners(stops_share=0.9, protect_share=0.1, deeds_per_s=4.0),
        "habits": Habits(walk_ticks=10, partial_share=0.5),
        "settings": {"stops": {"look_s": chance.choice((1.0, 0.02))}},
        "crashes": _crashes(chance, chance.randint(0, 3)),
        "feed_falls": chance.randint(0, 2),
        "dawdle_share": chance.choice((0.0, 0.1)),
    }


def _others(chance: random.Random) -> dict[str, Any]:
    return {
        "manners": Manners(phone_share=0.08, phone_cancel_share=0.05, basket_share=chance.choice((0.0, 0.2))),
        "troubles": Troubles(update_lost=0.3),
        "habits": Habits(partial_share=0.4, fill_share=0.5),
    }


def _disk(chance: random.Random) -> dict[str, Any]:
    return {
        "disk_refuses": chance.randint(2, 4),
        "other_writers": chance.choice((0, 0, 1, 2)),
        "crashes": _crashes(chance, chance.randint(0, 2)),
        "troubles": Troubles(
            update_lost=0.3,
            reply_lost=0.1,
            arrives_late=chance.choice((0.0, 0.3)),
            late_s_max=LATE_S_AFTER_A_CRASH,
        ),
        "manners": Manners(repeat_share=chance.choice((0.05, 0.2)), twice_share=chance.choice((0.05, 0.2))),
        "disk_locks": chance.randint(0, 2),
        "start_lock_share": chance.choice((0.0, 0.6)),
        "journal_refuses": chance.choice((0, 2, 4)),
        "downtime_s_max": chance.choice((0.3, 2.0)),
    }


def _clocks(chance: random.Random) -> dict[str, Any]:
    return {
        "clock_steps": chance.randint(2, 4),
        "crashes": _crashes(chance, chance.randint(2, 4)),
        "troubles": Troubles(reply_lost=0.1, request_lost=0.3, update_lost=0.5),
    }


def _flood(chance: random.Random) -> dict[str, Any]:
    return {
        "manners": Manners(strategies=40, deeds_per_s=40.0, twice_share=0.4, repeat_share=0.2, cancel_share=0.1),
        "troubles": Troubles(slow=chance.choice((0.0, 0.1)), flight_s_max=chance.choice((0.02, 0.3))),
        "habits": Habits(fill_share=0.5),
        "crashes": _crashes(chance, chance.randint(0, 4)),
        "downtime_s_max": chance.choice((0.1, 2.0)),
        "dawdle_share": chance.choice((0.0, 0.3)),
    }


def _quick_restarts(chance: random.Random) -> dict[str, Any]:
    """A desk that dies at full speed and is back at once: the broker's seconds do not begin anew."""
    return {
        "manners": Manners(strategies=40, deeds_per_s=chance.choice((20.0, 60.0)), cancel_share=0.2),
        "troubles": Troubles(flight_s_max=0.01),
        "habits": Habits(fill_share=0.9),
        "crashes": tuple(CrashAt(chance.randint(300, 2_500)) for _ in range(8)),
        "downtime_s_max": 0.05,
    }


def _ways_out(chance: random.Random) -> dict[str, Any]:
    return {
        "manners": Manners(
            flatten_share=0.2, cancel_share=0.1, basket_share=0.05, exit_share=chance.choice((0.05, 0.5))
        ),
        "habits": Habits(reject_later_share=0.2, fill_share=0.5, partial_share=0.4),
        "troubles": Troubles(
            refused=chance.choice((0.1, 0.5)), reply_lost=0.05, never_left=0.05, login_fails=0.3, session_dies=0.01
        ),
        "crashes": _crashes(chance, chance.randint(0, 5)),
    }


THEMES: Final[Mapping[str, Callable[[random.Random], dict[str, Any]]]] = {
    "everything": _everything,
    "lost replies": _lost_replies,
    "first orders": _first_orders,
    "restarts": _restarts,
    "halts": _halts,
    "days": _days,
    "sight": _gate,
    "late truths": _late_truths,
    "late stops": _late_stops,
    "stops": _stops,
    "others": _others,
    "disk": _disk,
    "clocks": _clocks,
    "flood": _flood,
    "quick restarts": _quick_restarts,
    "ways out": _ways_out,
}
"""What a story is about; seeds take them in turn."""

FIRST_STARTS: Final = 10
"""One story of so many begins with the first start of all, which makes the database."""
ALL_THEMES: Final = {**THEMES, **WORLD_THEMES}


def story_of(seed: int, seconds: float = 10.0) -> Story:
    """Return the story of this seed."""
    chance = random.Random(f"{seed} story")  # noqa: S311  a seed has to bring the same again
    shelf = THEMES if seed < WORLD_SEEDS else WORLD_THEMES
    theme = tuple(shelf)[seed % len(shelf)]
    begun = seed % FIRST_STARTS != 0
    return Story(**{"seed": seed, "name": theme, "seconds": seconds, "has_begun": begun, **shelf[theme](chance)})


def seeds_of(theme: str, from_: int = 0) -> Iterator[int]:
    """Return the seeds, from this one on, whose stories are about this theme."""
    shelf, begin = (THEMES, from_) if theme in THEMES else (WORLD_THEMES, from_ + WORLD_SEEDS)
    place = tuple(shelf).index(theme)
    first = begin + (place - begin) % len(shelf)
    return count(first, len(shelf))


def all_seeds() -> Iterator[int]:
    """Yield, without end, a seed of the desk's own troubles and one of the world's."""
    for number in count():
        yield number
        yield WORLD_SEEDS + number
