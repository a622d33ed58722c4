"""The tests on other days: with the clock on a Saturday, on a holiday, at 04:00 and at 23:59 IST (`make test-days`).

Debian's `faketime` shifts the wall clock of all processes of a run by the same distance from now, so that this works on
any day; waiting is not shifted. `--slice` runs a few of the tests under one of the four clocks, another one each day.
"""

import argparse
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from datetime import date, datetime, time, timedelta
from itertools import pairwise
from pathlib import Path
from typing import Final

from domain.market.calendar import Calendar
from domain.orders.types import Exchange
from domain.ports import IST
from domain.settings import CalendarSettings

ROOT: Final = Path(__file__).parents[1]
_DAYS_AHEAD_MAX: Final = 400
_SATURDAY: Final = 5
_INSTALL: Final = ("apt-get update -qq", "apt-get install -qq -y --no-install-recommends faketime")

TESTS: Final = (
    "tests/domain",
    "tests/actors",
    "tests/storage",
    "tests/notify",
    "tests/broker",
    "tests/console",
    *(f"tests/scenarios/test_{name}.py" for name in ("days", "risk", "stops", "exits", "clock", "external", "books")),
    *(f"tests/scenarios/test_{name}.py" for name in ("baskets", "updates", "process")),
)
"""All whose outcome may hang on what day or time it is: by the calendar, the day's turn, an expiry, a session's end."""
SLICE: Final = (
    "tests/domain/market/test_trading_days.py",
    "tests/domain/test_night.py",
    "tests/domain/market/test_calendar.py",
    "tests/actors/test_risk_days.py",
    "tests/actors/test_wiring.py",
    "tests/broker/paper/test_paper_days.py",
    "tests/scenarios/test_days.py",
)


def moments(now: datetime) -> dict[str, datetime]:
    """Return when each clock begins, by its name: all of them on days to come."""
    calendar = Calendar(CalendarSettings())
    days = [now.astimezone(IST).date() + timedelta(days=ahead) for ahead in range(1, _DAYS_AHEAD_MAX)]
    closed = {day for day in days if not calendar.is_trading_day(Exchange.NSE, day)}
    saturday = next(day for day in days if day.weekday() == _SATURDAY)
    holiday = next(day for day in days if day in closed and day.weekday() < _SATURDAY)
    # The day before has traded as well: at 04:00 it is not over yet, for the desk.
    ordinary = next(day for before, day in pairwise(days) if not {before, day} & closed)
    return {
        "saturday": _at(saturday, 12),
        "holiday": _at(holiday, 11),
        "04:00": _at(ordinary, 4),
        "23:59": _at(ordinary, 23, 59),
    }


def _at(day: date, hour: int, minute: int = 0) -> datetime:
    return datetime.combine(day, time(hour, minute), IST)


def has_faketime(*, install: bool) -> bool:
    """Say whether `faketime` is there; with `install` try to bring it."""
    if shutil.which("faketime") is None and install and shutil.which("apt-get") is not None:
        root = [] if os.geteuid() == 0 else ["sudo", "-n"]
        environment = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
        for message in _INSTALL if not root or shutil.which(root[0]) else ():
            subprocess.run([*root, *message.split()], check=False, env=environment, stdout=subprocess.DEVNULL)
    return shutil.which("faketime") is not None


def run(name: str, begins: datetime, message: list[str]) -> int:
    """Run pytest from `begins` on; return its exit code."""
    ahead_s = round((begins - datetime.now(IST)).total_seconds())
    print(f"\nThe clock begins at {begins:%a %d %b %Y %H:%M} IST ({name}).", flush=True)  # noqa: T201  a command's output
    environment = {
        **os.environ,
        "FAKETIME_DONT_FAKE_MONOTONIC": "1",
        "PYTHONPATH": os.pathsep.join(_python_path()),
    }
    command = ["faketime", "-f", f"+{ahead_s}s", sys.executable, "-m", "pytest", "-q", *message]
    return subprocess.run(command, cwd=ROOT, env=environment, check=False).returncode


def _python_path() -> Iterator[str]:
    yield str(ROOT / "tests" / "faketime")
    if earlier := os.environ.get("PYTHONPATH"):
        yield earlier


def main() -> int:
    """Run the tests under the clocks; 1 when any is red."""
    parser = argparse.ArgumentParser(prog="python -m tests.days", description=__doc__)
    parser.add_argument("--slice", action="store_true", help="a few tests under one clock; left out without faketime")
    parser.add_argument("--clock", help="only this one: saturday, holiday, 04:00 or 23:59")
    given, message = parser.parse_known_args()
    if not has_faketime(install=not given.slice):
        sentence = "faketime is not installed and could not be (Debian, Ubuntu: apt-get install faketime)"
        left_out = "the tests on another day are left out" if given.slice else "the tests on other days can't run"
        print(f"{sentence}: {left_out}.", file=sys.stderr)  # noqa: T201  a command's output
        return 0 if given.slice else 1
    clocks = moments(datetime.now(IST))
    if given.slice:
        given.clock = given.clock or list(clocks)[datetime.now(IST).toordinal() % len(clocks)]
    chosen = {name: begins for name, begins in clocks.items() if given.clock in {None, name}}
    if not chosen:
        parser.error(f"there is no clock {given.clock!r}")
    tests = SLICE if given.slice else TESTS
    codes = {name: run(name, begins, [*tests, *message]) for name, begins in chosen.items()}
    return 1 if any(codes.values()) else 0


if __name__ == "__main__":
    sys.exit(main())
