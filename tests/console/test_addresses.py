"""The real command line, and what it may never send: paper leaves no machine, live sends nothing in plain text."""

import os
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from console.daemon.paper import remembered_paper

ROOT = Path(__file__).resolve().parents[2]
WAIT_S = 60
SECRETS = {
    "DESK_BROKER__USER_ID": "FA00001",
    "DESK_BROKER__PASSWORD": "hunter2-Geheim",
    "DESK_BROKER__TOTP_SECRET": "JBSWY3DPEHPK3PXP",
    "DESK_BROKER__API_SECRET": "api-secret-9f8e7d",
}


@pytest.fixture
def trap() -> Iterator[socket.socket]:
    """Return a listener that nobody should come to; disguised spellings of 127.0.0.1 lead to it."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        server.setblocking(False)  # noqa: FBT003  the socket's own way
        yield server


def run(folder: Path, mode: str, broker: str, **more: str) -> "subprocess.CompletedProcess[str]":
    text = f'mode = "{mode}"\nclient_id = "FA00001"\n[api]\nport = 0\n[broker]\n{broker}\n'
    folder.joinpath("desk.toml").write_text(text, encoding="utf-8")
    kept = {name: value for name, value in os.environ.items() if not name.startswith("DESK_")}
    return subprocess.run(
        [sys.executable, str(ROOT / "main.py"), "run"],
        cwd=folder,
        env={**kept, **SECRETS, **more},
        capture_output=True,
        text=True,
        timeout=WAIT_S,
        check=False,
    )


def assert_it_ended_before_it_began(
    done: "subprocess.CompletedProcess[str]", trap: socket.socket, folder: Path
) -> None:
    assert (done.returncode, done.stdout) == (2, "")
    assert len(done.stderr.splitlines()) == 1, done.stderr
    assert "Traceback" not in done.stderr
    assert not any(secret in done.stderr for secret in SECRETS.values())
    assert not folder.joinpath(".desk").exists()
    with pytest.raises(BlockingIOError):
        trap.accept()


WRONG = [
    ("paper", 'rest_url = "https://noren.broker.invalid/NorenWClientTP/"', "broker.rest_url leads to"),
    ("paper", 'rest_url = "http://2130706433:PORT/"', "broker.rest_url leads to '2130706433'"),
    ("paper", 'rest_url = "http://[::ffff:127.0.0.1]:PORT/"', "broker.rest_url leads to"),
    ("paper", 'websocket_url = "ws://0.0.0.0:PORT/"', "broker.websocket_url leads to '0.0.0.0'"),
    ("paper", 'rest_url = "http://FA00001:hunter2-Geheim@127.0.0.1:PORT/"', "without a user or password"),
    ("live", 'rest_url = "http://2130706433:PORT/"', "broker.rest_url is plain http:// to '2130706433'"),
    (
        "live",
        'rest_url = "https://127.0.0.1:PORT/"\nwebsocket_url = "ws://[::ffff:127.0.0.1]:PORT/"',
        "broker.websocket_url is plain ws:// to '::ffff:127.0.0.1'",
    ),
]


@pytest.mark.parametrize(("mode", "broker", "sentence"), WRONG)
def test_a_run_ends_with_exit_2_and_one_sentence_and_sends_nothing(
    tmp_path: Path, trap: socket.socket, mode: str, broker: str, sentence: str
) -> None:
    done = run(tmp_path, mode, broker.replace("PORT", str(trap.getsockname()[1])))

    assert sentence in done.stderr
    assert_it_ended_before_it_began(done, trap, tmp_path)


def test_an_address_in_the_environment_is_held_against_the_mode_too(tmp_path: Path, trap: socket.socket) -> None:
    url = f"http://[::ffff:127.0.0.1]:{trap.getsockname()[1]}/"

    done = run(tmp_path, "paper", "", DESK_BROKER__REST_URL=url)

    assert "broker.rest_url leads to" in done.stderr
    assert_it_ended_before_it_began(done, trap, tmp_path)


def test_a_mode_in_the_environment_is_held_against_the_address_too(tmp_path: Path, trap: socket.socket) -> None:
    done = run(tmp_path, "live", 'rest_url = "https://noren.broker.invalid/"', DESK_MODE="paper")

    assert "broker.rest_url leads to 'noren.broker.invalid'" in done.stderr
    assert_it_ended_before_it_began(done, trap, tmp_path)


@pytest.mark.parametrize("name", ["rest_url", "websocket_url", "admin_url"])
def test_a_remembered_paper_broker_on_another_machine_is_not_asked(
    tmp_path: Path, trap: socket.socket, name: str
) -> None:
    port = trap.getsockname()[1]
    addresses = {"rest_url": "http", "admin_url": "http", "websocket_url": "ws"}
    here = {key: f"{scheme}://127.0.0.1:{port}/" for key, scheme in addresses.items()}
    there = here | {name: f"{addresses[name]}://[::ffff:127.0.0.1]:{port}/"}
    tmp_path.joinpath("paper.json").write_text(str(there).replace("'", '"'), encoding="utf-8")

    assert remembered_paper(tmp_path) is None

    with pytest.raises(BlockingIOError):
        trap.accept()


@pytest.mark.parametrize("name", ["HTTP_PROXY", "http_proxy", "ALL_PROXY"])
def test_the_paper_broker_is_asked_through_no_proxy(
    tmp_path: Path, trap: socket.socket, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    monkeypatch.setenv(name, f"http://127.0.0.1:{trap.getsockname()[1]}")
    monkeypatch.setenv("NO_PROXY", "")
    monkeypatch.setenv("no_proxy", "")
    with socket.create_server(("127.0.0.1", 0)) as closed:
        port = closed.getsockname()[1]
    here = f'"rest_url": "http://127.0.0.1:{port}/", "admin_url": "http://127.0.0.1:{port}/admin"'
    text = f'{{{here}, "websocket_url": "ws://127.0.0.1:{port}/"}}'
    tmp_path.joinpath("paper.json").write_text(text, encoding="utf-8")

    assert remembered_paper(tmp_path) is None

    with pytest.raises(BlockingIOError):
        trap.accept()
