"""The one place where pykka is subclassed: a quick mailbox, and no death unnoticed."""

import queue
from types import TracebackType
from typing import Any

import pykka
from loguru import logger

from actors.messages.desk import ActorDied
from actors.runtime.address import Address, post


class DeskActor(pykka.ThreadingActor):
    """A thread with a mailbox of its own. Its death by an exception is told to the supervisor."""

    use_daemon_thread = True

    def __init__(self, supervisor: Address[ActorDied]) -> None:
        super().__init__()
        self.supervisor = supervisor

    @staticmethod
    def _create_actor_inbox() -> Any:  # noqa: ANN401  pykka's inbox protocol is private to it
        """Use the C queue: several times the tells per second of the default."""
        return queue.SimpleQueue()

    def on_failure(
        self,
        exception_type: type[BaseException] | None,
        exception_value: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        """Name the death; pykka drops what waits in the mailbox."""
        name = type(self).__name__
        logger.opt(exception=(exception_type, exception_value, traceback)).critical("{} died", name)
        post(self.supervisor, ActorDied(actor=name, urn=self.actor_urn, cause=repr(exception_value)))


def stop_actor(ref: pykka.ActorRef[Any], wait_s: float) -> None:
    """Stop an actor, waiting at most so long; whatever comes of it, go on."""
    try:
        ref.stop(timeout=wait_s)
    except (pykka.ActorDeadError, pykka.Timeout):
        logger.warning("{} did not stop within {:.0f} s", ref, wait_s)
