"""Hostile bytes over a real socket: through our transport, the unmodified library and the adapter, to a judgement."""

from collections.abc import Iterator
from dataclasses import replace
from typing import Final

import pytest
from hypothesis import given
from hypothesis import settings as examples
from hypothesis import strategies as st

from broker.noren.adapter import NorenBroker
from domain.broker.reply_types import Accepted, Unavailable, Unknown, UnknownInstrument
from domain.orders.types import Exchange
from tests.broker.conftest import LOGIN_OK, Script, StubBroker, Talk, WallClock, an_order, settings

ROUTES: Final = ("PlaceOrder", "CancelOrder", "OrderBook", "SearchScrip", "GetSecurityInfo")
BODIES: Final = [
    b"",
    b"{}",
    b"[]",
    b"[[[[[[[[",
    b"null",
    b'{"stat":"Ok"}',
    b'{"stat":"ok","norenordno":"1"}',
    b'[{"stat":"Ok"}]',
    b'{"stat":"Ok","norenordno":""}',
    b'{"stat":"Ok","norenordno":{}}',
    b'{"stat":"Not_Ok"}',
    b'{"stat":"Not_Ok","emsg":7}',
    b"\x00\xff\xfe",
]
LINES: Final = st.sampled_from(
    [
        *BODIES,
        b"HTTP/1.1 200 OK",
        b"HTTP/1.1 502 Bad Gateway",
        b"HTTP/1.0 200 OK",
        b"HTTP/1.1 100 Continue",
        b"HTTP/1.1 204 No Content",
        b"HTTP/1.1 999 ?",
        b"Content-Length: 12",
        b"Content-Length: -1",
        b"Content-Length: 99999999999999999999",
        b"Content-Length: 2",
        b"Transfer-Encoding: chunked",
        b"Content-Encoding: gzip",
        b"Content-Type: application/json; charset=utf-7",
        b"Connection: close",
        b"Location: http://127.0.0.1:1/",
        b"",
        b'7\r\n[{"a":1',
        b"0\r\n",
    ]
)
TORN: Final = st.lists(LINES | st.binary(max_size=40), max_size=9).map(b"\r\n".join)
WHOLE_BEGINS: Final = b"HTTP/1.1 200 OK\r\nServer: whole\r\n"
WHOLE: Final = (st.sampled_from(BODIES) | st.binary(max_size=40)).map(
    lambda body: WHOLE_BEGINS + b"Content-Length: %d\r\n\r\n%s" % (len(body), body)
)


def _says(raw: bytes) -> Script:
    """Answer with these bytes, and hang up where they are no whole answer."""

    def say(talk: Talk) -> None:
        talk.send(raw)
        if not raw.startswith(WHOLE_BEGINS):
            talk.close()

    return say


class Quiet(StubBroker):
    """Says nothing of what it was asked: hypothesis would print it all."""

    def __repr__(self) -> str:
        return "a stub"


@pytest.fixture(scope="module")
def stub() -> Iterator[StubBroker]:
    server = Quiet()
    server.answer("QuickAuth", LOGIN_OK)
    yield server
    server.stop()


@pytest.fixture(scope="module")
def broker(stub: StubBroker) -> Iterator[NorenBroker]:
    adapter = NorenBroker(settings(stub.url, read_timeout_s=0.5), WallClock())
    adapter.log_in()
    yield adapter
    adapter.close()


@examples(max_examples=150, deadline=None)
@given(raw=TORN | WHOLE)
def test_hostile_bytes_prove_nothing_and_ask_nothing_twice(stub: StubBroker, broker: NorenBroker, raw: bytes) -> None:
    """A place whose answer is no answer is UNKNOWN: never taken for placed, nor for refused, nor asked again."""
    for route in ROUTES:
        stub.answer(route, _says(raw))
    placed, asked = an_order(), len(stub.asked)

    assert isinstance(broker.place(placed), Unknown)
    # A cancel that is said to be Ok ends nothing by itself: the books tell what became of it.
    assert isinstance(broker.cancel(replace(placed, broker_order_id="1")), Unknown | Accepted)
    # A request into a connection that was hung up on meanwhile does not arrive, and is not sent again either.
    routes = [one.route for one in stub.asked[asked:]]
    assert max(routes.count(one) for one in ROUTES[:2]) <= 1
    assert isinstance(broker.order_book(), Unavailable)
    assert isinstance(broker.find_instrument(Exchange.NSE, "RELIANCE-EQ"), Unavailable | UnknownInstrument)
