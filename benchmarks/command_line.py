"""What a command costs: the processor time of `--help` and of `status`, beside another checkout's where one is given.

Each checkout runs a desk of its own on paper, and its own `status` asks it; the desks' time is not counted.
"""

import os
import resource
import signal
import statistics
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any, Final

from benchmarks.ground import WAIT_S

OURS: Final = Path(__file__).resolve().parents[1]
COMMANDS: Final = ("--help", "status")
SETTINGS: Final = 'mode = "paper"\nclient_id = "BENCH"\n[api]\nport = 0\n'


def measure_command_line(folder: Path, baseline: Path | None, rounds: int) -> dict[str, Any]:
    """Return the median processor seconds of each command, by turns with the baseline's, and how many times less."""
    checkouts = {"desk": OURS} | ({} if baseline is None else {"baseline": baseline.resolve()})
    taken: dict[str, dict[str, list[float]]] = {word: {name: [] for name in checkouts} for word in COMMANDS}
    with ExitStack() as desks:
        places = {name: desks.enter_context(_running(one, folder / name)) for name, one in checkouts.items()}
        for _ in range(rounds):
            for word in COMMANDS:
                for name, checkout in checkouts.items():
                    taken[word][name].append(_cpu_s(checkout, places[name], word))
    return {word: _result({name: statistics.median(each) for name, each in one.items()}) for word, one in taken.items()}


def _result(medians: dict[str, float]) -> dict[str, float]:
    result = {f"{name}_cpu_s": round(seconds, 4) for name, seconds in medians.items()}
    if "baseline" in medians:
        result["times_less"] = round(medians["baseline"] / medians["desk"], 2)
    return result


@contextmanager
def _running(checkout: Path, folder: Path) -> Iterator[Path]:
    """Run a checkout's desk in this folder until its `status` finds it."""
    folder.mkdir(parents=True)
    (folder / "desk.toml").write_text(SETTINGS, encoding="utf-8")
    desk = subprocess.Popen(
        [sys.executable, str(checkout / "main.py"), "run"],
        cwd=folder,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        ends_at = time.monotonic() + WAIT_S
        while _called(checkout, folder, "status") != 0:
            assert time.monotonic() < ends_at, f"the desk of {checkout} does not answer"
            assert desk.poll() is None, f"the desk of {checkout} ended with {desk.returncode}"
        yield folder
    finally:
        desk.send_signal(signal.SIGTERM)
        desk.wait(WAIT_S)


def _called(checkout: Path, folder: Path, word: str) -> int:
    command = [sys.executable, str(checkout / "main.py"), word]
    variables = {name: value for name, value in os.environ.items() if not name.startswith("DESK_")}
    return subprocess.run(command, cwd=folder, env=variables, capture_output=True, check=False).returncode


def _cpu_s(checkout: Path, folder: Path, word: str) -> float:
    """Return the processor time of a command, its own and the system's for it."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    assert _called(checkout, folder, word) == 0
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


def show_command_line(results: dict[str, Any]) -> None:
    """Print the table."""
    print(f"\ncommand line, processor time{'':<6} {'desk':>9} {'baseline':>9} {'times less':>11}")
    for word, one in results.items():
        other = f"{one['baseline_cpu_s']:>7.3f} s {one['times_less']:>11.1f}" if "times_less" in one else f"{'-':>9}"
        print(f"  {word:<32} {one['desk_cpu_s']:>7.3f} s {other}")
