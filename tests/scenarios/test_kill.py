"""D1: `kill -9` of the running desk at any moment, any number of times, also while it recovers; and cuts of the power.

Callers keep sending orders over the API and send each again, under the same id, until they are answered: what a
careful client does. The broker stays up and misbehaves too. At the end its ledger judges.
"""

import os
import random
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Final

import pytest

from domain.orders.lifecycle import State
from tests.scenarios import power
from tests.scenarios.books import assert_journal_replays, breaks, journal_of, rows_of
from tests.scenarios.crowd import Crowd, misbehave
from tests.scenarios.paper import MakePaper, Paper
from tests.scenarios.process import DeskProcess, write_config
from tests.scenarios.waiting import until

KILLS: Final = int(os.environ.get("KILLS", "8"))
"""`make kill` wants more."""
CUTS: Final = int(os.environ.get("CUTS", "3"))
TRIES: Final = 60
"""So many lives more, at most, are killed until the kills have met what they have to meet."""
TRIES_S: Final = 240
ON_ITS_WAY: Final = frozenset({State.SENDING, State.UNCONFIRMED})
SETTLED: Final = frozenset(
    {State.WORKING, State.PARTIALLY_FILLED, State.FILLED, State.CANCELED, State.REJECTED}
    | {State.BLOCKED, State.REFUSED, State.NOT_PLACED}
)


@pytest.fixture
def crowd() -> Iterator[Crowd]:
    crowd = Crowd(seed=20)
    yield crowd
    crowd.stop()


def run_and_kill(config: Path, crowd: Crowd, kills: int, chance: random.Random) -> Counter[str]:
    """Start the desk and kill it, again and again; return how often it was killed in which part of its life.

    Every third kill comes about when the last start was between its middle and just past its end, every third as soon
    as an order is on its way, and every third as soon as an exit more has filled: on a slow machine few orders come
    between two kills. It goes on for a while where the kills have not met enough yet.
    """
    moments: Counter[str] = Counter()
    database = config.parent / "desk.db"
    start_s = 1.0
    gives_up_at = time.monotonic() + TRIES_S + 12 * kills
    for number in range(kills + TRIES):
        if number >= kills and (not _not_met(database, crowd, moments) or time.monotonic() > gives_up_at):
            break
        desk = DeskProcess(config, number)
        try:
            if number % 3 == 1:
                _let_live(desk, crowd, start_s * chance.uniform(0.6, 1.05))
            else:
                start_s = _let_live(desk, crowd, 30, until_ready=True)
                _let_live(desk, crowd, chance.uniform(0.01, 1.5))
            if number % 3 == 2:
                _await(lambda: any(row["state"] in ON_ITS_WAY for row in rows_of(database).values()))
            elif number % 3 == 0:
                _await_filled_exit(database)
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


def _await(look: Callable[[], bool]) -> None:
    """Wait a while until the database shows it; what doesn't come in this life may come in the next."""
    pause = threading.Event()
    ends_at = time.monotonic() + 3.0
    while time.monotonic() < ends_at and not look():
        pause.wait(0.01)


def _await_filled_exit(database: Path) -> None:
    filled = _filled_exits(database)
    _await(lambda: _filled_exits(database) > filled)


@pytest.mark.long
@pytest.mark.timeout(120 + TRIES_S + 18 * KILLS)
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
    last = DeskProcess(config, kills + TRIES)
    try:
        last.until_ready(30)
        until(lambda: _unsettled(database) == [], lambda: f"unsettled: {_unsettled(database)[:5]}", 30)
        until(lambda: _differences(database, paper) == [], lambda: "; ".join(_differences(database, paper)[:5]), 20)
        assert last.terminate() == 0
    finally:
        last.close()

    assert_journal_replays(database)
    _assert_nothing_twice(database, paper, crowd)
    assert _not_met(database, crowd, moments) == []


def run_and_cut(config: Path, crowd: Crowd, cuts: int, chance: random.Random) -> int:
    """Start the desk and cut its power, mostly when some of its database is on no disk; return how often it lost some.

    Each life is as short as to leave orders of the one before unsettled: it is cut in its recovery too.
    """
    pause = threading.Event()
    lost = 0
    for number in range(3 * cuts):
        if number >= cuts and lost >= cuts // 2:
            break
        desk = DeskProcess(config, number, "tests.scenarios.power")
        try:
            _let_live(desk, crowd, 30, until_ready=True)
            ends_at = time.monotonic() + _let_live(desk, crowd, chance.uniform(0.01, 1.0)) + 2.0
            while number % 4 and time.monotonic() < ends_at and not power.is_unsynced(config.parent):
                pause.wait(0.0002)
            assert desk.process.poll() is None, f"it ended by itself: {desk.said[-2000:]}"
        finally:
            crowd.url = None
            desk.close()
        lost += power.cut(config.parent)
    return lost


@pytest.mark.long
@pytest.mark.timeout(120 + 18 * CUTS)
@pytest.mark.parametrize("cuts", [pytest.param(CUTS, id=f"{CUTS}-cuts")])
def test_a_desk_whose_power_is_cut_again_and_again_sends_nothing_twice_and_learns_every_fate(
    make_paper: MakePaper, tmp_path: Path, crowd: Crowd, cuts: int
) -> None:
    """D1: what was committed and not yet synced is gone, and nothing of it had left."""
    paper = make_paper()
    misbehave(paper)
    config = write_config(tmp_path / "desk", paper, read_timeout_s=0.3, window_s=1.0)
    database = config.parent / "desk.db"
    crowd.start()

    lost = run_and_cut(config, crowd, cuts, random.Random(12))  # noqa: S311  repeatable moments, not a secret
    crowd.stop()
    paper.clear_faults()
    last = DeskProcess(config, 3 * cuts)
    try:
        last.until_ready(30)
        until(lambda: _unsettled(database) == [], lambda: f"unsettled: {_unsettled(database)[:5]}", 30)
        until(lambda: _differences(database, paper) == [], lambda: "; ".join(_differences(database, paper)[:5]), 20)
        assert last.terminate() == 0
    finally:
        last.close()

    assert_journal_replays(database)
    _assert_nothing_twice(database, paper, crowd)
    assert lost >= cuts // 2, "the cuts met commits that were on no disk"


def _unsettled(database: Path) -> list[str]:
    return [f"{name} {row['state']}" for name, row in rows_of(database).items() if row["state"] not in SETTLED]


def _differences(database: Path, paper: Paper) -> list[str]:
    ledger = paper.ledger()
    return breaks(database, ledger, frozenset(one.number for one in ledger.orders))


def _assert_nothing_twice(database: Path, paper: Paper, crowd: Crowd) -> None:
    """Nothing was sent twice, nor without its row, nor was more sold than held; who was answered has his row."""
    rows, ledger = rows_of(database), paper.ledger()
    sent = Counter(tag for tag, _, _ in ledger.arrivals)
    lines = [line for line in journal_of(database) if line.event == "CHANGE_REQUESTED"]
    asked = Counter((line.command_id, line.inputs["change_id"]) for line in lines)
    assert max(asked.values(), default=0) <= 1, "a change id was sent twice"
    twice = [tag for tag, times in sent.items() if times > 1]
    assert not twice, f"sent more than once: {twice}"
    assert set(sent) <= {row["remarks_tag"] for row in rows.values()}, "every request that arrived had its row before"
    assert set(crowd.answered) <= set(rows) <= crowd.sent
    net = Counter({row["strategy"]: 0 for row in rows.values()})
    for row in rows.values():
        net[row["strategy"]] += row["filled_quantity"] if row["side"] == "BUY" else -row["filled_quantity"]
    oversold = {strategy: held for strategy, held in net.items() if held < 0}
    assert not oversold, f"sold more than was held: {oversold}"


def _not_met(database: Path, crowd: Crowd, moments: Counter[str]) -> list[str]:
    """Name what the kills have to meet and have not met: without it the test would not be one."""
    rows = rows_of(database)
    events = Counter(line.event for line in journal_of(database))
    found = Counter(row["state"] for row in rows.values())
    half = KILLS // 2
    has_met = {
        "a kill while it started": moments["starting"] >= 1 + KILLS // 20,
        "kills of a ready desk": moments["ready"] >= half,
        "kills while orders were under way": events["RESTARTED"] >= half,
        "orders sent again": crowd.sent_again >= KILLS,
        "an order that filled": found[State.FILLED] > 0,
        "an order that rests": found[State.WORKING] > 0,
        "an order that was not placed": found[State.NOT_PLACED] > 0,
        "an order that was rejected": found[State.REJECTED] > 0,
        "exits that filled": _filled_exits(database) >= max(1, sum(moments.values()) // 20),
        "a kill between the wire and the record": bool(_found_by_tag(database)),
    }
    return [what for what, is_met in has_met.items() if not is_met]


def _filled_exits(database: Path) -> int:
    return sum(row["intent"] == "EXIT" and row["state"] == State.FILLED for row in rows_of(database).values())


def _found_by_tag(database: Path) -> list[str]:
    """Return the orders that a restart knew nothing of, and that were at the broker all the same."""
    rows = rows_of(database)
    restarted = {line.command_id for line in journal_of(database) if line.event == "RESTARTED"}
    return [name for name in restarted if rows[name]["broker_order_id"] is not None]
