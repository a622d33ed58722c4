"""D2: the database fails under a desk on real parts; nothing is lost, nothing doubled, and it catches up by itself."""

import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import pytest

from actors.messages import OrderDeclined
from domain.lifecycle import State
from domain.reasons import Reason
from tests.scenarios.paper import Paper
from tests.scenarios.scene import RESTING, MakeScene, Scene
from tests.scenarios.waiting import until


@contextmanager
def locked(path: Path) -> Iterator[None]:
    """Another process's hand on the database: nobody else writes."""
    with closing(sqlite3.connect(path, isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        yield
        other.execute("ROLLBACK")


@contextmanager
def full(path: Path) -> Iterator[None]:
    """A database that takes no new journal line, as a full disk would not."""
    refuse = "CREATE TRIGGER full BEFORE INSERT ON order_events BEGIN SELECT RAISE(ABORT, 'disk is full'); END"
    with closing(sqlite3.connect(path, isolation_level=None, timeout=5)) as other:
        other.execute(refuse)
        yield
        other.execute("DROP TRIGGER full")


@pytest.fixture
def scene(make_scene: MakeScene, paper: Paper, tmp_path: Path) -> Scene:
    return make_scene(paper, storage={"path": tmp_path / "desk-0.db", "busy_timeout_ms": 50})


@pytest.mark.parametrize("trouble", [locked, full])
def test_an_order_that_cannot_be_registered_is_declined_and_nothing_is_sent(scene: Scene, trouble: object) -> None:
    """Step 1."""
    assert callable(trouble)
    with trouble(scene.path):
        answer = scene.answer(scene.command("first"))

    assert isinstance(answer, OrderDeclined)
    assert answer.reason is Reason.DATABASE_UNAVAILABLE
    assert scene.is_nowhere(scene.command("first"))
    again = scene.submit(scene.command("first"))
    assert again.state is State.WORKING, "the same command id may come again"
    scene.until_state(again.command, State.FILLED)
    scene.until_books_agree()


@pytest.mark.parametrize("trouble", [locked, full])
def test_what_the_books_tell_while_nothing_can_be_written_is_written_later(
    scene: Scene, paper: Paper, trouble: object
) -> None:
    """Step 6: entries pause meanwhile."""
    assert callable(trouble)
    resting = scene.command("rests", price=RESTING)
    scene.submit(resting)
    number = scene.at_broker(resting).number

    with trouble(scene.path):
        paper.fill(number, 10)
        until(lambda: any("wait for the database" in one for one in scene.desk.readiness().reasons), "nobody noticed")
        declined = scene.answer(scene.command("more", strategy=f"{scene.name}-more"))
        assert isinstance(declined, OrderDeclined)
        assert declined.reason is Reason.DATABASE_UNAVAILABLE

    assert scene.until_state(resting, State.FILLED).filled_quantity == 10
    scene.until_ready()
    scene.until_books_agree()


def test_a_reply_that_cannot_be_written_is_answered_and_written_later(scene: Scene, paper: Paper) -> None:
    """Step 5: the broker has the order, the caller is told so, and the row follows."""
    paper.fault("PlaceOrder", "slow_after", seconds=0.3)
    command = scene.command("met")
    answers = scene.send(command)
    until(lambda: paper.ledger().tagged(scene.order(command).remarks_tag) if _known(scene, "met") else (), "not sent")

    with locked(scene.path):
        (answer,) = until(answers.all, "the caller was not answered")
        assert getattr(answer, "order").state is State.WORKING  # noqa: B009  either kind of answer is shown by it

    scene.until_state(command, State.FILLED)
    assert scene.times_sent(command) == 1
    scene.until_books_agree()


def _known(scene: Scene, name: str) -> bool:
    return scene.desk.timeline(scene.command(name).command_id) is not None
