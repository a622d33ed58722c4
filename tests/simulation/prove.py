"""The proof: seeds, crash points and mutants on every core; progress, a table, and a page that says what was covered.

A whole run tells stories until a million orders were submitted, ends every scenario at every single point, and hunts
every mutant. A run of so many seconds gives each part its share of them; on a busy machine, where these seconds bring
less, the hunt goes on until enough mutants are caught, or has cost as much of the processors as on a quiet one.
"""

import math
import multiprocessing
import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from itertools import islice
from multiprocessing.pool import Pool
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from tests.mutation.mutant import ROOT, apply
from tests.simulation.mutants import MUTANTS

if TYPE_CHECKING:
    from tests.simulation.cells import Ended

PAGE: Final = ROOT / "docs" / "proof.md"
ORDERS: Final = 1_000_000
DOUBLES_OF_EACH: Final = 400
MUTANT_S: Final = 90.0
"""A whole run hunts each mutant for at most so long, on one core."""
MUTANTS_IN_A_SLICE: Final = 25
"""So many mutants a run of a minute has to catch."""
SHARES: Final = {"mutants": 0.75, "seeds": 0.15, "crashes": 0.1}
"""How a run of so many seconds divides them."""
SHRINK_S: Final = 60.0
CELLS_AT_ONCE: Final = 64
THIRD_PARTIES: Final = [
    "pykka",
    "peewee",
    "playhouse.migrations",
    "pydantic",
    "pydantic_settings",
    "loguru",
    "requests",
    "websocket",
    "holidays",
    "httptools",
    "NorenRestApiPy.NorenApi",
    "filelock",
    "apprise",
]
"""Loaded once for all workers. None of our own modules: a mutant has to break its own before it is loaded."""


@dataclass(frozen=True, slots=True)
class Told:
    """What a worker brings back of its stories."""

    name: str
    orders: int = 0
    placed: int = 0
    lives: int = 0
    days: int = 0
    seconds: float = 0.0
    stories: int = 0
    points: int = 0
    cpu_s: float = 0.0
    violation: str = ""
    story: str = ""
    seed: int | None = None


def commit() -> str:
    """Return the commit that is proved, and whether the tree has changes."""
    asked = ["git", "describe", "--always", "--dirty", "--abbrev=12"]
    ran = subprocess.run(asked, cwd=ROOT, capture_output=True, text=True, check=False)
    return ran.stdout.strip() or "not a git checkout"


@dataclass(slots=True)
class Tally:
    """Owns the figures of a run."""

    began_s: float = field(default_factory=time.monotonic)
    commit: str = field(default_factory=commit)
    seeds: int = 0
    orders: int = 0
    placed: int = 0
    lives: int = 0
    days: int = 0
    seconds: float = 0.0
    scenarios: int = 0
    points: int = 0
    points_there_are: int = 0
    pairs: int = 0
    cells: str = "not run"
    ways_out: "list[Ended]" = field(default_factory=list)
    caught: list[tuple[str, int, int, str]] = field(default_factory=list)
    missed: list[str] = field(default_factory=list)
    violations: list[Told] = field(default_factory=list)

    @property
    def wall_s(self) -> float:
        return time.monotonic() - self.began_s

    def add(self, told: Told) -> None:
        """Count what stories did."""
        self.orders += told.orders
        self.placed += told.placed
        self.lives += told.lives
        self.days += told.days
        self.seconds += told.seconds
        if told.violation:
            self.violations.append(told)
            say(f"VIOLATION in {told.name}: {told.violation}")


def say(line: str) -> None:
    """Show progress."""
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


# what the workers do


def tell_seed(seed: int) -> Told:
    """Tell the story of a seed."""
    from tests.simulation.stories import story_of  # noqa: PLC0415  a worker loads it, after a mutant was applied

    return _gist(story_of(seed), f"seed {seed}")


def tell_crash(given: tuple[int, int]) -> Told:
    """End a scenario after an effect: killed, and without power."""
    from tests.simulation.crashes import crash_after, scenarios  # noqa: PLC0415  as above

    scenario = scenarios()[given[0]]
    return _gist_of(crash_after(scenario, given[1]), f"{scenario.name}, crash after {given[1]}", points=2)


def tell_lost_reply(given: tuple[int, int]) -> Told:
    """Lose the reply to one request of a scenario."""
    from dataclasses import replace  # noqa: PLC0415  as above

    from tests.simulation.crashes import scenarios  # noqa: PLC0415  as above

    scenario = scenarios()[given[0]]
    return _gist(replace(scenario, lose_reply_of=given[1]), f"{scenario.name}, reply {given[1]} lost", points=1)


def tell_doubles(given: tuple[int, int, int]) -> Told:
    """End a scenario twice, so many times: the second end falls into the recovery from the first."""
    from tests.simulation.crashes import points_of, scenarios  # noqa: PLC0415  as above
    from tests.simulation.world import tell  # noqa: PLC0415  as above

    place, seed, times = given
    points = points_of(scenarios()[place])
    told = [tell(story) for story in islice(points.doubles(seed), times)]
    return _gist_of(told, f"{points.scenario.name}, two crashes", points=times)


def count_points(place: int) -> tuple[int, int, int, int]:
    """Return a scenario's place, effects, requests and crash points."""
    from tests.simulation.crashes import points_of, scenarios  # noqa: PLC0415  as above

    points = points_of(scenarios()[place])
    return place, points.effects, points.requests, points.count


def hunt(given: tuple[int, int, float]) -> Told:
    """Break one place in this process, and tell stories until the judge sees it: for so long on the processor."""
    place, from_, within_s = given
    mutant = MUTANTS[place]
    apply(mutant)
    from tests.simulation.stories import seeds_of, story_of  # noqa: PLC0415  as above
    from tests.simulation.world import tell  # noqa: PLC0415  as above

    began = time.process_time()
    for stories, seed in enumerate(seeds_of(mutant.theme, from_), start=1):
        told = tell(story_of(seed))
        if told.violations:
            first = told.violations[0]
            return Told(
                mutant.name,
                stories=stories,
                cpu_s=time.process_time(),
                violation=first.invariant,
                story=first.words,
                seed=seed,
            )
        if time.process_time() - began > within_s:
            break
    return Told(mutant.name, stories=stories, cpu_s=time.process_time())


def _gist(story: Any, name: str, points: int = 0) -> Told:  # noqa: ANN401  a story; its module is loaded late
    from tests.simulation.world import tell  # noqa: PLC0415  as above

    return _gist_of([tell(story)], name, points)


def _gist_of(told: Iterable[Any], name: str, points: int = 0) -> Told:
    from tests.simulation.shrink import shrink, words_of  # noqa: PLC0415  as above

    outcomes = list(told)
    bad = next((one for one in outcomes if one.violations), None)
    return Told(
        name,
        orders=sum(one.orders for one in outcomes),
        placed=sum(one.placed for one in outcomes),
        lives=sum(one.lives for one in outcomes),
        days=sum(one.days for one in outcomes),
        seconds=sum(one.seconds for one in outcomes),
        points=points,
        violation="" if bad is None else bad.violations[0].invariant,
        story="" if bad is None else words_of(shrink(bad, SHRINK_S)),
    )


# the parts of a run


def hunt_mutants(workers: int, within_s: float | None, tally: Tally) -> None:
    """Hunt every mutant in a process of its own; with bounded time, stop when it is over and enough are caught.

    Fewer than enough end the hunt when they have cost as many seconds on the processors as the time has on idle ones.
    """
    each_s = MUTANT_S if within_s is None else max(8.0, within_s / 4)
    jobs = [(place, 0, each_s) for place in range(len(MUTANTS))]
    cpu_s_max = math.inf if within_s is None else within_s * min(workers, os.cpu_count() or 1)
    ends_at = None if within_s is None else time.monotonic() + within_s
    cpu_s, done = 0.0, 0
    with _pool(workers, tasks=1) as pool:
        results = pool.imap_unordered(hunt, jobs)
        while True:
            over = len(tally.caught) >= MUTANTS_IN_A_SLICE or cpu_s >= cpu_s_max
            told = next(_until(results, ends_at if over else None), None)
            if told is None:
                break
            cpu_s, done = cpu_s + told.cpu_s, done + 1
            if told.seed is None:
                tally.missed.append(told.name)
                say(f"  mutant {done:>2}/{len(MUTANTS)}  LIVES after {told.stories} stories: {told.name}")
            else:
                tally.caught.append((told.name, told.stories, told.seed, told.violation))
                where = f"seed {told.seed}, story {told.stories}, {cpu_s:.0f} s on processors so far"
                say(f"  mutant {done:>2}/{len(MUTANTS)}  {told.name}: caught by {told.violation!r} ({where})")
        pool.terminate()


def tell_seeds(workers: int, orders: int, within_s: float | None, tally: Tally) -> None:
    """Tell one story after the other until so many orders were submitted, or the time is over."""
    ends_at = None if within_s is None else time.monotonic() + within_s
    shown = 0
    with _pool(workers) as pool:
        from tests.simulation.stories import all_seeds  # noqa: PLC0415  needs the desk, and may come last

        for told in _until(pool.imap_unordered(tell_seed, all_seeds()), ends_at):
            tally.seeds += 1
            tally.add(told)
            if tally.orders * 20 // orders > shown:
                shown = tally.orders * 20 // orders
                say(f"  {tally.orders:>9,} orders in {tally.seeds:,} stories, {len(tally.violations)} violations")
            if tally.orders >= orders:
                break
        pool.terminate()


def crash_everywhere(workers: int, within_s: float | None, tally: Tally) -> None:
    """End every scenario at every point; then pairs of ends."""
    ends_at = None if within_s is None else time.monotonic() + within_s
    with _pool(workers) as pool:
        from tests.simulation.crashes import scenarios  # noqa: PLC0415  needs the desk, and may come last

        places = range(len(scenarios()))
        counted = sorted(pool.imap_unordered(count_points, places))
        tally.scenarios = len(counted)
        tally.points_there_are = sum(points for *_, points in counted)
        crashes = ((place, effect) for place, effects, _, _ in counted for effect in range(1, effects + 1))
        replies = ((place, number) for place, _, requests, _ in counted for number in range(1, requests + 1))
        doubles = ((place, 1, DOUBLES_OF_EACH // 10) for _ in range(10) for place in places)
        jobs: tuple[tuple[Callable[[Any], Told], Iterator[Any]], ...] = (
            (tell_lost_reply, replies),
            (tell_crash, crashes),
            (tell_doubles, doubles),
        )
        shown = 0
        for work, given in jobs:
            for told in _until(pool.imap_unordered(work, given), ends_at):
                if work is tell_doubles:
                    tally.pairs += told.points
                else:
                    tally.points += told.points
                tally.add(told)
                if tally.points * 10 // tally.points_there_are > shown:
                    shown = tally.points * 10 // tally.points_there_are
                    say(f"  {tally.points:,} of {tally.points_there_are:,} crash points")
        pool.terminate()


def run_matrix(tally: Tally) -> None:
    """Run the matrix of faults on real processes, and keep its last line."""
    ran = subprocess.run(
        [sys.executable, "-m", "tests.proofs.faults"], cwd=ROOT, capture_output=True, text=True, check=False
    )
    ends = [line for line in ran.stdout.splitlines() if "cells ended well" in line]
    tally.cells = ends[0].rstrip(".") if ends else "did not end"
    if ran.returncode:
        tally.violations.append(Told("fault matrix", violation="fault matrix", story=ran.stdout))


def try_every_way_out(workers: int, tally: Tally) -> None:
    """Run every cell: each way out while each subset of what the desk leans on is missing."""
    from tests.simulation.cells import COUNT  # noqa: PLC0415  needs the desk, and may come last

    starts = range(0, COUNT, CELLS_AT_ONCE)
    with _pool(workers) as pool:
        for done, ended in enumerate(pool.imap_unordered(run_cells, starts), start=1):
            tally.ways_out.extend(ended)
            for one in ended:
                if not one.is_well and not one.is_pending:
                    words = f"missing: {', '.join(one.cell.missing) or 'nothing'}; told: {one.told or 'nothing'}"
                    tally.add(Told(one.cell.way, violation=one.violation or "way out", story=words))
            if done % (len(starts) // 4) == 0:
                say(f"  {len(tally.ways_out):,} of {COUNT:,} cells")


def run_cells(start: int) -> "list[Ended]":
    """Run so many cells, from this one on."""
    from tests.simulation.cells import cells, run  # noqa: PLC0415  as above

    return [run(cell) for cell in islice(cells(), start, start + CELLS_AT_ONCE)]


def _pool(workers: int, tasks: int | None = None) -> Pool:
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(THIRD_PARTIES)
    return context.Pool(workers, maxtasksperchild=tasks)


def _until(results: Any, ends_at: float | None) -> Iterator[Told]:  # noqa: ANN401  the pool's own iterator
    """Yield results as they come, until the time is over."""
    while True:
        left = None if ends_at is None else ends_at - time.monotonic()
        if left is not None and left <= 0:
            return
        try:
            yield results.next(left)
        except (StopIteration, multiprocessing.TimeoutError):
            return


# what is shown


def table_of(tally: Tally) -> list[tuple[str, str]]:
    """Return the figures, a line each."""
    return [
        ("commit", tally.commit),
        ("stories (seeds)", f"{tally.seeds:,}"),
        ("orders submitted, all stories", f"{tally.orders:,}"),
        ("of them taken by the exchange", f"{tally.placed:,}"),
        ("simulated trading days", f"{tally.days:,}"),
        ("simulated hours", f"{tally.seconds / 3600:,.0f}"),
        ("starts of the desk", f"{tally.lives:,}"),
        ("scenarios for crashes", f"{tally.scenarios:,}"),
        ("single crash points covered", f"{tally.points:,} of {tally.points_there_are:,}"),
        ("pairs of crashes, sampled", f"{tally.pairs:,}"),
        ("ways out with anything missing", _ways_out(tally)),
        ("fault matrix on real processes", tally.cells),
        ("mutants caught", f"{len(tally.caught)} of {len(MUTANTS)}"),
        ("violations", f"{len(tally.violations)}"),
        ("wall time", f"{tally.wall_s:,.0f} s on {os.cpu_count()} cores"),
    ]


def _ways_out(tally: Tally) -> str:
    if not tally.ways_out:
        return "not run"
    return f"{sum(one.is_well for one in tally.ways_out):,} of {len(tally.ways_out):,} cells ended well"


def write_page(tally: Tally, page: Path = PAGE) -> None:
    """Write docs/proof.md anew."""
    from tests.simulation.page import page_of  # noqa: PLC0415  needs the desk's own tables

    page.write_text(page_of(table_of(tally), tally.caught, tally.missed, tally.ways_out), encoding="utf-8")


def prove(*, seconds: float | None, orders: int, workers: int, page: bool) -> int:
    """Run the proof; return 1 when something was broken, or the judge caught too little."""
    tally = Tally()
    share = {name: None if seconds is None else seconds * part for name, part in SHARES.items()}
    say("Mutants: is the judge worth anything?")
    hunt_mutants(workers, share["mutants"], tally)
    say("Seeds: every kind of trouble, every order of events.")
    tell_seeds(workers, orders, share["seeds"], tally)
    say("Crashes: after every effect.")
    crash_everywhere(workers, share["crashes"], tally)
    if seconds is None:
        say("Ways out: every one of them, with anything missing.")
        try_every_way_out(workers, tally)
        say("Faults: every request on real processes.")
        run_matrix(tally)
    say("")
    for name, figure in table_of(tally):
        say(f"{name:34} {figure}")
    for told in tally.violations:
        say(f"\n{told.name}\n{told.story}")
    if page:
        write_page(tally)
        say(f"\nWritten to {PAGE.relative_to(ROOT)}.")
    wanted = len(MUTANTS) if seconds is None else MUTANTS_IN_A_SLICE
    if len(tally.caught) < wanted:
        say(f"\nThe judge caught {len(tally.caught)} mutants; {wanted} are wanted.")
    return 1 if tally.violations or len(tally.caught) < wanted else 0
