"""The proof: seeds, crash points and mutants on every core; progress, a table, and a page that says what was covered.

A whole run hunts every mutant, ends every scenario at every single point, tells stories until 800,000 orders were
submitted in all, and tries every way out with anything missing. What it has done it keeps in `build/proof/`, so that a
run that was ended goes on where it stopped, and ends with the same figures. A run of so many seconds keeps nothing and
gives each part its share of them; on a busy machine, where these seconds bring less, the hunt goes on until enough
mutants are caught, or has cost as much of the processors as on a quiet one.
"""

import math
import multiprocessing
import multiprocessing.forkserver
import os
import signal
import sys
import time
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field, fields, replace
from itertools import islice
from multiprocessing.pool import Pool
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, Self

from tests.mutation.bench import in_a_group
from tests.mutation.kept import INTERRUPTED, Kept
from tests.mutation.mutant import ROOT, apply
from tests.simulation.kept_runs import commit
from tests.simulation.mutants import MUTANTS

if TYPE_CHECKING:
    from tests.simulation.cells import Ended

PAGE: Final = ROOT / "docs" / "proof.md"
ORDERS: Final = 800_000
DOUBLES_OF_EACH: Final = 40
MUTANT_S: Final = 90.0
"""A whole run hunts each mutant for at most so long, on one core."""
MUTANTS_IN_A_SLICE: Final = 10
"""So many mutants a run of half a minute has to catch."""
SHARES: Final = {"mutants": 0.75, "crashes": 0.1, "stories": 0.15}
"""How a run of so many seconds divides them."""
SHRINK_S: Final = 60.0
AT_ONCE: Final = 8
"""So many stories, crash points or pairs of them a worker of a whole run tells before they are kept."""
CELLS_AT_ONCE: Final = 64
ENDS: Final = {signal.SIGINT, signal.SIGTERM}
FAULTS_AT_ONCE: Final = 8
"""The matrix waits more than it works: eight of its cells keep two cores half busy."""
THIRD_PARTIES: Final = [
    "pykka",
    "peewee",
    "playhouse.migrations",
    "pydantic",
    "pydantic_settings",
    "loguru",
    "requests",
    "websockets.sync.client",
    "holidays",
    "httptools",
    "NorenRestApiPy.NorenApi",
    "filelock",
    "apprise",
]
"""Loaded once for all workers. None of our own modules: a mutant has to break its own before it is loaded."""

Unit = tuple[str | int | float, ...]
"""What is told, and kept, as one: the part of the run that it belongs to, and where in it."""
Crew = Callable[[str, Iterator[Unit], Callable[[], float | None]], Iterator[tuple[Unit, "Told"]]]
"""Tells the units of a part until there are none, or until the moment that it is told each time before it waits."""

STORY_S: Final = 20.0
"""A story whose theme says nothing else lasts so long; how it ends costs the same as with half of it."""
STARTS_TWICE_ONE_IN: Final = 4
"""Of so many hundreds of stories those of one are followed by two more starts, which have to change nothing."""
KEPT: Final = -1
"""In the place of a seed: the story that is kept in found.json."""


@dataclass(frozen=True, slots=True)
class Broken:
    """A violation: where it was seen, by which rule, and the shortest story that shows it."""

    name: str
    rule: str
    story: str


@dataclass(frozen=True, slots=True)
class Told:
    """What comes of a unit. `effects` and `requests` are what a scenario has; the last four are a hunt's."""

    stories: int = 0
    orders: int = 0
    placed: int = 0
    lives: int = 0
    days: int = 0
    seconds: float = 0.0
    points: int = 0
    effects: int = 0
    requests: int = 0
    ends: str = ""
    broken: tuple[Broken, ...] = ()
    cells: tuple[tuple[int, float | None, float | None, str, str], ...] = ()
    """Of each cell its number, and what `Ended` says of it."""
    cpu_s: float = 0.0
    mutant: str = ""
    seen_by: str = ""
    seed: int = KEPT

    def __add__(self, other: Self) -> Self:
        return type(self)(*(getattr(self, one.name) + getattr(other, one.name) for one in fields(self)))

    def to_json(self) -> dict[str, Any]:
        """Return what is not as usual."""
        told = {one.name: getattr(self, one.name) for one in fields(self) if getattr(self, one.name) != one.default}
        return {**told, "broken": [asdict(one) for one in self.broken]} if self.broken else told

    @classmethod
    def from_json(cls, kept: dict[str, Any]) -> Self:
        """Return what `to_json` wrote."""
        broken = tuple(Broken(**one) for one in kept.get("broken", ()))
        return cls(**{**kept, "broken": broken, "cells": tuple(tuple(one) for one in kept.get("cells", ()))})


NOTHING: Final = Told()


@dataclass(slots=True)
class Tally:
    """Owns the figures of a run."""

    began_s: float = field(default_factory=time.monotonic)
    commit: str = field(default_factory=commit)
    parts: defaultdict[str, Told] = field(default_factory=lambda: defaultdict(Told))
    hunts: list[Told] = field(default_factory=list)

    @property
    def wall_s(self) -> float:
        return time.monotonic() - self.began_s

    @property
    def orders(self) -> int:
        return int(self.sum("orders"))

    @property
    def points(self) -> int:
        """Return how many single crash points were covered."""
        return self.parts["lost reply"].points + self.parts["crash"].points

    @property
    def broken(self) -> list[Broken]:
        return [one for told in self.parts.values() for one in told.broken]

    @property
    def caught(self) -> list[Told]:
        return [one for one in self.hunts if one.seen_by]

    @property
    def missed(self) -> list[Told]:
        return [one for one in self.hunts if not one.seen_by]

    @property
    def ways_out(self) -> "list[Ended]":
        """Return how each cell ended."""
        from tests.simulation.cells import Ended, cells  # noqa: PLC0415  needs the desk, and may come last

        every = tuple(cells())
        told = self.parts["cells"].cells
        return [Ended(every[number], left_s, flat_s, reason, rule) for number, left_s, flat_s, reason, rule in told]

    def sum(self, figure: str) -> float:
        """Return a figure of all parts together."""
        return float(sum(getattr(told, figure) for told in self.parts.values()))

    def add(self, part: str, told: Told) -> None:
        """Count what was told."""
        if told.mutant:
            self.hunts.append(told)
        else:
            self.parts[part] += told
        for one in told.broken:
            say(f"VIOLATION in {one.name}: {one.rule}")


def say(line: str) -> None:
    """Show progress."""
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


# what the workers do


def do(unit: Unit) -> tuple[Unit, Told]:
    """Tell a unit."""
    part, *where = unit
    return unit, PARTS[str(part)](*where)


def hunt(name: str, within_s: float) -> Told:
    """Break one place in this process, and tell stories until the judge sees it: for so long on the processor.

    Where no seed's story shows it in that time, the story that was kept of a longer hunt is told: its seed is `KEPT`.
    """
    mutant = next(one for one in MUTANTS if one.name == name)
    apply(mutant)
    from tests.simulation.shrink import kept_story  # noqa: PLC0415  a worker loads it, after a mutant was applied
    from tests.simulation.stories import seeds_of, story_of  # noqa: PLC0415  as above
    from tests.simulation.world import tell  # noqa: PLC0415  as above

    began = time.process_time()
    hunted = Told(mutant=name)
    for stories, seed in enumerate(seeds_of(mutant.theme), start=1):
        told = tell(story_of(seed))
        seen_by = told.violations[0].invariant if told.violations else ""
        hunted = Told(stories=stories, cpu_s=time.process_time(), mutant=name, seen_by=seen_by, seed=seed)
        if seen_by or time.process_time() - began > within_s:
            break
    kept = None if hunted.seen_by else kept_story(name)
    if kept is not None and (violations := tell(kept).violations):
        return replace(hunted, stories=hunted.stories + 1, seen_by=violations[0].invariant, seed=KEPT)
    return hunted


def count_points(place: int) -> Told:
    """Tell a scenario undisturbed, and count its effects, requests and crash points."""
    from tests.simulation.crashes import points_of, scenarios  # noqa: PLC0415  as above

    points = points_of(scenarios()[place])
    return Told(stories=1, points=points.count, effects=points.effects, requests=points.requests)


def lose_replies(place: int, first: int, times: int) -> Told:
    """Lose the reply to each of so many requests of a scenario, once."""
    from dataclasses import replace  # noqa: PLC0415  as above

    from tests.simulation.crashes import scenarios  # noqa: PLC0415  as above
    from tests.simulation.world import tell  # noqa: PLC0415  as above

    scenario = scenarios()[place]
    told = (
        _gist([tell(replace(scenario, lose_reply_of=number))], f"{scenario.name}, reply {number} lost", points=1)
        for number in range(first, first + times)
    )
    return sum(told, NOTHING)


def crash(place: int, first: int, times: int) -> Told:
    """End a scenario after each of so many effects: killed, and without power."""
    from tests.simulation.crashes import crash_after, scenarios  # noqa: PLC0415  as above

    scenario = scenarios()[place]
    told = (
        _gist(crash_after(scenario, effect), f"{scenario.name}, crash after {effect}", points=2)
        for effect in range(first, first + times)
    )
    return sum(told, NOTHING)


def crash_twice(place: int, first: int, times: int) -> Told:
    """End a scenario twice, so many times: the second end falls into the recovery from the first."""
    from tests.simulation.crashes import points_of, scenarios  # noqa: PLC0415  as above
    from tests.simulation.world import tell  # noqa: PLC0415  as above

    points = points_of(scenarios()[place])
    pairs = islice(points.doubles(1), first - 1, first - 1 + times)
    told = (_gist([tell(story)], f"{points.scenario.name}, two crashes", points=1) for story in pairs)
    return sum(told, NOTHING)


def tell_stories(first: int, times: int) -> Told:
    """Tell so many stories, from the one in this place of all seeds on."""
    from tests.simulation.stories import all_seeds, story_of  # noqa: PLC0415  as above
    from tests.simulation.world import tell  # noqa: PLC0415  as above

    seeds = islice(all_seeds(), first, first + times)
    stories = (replace(story_of(seed, STORY_S), is_short=seed // 100 % STARTS_TWICE_ONE_IN != 0) for seed in seeds)
    return sum((_gist([tell(one)], f"seed {one.seed}, of {one.seconds:g} s") for one in stories), NOTHING)


def run_cells(first: int, times: int) -> Told:
    """Run so many cells, from this one on."""
    from tests.simulation.cells import cells, run  # noqa: PLC0415  as above

    told = NOTHING
    for number, cell in enumerate(islice(cells(), first, first + times), start=first):
        ended = run(cell)
        broken: tuple[Broken, ...] = ()
        if not ended.is_well:
            message = f"missing: {', '.join(cell.missing) or 'nothing'}; told: {ended.told or 'nothing'}"
            broken = (Broken(cell.way, ended.violation or "way out", message),)
        told += Told(cells=((number, ended.left_s, ended.flat_s, ended.told, ended.violation),), broken=broken)
    return told


def run_matrix() -> Told:
    """Run the matrix of faults on real processes; raise `RuntimeError` where it does not come to its end."""
    with in_a_group((sys.executable, "-m", "tests.proofs.faults", "--jobs", str(FAULTS_AT_ONCE)), ROOT) as running:
        said, _ = running.communicate()
    lines = said.splitlines()
    last = next((place for place, line in enumerate(lines) if "cells ended well" in line), None)
    if last is None:
        raise RuntimeError(f"the fault matrix did not end: {said[-2_000:]}")
    bad = Broken("fault matrix", "fault matrix", "\n".join(lines[last:]))
    return Told(ends=lines[last].rstrip("."), broken=(bad,) if running.returncode else ())


PARTS: Final[dict[str, Callable[..., Told]]] = {
    "mutant": hunt,
    "scenario": count_points,
    "lost reply": lose_replies,
    "crash": crash,
    "two crashes": crash_twice,
    "stories": tell_stories,
    "cells": run_cells,
    "faults": run_matrix,
}


def _gist(told: Iterable[Any], name: str, points: int = 0) -> Told:
    """Return the sums of some stories, and the first violation in them."""
    from tests.simulation.shrink import shrink, text_of  # noqa: PLC0415  as above

    outcomes = list(told)
    bad = next((one for one in outcomes if one.violations), None)
    broken = None if bad is None else Broken(name, bad.violations[0].invariant, text_of(shrink(bad, SHRINK_S)))
    return Told(
        stories=len(outcomes),
        orders=sum(one.orders for one in outcomes),
        placed=sum(one.placed for one in outcomes),
        lives=sum(one.lives for one in outcomes),
        days=sum(one.days for one in outcomes),
        seconds=sum(one.seconds for one in outcomes),
        points=points,
        broken=() if broken is None else (broken,),
    )


def pools(workers: int) -> Crew:
    """Return a crew of processes: a new one for each mutant; the matrix starts its own.

    A terminal sends Ctrl-C to every process. It is for this one alone, which ends the others: they are born deaf to it.
    """
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(THIRD_PARTIES)
    heard = signal.signal(signal.SIGINT, signal.SIG_IGN)
    multiprocessing.forkserver.ensure_running()
    signal.signal(signal.SIGINT, heard)

    def tell(part: str, units: Iterator[Unit], ends_at: Callable[[], float | None]) -> Iterator[tuple[Unit, Told]]:
        if part == "faults":
            yield from map(do, units)
            return
        with _whole(lambda: context.Pool(workers, maxtasksperchild=1 if part == "mutant" else None)) as pool:
            # Stories count in the order of their seeds: so many orders are the same stories in every run.
            results: Any = (pool.imap if part == "stories" else pool.imap_unordered)(do, units)
            while True:
                ends_s = ends_at()
                left_s = None if ends_s is None else ends_s - time.monotonic()
                if left_s is not None and left_s <= 0:
                    return
                try:
                    yield results.next(left_s)
                except (StopIteration, multiprocessing.TimeoutError):
                    return

    return tell


@contextmanager
def _whole(make: Callable[[], Pool]) -> Iterator[Pool]:
    """Lend a pool; whoever ends the run waits until all of its workers are there."""
    signal.pthread_sigmask(signal.SIG_BLOCK, ENDS)
    pool = make()
    try:
        signal.pthread_sigmask(signal.SIG_UNBLOCK, ENDS)
        yield pool
    finally:
        pool.terminate()


# the run


class Proof:
    """Owns a run: what is told is kept, and what an earlier run of the same code has kept is not told again."""

    def __init__(
        self,
        kept: Kept,
        *,
        seconds: float | None = None,
        orders: int = ORDERS,
        workers: int = 1,
        crew: Crew | None = None,
    ) -> None:
        self.tally = Tally()
        self.kept = kept
        self.is_whole = seconds is None
        self._seconds = seconds
        self._orders = orders
        self._workers = workers
        self._crew = crew or pools(workers)
        units = (line for line in kept.lines if "unit" in line)
        self._done: dict[Unit, Told] = {tuple(line["unit"]): Told.from_json(line["told"]) for line in units}
        if kept.lines:
            self.tally.began_s -= kept.lines[-1]["wall_s"]

    def run(self) -> None:
        """Do all that is not done yet."""
        if self._done:
            parts = Counter(str(unit[0]) for unit in self._done)
            known = ", ".join(f"{number:,} of {part!r}" for part, number in parts.items())
            say(f"Taken over from earlier runs ({self.tally.wall_s:,.0f} s): {known}.")
        say("Mutants: is the judge worth anything?")
        self._hunt_mutants()
        say("Crashes: after every effect.")
        self._crash_everywhere()
        say("Seeds: every kind of trouble, every order of events.")
        self._tell_stories()
        if self.is_whole:
            say("Ways out: every one of them, with anything missing.")
            self._try_every_way_out()
            say("Faults: every request on real processes.")
            list(self._tell("faults", [("faults",)]))

    def note_wall(self) -> None:
        """Keep how long this run took so far."""
        self.kept.add({"wall_s": round(self.tally.wall_s, 1)})

    def _tell(
        self, part: str, units: Iterable[Unit], ends_at: Callable[[], float | None] = lambda: None
    ) -> Iterator[tuple[Unit, Told]]:
        """Count and yield each unit of a part, those first that are done."""
        for unit, told in self._done.items():
            if unit[0] == part:
                self.tally.add(part, told)
                yield unit, told
        for unit, told in self._crew(part, (unit for unit in units if unit not in self._done), ends_at):
            self.kept.add({"unit": unit, "told": told.to_json(), "wall_s": round(self.tally.wall_s, 1)})
            self.tally.add(part, told)
            yield unit, told

    def _ends_at(self, share: str) -> Callable[[], float | None]:
        """Return the moment at which a slice has had its share of the time; None in a whole run."""
        ends_s = None if self._seconds is None else time.monotonic() + self._seconds * SHARES[share]
        return lambda: ends_s

    def _pieces(self, count: int, first: int = 1) -> Iterator[tuple[int, int]]:
        """Divide so many into what is told at once: where each piece begins, and how many it has."""
        size = AT_ONCE if self.is_whole else 1
        return ((start, min(size, first + count - start)) for start in range(first, first + count, size))

    def _hunt_mutants(self) -> None:
        """Hunt every mutant in a process of its own; in a slice stop when its time is over and enough are caught.

        Fewer than enough end it when they have cost as many seconds on the processors as the time has on idle ones.
        """
        within_s = math.inf if self._seconds is None else self._seconds * SHARES["mutants"]
        each_s = MUTANT_S if self.is_whole else max(8.0, within_s / 4)
        cpu_s_max = within_s * min(self._workers, os.cpu_count() or 1)
        time_is_over = self._ends_at("mutants")
        cpu_s = 0.0

        def ends_at() -> float | None:
            is_enough = len(self.tally.caught) >= MUTANTS_IN_A_SLICE or cpu_s >= cpu_s_max
            return time_is_over() if is_enough else None

        units: list[Unit] = [("mutant", one.name, each_s) for one in MUTANTS]
        for done, (_, told) in enumerate(self._tell("mutant", units, ends_at), start=1):
            cpu_s += told.cpu_s
            where = f"{told.stories} stories, {cpu_s:.0f} s on processors so far"
            story = "its kept story" if told.seed == KEPT else f"seed {told.seed}"
            end = f"caught by {told.seen_by!r} ({story}, " if told.seen_by else "LIVES ("
            say(f"  mutant {done:>2}/{len(MUTANTS)}  {told.mutant}: {end}{where})")

    def _crash_everywhere(self) -> None:
        """End every scenario at every point; then pairs of ends."""
        from tests.simulation.crashes import scenarios  # noqa: PLC0415  needs the desk, and may come last

        places = range(len(scenarios()))
        counted = {int(unit[1]): told for unit, told in self._tell("scenario", (("scenario", one) for one in places))}
        ends_at = self._ends_at("crashes")
        sizes = {
            "lost reply": {place: counted[place].requests for place in places},
            "crash": {place: counted[place].effects for place in places},
            "two crashes": dict.fromkeys(places, DOUBLES_OF_EACH),
        }
        there_are, shown = self.tally.parts["scenario"].points, 0
        for part, size in sizes.items():
            units = ((part, place, *piece) for place in places for piece in self._pieces(size[place]))
            for _ in self._tell(part, units, ends_at):
                if self.tally.points * 20 // there_are > shown:
                    shown = self.tally.points * 20 // there_are
                    say(f"  {self.tally.points:,} of {there_are:,} crash points, {self.tally.orders:,} orders")

    def _tell_stories(self) -> None:
        """Tell one story after the other until so many orders were submitted in all, or the time is over."""
        shown = self.tally.orders * 20 // self._orders
        units = (("stories", *piece) for piece in self._pieces(sys.maxsize, first=0))
        for _ in self._tell("stories", units, self._ends_at("stories")):
            stories, orders = self.tally.parts["stories"].stories, self.tally.orders
            if orders * 20 // self._orders > shown:
                shown = orders * 20 // self._orders
                say(f"  {orders:>9,} orders, {stories:,} stories, {len(self.tally.broken)} violations")
            if orders >= self._orders:
                break

    def _try_every_way_out(self) -> None:
        """Run every cell: each way out while each subset of what the desk leans on is missing."""
        from tests.simulation.cells import COUNT  # noqa: PLC0415  needs the desk, and may come last

        units = (("cells", first, CELLS_AT_ONCE) for first in range(0, COUNT, CELLS_AT_ONCE))
        for _ in self._tell("cells", units):
            done = len(self.tally.parts["cells"].cells)
            if done % (COUNT // 4) == 0:
                say(f"  {done:,} of {COUNT:,} cells")


# what is shown


def table_of(tally: Tally) -> list[tuple[str, str]]:
    """Return the figures, a line each."""
    parts = tally.parts
    return [
        ("commit", tally.commit),
        ("stories (seeds)", f"{parts['stories'].stories:,}"),
        ("orders submitted, all stories", f"{tally.orders:,}"),
        ("of them taken by the exchange", f"{tally.sum('placed'):,.0f}"),
        ("simulated trading days", f"{tally.sum('days'):,.0f}"),
        ("simulated hours", f"{tally.sum('seconds') / 3600:,.0f}"),
        ("starts of the desk", f"{tally.sum('lives'):,.0f}"),
        ("scenarios for crashes", f"{parts['scenario'].stories:,}"),
        ("single crash points covered", f"{tally.points:,} of {parts['scenario'].points:,}"),
        ("pairs of crashes, sampled", f"{parts['two crashes'].points:,}"),
        ("ways out with anything missing", _ways_out(tally)),
        ("fault matrix on real processes", parts["faults"].ends or "not run"),
        ("mutants caught", f"{len(tally.caught)} of {len(MUTANTS)}"),
        ("violations", f"{len(tally.broken)}"),
        ("wall time", f"{tally.wall_s:,.0f} s on {os.cpu_count()} cores"),
    ]


def _ways_out(tally: Tally) -> str:
    ended = tally.ways_out
    return f"{sum(one.is_well for one in ended):,} of {len(ended):,} cells ended well" if ended else "not run"


def write_page(tally: Tally, page: Path = PAGE) -> None:
    """Write docs/proof.md anew."""
    from tests.simulation.page import page_of  # noqa: PLC0415  needs the desk's own tables

    caught = [(one.mutant, one.stories, one.seed, one.seen_by) for one in tally.caught]
    missed = [one.mutant for one in tally.missed]
    page.write_text(page_of(table_of(tally), caught, missed, tally.ways_out), encoding="utf-8")


def _shown(file: Path) -> Path:
    return file.relative_to(ROOT) if file.is_relative_to(ROOT) else file


def prove(proof: Proof, page: Path = PAGE) -> int:
    """Run the proof; return 1 when something was broken, or the judge caught too little, 130 when it was ended.

    A whole run writes the page.
    """
    tally = proof.tally
    try:
        proof.run()
    except KeyboardInterrupt:
        proof.note_wall()
        say(f"\nEnded after {tally.wall_s:,.0f} s, with {len(tally.broken)} violations so far.")
        if proof.kept.file is not None:
            say(f"`make prove` goes on from {_shown(proof.kept.file)}; with ANEW=1 it begins again.")
        return INTERRUPTED
    say("")
    for name, figure in table_of(tally):
        say(f"{name:34} {figure}")
    for broken in tally.broken:
        say(f"\n{broken.name}\n{broken.story}")
    for one in tally.missed:
        say(f"\nNot caught in {one.stories} stories: {one.mutant}")
    if proof.is_whole:
        proof.note_wall()
        write_page(tally, page)
        say(f"\nWritten to {_shown(page)}.")
    wanted = len(MUTANTS) if proof.is_whole else MUTANTS_IN_A_SLICE
    if len(tally.caught) < wanted:
        say(f"\nThe judge caught {len(tally.caught)} mutants; {wanted} are wanted.")
    return 1 if tally.broken or len(tally.caught) < wanted else 0
