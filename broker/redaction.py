"""Words that left the wire, without the secrets that travelled on it."""

import re
from typing import Final

_NAMES: Final = (
    r"(?:pwd|password|factor2|appkey|jkey|susertoken|access_?token|refresh_?token|api_?secret|totp_secret|vc|imei)"
)
_QUOTED_SECRET: Final = re.compile(
    rf"""(\b{_NAMES}\\?["']\s*:\s*\\?)(?:"(?:\\.|[^"\\])*|'(?:\\.|[^'\\])*)""", re.IGNORECASE
)
_BARE_SECRET: Final = re.compile(rf"""(\b{_NAMES}\s*=\s*)[^\s&"'<>,]+""", re.IGNORECASE)
_AUTHORIZATION: Final = re.compile(
    r"""(\bauthorization["']?\s*[:=]\s*["']?)(?:(bearer|basic)\s+)?[^\s"',<>]+|(\bbearer\s+)[^\s"',<>]+""",
    re.IGNORECASE,
)


def redacted(text: str) -> str:
    """Mask passwords, codes, keys, tokens and Authorization values in any request or reply text."""
    text = _QUOTED_SECRET.sub(r'\1"***', text)
    text = _BARE_SECRET.sub(r"\1***", text)
    return _AUTHORIZATION.sub(lambda found: f"{found[1] or found[3]}***", text)
