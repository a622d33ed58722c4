"""Restarts the watcher; ends the process in order when anyone else dies."""

from collections import deque
from collections.abc import Callable
from typing import Final, assert_never

from loguru import logger

from actors.messages.alerts import RaiseAlert
from actors.messages.desk import ActorDied, HeartbeatSent, KeepAlive, RestartWatcher, SendHeartbeat
from actors.messages.inboxes import NotifierInbox, SupervisorInbox, WatcherInbox
from actors.messages.timer import TimerFired
from actors.runtime.actor import DeskActor
from actors.runtime.address import Address, AddressSlot, post
from actors.runtime.timer import Timer
from domain.alerts.text.desk import thread_alert, watcher_alert
from domain.backoff import Backoff
from domain.ports import Clock, Kept
from domain.settings import SupervisorSettings

WATCHER: Final = "WatcherActor"


class _Escalation:
    """Where the supervisor's own death is told: straight to the desk."""

    def __init__(self, escalate: Callable[[str], None]) -> None:
        self._escalate = escalate

    def tell(self, message: ActorDied) -> None:
        """End the process in order."""
        self._escalate(f"{message.actor} died: {message.cause}")


class SupervisorActor(DeskActor):
    """Owns the watcher's line, the history of its restarts, the count of its missed heartbeats, and the kept threads.

    The watcher is the only leaf: it owns nothing that the books and the database cannot give a new one. A strategy's
    death hurts only itself; a thread that tells or hears people is started again. Any other death ends the process; a
    process manager starts it again, and the ordinary start recovers.
    """

    def __init__(
        self,
        *,
        watcher: AddressSlot[WatcherInbox],
        start_watcher: Callable[[], Address[WatcherInbox]],
        escalate: Callable[[str], None],
        notifier: Address[NotifierInbox],
        settings: SupervisorSettings,
        clock: Clock,
        timer: Timer,
    ) -> None:
        super().__init__(_Escalation(escalate))
        self._watcher = watcher
        self._start_watcher = start_watcher
        self._escalate = escalate
        self._notifier = notifier
        self._settings = settings
        self._clock = clock
        self._timer = timer
        self._restarts: deque[float] = deque(maxlen=settings.restarts_max)
        self._missed = 0
        self._restarting = False
        self._threads: list[Kept] = []

    def on_start(self) -> None:
        """Begin to listen for the watcher's heartbeat."""
        self._listen_again()

    def on_receive(self, message: SupervisorInbox) -> None:
        """Answer a death, or the silence that comes before one is noticed."""
        match message:
            case ActorDied():
                self._answer_death(message)
            case TimerFired():
                self._check()
            case HeartbeatSent():
                # An earlier watcher that wakes up again says nothing about the present one.
                if self._watcher.points_to(message.urn):
                    self._missed = 0
            case KeepAlive():
                self._threads.append(message.thread)
            case RestartWatcher():
                self._restart()
            case _:
                assert_never(message)

    def _answer_death(self, message: ActorDied) -> None:
        if message.actor == WATCHER:
            if self._watcher.points_to(message.urn):
                self._plan_restart(f"it died: {message.cause}")
        else:
            self._escalate(f"{message.actor} died: {message.cause}")

    def _check(self) -> None:
        for thread in self._threads:
            if thread.revive():
                logger.error("the thread {!r} had died, and is started again", thread.name)
                post(self._notifier, RaiseAlert(alert=thread_alert(thread.name)))
        if not self._restarting:
            self._missed += 1
            if self._missed > self._settings.heartbeat_missed_max:
                silent_s = self._missed * self._settings.heartbeat_s
                self._plan_restart(f"no heartbeat for {silent_s:.0f} s")
            else:
                post(self._watcher, SendHeartbeat())
        self._listen_again()

    def _plan_restart(self, why: str) -> None:
        """Restart after a delay that doubles with every restart in the window; give up past the bound."""
        if self._restarting:
            return
        now = self._clock.monotonic()
        recent = [at for at in self._restarts if now - at <= self._settings.restart_window_s]
        if len(recent) >= self._settings.restarts_max:
            self._escalate(f"the watcher was restarted {len(recent)} times and failed again: {why}")
            return
        self._restarting = True
        self._restarts.append(now)
        delay_s = Backoff(self._settings.restart_delay_s, self._settings.restart_window_s).pause_s(len(recent))
        post(self._notifier, RaiseAlert(alert=watcher_alert(why)))
        self._timer.tell_after(delay_s, self.actor_ref, RestartWatcher())

    def _restart(self) -> None:
        self._missed = 0
        self._restarting = False
        self._watcher.connect(self._start_watcher())
        post(self._watcher, TimerFired())

    def _listen_again(self) -> None:
        self._timer.tell_after(self._settings.heartbeat_s, self.actor_ref, TimerFired())
