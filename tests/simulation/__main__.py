"""`python -m tests.simulation`: prove, or tell one story again."""

import argparse
import json
import os
import signal
import sys
from itertools import islice
from typing import Final

from tests.mutation.kept import Kept
from tests.mutation.mutant import Mutant, apply
from tests.simulation.kept_runs import file_of_run
from tests.simulation.mutants import MUTANTS
from tests.simulation.prove import ORDERS, Proof, prove

STORIES_MAX: Final = 500
SHRINK_S: Final = 60.0


def main() -> int:
    """Read the command line; return the exit status."""
    parser = argparse.ArgumentParser(prog="python -m tests.simulation", description=__doc__)
    commands = parser.add_subparsers(dest="command", required=True)
    proving = commands.add_parser("prove", help="tell stories, crash everywhere, hunt mutants; end with a table")
    proving.add_argument("--seconds", type=float, help="a slice of so many seconds; without it a whole run")
    proving.add_argument("--orders", type=int, default=ORDERS, help="how many orders a whole run submits")
    proving.add_argument("--anew", action="store_true", help="do all of it again, also what an ended run has done")
    proving.add_argument("--workers", type=int, default=os.cpu_count() or 1, help="processes at once")
    notification = commands.add_parser("replay", help="tell one story again, message by message")
    notification.add_argument("story", help="a seed, or the line that a failure printed")
    notification.add_argument("--mutant", default="", help="break this place first, by its name")
    notification.add_argument("--quiet", action="store_true", help="only the end")
    keeping = commands.add_parser("keep", help="hunt a mutant again, and keep the shortest story that shows it")
    keeping.add_argument("mutant", help="its name")
    keeping.add_argument("--from", type=int, default=0, dest="first", help="begin with the stories from this seed on")
    given = parser.parse_args()
    if given.command == "prove":
        signal.signal(signal.SIGTERM, signal.default_int_handler)
        with Kept(file_of_run(anew=given.anew) if given.seconds is None else None) as kept:
            return prove(Proof(kept, seconds=given.seconds, orders=given.orders, workers=given.workers))
    if given.command == "keep":
        return keep(given.mutant, given.first)
    return replay(given.story, given.mutant, quiet=given.quiet)


def _break(name: str) -> Mutant:
    """Put the mutant of this name in the place of our code, before any of it is loaded."""
    broken = next((one for one in MUTANTS if one.name == name), None)
    if broken is None:
        sys.exit(f"no mutant is called {name!r}; tests/simulation/mutants.py lists them")
    apply(broken)
    return broken


def keep(mutant: str, first: int = 0) -> int:
    """Hunt one mutant and write its story into found.json, in the place of an earlier one; return 1 if it lives."""
    broken = _break(mutant)
    from tests.simulation.shrink import FOUND, shrink, to_json  # noqa: PLC0415  after the break
    from tests.simulation.stories import seeds_of, story_of  # noqa: PLC0415  as above
    from tests.simulation.world import tell  # noqa: PLC0415  as above

    for seed in islice(seeds_of(broken.theme, first), STORIES_MAX):
        told = tell(story_of(seed))
        if told.violations:
            best = shrink(told, SHRINK_S)
            kept = [one for one in json.loads(FOUND.read_text(encoding="utf-8")) if one["mutant"] != mutant]
            story = json.loads(to_json(best.story))
            kept.append({"mutant": mutant, "rule": best.violations[0].invariant, "story": story})
            FOUND.write_text(json.dumps(kept, indent=1) + "\n", encoding="utf-8")
            sys.stdout.write(f"{mutant}: {best.violations[0].message}\n")
            return 0
    sys.stdout.write(f"{mutant} lives after {STORIES_MAX} stories\n")
    return 1


def replay(story: str, mutant: str, *, quiet: bool) -> int:
    """Tell a story again; return 1 when it goes wrong."""
    if mutant:
        _break(mutant)
    from tests.simulation.shrink import from_json, text_of  # noqa: PLC0415  after the break
    from tests.simulation.stories import story_of  # noqa: PLC0415  as above
    from tests.simulation.world import tell  # noqa: PLC0415  as above

    chosen = story_of(int(story)) if story.isdigit() else from_json(story)
    told = tell(chosen, None if quiet else print)
    end = text_of(told) if told.violations else f"Nothing was broken in {told.orders} orders, {told.lives} lives."
    sys.stdout.write(f"{end}\n{told.digest}\n")
    return 1 if told.violations else 0


if __name__ == "__main__":
    sys.exit(main())
