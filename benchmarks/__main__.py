"""`make bench`: prints tables and writes `benchmarks/results/latest.json`, or `--results`.

Every figure is a ratio or comes with the bare client's figure of the same rounds: these machines are shared, and
absolute times say little.
"""

import argparse
import json
import platform
import tempfile
from pathlib import Path
from typing import Any, Final

from loguru import logger

from benchmarks import command_line, exit_path, feed, fill_path, mailbox_counts, order_path
from benchmarks.ground import null_server, paper_server

RESULTS: Final = Path(__file__).parent / "results" / "latest.json"


def main() -> None:
    """Measure against both servers; write the results."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=9)
    parser.add_argument("--calls", type=int, default=200, help="calls of each client in a round")
    parser.add_argument("--waiting", type=int, default=1_000, help="orders of a flood")
    parser.add_argument("--only", choices=["null", "paper", "fills", "exits", "mailboxes", "feed", "commands"])
    parser.add_argument("--baseline", type=Path, help="another checkout, whose commands are measured beside ours")
    parser.add_argument("--results", type=Path, default=RESULTS, help="where the figures are written")
    given = parser.parse_args()
    logger.remove()
    results: dict[str, Any] = {"python": platform.python_version(), "machine": platform.machine()}
    with tempfile.TemporaryDirectory(prefix="desk-bench-") as name:
        folder = Path(name)
        if given.only in {None, "null"}:
            with null_server() as server:
                results.update(order_path.measure(server, folder, given.rounds, given.calls, given.waiting))
            order_path.show("null", results)
        if given.only in {None, "paper"}:
            with paper_server(folder) as server:
                results["paper"] = order_path.measure(server, folder, given.rounds, given.calls, given.waiting)
            order_path.show("paper", results["paper"])
        if given.only in {None, "fills"}:
            with paper_server(folder / "fills") as server:
                results["fills"] = fill_path.measure_fills(server, folder, given.calls)
            fill_path.show_fills(results["fills"])
        if given.only in {None, "exits"}:
            with paper_server(folder / "exits") as server:
                results["exits"] = exit_path.measure_exits(server, folder, given.rounds, given.waiting)
            exit_path.show_exits(results["exits"])
        if given.only in {None, "mailboxes"}:
            with paper_server(folder / "mailboxes") as server:
                results["mailboxes"] = mailbox_counts.measure_mailboxes(server, folder, given.rounds)
            mailbox_counts.show_mailboxes(results["mailboxes"])
        if given.only in {None, "feed"}:
            results["feed"] = feed.measure_feed(given.rounds)
            feed.show_feed(results["feed"])
        if given.only in {None, "commands"}:
            results["commands"] = command_line.measure_command_line(folder / "commands", given.baseline, given.rounds)
            command_line.show_command_line(results["commands"])
    path: Path = given.results
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(results, indent=2) + "\n", encoding="utf-8")
    print(f"\nwritten to {path.relative_to(Path.cwd()) if path.is_relative_to(Path.cwd()) else path}")


if __name__ == "__main__":
    main()
