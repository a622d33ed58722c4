"""What the desk makes of its own trouble and of floods (docs of the rows: SCENARIOS, D1 to D11)."""

import random
import threading
from collections import Counter

import pykka
import pytest

from actors.messages.orders import OrderAnswered, OrderDeclined
from actors.watcher import WatcherActor
from domain.broker.snapshots import Book, OrderRow
from domain.orders.command import OrderCommand
from domain.orders.lifecycle import State
from domain.reconciliation.reconciler import Known, Reconciled, Reconciler
from domain.settings import ProofSettings, WatcherSettings
from tests.scenarios.paper import MakePaper, Paper, until_books_are_read
from tests.scenarios.scene import CLIENT, RESTING, Answers, MakeScene, Scene
from tests.scenarios.waiting import WAIT_S, until
from tests.timing import patient


def watcher_of(scene: Scene) -> "pykka.ActorRef[WatcherActor]":
    return scene.desk._wiring.refs["WatcherActor"]


def kill_watcher(scene: Scene) -> None:
    """Send the watcher what it cannot understand; the next one is started by the supervisor."""
    ref = watcher_of(scene)
    ref.tell("no message of ours")
    until(lambda: not ref.is_alive(), "the watcher did not die")


class Stuck(Reconciler):
    """A comparison that never comes back, until it is let go."""

    def __init__(self, let_go: threading.Event) -> None:
        super().__init__(Known(), CLIENT, ProofSettings(), WatcherSettings())
        self.began = threading.Event()
        self._let_go = let_go

    def compare(self, book: Book[OrderRow]) -> Reconciled:
        del book
        self.began.set()
        self._let_go.wait(WAIT_S)
        return Reconciled((), (), whole=False)


def test_a_watcher_that_dies_is_replaced_and_orders_keep_flowing(scene: Scene, paper: Paper, deaths: list[str]) -> None:
    """D3: what moved while nobody watched is found by the next watcher."""
    paper.fault("PlaceOrder", "empty_after", after=1)
    before, lost, after = (scene.command(name, strategy=name) for name in ("before", "lost", "after"))
    first = watcher_of(scene)

    scene.submit(before)
    kill_watcher(scene)
    assert scene.submit(lost).state is State.UNCONFIRMED
    assert scene.submit(after).state is State.WORKING

    until(lambda: watcher_of(scene) is not first, "no watcher was started in its place")
    for command in (before, lost, after):
        scene.until_state(command, State.FILLED)
        assert scene.times_sent(command) == 1
    scene.until_books_agree()
    assert scene.desk.wait_for_failure(0) is None
    assert len(deaths) == 1


def test_a_watcher_that_hangs_is_replaced_and_orders_keep_flowing(scene: Scene) -> None:
    """D3: alive by name, unheard of by heartbeat."""
    hung = watcher_of(scene)
    actor = hung._actor_weakref()
    assert actor is not None
    let_go = threading.Event()
    stuck = Stuck(let_go)
    actor._reconciler = stuck
    assert stuck.began.wait(WAIT_S)
    command = scene.command("meanwhile")

    assert scene.submit(command).state is State.WORKING
    until(lambda: watcher_of(scene) is not hung, "no watcher was started in its place", 3.0)

    scene.until_state(command, State.FILLED)
    scene.until_books_agree()
    assert hung.is_alive()
    let_go.set()
    until(lambda: not hung.is_alive(), "the hung watcher did not end")
    # What it said of its book at last counts as blindness, until the next book of its successor.
    scene.until_ready()
    scene.submit(scene.command("later", strategy="later"))
    scene.until_state(scene.command("later"), State.FILLED)
    scene.until_books_agree()


def test_a_watcher_that_dies_a_sixth_time_ends_the_desk_and_says_why(scene: Scene, deaths: list[str]) -> None:
    """D3: five restarts within the minute, then an orderly end; the books are caught up by the next start."""
    command = scene.command("open")
    for _ in range(5):
        ref = watcher_of(scene)
        kill_watcher(scene)
        until(lambda ref=ref: watcher_of(scene) is not ref, "no watcher was started in its place")  # type: ignore[misc]
    assert scene.desk.wait_for_failure(0) is None
    kill_watcher(scene)
    scene.submit(command)

    failure = scene.desk.wait_for_failure(WAIT_S)

    assert failure is not None
    assert "the watcher was restarted 5 times and failed again" in failure
    assert len(deaths) == 6
    scene.stop()
    scene.start()
    scene.until_state(command, State.FILLED)
    scene.until_books_agree()
    assert scene.times_sent(command) == 1


ORDERS = 1_000
REPEATED = 50
PER_SECOND = 200


def test_a_thousand_orders_at_once_reach_the_broker_once_each_and_under_the_ceiling(
    make_scene: MakeScene, make_paper: MakePaper
) -> None:
    """D6: fifty ids come twice, so 950 orders leave; no calendar or rolling second has more than the ceiling."""
    paper = make_paper("--orders-per-s-max", str(PER_SECOND))
    scene = make_scene(paper, broker={"orders_per_second_max": PER_SECOND}, watcher={"poll_interval_s": 0.2})
    scene.submit(scene.command("warm", strategy="warm", price=RESTING))
    names = [f"{number % (ORDERS - REPEATED)}" for number in range(ORDERS)]
    random.Random(6).shuffle(names)  # noqa: S311  a repeatable order, not a secret
    commands = [scene.command(f"flood-{name}", strategy=f"flood-{name}", price=RESTING, quantity=1) for name in names]

    callers = _submit_at_once(scene, commands, threads=4)
    until(lambda: all(one.all() for one in callers), lambda: f"{sum(not one.all() for one in callers)} unanswered", 60)

    orders: dict[str, list[OrderAnswered]] = {}
    for caller in callers:
        (answer,) = caller.all()
        assert isinstance(answer, OrderAnswered), answer
        assert answer.order.state is State.WORKING, answer.order
        orders.setdefault(answer.order.command.command_id, []).append(answer)
    assert len(orders) == ORDERS - REPEATED
    assert Counter(len(one) for one in orders.values()) == {1: ORDERS - 2 * REPEATED, 2: REPEATED}
    for same in orders.values():
        assert sum(not one.repeated for one in same) == 1
        assert len({one.order.broker_order_id for one in same}) == 1
    scene.until_books_agree()
    _assert_under_the_ceiling(paper)


def _submit_at_once(scene: Scene, commands: list[OrderCommand], threads: int) -> list[Answers]:
    callers = [Answers() for _ in commands]
    begin = threading.Barrier(threads)

    def submit(first: int) -> None:
        begin.wait(WAIT_S)
        for caller, command in list(zip(callers, commands, strict=True))[first::threads]:
            scene.desk.send(command, caller)

    crowd = [threading.Thread(target=submit, args=(first,)) for first in range(threads)]
    for thread in crowd:
        thread.start()
    for thread in crowd:
        thread.join(WAIT_S)
    return callers


def _assert_under_the_ceiling(paper: Paper) -> None:
    ledger = paper.ledger()
    assert len(ledger.arrivals) == len({tag for tag, _, _ in ledger.arrivals}) == ORDERS - REPEATED + 1
    assert len(ledger.orders) == len(ledger.arrivals), "the broker refused none for too many requests"
    rolling = sorted(monotonic for _, monotonic, _ in ledger.arrivals)
    for first, last in zip(rolling, rolling[PER_SECOND:], strict=False):
        assert last - first >= 1.0, f"{PER_SECOND + 1} orders arrived within {last - first:.3f} s"
    calendar = Counter(int(wall) for _, _, wall in ledger.arrivals)
    assert max(calendar.values()) <= PER_SECOND
    assert rolling[-1] - rolling[0] < patient(1.5) * ORDERS / PER_SECOND, "the ceiling was used, not only kept"


@pytest.mark.parametrize("price", [RESTING, "1502.00"])
def test_ids_that_come_again_while_their_order_is_under_way_change_nothing(scene: Scene, price: str) -> None:
    """D6: repeats at every moment of an order's way, each answered with what became of the first."""
    chance = random.Random(66)  # noqa: S311  a repeatable flood, not a secret
    commands = [scene.command(f"again-{n}", strategy=f"again-{n}", price=price, quantity=1) for n in range(80)]
    sent = [command for command in commands for _ in range(20)]
    sent.sort(key=lambda command: commands.index(command) + chance.uniform(-3, 20))

    callers = _submit_at_once(scene, sent, threads=3)
    until(lambda: all(one.all() for one in callers), lambda: f"{sum(not one.all() for one in callers)} unanswered")

    assert scene.desk.wait_for_failure(0) is None
    answers = [one for caller in callers for one in caller.all() if isinstance(one, OrderAnswered)]
    assert len(answers) == len(sent)
    assert {one.order.state for one in answers} <= {State.WORKING, State.FILLED}, "nobody is told less than the first"
    firsts = [one for one in answers if not one.repeated]
    assert len(firsts) == len(commands)
    scene.until_books_agree()
    ledger = scene.paper.ledger()
    assert all(len(ledger.tagged(one.order.remarks_tag)) == 1 for one in firsts)
    assert all(ledger.times_sent(one.order.remarks_tag) == 1 for one in firsts)


class Hasty(Answers):
    """A caller who sends the same order again the moment it is answered."""

    def __init__(self, scene: Scene, command: OrderCommand) -> None:
        super().__init__()
        self._scene = scene
        self._command = command

    def tell(self, message: OrderAnswered | OrderDeclined) -> None:
        first = not self.all()
        super().tell(message)
        if first:
            self._scene.desk.send(self._command, self)


def test_an_id_that_comes_again_as_soon_as_it_is_answered_is_told_the_same(scene: Scene) -> None:
    """D6: the answer was told before it was written, and the repeat is answered from what is written."""
    scene.submit(scene.command("warm", strategy="warm", price=RESTING))
    command = scene.command("hasty", price=RESTING)
    caller = Hasty(scene, command)

    scene.desk.send(command, caller)
    until(lambda: len(caller.all()) == 2, "the repeat was not answered")

    first, second = caller.all()
    assert isinstance(first, OrderAnswered)
    assert isinstance(second, OrderAnswered)
    assert (first.repeated, second.repeated) == (False, True)
    assert (second.order.state, second.order.broker_order_id) == (State.WORKING, first.order.broker_order_id)
    scene.until_books_agree()
    assert scene.times_sent(command) == 1


def test_a_desk_that_stops_with_an_order_in_flight_names_it_and_the_next_start_finds_it(
    make_scene: MakeScene, paper: Paper
) -> None:
    """D9: the database says of every order that arrived that it was sent."""
    # So long that the desk is told to stop while the broker is slow, also on a busy machine.
    scene = make_scene(paper, broker={"read_timeout_s": patient(1.5)})
    scene.submit(scene.command("warm", strategy="warm"))
    scene.until_books_agree()
    paper.fault("PlaceOrder", "slow_after", seconds=patient(0.5))
    slow, waiting = scene.command("slow", strategy="slow"), scene.command("waiting", strategy="waiting")
    answers = scene.send(slow), scene.send(waiting)
    until(lambda: scene.times_sent(slow) == 1, "the order did not arrive")

    named = scene.stop(grace_s=0)

    assert set(named) == {slow.command_id, waiting.command_id}
    assert not scene.is_nowhere(slow)
    scene.start()
    scene.until_state(slow, State.FILLED)
    until(lambda: scene.order(waiting).is_terminal, "the order that waited was not resolved")
    assert scene.is_nowhere(waiting) or scene.order(waiting).state is State.FILLED
    scene.until_books_agree()
    until_books_are_read(paper, 2)
    assert scene.times_sent(slow) == 1
    assert scene.times_sent(waiting) <= 1
    assert all(len(one.all()) <= 1 for one in answers)


def test_a_long_list_of_orders_is_whole_though_it_is_read_a_few_at_a_time(
    scene: Scene, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A read transaction never holds more than a page."""
    monkeypatch.setattr("storage.history.PAGE_MAX", 2)
    sent = [scene.command(f"c{number}", strategy=f"s{number}", price=RESTING) for number in range(5)]
    for one in sent:
        scene.submit(one)
    steps = Counter[str]()

    found = [one.command.command_id for one in scene.desk.orders(10_000, between=lambda: steps.update(["step"]))]

    # Others' orders are listed as well: the broker is shared.
    assert [name for name in found if name in {one.command_id for one in sent}] == [
        one.command_id for one in reversed(sent)
    ]
    assert len(set(found)) == len(found)
    assert len(scene.desk.orders(3)) == 3
    assert [one.command.command_id for one in scene.desk.orders(9, reference=found[0])] == found[:1]
    assert steps["step"] >= 2
