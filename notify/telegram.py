"""Telegram's Bot API over HTTPS: texts out, and what is said to the bot in by long polling (`notify/telegram_chat.py`).

Facts used: `sendMessage` takes chat_id and text of at most 4,096 characters; `getUpdates` waits `timeout` seconds for
updates above `offset`; a reply has `ok`, and where that is false `description`, and at 429 `parameters.retry_after`.
"""

from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Any, Final

import requests

from notify.port import ChannelError

POLL_S: Final = 20
TEXT_CHARACTERS_MAX: Final = 4_096


class Telegram:
    """Owns the token and the one chat that counts."""

    name = "Telegram"

    def __init__(self, token: str, chat_id: str, api_url: str, timeout_s: float) -> None:
        self._url = f"{api_url.rstrip('/')}/bot{token}"
        self._token = token
        self.chat_id = chat_id
        self._timeout_s = timeout_s
        self.replied_at: datetime | None = None
        """When Telegram last answered, by its own clock."""

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
            self.replied_at = _moment_in(reply.headers.get("Date", "")) or self.replied_at
            body = reply.json()
        except (requests.RequestException, ValueError) as error:
            message = str(error).replace(self._token, "…")
            raise ChannelError(f"Telegram did not answer: {type(error).__name__} {message}"[:300]) from None
        if not isinstance(body, dict) or not body.get("ok"):
            said = body.get("description", reply.status_code) if isinstance(body, dict) else reply.status_code
            parameters = body.get("parameters") if isinstance(body, dict) else None
            wait = parameters.get("retry_after") if isinstance(parameters, dict) else None
            raise ChannelError(f"Telegram refused: {said}", None if wait is None else float(wait))
        return body.get("result")


def _moment_in(header: str) -> datetime | None:
    try:
        moment = parsedate_to_datetime(header)
    except ValueError:
        return None
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)
