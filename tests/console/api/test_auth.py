"""Who comes in by the HTTP API, and what those who don't can cost (FINDINGS A12, B2, B10)."""

import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack

import pytest
import requests
from loguru import logger

from actors.errors import DeskUnavailableError
from console.api import connections
from console.api.priority_lanes import ENTRIES_AT_ONCE_MAX
from console.api.server import ApiServer
from domain.orders.command import OrderCommand
from domain.orders.types import Intent
from domain.risk.checks import TradingState
from tests.console.conftest import TOKEN
from tests.console.fakes import FakeDesk
from tests.fakes import command
from tests.scenarios.waiting import until
from tests.timing import patient

Ask = Callable[..., requests.Response]


def address(server: ApiServer) -> tuple[str, int]:
    host, port = server.url.removeprefix("http://").rsplit(":", 1)
    return host, int(port)


def raw(server: ApiServer, request: bytes) -> bytes:
    """Send bytes, and return the whole answer."""
    with socket.create_connection(address(server), timeout=patient(5)) as line:
        line.sendall(request)
        answer = b""
        while chunk := line.recv(65_536):
            answer += chunk
        return answer


@pytest.mark.parametrize(
    ("host", "passes"),
    [
        ("127.0.0.1", True),
        ("127.0.0.1:9999", True),
        ("localhost:80", True),
        ("LOCALHOST", True),
        ("[::1]:8080", True),
        ("evil.example", False),
        ("127.0.0.1.evil.example", False),
        ("localhost.evil.example:80", False),
        ("", False),
    ],
)
def test_a_name_that_somebody_else_owns_leads_no_browser_here(ask: Ask, host: str, passes: bool) -> None:  # noqa: FBT001
    for path in ("/health", "/docs", "/openapi.json", "/status"):
        assert (ask("GET", path, headers={"Host": host}).status_code == 421) is not passes


@pytest.mark.parametrize(
    "given",
    ["", "Bearer", "Bearer ", f"Basic {TOKEN}", f"Bearer {TOKEN[:-1]}", f"Bearer {TOKEN}x", "Bearer \xff", TOKEN],
)
def test_nothing_but_the_whole_token_passes(ask: Ask, desk: FakeDesk, given: str) -> None:
    answer = ask("POST", "/trading-state", headers={"Authorization": given}, json={"state": "HALTED"})

    assert (answer.status_code, answer.headers["WWW-Authenticate"]) == (401, "Bearer")
    assert desk.trading.state is TradingState.ACTIVE


def test_without_a_token_no_body_is_read(server: ApiServer) -> None:
    head = b"POST /orders HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: 60000\r\n\r\n"

    answer = raw(server, head + b"x" * 100)

    assert answer.startswith(b"HTTP/1.1 401")


@pytest.fixture
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(connections, "REQUEST_S", 0.3)


HALVES = {
    "nothing": b"",
    "half a line": b"GET /hea",
    "no end of the headers": b"GET /health HTTP/1.1\r\nHost: 127.0.0.1\r\n",
    "no end of the body": f"POST /flatten HTTP/1.1\r\nHost: 127.0.0.1\r\nAuthorization: Bearer {TOKEN}\r\n".encode()
    + b"Content-Length: 100\r\n\r\n{",
}


@pytest.mark.parametrize("half", HALVES.values(), ids=HALVES)
@pytest.mark.usefixtures("impatient")
def test_a_request_that_never_becomes_whole_is_dropped(server: ApiServer, desk: FakeDesk, half: bytes) -> None:
    with socket.create_connection(address(server), timeout=patient(5)) as line:
        line.sendall(half)
        assert line.recv(1) == b"", "it is not dropped"
    assert desk.flattened == []


def test_a_caller_who_leaves_in_the_middle_is_no_error(
    server: ApiServer, ask: Ask, desk: FakeDesk, caplog: pytest.LogCaptureFixture
) -> None:
    """FINDINGS B11: it was a traceback and "a request failed"."""
    said: list[str] = []
    sink = logger.add(said.append, level="WARNING", format="{message}")
    try:
        for _ in range(5):
            with socket.create_connection(address(server), timeout=patient(5)) as line:
                line.sendall(HALVES["no end of the body"])
                assert ask("GET", "/status").ok  # The half request has been begun with.
            assert ask("GET", "/status").ok
    finally:
        logger.remove(sink)

    assert (said, caplog.text, desk.flattened) == ([], "", [])


@pytest.mark.usefixtures("impatient")
def test_a_request_that_comes_byte_by_byte_is_dropped_in_time(server: ApiServer) -> None:
    def drip(line: socket.socket) -> None:
        for _ in range(round(patient(5) / 0.02)):
            line.sendall(b"G")
            time.sleep(0.02)

    with socket.create_connection(address(server)) as line, pytest.raises((BrokenPipeError, ConnectionResetError)):
        drip(line)


@pytest.mark.usefixtures("impatient")
def test_a_kept_connection_is_used_for_longer_than_one_request_may_take(ask: Ask) -> None:
    for _ in range(3):
        assert ask("GET", "/status").status_code == 200
        time.sleep(0.2)


def test_who_has_the_token_finds_room_among_strangers(
    server: ApiServer, ask: Ask, desk: FakeDesk, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(connections, "CONNECTIONS_MAX", 20)
    with ExitStack() as stack:
        lines = [stack.enter_context(socket.create_connection(address(server))) for _ in range(60)]
        for line in lines:
            line.sendall(b"GET /status HTTP/1.1\r\nHost: 127")

        assert ask("POST", "/trading-state", json={"state": "HALTED"}).status_code == 200
        assert desk.trading.state is TradingState.HALTED


def test_a_connection_that_came_with_the_token_outlives_those_of_strangers(
    server: ApiServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(connections, "CONNECTIONS_MAX", 20)
    request = f"GET /orders HTTP/1.1\r\nHost: 127.0.0.1\r\nAuthorization: Bearer {TOKEN}\r\n\r\n".encode()
    with ExitStack() as stack:
        ours = stack.enter_context(socket.create_connection(address(server), timeout=patient(5)))
        ours.sendall(request)
        assert no_orders_come(ours)
        strangers = [stack.enter_context(socket.create_connection(address(server))) for _ in range(60)]
        for one in strangers:
            one.sendall(b"GET")
        until(lambda: len(strangers) - standing(strangers) >= 40, "no stranger makes room")

        ours.sendall(request)
        assert no_orders_come(ours), "ours was dropped"


def no_orders_come(line: socket.socket) -> bool:
    """Read a whole answer that says that there are no orders; say whether it came."""
    answer = b""
    while not answer.endswith(b'{"orders":[]}') and (chunk := line.recv(65_536)):
        answer += chunk
    return answer.startswith(b"HTTP/1.1 200")


def standing(lines: list[socket.socket]) -> int:
    """Return how many of these connections the server has not dropped."""
    dropped = 0
    for line in lines:
        line.settimeout(0)
        try:
            dropped += line.recv(1) == b""
        except BlockingIOError:
            pass
        except ConnectionResetError:
            dropped += 1
    return len(lines) - dropped


@pytest.fixture
def slow_desk(desk: FakeDesk, monkeypatch: pytest.MonkeyPatch) -> Iterator[threading.Event]:
    """Let the desk answer no reading until it is let go."""
    let_go = threading.Event()

    def hang(*_given: object, **_named: object) -> None:
        let_go.wait(patient(30))
        raise DeskUnavailableError("it was let go")

    for name in ("status", "holdings", "timeline", "orders"):
        monkeypatch.setattr(desk, name, hang)
    yield let_go
    let_go.set()


def test_ways_out_do_not_wait_behind_readings(server: ApiServer, desk: FakeDesk, slow_desk: threading.Event) -> None:
    """FINDINGS A12: 45 readings that hang made a halt take nine seconds."""
    headers = {"Authorization": f"Bearer {TOKEN}"}

    def read() -> None:
        requests.get(f"{server.url}/positions", headers=headers, timeout=patient(60))

    readers = [threading.Thread(target=read, daemon=True) for _ in range(64)]
    for one in readers:
        one.start()
    time.sleep(0.3)

    with requests.Session() as session:
        session.headers.update(headers)
        for path, body in (
            ("/trading-state", {"state": "HALTED"}),
            ("/flatten", {"reason": "now"}),
            ("/orders/first/cancel", {}),
        ):
            answer = session.post(f"{server.url}{path}", json=body, timeout=patient(3))
            assert answer.status_code in {200, 202}, path

    assert desk.trading.state is TradingState.HALTED
    slow_desk.set()
    for one in readers:
        one.join(patient(5))


def test_an_exit_does_not_wait_behind_entries(
    server: ApiServer, desk: FakeDesk, monkeypatch: pytest.MonkeyPatch
) -> None:
    let_go, submit = threading.Event(), desk.submit
    waiting: list[str] = []

    def hang(command: OrderCommand, wait_s: float) -> object:
        if command.intent is Intent.ENTRY:
            waiting.append(command.command_id)
            let_go.wait(patient(30))
        return submit(command, wait_s)

    monkeypatch.setattr(desk, "submit", hang)
    headers = {"Authorization": f"Bearer {TOKEN}"}
    terms = {"strategy": "one", "exchange": "NSE", "symbol": "RELIANCE-EQ", "quantity": 1, "product": "MIS"}
    market = terms | {"order_type": "MARKET"}

    def enter(number: int) -> None:
        entry = market | {"command_id": f"entry-{number}", "intent": "ENTRY", "side": "BUY"}
        requests.post(f"{server.url}/orders", json=entry, headers=headers, timeout=patient(60))

    entering = [threading.Thread(target=enter, args=(number,), daemon=True) for number in range(80)]
    for one in entering:
        one.start()
    until(lambda: len(waiting) >= ENTRIES_AT_ONCE_MAX, "entries do not wait")

    out = market | {"command_id": "out", "intent": "EXIT", "side": "SELL"}
    try:
        answer = requests.post(f"{server.url}/orders", json=out, headers=headers, timeout=patient(3))
    finally:
        let_go.set()

    assert answer.status_code == 200
    for one in entering:
        one.join(patient(5))


def test_health_says_soon_that_the_desk_does_not_answer(
    ask: Ask, slow_desk: threading.Event, monkeypatch: pytest.MonkeyPatch
) -> None:
    del slow_desk
    monkeypatch.setattr("console.api.app.HEALTH_WAIT_S", 0.1)

    answer = ask("GET", "/health")

    assert (answer.status_code, answer.json()["sentence"]) == (503, "The desk did not answer within 0.1 s.")


def test_health_asks_the_desk_once_a_second(ask: Ask, desk: FakeDesk, monkeypatch: pytest.MonkeyPatch) -> None:
    until(lambda: ask("GET", "/health").status_code == 200, "the desk is not asked again")
    monkeypatch.setattr("console.api.app.HEALTH_KEPT_S", 60.0)
    asked: list[None] = []
    status = desk.status

    def count() -> object:
        asked.append(None)
        return status()

    ask("GET", "/health")
    monkeypatch.setattr(desk, "status", count)

    answers = [ask("GET", "/health").status_code for _ in range(20)]

    assert (set(answers), len(asked)) == ({200}, 0)


def test_the_page_that_describes_the_api_loads_nothing(ask: Ask) -> None:
    """FINDINGS B10 and D6: it is our own, and works without a network."""
    answer = ask("GET", "/docs")

    assert answer.status_code == 200
    assert answer.headers["Content-Security-Policy"].startswith("default-src 'none'")
    for external in ("<script", "http:", "https:", "src=", "url("):
        assert external not in answer.text
    for message in ("POST /orders", "trailing_type", "GET /health", "POST /flatten"):
        assert message in answer.text


def test_every_request_that_takes_a_body_says_so(ask: Ask) -> None:
    """FINDINGS D6."""
    described = ask("GET", "/openapi.json").json()
    paths = described["paths"]

    silent = [path for path, ways in paths.items() if "post" in ways and "requestBody" not in ways["post"]]

    assert silent == ["/session/login", "/reconcile"]
    named = paths["/orders"]["post"]["requestBody"]["content"]["application/json"]["schema"]["$ref"]
    order = described["components"]["schemas"][named.rpartition("/")[2]]
    assert set(order["properties"]) == set(command().as_given()) | {"until_flat"}
    assert order["additionalProperties"] is False


@pytest.mark.parametrize("path", ["/orders?most=2", "/orders?limit=1&opne=true", "/status?x", "/positions?strategy=a"])
def test_a_query_word_that_nobody_knows_is_refused(ask: Ask, path: str) -> None:
    """FINDINGS D6."""
    answer = ask("GET", path)

    assert (answer.status_code, answer.json()["sentence"].startswith("unknown query word")) == (422, True)
