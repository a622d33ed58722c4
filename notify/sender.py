"""The thread that sends: one text after the other to every channel, again until it is taken.

It delays nobody: whoever tells something puts it into the queue and goes on. What is news is given up after some tries;
a warning or an alarm never is, as long as the desk runs.
"""

import queue
import threading
from collections.abc import Callable, Sequence
from typing import Final

from loguru import logger

from domain.alert import Level
from domain.alerting import Telling
from domain.settings import AlertSettings
from notify.port import Channel, ChannelError

NEWS_TRIES_MAX: Final = 3


class Sender:
    """Owns the queue and the thread. `on_sent` is called in that thread when every channel has taken a text."""

    def __init__(
        self, channels: Sequence[Channel], settings: AlertSettings, on_sent: Callable[[Telling], None]
    ) -> None:
        self._channels = channels
        self._settings = settings
        self._on_sent = on_sent
        self._queue: queue.SimpleQueue[Telling | None] = queue.SimpleQueue()
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._run, name="alerts", daemon=True)
        self._thread.start()

    @property
    def waiting(self) -> int:
        """Return how many texts wait."""
        return self._queue.qsize()

    def send(self, telling: Telling) -> None:
        """Send it after what was told before; never waits."""
        self._queue.put(telling)

    def stop(self, wait_s: float) -> None:
        """Send what waits for at most so long, trying each once, and end."""
        self._ended.set()
        self._queue.put(None)
        self._thread.join(wait_s)

    def _run(self) -> None:
        while (telling := self._queue.get()) is not None:
            if all([self._deliver(channel, telling) for channel in self._channels]):  # noqa: C419  each is told
                self._on_sent(telling)

    def _deliver(self, channel: Channel, telling: Telling) -> bool:
        tries, pause_s = 0, self._settings.retry_s
        while True:
            try:
                channel.send(telling.text)
            except ChannelError as error:
                logger.warning("not told: {}", error)
                tries += 1
                if self._ended.is_set() or (telling.level is Level.NEWS and tries >= NEWS_TRIES_MAX):
                    return False
                self._ended.wait(error.retry_after_s or pause_s)
                pause_s = min(pause_s * 2, self._settings.retry_s_max)
            else:
                return True
