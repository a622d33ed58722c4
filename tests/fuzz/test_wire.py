"""Hostile bytes over a real socket: through our transport, the unmodified library and the adapter, to a judgement."""

from collections.abc import Iterator
from dataclasses import replace
from typing import Final

import pytest
from hypothesis import given
from hypothesis import settings as examples
from hypothesis import strategies as st

from broker.noren import NorenBroker
from domain.evidence import Book, Unavailable, Unknown, UnknownInstrument
from domain.instrument import Instrument
from domain.order import Exchange
from tests.broker.conftest import LIMITS_OK, LOGIN_OK, Script, StubBroker, Talk, WallClock, an_order, settings

ROUTES: Final = ("PlaceOrder", "CancelOrder", "OrderBook", "SearchScrip", "GetSecurityInfo")
LINES: Final = st.sampled_from(
    [
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
        b"{}",
        b"[]",
        b"[[[[[[[[",
        b'{"stat":"Ok"}',
        b'[{"stat":"Ok"}]',
        b'{"stat":"Ok","norenordno":""}',
        b"\x00\xff\xfe",
    ]
)
HOSTILE: Final = st.lists(LINES | st.binary(max_size=40), max_size=9).map(b"\r\n".join)


def _says(raw: bytes) -> Script:
    """Answer with these bytes, and hang up."""

    def say(talk: Talk) -> None:
        talk.send(raw)
        talk.close()

    return say


@pytest.fixture(scope="module")
def stub() -> Iterator[StubBroker]:
    server = StubBroker()
    server.answer("QuickAuth", LOGIN_OK)
    server.answer("Limits", LIMITS_OK)
    yield server
    server.stop()


@pytest.fixture(scope="module")
def broker(stub: StubBroker) -> Iterator[NorenBroker]:
    adapter = NorenBroker(settings(stub.url, read_timeout_s=0.5), WallClock())
    adapter.log_in()
    yield adapter
    adapter.close()


@examples(max_examples=150, deadline=None)
@given(raw=HOSTILE)
def test_hostile_bytes_prove_nothing_and_are_asked_for_once(stub: StubBroker, broker: NorenBroker, raw: bytes) -> None:
    """A place whose answer is no answer is UNKNOWN: never taken for placed, nor for refused, nor asked again."""
    for route in ROUTES:
        stub.answer(route, _says(raw))
    placed, asked = an_order(), len(stub.asked)

    assert isinstance(broker.place(placed), Unknown)
    assert isinstance(broker.cancel(replace(placed, broker_order_id="1")), Unknown)
    assert [one.route for one in stub.asked[asked:]] == ["PlaceOrder", "CancelOrder"]
    book = broker.order_book()
    assert isinstance(book, Unavailable) or (isinstance(book, Book) and not book.rows)
    found = broker.find_instrument(Exchange.NSE, "RELIANCE-EQ")
    assert isinstance(found, Unavailable | UnknownInstrument)
    assert not isinstance(found, Instrument)
