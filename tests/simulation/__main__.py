"""`python -m tests.simulation`: prove, or tell one story again."""

import argparse
import os
import sys

from tests.simulation.prove import ORDERS, prove


def main() -> int:
    """Read the command line; return the exit status."""
    parser = argparse.ArgumentParser(prog="python -m tests.simulation", description=__doc__)
    commands = parser.add_subparsers(dest="command", required=True)
    proving = commands.add_parser("prove", help="tell stories, crash everywhere, hunt mutants; end with a table")
    proving.add_argument("--seconds", type=float, help="a slice of so many seconds; without it a whole run")
    proving.add_argument("--orders", type=int, default=ORDERS, help="how many orders a whole run submits")
    proving.add_argument("--workers", type=int, default=os.cpu_count() or 1, help="processes at once")
    telling = commands.add_parser("replay", help="tell one story again, message by message")
    telling.add_argument("story", help="a seed, or the line that a failure printed")
    telling.add_argument("--mutant", default="", help="break this place first, by its name")
    telling.add_argument("--quiet", action="store_true", help="only the end")
    given = parser.parse_args()
    if given.command == "prove":
        whole = given.seconds is None
        return prove(seconds=given.seconds, orders=given.orders, workers=given.workers, page=whole)
    return replay(given.story, given.mutant, quiet=given.quiet)


def replay(story: str, mutant: str, *, quiet: bool) -> int:
    """Tell a story again; return 1 when it goes wrong."""
    from tests.simulation.mutants import MUTANTS, apply  # noqa: PLC0415  before the desk is loaded

    if mutant:
        apply(next(one for one in MUTANTS if one.name == mutant))
    from tests.simulation.shrink import from_json, words_of  # noqa: PLC0415  as above
    from tests.simulation.stories import story_of  # noqa: PLC0415  as above
    from tests.simulation.world import tell  # noqa: PLC0415  as above

    chosen = story_of(int(story)) if story.isdigit() else from_json(story)
    told = tell(chosen, None if quiet else print)
    end = words_of(told) if told.violations else f"Nothing was broken in {told.orders} orders, {told.lives} lives."
    sys.stdout.write(f"{end}\n{told.digest}\n")
    return 1 if told.violations else 0


if __name__ == "__main__":
    sys.exit(main())
