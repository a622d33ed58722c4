"""What every thread to the outside needs: it is started again when it dies, and one trouble is logged once."""

import threading
from collections.abc import Callable

from loguru import logger

from domain.ports import Clock
from domain.trouble import Trouble


class KeptThread:
    """Owns a thread that runs one function until that returns; `revive` starts it again where it died instead."""

    def __init__(self, name: str, run: Callable[[], None]) -> None:
        self.name = name
        self._run = run
        self._has_ended = False
        self._thread = self._begin()

    def _begin(self) -> threading.Thread:
        thread = threading.Thread(target=self._turn, name=self.name, daemon=True)
        thread.start()
        return thread

    def _turn(self) -> None:
        self._run()
        self._has_ended = True

    def revive(self) -> bool:
        """Start it again where it has died; say whether it had."""
        if self._has_ended or self._thread.is_alive():
            return False
        self._thread = self._begin()
        return True

    def join(self, wait_s: float) -> None:
        """Wait until it has ended, for at most so long."""
        self._thread.join(wait_s)


class ToldTrouble:
    """Owns what a thread logs of its trouble, so that the same words do not fill the log."""

    def __init__(self, name: str, clock: Clock) -> None:
        self._name = name
        self._clock = clock
        self._trouble = Trouble()

    def tell(self, message: str) -> None:
        """Log it when it begins, when its words change, and now and then while it lasts."""
        if told := self._trouble.tell(message, self._clock.monotonic()):
            logger.warning("{}: {}", self._name, told)

    def end(self) -> None:
        """Log that it is over, where there was one."""
        if told := self._trouble.end(self._clock.monotonic()):
            logger.info("{}: {}", self._name, told)
