from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import pytest

from broker.noren.adapter import NorenBroker
from domain.broker.reply_types import Unavailable
from domain.broker.snapshots import Book, BrokerStatus, OrderRow, PositionRow, TradeRow
from domain.orders.types import Side
from domain.ports import IST
from tests.broker.conftest import (
    LIMITS_OK,
    NO_DATA,
    StubBroker,
    Talk,
    reply,
)
from tests.broker.trouble import EXPIRED, HTML, NOT_BARE, not_ok


def order_line(**given: Any) -> dict[str, Any]:  # noqa: ANN401  any field of a row
    row = {
        "stat": "Ok",
        "norenordno": "23121900039453",
        "exch": "NFO",
        "tsym": "FINNIFTY19DEC23C21750",
        "qty": "400",
        "trantype": "B",
        "prd": "I",
        "status": "OPEN",
        "rejreason": " ",
        "remarks": "sdabc",
    }
    return {key: value for key, value in {**row, **given}.items() if value is not None}


def position_line(**given: Any) -> dict[str, Any]:  # noqa: ANN401  as above
    row = {
        "stat": "Ok",
        "exch": "NFO",
        "tsym": "FINNIFTY19DEC23C21750",
        "prd": "I",
        "netqty": "-1000",
        "netavgprc": "5.45",
        "lp": "4.95",
        "rpnl": "-320.00",
        "urmtom": "500.00",
    }
    return {key: value for key, value in {**row, **given}.items() if value is not None}


def test_the_order_book_becomes_rows(broker: NorenBroker, stub: StubBroker) -> None:
    filled = order_line(status="COMPLETE", fillshares="400", avgprc="1.05", rejreason=None, remarks=None)
    stub.answer("OrderBook", [filled, order_line(norenordno="2", status="REJECTED", rejreason="RED:Margin")])
    before = datetime.now(tz=UTC)

    book = broker.order_book()

    assert isinstance(book, Book)
    assert before <= book.asked_at <= datetime.now(tz=UTC)
    assert book.rows[0] == OrderRow(
        broker_order_id="23121900039453",
        status=BrokerStatus.COMPLETE,
        status_text="COMPLETE",
        remarks="",
        exchange="NFO",
        symbol="FINNIFTY19DEC23C21750",
        side=Side.BUY,
        product="I",
        quantity=400,
        filled_quantity=400,
        average_price=Decimal("1.05"),
        reject_reason="",
    )
    assert (book.rows[1].status, book.rows[1].reject_reason) == (BrokerStatus.REJECTED, "RED:Margin")
    assert (book.rows[1].filled_quantity, book.rows[1].average_price) == (0, None)


@pytest.mark.parametrize(
    ("message", "status"),
    [
        ("OPEN", BrokerStatus.OPEN),
        ("Open", BrokerStatus.OPEN),
        ("New", BrokerStatus.OPEN),
        ("Replaced", BrokerStatus.OPEN),
        ("PENDING", BrokerStatus.PENDING),
        ("ORDER PENDING", BrokerStatus.PENDING),
        ("TRIGGER_PENDING", BrokerStatus.TRIGGER_PENDING),
        ("trigger pending", BrokerStatus.TRIGGER_PENDING),
        ("Complete", BrokerStatus.COMPLETE),
        ("CANCELED", BrokerStatus.CANCELED),
        ("CANCELLED", BrokerStatus.CANCELED),
        ("AMO OPEN", BrokerStatus.PENDING),
        ("AMO_CANCELLED", BrokerStatus.CANCELED),
        ("REJECT", BrokerStatus.REJECTED),
        ("INVALID_STATUS_TYPE", BrokerStatus.UNKNOWN),
        ("WHATEVER", BrokerStatus.UNKNOWN),
    ],
)
def test_statuses_are_normalised_and_their_words_kept(
    broker: NorenBroker, stub: StubBroker, message: str, status: BrokerStatus
) -> None:
    stub.answer("OrderBook", [order_line(status=message)])

    book = broker.order_book()

    assert isinstance(book, Book)
    assert (book.rows[0].status, book.rows[0].status_text) == (status, message)


def test_a_row_that_changed_is_read_anew_and_one_that_did_not_is_the_same(
    broker: NorenBroker, stub: StubBroker
) -> None:
    other = order_line(norenordno="2")
    stub.answer("OrderBook", [order_line(), other], [order_line(fillshares="100", avgprc="1.00"), other])

    first, second = broker.order_book(), broker.order_book()

    assert isinstance(first, Book)
    assert isinstance(second, Book)
    assert [row.filled_quantity for row in first.rows] == [0, 0]
    assert [row.filled_quantity for row in second.rows] == [100, 0]
    assert second.rows[1] is first.rows[1]


def test_a_row_of_the_order_book_tells_its_terms_and_where_it_came_from(broker: NorenBroker, stub: StubBroker) -> None:
    # A stop from the phone, modified twice; no remarks, rejreason, avgprc or fillshares (docs/protocol.md, order book).
    phone = order_line(
        prctyp="SL-LMT",
        prc="25.00",
        trgprc="24.00",
        status="TRIGGER_PENDING",
        ordersource="MOB",
        norentm="09:18:00 19-12-2023",
        remarks=None,
        rejreason=None,
    )
    stub.answer("OrderBook", [phone, order_line(amo="Yes", prc="0.00", prctyp="MKT", trgprc="0.0")])

    book = broker.order_book()

    assert isinstance(book, Book)
    first, second = book.rows
    assert (first.price, first.trigger_price, first.price_type) == (Decimal(25), Decimal(24), "SL-LMT")
    assert (first.source, first.amo) == ("MOB", False)
    assert first.entered_at == datetime(2023, 12, 19, 9, 18, tzinfo=IST)
    assert (second.price, second.trigger_price, second.price_type) == (None, None, "MKT")
    assert (second.source, second.amo, second.entered_at) == ("", True, None)


@pytest.mark.parametrize("trigger", ["", "0", "0.00", "0.0", "None", "-1.00", "NaN", None, [], 0])
def test_a_trigger_that_says_nothing_is_none(broker: NorenBroker, stub: StubBroker, trigger: object) -> None:
    stub.answer("OrderBook", [order_line(trgprc=trigger)])

    book = broker.order_book()

    assert isinstance(book, Book)
    assert book.rows[0].trigger_price is None


@pytest.mark.parametrize(
    "odd",
    [
        {"prc": "many", "norentm": "19-12-2023 09:18:00"},
        {"prc": [], "trgprc": {}, "norentm": ["x"]},
        {"norentm": "25:00:00 19-12-2023"},
        {"prctyp": 5, "ordersource": {}, "amo": ["Yes"]},
        {"exch": "XYZ", "prd": "F"},
        {"prd": "H", "snonum": "1", "snoordt": "1"},
    ],
)
def test_what_only_describes_an_order_never_costs_the_book(
    broker: NorenBroker, stub: StubBroker, odd: dict[str, Any]
) -> None:
    stub.answer("OrderBook", [order_line(**odd)])

    books = [broker.order_book() for _ in range(2)]

    for book in books:
        assert isinstance(book, Book)
        assert (book.rows[0].price, book.rows[0].entered_at) == (None, None)
        assert book.rows[0].product == odd.get("prd", "I")


@pytest.mark.parametrize(
    ("key", "before", "after"),
    [
        ("prc", "25.00", "25.05"),
        ("trgprc", "24.00", "24.05"),
        ("prctyp", "SL-LMT", "LMT"),
        ("qty", "400", "200"),
        ("ordersource", "API", "MOB"),
        ("amo", None, "Yes"),
        ("norentm", "09:18:00 19-12-2023", "09:18:01 19-12-2023"),
        ("remarks", "a", "b"),
        ("rejreason", " ", "SAF:order is not open to cancel"),
    ],
)
def test_a_changed_field_makes_a_new_row(
    broker: NorenBroker, stub: StubBroker, key: str, before: object, after: object
) -> None:
    stub.answer("OrderBook", [order_line(**{key: before})], [order_line(**{key: after})])

    first, second = broker.order_book(), broker.order_book()

    assert isinstance(first, Book)
    assert isinstance(second, Book)
    assert first.rows != second.rows


def test_the_trade_book_becomes_rows(broker: NorenBroker, stub: StubBroker) -> None:
    fill = order_line(flid="380225664", flqty="30", flprc="2.85", fltm="16-10-2024 11:15:20", trantype="S", status=None)
    stub.answer("TradeBook", [fill])

    book = broker.trade_book()

    assert isinstance(book, Book)
    assert book.rows == (
        TradeRow(
            broker_order_id="23121900039453",
            fill_id="380225664",
            exchange="NFO",
            symbol="FINNIFTY19DEC23C21750",
            side=Side.SELL,
            quantity=30,
            price=Decimal("2.85"),
            remarks="sdabc",
            traded_at="16-10-2024 11:15:20",
        ),
    )


def test_the_position_book_becomes_rows(broker: NorenBroker, stub: StubBroker) -> None:
    stub.answer("PositionBook", [position_line(), position_line(netqty="0", lp="0.00")])

    book = broker.position_book()

    assert isinstance(book, Book)
    assert book.rows[0] == PositionRow(
        exchange="NFO",
        symbol="FINNIFTY19DEC23C21750",
        product="I",
        net_quantity=-1000,
        net_average_price=Decimal("5.45"),
        last_price=Decimal("4.95"),
        realised=Decimal(-320),
        unrealised=Decimal(500),
    )
    assert (book.rows[1].net_quantity, book.rows[1].last_price) == (0, None)


@pytest.mark.parametrize("price", ["NaN", "-5.00", "None", "", None, []])
def test_a_last_price_that_is_none_does_not_cost_what_is_held(
    broker: NorenBroker, stub: StubBroker, price: object
) -> None:
    stub.answer("PositionBook", [position_line(lp=price)])

    book = broker.position_book()

    assert isinstance(book, Book)
    assert (book.rows[0].net_quantity, book.rows[0].last_price) == (-1000, None)


@pytest.mark.parametrize(
    ("bought", "sold", "carried"),
    [("100", "25", 75), ("0", "50", -50), (None, None, 0), ("", "10", -10), (75, None, 75)],
)
def test_what_was_carried_is_bought_less_sold(
    broker: NorenBroker, stub: StubBroker, bought: object, sold: object, carried: int
) -> None:
    stub.answer("PositionBook", [position_line()], [position_line(cfbuyqty=bought, cfsellqty=sold)])
    broker.position_book()

    book = broker.position_book()

    assert isinstance(book, Book)
    assert book.rows[0].carried_quantity == carried


@pytest.mark.parametrize("key", ["cfbuyqty", "cfsellqty"])
def test_a_carried_quantity_that_changed_makes_a_new_row(broker: NorenBroker, stub: StubBroker, key: str) -> None:
    stub.answer("PositionBook", [position_line(**{key: "5"})], [position_line(**{key: "6"})])

    first, second = broker.position_book(), broker.position_book()

    assert isinstance(first, Book)
    assert isinstance(second, Book)
    assert abs(first.rows[0].carried_quantity) == 5
    assert abs(second.rows[0].carried_quantity) == 6


def read(broker: NorenBroker, route: str) -> object:
    questions = {
        "OrderBook": broker.order_book,
        "TradeBook": broker.trade_book,
        "PositionBook": broker.position_book,
    }
    return questions[route]()


BOOKS = ("OrderBook", "TradeBook", "PositionBook")


@pytest.mark.parametrize("route", BOOKS)
@pytest.mark.parametrize("empty", [NO_DATA, [], reply(NO_DATA, 400), reply(not_ok("No Data :   "), 404)])
def test_an_empty_book_is_believed_when_the_session_is_alive(
    broker: NorenBroker, stub: StubBroker, route: str, empty: object
) -> None:
    stub.answer(route, empty)

    book = read(broker, route)

    assert isinstance(book, Book)
    assert book.rows == ()
    assert stub.asked[-1].route == "Limits"


@pytest.mark.parametrize("route", BOOKS)
@pytest.mark.parametrize("message", NOT_BARE)
@pytest.mark.parametrize("http_status", [200, 400, 404])
def test_only_the_bare_words_make_a_book_empty(
    broker: NorenBroker, stub: StubBroker, route: str, message: str, http_status: int
) -> None:
    stub.answer(route, reply(not_ok(message), http_status))

    unavailable = read(broker, route)

    assert isinstance(unavailable, Unavailable)
    assert " ".join(message.split()) in " ".join(unavailable.cause.split()), "told as they are"


@pytest.mark.parametrize("empty", [reply(NO_DATA, 429), reply(NO_DATA, 403), reply([], 404)])
def test_a_status_that_empty_books_do_not_have_makes_none(broker: NorenBroker, stub: StubBroker, empty: object) -> None:
    stub.answer("OrderBook", empty)

    assert isinstance(broker.order_book(), Unavailable)


@pytest.mark.parametrize("route", BOOKS)
@pytest.mark.parametrize("proof", [EXPIRED, reply(HTML, 502), reply(LIMITS_OK, 500), Talk.close, not_ok("no"), []])
def test_an_empty_book_is_not_believed_when_the_session_is_not_proved_alive(
    broker: NorenBroker, stub: StubBroker, route: str, proof: object
) -> None:
    stub.answer(route, NO_DATA)
    stub.answer("Limits", proof)

    assert isinstance(read(broker, route), Unavailable)


@pytest.mark.parametrize("route", BOOKS)
@pytest.mark.parametrize(
    "answer",
    [
        EXPIRED,
        not_ok("Server Timeout :  "),
        reply(HTML, 502),
        reply(HTML),
        reply(""),
        reply("[{"),
        reply("null"),
        reply({"stat": "Ok"}),
        reply([], 500),
        reply(NO_DATA, 503),
        reply([order_line(flid="1", flqty="1", flprc="1.00", **position_line())], 500),
        reply([["stat", "Ok"]]),
        Talk.hang,
        Talk.reset,
        Talk.close,
    ],
)
def test_a_book_that_could_not_be_read_is_unavailable(
    hasty: NorenBroker, stub: StubBroker, route: str, answer: object
) -> None:
    stub.answer(route, answer)

    unavailable = read(hasty, route)
    hasty.close()

    assert isinstance(unavailable, Unavailable)
    assert unavailable.cause
    assert hasty.needs_login is (answer is EXPIRED)


@pytest.mark.parametrize(
    ("route", "row"),
    [
        ("OrderBook", order_line(qty="many")),
        ("OrderBook", order_line(qty="0")),
        ("OrderBook", order_line(qty="1_000")),
        ("OrderBook", order_line(status=None)),
        ("OrderBook", order_line(status=" ")),
        ("OrderBook", order_line(trantype="X")),
        ("OrderBook", order_line(tsym=None)),
        ("OrderBook", order_line(fillshares="-1")),
        ("OrderBook", order_line(fillshares="10", avgprc="NaN")),
        ("OrderBook", order_line(remarks=["x"])),
        ("OrderBook", order_line(qty={})),
        ("OrderBook", order_line(prd=None)),
        ("OrderBook", order_line(status=["OPEN"])),
        ("TradeBook", order_line(flid=None, flqty="1", flprc="1.00")),
        ("TradeBook", order_line(flid="1", flqty="0", flprc="1.00")),
        ("TradeBook", order_line(flid="1", flqty="1", flprc="Infinity")),
    ],
)
def test_one_unreadable_row_makes_the_book_unavailable_and_names_the_order(
    broker: NorenBroker, stub: StubBroker, route: str, row: dict[str, Any]
) -> None:
    sound = order_line(norenordno="1", flid="9", flqty="1", flprc="1.00")
    stub.answer(route, [sound, row])

    unavailable = read(broker, route)

    assert isinstance(unavailable, Unavailable)
    assert "23121900039453" in unavailable.cause


def test_a_carried_quantity_that_is_no_number_is_not_a_zero(broker: NorenBroker, stub: StubBroker) -> None:
    stub.answer("PositionBook", [position_line(cfbuyqty="many")])

    unavailable = broker.position_book()

    assert isinstance(unavailable, Unavailable)
    assert "cfbuyqty" in unavailable.cause


@pytest.mark.parametrize("missing", ["netqty", "netavgprc", "rpnl", "urmtom", "prd"])
def test_a_position_without_a_number_is_not_a_zero(broker: NorenBroker, stub: StubBroker, missing: str) -> None:
    stub.answer("PositionBook", [position_line(**{missing: None})])

    unavailable = broker.position_book()

    assert isinstance(unavailable, Unavailable)
    assert missing in unavailable.cause
