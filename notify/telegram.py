"""Telegram's Bot API over HTTPS: texts out, and a person's words in by long polling.

Facts used: `sendMessage` takes chat_id and text of at most 4,096 characters; `getUpdates` waits `timeout` seconds for
updates above `offset`; a reply has `ok`, and where that is false `description`, and at 429 `parameters.retry_after`.
"""

import threading
from collections.abc import Callable
from typing import Any, Final

import requests
from loguru import logger

from notify.port import ChannelError

POLL_S: Final = 20
PAUSE_S: Final = 5.0
TEXT_CHARACTERS_MAX: Final = 4_096


class Telegram:
    """Owns the token and the one chat that counts."""

    name = "Telegram"

    def __init__(self, token: str, chat_id: str, api_url: str, timeout_s: float) -> None:
        self._url = f"{api_url.rstrip('/')}/bot{token}"
        self._token = token
        self.chat_id = chat_id
        self._timeout_s = timeout_s

    def send(self, text: str) -> None:
        """Send a text to the chat; raise `ChannelError`, in which the token never stands."""
        self._ask("sendMessage", {"chat_id": self.chat_id, "text": text[:TEXT_CHARACTERS_MAX]}, self._timeout_s)

    def updates(self, offset: int, wait_s: float = POLL_S) -> list[dict[str, Any]]:
        """Return what was said from `offset` on, waiting at most so long for it."""
        asked = {"offset": offset, "timeout": int(wait_s), "allowed_updates": ["message"]}
        found = self._ask("getUpdates", asked, wait_s + self._timeout_s)
        return [one for one in found if isinstance(one, dict)] if isinstance(found, list) else []

    def _ask(self, method: str, given: dict[str, Any], timeout_s: float) -> Any:  # noqa: ANN401  the method's own result
        try:
            reply = requests.post(f"{self._url}/{method}", json=given, timeout=timeout_s)
            body = reply.json()
        except (requests.RequestException, ValueError) as error:
            words = str(error).replace(self._token, "…")
            raise ChannelError(f"Telegram did not answer: {type(error).__name__} {words}"[:300]) from None
        if not isinstance(body, dict) or not body.get("ok"):
            said = body.get("description", reply.status_code) if isinstance(body, dict) else reply.status_code
            parameters = body.get("parameters") if isinstance(body, dict) else None
            wait = parameters.get("retry_after") if isinstance(parameters, dict) else None
            raise ChannelError(f"Telegram refused: {said}", None if wait is None else float(wait))
        return body.get("result")


class TelegramEars:
    """A thread that hears what is said in the chat, and answers there; of other chats it hears nothing."""

    def __init__(self, telegram: Telegram, answer: Callable[[str], str], on_stranger: Callable[[str], None]) -> None:
        self._telegram = telegram
        self._answer = answer
        self._on_stranger = on_stranger
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._run, name="telegram", daemon=True)

    def start(self) -> None:
        """Begin to hear."""
        self._thread.start()

    def stop(self) -> None:
        """Hear nothing more; what is being waited for ends by itself."""
        self._ended.set()

    def _run(self) -> None:
        offset = 0
        while not self._ended.is_set():
            try:
                for update in self._telegram.updates(offset):
                    offset = max(offset, int(update.get("update_id", 0)) + 1)
                    self._hear(update)
            except ChannelError as error:
                logger.warning("{}", error)
                self._ended.wait(error.retry_after_s or PAUSE_S)

    def _hear(self, update: dict[str, Any]) -> None:
        message = update.get("message")
        if not isinstance(message, dict) or self._ended.is_set():
            return
        chat = message.get("chat")
        chat_id = str(chat.get("id", "")) if isinstance(chat, dict) else ""
        text = str(message.get("text", "")).strip()
        if chat_id != self._telegram.chat_id:
            self._on_stranger(chat_id)
        elif text:
            self._telegram.send(self._answer(text))
