"""What others on the machine can do to a running desk: nothing that counts (FINDINGS B1 to B3, B9, B10)."""

import json
import os
import signal
import stat
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.console.test_processes import BUY, WAIT_S, Console
from tests.scenarios.waiting import until

STRANGER = """
import encodings.idna, json, os, sqlite3, sys, urllib.error, urllib.request
os.setgroups([])
os.setgid(65534)
os.setuid(65534)
folder, port, paper_port, pid = sys.argv[1], sys.argv[2], sys.argv[3], int(sys.argv[4])
got = []

def attempt(name, act):
    try:
        act()
    except (OSError, sqlite3.Error):
        return
    got.append(name)

def ask(url, body=None):
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    with opener.open(urllib.request.Request(url, data=body), timeout=5) as answer:
        return json.load(answer)

for name in ("", "desk.db", "desk.db-wal", "desk.log", "api-token", "api.json", "paper.json", "PAPER.lease", "paper"):
    path = os.path.join(folder, ".desk", name)
    attempt(f"reads {name}", lambda: os.listdir(path) if os.path.isdir(path) else open(path, "rb").read())
    attempt(f"writes {name}", lambda: open(path, "ab"))
attempt("locks", lambda: sqlite3.connect(os.path.join(folder, ".desk", "desk.db")).execute("BEGIN EXCLUSIVE"))
attempt("makes a file", lambda: open(os.path.join(folder, ".desk", "desk.db-journal"), "wb"))
attempt("deletes", lambda: os.unlink(os.path.join(folder, ".desk", "desk.db")))
for number in (0, 15, 9):
    attempt(f"signals {number}", lambda: os.kill(pid, number))
attempt("reads its environment", lambda: open(f"/proc/{pid}/environ", "rb").read())
desk = f"http://127.0.0.1:{port}"
for path in ("/status", "/orders", "/positions", "/alerts"):
    attempt(f"GET {path}", lambda: ask(desk + path))
for path in ("/trading-state", "/flatten", "/orders", "/alerts/ack", "/session/login"):
    attempt(f"POST {path}", lambda: ask(desk + path, b'{"state": "HALTED"}'))
paper = f"http://127.0.0.1:{paper_port}"
for path in ("/admin/ledger", "/admin/faults", "/admin/x/ledger"):
    attempt(path, lambda: ask(paper + path))
known = {name: ask(desk + "/health").get(name) for name in ("client_id", "orders", "positions")}
if any(known.values()):
    got.append(f"/health tells {known}")
print(json.dumps(got))
"""


@pytest.fixture
def open_folder() -> Iterator[Path]:
    """A folder that everybody may enter and read, as a home directory often is."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        folder.chmod(0o755)
        yield folder


@pytest.fixture
def console(open_folder: Path) -> Iterator[Console]:
    console = Console(open_folder)
    yield console
    console.end()


@pytest.mark.skipif(not hasattr(os, "geteuid") or os.geteuid() != 0, reason="only root can become another user")
def test_another_user_of_the_machine_gets_nothing(console: Console) -> None:
    desk = console.run()
    assert console.call(*BUY)[0] == 0
    folder = console.folder / ".desk"
    port = json.loads((folder / "api.json").read_text())["port"]
    paper = json.loads((folder / "paper.json").read_text())
    paper_port = paper["rest_url"].split(":")[2].split("/")[0]
    message = [sys.executable, "-c", STRANGER, str(console.folder), str(port), paper_port, str(desk.pid)]

    # It is another user from its first step on, in another folder, with nothing of ours but the interpreter.
    answer = subprocess.run(message, cwd="/", env={}, capture_output=True, text=True, check=True, timeout=WAIT_S)

    assert json.loads(answer.stdout) == []
    shown = Path(f"/proc/{desk.pid}/cmdline").read_bytes() + Path(f"/proc/{paper['pid']}/cmdline").read_bytes()
    assert paper["password"].encode() not in shown
    assert console.read("status")["trading"]["state"] == "ACTIVE"


def test_an_older_folder_that_others_could_read_is_closed_by_a_start(console: Console) -> None:
    folder = console.folder / ".desk"
    folder.mkdir(mode=0o755)
    folder.chmod(0o755)
    (folder / "desk.log").write_text("old\n")
    (folder / "desk.log").chmod(0o644)

    desk = console.run()
    desk.send_signal(signal.SIGTERM)
    _, errors = desk.communicate(timeout=WAIT_S)

    assert "others of this machine could read .desk and 1 more; they can no more" in errors
    assert [one for one in (folder, *folder.rglob("*")) if stat.S_IMODE(one.lstat().st_mode) & 0o077] == []


@pytest.mark.parametrize("what", ["deleted", "replaced", "lease"])
def test_a_file_that_is_lost_ends_the_desk_in_order(console: Console, what: str) -> None:
    """FINDINGS B9: a second desk could start on another file, and what this one writes would be gone."""
    desk = console.run()
    folder = console.folder / ".desk"
    match what:
        case "deleted":
            (folder / "desk.db").unlink()
        case "replaced":
            (folder / "other").write_bytes((folder / "desk.db").read_bytes())
            (folder / "other").replace(folder / "desk.db")
        case _:
            (folder / "PAPER.lease").unlink()

    _, errors = desk.communicate(timeout=WAIT_S)

    message = "was replaced by another file" if what == "replaced" else "was deleted or moved"
    assert desk.returncode == 2
    assert message in errors
    assert "put the file back as it was before you start it again" in errors


@pytest.mark.parametrize(
    ("variables", "settings", "message"),
    [
        ({"DESK_ALERTS__URLS": "mailto://x"}, "", "the environment's DESK_ALERTS__URLS cannot be read"),
        ({"DESK_ALERTS__URLS": '["nonsense://x"]'}, "", "that apprise does not understand"),
        ({}, '[[strategies]]\nclass = "../../x:Y"\nname = "n"\n', "strategy 'n': class '../../x:Y' not found"),
        ({}, '[[strategies]]\nclass = "broken:Y"\nname = "n"\n', "strategy 'n': broken can't be loaded (SyntaxError"),
        ({"DESK_DATA_DIR": "desk.toml/x"}, "", "the data directory desk.toml/x cannot be used"),
        ({"DESK_API__TOKEN": "a"}, "", "token must have at least 16 characters"),
    ],
)
def test_what_keeps_it_from_starting_is_one_sentence_and_exit_2(
    console: Console, variables: dict[str, str], settings: str, message: str
) -> None:
    """FINDINGS B11: a service manager starts what ended with 1 again, for ever."""
    (console.folder / "broken.py").write_text("class Y(:\n")
    with (console.folder / "desk.toml").open("a") as file:
        file.write(settings)
    console.environment |= variables

    code, out, errors = console.call("run")

    assert (code, out) == (2, ""), errors
    assert message in errors
    assert "Traceback" not in errors


def test_a_reason_in_any_alphabet_is_told_on_any_console(console: Console) -> None:
    """FINDINGS B11, CASES S7: an ASCII locale, and an old code page."""
    console.run()
    for encoding, word in (("ascii", "halt"), ("cp1252", "exits-only")):
        console.environment |= {"PYTHONIOENCODING": encoding, "LC_ALL": "C"}
        code, out, errors = console.call(word, "--reason", "₹ 5,000 gone 🛑")
        assert (code, errors) == (0, "")
        assert "(? 5,000 gone ?)" in out


def test_errors_under_json_are_json(tmp_path: Path) -> None:
    """FINDINGS D12."""
    console = Console(tmp_path)
    (tmp_path / "desk.toml").unlink()

    code, out, errors = console.call("status", "--json")

    assert (code, errors) == (2, "")
    assert json.loads(out) == {
        "sentence": "there is no desk.toml here; `init` writes one for paper trading, --config names another",
        "exit_code": 2,
    }


def test_it_tells_its_version(tmp_path: Path) -> None:
    assert Console(tmp_path).call("--version")[1].startswith("shoonya-desk ")


def test_live_money_without_a_login_ends_at_once_and_names_what_is_missing(console: Console) -> None:
    (console.folder / "desk.toml").write_text(
        'mode = "live"\nclient_id = "FA1"\n[broker]\nrest_url = "https://broker.invalid/"\n'
    )

    code, _, errors = console.call("run")

    assert code == 2
    for name in ("PASSWORD", "TOTP_SECRET", "VENDOR_CODE", "API_SECRET"):
        assert f"DESK_BROKER__{name}" in errors
    assert not (console.folder / ".desk" / "desk.db").exists()


def test_a_start_says_what_it_took_up(console: Console) -> None:
    """FINDINGS D8."""
    desk = console.run()
    assert console.call(*BUY, "--stop-loss", "1000")[0] == 0
    until(lambda: console.read("stops"), "no stop was armed")
    desk.kill()
    desk.communicate(timeout=WAIT_S)

    desk = console.run()
    desk.send_signal(signal.SIGTERM)
    _, errors = desk.communicate(timeout=WAIT_S)

    assert "taken up from earlier runs: 1 position held, 1 position under stops" in errors
