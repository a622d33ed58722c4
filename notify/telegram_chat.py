"""The thread that hears what is said to Telegram's bot, and answers there.

Obeyed is the configured person alone, in the configured chat, and only what was said now. A message is taken apart by
`objection_to`. Facts used: a message has `date` (Unix seconds), `chat` with `id` and `type` ("private" for a chat of
two), `from` with `id` where a person wrote it; a forwarded one has `forward_origin` (`forward_date` in older servers),
one written for a channel or by another bot `sender_chat` or `via_bot`. What was said while no desk ran is handed out by
the next `getUpdates`, for 24 hours.
"""

import threading
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import Any, Final

from loguru import logger

from domain.ports import IST, Clock
from notify.kept_thread import KeptThread, ToldTrouble
from notify.port import ChannelError
from notify.telegram import Telegram

PAUSE_S: Final = 5.0
FRESH_S: Final = 120.0
"""What was said longer ago, the chat being out of reach, is to be said again."""
_OF_OTHERS: Final = ("forward_origin", "forward_date", "forward_from", "forward_from_chat", "via_bot", "sender_chat")


@dataclass(frozen=True, slots=True)
class Person:
    """Who may give orders: their id at Telegram, the chat they do it in, and whether that may be a group."""

    user_id: str
    chat_id: str
    may_be_group: bool = False


def is_from(person: Person, message: dict[str, Any]) -> bool:
    """Say whether the configured person wrote it, in the configured chat."""
    return _id_of(message.get("chat")) == person.chat_id and _id_of(message.get("from")) == person.user_id


def objection_to(person: Person, message: dict[str, Any], not_before: datetime) -> str:
    """Return why the configured person's message is not obeyed, as an answer; an empty text when it is."""
    chat = message.get("chat")
    if not person.may_be_group and not (isinstance(chat, dict) and chat.get("type", "private") == "private"):
        return "Orders are not taken in a group (alerts.telegram_allow_group). Nothing was done."
    if any(message.get(name) for name in _OF_OTHERS):
        return "A forwarded message is no order. Nothing was done; say it yourself."
    said_at = _moment(message.get("date"))
    if said_at is None or said_at < not_before:
        at = "at an unknown time" if said_at is None else f"at {said_at.astimezone(IST):%d %b %H:%M:%S}"
        return f"That was said {at} and is heard only now. Nothing was done; say it again if it still holds."
    return ""


class TelegramChat:
    """Owns the thread that hears. Of other people it tells one a day, with how many messages there were before."""

    def __init__(
        self,
        telegram: Telegram,
        person: Person,
        clock: Clock,
        answer: Callable[[str], str],
        on_stranger: Callable[[str, int], None],
    ) -> None:
        self._telegram = telegram
        self._person = person
        self._clock = clock
        self._answer = answer
        self._on_stranger = on_stranger
        self._began_at = clock.now()
        self._ahead = timedelta()
        self._offset = 0
        self._strangers = 0
        self._strangers_on: date | None = None
        self._trouble = ToldTrouble("the chat", clock)
        self._ended = threading.Event()
        self.thread = KeptThread("telegram", self._run)

    def stop(self) -> None:
        """Hear nothing more; what is being waited for ends by itself."""
        self._ended.set()

    def _run(self) -> None:
        while not self._ended.is_set():
            try:
                updates = self._telegram.updates(self._offset)
                self._set_clock()
                for update in updates:
                    self._offset = max(self._offset, int(update.get("update_id", 0)) + 1)
                    self._hear(update)
                self._trouble.end()
            except ChannelError as error:
                self._trouble.tell(str(error))
                self._ended.wait(error.retry_after_s or PAUSE_S)
            except Exception as error:  # noqa: BLE001  nothing that is said to it may make the desk deaf
                self._trouble.tell(f"{type(error).__name__}: {error}")
                self._ended.wait(PAUSE_S)

    def _hear(self, update: dict[str, Any]) -> None:
        message = update.get("message")
        if not isinstance(message, dict) or self._ended.is_set():
            return
        if not is_from(self._person, message):
            self._count_stranger(message)
            return
        text = str(message.get("text", "")).strip()
        if text:
            self._telegram.send(objection_to(self._person, message, self._not_before()) or self._answer_safely(text))

    def _answer_safely(self, text: str) -> str:
        try:
            return self._answer(text)
        except Exception as error:  # noqa: BLE001  the person is told, whatever it is
            logger.exception("the chat met an error of the desk")
            met = f"the desk met an error ({type(error).__name__})"
            return f"Not known to be done: {met}. Its log says more; /status tells how it is."

    def _set_clock(self) -> None:
        """See how far Telegram's clock is from ours: a machine with a wrong time must not be deaf."""
        if self._telegram.replied_at is not None:
            self._ahead = self._telegram.replied_at - self._clock.now()

    def _not_before(self) -> datetime:
        """Return the moment, by Telegram's clock, before which nothing counts that was said."""
        begun = (self._began_at + self._ahead).replace(microsecond=0)  # a message's time is in whole seconds
        return max(begun, self._clock.now() + self._ahead - timedelta(seconds=FRESH_S))

    def _count_stranger(self, message: dict[str, Any]) -> None:
        today = self._clock.now().astimezone(IST).date()
        if today == self._strangers_on:
            self._strangers += 1
            return
        before, self._strangers, self._strangers_on = self._strangers, 0, today
        self._on_stranger(_id_of(message.get("chat")), before)


def _id_of(one: object) -> str:
    return str(one.get("id", "")) if isinstance(one, dict) else ""


def _moment(seconds: object) -> datetime | None:
    """Return Unix seconds as a moment; None for what is none."""
    if not isinstance(seconds, int) or isinstance(seconds, bool):
        return None
    try:
        return datetime.fromtimestamp(seconds, UTC)
    except (OverflowError, OSError, ValueError):
        return None
