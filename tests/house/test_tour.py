"""The tour is walked: each command of docs/tour.md is run as it stands there, and says what the page shows.

Numbers, ids and where lines are wrapped may differ. What the page leaves out is marked with `…`.
"""

import fcntl
import json
import os
import pty
import re
import shlex
import signal
import struct
import subprocess
import sys
import termios
import threading
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
import requests

from tests.scenarios.waiting import until
from tests.timing import patient

ROOT = Path(__file__).resolve().parents[2]
TOUR = (ROOT / "docs" / "tour.md").read_text(encoding="utf-8")
COLUMNS = 80
MAY_RACE = (
    "Accepted: BUY",
    "The broker took it as order",
    "The broker pushed: it is working",
    "The broker pushed: all",
    "exit sent",
)
"""The reply, the push and a book come at the same moment; and an exit may have filled before anybody looks."""
PRICES = {"protect": "1503.80", "stops": "1502.30"}
"""Where the reader waits for the market, the test moves it: RELIANCE-EQ, before these commands."""


class Terminal:
    """Owns a folder, the desk that runs in it, and its paper broker; shows each command as 80 columns show it."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        kept = {name: value for name, value in os.environ.items() if not name.startswith(("DESK_", "COLUMNS", "LINES"))}
        self.environment = kept | {
            "DESK_API__PORT": "0",
            "DESK_BROKER__READ_TIMEOUT_S": "2",
            "NO_COLOR": "1",
            "TERM": "dumb",
        }
        self.desk: subprocess.Popen[str] | None = None
        self.ids: list[str] = []
        self.under_stops = False

    def shown(self, *words: str) -> str:
        """Run a command at a terminal and return what it showed."""
        ours, theirs = pty.openpty()
        fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", 40, COLUMNS, 0, 0))
        process = subprocess.Popen(
            [sys.executable, str(ROOT / "main.py"), *words],
            cwd=self.folder,
            env=self.environment,
            stdin=theirs,
            stdout=theirs,
            stderr=theirs,
        )
        os.close(theirs)
        parts = []
        with suppress(OSError):  # Linux says so at the end
            while part := os.read(ours, 65_536):
                parts.append(part)
        os.close(ours)
        process.wait(patient(10))
        text = re.sub(r"\x1b\[[0-9;?]*[A-Za-z]|\r", "", b"".join(parts).decode())
        self.ids += re.findall(r"command id is (\w+)", text)
        return text

    def start(self) -> str:
        """Start the desk and return what it said until it was ready."""
        self.desk = subprocess.Popen(
            [sys.executable, str(ROOT / "main.py"), "run"],
            cwd=self.folder,
            env=self.environment,
            text=True,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
        )
        assert self.desk.stdout is not None
        watchdog = threading.Timer(patient(15), self.desk.kill)
        watchdog.start()
        said = []
        for line in self.desk.stdout:
            said.append(line)
            if line.startswith("ready:"):
                break
        watchdog.cancel()
        return "".join(said)

    @property
    def paper(self) -> Any:  # noqa: ANN401  what the paper broker says of itself
        return json.loads((self.folder / ".desk" / "paper.json").read_text(encoding="utf-8"))

    def ask(self, what: str, given: dict[str, object]) -> None:
        """Ask the paper broker for something."""
        requests.post(f"{self.paper['admin_url']}/{what}", json=given, timeout=patient(5)).raise_for_status()

    def end(self) -> None:
        """End both."""
        if self.desk is not None:
            self.desk.kill()
            self.desk.communicate(timeout=patient(10))
        with suppress(FileNotFoundError, ProcessLookupError):
            os.kill(self.paper["pid"], signal.SIGTERM)


@pytest.fixture
def terminal(tmp_path: Path) -> Iterator[Terminal]:
    terminal = Terminal(tmp_path)
    yield terminal
    terminal.end()


def steps() -> list[tuple[str, str]]:
    """Return each command of the page with what the page shows of its answer."""
    blocks = re.findall(r"```text\n(.*?)```", TOUR, re.DOTALL)
    parts = [part for block in blocks for part in re.split(r"^\$ ", block, flags=re.MULTILINE) if part]
    return [(command.replace("\n", " "), shown) for command, _, shown in (_cut(part) for part in parts)]


def _cut(part: str) -> tuple[str, str, str]:
    """Cut a command from its answer; a line that ends within quotes goes on in the next."""
    lines = part.split("\n")
    used = 1
    while sum(line.count("'") for line in lines[:used]) % 2:
        used += 1
    return "\n".join(lines[:used]), "\n", "\n".join(lines[used:])


def plain(text: str) -> str:
    """Return a text without its numbers, ids, months, lines and wrapping."""
    text = re.sub(r"\b(Jan|Feb|Mar|Apr|May|Jun|Jul|Aug|Sep|Oct|Nov|Dec)\b", "#", text)
    text = re.sub(r"[─\s]+", " ", text)
    text = re.sub(r"\bexit-[0-9a-f]+\b", "exit-#", text)  # now and then without a digit
    text = re.sub(r"\b(?=[0-9a-f]*[0-9])(?=[0-9a-f]*[a-f])[0-9a-f]{3,32}\b", "#", text)
    return re.sub(r"(?<![\w.])[+-]?\d[\d,.:]*", "#", text).strip()


def walked(terminal: Terminal, command: str) -> str:
    """Do one step of the tour and return what was shown."""
    if command.startswith("ADMIN="):
        return ""
    if command.startswith("curl"):
        words = shlex.split(command)
        terminal.ask("faults", json.loads(words[words.index("-d") + 1]))
        return '{"id": 1}'
    _, _, name, *words = shlex.split(command)
    if name == "run":
        return terminal.start()
    if name == "why":
        sent = [page for given, page in steps() if " submit " in given]
        (number,) = [number for number, page in enumerate(sent) if f"command id is {words[0]}" in page]
        words = [terminal.ids[number]]
    if name == "stops" and terminal.under_stops:
        terminal.ask("market", {"exch": "NSE", "tsym": "RELIANCE-EQ", "price": PRICES[name]})
        return until(lambda: _having(terminal.shown(name), "is flat after"), "the stop was not hit")
    if name == "stops":
        terminal.under_stops = True
    if name == "positions":
        until(lambda: "FILLED" in terminal.shown("orders"), "it did not fill")
        terminal.ask("market", {"exch": "NSE", "tsym": "RELIANCE-EQ", "price": PRICES["protect"]})
    return terminal.shown(name, *words)


def _having(text: str, sentence: str) -> str:
    return text if sentence in text else ""


@pytest.mark.parametrize(
    ("shown", "other"),
    [
        ("02:20:21.497  +77.9 ms  FILLED", "02:56:00.118   +133 ms  FILLED"),
        ("02:29:58.871  +7,010 ms", "02:29:58.001  +2.0 ms"),
        ("exit-805 SELL 10", "exit-98d SELL 5"),
        ("exit-805 SELL 10", "exit-dea SELL 5"),
        ("open -13.00; the broker said -8.00 1 s ago", "open 26.00; the broker said 0.00 0 s ago"),
        ("id is b91c3d9dbeca4256; `why b91c3d9dbeca4256`", "id is 2377599812340317; `why 2377599812340317`"),
        ("a line\n wrapped  30 Nov", "a line wrapped 1 Dec"),
    ],
)
def test_what_differs_from_run_to_run_is_no_difference(shown: str, other: str) -> None:
    assert plain(shown) == plain(other)


@pytest.mark.timeout(300)
def test_the_tour_shows_what_a_reader_sees(terminal: Terminal) -> None:
    for command, page in steps():
        shown = plain(walked(terminal, command))
        for part in map(plain, page.split("…")):
            assert part in shown or any(one in part for one in MAY_RACE), f"$ {command}\n{shown}"


def test_no_line_of_it_is_longer_than_a_terminal() -> None:
    shown = "".join(re.findall(r"```text\n(.*?)```", TOUR, re.DOTALL))

    assert [line for line in shown.splitlines() if len(line) > COLUMNS and not line.startswith("$ ")] == []
