import base64
import contextlib
import hashlib
import json
import queue
import random
import socket
import threading
from collections.abc import Callable, Iterator
from decimal import Decimal
from typing import Any

import pytest

from broker.feed import Feed, FeedLimits
from broker.wire import Session
from domain.evidence import Tick
from domain.instrument import Instrument
from domain.order import Exchange
from tests.broker.conftest import TOKEN, WAIT_S, WallClock, settings

QUICK = FeedLimits(heartbeat_s=0.05, silence_s_max=0.4, retry_s_min=0.01, retry_s_max=0.02, watched_max=3)
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

    def listen(self) -> None:
        """Sort what comes in until the end."""
        with contextlib.suppress(OSError, EOFError):
            while True:
                kind, payload = self._frame()
                if kind == PING:
                    self.pinged.set()
                    if self.answers_pings:
                        self.send_raw(payload, PONG)
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
        self.states: queue.Queue[tuple[bool, str]] = queue.Queue()

    def state(self, up: bool, words: str) -> None:  # noqa: FBT001  the callback's shape
        self.states.put((up, words))

    def next_state(self) -> tuple[bool, str]:
        return self.states.get(timeout=WAIT_S)

    def next_tick(self) -> Tick:
        return self.ticks.get(timeout=WAIT_S)


@pytest.fixture
def web() -> Iterator[WebStub]:
    server = WebStub()
    yield server
    server.stop()


@pytest.fixture
def ears() -> Ears:
    return Ears()


@pytest.fixture
def feed(web: WebStub, ears: Ears, clock: WallClock) -> Iterator[Feed]:
    one = Feed(
        settings("http://127.0.0.1:1", websocket_url=web.url, connect_timeout_s=0.5),
        clock,
        ears.ticks.put,
        ears.state,
        chance=random.Random(1),  # noqa: S311  a repeatable jitter
        limits=QUICK,
    )
    yield one
    one.stop()
    assert not any(thread.name == "broker-feed" for thread in threading.enumerate())


def test_the_login_frame_speaks_the_older_dialect(feed: Feed, web: WebStub) -> None:
    feed.start(SESSION)

    assert web.peer().next() == {"t": "c", "uid": "FA1", "actid": "FA1", "susertoken": TOKEN, "source": "API"}


def test_the_login_frame_speaks_the_oauth_dialect(feed: Feed, web: WebStub, ears: Ears) -> None:
    feed.start(Session("FA1", "FA1", TOKEN, "oauth"))
    peer = web.peer()

    assert peer.next() == {"t": "a", "uid": "FA1", "actid": "FA1", "accesstoken": TOKEN, "source": "API"}
    peer.send({"t": "ak", "s": "Ok", "uid": "FA1"})

    assert ears.next_state() == (True, "logged in")


def test_what_is_watched_is_subscribed_once_logged_in(feed: Feed, web: WebStub) -> None:
    feed.watch(RELIANCE)
    feed.watch(INFY)
    feed.start(SESSION)
    peer = web.logged_in()

    assert peer.next() == {"t": "t", "k": "NSE|2885#NSE|1594"}


def test_what_is_watched_later_is_subscribed_at_once_and_only_once(feed: Feed, web: WebStub) -> None:
    feed.start(SESSION)
    peer = web.logged_in()

    feed.watch(RELIANCE)
    assert peer.next() == {"t": "t", "k": "NSE|2885"}
    feed.watch(RELIANCE)
    feed.watch(INFY)

    assert peer.next() == {"t": "t", "k": "NSE|1594"}


def test_frames_with_a_last_price_become_ticks(feed: Feed, web: WebStub, ears: Ears) -> None:
    feed.watch(RELIANCE)
    feed.start(SESSION)
    peer = web.logged_in()
    peer.next()

    peer.send({"t": "tk", "e": "NSE", "tk": "2885", "ts": "RELIANCE-EQ", "lp": "2850.50"})
    peer.send({"t": "tf", "e": "NSE", "tk": "2885", "bp1": "2850.45"})
    peer.send({"t": "tf", "e": "NSE", "tk": "9999", "lp": "1.00"})
    peer.send({"t": "tf", "e": "NSE", "tk": "2885", "lp": "2850.55"})

    first, second = ears.next_tick(), ears.next_tick()
    assert (first.exchange, first.symbol, first.last_price) == (Exchange.NSE, "RELIANCE-EQ", Decimal("2850.50"))
    assert second.last_price == Decimal("2850.55")
    assert feed.malformed == 0


def test_malformed_frames_are_counted_and_ignored(feed: Feed, web: WebStub, ears: Ears) -> None:
    feed.watch(RELIANCE)
    feed.start(SESSION)
    peer = web.logged_in()
    peer.next()
    broken = [
        b"{",
        b"[]",
        b"\xff\xfe\xfd",
        b'{"x":1}',
        b'{"t":5}',
        b'{"t":"tf"}',
        b'{"t":"tf","e":[],"tk":"2885","lp":"1"}',
        b'{"t":"tf","e":"NSE","tk":"2885","lp":"NaN"}',
        b'{"t":"tf","e":"NSE","tk":"2885","lp":{}}',
    ]

    for payload in broken:
        peer.send_raw(payload)
    peer.send({"t": "hk"})
    peer.send({"t": "tf", "e": "NSE", "tk": "2885", "lp": "1.00"})

    assert ears.next_tick().last_price == Decimal("1.00")
    assert feed.malformed == len(broken)


def test_a_lost_connection_is_replaced_and_subscribed_anew(feed: Feed, web: WebStub, ears: Ears) -> None:
    feed.watch(RELIANCE)
    feed.start(SESSION)
    peer = web.logged_in()
    peer.next()
    assert ears.next_state() == (True, "logged in")

    peer.connection.shutdown(socket.SHUT_RDWR)

    assert ears.next_state()[0] is False
    assert web.logged_in().next() == {"t": "t", "k": "NSE|2885"}
    assert ears.next_state() == (True, "logged in")


def test_a_goodbye_of_the_broker_names_its_code(feed: Feed, web: WebStub, ears: Ears) -> None:
    feed.start(SESSION)
    peer = web.logged_in()
    ears.next_state()

    peer.send_raw((1000).to_bytes(2, "big"), CLOSE)

    up, words = ears.next_state()
    assert not up
    assert "1000" in words


def test_silence_ends_a_connection(feed: Feed, web: WebStub, ears: Ears) -> None:
    feed.start(SESSION)
    peer = web.logged_in()
    peer.answers_pings = False
    ears.next_state()

    up, words = ears.next_state()

    assert not up
    assert "nothing was heard" in words
    web.logged_in()


def test_heartbeats_go_out_and_their_answers_keep_a_quiet_connection(feed: Feed, web: WebStub, ears: Ears) -> None:
    feed.start(SESSION)
    peer = web.logged_in()
    ears.next_state()

    assert peer.beaten.wait(WAIT_S)
    assert peer.pinged.wait(WAIT_S)
    # Twice the time after which silence would have ended it.
    assert not peer.ended.wait(0.8)
    assert ears.states.empty()


def test_a_refused_session_is_told_and_tried_again_on_a_new_connection(feed: Feed, web: WebStub, ears: Ears) -> None:
    feed.start(SESSION)
    peer = web.peer()
    peer.next()

    peer.send({"t": "ck", "s": "NOT_OK"})

    up, words = ears.next_state()
    assert not up
    assert "NOT_OK" in words
    assert TOKEN not in words
    assert peer.ended.wait(WAIT_S)
    web.logged_in()
    assert ears.next_state() == (True, "logged in")


def test_a_mute_login_ends_in_time(feed: Feed, web: WebStub, ears: Ears) -> None:
    feed.start(SESSION)
    peer = web.peer()

    assert "did not answer" in ears.next_state()[1]
    assert peer.ended.wait(WAIT_S)


def test_a_refused_handshake_is_told_with_its_status(feed: Feed, web: WebStub, ears: Ears) -> None:
    def refuse(peer: Peer) -> None:
        peer.connection.recv(65_536)
        peer.connection.sendall(b"HTTP/1.1 502 Bad Gateway\r\nContent-Length: 0\r\n\r\n")

    web.welcome = refuse
    feed.start(SESSION)

    assert "502" in ears.next_state()[1]


def test_a_redirect_is_not_followed(feed: Feed, web: WebStub, ears: Ears) -> None:
    elsewhere = WebStub()

    def redirect(peer: Peer) -> None:
        peer.connection.recv(65_536)
        to = elsewhere.url.encode()
        peer.connection.sendall(b"HTTP/1.1 302 Found\r\nLocation: " + to + b"\r\nContent-Length: 0\r\n\r\n")

    web.welcome = redirect
    feed.start(SESSION)

    assert ears.next_state()[0] is False
    assert not elsewhere._all
    elsewhere.stop()


def test_the_same_trouble_is_told_once(feed: Feed, web: WebStub, ears: Ears) -> None:
    def refuse(peer: Peer) -> None:
        peer.connection.recv(65_536)
        peer.connection.sendall(b"HTTP/1.1 502 Bad Gateway\r\nContent-Length: 0\r\n\r\n")

    web.welcome = refuse
    feed.start(SESSION)
    for _ in range(3):
        web.peer()

    assert ears.next_state()[0] is False
    assert ears.states.empty()


def test_a_new_session_replaces_the_connection_and_the_same_one_does_not(feed: Feed, web: WebStub, ears: Ears) -> None:
    feed.start(SESSION)
    peer = web.logged_in()
    ears.next_state()

    feed.start(Session("FA1", "FA1", TOKEN, "quickauth"))
    assert not peer.ended.wait(0.2)
    feed.start(Session("FA1", "FA1", "another-token", "quickauth"))

    assert web.peer().next()["susertoken"] == "another-token"
    assert peer.ended.wait(WAIT_S)


def test_stop_ends_the_thread_and_is_told(feed: Feed, web: WebStub, ears: Ears) -> None:
    feed.start(SESSION)
    web.logged_in()
    ears.next_state()

    feed.stop()
    feed.stop()

    assert ears.next_state() == (False, "stopped")
    assert not any(thread.name == "broker-feed" for thread in threading.enumerate())


def test_stop_ends_a_connection_that_is_still_opening(web: WebStub, ears: Ears, clock: WallClock) -> None:
    patient = settings("http://127.0.0.1:1", websocket_url=web.url, connect_timeout_s=30.0)
    feed = Feed(patient, clock, ears.ticks.put, ears.state, limits=QUICK)
    reached = threading.Event()
    web.welcome = lambda _: reached.set()
    feed.start(SESSION)
    assert reached.wait(WAIT_S)

    began = clock.monotonic()
    feed.stop()

    assert clock.monotonic() - began < WAIT_S
    assert not any(thread.name == "broker-feed" for thread in threading.enumerate())


def test_more_than_the_bound_is_not_watched(feed: Feed, web: WebStub) -> None:
    for token in range(5):
        feed.watch(instrument(str(token), f"S{token}-EQ"))
    feed.start(SESSION)

    assert web.logged_in().next() == {"t": "t", "k": "NSE|0#NSE|1#NSE|2"}


def test_without_an_address_there_are_no_ticks_and_no_thread(ears: Ears, clock: WallClock) -> None:
    feed = Feed(settings("http://127.0.0.1:1"), clock, ears.ticks.put)

    feed.start(SESSION)
    feed.watch(RELIANCE)
    feed.stop()

    assert not any(thread.name == "broker-feed" for thread in threading.enumerate())


def test_an_address_that_is_none_is_refused_when_the_feed_is_made(ears: Ears, clock: WallClock) -> None:
    with pytest.raises(ValueError, match="websocket_url"):
        Feed(settings("http://127.0.0.1:1", websocket_url="http://x"), clock, ears.ticks.put)


def test_a_broker_that_is_down_is_tried_until_it_is_up(feed: Feed, web: WebStub, ears: Ears) -> None:
    port = web.listener.getsockname()[1]
    web.stop()
    feed.start(SESSION)
    assert "no connection" in ears.next_state()[1]

    again = WebStub(port)
    again.logged_in()

    assert ears.next_state() == (True, "logged in")
    feed.stop()
    again.stop()
