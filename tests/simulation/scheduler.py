"""One thread, one seed: which message comes next, what time it is, and after which effect the process dies.

The production actors run here unchanged. pykka leaves three things to whoever runs an actor: its mailbox, its futures
and its loop; `staged` puts this scheduler behind all three, and behind the desk's timer. Every actor has a mailbox of
its own, also those that share a thread in production, so that more orders of events are tried than can ever happen.

Whoever waits (an ask, a request at the broker) lets the others go on: the scheduler is entered again from inside the
waiting actor's turn, which is marked busy meanwhile.
"""

import heapq
import itertools
import random
import sys
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta
from typing import Any, Final, TypeVar

import pykka

import actors.wiring
from actors.runtime.actor import DeskActor
from actors.runtime.address import Address, Message_contra, post
from actors.runtime.shared_thread import SharedThreadActor
from tests.simulation.stand_in import standing_in

Answer = TypeVar("Answer")
TURN_S_MAX: Final = 0.0004
DAWDLE_S_MAX: Final = 0.02
"""A thread that has lost the interpreter, or the processor, for a while."""
"""A turn takes up to so long."""


class Crash(BaseException):
    """The process dies here. Whatever is still run on the way out has no effect."""


class StuckError(Exception):
    """The simulation went on for longer than any story takes."""


class VirtualClock:
    """Owns the time. The wall may be set; the seconds may not."""

    def __init__(self, start: datetime) -> None:
        self._start = start
        self.seconds = 0.0
        self.wall_is_off_s = 0.0

    def now(self) -> datetime:
        return self._start + timedelta(seconds=self.seconds + self.wall_is_off_s)

    def monotonic(self) -> float:
        return self.seconds

    def true_now(self) -> datetime:
        """Return the time that the exchange goes by, whatever was done to the machine's clock."""
        return self._start + timedelta(seconds=self.seconds)


class Box:
    """An actor's mailbox; pykka puts envelopes in, the scheduler takes them out."""

    __slots__ = ("_scheduler", "actor", "busy", "name", "number", "sleeps_until", "waiting")

    def __init__(self, scheduler: "Scheduler", number: int) -> None:
        self._scheduler = scheduler
        self.number = number
        self.name = ""
        self.actor: Any = None
        self.busy = False
        self.sleeps_until = 0.0
        self.waiting: deque[Any] = deque()

    def put(self, envelope: Any, /) -> None:  # noqa: ANN401  pykka's envelope is private to it
        self._scheduler.effect("hand-over")
        self.waiting.append(envelope)
        self._scheduler.see_put(self.name, envelope.message)

    def empty(self) -> bool:
        return not self.waiting

    def qsize(self) -> int:
        return len(self.waiting)

    def get(self) -> Any:  # noqa: ANN401  as put
        return self.waiting.popleft()


class Scheduler:
    """Owns the mailboxes, what is wound for later, and the count of effects."""

    def __init__(self, clock: VirtualClock, seed: int) -> None:
        self.clock = clock
        self.chance = random.Random(f"{seed} schedule")  # noqa: S311  a seed has to bring the same again
        self.effects = 0
        self.crash_at: int | None = None
        self.crashed = False
        self.turns = 0
        self.turns_max = 3_000_000
        self.dawdle_share = 0.0
        self.kinds: dict[str, int] = {}
        self.see_put: Callable[[str, Any], None] = lambda _, __: None
        self.tell_story: Callable[[str], None] | None = None
        self._boxes: list[Box] = []
        self._numbers = itertools.count()
        self._timers: list[tuple[float, int, Address[Any], Any]] = []
        self._events: list[tuple[float, int, Callable[[], None]]] = []
        self._held_up_until: list[float] = []

    # effects

    def effect(self, kind: str) -> None:
        """Count what reaches beyond the actor that does it; die after it when its number has come."""
        if self.crashed:
            raise Crash
        self.effects += 1
        self.kinds[kind] = self.kinds.get(kind, 0) + 1
        if self.crash_at is not None and self.effects >= self.crash_at:
            self.crashed = True
            raise Crash

    # what the actors are given

    def make_box(self) -> Box:
        box = Box(self, next(self._numbers))
        self._boxes.append(box)
        return box

    def adopt(self, actor: Any) -> None:  # noqa: ANN401  any actor
        """Begin to serve an actor: its start is its first turn."""
        box: Box = actor.actor_inbox
        box.actor, box.name = actor, type(actor).__name__
        box.waiting.appendleft(None)

    def tell_after(self, delay_s: float, address: Address[Message_contra], message: Message_contra) -> None:
        """Tell `message` to `address` once, `delay_s` seconds from now."""
        heapq.heappush(self._timers, (self.clock.seconds + delay_s, next(self._numbers), address, message))

    def stop(self) -> None:
        """Drop what is not yet due, as the desk's timer does when it ends."""
        self._timers.clear()

    # the world outside the desk

    def at(self, due_s: float, happen: Callable[[], None]) -> None:
        """Let something happen in the world at this second; it survives the process."""
        heapq.heappush(self._events, (due_s, next(self._numbers), happen))

    def after(self, delay_s: float, happen: Callable[[], None]) -> None:
        self.at(self.clock.seconds + delay_s, happen)

    def box_of(self, name: str) -> Box | None:
        """Return the mailbox of the living actor of this name."""
        alive = [one for one in self._boxes if one.name == name and not one.actor.actor_stopped.is_set()]
        return alive[-1] if alive else None

    def boxes(self) -> list[Box]:
        return self._boxes

    # going on

    def step(self, until_s: float) -> bool:
        """Take one turn, or move the time on to what is due by `until_s`; False when there is nothing before it."""
        now = self.clock.seconds
        ready = [box for box in self._boxes if box.waiting and not box.busy and box.sleeps_until <= now]
        due_timer = bool(self._timers) and self._timers[0][0] <= now
        due_event = bool(self._events) and self._events[0][0] <= now
        choices = len(ready) + due_timer + due_event
        if not choices:
            return self._move_on(until_s)
        self.turns += 1
        if self.turns > self.turns_max:
            raise StuckError(f"{self.turns} turns, and it is not over")
        picked = self.chance.randrange(choices)
        if picked < len(ready):
            self._serve(ready[picked])
        elif picked == len(ready) and due_timer:
            _, _, address, message = heapq.heappop(self._timers)
            self.effect("timer")
            post(address, message)
        else:
            _, _, happen = heapq.heappop(self._events)
            happen()
        self.clock.seconds += self.chance.random() * TURN_S_MAX
        return True

    def _move_on(self, until_s: float) -> bool:
        dues = [until_s]
        if self._timers:
            dues.append(self._timers[0][0])
        if self._events:
            dues.append(self._events[0][0])
        dues.extend(box.sleeps_until for box in self._boxes if box.waiting and not box.busy)
        earliest = min(dues)
        if earliest >= until_s:
            self.clock.seconds = max(self.clock.seconds, until_s)
            return False
        self.clock.seconds = max(self.clock.seconds, earliest)
        return True

    def run_until(self, until_s: float) -> None:
        """Go on until this second."""
        while self.clock.seconds < until_s and self.step(until_s):
            pass

    def hold_up(self, until_s: float) -> None:
        """Go on until this second, while an actor's turn stands still that is served further down this stack."""
        self._held_up_until.append(until_s)
        try:
            self.run_until(until_s)
        finally:
            self._held_up_until.pop()

    def wait_for(self, is_so: Callable[[], bool], wait_s: float) -> bool:
        """Go on until it is so, at most so long; say whether it is.

        Where an actor stands still below, its turn goes on only when this returns: who waits here gives up by then.
        Else the actor would stand still for as long as that waits, and with it all who need it.
        """
        until_s = min([self.clock.seconds + wait_s, *self._held_up_until])
        while not is_so():
            if self.clock.seconds >= until_s:
                return False
            self.step(until_s)
        return True

    def _serve(self, box: Box) -> None:
        envelope = box.waiting.popleft()
        box.busy = True
        try:
            if envelope is None:
                box.actor._actor_loop_setup()
            else:
                if self.tell_story is not None:
                    self.tell_story(f"{box.name} <- {type(envelope.message).__name__}")
                # The loop's own way with a message is right for any actor: one message a turn.
                SharedThreadActor.handle(box.actor, envelope)
            if self.crashed:
                raise Crash
        finally:
            box.busy = False
        if self.dawdle_share and self.chance.random() < self.dawdle_share:
            box.sleeps_until = max(box.sleeps_until, self.clock.seconds + self.chance.random() * DAWDLE_S_MAX)
        if box.actor.actor_stopped.is_set() and not box.waiting:
            self._boxes.remove(box)

    def forget_process(self) -> None:
        """The process is gone: mailboxes and timers with it; the world's events stay."""
        self._boxes.clear()
        self._timers.clear()
        self.crashed = False
        self.crash_at = None
        pykka.ActorRegistry._actor_refs.clear()


class _Loop:
    """What the wiring takes for the thread that actors share; here nobody shares anything."""

    def stop(self) -> None:
        pass


def _future_of(scheduler: Scheduler) -> type[pykka.Future[Any]]:
    class VirtualFuture(pykka.Future[Any]):
        """An answer for which the scheduler goes on, in virtual seconds."""

        def __init__(self) -> None:
            super().__init__()
            self._result: list[Any] = []
            self._error: BaseException | None = None

        def get(self, *, timeout: float | None = None) -> Any:  # noqa: ANN401  an answer
            if self._get_hook is not None:
                return self._get_hook(timeout)
            if not scheduler.wait_for(lambda: bool(self._result), 3_600.0 if timeout is None else timeout):
                raise pykka.Timeout(f"{timeout} seconds")
            if self._error is not None:
                raise self._error
            return self._result[0]

        def set(self, value: Any | None = None) -> None:  # noqa: ANN401  as get
            assert not self._result, "a future is set once"
            self._result.append(value)

        def set_exception(self, exc_info: Any = None) -> None:  # noqa: ANN401  pykka's own shape
            self._error = (exc_info or sys.exc_info())[1]
            self._result.append(None)

    return VirtualFuture


def _adopts(scheduler: Scheduler) -> Callable[[Any], None]:
    def adopt(actor: Any) -> None:  # noqa: ANN401  any actor
        scheduler.adopt(actor)

    return adopt


@contextmanager
def staged(scheduler: Scheduler) -> Iterator[None]:
    """Let this scheduler stand behind every actor that is started within."""

    def start_on(cls: Any, _: Any, /, **given: Any) -> Any:  # noqa: ANN401  any actor
        return cls.start(**given)

    put: list[tuple[Any, str, Any]] = [
        (DeskActor, "_create_actor_inbox", staticmethod(scheduler.make_box)),
        (DeskActor, "_create_future", staticmethod(_future_of(scheduler))),
        (DeskActor, "_start_actor_loop", _adopts(scheduler)),
        (SharedThreadActor, "_create_actor_inbox", staticmethod(scheduler.make_box)),
        (SharedThreadActor, "start_on", classmethod(start_on)),
        (actors.wiring, "SharedThread", _Loop),
        (actors.wiring, "ThreadTimer", lambda _: scheduler),
    ]
    with standing_in(put):
        yield
