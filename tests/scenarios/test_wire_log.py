"""A desk that is killed with a full queue knows at once which of its orders had not left, and sends none of them."""

import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from domain.orders.lifecycle import State
from domain.orders.reasons import Reason
from tests.scenarios.books import assert_journal_replays, own_rows_of
from tests.scenarios.paper import Paper
from tests.scenarios.process import DeskProcess, an_order, write_config
from tests.scenarios.test_lock import tell
from tests.scenarios.waiting import until

ORDERS = 8
PROOF_S = 600.0
"""No proof of absence by the books comes within this test."""


@pytest.fixture
def run_desk(tmp_path: Path, paper: Paper) -> Iterator[Callable[[], DeskProcess]]:
    """Run desks on one database, one after the other."""
    config = write_config(tmp_path / "desk", paper, window_s=PROOF_S, read_timeout_s=10.0)
    desks: list[DeskProcess] = []

    def run() -> DeskProcess:
        desks.append(DeskProcess(config, len(desks)))
        desks[-1].until_ready()
        return desks[-1]

    yield run
    for desk in desks:
        desk.close()


@pytest.mark.parametrize("log_is_lost", [False, True])
def test_what_waits_for_its_turn_at_a_kill_is_ended_at_once_and_never_sent(
    run_desk: Callable[[], DeskProcess], paper: Paper, tmp_path: Path, *, log_is_lost: bool
) -> None:
    database = tmp_path / "desk" / "desk.db"
    desk = run_desk()
    arrived = len(paper.ledger().arrivals)
    paper.fault("PlaceOrder", "slow_after", seconds=8)
    orders = [an_order(f"{tmp_path.name}-{n}"[-60:]) for n in range(ORDERS)]
    callers = [threading.Thread(target=tell, args=(str(desk.url), one)) for one in orders]
    for one in callers:
        one.start()
    until(lambda: len(paper.ledger().arrivals) > arrived, "none has left")
    until(lambda: _have_all_passed_step_3(database), lambda: str(_states(database)), 7)

    desk.kill()
    for one in callers:
        one.join()
    if log_is_lost:
        database.with_name("desk.db-wire.log").unlink()
    paper.clear_faults()
    last = run_desk()

    (left, *_) = paper.ledger().arrivals[arrived:]
    rows = own_rows_of(database)
    waited = {name: row for name, row in rows.items() if row["remarks_tag"] != left[0]}
    assert len(waited) == ORDERS - 1
    if log_is_lost:
        assert {row["state"] for row in waited.values()} == {State.UNCONFIRMED}
    else:
        ends = {(row["state"], row["tag"]) for row in waited.values()}
        assert ends == {(State.NOT_PLACED, Reason.NEVER_LEFT)}
    until(lambda: _sent(database, left[0]) == State.FILLED, "the one that had left was not found")
    assert len(paper.ledger().arrivals) == arrived + 1
    assert last.terminate() == 0
    assert_journal_replays(database)


def _states(database: Path) -> list[str]:
    return [row["state"] for row in own_rows_of(database).values()]


def _have_all_passed_step_3(database: Path) -> bool:
    """Say whether every order is on its way; an update may have told of the one that has left by now."""
    states = _states(database)
    return len(states) == ORDERS and states.count(State.SENDING) >= ORDERS - 1 and State.CREATED not in states


def _sent(database: Path, tag: str | None) -> str:
    return str(next(row["state"] for row in own_rows_of(database).values() if row["remarks_tag"] == tag))
