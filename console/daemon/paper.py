"""The paper broker as a process of its own: in the foreground, as the demo's child, or outliving the desk."""

import json
import os
import subprocess
import sys
import threading
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import requests
from loguru import logger

from console.endpoint import write_private
from console.errors import PlainError
from domain.broker.addresses import address_objection

START_WAIT_S: Final = 20.0
STOP_WAIT_S: Final = 10.0
LOOK_EVERY_S: Final = 0.05
HEALTH_WAIT_S: Final = 2.0
PAPER_FILE: Final = "paper.json"

_HOME: Final = Path(__file__).resolve().parents[2]
_OURS: Final = "DESK_"


@dataclass(slots=True)
class PaperBroker:
    """A paper broker that listens: its addresses, and its process when we started it."""

    addresses: dict[str, Any]
    process: "subprocess.Popen[bytes] | None" = None

    def stop(self) -> None:
        """End the process we started, and no other."""
        if self.process is None or self.process.poll() is not None:
            return
        self.process.terminate()
        try:
            self.process.wait(STOP_WAIT_S)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait(STOP_WAIT_S)


def paper_command(host: str, port: int, data_dir: Path, seed: int | None) -> list[str]:
    """Return the command line of the paper broker."""
    command = [sys.executable, "-m", "broker.paper", "--host", host, "--port", str(port), "--data-dir", str(data_dir)]
    return command if seed is None else [*command, "--seed", str(seed)]


def paper_environment() -> dict[str, str]:
    """Return the child's environment: it finds our packages from any folder, and is told nothing of the desk's."""
    kept = {name: value for name, value in os.environ.items() if not name.upper().startswith(_OURS)}
    paths = [str(_HOME), *filter(None, [kept.get("PYTHONPATH")])]
    return {**kept, "PYTHONPATH": os.pathsep.join(paths)}


def run_paper(host: str, port: int, data_dir: Path, seed: int | None) -> int:
    """Run the paper broker in the foreground until it is ended; return its exit code."""
    command = paper_command(host, port, data_dir, seed)
    if os.name == "posix":
        os.execve(command[0], command, paper_environment())  # noqa: S606  becomes the broker: signals reach it
    process = subprocess.Popen(command, env=paper_environment())  # noqa: S603  our own module
    try:
        return process.wait()
    except KeyboardInterrupt:
        # The child hears the same Ctrl-C, and ends in order.
        return process.wait()


def remembered_paper(data_dir: Path) -> PaperBroker | None:
    """Return the paper broker that an earlier `run` left in paper.json, if it still listens on this machine."""
    try:
        addresses = json.loads((data_dir / PAPER_FILE).read_text(encoding="utf-8"))
        if not _are_here(addresses):
            logger.warning("{} does not name a paper broker on this machine, so another one is started", PAPER_FILE)
            return None
        with requests.Session() as session:
            session.trust_env = False  # no proxy of the environment between us and our own broker
            health_url = f"{addresses['admin_url'].rstrip('/')}/health"
            answer = session.get(health_url, timeout=HEALTH_WAIT_S, allow_redirects=False)
    except (OSError, ValueError, KeyError, AttributeError, TypeError, requests.RequestException):
        return None
    return PaperBroker(addresses) if answer.ok else None


def _are_here(addresses: dict[str, Any]) -> bool:
    """Say whether all that a paper broker is reached by lies on this machine."""
    schemes = {"admin_url": "http", "rest_url": "http", "websocket_url": "ws"}
    return not any(address_objection(name, addresses[name], scheme, paper=True) for name, scheme in schemes.items())


def lasting_paper(data_dir: Path) -> PaperBroker:
    """Return the remembered paper broker, or start one that outlives this process and remember it."""
    found = remembered_paper(data_dir)
    if found is not None:
        logger.info("the paper broker listens at {}", found.addresses["rest_url"])
        return found
    started = start_paper(data_dir / "paper")
    write_private(data_dir / PAPER_FILE, json.dumps(started.addresses) + "\n")
    logger.info("started the paper broker at {}", started.addresses["rest_url"])
    return started


def start_paper(data_dir: Path, seed: int | None = None) -> PaperBroker:
    """Start a paper broker on a free loopback port and wait until it listens; raise `PlainError` when it doesn't.

    It is in a session of its own: a terminal's Ctrl-C reaches us and not the broker that our orders are at.
    """
    data_dir.mkdir(parents=True, exist_ok=True)
    told, log = data_dir / "started.json", data_dir / "paper.log"
    apart: dict[str, Any] = {"start_new_session": True} if os.name == "posix" else {"creationflags": 0x208}
    with told.open("wb") as out, log.open("ab") as errors:
        process = subprocess.Popen(  # noqa: S603  our own module
            [*paper_command("127.0.0.1", 0, data_dir, seed), "--new-password"],
            stdin=subprocess.DEVNULL,
            stdout=out,
            stderr=errors,
            env=paper_environment(),
            **apart,
        )
    broker = PaperBroker({}, process)
    try:
        broker.addresses = _first_line(told, process, log)
    except BaseException:
        broker.stop()
        raise
    return broker


def _first_line(told: Path, process: "subprocess.Popen[bytes]", log: Path) -> dict[str, Any]:
    """Wait for the line in which the paper broker says where it listens."""
    pause = threading.Event()
    for _ in range(int(START_WAIT_S / LOOK_EVERY_S)):
        line, end, _ = told.read_text(encoding="utf-8").partition("\n")
        if end:
            addresses: dict[str, Any] = json.loads(line)
            return addresses
        if process.poll() is not None:
            raise PlainError(f"the paper broker did not start; {log} says why ({_last_text(log)})")
        pause.wait(LOOK_EVERY_S)
    raise PlainError(f"the paper broker did not listen within {START_WAIT_S:g} s; look into {log}")


def _last_text(log: Path) -> str:
    lines = log.read_text(encoding="utf-8", errors="replace").strip().splitlines()
    return lines[-1][:200] if lines else "it said nothing"
