"""One WebSocket connection to the broker, from its opening to its end (docs/protocol.md, WebSocket)."""

import json
import logging
import socket
import ssl
from collections.abc import Mapping
from contextlib import ExitStack
from threading import Event
from typing import Any, Final
from urllib.parse import urlsplit

from websockets.exceptions import ConnectionClosed, InvalidStatus, WebSocketException
from websockets.protocol import State
from websockets.sync.client import ClientConnection, connect
from websockets.typing import Origin

from broker.http.connect import Endpoint, open_tcp
from broker.noren.json_array import loads
from broker.noren.row_parsers import Session
from domain.broker.addresses import AddressRules
from domain.ports import Clock

FRAME_BYTES_MAX: Final = 256 * 1024
"""A frame is some hundred bytes; a longer one ends the connection, so that no peer can fill our memory."""
_FRAMES_WAITING_MAX: Final = 256
"""Frames that were read ahead; beyond them the socket is not read, so that the broker's side slows down."""
_GOODBYE_S_MAX: Final = 0.1
_EVICTED: Final = 1000
_HEARTBEAT: Final = '{"t":"h"}'
LOGIN_ANSWERS: Final = frozenset({"ck", "ak"})

_MUTE: Final = logging.getLogger("broker.feed.websockets")
_MUTE.disabled = True  # what the library logs of a frame would hold the session's token


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
        self, url: str, clock: Clock, timeout_s: float, tls: ssl.SSLContext | None, rules: AddressRules
    ) -> None:
        self._clock = clock
        self._endpoint = endpoint_of(url)
        try:
            self._socket = open_tcp(self._endpoint, timeout_s, clock, rules)
        except (OSError, ValueError) as error:
            raise ConnectionLostError(f"no connection to {self._endpoint.host}: {error}") from error
        # The library wraps the socket for TLS; the connection under it can be cut by a second handle all the same.
        self._handle = self._socket.dup()
        self._url = urlsplit(url).geturl()  # the library knows the scheme in small letters only
        self._timeout_s = timeout_s
        self._tls = tls
        self._open = ExitStack()
        self._web: ClientConnection | None = None
        self._pong: Event | None = None
        self._looked_at = self.heard_at = self.told_at = clock.monotonic()
        """When anything came last, and when text did: a line can answer pings and be mute."""

    def shake_hands(self) -> None:
        """Turn the connection into a WebSocket: TLS and the answer to the upgrade within the time-out."""
        try:
            self._web = self._open.enter_context(self._opened())
        except ssl.SSLError as error:
            raise ConnectionLostError(f"no connection to {self._endpoint.host}: {error}") from error
        except (WebSocketException, OSError, EOFError, ValueError) as error:
            # A redirect that is not followed is told as an error whose cause is the status.
            refusal = error if isinstance(error, InvalidStatus) else error.__cause__
            if isinstance(refusal, InvalidStatus):
                status = refusal.response.status_code
                raise ConnectionLostError(f"the WebSocket was refused with HTTP {status}") from error
            raise ConnectionLostError(f"the WebSocket did not open: {type(error).__name__}") from error

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
        self._say(json.dumps(frame))

    def beat(self) -> None:
        """Show that we live, and ask for a sign of life: text heartbeats are not always answered, pings are."""
        self._hear_pong()
        self._say(_HEARTBEAT)
        assert self._web is not None
        try:
            pong = self._web.ping()
            self._pong = self._pong or pong  # the pong to a later ping answers the earlier ones too
        except (ConnectionClosed, OSError) as error:
            raise self._lost(error) from error

    def receive(self, wait_s: float) -> bytes | None:
        """Return the next text, or None when none came within `wait_s`."""
        assert self._web is not None
        try:
            # Text that is no UTF-8 is one bad frame, not the end of the connection: it is judged where it is parsed.
            text = self._web.recv(max(wait_s, 0.0), decode=False)
        except TimeoutError:
            self._hear_pong()
            if self._web.state is not State.OPEN:
                self.cut()  # a goodbye was heard, and whoever said it has not hung up
            return None
        except (ConnectionClosed, OSError) as error:
            raise self._lost(error) from error
        self.heard_at = self.told_at = self._clock.monotonic()
        return text

    def cut(self) -> None:
        """End whatever the connection waits for, from any thread."""
        try:
            self._handle.shutdown(socket.SHUT_RDWR)
        except OSError:
            return

    def close(self) -> None:
        """Let go of the connection without waiting for the broker's goodbye."""
        self.cut()
        self._open.close()
        self._handle.close()
        self._socket.close()

    def _opened(self) -> ClientConnection:
        secure = self._endpoint.secure
        return connect(
            self._url,
            sock=self._socket,
            ssl=(self._tls or ssl.create_default_context()) if secure else None,
            server_hostname=self._endpoint.host if secure else None,
            origin=Origin(f"{'https' if secure else 'http'}://{urlsplit(self._url).netloc}"),
            compression=None,
            user_agent_header=None,
            proxy=None,
            open_timeout=self._timeout_s,
            # Ours are sent with the heartbeats: to the library a pong that waits behind a flood of ticks is silence.
            ping_interval=None,
            close_timeout=_GOODBYE_S_MAX,
            max_size=FRAME_BYTES_MAX,
            max_queue=_FRAMES_WAITING_MAX,
            logger=_MUTE,
        )

    def _hear_pong(self) -> None:
        """Note that our oldest ping was answered, after the last look at the earliest: no silence is told late.

        The library keeps control frames to itself and says only that they came.
        """
        if self._pong is not None and self._pong.is_set():
            self._pong = None
            self.heard_at = max(self.heard_at, self._looked_at)
        self._looked_at = self._clock.monotonic()

    def _say(self, text: str) -> None:
        assert self._web is not None
        try:
            self._web.send(text)
        except (ConnectionClosed, OSError) as error:
            raise self._lost(error) from error

    def _lost(self, error: Exception) -> ConnectionLostError:
        """Say why the connection ended: the broker closed it, or it broke."""
        if not isinstance(error, ConnectionClosed) or error.rcvd is None:
            return ConnectionLostError(f"the WebSocket broke: {type(error).__name__}")
        # This is how the broker evicts an older socket when a second one logs in with the same token.
        why = "; another client may have taken the session" if error.rcvd.code == _EVICTED else ""
        return ConnectionLostError(f"the broker closed the WebSocket (code {error.rcvd.code}{why})")


def as_frame(text: bytes | None) -> dict[str, Any] | None:
    """Return the JSON object in a frame's text, or None where there is none."""
    if text is None:
        return None
    try:
        frame = loads(text.decode())
    except (ValueError, RecursionError):
        return None
    return frame if isinstance(frame, dict) else None
