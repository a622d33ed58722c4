"""A desk in this process, on a fresh database, against the paper broker in another."""

import itertools
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any, Final

from actors.desk import Desk
from actors.messages.alerts import RaiseAlert
from actors.messages.orders import OrderAnswered, OrderDeclined
from console.daemon.config import PAPER_CREDENTIALS
from console.settings_file import load_settings
from domain.alerts.alert import Alert
from domain.orders.command import OrderCommand
from domain.orders.lifecycle import State
from domain.orders.order import Order
from domain.ports import IST
from domain.reconciliation.order_rows import remarks_tag_of
from domain.settings import Settings
from tests.scenarios.books import Line, assert_journal_replays, breaks, journal_of
from tests.scenarios.paper import Paper, Placed
from tests.scenarios.waiting import WAIT_S, until
from tests.timing import patient

CLIENT: Final = "PAPER"
PROOF_WINDOW_S: Final = 0.6
READ_TIMEOUT_S: Final = patient(0.25)
POLL_S: Final = 0.05
HEARTBEAT_S: Final = 0.1
CROSSING: Final = "1502.00"
"""A buy at this price trades at once: RELIANCE stands at 1500."""
RESTING: Final = "1450.00"
"""A buy at this price waits."""

_numbers: Final = itertools.count(1)


class NoFeed:
    """A feed that brings nothing: prices are asked for."""

    def start(self, session: object) -> None:
        """Do nothing."""

    def watch(self, instrument: object) -> None:
        """Do nothing."""

    def stop(self) -> None:
        """Do nothing."""


class Answers:
    """An address that keeps every answer it is told."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._all: list[OrderAnswered | OrderDeclined] = []

    def tell(self, message: OrderAnswered | OrderDeclined) -> None:
        """Keep an answer."""
        with self._lock:
            self._all.append(message)

    def all(self) -> list[OrderAnswered | OrderDeclined]:
        """Return the answers so far."""
        with self._lock:
            return list(self._all)


def settings_for(paper: Paper, path: Path, **sections: Any) -> Settings:  # noqa: ANN401  any section
    """Return settings with short times; a section given here is laid over the usual one."""
    usual: dict[str, dict[str, Any]] = {
        "broker": {
            **PAPER_CREDENTIALS,
            "rest_url": paper.addresses["rest_url"],
            "websocket_url": paper.addresses["websocket_url"],
            "connect_timeout_s": patient(0.5),
            "read_timeout_s": READ_TIMEOUT_S,
            "login_retry_s": 0.2,
            "orders_per_second_max": 500,
        },
        "storage": {"path": path},
        "watcher": {"poll_interval_s": POLL_S, "books_unavailable_s_max": patient(1)},
        "proof": {"books": 3, "window_s": PROOF_WINDOW_S},
        "risk": {"orders_per_day_max": 100_000, "order_notional_max": None},
        "supervisor": {
            "restart_delay_s": 0.02,
            "heartbeat_s": HEARTBEAT_S,
            "heartbeat_missed_max": round(patient(1) / HEARTBEAT_S),
            "shutdown_grace_s": 3.0,
        },
    }
    given = {name: {**values, **sections.pop(name, {})} for name, values in usual.items()}
    return load_settings(None, mode="paper", client_id=CLIENT, **given, **sections)


class ShiftedClock:
    """The machine's time, its wall clock put on or back by `offset_s`; waiting goes on as it does."""

    def __init__(self, offset_s: float = 0.0) -> None:
        self.offset_s = offset_s

    def now(self) -> datetime:
        """Return the aware wall-clock time."""
        return datetime.now(IST) + timedelta(seconds=self.offset_s)

    def monotonic(self) -> float:
        """Return seconds that never step back."""
        return time.monotonic()


@dataclass(slots=True)
class Scene:
    """Owns a desk, its database, and the memory of what the broker had before."""

    paper: Paper
    path: Path
    settings: Settings
    clock: ShiftedClock = field(default_factory=ShiftedClock)
    desk: Desk = field(init=False)
    earlier: frozenset[str] = field(init=False)
    name: str = field(default_factory=lambda: f"s{next(_numbers)}")
    _running: bool = False

    def __post_init__(self) -> None:
        """Remember what the broker has, and start."""
        self.earlier = frozenset(one.number for one in self.paper.ledger().orders)
        self.start()

    # the desk's life

    def start(self, *, ready: bool = True) -> None:
        """Start a desk on the database, and wait until it takes orders, unless something is to speak against it."""
        self.desk = Desk(self.settings, feed=NoFeed(), clock=self.clock)
        self.desk.start()
        self._running = True
        if ready:
            self.until_ready()

    def stop(self, grace_s: float | None = None) -> tuple[str, ...]:
        """Stop the desk in order; return what was in flight."""
        self._running = False
        return self.desk.stop(grace_s)

    def close(self) -> None:
        """End, and hold the database to its journal."""
        if self._running:
            self.stop(grace_s=0)
        assert_journal_replays(self.path)

    def until_ready(self) -> None:
        """Wait until nothing speaks against taking orders."""
        until(lambda: not self.desk.readiness().blockers, lambda: f"not ready: {self.desk.readiness().blockers}")

    # what is asked of it

    def command(self, name: str, **given: Any) -> OrderCommand:  # noqa: ANN401  any field of a command
        """Return an order that trades at once: a limit buy of 10 RELIANCE by a strategy of this scene, unless told."""
        usual = {
            "command_id": f"{self.name}-{name}",
            "client_id": CLIENT,
            "strategy": self.name,
            "intent": "ENTRY",
            "exchange": "NSE",
            "symbol": "RELIANCE-EQ",
            "side": "BUY",
            "quantity": 10,
            "product": "MIS",
            "order_type": "LIMIT",
            "price": CROSSING,
        }
        if given.get("order_type") == "MARKET":
            del usual["price"]
        return OrderCommand.parse({**usual, **given})

    def submit(self, command: OrderCommand) -> Order:
        """Send an order and return it as the caller is answered."""
        answer = self.answer(command)
        assert isinstance(answer, OrderAnswered), answer
        return answer.order

    def answer(self, command: OrderCommand) -> OrderAnswered | OrderDeclined:
        """Send an order and return the caller's answer."""
        answer = self.desk.submit(command, WAIT_S)
        assert answer is not None, f"{command.command_id} was not answered"
        return answer

    def send(self, command: OrderCommand) -> Answers:
        """Send an order without waiting."""
        answers = Answers()
        self.desk.send(command, answers)
        return answers

    # what became of it

    def order(self, command: OrderCommand) -> Order:
        """Return the order as the database has it."""
        timeline = self.desk.timeline(command.command_id)
        assert timeline is not None, f"{command.command_id} is not known"
        return timeline.order

    def until_state(self, command: OrderCommand, *states: State, within_s: float = WAIT_S) -> Order:
        """Wait until the order has come to one of these states; it may not even be registered yet."""

        def look() -> bool:
            timeline = self.desk.timeline(command.command_id)
            return timeline is not None and timeline.order.state in states

        until(look, lambda: f"{states} expected: {self.order(command)}", within_s)
        return self.order(command)

    def journal(self, command: OrderCommand) -> list[Line]:
        """Return the order's journal, oldest first."""
        self.order(command)
        return journal_of(self.path, command.command_id)

    def events(self, command: OrderCommand) -> list[str]:
        """Return what happened to the order."""
        return [line.event for line in self.journal(command)]

    def held(self, strategy: str | None = None) -> int:
        """Return the units that a strategy holds, all symbols together."""
        return sum(self.desk.holdings().positions.get(strategy or self.name, {}).values())

    # the judge

    def at_broker(self, command: OrderCommand) -> Placed:
        """Return the one order that the broker has of this command."""
        (placed,) = self.paper.ledger().tagged(remarks_tag_of(command))
        return placed

    def is_nowhere(self, command: OrderCommand) -> bool:
        """Say whether the broker never had this order."""
        return not self.paper.ledger().tagged(remarks_tag_of(command))

    def times_sent(self, command: OrderCommand) -> int:
        """Return how often a request to place this command arrived."""
        return self.paper.ledger().times_sent(remarks_tag_of(command))

    def breaks(self) -> list[str]:
        """Return every difference between our books and the broker's ledger."""
        ledger = self.paper.ledger()
        ours = frozenset(one.number for one in ledger.orders) - self.earlier
        return breaks(self.path, ledger, ours)

    def until_books_agree(self, within_s: float = WAIT_S) -> None:
        """Wait until our rows and fills equal the broker's ledger."""
        until(lambda: not self.breaks(), lambda: "; ".join(self.breaks()[:5]), within_s)


class Pushed(Scene):
    """A scene whose desk hears the broker's feed."""

    def start(self, *, ready: bool = True) -> None:
        """Start a desk on the database, and wait until it takes orders and hears updates."""
        self.desk = Desk(self.settings, clock=self.clock)
        self.desk.start()
        self._running = True
        if ready:
            self.until_ready()
        self.until_fed()

    def until_fed(self) -> None:
        """Wait until the feed is logged in."""
        until(lambda: self.desk.status().feed == "logged in", "the feed did not come up")


def listen(scene: Scene) -> list[Alert]:
    """Hear the alerts of this desk from now on."""
    heard: list[Alert] = []

    class Ear:
        def tell(self, message: object) -> None:
            if isinstance(message, RaiseAlert):
                heard.append(message.alert)

    scene.desk._wiring.notifier.connect(Ear())
    return heard


MakeScene = Callable[..., Scene]
