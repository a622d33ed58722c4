"""How a message leaves an actor: typed addresses, and dead letters instead of exceptions."""

from concurrent.futures import Future, InvalidStateError
from typing import Any, Generic, Protocol, TypeVar

import pykka
from loguru import logger

Message_contra = TypeVar("Message_contra", contravariant=True)
Answer = TypeVar("Answer")


class Address(Protocol[Message_contra]):
    """Somewhere to tell a message of the right kind. pykka's ActorRef is one."""

    def tell(self, message: Message_contra) -> None:
        """Put the message into the mailbox."""


class AddressSlot(Generic[Message_contra]):
    """An address that is wired after it was handed out, and again when its actor is replaced."""

    def __init__(self, name: str) -> None:
        self.name = name
        self._end: Address[Message_contra] | None = None
        self._is_closed = False

    def connect(self, end: Address[Message_contra]) -> None:
        """Lead every later message to `end`."""
        self._end = end

    def close(self) -> None:
        """Drop every later message: its actor is being stopped in order, and nobody waits for it."""
        self._is_closed = True

    def points_to(self, urn: str) -> bool:
        """Say whether the actor of this urn is at the other end; True as well where that end has none."""
        return getattr(self._end, "actor_urn", urn) == urn

    def tell(self, message: Message_contra) -> None:
        """Pass the message on; raise `ActorDeadError` while nobody is connected."""
        if self._is_closed:
            return
        if self._end is None:
            raise pykka.ActorDeadError(f"nobody is connected to {self.name}")
        self._end.tell(message)


class ReplyOnce(Generic[Answer]):
    """An address for a caller outside the actors: a future that the first answer sets."""

    def __init__(self) -> None:
        self._future: Future[Answer] = Future()

    def tell(self, message: Answer) -> None:
        """Keep the first answer; a later one changes nothing."""
        try:
            self._future.set_result(message)
        except InvalidStateError:
            logger.debug("a second answer was dropped: {}", message)

    def wait(self, timeout_s: float) -> Answer | None:
        """Return the answer, or None when there is none within `timeout_s` seconds."""
        try:
            return self._future.result(timeout_s)
        except TimeoutError:
            return None


def post(address: Address[Message_contra], message: Message_contra) -> bool:
    """Tell, or log a dead letter; return whether somebody was there. The sender lives on whoever died."""
    try:
        address.tell(message)
    except pykka.ActorDeadError as gone:
        logger.warning("dead letter: {} could not be told {}", gone, type(message).__name__)
        return False
    return True


def backlog(address: Address[Any]) -> int:
    """Return how many messages wait at an actor's mailbox, 0 where that cannot be told."""
    inbox = getattr(address, "actor_inbox", None)
    return inbox.qsize() if inbox is not None else 0
