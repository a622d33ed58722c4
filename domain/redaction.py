"""Words that leave this process, without the secrets that may stand in them."""

import re
from collections.abc import Iterable
from typing import Final
from urllib.parse import unquote

from domain.settings import Settings

SECRET_CHARACTERS_MIN: Final = 4
URL_PART_CHARACTERS_MIN: Final = 6

_NAMES: Final = (
    r"(?:pwd|password|factor2|appkey|api_?key|jkey|susertoken|access_?token|refresh_?token|bot_?token|telegram_?token"
    r"|api_?secret|secret_?code|totp_secret|vc|imei)"
)
_QUOTED_SECRET: Final = re.compile(
    rf"""(\b{_NAMES}\\?["']\s*:\s*\\?)(?:("|')(?:\\.|(?!\2)[^\\])*|([\[{{])[^\]}}]*)""", re.IGNORECASE
)
"""Also a list or an object of them: everything in it is taken for one."""
_BARE_SECRET: Final = re.compile(rf"""(\b{_NAMES}\s*=\s*)(?:"[^"]*"|'[^']*'|[^\s&"'<>,]+)""", re.IGNORECASE)
_AUTHORIZATION: Final = re.compile(
    r"""(\bauthorization\\?["']?\s*[:=]\s*\\?["']?)(?:(bearer|basic)\s+)?[^\s"',<>\\]+|(\bbearer\s+)[^\s"',<>\\]+""",
    re.IGNORECASE,
)
_IN_A_BOT_URL: Final = re.compile(r"(/bot)\d+:[A-Za-z0-9_-]+")
_IN_AN_ADDRESS: Final = re.compile(r"(\b[a-z][a-z0-9+.-]*://[^\s/@:]*:)[^\s/@]+(?=@)", re.IGNORECASE)


def redacted(text: str) -> str:
    """Mask passwords, codes, keys, tokens and Authorization values in any request, reply, address or log line."""
    text = _QUOTED_SECRET.sub(lambda found: f"{found[1]}{found[2] or found[3]}***", text)
    text = _BARE_SECRET.sub(r"\1***", text)
    text = _IN_A_BOT_URL.sub(r"\1***", text)
    text = _IN_AN_ADDRESS.sub(r"\1***", text)
    return _AUTHORIZATION.sub(lambda found: f"{found[1] or found[3]}***", text)


def secrets_of(settings: Settings, token: str = "") -> tuple[str, ...]:
    """Return the words that must leave in no text, longest first."""
    broker, alerts = settings.broker, settings.alerts
    kept = (broker.password, broker.totp_secret, broker.api_secret, broker.access_token, settings.api.token)
    message = {token, *(secret.get_secret_value() for secret in (*kept, alerts.telegram_token, *alerts.urls))}
    for url in alerts.urls:
        # Which part of an alert's address is its secret depends on the channel: every longer one is taken for it.
        parts = re.split(r"[/:@?&=]+", url.get_secret_value())[1:]
        message |= {unquote(one) for one in parts if len(one) >= URL_PART_CHARACTERS_MIN} | {
            one for one in parts if len(one) >= URL_PART_CHARACTERS_MIN
        }
    return tuple(sorted((word for word in message if len(word) >= SECRET_CHARACTERS_MIN), key=len, reverse=True))


def without(secrets: Iterable[str], text: str) -> str:
    """Mask these words, and whatever looks like a secret."""
    for secret in secrets:
        text = text.replace(secret, "***")
    return redacted(text)
