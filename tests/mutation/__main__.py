"""`python -m tests.mutation`: break the code in as many places as are asked for, and count what the tests see.

Results are appended to `build/mutants/`, a line each; a run that was ended goes on where it stopped.
"""

import argparse
import ast
import json
import signal
import sys
import time
from collections.abc import Sequence
from itertools import count
from pathlib import Path
from typing import Any, Final

from tests.mutation.bench import Bench, Stage, bench, nearest_look, stages_of
from tests.mutation.draw import Drawn, draw, paths
from tests.mutation.equivalent import EQUIVALENT
from tests.mutation.known import KNOWN
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
    running.add_argument("--quick", action="store_true", help="tests without threads alone")
    commands.add_parser("known", help="see that each mutant that once lived is seen by the tests it was given")
    telling = commands.add_parser("stories", help="tell stories of the simulation until one goes wrong")
    telling.add_argument("--seconds", type=float, required=True)
    given = parser.parse_args()
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    if given.command == "stories":
        return stories(given.seconds)
    if given.command == "known":
        return judge_known()
    return run(draw(given.seed, given.count, given.only), given.seed, again=given.again, quick=given.quick)


def run(drawn: tuple[Drawn, ...], seed: int, *, again: bool, quick: bool) -> int:
    """Judge what was drawn and is not judged yet; return 1 when too many live."""
    file = RESULTS / f"seed-{seed}.jsonl"
    file.parent.mkdir(parents=True, exist_ok=True)
    known = read(file)
    waiting = [one for one in drawn if one.name not in known or (again and not known[one.name]["killed_by"])]
    say(f"{len(drawn)} mutants drawn by seed {seed}, {len(waiting)} of them to be judged.")
    if waiting:
        looks = {path: tuple(stages_of(path)) for path in paths()}
        with bench() as private, file.open("a", encoding="utf-8") as out:
            private.check(looks)
            for number, one in enumerate(waiting, start=1):
                stages = [stage for stage in looks[one.path] if stage.is_quick or not quick]
                result = known[one.name] = judge(private, one, stages)
                out.write(json.dumps(result, ensure_ascii=False) + "\n")
                out.flush()
                end = f"killed by {result['killed_by']}" if result["killed_by"] else "LIVES"
                say(f"{number:>4}/{len(waiting)}  {result['seconds']:>5.0f} s  {one.name}\n{'':18}{end}")
    return summary(drawn, known)


def judge_known() -> int:
    """Run the tests of each mutant that once lived against it; return 1 when one lives again."""
    living = 0
    with bench() as private:
        for number, one in enumerate(KNOWN, start=1):
            broken = ast.unparse(one.mutant.tree())
            outcome = private.judge(one.mutant.path, broken, [nearest_look((one.tests,))])
            living += not outcome.killed_by
            end = f"killed by {outcome.killed_by}" if outcome.killed_by else "LIVES"
            say(f"{number:>4}/{len(KNOWN)}  {outcome.seconds:>5.0f} s  {one.mutant.name}\n{'':18}{end}")
    return 1 if living else 0


def judge(private: Bench, one: Drawn, stages: Sequence[Stage]) -> dict[str, Any]:
    """Return what became of a mutant, as it is kept."""
    outcome = private.judge(one.path, one.source(private.folder), stages)
    return {"name": one.name, "line": one.line, "killed_by": outcome.killed_by, "seconds": round(outcome.seconds, 1)}


def read(file: Path) -> dict[str, dict[str, Any]]:
    """Return what is known of each mutant; the last word counts."""
    if not file.exists():
        return {}
    lines = map(json.loads, file.read_text(encoding="utf-8").splitlines())
    return {line["name"]: line for line in lines}


def summary(drawn: tuple[Drawn, ...], known: dict[str, dict[str, Any]]) -> int:
    """Say what died and what lives; return 1 when too many live."""
    killed = [one for one in drawn if known[one.name]["killed_by"]]
    equal = [one for one in drawn if not known[one.name]["killed_by"] and one.name in EQUIVALENT]
    living = [one for one in drawn if not known[one.name]["killed_by"] and one.name not in EQUIVALENT]
    seconds = sorted(known[one.name]["seconds"] for one in drawn)
    share = len(killed) / max(1, len(killed) + len(living))
    say(f"\n{len(killed)} killed, {len(living)} live, {len(equal)} change nothing: {share:.1%} of those that matter.")
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
