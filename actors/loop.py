"""Several actors on one thread: those that decide, and the database whose answers they wait for anyway.

An actor is its state and its mailbox, not a thread. Between threads a message costs a wake-up and a fight for the
interpreter; between actors of one loop it costs a queue's put and get. What may be slow or hang without the orders'
standing still (the broker, strategies, the watcher, the supervisor) keeps a thread of its own. Why the database stands
here: docs/architecture.md, threads.
"""

import queue
import sys
import threading
from collections.abc import Callable
from typing import Any, Self

import pykka

from actors.actor import DeskActor


class SharedLoop:
    """One thread that serves the mailboxes of many actors, in the order in which the messages came."""

    def __init__(self) -> None:
        self._turns: queue.SimpleQueue[Callable[[], None] | None] = queue.SimpleQueue()
        self._thread = threading.Thread(target=self._run, name="loop", daemon=True)
        self._thread.start()

    def take_turn(self, turn: Callable[[], None]) -> None:
        """Run `turn` in the loop's thread, after what was asked for before."""
        self._turns.put(turn)

    def stop(self) -> None:
        """End the thread after the turns that were asked for before."""
        self._turns.put(None)
        self._thread.join(timeout=5)

    def _run(self) -> None:
        while (turn := self._turns.get()) is not None:
            turn()


class LoopInbox:
    """A mailbox that asks its loop for a turn with every message, once the actor has joined one."""

    def __init__(self) -> None:
        self._envelopes: queue.SimpleQueue[Any] = queue.SimpleQueue()
        self._ask_for_turn: Callable[[], None] | None = None
        self.empty = self._envelopes.empty
        self.qsize = self._envelopes.qsize
        self.get = self._envelopes.get

    def put(self, envelope: Any, /) -> None:  # noqa: ANN401  pykka's envelope is private to it
        """Keep the message and ask for a turn."""
        self._envelopes.put(envelope)
        if self._ask_for_turn is not None:
            self._ask_for_turn()

    def join(self, ask_for_turn: Callable[[], None]) -> None:
        """Ask for turns this way from now on, also for what came before."""
        self._ask_for_turn = ask_for_turn
        for _ in range(self._envelopes.qsize()):
            ask_for_turn()


class LoopActor(DeskActor):
    """An actor that shares its thread. Handles what pykka's own loop does, one message a turn."""

    actor_inbox: LoopInbox

    @staticmethod
    def _create_actor_inbox() -> LoopInbox:
        return LoopInbox()

    @classmethod
    def start_on(cls, loop: SharedLoop, **given: Any) -> pykka.ActorRef[Self]:  # noqa: ANN401  the constructor's own
        """Make the actor and let `loop` serve it."""
        actor = cls(**given)
        pykka.ActorRegistry.register(actor.actor_ref)
        loop.take_turn(actor._actor_loop_setup)
        actor.actor_inbox.join(lambda: loop.take_turn(actor.handle_one))
        return actor.actor_ref

    def handle_one(self) -> None:
        """Handle one waiting message, as pykka's loop would; after the end, refuse what still waits."""
        if self.actor_stopped.is_set():
            self._actor_loop_teardown()
            return
        try:
            envelope = self.actor_inbox.get(block=False)
        except queue.Empty:
            return
        try:
            response = self._handle_receive(envelope.message)
        except Exception:  # noqa: BLE001  what pykka does: answer an ask with it, or die of it
            if envelope.reply_to is not None:
                envelope.reply_to.set_exception()
                return
            self._handle_failure(*sys.exc_info())
            self.on_failure(*sys.exc_info())
        else:
            if envelope.reply_to is not None:
                envelope.reply_to.set(response)
