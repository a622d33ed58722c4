"""Who is logged in. Tokens outlive a restart of the paper broker, as a desk's session has to.

Tokens die at logout, on request, and at the daily reset (docs/protocol.md, session life). Assumption: it is at 03:00
IST. By default a new login leaves older tokens valid; the policy of Shoonya itself is not known.
"""

import hashlib
import hmac
import secrets
import struct
from base64 import b32decode
from datetime import datetime, timedelta
from typing import Final

from broker.paper.clock import Moment
from broker.paper.ledger import JsonLines
from broker.paper.settings import PaperSettings

_RESET_HOUR: Final = 3
_TOTP_STEP_S: Final = 30
_TOTP_DIGITS: Final = 6


def totp(secret: str, step: int) -> str:
    """Return the six digits of one 30 s step (RFC 6238 over SHA-1)."""
    key = b32decode(secret.upper() + "=" * (-len(secret) % 8))
    digest = hmac.new(key, struct.pack(">Q", step), hashlib.sha1).digest()
    offset = digest[-1] & 0x0F
    number: int = struct.unpack(">I", digest[offset : offset + 4])[0] & 0x7FFFFFFF
    return f"{number % 10**_TOTP_DIGITS:0{_TOTP_DIGITS}d}"


def sha256(text: str) -> str:
    """Return the hash the way the client sends it: in lower-case hex."""
    return hashlib.sha256(text.encode()).hexdigest()


class Sessions:
    """Owns the tokens and when each ends."""

    def __init__(self, settings: PaperSettings, ledger: JsonLines, moment: Moment) -> None:
        self._settings = settings
        self._ledger = ledger
        self._ends: dict[str, float] = {}
        for record in ledger.read():
            if record["kind"] == "open":
                self._ends[record["token"]] = record["ends"]
            elif record["kind"] == "close":
                self._ends.pop(record["token"], None)
            else:
                self._ends.clear()
        if settings.access_token is not None:
            self._enter(settings.access_token, moment)

    def code_is_right(self, code: str, moment: Moment) -> bool:
        """Say whether `code` is the one-time code of now, or of the step before or after."""
        step = int(moment.wall) // _TOTP_STEP_S
        return code in {totp(self._settings.totp_secret, step + shift) for shift in (-1, 0, 1)}

    def open(self, moment: Moment) -> str:
        """Log in: return a new token, durable already."""
        if self._settings.single_session:
            self.expire_all()
        token = secrets.token_hex(32)
        self._enter(token, moment)
        return token

    def close(self, token: str) -> None:
        """Log out."""
        self._ends.pop(token, None)
        self._ledger.append({"kind": "close", "token": token})
        self._ledger.commit()

    def expire_all(self) -> None:
        """End every session."""
        self._ends.clear()
        self._ledger.append({"kind": "close_all"})
        self._ledger.commit()

    def is_valid(self, token: str | None, moment: Moment) -> bool:
        """Say whether `token` belongs to a session that has not ended."""
        return token is not None and moment.wall < self._ends.get(token, 0.0)

    def _enter(self, token: str, moment: Moment) -> None:
        self._ends[token] = self.ends_at(moment).timestamp()
        self._ledger.append({"kind": "open", "token": token, "ends": self._ends[token]})
        self._ledger.commit()

    @staticmethod
    def ends_at(moment: Moment) -> datetime:
        """Return when a session opened now ends: the next 03:00 IST."""
        reset = moment.at.replace(hour=_RESET_HOUR, minute=0, second=0, microsecond=0)
        return reset if moment.at < reset else reset + timedelta(days=1)

    def end(self) -> None:
        """Let go of the file."""
        self._ledger.close()
