"""The shortest story that still goes wrong, in words, and the command that tells it again."""

import json
import time
from collections.abc import Iterator
from dataclasses import asdict, fields, replace
from pathlib import Path
from typing import Any, Final

from tests.simulation.back_office import Checks
from tests.simulation.contracts import Customs
from tests.simulation.crowd import Manners
from tests.simulation.exchange import Habits
from tests.simulation.invariants import INVARIANTS
from tests.simulation.port import Troubles
from tests.simulation.story import CrashAt, Outcome, Story
from tests.simulation.world import tell

FOUND: Final = Path(__file__).with_name("found.json")
"""What was found and mended, each with the shortest story that shows it."""
MOMENTS: Final = (
    "stops",
    "disk_refuses",
    "watcher_dies",
    "watcher_hangs",
    "clock_steps",
    "feed_falls",
    "blackouts",
    "hidings",
    "other_writers",
    "outages",
    "locks",
    "ip_refusals",
    "takeovers",
    "band_narrows",
    "feed_errs",
)
PARTS: Final[tuple[tuple[str, Any], ...]] = (
    ("troubles", Troubles),
    ("habits", Habits),
    ("manners", Manners),
    ("customs", Customs),
    ("checks", Checks),
)
LISTS: Final = ("missing", "rules")
PLAIN: Final[dict[str, Any]] = {"days": 1, "dawdle_share": 0.0, "settings": {}}
LINES_SHOWN: Final = 30


def shrink(failed: Outcome, within_s: float) -> Outcome:
    """Take away what the violation does not need, for at most so many seconds; return the shortest that was found."""
    ends_at = time.monotonic() + within_s
    best = _cut_short(failed)
    changed = True
    while changed and time.monotonic() < ends_at:
        changed = False
        for simpler in _simpler(best.story):
            if time.monotonic() >= ends_at:
                break
            told = tell(simpler)
            if told.violations and told.violations[0].invariant == failed.violations[0].invariant:
                best, changed = told, True
                break
    return best


def _cut_short(failed: Outcome) -> Outcome:
    """Let the story end soon after the violation, where that is enough to see it again."""
    first = failed.violations[0]
    if first.at_s >= failed.story.seconds:
        return failed
    told = tell(replace(failed.story, seconds=first.at_s + 0.01))
    return told if told.violations and told.violations[0].invariant == first.invariant else failed


def _simpler(story: Story) -> Iterator[Story]:
    """Yield the story with one thing less, the greatest first."""
    for place in range(len(story.crashes)):
        yield replace(story, crashes=story.crashes[:place] + story.crashes[place + 1 :])
    yield from (_with(story, name, 0) for name in MOMENTS if getattr(story, name))
    for place in range(len(story.missing)):
        yield replace(story, missing=story.missing[:place] + story.missing[place + 1 :])
    for part, _ in PARTS:
        whole = getattr(story, part)
        plain = type(whole)()
        if whole != plain:
            yield _with(story, part, plain)
        for one in fields(whole):
            if getattr(whole, one.name) != getattr(plain, one.name):
                yield _with(story, part, _with(whole, one.name, getattr(plain, one.name)))
    yield from (replace(story, **{name: plain}) for name, plain in PLAIN.items() if getattr(story, name) != plain)
    if story.manners.strategies > 1:
        yield replace(story, manners=replace(story.manners, strategies=story.manners.strategies // 2))
    if story.seconds > 1:
        yield replace(story, seconds=story.seconds / 2)
    limit = min(story.orders_max, 64)
    if limit > 1:
        yield replace(story, orders_max=limit // 2)
        yield replace(story, orders_max=limit - 1)


def _with(whole: Any, name: str, value: Any) -> Any:  # noqa: ANN401  any part of a story
    return replace(whole, **{name: value})


def text_of(told: Outcome) -> str:
    """Tell in words what went wrong, in which story, and how to tell it again."""
    first, story = told.violations[0], told.story
    lines = [
        f"Broken: {INVARIANTS[first.invariant]}.",
        f"  {first.message} (at {first.at_s:.3f} s, after effect {first.effect}, in life {told.lives})",
        f"Story: {story.name or 'a story'} of seed {story.seed}, {story.seconds:g} s, {told.orders} orders; "
        + ("; ".join(_unusual(story)) or "nothing unusual"),
        "What the exchange did last:",
        *(f"  {line}" for line in told.lines[-LINES_SHOWN:]),
        f"Again: python -m tests.simulation replay '{to_json(story)}'",
    ]
    return "\n".join(lines)


def _unusual(story: Story) -> Iterator[str]:
    for crash in story.crashes:
        yield f"{'power cut' if crash.power else 'killed'} after {crash.effect} effects"
    for name in (*MOMENTS, "lose_reply_of"):
        if getattr(story, name):
            yield f"{name} {getattr(story, name)}"
    if story.missing:
        yield f"missing {', '.join(story.missing)}"
    for name, _ in PARTS:
        part = getattr(story, name)
        plain = type(part)()
        for one in fields(part):
            if getattr(part, one.name) != getattr(plain, one.name):
                yield f"{one.name} {getattr(part, one.name):.3g}"


def to_json(story: Story) -> str:
    """Return a story in one line: what differs from an ordinary one."""
    plain = asdict(Story(seed=story.seed))
    told = {name: value for name, value in asdict(story).items() if name == "seed" or value != plain[name]}
    for part, _ in PARTS:
        if part in told:
            told[part] = {name: value for name, value in told[part].items() if value != plain[part][name]}
    return json.dumps(told)


def from_json(text: str) -> Story:
    """Return the story that `to_json` wrote."""
    given: dict[str, Any] = json.loads(text)
    for part, kind in PARTS:
        if part in given:
            given[part] = kind(**given[part])
    given |= {name: tuple(given[name]) for name in LISTS if name in given}
    given["crashes"] = tuple(CrashAt(**one) for one in given.get("crashes", ()))
    return Story(**given)


def kept_story(mutant: str) -> Story | None:
    """Return the story that is kept because it shows this mutant; None where none is."""
    found = json.loads(FOUND.read_text(encoding="utf-8"))
    return next((from_json(json.dumps(one["story"])) for one in found if one["mutant"] == mutant), None)
