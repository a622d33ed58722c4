"""The desk as a person runs it: real processes, the real client, the paper broker, real loopback."""

import codecs
import fcntl
import json
import os
import pty
import re
import signal
import socket
import struct
import subprocess
import sys
import tempfile
import termios
import threading
import time
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest
import requests

from tests.scenarios.books import rows_of
from tests.scenarios.waiting import until
from tests.timing import patient

ROOT = Path(__file__).resolve().parents[2]
WAIT_S = round(patient(12))
BUY = ("submit", "--symbol", "RELIANCE-EQ", "--side", "B", "--quantity", "10")


class Console:
    """Owns a folder with a desk's settings, and the processes started in it."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.started: list[subprocess.Popen[str]] = []
        self.environment = {name: value for name, value in os.environ.items() if not name.startswith("DESK_")}
        folder.joinpath("desk.toml").write_text(
            'mode = "paper"\nclient_id = "PAPER"\n[api]\nport = 0\n[watcher]\npoll_interval_s = 0.1\n'
        )

    def start(self, *message: str) -> "subprocess.Popen[str]":
        process = subprocess.Popen(
            [sys.executable, str(ROOT / "main.py"), *message],
            cwd=self.folder,
            env=self.environment,
            text=True,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
        )
        self.started.append(process)
        return process

    def call(self, *message: str) -> tuple[int, str, str]:
        process = self.start(*message)
        out, errors = process.communicate(timeout=WAIT_S)
        return process.returncode, out, errors

    def read(self, *message: str) -> Any:  # noqa: ANN401  whatever JSON the command prints
        code, out, errors = self.call(*message, "--json")
        assert code == 0, errors
        return json.loads(out)

    def run(self, *message: str, says: str = "takes orders") -> "subprocess.Popen[str]":
        """Start the desk and wait for its one line."""
        desk = self.start("run", *message)
        assert desk.stdout is not None
        watchdog = threading.Timer(WAIT_S, desk.kill)
        watchdog.start()
        line = desk.stdout.readline()
        watchdog.cancel()
        assert line.startswith(f"ready: PAPER (paper) {says} at http://127.0.0.1:"), line
        return desk

    def end(self) -> None:
        """End every process of ours, the paper broker that outlives the desk too."""
        for process in self.started:
            if process.poll() is None:
                process.kill()
            process.communicate(timeout=WAIT_S)
        with suppress(FileNotFoundError, ProcessLookupError):
            paper = json.loads((self.folder / ".desk" / "paper.json").read_text())
            os.kill(paper["pid"], signal.SIGTERM)


@pytest.fixture(scope="module")
def console(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Console]:
    console = Console(tmp_path_factory.mktemp("desk"))
    yield console
    console.end()


@pytest.fixture
def own_console(tmp_path: Path) -> Iterator[Console]:
    """Return a console whose desk holds nothing that another test has left."""
    console = Console(tmp_path)
    yield console
    console.end()


def test_an_order_goes_through_all_six_steps_and_tells_its_story(console: Console) -> None:
    desk = console.run()
    assert console.call("status")[0] == 0

    code, out, _ = console.call(*BUY, "--command-id", "one")
    assert (code, out.split(":")[0] in {"Accepted", "Executed"}) == (0, True)
    assert console.call(*BUY, "--command-id", "one")[1].startswith("Repeated:")

    look = threading.Event()
    for _ in range(WAIT_S * 10):
        if console.read("orders")[0]["is_terminal"]:
            break
        look.wait(0.1)
    told = console.read("why", "one")
    assert told["order"]["status"] == "EXECUTED"
    assert [line["event"] for line in told["lines"]][:2] == ["REGISTERED", "SENT"]
    assert told["lines"][-1]["event"] == "FILLED"
    assert "10 bought at" in console.call("why", "one")[1]
    positions = console.read("positions")
    assert positions["strategies"][0]["quantity"] == positions["account"][0]["quantity"] == 10

    assert console.read("halt", "--reason", "a test")["state"] == "HALTED"
    code, _, errors = console.call(*BUY, "--strategy", "other")
    assert (code, "TRADING_HALTED" in errors) == (1, True)
    trading = console.read("status")["trading"]
    assert trading == {"state": "HALTED", "reason": "a test", "orders_today": 1, "stored": True}
    code, out, _ = console.call(
        "submit", "--symbol", "RELIANCE-EQ", "--side", "S", "--quantity", "50", "--intent", "exit"
    )
    assert (code, "SELL 10 RELIANCE-EQ (cut from 50)" in out) == (0, True)
    assert console.read("resume")["state"] == "ACTIVE"

    desk.send_signal(signal.SIGTERM)
    _, errors = desk.communicate(timeout=WAIT_S)
    assert desk.returncode == 0, errors
    assert not any(word in errors for word in ("Traceback", "JBSWY3DPEHPK3PXP", "paper-secret"))


def test_the_next_run_finds_the_same_paper_broker_and_the_same_orders(console: Console) -> None:
    before = (console.folder / ".desk" / "paper.json").read_text()

    desk = console.run()

    assert (console.folder / ".desk" / "paper.json").read_text() == before
    assert {one["command_id"] for one in console.read("orders")} >= {"one"}
    assert console.call(*BUY, "--command-id", "one")[1].startswith("Repeated:")
    desk.send_signal(signal.SIGINT)
    _, errors = desk.communicate(timeout=WAIT_S)
    assert desk.returncode == 0
    assert "the paper broker goes on, as a real one would" in errors
    assert "no desk is running" in console.call("orders")[2]
    # FINDINGS D7: ordinary orders stand in the log, and a clean stop warns of nothing.
    log = (console.folder / ".desk" / "desk.log").read_text()
    assert re.search(r"one: ENTRY BUY 10 RELIANCE-EQ MIS of manual is FILLED, 10 filled at [\d.]+\n", log)
    assert "dead letter" not in log
    assert re.search(r"INFO +feed: stopped", log)


def test_a_broker_that_is_away_does_not_fill_the_log(tmp_path: Path) -> None:
    """FINDINGS D7: it was four lines a second."""
    console = Console(tmp_path)
    desk = console.run()
    os.kill(json.loads((tmp_path / ".desk" / "paper.json").read_text())["pid"], signal.SIGTERM)

    until(lambda: not console.read("status")["ready"], "the broker is not missed")
    polls = 30
    time.sleep(polls * 0.1)
    desk.send_signal(signal.SIGINT)
    _, errors = desk.communicate(timeout=WAIT_S)
    console.end()

    lines = (tmp_path / ".desk" / "desk.log").read_text().splitlines()
    message = Counter(re.sub(r"\d+", "0", line[33:]) for line in lines)
    assert any("OrderBook: no connection to" in line for line in lines)
    assert any("the order book can't be read" in line for line in lines)
    assert max(message.values()) < polls / 6, message.most_common(3)
    assert "the paper broker has ended too" in errors


def test_a_person_changes_an_order_and_backs_up_meanwhile(console: Console) -> None:
    desk = console.run()
    resting = ("--type", "LIMIT", "--price", "1400", "--command-id", "rests", "--strategy", "resting")
    code, _, errors = console.call(*BUY, *resting)
    assert (code, errors) == (0, "")

    code, modified, errors = console.call("modify", "rests", "--price", "1410", "--reason", "closer")
    assert (code, errors) == (0, "")
    assert "odify" in modified
    code, canceled, errors = console.call("cancel", "rests", "--reason", "enough", "--change-id", "c1")
    assert (code, errors) == (0, "")
    assert "cancel" in canceled.lower()
    look = threading.Event()
    for _ in range(WAIT_S * 10):
        if (told := console.read("why", "rests"))["order"]["is_terminal"]:
            break
        look.wait(0.1)
    told = "\n".join(line["sentence"] for line in told["lines"])
    assert "A person asked to modify it to 10 units, limit 1,410.00, because “closer”." in told
    assert "anceled, as asked. Nothing traded. It is not in the market." in told
    assert "nothing was sent again" in console.call("cancel", "rests", "--change-id", "c1")[1]
    code, _, errors = console.call("resolve", "rests", "--not-placed", "--reason", "a test")
    assert (code, "CANNOT_RESOLVE" in errors) == (1, True)
    code, _, errors = console.call("accept", "position:NSE|RELIANCE-EQ|MIS", "--reason", "a test")
    assert (code, "the books do not differ" in errors) == (1, True)
    assert console.read("backup", "running.db")["orders"] >= 1

    desk.send_signal(signal.SIGTERM)
    desk.communicate(timeout=WAIT_S)
    assert console.read("backup", "stopped.db")["orders"] >= 1
    assert "running.db is there already; name a new file" in console.call("backup", "running.db")[2]


def test_a_person_gets_out_of_everything(console: Console) -> None:
    desk = console.run()
    assert console.call(*BUY, "--strategy", "held")[0] == 0
    assert console.call(*BUY, "--strategy", "rests", "--type", "limit", "--price", "1400")[0] == 0

    code, out, errors = console.call("flatten", "--reason", "enough for today")

    assert (code, errors) == (0, "")
    assert "RELIANCE-EQ (NSE MIS) of held" in out
    assert out.rstrip().endswith("Flat. Entries stay stopped until `resume`.")
    assert console.read("positions")["strategies"] == []
    assert console.read("status")["trading"]["state"] == "EXITS_ONLY"
    assert "Nothing is held or working" in console.call("flatten")[1]
    assert console.call("resume")[0] == 0
    desk.send_signal(signal.SIGTERM)
    desk.communicate(timeout=WAIT_S)


def test_nobody_is_told_that_shares_the_broker_does_not_have_are_flat(own_console: Console) -> None:
    console = own_console
    console.run()
    assert console.call(*BUY, "--strategy", "held", "--product", "cnc")[0] == 0
    sale = ["S" if one == "B" else one for one in BUY]
    assert console.call(*sale, "--strategy", "other", "--product", "cnc", "--intent", "exit")[0] == 0

    code, out, errors = console.call("flatten", "--strategy", "held")

    assert (code, errors) == (1, "")
    assert "Not flat: RELIANCE-EQ (NSE CNC) of held. Their way out has ended" in out
    assert "Not flat: RELIANCE-EQ (NSE CNC) of held" in console.call("status")[1]


def test_a_person_gets_out_in_the_middle_of_a_thousand_entries(console: Console) -> None:
    """The broker takes 200 ms; entries stop at once, the exit leaves next, and the paper ledger shows it."""
    desk = console.run()
    assert console.call(*BUY, "--strategy", "held")[0] == 0
    admin = json.loads((console.folder / ".desk" / "paper.json").read_text())["admin_url"]
    requests.post(
        f"{admin}/faults", json={"route": "PlaceOrder", "kind": "slow", "seconds": 0.2, "count": None}, timeout=WAIT_S
    )
    known = len(requests.get(f"{admin}/ledger", timeout=WAIT_S).json()["place_arrivals"])
    with ThreadPoolExecutor(200) as crowd:
        answers = [crowd.submit(enter_over_http, console.folder, number) for number in range(1_000)]
        while len(requests.get(f"{admin}/ledger", timeout=WAIT_S).json()["place_arrivals"]) < known + 5:
            assert desk.poll() is None
        asked = len(requests.get(f"{admin}/ledger", timeout=WAIT_S).json()["place_arrivals"])

        code, out, errors = console.call("flatten", "--reason", "in the middle of it")

        answered = Counter(one.result() for one in answers)
    assert (code, errors, out.rstrip().endswith("Flat. Entries stay stopped until `resume`.")) == (0, "", True)
    ledger = requests.get(f"{admin}/ledger", timeout=WAIT_S).json()
    ours = [one for one in ledger["orders"] if one["remarks"]]
    exits = {one["remarks"] for one in ours if one["trantype"] == "S"}
    since = ledger["place_arrivals"][asked:]
    leaves = next(place for place, one in enumerate(since) if one["remarks"] in exits)
    rows = rows_of(console.folder / ".desk" / "desk.db").values()
    (way_out,) = (row for row in rows if row["remarks_tag"] == since[leaves]["remarks"])
    told_at = datetime.fromisoformat(way_out["created_at"]).timestamp()
    # While the command's own process starts, entries go on; from its word on they do not.
    assert sum(one["wall"] > told_at for one in since[:leaves]) <= 2, "entries passed the exit"
    assert {one["remarks"] for one in since[leaves:]} <= exits, "entries went on"
    assert all(one["status"] != "OPEN" for one in ours)
    assert sum(one["fillshares"] * (1 if one["trantype"] == "B" else -1) for one in ours) == 0
    assert answered[200] <= asked - known + leaves
    assert sum(answered.values()) == 1_000
    requests.delete(f"{admin}/faults", timeout=WAIT_S)
    assert console.call("resume")[0] == 0
    desk.send_signal(signal.SIGTERM)
    desk.communicate(timeout=WAIT_S)


def enter_over_http(folder: Path, number: int) -> int:
    """Send an entry that rests; return the HTTP status."""
    place = json.loads((folder / ".desk" / "api.json").read_text())
    token = (folder / ".desk" / "api-token").read_text().strip()
    order = {"command_id": f"e{number}", "strategy": f"e{number}", "intent": "ENTRY", "exchange": "NSE"}
    order |= {"symbol": "RELIANCE-EQ", "side": "BUY", "quantity": "1", "product": "MIS", "order_type": "LIMIT"}
    reply = requests.post(
        f"{place['url']}/orders",
        json=order | {"price": "1400"},
        headers={"Authorization": f"Bearer {token}"},
        timeout=WAIT_S * 2,
    )
    return reply.status_code


def test_a_desk_may_start_without_taking_entries(console: Console) -> None:
    desk = console.run("--exits-only", says="takes exits only, until `resume`,")

    code, _, errors = console.call(*BUY, "--strategy", "late")

    assert (code, "TRADING_EXITS_ONLY" in errors) == (1, True)
    assert console.read("status")["effective"] == "EXITS_ONLY"
    desk.send_signal(signal.SIGTERM)
    desk.communicate(timeout=WAIT_S)
    assert desk.returncode == 0


def test_the_service_manager_hears_a_desk_from_its_start_to_its_end(
    console: Console, monkeypatch: pytest.MonkeyPatch
) -> None:
    with tempfile.TemporaryDirectory() as folder, socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as heard:
        heard.bind(f"{folder}/notify")
        heard.settimeout(WAIT_S)
        given = {"NOTIFY_SOCKET": f"{folder}/notify", "WATCHDOG_USEC": "400000"}
        monkeypatch.setattr(console, "environment", console.environment | given)
        desk = console.run()

        told: list[str] = []
        while told.count("WATCHDOG=1") < 3:
            told.append(heard.recv(1000).decode())
        desk.send_signal(signal.SIGTERM)
        while told[-1] != "STOPPING=1":
            told.append(heard.recv(1000).decode())
        desk.communicate(timeout=WAIT_S)

    assert desk.returncode == 0
    assert told.index("READY=1") < told.index("WATCHDOG=1")
    assert "STATUS=takes orders" in told


def test_a_taken_port_is_said_in_a_sentence(console: Console) -> None:
    desk = console.run()
    port = json.loads((console.folder / ".desk" / "api.json").read_text())["port"]
    other = console.folder / "other.toml"
    other.write_text(f'mode = "paper"\nclient_id = "B"\ndata_dir = "other"\n[api]\nport = {port}\n')

    code, _, errors = console.call("run", "--config", "other.toml")

    assert (code, f"http://127.0.0.1:{port} cannot be used" in errors) == (1, True)
    desk.send_signal(signal.SIGTERM)
    desk.communicate(timeout=WAIT_S)


def test_the_demo_trades_and_leaves_nothing_unsettled(tmp_path: Path) -> None:
    console = Console(tmp_path)
    console.environment |= {
        "TMPDIR": str(tmp_path),
        "DESK_MODE": "live",
        "DESK_BROKER__REST_URL": "http://127.0.0.1:9/",
        "DESK_CLIENT_ID": "MINE",
    }

    code, out, errors = console.call("demo", "--seconds", "6", "--json")

    counts = json.loads(out.splitlines()[-1])
    assert (code, counts["unresolved"]) == (0, 0), errors
    assert counts["executed"] > 0
    assert sum(counts[name] for name in ("executed", "failed", "unresolved")) == counts["orders"]
    assert [one.name for one in tmp_path.iterdir()] == ["desk.toml"]
    console.end()


def test_a_desk_that_reaches_no_broker_says_so_answers_and_ends_when_told(tmp_path: Path) -> None:
    console = Console(tmp_path)
    console.environment["DESK_BROKER__REST_URL"] = "http://127.0.0.1:9/"
    desk = console.start("run")
    assert desk.stderr is not None
    while "not ready yet: no session" not in (line := desk.stderr.readline()):
        assert line, "the desk ended without saying why it is not ready"

    code, _, errors = console.call(*BUY)
    ready = console.read("status")["ready"]
    desk.send_signal(signal.SIGTERM)
    out, _ = desk.communicate(timeout=WAIT_S)

    assert (code, "Not accepted (DESK_NOT_READY)" in errors, ready) == (1, True, False)
    assert (desk.returncode, out) == (0, "")
    console.end()


def test_on_a_terminal_the_straddle_tells_its_best_lines_and_a_running_pnl(tmp_path: Path) -> None:
    """FINDINGS D3: what was told went to another screen than the live table, and nobody saw it."""
    ours, theirs = pty.openpty()
    fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", 40, 80, 0, 0))
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("DESK_", "COLUMNS", "LINES"))}
    demo = subprocess.Popen(
        [sys.executable, str(ROOT / "main.py"), "demo", "--strategy", "straddle", "--seconds", "6"],
        cwd=tmp_path,
        env=kept | {"TMPDIR": str(tmp_path), "TERM": "xterm"},
        stdin=theirs,
        stdout=theirs,
        stderr=theirs,
    )
    os.close(theirs)
    shown = re.sub(r"(\x1b\[[0-9;?]*[A-Za-z]|\r)+", "\n", "".join(read_all(ours)))

    assert demo.wait(WAIT_S) == 0, shown
    told = " ".join(shown.split())
    for message in ("is under stops: stop", "is whole: all 4 legs have filled", "time square-off of straddle"):
        assert message in told
    assert len(set(re.findall(r"P&L now: (\S+)", shown))) > 1, "it does not run"


def read_all(terminal: int) -> Iterator[str]:
    """Yield what is written to the terminal until nobody holds its other end."""
    decoder = codecs.getincrementaldecoder("utf-8")()
    with suppress(OSError):  # Linux says so at the end
        while chunk := os.read(terminal, 65_536):
            yield decoder.decode(chunk)
    os.close(terminal)


def test_the_straddle_is_entered_hedge_first_stopped_on_one_side_and_squared_off(tmp_path: Path) -> None:
    console = Console(tmp_path)
    console.environment |= {"TMPDIR": str(tmp_path)}

    code, out, errors = console.call("demo", "--strategy", "straddle", "--seconds", "12")

    assert code == 0, errors
    # An order is told again when it has moved: its last line counts, its first one says when it left.
    entries = {line.split()[1]: line for line in out.splitlines() if " MARKET " in line}
    assert [line.split()[3] for line in entries.values()] == ["BUY", "BUY", "SELL", "SELL"]
    assert all("FILLED" in line for line in entries.values())
    order = [
        "is under stops: stop",
        "is whole: all 4 legs have filled",
        "reached at",
        "is flat after",
        "time square-off of straddle",
        "Today: ",
    ]
    found = [out.index(message) for message in order]
    assert found == sorted(found), out
    assert out.count(" of straddle: stop ") == 1, "one of the two stops was hit"
    table = [line.split() for line in out.splitlines() if line.split()[1:3] == ["MIS", "straddle"]]
    assert [row[3] for row in table] == ["0"] * 4
    total = float(out.split("Today: ")[1].split()[0])
    assert abs(sum(float(row[6]) for row in table) - total) < 0.01
    assert "0 unresolved" in out
    console.end()
