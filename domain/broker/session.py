"""The broker's session: how it stands, and when to try to open it again."""

from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Final

from domain.backoff import Backoff
from domain.broker.reply_types import LoggedIn, LoginReply
from domain.settings import BrokerSettings

EXIT_LOGIN_S: Final = 3.0
"""So soon a login that got no answer is tried again where an exit or a cancel waits for the session."""


class SessionState(StrEnum):
    """How the session stands. EXPIRED is tried again by itself; REFUSED waits for a person."""

    LOGGED_OUT = "LOGGED_OUT"
    LOGGING_IN = "LOGGING_IN"
    LOGGED_IN = "LOGGED_IN"
    EXPIRED = "EXPIRED"
    REFUSED = "REFUSED"


@dataclass(frozen=True, slots=True)
class LoginPace:
    """When the next login may be tried: after a rest that doubles with each failure, and bounded in number.

    Only refusals are bounded, as brokers lock accounts for them; a broker that does not answer is tried again for ever.
    A session that dies soon after its login is not opened again at once: something else may be logging in as well.
    """

    refusals: int = 0
    failures: int = 0
    is_final: bool = False
    next_at: float = float("-inf")
    unanswered_at: float = float("inf")
    """When the last try ended without the broker's having judged it."""
    logged_in_at: float = float("-inf")

    def after(self, reply: LoginReply, now: float, settings: BrokerSettings) -> "LoginPace":
        """Return the pace after a try that ended with `reply` at the monotonic second `now`."""
        if isinstance(reply, LoggedIn):
            is_quick = now - self.logged_in_at < settings.login_retry_s
            return LoginPace(next_at=now + settings.login_retry_s if is_quick else now, logged_in_at=now)
        rest_s = Backoff(settings.login_retry_s, settings.login_retry_s_max).pause_s(self.failures)
        refusals = self.refusals + reply.answered
        return replace(
            self,
            refusals=refusals,
            failures=self.failures + 1,
            is_final=self.is_final or reply.final or refusals >= settings.login_refusals_max,
            next_at=now + rest_s,
            unanswered_at=float("inf") if reply.answered else now,
        )

    def allows(self, now: float, *, is_exit: bool = False) -> bool:
        """Say whether a login may be tried at the monotonic second `now`; `is_exit`: a way out waits for it."""
        next_at = min(self.next_at, self.unanswered_at + EXIT_LOGIN_S) if is_exit else self.next_at
        return not self.is_final and now >= next_at
