"""Tell someone something later."""

import heapq
import itertools
import threading
from typing import Any, Protocol

import pykka
from loguru import logger

from actors.runtime.address import Address, Message_contra
from domain.ports import Clock


class Timer(Protocol):
    """The seam through which actors wait."""

    def tell_after(self, delay_s: float, address: Address[Message_contra], message: Message_contra) -> None:
        """Tell `message` to `address` once, `delay_s` seconds from now."""


class ThreadTimer:
    """One thread that sleeps until the next message is due. Late messages are told at once, in order of their time."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._due: list[tuple[float, int, Address[Any], Any]] = []
        self._numbers = itertools.count()
        self._changed = threading.Condition()
        self._stopped = False
        self._thread = threading.Thread(target=self._run, name="timer", daemon=True)
        self._thread.start()

    def tell_after(self, delay_s: float, address: Address[Message_contra], message: Message_contra) -> None:
        """Tell `message` to `address` once, `delay_s` seconds from now."""
        with self._changed:
            heapq.heappush(self._due, (self._clock.monotonic() + delay_s, next(self._numbers), address, message))
            self._changed.notify()

    def stop(self) -> None:
        """Drop what is not yet due, and end the thread."""
        with self._changed:
            self._stopped = True
            self._changed.notify()
        self._thread.join(timeout=5)

    def _run(self) -> None:
        while True:
            with self._changed:
                if self._stopped:
                    return
                wait_s = self._due[0][0] - self._clock.monotonic() if self._due else None
                if wait_s is None or wait_s > 0:
                    self._changed.wait(wait_s)
                    continue
                _, _, address, message = heapq.heappop(self._due)
            try:
                address.tell(message)
            except pykka.ActorDeadError:
                # Who wound this clock has ended meanwhile: nobody waits for it, and of a death the supervisor hears.
                logger.debug("{} came due for an actor that has ended", type(message).__name__)
