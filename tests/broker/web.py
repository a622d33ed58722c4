"""The broker's end of a WebSocket, in the hands of a test: byte-exact frames out, and what came in, in order."""

import base64
import contextlib
import hashlib
import json
import queue
import socket
import threading
from collections.abc import Callable
from decimal import Decimal
from typing import Any

from broker.feed.reconnecting_feed import FeedLimits
from broker.noren.row_parsers import Session
from domain.broker.snapshots import OrderUpdate, Tick
from domain.market.instrument import Instrument
from domain.orders.types import Exchange
from tests.timing import patient

WAIT_S = patient(5)
TOKEN = "tok-" + "ab12" * 15
QUICK = FeedLimits(silence_s_max=patient(0.15), retry_s_min=0.01, retry_s_max=0.02, watched_max=3)
SESSION = Session("FA1", "FA1", TOKEN, "quickauth")
TEXT, CLOSE, PING, PONG = 1, 8, 9, 10


def instrument(token: str, symbol: str) -> Instrument:
    return Instrument(
        exchange=Exchange.NSE,
        symbol=symbol,
        token=token,
        kind="EQ",
        tick=Decimal("0.05"),
        lot=1,
        freeze_quantity=None,
        lower_circuit=None,
        upper_circuit=None,
    )


RELIANCE = instrument("2885", "RELIANCE-EQ")
INFY = instrument("1594", "INFY-EQ")


class Peer:
    """The broker's end of one WebSocket: sends byte-exact frames, and keeps what it was told in order."""

    def __init__(self, connection: socket.socket) -> None:
        self.connection = connection
        self.heard: queue.Queue[dict[str, Any]] = queue.Queue()
        self.pinged = threading.Event()
        self.ponged = threading.Event()
        self.beaten = threading.Event()
        self.ended = threading.Event()
        self.answers_pings = True

    def shake_hands(self) -> None:
        request = b""
        while not request.endswith(b"\r\n\r\n"):
            request += self.connection.recv(65_536)
        key = request.lower().split(b"sec-websocket-key:")[1].split(b"\r\n")[0].strip()
        start = request.lower().index(key)
        given = request[start : start + len(key)]
        accepted = base64.b64encode(
            hashlib.sha1(given + b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11", usedforsecurity=False).digest()
        )
        self.connection.sendall(
            b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
            b"Sec-WebSocket-Accept: " + accepted + b"\r\n\r\n"
        )

    def say_nothing(self) -> None:
        """Leave the handshake unanswered, until the other end gives up."""
        while self.connection.recv(65_536):
            pass

    def listen(self) -> None:
        """Sort what comes in until the end."""
        with contextlib.suppress(OSError, EOFError):
            while True:
                kind, payload = self._frame()
                if kind == PING:
                    self.pinged.set()
                    if self.answers_pings:
                        self.send_raw(payload, PONG)
                elif kind == PONG:
                    self.ponged.set()
                elif kind == TEXT:
                    frame = json.loads(payload)
                    if frame == {"t": "h"}:
                        self.beaten.set()
                    else:
                        self.heard.put(frame)
                elif kind == CLOSE:
                    break
        self.ended.set()

    def next(self) -> dict[str, Any]:
        return self.heard.get(timeout=WAIT_S)

    def send(self, frame: object) -> None:
        self.send_raw(json.dumps(frame).encode())

    def send_raw(self, payload: bytes, kind: int = TEXT) -> None:
        length = bytes([len(payload)]) if len(payload) < 126 else b"\x7e" + len(payload).to_bytes(2, "big")
        self.connection.sendall(bytes([0x80 | kind]) + length + payload)

    def _frame(self) -> tuple[int, bytes]:
        first, second = self._exactly(2)
        length = second & 0x7F
        if length == 126:
            length = int.from_bytes(self._exactly(2), "big")
        mask = self._exactly(4)
        payload = self._exactly(length)
        return first & 0x0F, bytes(byte ^ mask[at % 4] for at, byte in enumerate(payload))

    def _exactly(self, count: int) -> bytes:
        data = b""
        while len(data) < count:
            chunk = self.connection.recv(count - len(data))
            if not chunk:
                raise EOFError
            data += chunk
        return data


class WebStub:
    """Owns a listening socket; `peers` holds each connection once its handshake is done."""

    def __init__(self, port: int = 0) -> None:
        self.listener = socket.create_server(("127.0.0.1", port))
        self.url = f"ws://127.0.0.1:{self.listener.getsockname()[1]}/NorenWSTP/"
        self.peers: queue.Queue[Peer] = queue.Queue()
        self.welcome: Callable[[Peer], None] = lambda peer: peer.shake_hands()
        self._all: list[Peer] = []
        self._threads = [threading.Thread(target=self._accept, daemon=True)]
        self._threads[0].start()

    def peer(self) -> Peer:
        return self.peers.get(timeout=WAIT_S)

    def logged_in(self) -> Peer:
        """Take the next connection through its login and its subscription to orders."""
        peer = self.peer()
        peer.next()
        peer.send({"t": "ck", "s": "OK", "uid": "FA1"})
        assert peer.next() == {"t": "o", "actid": "FA1"}
        return peer

    def stop(self) -> None:
        for connection in [self.listener, *(peer.connection for peer in self._all)]:
            with contextlib.suppress(OSError):
                connection.shutdown(socket.SHUT_RDWR)
            connection.close()
        for thread in self._threads:
            thread.join(WAIT_S)
            assert not thread.is_alive()

    def _accept(self) -> None:
        while True:
            try:
                connection, _ = self.listener.accept()
            except OSError:
                return
            peer = Peer(connection)
            self._all.append(peer)
            thread = threading.Thread(target=self._serve, args=(peer,), daemon=True)
            self._threads.append(thread)
            thread.start()

    def _serve(self, peer: Peer) -> None:
        with contextlib.suppress(OSError):
            self.welcome(peer)
            self.peers.put(peer)
            peer.listen()


class Ears:
    """What the feed told its owner."""

    def __init__(self) -> None:
        self.ticks: queue.Queue[Tick] = queue.Queue()
        self.orders: queue.Queue[OrderUpdate] = queue.Queue()
        self.states: queue.Queue[tuple[bool, str]] = queue.Queue()

    def state(self, up: bool, message: str) -> None:  # noqa: FBT001  the callback's shape
        self.states.put((up, message))

    def hear_orders(self, updates: tuple[OrderUpdate, ...]) -> None:
        for update in updates:
            self.orders.put(update)

    def next_state(self) -> tuple[bool, str]:
        return self.states.get(timeout=WAIT_S)

    def next_tick(self) -> Tick:
        return self.ticks.get(timeout=WAIT_S)

    def next_order(self) -> OrderUpdate:
        return self.orders.get(timeout=WAIT_S)
