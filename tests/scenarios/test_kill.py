"""D1: `kill -9` of the running desk at any moment, any number of times, also while it recovers.

Callers keep sending orders over the API and send each again, under the same id, until they are answered: what a
careful client does. The broker stays up and misbehaves too. At the end its ledger judges.
"""

import os
import random
import threading
import time
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

import pytest
import requests

from domain.lifecycle import State
from tests.scenarios.books import assert_journal_replays, disagreements, journal_of, rows_of
from tests.scenarios.paper import MakePaper, Paper
from tests.scenarios.process import Caller, DeskProcess, an_order, write_config
from tests.scenarios.waiting import WAIT_S, until

KILLS: Final = int(os.environ.get("KILLS", "22"))
"""`make kill` wants more."""
CALLERS: Final = 8
SETTLED: Final = frozenset(
    {State.WORKING, State.PARTLY_FILLED, State.FILLED, State.CANCELED, State.REJECTED}
    | {State.BLOCKED, State.REFUSED, State.NOT_PLACED}
)
MISBEHAVIOURS: Final = (
    ("timeout_after", 0.01),
    ("reset_after", 0.05),
    ("empty_after", 0.05),
    ("html_502_after", 0.03),
    ("truncated_after", 0.03),
    ("reset_before", 0.03),
    ("refuse", 0.03),
    ("partial_fill", 0.1),
    ("no_fill", 0.1),
    ("reject_later", 0.05),
)


@dataclass
class Crowd:
    """Owns the callers' threads: each sends orders, and again what was not answered, wherever the desk is now."""

    seed: int
    url: str | None = None
    stopping: threading.Event = field(default_factory=threading.Event)
    answered: dict[str, int] = field(default_factory=dict)
    sent: set[str] = field(default_factory=set)
    sent_again: int = 0

    def start(self) -> None:
        self._threads = [threading.Thread(target=self._call, args=(number,)) for number in range(CALLERS)]
        for thread in self._threads:
            thread.start()

    def stop(self) -> None:
        self.stopping.set()
        for thread in self._threads:
            thread.join(WAIT_S)
            assert not thread.is_alive()

    def _call(self, number: int) -> None:
        chance = random.Random(self.seed * 100 + number)  # noqa: S311  a repeatable flood, not a secret
        caller = Caller()
        unanswered: list[dict[str, Any]] = []
        known: list[dict[str, Any]] = []
        count = 0
        while not self.stopping.is_set():
            url = self.url
            if url is None:
                self.stopping.wait(0.005)
                continue
            if unanswered and chance.random() < 0.7:
                order = unanswered.pop(0)
                self.sent_again += 1
            elif known and chance.random() < 0.3:
                order = chance.choice(known)
                if chance.random() < 0.7:
                    count += 1
                    order = _exit_of(order, f"x{number}-{count}")
            else:
                count += 1
                order = _some_order(f"k{number}-{count}", chance)
                known.append(order)
            if not self._send(caller, url, order):
                unanswered.append(order)
                self.stopping.wait(0.01)
        caller.close()

    def _send(self, caller: Caller, url: str, order: dict[str, Any]) -> bool:
        """Send an order; an order that the desk did not take may come again, as one that was not answered must."""
        self.sent.add(order["command_id"])
        try:
            answer = caller.post(url, order, within_s=8.0)
        except requests.RequestException:
            return False
        if answer.status_code == 503:
            return False
        self.answered[order["command_id"]] = answer.status_code
        return True


def _some_order(command_id: str, chance: random.Random) -> dict[str, Any]:
    """Return an order that trades, rests, or waits for its trigger."""
    kind = chance.randrange(5)
    if kind == 0:
        return an_order(command_id, price="1450.00", quantity=chance.randint(1, 20))
    if kind == 1:
        return an_order(command_id, order_type="SL", price="1560.00", trigger_price="1550.00")
    return an_order(command_id, quantity=chance.randint(2, 20))


def _exit_of(entry: dict[str, Any], command_id: str) -> dict[str, Any]:
    """Return an exit that asks for more than its strategy can hold."""
    return {
        **an_order(command_id, intent="EXIT", side="SELL", quantity=100, price="1499.00"),
        "strategy": entry["strategy"],
    }


@pytest.fixture
def crowd() -> Iterator[Crowd]:
    crowd = Crowd(seed=20)
    yield crowd
    crowd.stop()


def misbehave(paper: Paper) -> None:
    """Let a share of all orders meet trouble, for ever."""
    for kind, probability in MISBEHAVIOURS:
        paper.fault("PlaceOrder", kind, probability=probability, count=None, seconds=0.3)


def run_and_kill(config: Path, crowd: Crowd, kills: int, chance: random.Random) -> Counter[str]:
    """Start the desk and kill it, again and again; return how often it was killed in which part of its life.

    Every third kill comes about when the last start was between its middle and just past its end.
    """
    moments: Counter[str] = Counter()
    start_s = 1.0
    for number in range(kills):
        desk = DeskProcess(config, number)
        try:
            if number % 3 == 1:
                _let_live(desk, crowd, start_s * chance.uniform(0.6, 1.05))
            else:
                start_s = _let_live(desk, crowd, 30, until_ready=True)
                _let_live(desk, crowd, chance.uniform(0.01, 0.5))
            moments["ready" if desk.is_ready else "starting"] += 1
            assert desk.process.poll() is None, f"it ended by itself: {desk.said[-2000:]}"
        finally:
            crowd.url = None
            desk.close()
    return moments


def _let_live(desk: DeskProcess, crowd: Crowd, seconds: float, *, until_ready: bool = False) -> float:
    """Let the desk run for so long, and the callers reach it as soon as its API listens: exits are taken first.

    Return how long it was.
    """
    pause = threading.Event()
    began = time.monotonic()
    ends_at = began + seconds
    while time.monotonic() < ends_at and not (until_ready and desk.is_ready):
        crowd.url = crowd.url or desk.url
        pause.wait(0.005)
    return time.monotonic() - began


@pytest.mark.long
@pytest.mark.timeout(120 + 6 * KILLS)
@pytest.mark.parametrize("kills", [pytest.param(KILLS, id=f"{KILLS}-kills")])
def test_a_desk_killed_again_and_again_sends_nothing_twice_and_learns_every_fate(
    make_paper: MakePaper, tmp_path: Path, crowd: Crowd, kills: int
) -> None:
    """D1."""
    paper = make_paper()
    misbehave(paper)
    config = write_config(tmp_path / "desk", paper, read_timeout_s=0.3, window_s=1.0)
    database = config.parent / "desk.db"
    crowd.start()

    moments = run_and_kill(config, crowd, kills, random.Random(11))  # noqa: S311  repeatable moments, not a secret
    crowd.stop()
    paper.clear_faults()
    last = DeskProcess(config, kills)
    try:
        last.until_ready(30)
        until(lambda: _unsettled(database) == [], lambda: f"unsettled: {_unsettled(database)[:5]}", 30)
        until(lambda: _differences(database, paper) == [], lambda: "; ".join(_differences(database, paper)[:5]), 20)
        assert last.terminate() == 0
    finally:
        last.close()

    assert_journal_replays(database)
    _assert_the_kills_were_felt(database, paper, crowd, moments)


def _unsettled(database: Path) -> list[str]:
    return [f"{name} {row['state']}" for name, row in rows_of(database).items() if row["state"] not in SETTLED]


def _differences(database: Path, paper: Paper) -> list[str]:
    ledger = paper.ledger()
    return disagreements(database, ledger, frozenset(one.number for one in ledger.orders))


def _assert_the_kills_were_felt(database: Path, paper: Paper, crowd: Crowd, moments: Counter[str]) -> None:
    """Nothing was sent twice; and the test was one: kills met orders under way, and callers came again."""
    rows, ledger = rows_of(database), paper.ledger()
    sent = Counter(tag for tag, _, _ in ledger.arrivals)
    twice = [tag for tag, times in sent.items() if times > 1]
    assert not twice, f"sent more than once: {twice}"
    assert set(sent) <= {row["remarks_tag"] for row in rows.values()}, "every request that arrived had its row before"
    assert set(crowd.answered) <= set(rows) <= crowd.sent
    net = Counter({row["strategy"]: 0 for row in rows.values()})
    for row in rows.values():
        net[row["strategy"]] += row["filled_quantity"] if row["side"] == "BUY" else -row["filled_quantity"]
    oversold = {strategy: held for strategy, held in net.items() if held < 0}
    assert not oversold, f"sold more than was held: {oversold}"
    events = Counter(line.event for line in journal_of(database))
    found = Counter(row["state"] for row in rows.values())
    assert moments["starting"] >= 2, moments
    assert moments["ready"] >= 10
    assert events["RESTART"] >= 10, "kills found orders under way"
    assert crowd.sent_again >= 20
    assert min(found[state] for state in (State.FILLED, State.WORKING, State.NOT_PLACED, State.REJECTED)) > 0, found
    assert sum(row["intent"] == "EXIT" and row["state"] == State.FILLED for row in rows.values()) >= 5
    restarted = {line.command_id for line in journal_of(database) if line.event == "RESTART"}
    live = [name for name in restarted if rows[name]["broker_order_id"] is not None]
    assert live, "a kill came between the wire and the record, and the order was found by its tag"
