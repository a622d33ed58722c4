"""The real thing: `main.py run` as a process of its own, and its HTTP API."""

import json
import os
import signal
import subprocess
import sys
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

import requests

from console.daemon.config import PAPER_CREDENTIALS
from tests.forked import Forked
from tests.scenarios.paper import HOME, Paper
from tests.scenarios.waiting import WAIT_S, until
from tests.timing import patient

TOKEN: Final = "the-token-of-the-scenarios"

CONFIG: Final = """\
client_id = "PAPER"
mode = "paper"
data_dir = "{folder}"

[broker]
rest_url = "{rest_url}"
websocket_url = "{websocket_url}"
connect_timeout_s = {connect_timeout_s}
read_timeout_s = {read_timeout_s}
login_retry_s = 0.2
orders_per_second_max = 500

[watcher]
poll_interval_s = {poll_s}
books_unavailable_s_max = {blind_s}

[proof]
books = 3
window_s = {window_s}

[api]
port = 0
answer_wait_s_max = {answer_s}

[risk]
orders_per_day_max = 100000

[supervisor]
shutdown_grace_s = {grace_s}
"""


def command_line(*message: str) -> list[str]:
    """Return how a person starts the command line."""
    return [sys.executable, str(HOME / "main.py"), *message]


def environment() -> dict[str, str]:
    """Return the environment of a desk's process: the credentials of the paper broker, the token of our API."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("DESK_")}
    secrets = {f"DESK_BROKER__{name.upper()}": value for name, value in PAPER_CREDENTIALS.items()}
    return {**kept, **secrets, "DESK_API__TOKEN": TOKEN}


def write_config(
    folder: Path,
    paper: Paper,
    *,
    read_timeout_s: float = patient(0.25),
    window_s: float = 0.5,
    grace_s: float = 3.0,
    poll_s: float = 0.05,
) -> Path:
    """Write the settings of a desk with short times; its database is `desk.db` in the same folder."""
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / "desk.toml"
    where = {name: paper.addresses[name] for name in ("rest_url", "websocket_url")}
    times = {"read_timeout_s": read_timeout_s, "window_s": window_s, "grace_s": grace_s, "poll_s": poll_s}
    times |= {"connect_timeout_s": patient(0.5), "answer_s": patient(2.5), "blind_s": patient(0.5)}
    path.write_text(CONFIG.format(folder=folder, **where, **times), encoding="utf-8")
    return path


@dataclass(slots=True)
class DeskProcess:
    """One run of the desk, from its start to its end. `out` and `errors` are files, so that no pipe can fill."""

    config: Path
    number: int = 0
    module: str | None = None
    """What stands in for `main.py`."""
    cold: bool = False
    """It loads all that it is made of, as when a person starts it: where the time of a start counts."""
    process: "Forked | subprocess.Popen[bytes]" = field(init=False)

    def __post_init__(self) -> None:
        """Start it; it is not ready yet."""
        api = self.config.parent / "api.json"
        api.unlink(missing_ok=True)
        message = ("run", "--config", str(self.config))
        with self._out.open("wb") as out, self._errors.open("wb") as errors:  # emptied, for either
            if self.cold or self.module is not None:
                program = ["-m", self.module] if self.module is not None else [str(HOME / "main.py")]
                command = [sys.executable, *program, *message]
                self.process = subprocess.Popen(command, stdout=out, stderr=errors, cwd=HOME, env=environment())
                return
        self.process = Forked(
            HOME / "main.py", *message, folder=HOME, environment=environment(), out=self._out, errors=self._errors
        )

    @property
    def _out(self) -> Path:
        return self.config.parent / f"out-{self.number}.log"

    @property
    def _errors(self) -> Path:
        return self.config.parent / f"errors-{self.number}.log"

    @property
    def said(self) -> str:
        """Return what it wrote for people, both streams."""
        return self._out.read_text(encoding="utf-8") + self._errors.read_text(encoding="utf-8")

    @property
    def is_ready(self) -> bool:
        """Say whether it has said that it takes orders."""
        return "ready:" in self._out.read_text(encoding="utf-8")

    def until_ready(self, within_s: float = WAIT_S) -> None:
        """Wait for the line that it prints when it takes orders."""

        def look() -> bool:
            assert self.process.poll() is None, f"it ended with {self.process.returncode}: {self.said[-2000:]}"
            return self.is_ready

        until(look, lambda: f"it is not ready: {self.said[-2000:]}", within_s)

    @property
    def url(self) -> str | None:
        """Return where its API is, None before it listens."""
        try:
            return str(json.loads((self.config.parent / "api.json").read_text(encoding="utf-8"))["url"])
        except FileNotFoundError:
            return None

    def kill(self) -> None:
        """End it by SIGKILL: nothing of it runs any more when this returns."""
        self.process.kill()
        self.process.wait(WAIT_S)

    def terminate(self) -> int:
        """End it by SIGTERM, and return its exit code."""
        self.process.send_signal(signal.SIGTERM)
        return self.process.wait(WAIT_S)

    def close(self) -> None:
        """Leave nothing running."""
        if self.process.poll() is None:
            self.kill()


class Caller:
    """Someone who asks the API, with a connection and the token."""

    def __init__(self) -> None:
        self._session = requests.Session()
        self._session.trust_env = False
        self._session.headers["Authorization"] = f"Bearer {TOKEN}"

    def post(self, url: str, order: dict[str, Any], within_s: float = WAIT_S) -> requests.Response:
        """Send an order."""
        return self.ask(url, "/orders", order, within_s)

    def ask(self, url: str, path: str, given: dict[str, Any], within_s: float = WAIT_S) -> requests.Response:
        """Ask for something."""
        return self._session.post(url + path, json=given, timeout=within_s)

    def get(self, url: str, path: str) -> dict[str, Any]:
        """Read something."""
        answer = self._session.get(url + path, timeout=WAIT_S)
        shown: dict[str, Any] = answer.json()
        return shown

    def close(self) -> None:
        """Let go of the connection."""
        self._session.close()


def an_order(command_id: str, **given: Any) -> dict[str, Any]:  # noqa: ANN401  any field of an order
    """Return the JSON of an order that trades at once, of a strategy of its own."""
    return {
        "command_id": command_id,
        "strategy": command_id,
        "intent": "ENTRY",
        "exchange": "NSE",
        "symbol": "RELIANCE-EQ",
        "side": "BUY",
        "quantity": 1,
        "product": "MIS",
        "order_type": "LIMIT",
        "price": "1502.00",
        **given,
    }
