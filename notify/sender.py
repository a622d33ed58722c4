"""The threads that send: each channel has its own, and its own queue, so that one that fails silences no other.

Whoever tells something puts it into the queues and goes on. On each channel one text follows the other in order, again
until it is taken. News is given up after some tries. A text that a channel refuses while it takes the next one is set
aside, so that it keeps nothing else back: it stands in `alerts`, and an alarm is told again anyway.
"""

import threading
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Final

from loguru import logger

from domain.alerts.alert import ChannelState, Level
from domain.alerts.policy import Notification
from domain.backoff import Backoff
from domain.ports import Clock
from domain.redaction import without
from domain.settings import AlertSettings
from notify.kept_thread import KeptThread, ToldTrouble
from notify.port import Channel, ChannelError

NEWS_TRIES_MAX: Final = 3
SET_ASIDE_AFTER: Final = 3
"""So often a text is tried before the one behind it has a turn."""
MESSAGE_CHARACTERS_MAX: Final = 200


class Sender:
    """Owns a line for each channel. `on_told` is called in a line's thread when its channel has taken a text.

    Where one of the `secrets` stands in a text, or in a channel's words of trouble, it is masked.
    """

    def __init__(
        self,
        channels: Sequence[Channel],
        settings: AlertSettings,
        clock: Clock,
        on_told: Callable[[Notification, str], None],
        secrets: Sequence[str] = (),
    ) -> None:
        self._clock = clock
        self._lines = tuple(_ChannelLine(channel, settings, clock, on_told, secrets) for channel in channels)

    @property
    def threads(self) -> tuple[KeptThread, ...]:
        """Return the threads, for whoever starts a dead one again."""
        return tuple(line.thread for line in self._lines)

    @property
    def states(self) -> tuple[ChannelState, ...]:
        """Return how each channel delivers."""
        return tuple(line.state for line in self._lines)

    def send(self, notification: Notification) -> None:
        """Send it after what was told before, on the channels it is for; never waits."""
        for line in self._lines:
            if notification.only is None or line.state.name in notification.only:
                line.put(notification)

    def stop(self, wait_s: float) -> None:
        """Send what waits for at most so long, trying each once, and end."""
        for line in self._lines:
            line.end()
        ends_at = self._clock.monotonic() + wait_s
        for line in self._lines:
            line.thread.join(max(0.0, ends_at - self._clock.monotonic()))


class _ChannelLine:
    """Owns one channel: what waits for it, its thread, and how it delivers."""

    def __init__(
        self,
        channel: Channel,
        settings: AlertSettings,
        clock: Clock,
        on_told: Callable[[Notification, str], None],
        secrets: Sequence[str],
    ) -> None:
        self._channel = channel
        self._settings = settings
        self._clock = clock
        self._on_told = on_told
        self._secrets = secrets
        self._waiting: deque[Notification] = deque()
        self._changed = threading.Condition()
        self._ended = threading.Event()
        self._tries = 0
        self._failures = 0
        self._trouble = ToldTrouble(f"alerts by {channel.name}", clock)
        self._state = ChannelState(name=channel.name)
        self.thread = KeptThread(f"alerts by {channel.name}", self._run)

    @property
    def state(self) -> ChannelState:
        """Return how the channel delivers."""
        return replace(self._state, waiting=len(self._waiting))

    def put(self, notification: Notification) -> None:
        """Let it wait. Of an open alarm that is told again one waiting text is enough."""
        with self._changed:
            if not (notification.topic and any(notification.topic == one.topic for one in self._waiting)):
                self._waiting.append(notification)
                self._changed.notify()

    def end(self) -> None:
        """Try once more what waits, and end."""
        self._ended.set()
        with self._changed:
            self._changed.notify()

    def _run(self) -> None:
        while True:
            with self._changed:
                self._changed.wait_for(lambda: self._waiting or self._ended.is_set())
                if not self._waiting:
                    return
                first = self._waiting[0]
            if self._has_taken(first):
                self._note_told(first)
            elif self._ended.is_set():
                return
            else:
                self._give_way(first)

    def _has_taken(self, notification: Notification) -> bool:
        try:
            self._channel.send(without(self._secrets, notification.text))
        except ChannelError as error:
            self._fail(str(error), error.retry_after_s)
            return False
        except BaseException as error:  # noqa: BLE001  a channel's own fault, SystemExit among them, ends no thread
            self._fail(f"{type(error).__name__}: {error}", None)
            return False
        self._tries = self._failures = 0
        self._trouble.end()
        self._state = ChannelState(name=self._channel.name, last_told_at=self._clock.now())
        return True

    def _fail(self, message: str, retry_after_s: float | None) -> None:
        message = without(self._secrets, message)[:MESSAGE_CHARACTERS_MAX]
        self._tries += 1
        self._trouble.tell(message)
        since = self._state.failing_since or self._clock.now()
        self._state = replace(self._state, failing_since=since, why=message)
        pause_s = Backoff(self._settings.retry_s, self._settings.retry_s_max).pause_s(self._failures)
        self._failures += 1
        self._ended.wait(pause_s if retry_after_s is None else retry_after_s)

    def _give_way(self, first: Notification) -> None:
        """Give news up after some tries; set aside what is refused again and again while the next one is taken."""
        if first.level is Level.INFO and self._tries >= NEWS_TRIES_MAX:
            self._drop(first)
            self._tries = 0
        elif self._tries >= SET_ASIDE_AFTER and len(self._waiting) > 1:
            tries, second = self._tries, self._waiting[1]
            if self._has_taken(second):
                self._note_told(second)
                # The channel may have come back between the two.
                if self._has_taken(first):
                    self._note_told(first)
                else:
                    logger.critical("{} refuses this text, and it is set aside: {}", self._channel.name, first.text)
                    self._drop(first)
            else:
                self._tries = tries

    def _note_told(self, notification: Notification) -> None:
        self._drop(notification)
        self._on_told(notification, self._channel.name)

    def _drop(self, notification: Notification) -> None:
        with self._changed:
            self._waiting.remove(notification)
