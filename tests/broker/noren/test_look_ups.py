from collections.abc import Iterator
from datetime import date
from decimal import Decimal

import pytest

from broker.noren.adapter import NorenBroker
from domain.broker.reply_types import Unavailable, UnknownInstrument
from domain.broker.snapshots import Tick
from domain.market.instrument import Instrument
from domain.orders.types import Exchange
from tests.broker.conftest import (
    NO_DATA,
    StubBroker,
    Talk,
    WallClock,
    reply,
    settings,
)
from tests.broker.trouble import EXPIRED, HTML, NOT_BARE, not_ok
from tests.broker.web import WAIT_S
from tests.timing import patient

FOUND = {"exch": "NSE", "token": "2885", "tsym": "RELIANCE-EQ", "instname": "EQ", "ls": "1", "ti": "0.05"}
SEARCH = {"stat": "Ok", "values": [{**FOUND, "tsym": "RELIANCE-BL", "token": "1"}, FOUND]}
INFO = {
    "stat": "Ok",
    "exch": "NSE",
    "token": "2885",
    "tsym": "RELIANCE-EQ",
    "instname": "EQ",
    "ls": "1",
    "ti": "0.10",
    "frzqty": "73612",
    "lc": "2565.45",
    "uc": "3135.55",
}
RELIANCE = Instrument(
    exchange=Exchange.NSE,
    symbol="RELIANCE-EQ",
    token="2885",
    kind="EQ",
    tick=Decimal("0.10"),
    lot=1,
    freeze_quantity=73612,
    lower_circuit=Decimal("2565.45"),
    upper_circuit=Decimal("3135.55"),
)


def test_an_instrument_is_the_exact_match_with_its_security_info(broker: NorenBroker, stub: StubBroker) -> None:
    stub.answer("SearchScrip", SEARCH)
    stub.answer("GetSecurityInfo", INFO)

    assert broker.find_instrument(Exchange.NSE, "RELIANCE-EQ") == RELIANCE

    assert stub.requests("GetSecurityInfo")[0].fields["token"] == "2885"


def test_absent_freeze_and_circuits_are_none(broker: NorenBroker, stub: StubBroker) -> None:
    stub.answer("SearchScrip", SEARCH)
    stub.answer("GetSecurityInfo", {"stat": "Ok", "ls": "75", "ti": "0.05", "frzqty": "0"})

    found = broker.find_instrument(Exchange.NSE, "RELIANCE-EQ")

    assert isinstance(found, Instrument)
    assert (found.freeze_quantity, found.lower_circuit, found.upper_circuit) == (None, None, None)
    assert (found.lot, found.kind) == (75, "EQ")


@pytest.mark.parametrize(
    "answer",
    [reply(not_ok("No Data :   "), 404), {"stat": "Ok", "values": []}, {"stat": "Ok", "values": [{"tsym": ""}, 7]}],
)
def test_a_symbol_that_is_not_found_is_unknown(broker: NorenBroker, stub: StubBroker, answer: object) -> None:
    stub.answer("SearchScrip", answer)

    assert broker.find_instrument(Exchange.NSE, "NOSUCH") == UnknownInstrument(Exchange.NSE, "NOSUCH")


def test_what_the_search_found_instead_is_told_the_share_first(broker: NorenBroker, stub: StubBroker) -> None:
    """FINDINGS D9: most who write RELIANCE mean the share."""
    found = ("RELIANCE27OCT26F", "RELIANCE-EQ", "RELIANCE-BL", "RELIANCE27OCT26C1500")
    rows = [{"tsym": one, "exch": "NSE"} for one in found] + [{"tsym": "REL", "exch": "BSE"}]
    stub.answer("SearchScrip", {"stat": "Ok", "values": rows})

    similar = ("RELIANCE-EQ", "RELIANCE-BL", "RELIANCE27OCT26F")
    assert broker.find_instrument(Exchange.NSE, "RELIANCE") == UnknownInstrument(Exchange.NSE, "RELIANCE", similar)


@pytest.mark.parametrize(
    ("found", "info", "expected"),
    [
        ({}, {"exd": "01-DEC-2026"}, date(2026, 12, 1)),
        ({"exd": "01-DEC-2026"}, {}, date(2026, 12, 1)),
        ({}, {"exd": "soon"}, None),
        ({}, {"exd": None}, None),
        ({}, {}, None),
    ],
)
def test_an_expiry_is_taken_over_where_the_broker_tells_it(
    broker: NorenBroker, stub: StubBroker, found: dict[str, str], info: dict[str, str], expected: date | None
) -> None:
    stub.answer("SearchScrip", {"stat": "Ok", "values": [{**FOUND, **found}]})
    stub.answer("GetSecurityInfo", {**INFO, **info})

    instrument = broker.find_instrument(Exchange.NSE, "RELIANCE-EQ")

    assert isinstance(instrument, Instrument)
    assert instrument.expires_on == expected


@pytest.mark.parametrize("message", NOT_BARE)
@pytest.mark.parametrize("http_status", [200, 400, 404])
def test_only_the_bare_words_make_a_symbol_unknown(
    broker: NorenBroker, stub: StubBroker, message: str, http_status: int
) -> None:
    stub.answer("SearchScrip", reply(not_ok(message), http_status))

    unavailable = broker.find_instrument(Exchange.NSE, "RELIANCE-EQ")

    assert isinstance(unavailable, Unavailable)
    assert " ".join(message.split()) in " ".join(unavailable.cause.split()), "told as they are"


@pytest.mark.parametrize(
    ("search", "info", "named"),
    [
        (EXPIRED, INFO, "Session Expired"),
        (reply(HTML, 502), INFO, "502"),
        ({"stat": "Ok"}, INFO, "values"),
        ({"stat": "Ok", "values": [FOUND, {**FOUND, "token": "9"}]}, INFO, "token"),
        ({"stat": "Ok", "values": [{**FOUND, "token": ""}]}, INFO, "token"),
        (SEARCH, NO_DATA, "no data"),
        (SEARCH, reply(HTML), "200"),
        (SEARCH, {**INFO, "ls": "0"}, "ls"),
        (SEARCH, {**INFO, "ls": "-5"}, "ls"),
        (SEARCH, {**INFO, "ls": None}, "ls"),
        (SEARCH, {**INFO, "ti": "0.00"}, "ti"),
        (SEARCH, {**INFO, "ti": "x"}, "ti"),
        (SEARCH, {**INFO, "frzqty": "many"}, "frzqty"),
        (SEARCH, {**INFO, "frzqty": []}, "frzqty"),
        (SEARCH, {**INFO, "uc": "1.00"}, "uc"),
        (SEARCH, {**INFO, "tsym": "TCS-EQ"}, "tsym"),
    ],
)
def test_trouble_with_an_instrument_names_what_is_wrong(
    broker: NorenBroker, stub: StubBroker, search: object, info: object, named: str
) -> None:
    stub.answer("SearchScrip", search)
    stub.answer("GetSecurityInfo", info)

    unavailable = broker.find_instrument(Exchange.NSE, "RELIANCE-EQ")

    assert isinstance(unavailable, Unavailable)
    assert named in unavailable.cause


def test_the_last_price_is_a_tick(broker: NorenBroker, stub: StubBroker) -> None:
    stub.answer("GetQuotes", {"stat": "Ok", "token": "2885", "lp": "2850.50"})

    tick = broker.last_price(RELIANCE)

    assert isinstance(tick, Tick)
    assert (tick.exchange, tick.symbol, tick.last_price) == (Exchange.NSE, "RELIANCE-EQ", Decimal("2850.50"))


@pytest.mark.parametrize(
    ("told", "close"),
    [("1425.25", Decimal("1425.25")), ("0.00", None), ("NaN", None), (None, None), ("x", None)],
)
def test_a_quote_tells_the_previous_close_where_it_can_be_read(
    broker: NorenBroker, stub: StubBroker, told: str | None, close: Decimal | None
) -> None:
    quote = {"stat": "Ok", "token": "2885", "lp": "2850.50"}
    stub.answer("GetQuotes", quote if told is None else quote | {"c": told})

    tick = broker.last_price(RELIANCE)

    assert isinstance(tick, Tick)
    assert (tick.last_price, tick.previous_close) == (Decimal("2850.50"), close)


@pytest.mark.parametrize(
    "answer",
    [
        {"stat": "Ok"},
        {"stat": "Ok", "lp": "0.00", "ltt": "05:30:00"},
        {"stat": "Ok", "lp": "0.000"},
        {"stat": "Ok", "lp": "-1.00"},
        {"stat": "Ok", "lp": "NaN"},
        {"stat": "Ok", "lp": "1.00", "token": "1"},
        NO_DATA,
        EXPIRED,
        reply(HTML, 502),
        Talk.close,
    ],
)
def test_a_price_that_is_none_is_unavailable(broker: NorenBroker, stub: StubBroker, answer: object) -> None:
    stub.answer("GetQuotes", answer)

    assert isinstance(broker.last_price(RELIANCE), Unavailable)


@pytest.fixture
def curious(stub: StubBroker, clock: WallClock) -> Iterator[NorenBroker]:
    """Return a broker that waits long for an answer, but not for a look-up's."""
    adapter = NorenBroker(settings(stub.url, look_up_timeout_s=patient(0.1), read_timeout_s=10 * WAIT_S), clock)
    adapter.log_in()
    yield adapter
    adapter.close()


@pytest.mark.parametrize("route", ["SearchScrip", "GetSecurityInfo"])
def test_a_look_up_that_hangs_is_given_up_long_before_a_book_would_be(
    curious: NorenBroker, stub: StubBroker, clock: WallClock, route: str
) -> None:
    stub.answer("SearchScrip", SEARCH)
    stub.answer(route, Talk.hang)
    began = clock.monotonic()

    found = curious.find_instrument(Exchange.NSE, "RELIANCE-EQ")

    assert isinstance(found, Unavailable)
    assert "no whole answer within" in found.cause
    assert clock.monotonic() - began < WAIT_S


def test_a_quote_that_is_asked_for_once_more_gets_no_second_wait(
    curious: NorenBroker, stub: StubBroker, clock: WallClock
) -> None:
    stub.answer("GetQuotes", {"stat": "Ok", "token": "1", "lp": "1.00"}, Talk.hang)
    began = clock.monotonic()

    found = curious.last_price(RELIANCE)

    assert isinstance(found, Unavailable)
    assert len(stub.requests("GetQuotes")) == 2
    assert clock.monotonic() - began < WAIT_S
