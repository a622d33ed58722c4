"""`python -m tests.mutation`: break the code in as many places as are asked for, and count what the tests see.

Results are appended to `build/mutants/`, a line each, in a file whose name says of which code they are; a run that was
ended goes on where it stopped.
"""

import argparse
import ast
import json
import os
import signal
import sys
import time
from collections import Counter
from collections.abc import Sequence
from contextlib import closing
from itertools import count
from pathlib import Path
from typing import Any, Final

from tests.mutation.bench import Bench, Outcome, benches, judge_all, nearest_look, stages_of
from tests.mutation.draw import Drawn, draw, paths
from tests.mutation.equivalent import EQUIVALENT
from tests.mutation.kept import INTERRUPTED, Kept, tree
from tests.mutation.known import KNOWN, Known
from tests.mutation.mutant import ROOT

RESULTS: Final = ROOT / "build" / "mutants"
SHARE_WANTED: Final = 0.95
"""So many of those that are not equivalent have to die."""


def main() -> int:
    """Read the command line; return the exit status."""
    parser = argparse.ArgumentParser(prog="python -m tests.mutation", description=__doc__)
    commands = parser.add_subparsers(dest="command", required=True)
    running = commands.add_parser("run", help="draw mutants by seed, and run the tests against each")
    running.add_argument("--seed", type=int, default=1)
    running.add_argument("--count", type=int, default=200)
    running.add_argument("--only", action="append", help="draw from this module alone; may be given more than once")
    running.add_argument("--again", action="store_true", help="try those again that lived in an earlier run")
    running.add_argument("--earlier", type=Path, help="take over what a run of other code, in this file, has killed")
    running.add_argument("--quick", action="store_true", help="tests without threads alone")
    knowing = commands.add_parser(
        "known", help="see that each mutant that once lived is seen by the tests it was given"
    )
    for judging in (running, knowing):
        judging.add_argument("--at-once", type=int, default=os.cpu_count() or 1, help="so many mutants side by side")
    notification = commands.add_parser("stories", help="tell stories of the simulation until one goes wrong")
    notification.add_argument("--seconds", type=float, required=True)
    given = parser.parse_args()
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    if given.command == "stories":
        return stories(given.seconds)
    try:
        if given.command == "known":
            return judge_known(given.at_once)
        drawn = draw(given.seed, given.count, given.only)
        file = RESULTS / f"seed-{given.seed}{'-quick' if given.quick else ''}-{tree()}.jsonl"
        how = {name: getattr(given, name) for name in ("again", "quick", "at_once", "earlier")}
        return run(drawn, file, **how)
    except KeyboardInterrupt:
        say("\nEnded. What was judged is kept: `make mutants` goes on there.")
        return INTERRUPTED


def run(
    drawn: Sequence[Drawn], file: Path, *, again: bool, quick: bool, at_once: int, earlier: Path | None = None
) -> int:
    """Judge what was drawn and is not judged yet; return 1 when too many live.

    What other code has killed counts only where `earlier` names its file, and then it is told.
    """
    if others := unused(file):
        say(f"Not used, as they are of other code or another draw: {', '.join(others)}.")
    with Kept(file) as kept:
        known = {line["name"]: line for line in kept.lines}
        if earlier is not None:
            for line in map(json.loads, earlier.read_text(encoding="utf-8").splitlines()):
                if line["killed_by"] and line["name"] not in known:
                    known[line["name"]] = {"of": earlier.name, **line}
                    kept.add(known[line["name"]])
        waiting = [one for one in drawn if one.name not in known or (again and not known[one.name]["killed_by"])]
        say(f"{len(drawn)} mutants drawn, {len(waiting)} of them to be judged; the results are in {file}.")
        if waiting:
            looks = {path: tuple(one for one in stages_of(path) if one.is_quick or not quick) for path in paths()}

            def judge(on: Bench, one: Drawn) -> Outcome:
                return on.judge(one.path, one.source(on.folder), looks[one.path])

            with benches(at_once, looks) as private, closing(judge_all(waiting, judge, private)) as judged:
                for number, (one, outcome) in enumerate(judged, start=1):
                    seconds = round(outcome.seconds, 1)
                    result = {"name": one.name, "line": one.line, "killed_by": outcome.killed_by, "seconds": seconds}
                    kept.add(result)
                    known[one.name] = result
                    tell(number, len(waiting), one.name, outcome)
    return summary(drawn, known)


def unused(file: Path) -> list[str]:
    """Return the names of other runs' files, when this one begins."""
    return [] if file.exists() else sorted(one.name for one in file.parent.glob("*.jsonl"))


def judge_known(at_once: int) -> int:
    """Run the tests of each mutant that once lived against it; return 1 when one lives again."""

    def judge(on: Bench, one: Known) -> Outcome:
        return on.judge(one.mutant.path, ast.unparse(one.mutant.tree()), [nearest_look((one.tests,))])

    living = 0
    with benches(at_once) as private, closing(judge_all(KNOWN, judge, private)) as judged:
        for number, (one, outcome) in enumerate(judged, start=1):
            living += not outcome.killed_by
            tell(number, len(KNOWN), one.mutant.name, outcome)
    return 1 if living else 0


def tell(number: int, of: int, name: str, outcome: Outcome) -> None:
    """Say what became of a mutant."""
    end = f"killed by {outcome.killed_by}" if outcome.killed_by else "LIVES"
    say(f"{number:>4}/{of}  {outcome.seconds:>5.0f} s  {name}\n{'':18}{end}")


def summary(drawn: Sequence[Drawn], known: dict[str, dict[str, Any]]) -> int:
    """Say what died and what lives; return 1 when too many live."""
    killed = [one for one in drawn if known[one.name]["killed_by"]]
    equal = [one for one in drawn if not known[one.name]["killed_by"] and one.name in EQUIVALENT]
    living = [one for one in drawn if not known[one.name]["killed_by"] and one.name not in EQUIVALENT]
    seconds = sorted(known[one.name]["seconds"] for one in drawn)
    share = len(killed) / max(1, len(killed) + len(living))
    say(f"\n{len(killed)} killed, {len(living)} live, {len(equal)} change nothing: {share:.1%} of those that matter.")
    others = Counter(known[one.name]["of"] for one in drawn if "of" in known[one.name])
    for name, number in others.items():
        say(f"{number} of them were judged on other code: {name}")
    say(f"A mutant took {seconds[len(seconds) // 2]:.0f} s in the middle, all of them {sum(seconds) / 60:.0f} min.")
    for one in living:
        say(f"lives: {one.name} (line {one.line})")
    for one in equal:
        say(f"changes nothing: {one.name}\n  {EQUIVALENT[one.name]}")
    return 0 if share >= SHARE_WANTED else 1


def stories(seconds: float) -> int:
    """Tell a story of each theme in turn until the time is over; return 1 at the first that goes wrong."""
    from tests.simulation.stories import story_of  # noqa: PLC0415  a broken module may not even load
    from tests.simulation.world import tell  # noqa: PLC0415  as above

    ends_at = time.monotonic() + seconds
    for seed in count():
        told = tell(story_of(seed))
        if told.violations:
            say(f"BROKEN simulation, seed {seed}: {told.violations[0].invariant}")
            return 1
        if time.monotonic() > ends_at:
            return 0
    raise AssertionError("there is always another seed")


def say(line: str) -> None:
    """Show progress."""
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


if __name__ == "__main__":
    sys.exit(main())
