"""One WebSocket connection to the broker, from its opening to its end (docs/protocol.md, WebSocket)."""

import json
import selectors
import socket
import ssl
from collections.abc import Mapping
from http import HTTPStatus
from typing import Any, Final
from urllib.parse import urlsplit

import websocket

from broker.http.connect import Endpoint, Socket, open_connection
from broker.noren.json_array import loads
from broker.noren.row_parsers import Session
from domain.broker.addresses import AddressRules
from domain.ports import Clock

TEXT_KINDS: Final = frozenset({websocket.ABNF.OPCODE_TEXT, websocket.ABNF.OPCODE_BINARY})
_EVICTED: Final = 1000
_HEARTBEAT: Final = '{"t":"h"}'
LOGIN_ANSWERS: Final = frozenset({"ck", "ak"})


class ConnectionLostError(Exception):
    """The connection is over; the sentence says why, and holds no secret."""


def endpoint_of(url: str) -> Endpoint:
    """Take a ws or wss address apart; raise `ValueError` where it is none."""
    parts = urlsplit(url)
    if parts.scheme not in {"ws", "wss"} or not parts.hostname:
        raise ValueError("broker.websocket_url is no ws or wss address")
    secure = parts.scheme == "wss"
    return Endpoint(parts.hostname, parts.port or (443 if secure else 80), secure)


def login_frame(session: Session) -> dict[str, str]:
    """Return the first frame in the session's dialect."""
    frame = {"uid": session.user_id, "actid": session.account_id, "source": "API"}
    if session.dialect == "oauth":
        return {"t": "a", **frame, "accesstoken": session.token}
    return {"t": "c", **frame, "susertoken": session.token}


def says_ok(login_answer: Mapping[str, Any]) -> bool:
    """Say whether the answer to a login is OK, in whatever case."""
    return str(login_answer.get("s")).upper() == "OK"


class FeedConnection:
    """Owns one connection. Used by the feed's thread; only `cut` may be called from another.

    Raises `ConnectionLostError` when the connection ends, falls silent or speaks no WebSocket.
    """

    def __init__(
        self,
        url: str,
        clock: Clock,
        timeout_s: float,
        waker: Socket,
        tls: ssl.SSLContext | None,
        rules: AddressRules,
    ) -> None:
        self._clock = clock
        endpoint = endpoint_of(url)
        try:
            self._socket = open_connection(endpoint, timeout_s, clock, tls, rules)
        except (OSError, ValueError) as error:
            raise ConnectionLostError(f"no connection to {endpoint.host}: {error}") from error
        self._url = urlsplit(url).geturl()  # the library knows the scheme in small letters only
        self._timeout_s = timeout_s
        self._waker = waker
        # Text that is no UTF-8 is one bad frame, not the end of the connection: it is judged where it is parsed.
        self._web = websocket.WebSocket(skip_utf8_validation=True)
        self._selector = selectors.DefaultSelector()
        self._selector.register(self._socket, selectors.EVENT_READ)
        self._selector.register(waker, selectors.EVENT_READ)
        self.heard_at = self.told_at = clock.monotonic()
        """When anything came last, and when text did: a line can answer pings and be mute."""

    def shake_hands(self) -> None:
        """Turn the connection into a WebSocket."""
        self._socket.settimeout(self._timeout_s)
        try:
            self._web.connect(self._url, socket=self._socket, redirect_limit=0)  # type: ignore[no-untyped-call]
        except websocket.WebSocketBadStatusException as error:
            raise ConnectionLostError(f"the WebSocket was refused with HTTP {error.status_code}") from error
        except (websocket.WebSocketException, OSError, ValueError) as error:
            raise ConnectionLostError(f"the WebSocket did not open: {type(error).__name__}") from error
        # The library takes a redirect that it may not follow for an open connection.
        status = self._web.getstatus()
        if status != HTTPStatus.SWITCHING_PROTOCOLS:
            raise ConnectionLostError(f"the WebSocket was refused with HTTP {status}; redirects are not followed")

    def log_in(self, session: Session) -> None:
        """Present the session; a refused or unanswered one ends the link: such a socket may stay open and mute."""
        self.send(login_frame(session))
        ends_at = self._clock.monotonic() + self._timeout_s
        while (left_s := ends_at - self._clock.monotonic()) > 0:
            frame = as_frame(self.receive(left_s))
            if frame is None or frame.get("t") not in LOGIN_ANSWERS:
                continue
            if says_ok(frame):
                return
            raise ConnectionLostError("the broker refused the session for the feed (NOT_OK)")
        raise ConnectionLostError(f"the broker did not answer the feed's login within {self._timeout_s:g} s")

    def subscribe_orders(self, session: Session) -> None:
        """Ask for the account's order updates. The answer `ok` is not waited for: some deployments give none."""
        self.send({"t": "o", "actid": session.account_id})

    def send(self, frame: Mapping[str, str]) -> None:
        """Send one text frame."""
        self._send(json.dumps(frame), websocket.ABNF.OPCODE_TEXT)

    def beat(self) -> None:
        """Show that we live, and ask for a sign of life: text heartbeats are not always answered, pings are."""
        self._send(_HEARTBEAT, websocket.ABNF.OPCODE_TEXT)
        self._send("", websocket.ABNF.OPCODE_PING)

    def receive(self, wait_s: float) -> bytes | None:
        """Return the next text; None after `wait_s`, when woken, or after a control frame."""
        if not self._readable(wait_s):
            return None
        try:
            kind, frame = self._web.recv_data_frame(control_frame=True)
        except (websocket.WebSocketException, OSError, ValueError) as error:
            raise ConnectionLostError(f"the WebSocket broke: {type(error).__name__}") from error
        self.heard_at = self._clock.monotonic()
        if kind == websocket.ABNF.OPCODE_CLOSE:
            code = int.from_bytes(frame.data[:2], "big") if frame.data else 0
            # This is how the broker evicts an older socket when a second one logs in with the same token.
            why = "; another client may have taken the session" if code == _EVICTED else ""
            raise ConnectionLostError(f"the broker closed the WebSocket (code {code}{why})")
        if kind not in TEXT_KINDS:
            return None
        self.told_at = self.heard_at
        return bytes(frame.data)

    def cut(self) -> None:
        """End whatever the link waits for, from any thread."""
        try:
            self._socket.shutdown(socket.SHUT_RDWR)
        except OSError:
            return

    def close(self) -> None:
        """Let go of the connection without waiting for the broker's goodbye."""
        self._selector.close()
        self._socket.close()

    def _readable(self, wait_s: float) -> bool:
        if isinstance(self._socket, ssl.SSLSocket) and self._socket.pending():
            return True
        ready = {key.fileobj for key, _ in self._selector.select(max(wait_s, 0.0))}
        if self._waker in ready:
            self._waker.recv(4096)
        return self._socket in ready

    def _send(self, text: str, kind: int) -> None:
        try:
            self._web.send(text, kind)
        except (websocket.WebSocketException, OSError) as error:
            raise ConnectionLostError(f"the WebSocket broke: {type(error).__name__}") from error


def as_frame(text: bytes | None) -> dict[str, Any] | None:
    """Return the JSON object in a frame's text, or None where there is none."""
    if text is None:
        return None
    try:
        frame = loads(text.decode())
    except (ValueError, RecursionError):
        return None
    return frame if isinstance(frame, dict) else None
