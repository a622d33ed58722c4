"""D2: the database fails under a desk on real parts; nothing is lost, nothing doubled, and it catches up by itself."""

import sqlite3
import threading
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, closing, contextmanager
from typing import Final, TypeAlias

import pytest

from actors.errors import DeskStartError
from actors.messages.orders import OrderAnswered, OrderDeclined
from domain.orders.command import OrderCommand
from domain.orders.lifecycle import State
from domain.orders.reasons import Reason
from tests.scenarios.books import rows_of
from tests.scenarios.paper import MakePaper, Paper
from tests.scenarios.scene import RESTING, Answers, MakeScene, Scene
from tests.scenarios.waiting import LONG, WAIT_S, until
from tests.storage.test_integrity import tear

Trouble: TypeAlias = Callable[[Scene], AbstractContextManager[None]]


@contextmanager
def locked(scene: Scene) -> Iterator[None]:
    """Another process's hand on the database: nobody else writes."""
    with closing(sqlite3.connect(scene.path, isolation_level=None, timeout=WAIT_S)) as other:
        other.execute("BEGIN IMMEDIATE")
        yield
        other.execute("ROLLBACK")


@contextmanager
def full(scene: Scene) -> Iterator[None]:
    """A database that takes no new journal line, as a full disk would not."""
    refuse = "CREATE TRIGGER full BEFORE INSERT ON order_events BEGIN SELECT RAISE(ABORT, 'disk is full'); END"
    with closing(sqlite3.connect(scene.path, isolation_level=None, timeout=WAIT_S)) as other:
        other.execute(refuse)
        yield
        other.execute("DROP TRIGGER full")


@contextmanager
def read_only(scene: Scene) -> Iterator[None]:
    """A database that the desk reads and cannot write, as on a disk that was remounted so."""
    _tell_connection(scene, "PRAGMA query_only = ON")
    yield
    _tell_connection(scene, "PRAGMA query_only = OFF")


def _tell_connection(scene: Scene, message: str) -> None:
    """Say something to the desk's own connection, in the thread that owns it."""
    repo = scene.desk._wiring.refs["RepoActor"]._actor_weakref()
    assert repo is not None
    said = threading.Event()

    def say(connection: sqlite3.Connection) -> None:
        connection.execute(message)
        said.set()

    scene.desk._wiring.loop.take_turn(say, repo._repository._connection)
    assert said.wait(WAIT_S)


READ_TIMEOUT_S: Final = 2 * WAIT_S
"""So long the desk waits for the broker here: the tests let go of what the broker holds, and it is never reached."""
TROUBLES: Final = (locked, full, read_only)


@pytest.fixture
def fresh(make_paper: MakePaper) -> Paper:
    """Return a paper broker where nobody has traded: a desk asks for an instrument only when an order needs it."""
    paper = make_paper()
    paper.set_price("NSE", "RELIANCE-EQ", "1500.00")
    return paper


@pytest.fixture(autouse=True)
def _try_again_soon(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("actors.command.records.RETRY_UNRECORDED_S", 0.1)
    monkeypatch.setattr("actors.repo.actor.TRY_AGAIN_S", 0.1)


@pytest.fixture
def scene(make_scene: MakeScene, paper: Paper) -> Scene:
    """Return a desk whose patience with the database is short, and which reads the books often."""
    return _hasty(make_scene, paper)


@pytest.fixture
def first(make_scene: MakeScene, fresh: Paper) -> Scene:
    """Return such a desk, the first in its account."""
    return _hasty(make_scene, fresh)


def _hasty(make_scene: MakeScene, paper: Paper) -> Scene:
    return make_scene(
        paper,
        broker={"read_timeout_s": READ_TIMEOUT_S},
        storage={"busy_timeout_ms": 50},
        watcher={"poll_interval_s": 0.015, "books_unavailable_s_max": READ_TIMEOUT_S},
    )


@pytest.mark.parametrize("trouble", TROUBLES)
def test_an_order_that_cannot_be_registered_is_declined_and_nothing_is_sent(scene: Scene, trouble: Trouble) -> None:
    """Step 1."""
    with trouble(scene):
        answer = scene.answer(scene.command("first"))

    assert isinstance(answer, OrderDeclined)
    assert answer.reason is Reason.DATABASE_UNAVAILABLE
    assert scene.is_nowhere(scene.command("first"))
    again = scene.submit(scene.command("first"))
    assert again.state is State.WORKING, "the same command id may come again"
    scene.until_state(again.command, State.FILLED)
    scene.until_books_agree()


@pytest.mark.parametrize("trouble", TROUBLES)
def test_an_order_goes_on_when_step_3_cannot_be_written_and_is_written_later(first: Scene, trouble: Trouble) -> None:
    """Step 3, the guide's rule: sent once, its caller told the truth, and entries pause until the database writes."""
    scene = first
    command = scene.command("goes-on")
    answers, go_on = _registered(scene, command)

    with trouble(scene):
        go_on()
        (answer,) = until(answers.all, "the caller was not answered")
        assert isinstance(answer, OrderAnswered)
        assert answer.order.state in {State.WORKING, State.FILLED}
        assert scene.at_broker(command).quantity == 10
        assert rows_of(scene.path)[command.command_id]["state"] == State.CREATED, "the database knows no better"
        _assert_entries_pause(scene)

    assert scene.until_state(command, State.FILLED).filled_quantity == 10
    scene.until_ready()
    scene.until_books_agree()
    assert scene.times_sent(command) == 1
    assert Reason.STEP_3_UNRECORDED in {line.tag for line in scene.journal(command)}
    assert len(answers.all()) == 1


@pytest.mark.parametrize("trouble", [locked, full])
def test_an_order_sent_past_the_database_is_found_by_its_tag_by_the_next_start(first: Scene, trouble: Trouble) -> None:
    """Steps 3 and 5: the desk ends before either could be written; all that is on disk is the registration."""
    scene = first
    command = scene.command("unwritten")
    answers, go_on = _registered(scene, command)

    with trouble(scene):
        go_on()
        until(answers.all, "the caller was not answered")
        scene.stop(grace_s=0)

    assert rows_of(scene.path)[command.command_id]["state"] == State.CREATED
    scene.start()
    scene.until_state(command, State.FILLED)
    scene.until_books_agree()
    assert scene.times_sent(command) == 1
    assert next(line for line in scene.journal(command) if line.inputs).inputs["matched_by"] == "tag"


@pytest.mark.parametrize("trouble", TROUBLES)
def test_a_reply_that_cannot_be_written_is_answered_and_written_later(scene: Scene, trouble: Trouble) -> None:
    """Step 5: the broker has the order, the caller is told so, and the row follows."""
    command = scene.command("met")
    answers, go_on = _at_the_broker(scene, command)

    with trouble(scene):
        go_on()
        (answer,) = until(answers.all, "the caller was not answered")
        assert isinstance(answer, OrderAnswered)
        assert answer.order.state is State.WORKING
        _assert_entries_pause(scene)

    scene.until_state(command, State.FILLED)
    assert scene.times_sent(command) == 1
    scene.until_ready()
    scene.until_books_agree()


@pytest.mark.parametrize("trouble", TROUBLES)
def test_what_the_books_tell_while_nothing_can_be_written_is_written_later(
    scene: Scene, paper: Paper, trouble: Trouble
) -> None:
    """Step 6: entries pause meanwhile."""
    resting = scene.command("rests", price=RESTING)
    scene.submit(resting)
    number = scene.at_broker(resting).number

    with trouble(scene):
        paper.fill(number, 10)
        _assert_entries_pause(scene)

    assert scene.until_state(resting, State.FILLED).filled_quantity == 10
    scene.until_ready()
    scene.until_books_agree()


def _assert_entries_pause(scene: Scene) -> None:
    until(
        lambda: any("wait for the database" in one.detail for one in scene.desk.readiness().blockers), "nobody noticed"
    )
    declined = scene.answer(scene.command("more", strategy=f"{scene.name}-more"))
    assert isinstance(declined, OrderDeclined)
    assert declined.reason is Reason.DATABASE_UNAVAILABLE


SLOW_S: Final = 5.0 if LONG else 0.5


@pytest.fixture
def patient(make_scene: MakeScene, fresh: Paper) -> Scene:
    """Return a desk that waits for the database for longer than it is slow."""
    return make_scene(
        fresh, broker={"read_timeout_s": READ_TIMEOUT_S}, storage={"busy_timeout_ms": round(1_000 * WAIT_S)}
    )


@pytest.mark.parametrize("step", [1, 3])
def test_a_slow_database_holds_an_order_back_until_it_is_stored(patient: Scene, step: int) -> None:
    """Steps 1 and 3: nobody is declined, and nothing leaves meanwhile."""
    command = patient.command("waits")
    held = _registered(patient, command) if step == 3 else None

    with locked(patient):
        answers, go_on = held or (patient.send(command), _nothing)
        go_on()
        threading.Event().wait(SLOW_S)
        assert not answers.all()
        assert patient.times_sent(command) == 0

    (answer,) = until(answers.all, "the caller was not answered")
    assert isinstance(answer, OrderAnswered)
    patient.until_state(command, State.FILLED)
    assert Reason.STEP_3_UNRECORDED not in {line.tag for line in patient.journal(command)}
    patient.until_books_agree()
    assert patient.times_sent(command) == 1


@pytest.mark.parametrize("step", [5, 6])
def test_a_slow_database_is_told_later_what_the_caller_knows_already(patient: Scene, step: int) -> None:
    """Steps 5 and 6: the broker has the order; only its row is late."""
    command = patient.command("late")
    answers, go_on = _at_the_broker(patient, command)
    if step == 6:
        go_on()
        until(answers.all, "the caller was not answered")

    with locked(patient):
        if step == 5:
            go_on()
        (answer,) = until(answers.all, "the caller was not answered")
        threading.Event().wait(SLOW_S)

    assert isinstance(answer, OrderAnswered)
    assert answer.order.state is State.WORKING
    patient.until_state(command, State.FILLED)
    # The lock held the comparing up as well: the next book shows that all is well.
    until(lambda: not patient.desk.readiness().blockers, "the desk does not see again")
    patient.until_books_agree()
    assert patient.times_sent(command) == 1


GoOn: TypeAlias = Callable[[], None]


def _nothing() -> None:
    """Let go of nothing."""


def _registered(scene: Scene, command: OrderCommand) -> tuple[Answers, GoOn]:
    """Send an order, and hold it between steps 1 and 3: its instrument is long in coming."""
    held, go_on = _hold(scene.paper, "SearchScrip", "slow")
    answers = scene.send(command)
    until(lambda: command.command_id in rows_of(scene.path), "it was not registered")
    until(lambda: scene.paper.fired(held), "its instrument was not asked for")
    return answers, go_on


def _at_the_broker(scene: Scene, command: OrderCommand) -> tuple[Answers, GoOn]:
    """Send an order, and hold it between steps 4 and 5: its reply is long in coming."""
    _, go_on = _hold(scene.paper, "PlaceOrder", "slow_after")
    answers = scene.send(command)
    until(lambda: scene.times_sent(command), "it was not sent")
    return answers, go_on


def _hold(paper: Paper, route: str, kind: str) -> tuple[int, GoOn]:
    """Let the broker hold its next answer on this route until it is let go; return the fault's number besides."""
    fault = paper.fault(route, kind, seconds=2 * READ_TIMEOUT_S)
    return fault, lambda: paper.end_fault(fault)


def test_damage_that_a_start_has_not_looked_for_ends_the_desk_and_the_next_start_refuses(scene: Scene) -> None:
    scene.stop()
    whole = scene.path.read_bytes()
    tear(scene.path, "fills")

    scene.start(ready=False)
    until(lambda: scene.desk.wait_for_failure(0.01), "the damage was not found")
    found = scene.desk.wait_for_failure(0.0) or ""
    scene.stop()
    with pytest.raises(DeskStartError, match="is damaged") as refused:
        scene.start(ready=False)

    assert "is damaged" in found
    assert str(scene.path) in str(refused.value)
    scene.path.write_bytes(whole)
