import socket
import threading
import time
from collections.abc import Iterator

import pytest
from loguru import logger

from broker.http.response import HEADER_BYTES_MAX, NotSentError, ReplyLostError
from broker.http.transport import HttpTransport
from domain.redaction import redacted
from tests.broker.conftest import BEARER, StubBroker, Talk, WallClock, reply
from tests.broker.web import TOKEN, WAIT_S
from tests.timing import patient

OK = {"stat": "Ok"}
HASTY_S = patient(0.1)


@pytest.fixture
def transport(clock: WallClock) -> Iterator[HttpTransport]:
    one = HttpTransport(clock, connect_timeout_s=WAIT_S, read_timeout_s=WAIT_S)
    yield one
    one.close()


@pytest.fixture
def hasty(clock: WallClock) -> Iterator[HttpTransport]:
    """Return one that does not wait for long."""
    one = HttpTransport(clock, connect_timeout_s=HASTY_S, read_timeout_s=HASTY_S)
    yield one
    one.close()


def lost(transport: HttpTransport, stub: StubBroker, *answers: object) -> str:
    """Ask once, expect the reply to be lost, and return why."""
    stub.answer("X", *answers)
    with pytest.raises(ReplyLostError) as caught:
        transport.post(stub.url + "X", data="jData={}")
    assert transport.last is not None
    assert transport.last.sent
    assert len(stub.requests("X")) == 1
    return str(caught.value)


def test_a_reply_is_handed_over_with_its_status(transport: HttpTransport, stub: StubBroker) -> None:
    stub.answer("X", reply({"stat": "Not_Ok", "emsg": "no"}, 400))

    answer = transport.post(stub.url + "X", data='jData={"a": "é"}&jKey=k')

    assert (answer.status_code, answer.text) == (400, '{"stat": "Not_Ok", "emsg": "no"}')
    assert stub.asked[0].body == 'jData={"a": "é"}&jKey=k'
    assert "content-type" not in stub.asked[0].head.lower()


def test_requests_share_one_connection(transport: HttpTransport, stub: StubBroker) -> None:
    stub.answer("X", OK)

    for _ in range(3):
        transport.post(stub.url + "X", data="jData={}")

    assert stub.connections == 1


def test_a_chunked_reply_is_put_together(transport: HttpTransport, stub: StubBroker) -> None:
    stub.answer("X", b'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\n{"a\r\n5\r\n": 1}\r\n0\r\n\r\n')

    assert transport.post(stub.url + "X").text == '{"a": 1}'


def test_a_reply_without_a_length_ends_with_the_connection(transport: HttpTransport, stub: StubBroker) -> None:
    def answer(talk: Talk) -> None:
        talk.send(b'HTTP/1.1 200 OK\r\n\r\n{"a": 1}')
        talk.close()

    stub.answer("X", answer, OK)

    assert transport.post(stub.url + "X").text == '{"a": 1}'
    assert transport.post(stub.url + "X").status_code == 200
    assert stub.connections == 2


def test_informational_replies_are_skipped(transport: HttpTransport, stub: StubBroker) -> None:
    stub.answer("X", b"HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n" + reply(OK))

    assert transport.post(stub.url + "X").status_code == 200


def test_a_redirect_is_a_reply_and_is_not_followed(transport: HttpTransport, stub: StubBroker) -> None:
    stub.answer("X", reply("moved", 302, f"Location: {stub.url}Y\r\n"))

    assert transport.post(stub.url + "X").status_code == 302
    assert len(stub.asked) == 1


def test_connection_close_is_honoured(transport: HttpTransport, stub: StubBroker) -> None:
    stub.answer("X", reply(OK, headers="Connection: close\r\n"))

    transport.post(stub.url + "X")
    transport.post(stub.url + "X")

    assert stub.connections == 2


def test_bytes_after_the_reply_cost_the_connection_and_not_the_reply(
    transport: HttpTransport, stub: StubBroker
) -> None:
    stub.answer("X", reply(OK) + b"junk", reply(OK) + reply({"stat": "Not_Ok"}), OK)

    answers = [transport.post(stub.url + "X") for _ in range(3)]

    assert [answer.text for answer in answers] == ['{"stat": "Ok"}'] * 3
    assert stub.connections == 3


def test_a_refused_connection_proves_that_nothing_was_sent(transport: HttpTransport) -> None:
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]

    with pytest.raises(NotSentError):
        transport.post(f"http://127.0.0.1:{port}/X")

    assert transport.last is not None
    assert not transport.last.sent


def test_a_connection_that_does_not_come_about_in_time_proves_that_nothing_was_sent(hasty: HttpTransport) -> None:
    with socket.socket() as deaf:
        deaf.bind(("127.0.0.1", 0))
        deaf.listen(0)
        crowd = [socket.socket() for _ in range(4)]
        for one in crowd:
            one.setblocking(False)  # noqa: FBT003  the socket's own way
            one.connect_ex(deaf.getsockname())
        began = time.monotonic()

        with pytest.raises(NotSentError, match=f"within {HASTY_S:g} s"):
            hasty.post(f"http://127.0.0.1:{deaf.getsockname()[1]}/X")

        assert time.monotonic() - began < patient(2)
        for one in crowd:
            one.close()


def test_a_name_that_does_not_resolve_proves_that_nothing_was_sent(clock: WallClock) -> None:
    transport = HttpTransport(clock, connect_timeout_s=5, read_timeout_s=1)

    with pytest.raises(NotSentError):
        transport.post("http://no-such-host.invalid/X")


def test_a_failed_tls_handshake_proves_that_nothing_was_sent(transport: HttpTransport) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:

        def talk_plainly() -> None:
            connection, _ = server.accept()
            connection.recv(65_536)
            connection.sendall(b"HTTP/1.1 400 Bad Request\r\n\r\n")
            connection.close()

        speaker = threading.Thread(target=talk_plainly, daemon=True)
        speaker.start()

        with pytest.raises(NotSentError):
            transport.post(f"https://127.0.0.1:{server.getsockname()[1]}/X")

        speaker.join(WAIT_S)


def test_a_silent_tls_handshake_ends_in_time(hasty: HttpTransport) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server, pytest.raises(NotSentError):
        hasty.post(f"https://127.0.0.1:{server.getsockname()[1]}/X")


def test_silence_is_a_lost_reply(hasty: HttpTransport, stub: StubBroker) -> None:
    assert f"within {HASTY_S:g} s" in lost(hasty, stub, Talk.hang)


def test_a_dripping_server_does_not_outlast_the_deadline(hasty: HttpTransport, stub: StubBroker) -> None:
    began = time.monotonic()

    assert f"within {HASTY_S:g} s" in lost(hasty, stub, lambda talk: talk.drip(reply(OK), patient(0.05)))

    assert time.monotonic() - began < patient(1)


def test_an_operation_of_several_requests_ends_within_one_deadline(hasty: HttpTransport, stub: StubBroker) -> None:
    stub.answer("X", lambda talk: talk.drip(reply(OK), 0.002))
    hasty.begin()
    began = time.monotonic()

    def ask_on_and_on() -> None:
        for _ in range(100):
            hasty.post(stub.url + "X")

    with pytest.raises((ReplyLostError, NotSentError)):
        ask_on_and_on()

    assert time.monotonic() - began < patient(1.5)


def test_a_reset_is_a_lost_reply(transport: HttpTransport, stub: StubBroker) -> None:
    assert "broke" in lost(transport, stub, Talk.reset)


def test_an_end_without_an_answer_is_a_lost_reply(transport: HttpTransport, stub: StubBroker) -> None:
    assert "without an answer" in lost(transport, stub, Talk.close)


@pytest.mark.parametrize(
    "start",
    [b"HTTP/1.1 200 O", reply(OK)[:-3], b'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\n{"a":\r\n'],
)
def test_an_end_amid_the_answer_is_a_lost_reply(transport: HttpTransport, stub: StubBroker, start: bytes) -> None:
    def answer(talk: Talk) -> None:
        talk.send(start)
        talk.close()

    assert "amid the answer" in lost(transport, stub, answer)


def test_what_is_no_http_is_a_lost_reply(transport: HttpTransport, stub: StubBroker) -> None:
    assert "not readable" in lost(transport, stub, b"SSH-2.0-OpenSSH\r\n\r\n")


def test_an_upgrade_is_a_lost_reply(transport: HttpTransport, stub: StubBroker) -> None:
    upgrade = b"HTTP/1.1 101 Switching\r\nConnection: upgrade\r\nUpgrade: h2c\r\n\r\n"

    assert "not readable" in lost(transport, stub, upgrade)


def test_endless_headers_are_a_lost_reply(transport: HttpTransport, stub: StubBroker) -> None:
    assert lost(transport, stub, b"HTTP/1.1 200 OK\r\nX: " + b"x" * 2 * HEADER_BYTES_MAX)


def test_a_reply_beyond_the_bound_is_a_lost_reply(
    transport: HttpTransport, stub: StubBroker, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("broker.http.response.REPLY_BYTES_MAX", 1_000)

    assert "longer than" in lost(transport, stub, reply("x" * 2_000))


def test_a_connection_that_the_server_closed_while_idle_is_not_used_again(
    transport: HttpTransport, stub: StubBroker
) -> None:
    closed = threading.Event()

    def answer_and_close(talk: Talk) -> None:
        talk.send(reply(OK))
        talk.close()
        closed.set()

    stub.answer("X", answer_and_close, OK)
    transport.post(stub.url + "X")
    assert closed.wait(WAIT_S)

    assert transport.post(stub.url + "X").status_code == 200

    assert [one.connection for one in stub.requests("X")] == [1, 2]


def test_a_connection_that_was_idle_for_long_is_not_used_again(stub: StubBroker) -> None:
    class HandClock(WallClock):
        at = 0.0

        def monotonic(self) -> float:
            return self.at

    clock = HandClock()
    transport = HttpTransport(clock, connect_timeout_s=1, read_timeout_s=1, idle_reuse_s_max=20)
    stub.answer("X", OK)
    for clock.at in (0.0, 20.0, 40.1):
        transport.post(stub.url + "X")
    transport.close()

    assert [one.connection for one in stub.requests("X")] == [1, 1, 2]


def test_a_lost_reply_costs_the_connection(hasty: HttpTransport, stub: StubBroker) -> None:
    stub.answer("X", Talk.hang, OK)

    with pytest.raises(ReplyLostError):
        hasty.post(stub.url + "X")
    hasty.post(stub.url + "X")

    assert [one.connection for one in stub.requests("X")] == [1, 2]


def test_the_oauth_dialect_sends_the_bearer_and_drops_the_key(transport: HttpTransport, stub: StubBroker) -> None:
    stub.answer("X", OK)
    transport.bearer = BEARER

    transport.post(stub.url + "X", data='jData={"a": "1"}&jKey=old')

    assert stub.asked[0].body == 'jData={"a": "1"}'
    assert f"\r\nAuthorization: Bearer {BEARER}" in stub.asked[0].head


@pytest.mark.parametrize(
    "text",
    [
        '{"pwd": "SECRET", "uid": "FA1"}',
        '{"factor2":"SECRET"}',
        '{"appkey" : "SECRET',
        "{'susertoken': 'SECRET'}",
        '{\\"access_token\\": \\"SECRET\\"}',
        "jData={}&jKey=SECRET",
        '"jKey": "SECRET"',
        "Authorization: Bearer SECRET",
        "{'Authorization': 'Bearer SECRET'}",
        "bearer SECRET",
        '{"pwd": "a\\"SECRET"}',
        "<p>jKey=SECRET</p>",
        "accesstoken=SECRET&x=1",
    ],
)
def test_secrets_are_masked_in_any_text(text: str) -> None:
    assert "SECRET" not in redacted(text)


def test_other_words_are_left_alone() -> None:
    message = '{"stat":"Not_Ok","emsg":"Session Expired :  Invalid Session Key"}'

    assert redacted(message) == message


def test_known_secrets_are_masked_wherever_they_stand(transport: HttpTransport) -> None:
    transport.hide(TOKEN)

    assert TOKEN not in transport.clean(f"<html>your token {TOKEN} is odd</html>")


def test_the_happy_path_logs_at_debug_only(transport: HttpTransport, stub: StubBroker) -> None:
    lines: list[str] = []
    sink = logger.add(lambda line: lines.append(line.record["level"].name), level="TRACE")
    stub.answer("X", OK)

    transport.post(stub.url + "X")
    logger.remove(sink)

    assert lines == ["DEBUG"]
