"""The broker's session, as BrokerActor keeps it: opened at a bounded pace, and told when it changes."""

from collections.abc import Callable
from typing import Protocol, assert_never

from loguru import logger

from broker.port import Broker, Session
from domain.broker.reply_types import LoggedIn
from domain.broker.session import LoginPace, SessionState
from domain.ports import Clock
from domain.settings import BrokerSettings
from domain.trouble import Trouble


class SessionFeed(Protocol):
    """What brings ticks and needs the session for it."""

    def start(self, session: Session) -> None:
        """Begin, or go on, with this session."""


class SessionKeeper:
    """Owns how the session stands, why, and when the next login may be tried."""

    def __init__(
        self,
        broker: Broker,
        feed: SessionFeed,
        clock: Clock,
        settings: BrokerSettings,
        tell: Callable[[SessionState, str], None],
    ) -> None:
        self._broker = broker
        self._feed = feed
        self._clock = clock
        self._settings = settings
        self._tell = tell
        self._pace = LoginPace()
        self._trouble = Trouble()
        self.state, self.message = SessionState.LOGGED_OUT, "not logged in"

    def forget_refusals(self) -> None:
        """Let the next login be tried at once: a person has mended what was wrong."""
        self._pace = LoginPace()

    def log_in(self) -> bool:
        """Ask the broker for a session; say whether there is one."""
        self._turn(SessionState.LOGGING_IN, "logging in")
        reply = self._broker.log_in()
        self._pace = self._pace.after(reply, self._clock.monotonic(), self._settings)
        if isinstance(reply, LoggedIn):
            self._turn(SessionState.LOGGED_IN, "logged in")
            if self._broker.session is not None:
                self._feed.start(self._broker.session)
            return True
        if self._pace.is_final:
            self._turn(SessionState.REFUSED, f"{reply.cause}; mend it, then say `login`")
        else:
            self._turn(SessionState.EXPIRED, reply.cause)
        return False

    def is_back(self, *, is_exit: bool) -> bool:
        """Say whether there is a session after all, opening one where that may be tried."""
        self._mark_expired()
        return self._pace.allows(self._clock.monotonic(), is_exit=is_exit) and self.log_in()

    def wants_login(self) -> bool:
        """Say whether a reply has shown the session dead and a login may be tried now."""
        if not self._broker.needs_login:
            return False
        self._mark_expired()
        return self._pace.allows(self._clock.monotonic())

    def _mark_expired(self) -> None:
        if self.state is SessionState.LOGGED_IN:
            self._turn(SessionState.EXPIRED, "the broker says that the session is over")

    def _turn(self, state: SessionState, message: str) -> None:
        """Tell a new state of the session, once."""
        if (state, message) == (self.state, self.message):
            return
        self.state, self.message = state, message
        self._log(state, message)
        self._tell(state, message)

    def _log(self, state: SessionState, message: str) -> None:
        now = self._clock.monotonic()
        match state:
            case SessionState.REFUSED:
                logger.critical("session: {} ({})", state, message)
            case SessionState.EXPIRED:
                if told := self._trouble.tell(message, now):
                    logger.warning("session: {} ({})", state, told)
            case SessionState.LOGGED_IN:
                logger.info("session: {} ({})", state, self._trouble.end(now) or message)
            case SessionState.LOGGED_OUT | SessionState.LOGGING_IN:
                logger.debug("session: {} ({})", state, message)
            case _:
                assert_never(state)
