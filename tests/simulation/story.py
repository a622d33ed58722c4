"""A story: all that it is made from, and what came of it."""

from dataclasses import dataclass, field
from typing import Any

from tests.simulation.back_office import Checks
from tests.simulation.contracts import Customs
from tests.simulation.crowd import Manners
from tests.simulation.exchange import Habits
from tests.simulation.invariants import Violation
from tests.simulation.port import Troubles


@dataclass(frozen=True, slots=True)
class CrashAt:
    """Where a life ends: after so many effects of it; with the power, or the process alone."""

    effect: int
    power: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Story:
    """All that a story is made from. `crashes` are of the first life, the second, and so on."""

    seed: int
    name: str = ""
    seconds: float = 20.0
    orders_max: int = 1_000_000
    days: int = 1
    abrupt_ends: bool = False
    """Whether a day that is not the last ends with the process, whatever is open."""
    habits: Habits = field(default_factory=Habits)
    troubles: Troubles = field(default_factory=Troubles)
    manners: Manners = field(default_factory=Manners)
    customs: Customs = field(default_factory=Customs)
    checks: Checks = field(default_factory=Checks)
    crashes: tuple[CrashAt, ...] = ()
    stops: int = 0
    disk_refuses: int = 0
    disk_locks: int = 0
    """How often another process has locked the database for a while."""
    dies_after_lock: bool = False
    """Whether the process dies within a second after each."""
    dies_in_lock: bool = False
    """Whether it dies while the file is locked."""
    start_lock_share: float = 0.0
    """After how many of the starts one locks it at once; where the exit journal is refused too, then as well."""
    journal_refuses: int = 0
    """How often the exit journal can't be written either."""
    watcher_dies: int = 0
    watcher_hangs: int = 0
    clock_steps: int = 0
    feed_falls: int = 0
    dawdle_share: float = 0.0
    """How many of an actor's turns are followed by a while in which it does nothing."""
    blackouts: int = 0
    hidings: int = 0
    downtime_s_max: float = 2.0
    other_writers: int = 0
    missing: tuple[str, ...] = ()
    """What can't be had: `tick`, `quote`, `position row`, `band`, `tick and lot`, `instrument`, `order book`,
    `trade book`, `quota`. All the time, or in each of `outages` windows where there are any."""
    outages: int = 0
    outage_s_max: float = 12.0
    locks: int = 0
    """So often another process holds the database's file."""
    lock_s_max: float = 6.0
    ip_refusals: int = 0
    takeovers: int = 0
    """So often somebody logs in elsewhere, and the session is over without a word."""
    band_narrows: int = 0
    feed_errs: int = 0
    """So often the feed is wrong in one instrument for some seconds, inside the day's band."""
    rules: tuple[str, ...] = ()
    """The rules this story is about."""
    lose_reply_of: int | None = None
    has_begun: bool = False
    """Whether an earlier start has made the database; else the first one does, and may end amid it."""
    is_short: bool = False
    """Whether the story ends when all is resolved and flat, without two more starts."""
    settings: dict[str, Any] = field(default_factory=dict)


@dataclass(slots=True)
class Outcome:
    """What came of a story."""

    story: Story
    violations: list[Violation] = field(default_factory=list)
    digest: str = ""
    orders: int = 0
    placed: int = 0
    effects: int = 0
    effects_of_lives: list[int] = field(default_factory=list)
    effects_before_quiet: int = 0
    unsynced_at_crashes: list[int] = field(default_factory=list)
    kinds: dict[str, int] = field(default_factory=dict)
    sends: int = 0
    lives: int = 0
    days: int = 0
    turns: int = 0
    seconds: float = 0.0
    met: dict[str, int] = field(default_factory=dict)
    lines: list[str] = field(default_factory=list)
    states: dict[str, int] = field(default_factory=dict)
