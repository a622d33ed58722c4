"""The one way of asking the broker: through the library's private copy, once, judged by the transport's evidence.

The library answers None for an empty book, a dead session and an error alike. Here a None is never interpreted: what
counts is whether a byte was sent, which reply came back, and the broker's own words in it.
"""

from collections.abc import Callable
from typing import Any

from loguru import logger

from broker.http.response import NotSentError, TransportError
from broker.http.transport import HttpTransport
from broker.noren.json_array import read_json
from broker.noren.library import load_library
from broker.noren.reply_rules import Answer, NoAnswer
from domain.broker.addresses import AddressRules
from domain.ports import Clock
from domain.settings import BrokerSettings


class Client:
    """Owns the library's copy, its transport, and whether a login is needed. Asked by one caller at a time."""

    def __init__(self, settings: BrokerSettings, clock: Clock, rules: AddressRules) -> None:
        assert settings.rest_url, "the caller names the broker's address"
        self.transport = HttpTransport(
            clock, connect_timeout_s=settings.connect_timeout_s, read_timeout_s=settings.read_timeout_s, rules=rules
        )
        library = load_library(self.transport)
        # A host without its closing slash, as the routes begin with one.
        self.api: Any = library.NorenApi(host=settings.rest_url.rstrip("/"), websocket=settings.websocket_url or "")
        self.needs_login = True
        """True before the first login, and from a reply that says the session is over until the next login."""

    def call(self, question: Callable[..., object], *given: object) -> Answer | NoAnswer:
        """Let the library ask once, and judge by the transport's evidence, not by what the library makes of it."""
        transport = self.transport
        transport.last = None
        try:
            body = question(*given)
        except TransportError as error:
            return NoAnswer(str(error), sent=not isinstance(error, NotSentError))
        except Exception as error:  # noqa: BLE001  the library raises what it likes; the evidence below decides
            body = None
            if transport.last is None or not transport.last.sent:
                name = type(error).__name__
                logger.error("the client library failed before it sent anything: {}", name)
                return NoAnswer(f"the client library failed before it sent anything: {name}", sent=False)
        last = transport.last
        if last is None:
            return NoAnswer("the client library sent nothing", sent=False)
        if not isinstance(body, dict):
            body = read_json(last.text)
        if body is None:
            return NoAnswer(f"HTTP {last.status_code}: {transport.clean(last.text) or 'an empty reply'}", sent=True)
        answer = Answer(last.status_code, body)
        if answer.says_session_expired:
            self.needs_login = True
        return answer
