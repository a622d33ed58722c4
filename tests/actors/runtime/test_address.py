import threading
from collections.abc import Iterator
from typing import Any

import pykka
import pytest

from actors.messages.desk import ActorDied
from actors.runtime.actor import DeskActor
from actors.runtime.address import AddressSlot, ReplyOnce, backlog, post
from actors.runtime.shared_thread import SharedThread, SharedThreadActor
from actors.runtime.timer import ThreadTimer
from tests.fakes import WAIT_S, FakeClock, ManualTimer, Probe


def echo(message: object, heard: "Meeting") -> object:
    """Tell what was told; fail of a string, and request to end the process when told to."""
    match message:
        case str():
            raise ValueError(message)
        case SystemExit():
            raise message
        case _:
            heard.tell(message)
    return message


class Echo(DeskActor):
    """Echoes on a thread of its own."""

    def __init__(self, supervisor: Probe, heard: "Meeting") -> None:
        super().__init__(supervisor)
        self.heard = heard

    def on_receive(self, message: object) -> object:
        return echo(message, self.heard)


class LoopEcho(SharedThreadActor):
    """Echoes on a shared thread."""

    def __init__(self, supervisor: Probe, heard: "Meeting") -> None:
        super().__init__(supervisor)
        self.heard = heard

    def on_receive(self, message: object) -> object:
        return echo(message, self.heard)


class Meeting(Probe):
    """A probe that a test can wait at."""

    def __init__(self) -> None:
        super().__init__()
        self._told = threading.Condition()

    def tell(self, message: Any) -> None:  # noqa: ANN401  any inbox
        with self._told:
            super().tell(message)
            self._told.notify_all()

    def wait_for(self, count: int) -> list[Any]:
        """Return what was told once it is so many messages."""
        with self._told:
            assert self._told.wait_for(lambda: len(self.messages) >= count, WAIT_S), self.messages
            return list(self.messages)


@pytest.fixture
def supervisor() -> Meeting:
    return Meeting()


@pytest.fixture
def heard() -> Meeting:
    return Meeting()


def test_a_message_to_a_dead_actor_is_a_dead_letter_and_harms_nobody() -> None:
    assert not post(Probe(dead=True), "anything")


def test_a_message_to_a_living_one_arrives() -> None:
    probe = Probe()

    assert post(probe, "hello")
    assert probe.messages == ["hello"]


def test_a_line_that_leads_nowhere_is_as_good_as_a_dead_actor() -> None:
    line: AddressSlot[str] = AddressSlot("RiskActor")

    with pytest.raises(pykka.ActorDeadError, match="nobody is connected to RiskActor"):
        line.tell("anyone?")
    assert not post(line, "anyone?")


def test_a_line_that_was_closed_drops_what_is_told_and_warns_of_nothing() -> None:
    """Its actor is being stopped in order."""
    line, last = AddressSlot[str]("WatcherActor"), Probe()
    line.connect(last)

    line.close()

    assert post(line, "too late")
    assert last.messages == []


def test_a_line_leads_to_whom_it_was_connected_last() -> None:
    line, first, second = AddressSlot[str]("WatcherActor"), Probe(), Probe()

    line.connect(first)
    line.tell("one")
    line.connect(second)
    line.tell("two")

    assert (first.messages, second.messages) == (["one"], ["two"])


def test_a_caller_hears_the_first_answer_only() -> None:
    reply: ReplyOnce[str] = ReplyOnce()

    reply.tell("first")
    reply.tell("second")

    assert reply.wait(WAIT_S) == "first"


def test_a_caller_who_hears_nothing_in_time_is_told_so() -> None:
    assert ReplyOnce[str]().wait(0) is None


def test_a_backlog_is_counted_where_it_can_be(supervisor: Meeting, heard: Meeting) -> None:
    waiting = Echo(supervisor, heard)

    for number in range(3):
        waiting.actor_ref.tell(number)

    assert backlog(waiting.actor_ref) == 3
    assert backlog(Probe()) == 0


def test_a_death_is_told_to_the_supervisor(supervisor: Meeting, heard: Meeting, deaths: list[str]) -> None:
    ref = Echo.start(supervisor, heard)

    ref.tell("the end")

    (died,) = supervisor.wait_for(1)
    assert died == ActorDied(actor="Echo", urn=ref.actor_urn, cause="ValueError('the end')")
    assert ref.actor_stopped.wait(WAIT_S)
    assert len(deaths) == 1


def test_an_exception_for_an_asker_kills_nobody(supervisor: Meeting, heard: Meeting) -> None:
    ref = Echo.start(supervisor, heard)

    with pytest.raises(ValueError, match="to the asker"):
        ref.ask("to the asker", timeout=WAIT_S)

    assert ref.ask(1, timeout=WAIT_S) == 1
    ref.stop(timeout=WAIT_S)
    assert supervisor.messages == []


# Actors that share a thread.


@pytest.fixture
def loop() -> Iterator[SharedThread]:
    shared = SharedThread()
    yield shared
    shared.stop()


def test_actors_of_one_loop_hear_in_the_order_of_telling(
    loop: SharedThread, supervisor: Meeting, heard: Meeting
) -> None:
    first = LoopEcho.start_on(loop, supervisor=supervisor, heard=heard)
    second = LoopEcho.start_on(loop, supervisor=supervisor, heard=heard)

    for number in range(0, 10, 2):
        first.tell(number)
        second.tell(number + 1)

    assert heard.wait_for(10) == list(range(10))
    first.stop(timeout=WAIT_S)
    second.stop(timeout=WAIT_S)


def test_a_loop_actors_death_is_told_and_its_neighbours_live_on(
    loop: SharedThread, supervisor: Meeting, heard: Meeting, deaths: list[str]
) -> None:
    doomed = LoopEcho.start_on(loop, supervisor=supervisor, heard=heard)
    neighbour = LoopEcho.start_on(loop, supervisor=supervisor, heard=heard)

    doomed.tell("the end")
    neighbour.tell(1)

    assert heard.wait_for(1) == [1]
    assert [one.cause for one in supervisor.messages] == ["ValueError('the end')"]
    assert not post(doomed, "too late")
    assert len(deaths) == 1
    neighbour.stop(timeout=WAIT_S)


def test_even_a_wish_to_end_the_process_does_not_end_the_shared_thread(
    loop: SharedThread, supervisor: Meeting, heard: Meeting, deaths: list[str]
) -> None:
    doomed = LoopEcho.start_on(loop, supervisor=supervisor, heard=heard)
    neighbour = LoopEcho.start_on(loop, supervisor=supervisor, heard=heard)

    doomed.tell(SystemExit())
    neighbour.tell(1)

    assert heard.wait_for(1) == [1]
    assert [one.actor for one in supervisor.wait_for(1)] == ["LoopEcho"]
    assert len(deaths) == 1
    neighbour.stop(timeout=WAIT_S)


def test_a_stopped_loop_actor_answers_who_still_asks(loop: SharedThread, supervisor: Meeting, heard: Meeting) -> None:
    ref = LoopEcho.start_on(loop, supervisor=supervisor, heard=heard)
    ref.stop(block=False)

    asked = ref.ask(1, block=False)

    with pytest.raises(pykka.ActorDeadError):
        asked.get(timeout=WAIT_S)


def test_an_asker_of_a_loop_actor_hears_the_exception(loop: SharedThread, supervisor: Meeting, heard: Meeting) -> None:
    ref = LoopEcho.start_on(loop, supervisor=supervisor, heard=heard)

    with pytest.raises(ValueError, match="to the asker"):
        ref.ask("to the asker", timeout=WAIT_S)

    assert ref.ask(1, timeout=WAIT_S) == 1
    ref.stop(timeout=WAIT_S)


# The timer.


def test_a_timer_tells_what_is_due_in_the_order_of_its_time(heard: Meeting) -> None:
    clock = FakeClock()
    timer = ThreadTimer(clock)

    timer.tell_after(2, heard, "second")
    timer.tell_after(1, heard, "first")
    timer.tell_after(2, heard, "third")
    timer.tell_after(60, heard, "never")
    clock.advance(2)
    timer.tell_after(0, heard, "last")

    assert heard.wait_for(4) == ["first", "second", "third", "last"]
    timer.stop()


def test_a_timer_waits_by_the_clock_that_never_steps_back(heard: Meeting) -> None:
    # D10: the wall clock steps back an hour.
    clock = FakeClock()
    timer = ThreadTimer(clock)
    timer.tell_after(1, heard, "in time")

    clock.now_is = clock.now_is.replace(hour=9)
    clock.monotonic_is += 1
    timer.tell_after(0, heard, "next")

    assert heard.wait_for(2) == ["in time", "next"]
    timer.stop()


def test_a_timer_outlives_those_it_tells(heard: Meeting) -> None:
    timer = ThreadTimer(FakeClock())

    timer.tell_after(0, Probe(dead=True), "nobody")
    timer.tell_after(0, heard, "somebody")

    assert heard.wait_for(1) == ["somebody"]
    timer.stop()


def test_a_stopped_timer_tells_nothing_more(heard: Meeting) -> None:
    clock = FakeClock()
    timer = ThreadTimer(clock)
    timer.tell_after(1, heard, "too late")

    timer.stop()
    clock.advance(2)

    assert heard.messages == []


def test_the_manual_timer_tells_only_what_is_due(heard: Meeting) -> None:
    clock = FakeClock()
    timer = ManualTimer(clock)
    timer.tell_after(2, heard, "two")
    timer.tell_after(1, heard, "one")

    clock.advance(1)
    timer.fire_due()

    assert heard.messages == ["one"]
    assert [one.message for one in timer.waiting] == ["two"]
