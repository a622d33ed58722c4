"""Step 4's wire: the HTTP under the broker's client library, and the evidence it leaves.

The library (docs/protocol.md, client traps) posts through its module attribute `requests`, without a timeout, over a
new connection each time, and forgets what the broker said. `HttpTransport` stands in for that attribute. It keeps one
connection, ends every exchange by a deadline, and remembers of the last exchange whether a byte may have left.

The evidence has two kinds. `NotSentError`: no connection came about, so nothing of the request left this machine.
`ReplyLostError`: the kernel may have had the request, and no whole answer came. A request is never written twice.
"""

import math
import ssl
from collections.abc import Mapping
from typing import Final
from urllib.parse import urlsplit

from loguru import logger

from broker.http.connect import Endpoint, Socket, is_quiet, open_connection
from broker.http.response import NotSentError, ReplyLostError, ResponseReader, TransportError
from domain.broker.addresses import TLS_OFF_LOOPBACK, AddressRules
from domain.ports import Clock
from domain.redaction import redacted
from domain.texts import one_line
from domain.trouble import Troubles

IDLE_REUSE_S_MAX: Final = 20.0
"""An older idle connection is not trusted: servers drop them silently."""
CAUSE_CHARACTERS_MAX: Final = 300
HIDDEN_CHARACTERS_MIN: Final = 4
_RECEIVE_BYTES: Final = 256 * 1024
_TARGETS_MAX: Final = 64

_log: Final = logger.opt(lazy=True)


class Attempt:
    """One exchange: what was asked, whether a byte may have left, and what came back.

    Owns the attributes that the library reads of a `requests` answer: `text` and `status_code`.
    """

    __slots__ = ("route", "sent", "status_code", "text")

    def __init__(self, route: str) -> None:
        self.route = route
        self.sent = False
        self.status_code = 0
        self.text = ""


class _Target:
    """A URL taken apart once: whom to connect to, and the head of each request."""

    __slots__ = ("endpoint", "head", "route")

    def __init__(self, url: str) -> None:
        parts = urlsplit(url)
        if parts.scheme not in {"http", "https"} or not parts.hostname:
            raise ValueError(f"{redacted(url)!r} is no http or https address")
        secure = parts.scheme == "https"
        self.endpoint = Endpoint(parts.hostname, parts.port or (443 if secure else 80), secure)
        path = parts.path or "/"
        self.route = path.rsplit("/", 1)[-1] or "/"
        query = f"?{parts.query}" if parts.query else ""
        self.head = (
            f"POST {path}{query} HTTP/1.1\r\nHost: {parts.netloc.rpartition('@')[2]}\r\n"
            "User-Agent: shoonya-desk\r\nAccept: */*\r\nConnection: keep-alive\r\n"
        )


class HttpTransport:
    """Owns one kept-alive connection to the broker, and the evidence of the last exchange.

    Connecting (name, TCP, TLS) takes at most `connect_timeout_s`, the exchange after it `read_timeout_s`; both end
    with the operation that `begin` opened. Asked by one thread at a time. With `bearer` set, requests speak the OAuth
    dialect: an Authorization header, and no `jKey` in the body (docs/protocol.md, OAuth dialect). `own_address` is this
    machine's end of the last connection.
    """

    def __init__(
        self,
        clock: Clock,
        *,
        connect_timeout_s: float,
        read_timeout_s: float,
        idle_reuse_s_max: float = IDLE_REUSE_S_MAX,
        tls: ssl.SSLContext | None = None,
        rules: AddressRules = TLS_OFF_LOOPBACK,
    ) -> None:
        self._clock = clock
        self._rules = rules
        self._connect_timeout_s = connect_timeout_s
        self._read_timeout_s = read_timeout_s
        self._idle_reuse_s_max = idle_reuse_s_max
        self._tls = tls
        self._targets: dict[str, _Target] = {}
        self._hidden: set[str] = set()
        self._troubles = Troubles()
        self._connection: Socket | None = None
        self._endpoint: Endpoint | None = None
        self._used_at = 0.0
        self._ends_at = math.inf
        self.bearer = ""
        self.own_address = ""
        self.last: Attempt | None = None

    def begin(self, within_s: float = math.inf) -> None:
        """Open an operation: its exchanges, taken together, end within connect and read timeout, and `within_s`."""
        within_s = min(within_s, self._connect_timeout_s + self._read_timeout_s)
        self._ends_at = self._clock.monotonic() + within_s

    def hide(self, *secrets: str) -> None:
        """Mask these values wherever they turn up in the broker's words."""
        self._hidden.update(secret for secret in secrets if len(secret) >= HIDDEN_CHARACTERS_MIN)

    def clean(self, text: str) -> str:
        """Return `text` fit for a log line or a cause: without secrets, on one line, bounded."""
        text = redacted(text)
        for secret in self._hidden:
            text = text.replace(secret, "***")
        return one_line(" ".join(text.split()), CAUSE_CHARACTERS_MAX)

    def post(self, url: str, data: str = "", headers: Mapping[str, str] | None = None) -> Attempt:
        """Send one request and return the whole reply, whatever its status; redirects are replies too.

        Raises `NotSentError` or `ReplyLostError`; either way `last` holds the evidence.
        """
        target = self._targets.get(url) or self._target(url)
        self.last = attempt = Attempt(target.route)
        started = self._clock.monotonic()
        try:
            connection = self._connected(target.endpoint)
            ends_at = min(self._clock.monotonic() + self._read_timeout_s, self._ends_at)
            request = self._request(target, data, headers)
            # From here on a byte may have left, even where `sendall` fails.
            attempt.sent = True
            self._exchange(connection, request, attempt, ends_at)
        except TransportError as error:
            if told := self._troubles.tell(attempt.route, str(error), self._clock.monotonic()):
                logger.warning("{}: {}", attempt.route, told)
            raise
        if told := self._troubles.end(attempt.route, self._clock.monotonic()):
            logger.info("{}: {}", attempt.route, told)
        _log.debug(
            "{} answered {} in {:.2f} ms",
            lambda: attempt.route,
            lambda: attempt.status_code,
            lambda: (self._clock.monotonic() - started) * 1e3,
        )
        return attempt

    def close(self) -> None:
        """Let go of the connection; the next request opens another."""
        if self._connection is not None:
            self._connection.close()
            self._connection = None

    def _target(self, url: str) -> _Target:
        if len(self._targets) >= _TARGETS_MAX:
            self._targets.clear()
        target = self._targets[url] = _Target(url)
        return target

    def _connected(self, endpoint: Endpoint) -> Socket:
        """Return a connection that is known to be usable now, the kept one where it still is."""
        now = self._clock.monotonic()
        kept = self._connection
        if kept is not None:
            # A server that closed the idle connection has said so by now. Found out here, before a byte is written,
            # it costs a reconnect; found out later it would cost the certainty about an order.
            if endpoint == self._endpoint and now - self._used_at <= self._idle_reuse_s_max and is_quiet(kept):
                return kept
            self.close()
        timeout_s = min(self._connect_timeout_s, self._ends_at - now)
        if endpoint.secure and self._tls is None:
            self._tls = ssl.create_default_context()
        try:
            opened = open_connection(endpoint, timeout_s, self._clock, self._tls, self._rules)
        except TimeoutError as error:
            raise NotSentError(f"no connection to {endpoint.host} within {timeout_s:g} s") from error
        except (OSError, ValueError) as error:
            raise NotSentError(f"no connection to {endpoint.host}: {self.clean(str(error))}") from error
        self._connection, self._endpoint = opened, endpoint
        self.own_address = str(opened.getsockname()[0])
        return opened

    def _request(self, target: _Target, data: str, headers: Mapping[str, str] | None) -> bytes:
        lines = "".join(f"{name}: {value}\r\n" for name, value in headers.items()) if headers else ""
        if self.bearer:
            data = data.rpartition("&jKey=")[0] or data
            lines += f"Authorization: Bearer {self.bearer}\r\n"
        body = data.encode()
        return f"{target.head}{lines}Content-Length: {len(body)}\r\n\r\n".encode() + body

    def _exchange(self, connection: Socket, request: bytes, attempt: Attempt, ends_at: float) -> None:
        """Write the request once and read its reply; the connection is kept only after a clean end."""
        reader = ResponseReader()
        keep = False
        within_s = round(ends_at - self._clock.monotonic(), 2)
        try:
            connection.settimeout(self._left_s(ends_at))
            connection.sendall(request)
            while not reader.complete:
                connection.settimeout(self._left_s(ends_at))
                chunk = connection.recv(_RECEIVE_BYTES)
                if chunk:
                    reader.feed(chunk)
                else:
                    reader.end()
            keep = reader.keep_alive and not reader.surplus
        except TimeoutError as error:
            raise ReplyLostError(f"no whole answer within {within_s:g} s") from error
        except OSError as error:
            raise ReplyLostError(f"the connection broke: {self.clean(str(error))}") from error
        finally:
            reader.parser = None  # the parser refers back to the reader; a cycle would wait for the collector
            self._used_at = self._clock.monotonic()
            if not keep:
                self.close()
        attempt.status_code = reader.status
        attempt.text = reader.text()

    def _left_s(self, ends_at: float) -> float:
        left_s = ends_at - self._clock.monotonic()
        if left_s <= 0:
            raise TimeoutError
        return left_s
