"""The page that shows what was proved, and what was not."""

from collections.abc import Iterable, Sequence
from typing import Final

from tests.simulation.cells import MEANING, SOURCES, WAYS, WITHIN_S, Ended
from tests.simulation.invariants import INVARIANTS

HEAD = """# What was proved, and what was not

Written by `make prove`: not by hand. The production actors run single-threaded under a seeded scheduler and a virtual
clock, on a real SQLite file, against an exchange that shares no code with the paper broker (`tests/simulation/`).
Strategies and a person do everything that is allowed at the worst moments; requests, replies, books, updates, the disk,
the clock and the process itself fail. A judge holds the desk's database against the exchange's own ledger after every
commit and every request.

## The last whole run
"""

CELLS: Final = """
## Every way out, with anything missing

A position is held and its desk has died. A new desk starts while a subset of eleven sources is missing, and somebody
wants out. Every subset, in every way: the exit comes to the exchange, or one of the three reasons that may stand
against an exit is told. Flat soon: within 3 s of leaving; the others are priced from an old price, and are re-priced.
"""

NOT_COVERED = """
## What is not covered

- **The wire.** The simulation begins at the broker's port. The client library, HTTP, WebSocket and the broker's words
  are proved elsewhere: by the fault matrix and the kill tests on real processes, and by fuzzing of the transport.
- **The real exchange.** Our model of it is ours: it follows docs/protocol.md, whose assumptions are marked there.
- **Threads.** Every actor has a mailbox and turns of its own, so more orders of events are tried than threads could
  make; what happens *within* a turn is never interleaved. Real threads are in the kill, soak and scenario tests.
- **Pairs of crashes** are sampled, not enumerated; single crashes are enumerated for the scenarios, sampled elsewhere.
- **Two more starts** that have to change nothing follow one story in four, and no crash of a scenario.
- **A power cut** leaves what was synced, whole. Torn sectors, disks that lie about syncing, and lost files are not
  tried.
- **Alerts' channels**, the HTTP API and the command line are not part of the simulation.
- **An order of one day whose trade happened while no desk ran, in a product that ends with the day**, stands in no book
  of the next day: the desk cannot know it, and the judge does not ask for it.
"""


def ways_out(ended: Sequence[Ended]) -> str:
    """Return the tables of the cells: by way out, and by what is missing."""
    if not ended:
        return ""
    ways = [(way, [one for one in ended if one.cell.way == way]) for way in WAYS]
    sources = [(f"{name}: {MEANING[name]}", [one for one in ended if name in one.cell.missing]) for name in SOURCES]
    lines = [CELLS, "| way out | cells | left | told a reason | not out | flat soon | median s | longest s |"]
    lines += ["|---|---|---|---|---|---|---|---|", *(_row(name, some) for name, some in ways)]
    lines += ["", "| missing | cells | left | told a reason | not out | flat soon | median s | longest s |"]
    lines += ["|---|---|---|---|---|---|---|---|", *(_row(name, some) for name, some in sources)]
    return "\n".join([*lines, ""])


def _row(name: str, some: Sequence[Ended]) -> str:
    left = sorted(one.left_s for one in some if one.is_well and one.left_s is not None)
    told = sum(one.is_well and one.left_s is None for one in some)
    flat = sum(one.flat_s is not None for one in some)
    seconds = f"{left[len(left) // 2]:.1f} | {left[-1]:.1f}" if left else f"- | more than {WITHIN_S:.0f}"
    stuck = len(some) - len(left) - told
    return f"| {name} | {len(some):,} | {len(left):,} | {told:,} | {stuck:,} | {flat:,} | {seconds} |"


def page_of(
    table: Iterable[tuple[str, str]],
    caught: Iterable[tuple[str, int, int, str]],
    missed: Iterable[str],
    ended: Sequence[Ended] = (),
) -> str:
    """Return docs/proof.md."""
    figures = "\n".join(f"| {name} | {figure} |" for name, figure in table)
    rules = "\n".join(f"| {name} | {message} |" for name, message in INVARIANTS.items())
    kills = "\n".join(
        f"| {name} | {rule} | {'kept' if seed < 0 else seed} | {stories} |"
        for name, stories, seed, rule in sorted(caught)
    )
    lives = "".join(f"| **{name}** | not caught | | |\n" for name in sorted(missed))
    return f"""{HEAD}
| what | figure |
|---|---|
{figures}

## What is judged

| rule | in words |
|---|---|
{rules}

## How well the judge judges

Each line is one place of the safety logic, broken on purpose. The hunt for it begins with the first story about what it
breaks; the seed is that of the story in which the judge saw it, and the last column how many stories that took. Where
the time of the hunt is over before, the story that a longer one has found is told: "kept".

| what was broken | seen by | seed | stories |
|---|---|---|---|
{kills}
{lives}{ways_out(ended)}{NOT_COVERED}"""
