import pytest

from actors.messages.alerts import RaiseAlert
from actors.messages.desk import ActorDied, HeartbeatSent, KeepAlive, RestartWatcher, SendHeartbeat
from actors.messages.inboxes import WatcherInbox
from actors.messages.timer import TimerFired
from actors.runtime.address import AddressSlot
from actors.supervisor import SupervisorActor
from domain.settings import SupervisorSettings
from tests.actors.rooms import own_mailbox, resolve
from tests.fakes import FakeClock, ManualTimer, Probe

DIED = ActorDied(actor="WatcherActor", urn="urn:1", cause="ValueError()")


class SupervisorRoom:
    """A SupervisorActor without a thread; each watcher it starts is a probe."""

    def __init__(self) -> None:
        self.clock = FakeClock()
        self.timer = ManualTimer(self.clock)
        self.watchers = [Probe()]
        self.line: AddressSlot[WatcherInbox] = AddressSlot("WatcherActor")
        self.line.connect(self.watchers[0])
        self.escalated: list[str] = []
        self.notifier = Probe()
        self.actor = SupervisorActor(
            watcher=self.line,
            start_watcher=self.start_watcher,
            escalate=self.escalated.append,
            notifier=self.notifier,
            settings=SupervisorSettings(
                restarts_max=5,
                restart_window_s=60,
                restart_delay_s=0.2,
                heartbeat_s=2,
                heartbeat_missed_max=5,
            ),
            clock=self.clock,
            timer=self.timer,
        )
        self.own = own_mailbox(self.actor)
        self.actor.on_start()

    def start_watcher(self) -> Probe:
        self.watchers.append(Probe())
        return self.watchers[-1]

    def wait(self, seconds: float, step: float = 0.1, *, answering: bool = True) -> None:
        """Let time pass; the newest watcher answers its heartbeats, or not."""
        for _ in range(round(seconds / step)):
            self.clock.advance(step)
            self.timer.fire_due()
            resolve(self.actor, self.own)
            if answering and self.watchers[-1].of(SendHeartbeat):
                self.watchers[-1].take()
                self.actor.on_receive(HeartbeatSent(urn="urn:now"))

    @property
    def restarts(self) -> int:
        return len(self.watchers) - 1


@pytest.fixture
def room() -> SupervisorRoom:
    return SupervisorRoom()


class NamedProbe(Probe):
    """A probe that is an actor by name."""

    actor_urn = "urn:present"


def test_an_earlier_watchers_heartbeat_and_death_say_nothing_about_the_present_one(room: SupervisorRoom) -> None:
    room.line.connect(NamedProbe())

    room.actor.on_receive(DIED)
    room.wait(20, answering=False)
    room.actor.on_receive(HeartbeatSent(urn="urn:earlier"))
    assert room.restarts == 1, "the silence of the present one was heard, and nothing else"


def test_a_dead_watcher_is_restarted_after_a_delay_and_told_to_begin(room: SupervisorRoom) -> None:
    # D3.
    room.actor.on_receive(DIED)
    at_once = room.restarts

    room.wait(0.3)

    assert (at_once, room.restarts) == (0, 1)
    assert room.watchers[-1].of(TimerFired) == [TimerFired()]
    assert room.escalated == []


def test_the_line_leads_to_the_new_watcher(room: SupervisorRoom) -> None:
    room.actor.on_receive(DIED)
    room.wait(0.3)

    room.line.tell(SendHeartbeat())

    assert room.watchers[0].messages == []
    assert SendHeartbeat() in room.watchers[1].messages


def test_each_further_restart_in_the_window_waits_twice_as_long(room: SupervisorRoom) -> None:
    delays = []

    for _ in range(5):
        room.actor.on_receive(DIED)
        (wound,) = room.timer.of(RestartWatcher)
        delays.append(round(wound.due - room.clock.monotonic(), 3))
        room.wait(wound.due - room.clock.monotonic() + 0.1)

    assert delays == [0.2, 0.4, 0.8, 1.6, 3.2]


def test_one_death_told_twice_is_one_restart(room: SupervisorRoom) -> None:
    room.actor.on_receive(DIED)
    room.actor.on_receive(DIED)

    room.wait(5)

    assert room.restarts == 1


def test_too_many_restarts_end_the_process(room: SupervisorRoom) -> None:
    for _ in range(6):
        room.actor.on_receive(DIED)
        room.wait(4)

    assert room.restarts == 5
    assert len(room.escalated) == 1
    assert "restarted 5 times" in room.escalated[0]


def test_restarts_of_long_ago_do_not_count(room: SupervisorRoom) -> None:
    for _ in range(12):
        room.actor.on_receive(DIED)
        room.wait(61, step=0.5)

    assert room.restarts == 12
    assert room.escalated == []


def test_a_watcher_that_answers_lives_on(room: SupervisorRoom) -> None:
    room.wait(120, step=0.5)

    assert room.restarts == 0


def test_a_watcher_that_falls_silent_is_replaced_within_its_bound(room: SupervisorRoom) -> None:
    room.wait(10, step=0.5)

    room.wait(13, step=0.5, answering=False)

    assert room.restarts == 1
    assert room.escalated == []


def test_a_short_silence_is_waited_out(room: SupervisorRoom) -> None:
    room.wait(9, step=0.5, answering=False)
    room.actor.on_receive(HeartbeatSent(urn="urn:now"))

    room.wait(9, step=0.5, answering=False)

    assert room.restarts == 0


def test_a_new_watcher_is_not_blamed_for_the_old_ones_silence(room: SupervisorRoom) -> None:
    room.wait(13, step=0.5, answering=False)
    restarted = room.restarts

    room.wait(9, step=0.5, answering=False)

    assert (restarted, room.restarts) == (1, 1)


@pytest.mark.parametrize(
    "actor", ["CommandActor", "RepoActor", "RiskActor", "GuardActor", "BrokerActor", "MarketActor"]
)
def test_any_other_actors_death_ends_the_process(room: SupervisorRoom, actor: str) -> None:
    # D4.
    room.actor.on_receive(ActorDied(actor=actor, urn="urn:2", cause="ValueError('x')"))

    assert room.escalated == [f"{actor} died: ValueError('x')"]
    assert room.restarts == 0


def test_the_supervisors_own_death_ends_the_process(room: SupervisorRoom) -> None:
    room.actor.on_failure(ValueError, ValueError("x"), None)

    assert room.escalated == ["SupervisorActor died: ValueError('x')"]


def test_the_heartbeat_is_wound_again_each_time(room: SupervisorRoom) -> None:
    room.wait(20)

    assert len(room.timer.of(TimerFired)) == 1


class DeadThread:
    """A thread that has died so often."""

    name = "telegram"

    def __init__(self, deaths: int) -> None:
        self.deaths = deaths

    def revive(self) -> bool:
        self.deaths -= 1
        return self.deaths >= 0


def test_a_dead_thread_is_started_again_and_told() -> None:
    """FINDINGS A7."""
    room = SupervisorRoom()
    thread = DeadThread(deaths=1)
    room.actor.on_receive(KeepAlive(thread=thread))

    room.wait(5)

    assert thread.deaths < 0, "it is looked at again and again"
    (told,) = room.notifier.of(RaiseAlert)
    assert told.alert.topic == "thread:telegram"
