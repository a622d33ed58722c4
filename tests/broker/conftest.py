"""A stub broker: answers on loopback with exactly the bytes it was told, and keeps what it was sent."""

import contextlib
import json
import random
import socket
import struct
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import pytest
from pydantic import SecretStr

from broker.feed.reconnecting_feed import Feed
from broker.noren.adapter import NorenBroker
from domain.orders.command import OrderCommand
from domain.orders.order import Order
from domain.orders.types import Exchange, Intent, OrderType, Product, Side
from domain.settings import BrokerSettings
from tests.broker.web import QUICK, TOKEN, WAIT_S, Ears, WebStub
from tests.timing import patient

PASSWORD = "hunter2-Geheim"
TOTP_SECRET = "JBSWY3DPEHPK3PXPJBSWY3DPEHPK3PXP"
API_SECRET = "api-secret-9f8e7d"
BEARER = "bearer-" + "cd34" * 15


class WallClock:
    """The real clock."""

    def now(self) -> datetime:
        return datetime.now(tz=UTC)

    def monotonic(self) -> float:
        return time.monotonic()


def reply(body: object, status: int = 200, headers: str = "") -> bytes:
    """Return a whole HTTP reply; a body that is no text goes out as JSON."""
    text = body if isinstance(body, str) else json.dumps(body)
    content = text.encode()
    return f"HTTP/1.1 {status} Words\r\nContent-Length: {len(content)}\r\n{headers}\r\n".encode() + content


@dataclass
class Asked:
    """One request as it arrived."""

    route: str
    head: str
    body: str
    connection: int

    @property
    def fields(self) -> dict[str, Any]:
        given: dict[str, Any] = json.loads(self.body.removeprefix("jData=").partition("&jKey=")[0])
        return given


@dataclass
class Talk:
    """One connection in the hands of a script."""

    connection: socket.socket
    stopping: threading.Event

    def send(self, content: bytes) -> None:
        self.connection.sendall(content)

    def close(self) -> None:
        """Say goodbye by FIN; the reader sees the end of the stream."""
        self.connection.shutdown(socket.SHUT_RDWR)
        self.connection.close()

    def reset(self) -> None:
        """Say goodbye by RST."""
        self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.connection.close()

    def hang(self) -> None:
        """Say nothing until the test is over."""
        self.stopping.wait(60)

    def drip(self, content: bytes, every_s: float) -> None:
        """Say it a byte at a time."""
        for byte in content:
            if self.stopping.wait(every_s):
                return
            self.send(bytes([byte]))


Script = Callable[[Talk], None]


@dataclass
class StubBroker:
    """Owns a listening socket; each route's answers are used up in turn, the last one stays."""

    scripts: dict[str, list[Script | bytes]] = field(default_factory=dict)
    asked: list[Asked] = field(default_factory=list)
    connections: int = 0

    def __post_init__(self) -> None:
        self.stopping = threading.Event()
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.port = self.listener.getsockname()[1]
        self.url = f"http://127.0.0.1:{self.port}/NorenWClientTP/"
        self._open: list[socket.socket] = []
        self._threads = [threading.Thread(target=self._accept, daemon=True)]
        self._threads[0].start()

    def answer(self, route: str, *answers: object) -> None:
        """Say how `route` is answered: bytes as they are, callables as scripts, anything else as JSON."""
        self.scripts[route] = [one if callable(one) or isinstance(one, bytes) else reply(one) for one in answers]

    def requests(self, route: str) -> list[Asked]:
        return [one for one in self.asked if one.route == route]

    def stop(self) -> None:
        self.stopping.set()
        for connection in [self.listener, *self._open]:
            with contextlib.suppress(OSError):
                connection.shutdown(socket.SHUT_RDWR)
            connection.close()
        for thread in self._threads:
            thread.join(WAIT_S)
            assert not thread.is_alive()

    def _accept(self) -> None:
        while not self.stopping.is_set():
            try:
                connection, _ = self.listener.accept()
            except OSError:
                return
            self.connections += 1
            self._open.append(connection)
            thread = threading.Thread(target=self._serve, args=(connection, self.connections), daemon=True)
            self._threads.append(thread)
            thread.start()

    def _serve(self, connection: socket.socket, number: int) -> None:
        talk = Talk(connection, self.stopping)
        try:
            while asked := _read_request(connection, number):
                self.asked.append(asked)
                scripts = self.scripts.get(asked.route, [reply({"stat": "Not_Ok", "emsg": "no such route"}, 404)])
                script = scripts.pop(0) if len(scripts) > 1 else scripts[0]
                if isinstance(script, bytes):
                    talk.send(script)
                else:
                    script(talk)
        except OSError:
            pass
        finally:
            connection.close()


def _read_request(connection: socket.socket, number: int) -> Asked | None:
    """Read one request; nobody sends a second before the first is answered."""
    data = b""
    while b"\r\n\r\n" not in data:
        chunk = connection.recv(65_536)
        if not chunk:
            return None
        data += chunk
    head, _, body = data.partition(b"\r\n\r\n")
    text = head.decode()
    length = int(text.lower().split("content-length:")[1].split("\r\n")[0])
    while len(body) < length:
        body += connection.recv(65_536)
    return Asked(text.split(" ")[1].rsplit("/", 1)[-1], text, body.decode(), number)


def an_order(**given: Any) -> Order:  # noqa: ANN401  any field of a command
    """Return an order as the desk hands it to the broker: a limit buy of one RELIANCE unless told otherwise."""
    values: dict[str, Any] = {
        "command_id": "c-1",
        "client_id": "FA1",
        "strategy": "trend",
        "intent": Intent.ENTRY,
        "exchange": Exchange.NSE,
        "symbol": "RELIANCE-EQ",
        "side": Side.BUY,
        "quantity": 1,
        "product": Product.MIS,
        "order_type": OrderType.LIMIT,
    }
    limit_price = given.pop("limit_price", Decimal("2850.50"))
    values.update(given)
    if values["order_type"] in {OrderType.LIMIT, OrderType.SL}:
        values["price"] = limit_price
    command = OrderCommand(**values)
    moment = datetime(2026, 1, 2, 10, 0, tzinfo=UTC)
    return Order(
        command=command,
        remarks_tag="sdabcdefghij23456712",
        quantity=command.quantity,
        created_at=moment,
        updated_at=moment,
        limit_price=limit_price,
        wire_trigger_price=command.trigger_price,
    )


def settings(url: str, **given: object) -> BrokerSettings:
    """Return settings with a secret in every place that takes one."""
    values: dict[str, Any] = {
        "rest_url": url,
        "connect_timeout_s": WAIT_S,
        "read_timeout_s": WAIT_S,
        "look_up_timeout_s": WAIT_S,
        "user_id": "FA1",
        "password": SecretStr(PASSWORD),
        "totp_secret": SecretStr(TOTP_SECRET),
        "vendor_code": "FA1_U",
        "api_secret": SecretStr(API_SECRET),
        "imei": "imei-5150",
    }
    return BrokerSettings(**{**values, **given})


LOGIN_OK = {"stat": "Ok", "susertoken": TOKEN, "actid": "FA1", "uname": "A Trader"}
LIMITS_OK = {"stat": "Ok", "actid": "FA1", "cash": "100000.00"}
NO_DATA = {"stat": "Not_Ok", "request_time": "10:00:00 02-01-2026", "emsg": 'Error Occurred : 5 "no data"'}


@pytest.fixture
def stub() -> Iterator[StubBroker]:
    server = StubBroker()
    server.answer("QuickAuth", LOGIN_OK)
    server.answer("Limits", LIMITS_OK)
    yield server
    server.stop()


@pytest.fixture
def clock() -> WallClock:
    return WallClock()


@pytest.fixture
def broker(stub: StubBroker, clock: WallClock) -> Iterator[NorenBroker]:
    """A broker that is logged in."""
    adapter = NorenBroker(settings(stub.url), clock)
    adapter.log_in()
    yield adapter
    adapter.close()


@pytest.fixture
def hasty(stub: StubBroker, clock: WallClock) -> Iterator[NorenBroker]:
    """A broker that is logged in, and then does not wait for long."""
    adapter = NorenBroker(settings(stub.url), clock)
    adapter.log_in()
    adapter._transport._connect_timeout_s = adapter._transport._read_timeout_s = patient(0.3)
    yield adapter
    adapter.close()


@pytest.fixture
def web() -> Iterator[WebStub]:
    server = WebStub()
    yield server
    server.stop()


@pytest.fixture
def listener() -> Ears:
    return Ears()


@pytest.fixture
def feed(web: WebStub, listener: Ears, clock: WallClock) -> Iterator[Feed]:
    one = Feed(
        settings("http://127.0.0.1:1", websocket_url=web.url, connect_timeout_s=patient(0.5)),
        clock,
        listener.ticks.put,
        listener.state,
        on_orders=listener.hear_orders,
        chance=random.Random(1),  # noqa: S311  a repeatable jitter
        limits=QUICK,
    )
    yield one
    one.stop()
    assert not any(thread.name == "broker-feed" for thread in threading.enumerate())
