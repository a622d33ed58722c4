"""A paper broker as a process, a client for it, and an exchange whose time the test turns."""

# ruff: noqa: ANN401  the client has no types, and JSON has any

import json
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import requests
import websocket
from NorenRestApiPy.NorenApi import NorenApi

from broker.paper.api.sessions import totp
from broker.paper.clock import IST, Moment, next_opening
from broker.paper.engine.exchange import Exchange
from broker.paper.engine.instruments import Catalogue, Instrument
from broker.paper.engine.market import Market
from broker.paper.engine.orders import Order, Ticket
from broker.paper.settings import PaperSettings
from tests.timing import patient

WAIT_S = patient(5)
LOOK_S = 0.01
USER, PASSWORD, VENDOR, API_SECRET = "PAPER", "paper", "PAPER_U", "paper-secret"
TOTP_SECRET = "JBSWY3DPEHPK3PXP"
_WEDNESDAY = 2
MONDAY = datetime(2026, 11, 23, 10, 0, tzinfo=IST)


_pause = threading.Event()
"""Waits as the whole suite does, which also holds where a test's clock is put on from outside."""


def wait_until(holds: Callable[[], object], wait_s: float = WAIT_S) -> None:
    """Look again and again, within a bound."""
    ends_at = time.monotonic() + wait_s
    while not holds():
        assert time.monotonic() < ends_at, "it did not come true in time"
        _pause.wait(LOOK_S)


def code_now(ahead_s: float = 0.0) -> str:
    return totp(TOTP_SECRET, int(time.time() + ahead_s) // 30)


@dataclass
class Paper:
    """Owns one paper broker's process; started on a free port, ended by its own handle."""

    data_dir: Path
    options: tuple[str, ...] = ()
    where: dict[str, Any] = field(default_factory=dict)
    ended: bool = False

    def start(self) -> "Paper":
        command = [sys.executable, "-m", "broker.paper", "--data-dir", str(self.data_dir), *self.options]
        self.process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        assert self.process.stdout is not None
        self.where = json.loads(self.process.stdout.readline())
        return self

    def end(self) -> int:
        if self.process.poll() is None:
            self.process.terminate()
        return self._reap()

    def kill(self) -> None:
        self.process.kill()
        self._reap()

    def _reap(self) -> int:
        late = threading.Timer(WAIT_S, self.process.kill)
        late.start()
        _, self.errors = self.process.communicate()
        late.cancel()
        late.join()
        self.ended = True
        return self.process.returncode

    def client(self, ahead_s: float = 0.0) -> Any:
        """Return the library's client, logged in at a server whose clock is so far ahead."""
        api = self.stranger()
        assert api.login(USER, PASSWORD, code_now(ahead_s), VENDOR, API_SECRET, "imei")["stat"] == "Ok"
        return api

    def stranger(self) -> Any:
        """Return the library's client, not logged in."""
        return NorenApi(host=self.where["rest_url"], websocket=self.where["websocket_url"])

    def post(self, route: str, body: str, **given: Any) -> requests.Response:
        return requests.post(self.where["rest_url"] + route, data=body, timeout=WAIT_S, **given)

    def ask(self, route: str, token: str, /, **fields: object) -> Any:
        body = "jData=" + json.dumps({"uid": USER, "actid": USER, **fields}) + f"&jKey={token}"
        return self.post(route, body).json()

    def admin(self, method: str, what: str, **given: object) -> Any:
        answer = requests.request(method, f"{self.where['admin_url']}/{what}", json=given or None, timeout=WAIT_S)
        assert answer.status_code == 200, answer.text
        return answer.json()

    def fault(self, route: str, kind: str, **given: object) -> int:
        number = self.admin("POST", "faults", route=route, kind=kind, **given)["id"]
        assert isinstance(number, int)
        return number

    def order(self, remarks: str) -> dict[str, Any] | None:
        """Return what the broker itself knows of the order with this tag."""
        orders = self.admin("GET", "ledger")["orders"]
        found = [one for one in orders if one["remarks"] == remarks]
        assert len(found) < 2
        return found[0] if found else None

    def status(self, remarks: str) -> str | None:
        order = self.order(remarks)
        return order["status"] if order else None


class Talk:
    """One WebSocket in the hands of a test."""

    def __init__(self, paper: Paper) -> None:
        self.socket: Any = websocket.create_connection(paper.where["websocket_url"], timeout=WAIT_S)

    def say(self, **frame: str) -> None:
        self.socket.send(json.dumps(frame))

    def hear(self) -> dict[str, str]:
        frame: dict[str, str] = json.loads(self.socket.recv())
        return frame

    def hear_until(self, kind: str, count: int = 1) -> list[dict[str, str]]:
        found: list[dict[str, str]] = []
        while len(found) < count:
            frame = self.hear()
            if frame["t"] == kind:
                found.append(frame)
        return found

    def log_in(self, token: str) -> dict[str, str]:
        self.say(t="c", uid=USER, actid=USER, susertoken=token, source="API")
        return self.hear()


def seconds_to_next_noon() -> float:
    """Return how far it is to noon of the day of trade after this one."""
    return (_next_noon() - datetime.now(tz=IST)).total_seconds()


def seconds_to_wednesday_noon() -> float:
    """Return how far it is to noon of a Wednesday to come: no contract expires that night by itself."""
    noon = _next_noon()
    noon += timedelta(days=(_WEDNESDAY - noon.weekday()) % 7)
    return (noon - datetime.now(tz=IST)).total_seconds()


def _next_noon() -> datetime:
    day = Moment(datetime.now(tz=IST), 0.0).day
    return next_opening(datetime(day.year, day.month, day.day, 23, tzinfo=IST)).replace(hour=12)


def token_of(api: Any) -> str:
    token = api._NorenApi__susertoken
    assert isinstance(token, str)
    return token


def buy(api: Any, remarks: str | None, price: float = 1650.0, quantity: int = 1) -> Any:
    """Buy shares at a limit; at 1650 the market is always there, at 1350.1 never."""
    return api.place_order("B", "I", "NSE", "RELIANCE-EQ", quantity, 0, "LMT", price, remarks=remarks)


class Timeline:
    """Owns a catalogue, a frozen market and an exchange, and the time they are told."""

    def __init__(self, at: datetime = MONDAY, **given: Any) -> None:
        self.settings = PaperSettings(**given)
        self.now = Moment(at, 1000.0)
        self.catalogue = Catalogue(at)
        self.market = Market(self.catalogue, 1, at)
        self.exchange = Exchange(self.market, self.settings, self.now.day)

    def scrip(self, symbol: str = "RELIANCE-EQ") -> Instrument:
        found = self.catalogue.by_symbol("NSE" if symbol.endswith("-EQ") else "NFO", symbol)
        assert found is not None
        return found

    def place(self, **given: Any) -> Order:
        behaviour = given.pop("behaviour", None)
        return self.exchange.place(self.ticket(**given), self.now, behaviour)

    def ticket(self, symbol: str = "RELIANCE-EQ", **given: Any) -> Ticket:
        values: dict[str, Any] = {
            "instrument": self.scrip(symbol),
            "side": "B",
            "product": "I",
            "price_type": "LMT",
            "price": Decimal("1600.00"),
            "trigger": None,
            "quantity": 10,
            "disclosed": 0,
            "retention": "DAY",
            "remarks": "tag",
        }
        return Ticket(**{**values, **given})

    def later(self, seconds: float) -> None:
        """Let time pass, stopping at everything that is due."""
        ends_at = self.now.monotonic + seconds
        while (due := self.exchange.next_due) is not None and due <= ends_at:
            self._turn_to(due)
            self.exchange.advance(self.now)
        self._turn_to(ends_at)

    def price(self, price: str, symbol: str = "RELIANCE-EQ") -> None:
        """Move the market there, and let it be matched."""
        self.market.set_price(self.scrip(symbol), Decimal(price), self.now.at)
        self.exchange.match(self.now)

    def _turn_to(self, monotonic: float) -> None:
        passed = timedelta(seconds=monotonic - self.now.monotonic)
        self.now = Moment(self.now.at + passed, monotonic)


def told(order: Order) -> list[tuple[str, str]]:
    """Return an order's life as report and status."""
    return [(event.report.value, event.status.value) for event in order.events]
