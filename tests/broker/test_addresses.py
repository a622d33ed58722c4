"""Where a connection is opened: only to addresses that the mode allows, through no proxy, after no redirect."""

import socket
import threading
from collections.abc import Iterator

import pytest

from broker.feed.connection import ConnectionLostError, FeedConnection
from broker.http.connect import AddressRefusedError, Endpoint, open_connection
from broker.http.response import NotSentError
from broker.http.transport import HttpTransport
from broker.noren.adapter import NorenBroker
from domain.broker.addresses import TLS_OFF_LOOPBACK, AddressFamily, AddressRules
from domain.broker.reply_types import LoginFailed
from tests.broker.conftest import StubBroker, WallClock, reply, settings
from tests.broker.web import SESSION, WAIT_S, WebStub

PAPER = AddressRules(loopback_only=True)
DISGUISED = ("[::ffff:127.0.0.1]", "0.0.0.0")
"""Spellings that reach a listener on 127.0.0.1 without being an address of this machine by the rules."""


class Trap:
    """A listener on 127.0.0.1 that nobody should come to."""

    def __init__(self) -> None:
        self.server = socket.create_server(("127.0.0.1", 0))
        self.port: int = self.server.getsockname()[1]

    def is_untouched(self) -> bool:
        self.server.setblocking(False)  # noqa: FBT003  the socket's own way
        try:
            self.server.accept()
        except BlockingIOError:
            return True
        return False


@pytest.fixture
def trap() -> Iterator[Trap]:
    one = Trap()
    yield one
    one.server.close()


@pytest.mark.parametrize("rules", [PAPER, TLS_OFF_LOOPBACK])
@pytest.mark.parametrize("host", DISGUISED)
def test_no_plain_connection_leads_to_a_disguised_address(
    trap: Trap, clock: WallClock, rules: AddressRules, host: str
) -> None:
    endpoint = Endpoint(host.strip("[]"), trap.port, secure=False)

    with pytest.raises(AddressRefusedError, match="is not this machine"):
        open_connection(endpoint, WAIT_S, clock, None, rules)

    assert trap.is_untouched()


def test_paper_opens_no_connection_to_another_machine_even_over_tls(trap: Trap, clock: WallClock) -> None:
    with pytest.raises(AddressRefusedError):
        open_connection(Endpoint("0.0.0.0", trap.port, secure=True), WAIT_S, clock, None, PAPER)

    assert trap.is_untouched()


def test_localhost_is_connected_to_at_this_machine_only(
    trap: Trap, clock: WallClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    stranger = (socket.AF_INET, socket.SOCK_STREAM, 6, "", ("203.0.113.7", trap.port))
    ours = (socket.AF_INET, socket.SOCK_STREAM, 6, "", ("127.0.0.1", trap.port))
    monkeypatch.setattr(socket, "getaddrinfo", lambda *_, **__: [stranger, ours])

    connection = open_connection(Endpoint("localhost", trap.port, secure=False), WAIT_S, clock, None, PAPER)

    assert connection.getpeername()[0] == "127.0.0.1"
    connection.close()


def test_a_name_with_both_families_is_left_by_the_registered_one(
    trap: Trap, clock: WallClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    six = (socket.AF_INET6, socket.SOCK_STREAM, 6, "", ("2001:db8::1", trap.port, 0, 0))
    four = (socket.AF_INET, socket.SOCK_STREAM, 6, "", ("127.0.0.1", trap.port))
    rules, endpoint = AddressRules(family=AddressFamily.IPV4), Endpoint("broker.example", trap.port, secure=True)
    asked: list[object] = []
    plain_connect = socket.socket.connect

    def connect(one: socket.socket, address: object) -> None:
        asked.append(address)
        plain_connect(one, address)  # type: ignore[arg-type]
        raise OSError("far enough")

    monkeypatch.setattr(socket.socket, "connect", connect)
    monkeypatch.setattr(socket, "getaddrinfo", lambda *_, **__: [six, four])
    with pytest.raises(OSError, match="far enough"):
        open_connection(endpoint, WAIT_S, clock, None, rules)
    monkeypatch.setattr(socket, "getaddrinfo", lambda *_, **__: [six])
    with pytest.raises(AddressRefusedError, match=r"broker\.address_family is ipv4"):
        open_connection(endpoint, WAIT_S, clock, None, rules)

    assert asked == [("127.0.0.1", trap.port)]


def test_the_http_transport_proves_that_nothing_was_sent_to_a_forbidden_address(trap: Trap, clock: WallClock) -> None:
    transport = HttpTransport(clock, connect_timeout_s=WAIT_S, read_timeout_s=WAIT_S, rules=PAPER)

    with pytest.raises(NotSentError, match="paper trading never leaves it"):
        transport.post(f"http://[::ffff:127.0.0.1]:{trap.port}/QuickAuth", "jData={}")

    assert transport.last is not None
    assert not transport.last.sent
    assert trap.is_untouched()


def test_a_login_in_paper_mode_never_reaches_another_machine(trap: Trap, clock: WallClock) -> None:
    broker = NorenBroker(settings(f"http://0.0.0.0:{trap.port}"), clock, rules=PAPER)

    failed = broker.log_in()

    assert isinstance(failed, LoginFailed)
    assert "paper trading never leaves it" in failed.cause
    assert trap.is_untouched()


def test_the_feed_opens_no_connection_to_a_forbidden_address(trap: Trap, clock: WallClock) -> None:
    with pytest.raises(ConnectionLostError, match="is not this machine"):
        FeedConnection(f"ws://[::ffff:127.0.0.1]:{trap.port}/", clock, WAIT_S, None, PAPER)

    assert trap.is_untouched()


def test_a_redirect_of_a_request_is_a_reply_and_is_not_followed(stub: StubBroker, trap: Trap, clock: WallClock) -> None:
    stub.answer("QuickAuth", reply("moved", 307, f"Location: http://127.0.0.1:{trap.port}/QuickAuth\r\n"))
    broker = NorenBroker(settings(stub.url), clock, rules=PAPER)

    failed = broker.log_in()

    assert isinstance(failed, LoginFailed)
    assert trap.is_untouched()
    broker.close()


def test_a_redirect_of_the_websocket_ends_the_link_before_the_session_is_presented(
    trap: Trap, clock: WallClock
) -> None:
    heard: list[bytes] = []
    server = socket.create_server(("127.0.0.1", 0))

    def redirect() -> None:
        connection, _ = server.accept()
        connection.settimeout(WAIT_S)
        heard.append(connection.recv(65_536))
        connection.sendall(
            f"HTTP/1.1 302 Found\r\nLocation: ws://127.0.0.1:{trap.port}/\r\nContent-Length: 0\r\n\r\n".encode()
        )
        heard.append(connection.recv(65_536))
        connection.close()

    speaker = threading.Thread(target=redirect, daemon=True)
    speaker.start()
    link = FeedConnection(f"ws://127.0.0.1:{server.getsockname()[1]}/", clock, WAIT_S, None, PAPER)

    with pytest.raises(ConnectionLostError, match=r"HTTP 302|did not open"):
        link.shake_hands()

    link.close()
    speaker.join(WAIT_S)
    assert trap.is_untouched()
    assert heard[1:] == [b""]
    server.close()


@pytest.mark.parametrize("name", ["HTTP_PROXY", "http_proxy", "HTTPS_PROXY", "https_proxy", "ALL_PROXY", "all_proxy"])
def test_no_proxy_of_the_environment_is_used(
    stub: StubBroker, web: WebStub, trap: Trap, clock: WallClock, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    monkeypatch.setenv(name, f"http://127.0.0.1:{trap.port}")
    monkeypatch.setenv("NO_PROXY", "")
    monkeypatch.setenv("no_proxy", "")
    broker = NorenBroker(settings(stub.url), clock, rules=PAPER)

    broker.log_in()
    link = FeedConnection(web.url.replace("ws://", "WS://"), clock, WAIT_S, None, PAPER)
    link.shake_hands()
    link.send({"t": "c", "uid": SESSION.user_id})

    assert stub.asked[0].route == "QuickAuth"
    assert web.peer().next()["t"] == "c"
    assert trap.is_untouched()
    link.close()
    broker.close()
