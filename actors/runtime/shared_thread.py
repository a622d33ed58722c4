"""Several actors on one thread: those that decide, and the database whose answers they wait for anyway.

An actor is its state and its mailbox, not a thread. Between threads a message costs a wake-up and a fight for the
interpreter; between actors of one loop it costs a queue's put and get. What may be slow or hang without the orders'
standing still (the broker, strategies, the watcher, the supervisor) keeps a thread of its own. Why the database stands
here: docs/architecture.md, threads.
"""

import queue
import sys
import threading
from collections import deque
from collections.abc import Callable
from typing import Any, Self

import pykka
from pykka.messages import _ActorStop

from actors.runtime.actor import DeskActor


class SharedThread:
    """One thread that serves the mailboxes of many actors, in the order in which the messages came."""

    def __init__(self) -> None:
        self._turns: queue.SimpleQueue[tuple[Callable[[Any], None], Any] | None] = queue.SimpleQueue()
        self.put_turn = self._turns.put
        """Puts a pair of `take_turn`'s arguments: for who does it with every message."""
        self._thread = threading.Thread(target=self._run, name="loop", daemon=True)
        self._thread.start()

    def take_turn(self, turn: Callable[[Any], None], given: Any) -> None:  # noqa: ANN401  what the turn takes
        """Run `turn(given)` in the loop's thread, after what was asked for before."""
        self._turns.put((turn, given))

    def stop(self) -> None:
        """End the thread after the turns that were asked for before."""
        self._turns.put(None)
        self._thread.join(timeout=5)

    def _run(self) -> None:
        while (asked := self._turns.get()) is not None:
            turn, given = asked
            turn(given)


class SharedThreadInbox:
    """A mailbox without a queue of its own: every message is a turn of the loop, in one order for all its actors."""

    def __init__(self) -> None:
        self._early: list[Any] = []
        self._waiting: deque[None] = deque()
        """One for each message whose turn is to come: any thread may add one without a lock."""

    def put(self, envelope: Any, /) -> None:  # noqa: ANN401  pykka's envelope is private to it
        """Keep a message that comes before the actor has joined a loop."""
        self._early.append(envelope)

    def join(self, loop: SharedThread, handle: Callable[[Any], None]) -> None:
        """Let every message be a turn from now on, what came before first."""
        put_turn = loop.put_turn

        def put(envelope: Any, /) -> None:  # noqa: ANN401  as above
            self._waiting.append(None)
            put_turn((serve, envelope))

        def serve(envelope: Any) -> None:  # noqa: ANN401  as above
            self._waiting.pop()
            handle(envelope)

        for envelope in self._early:
            put(envelope)
        self._early.clear()
        self.put = put  # type: ignore[method-assign]

    def empty(self) -> bool:
        """Say whether no message waits for this actor."""
        return not self._waiting

    def qsize(self) -> int:
        """Return how many messages wait for this actor."""
        return len(self._waiting)

    def get(self) -> Any:  # noqa: ANN401  as put
        """Never give anything: the loop brings the messages."""
        raise queue.Empty


class SharedThreadActor(DeskActor):
    """An actor that shares its thread. Handles what pykka's own loop does, one message a turn."""

    actor_inbox: SharedThreadInbox

    @staticmethod
    def _create_actor_inbox() -> SharedThreadInbox:
        return SharedThreadInbox()

    @classmethod
    def start_on(cls, loop: SharedThread, **given: Any) -> pykka.ActorRef[Self]:  # noqa: ANN401  the constructor's own
        """Make the actor and let `loop` serve it."""
        actor = cls(**given)
        pykka.ActorRegistry.register(actor.actor_ref)
        loop.take_turn(lambda _: actor._actor_loop_setup(), None)
        actor.actor_inbox.join(loop, actor.handle)
        return actor.actor_ref

    def handle(self, envelope: Any) -> None:  # noqa: ANN401  pykka's envelope is private to it
        """Handle one message as pykka's loop would; after the end, refuse it."""
        reply_to = envelope.reply_to
        try:
            if self.actor_stopped.is_set():
                raise pykka.ActorDeadError(f"{self.actor_ref} stopped before handling the message")  # noqa: TRY301
            # What pykka's own dispatch does, less the proxies that no actor here has.
            response = None
            if isinstance(envelope.message, _ActorStop):
                self._stop()
            else:
                response = self.on_receive(envelope.message)
        except BaseException as error:  # noqa: BLE001  what pykka does: answer an ask with it, or die of it
            # A request to end the process ends this actor too, and is told: it must not end the thread of all in
            # silence.
            if reply_to is not None and isinstance(error, Exception):
                reply_to.set_exception()
            elif not self.actor_stopped.is_set():
                self._handle_failure(*sys.exc_info())
                self.on_failure(*sys.exc_info())
        else:
            if reply_to is not None:
                reply_to.set(response)
