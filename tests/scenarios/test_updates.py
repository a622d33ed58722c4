"""Updates by push, through the real feed: early, doubled, out of order, lost (R11)."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from loguru import logger

from domain.orders.lifecycle import State
from tests.scenarios.paper import Paper
from tests.scenarios.scene import RESTING, Pushed, settings_for
from tests.scenarios.waiting import until

FAR_APART_S = 30.0


@pytest.fixture
def pushed(paper: Paper, tmp_path: Path) -> Iterator[Pushed]:
    path = tmp_path / "pushed.db"
    settings = settings_for(paper, path, watcher={"poll_interval_s": FAR_APART_S, "books_unavailable_s_max": 60.0})
    scene = Pushed(paper, path, settings)
    yield scene
    scene.close()


def test_a_watcher_that_is_started_anew_knows_how_the_feed_stands(pushed: Pushed, deaths: list[str]) -> None:
    first = pushed.desk._wiring.refs["WatcherActor"]
    first.tell("no message of ours")
    until(lambda: pushed.desk._wiring.refs["WatcherActor"] is not first, "no watcher was started in its place")

    assert pushed.desk.status().feed == "logged in"
    assert len(deaths) == 1


def test_a_start_with_a_position_asks_the_broker_for_nothing_before_the_login(pushed: Pushed) -> None:
    """What is held is watched from the start: its instrument was once looked up before there was a session."""
    command = pushed.command("held")
    pushed.submit(command)
    pushed.until_state(command, State.FILLED)
    pushed.stop(grace_s=0)
    logged: list[str] = []
    sink = logger.add(logged.append, level="WARNING")

    pushed.start()

    logger.remove(sink)
    assert not [one for one in logged if "library failed" in one or "nobody is connected" in one]


def test_a_fill_is_told_by_push_without_a_poll(pushed: Pushed, paper: Paper) -> None:
    command = pushed.command("rests", price=RESTING)
    pushed.submit(command)
    read = paper.books_read

    paper.fill(pushed.at_broker(command).number, 4)
    partly = pushed.until_state(command, State.PARTIALLY_FILLED)
    paper.fill(pushed.at_broker(command).number, 6)
    filled = pushed.until_state(command, State.FILLED)

    assert (partly.filled_quantity, filled.filled_quantity) == (4, 10)
    assert paper.books_read == read
    assert any("update" in line.inputs for line in pushed.journal(command))


@pytest.mark.parametrize(("kind", "count"), [("duplicate", None), ("reorder", 2), ("delay", None)])
def test_updates_that_are_doubled_swapped_or_late_make_one_order_and_its_quantity(
    pushed: Pushed, paper: Paper, kind: str, count: int | None
) -> None:
    paper.fault("om", kind, count=count, seconds=0.2)
    command = pushed.command("met")

    pushed.submit(command)
    filled = pushed.until_state(command, State.FILLED)

    assert (filled.filled_quantity, pushed.times_sent(command)) == (10, 1)
    assert pushed.held() == 10


def test_updates_before_the_reply_are_believed_and_the_reply_changes_nothing(pushed: Pushed, paper: Paper) -> None:
    paper.fault("PlaceOrder", "slow_after", seconds=0.3)
    command = pushed.command("early")

    answers = pushed.send(command)
    until(lambda: pushed.desk.timeline(command.command_id), "it was not registered")
    pushed.until_state(command, State.FILLED)
    until(answers.all, "the caller was not answered")

    order = pushed.order(command)
    assert (order.state, order.filled_quantity, order.broker_order_id) == (
        State.FILLED,
        10,
        pushed.at_broker(command).number,
    )
    assert len(answers.all()) == 1
    assert pushed.times_sent(command) == 1


def test_an_update_finds_an_order_whose_reply_was_lost(pushed: Pushed, paper: Paper) -> None:
    """R1 by push: no book is needed."""
    paper.fault("PlaceOrder", "timeout_after", seconds=1.0)
    command = pushed.command("lost")

    pushed.submit(command)

    assert pushed.until_state(command, State.FILLED).broker_order_id == pushed.at_broker(command).number
    assert pushed.times_sent(command) == 1


def test_what_was_lost_while_the_feed_was_down_is_read_when_it_is_up_again(pushed: Pushed, paper: Paper) -> None:
    paper.fault("om", "drop", count=None)
    command = pushed.command("dropped")
    pushed.submit(command)
    until(lambda: pushed.at_broker(command).filled == 10, "it did not fill")
    paper.clear_faults()

    paper.close_sockets()

    pushed.until_state(command, State.FILLED)
