"""Order updates: what an `om` frame says, read and told."""

import queue
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import pytest

from broker.feed.reconnecting_feed import Feed
from broker.noren.row_fields import UnreadableRowError
from broker.noren.row_parsers import STATUSES, Session
from broker.noren.updates import order_update
from domain.broker.snapshots import BrokerStatus, OrderRow, OrderUpdate, ReportType
from domain.orders.types import Side
from domain.ports import IST
from tests.broker.conftest import WallClock, settings
from tests.broker.web import CLOSE, QUICK, RELIANCE, SESSION, TOKEN, WAIT_S, Ears, WebStub

NOW = datetime(2024, 10, 16, 6, 0, tzinfo=UTC)
NUMBER = "24101600226847"


def an_update(**given: Any) -> dict[str, Any]:  # noqa: ANN401  any field of a frame
    """Return an acknowledgement as the broker sends it (docs/protocol.md, order updates); None leaves a field out."""
    frame = {
        "t": "om",
        "norenordno": NUMBER,
        "uid": "FA1",
        "actid": "FA1",
        "exch": "NFO",
        "tsym": "BANKNIFTY16OCT24P50500",
        "trantype": "B",
        "qty": "30",
        "prc": "5.25",
        "pcode": "I",
        "remarks": "sdabc",
        "rejreason": " ",
        "status": "OPEN",
        "reporttype": "New",
        "prctyp": "LMT",
        "ret": "DAY",
        "exchordid": "",
        "dscqty": "0",
    }
    return {key: value for key, value in {**frame, **given}.items() if value is not None}


def test_a_fill_is_read_whole() -> None:
    fill = {"flqty": "30", "flprc": "2.85", "flid": "380225664", "fltm": "16-10-2024 11:15:20"}
    frame = an_update(
        **fill, status="COMPLETE", reporttype="Fill", fillshares="30", avgprc="2.85", norentm="11:15:20 16-10-2024"
    )

    assert order_update(frame, NOW) == OrderUpdate(
        ReportType.FILL,
        OrderRow(
            broker_order_id=NUMBER,
            status=BrokerStatus.COMPLETE,
            status_text="COMPLETE",
            remarks="sdabc",
            exchange="NFO",
            symbol="BANKNIFTY16OCT24P50500",
            side=Side.BUY,
            product="I",
            quantity=30,
            filled_quantity=30,
            average_price=Decimal("2.85"),
            reject_reason="",
            price=Decimal("5.25"),
            price_type="LMT",
            entered_at=datetime(2024, 10, 16, 11, 15, 20, tzinfo=IST),
        ),
        NOW,
    )


def test_a_fill_that_leaves_the_order_open_is_a_partial_one() -> None:
    update = order_update(an_update(reporttype="Fill", flqty="10", fillshares="10", avgprc="2.85"), NOW)

    assert (update.report, update.row.status) == (ReportType.FILL, BrokerStatus.OPEN)
    assert (update.row.filled_quantity, update.row.quantity) == (10, 30)
    assert update.row.average_price == Decimal("2.85")


def test_one_fill_of_many_does_not_stand_for_all() -> None:
    update = order_update(an_update(reporttype="Fill", flqty="5", flprc="2.80", fillshares="15", avgprc="2.85"), NOW)

    assert (update.row.filled_quantity, update.row.average_price) == (15, Decimal("2.85"))


def test_an_acknowledgement_of_a_market_order_without_remarks_has_no_price_and_no_fill() -> None:
    frame = an_update(prc="0.00", prctyp="MKT", remarks=None, rejreason=None, status="PENDING", reporttype="NewAck")

    row = order_update(frame, NOW).row

    assert (row.price, row.trigger_price, row.average_price, row.filled_quantity) == (None, None, None, 0)
    assert (row.remarks, row.reject_reason, row.source, row.amo, row.entered_at) == ("", "", "", False, None)


def test_a_modified_stop_shows_its_new_terms() -> None:
    frame = an_update(
        status="TRIGGER_PENDING", reporttype="Replaced", prctyp="SL-LMT", qty="15", prc="6.00", trgprc="5.50"
    )

    update = order_update(frame, NOW)

    assert (update.report, update.row.status) == (ReportType.REPLACED, BrokerStatus.TRIGGER_PENDING)
    assert (update.row.quantity, update.row.price, update.row.trigger_price) == (15, Decimal(6), Decimal("5.50"))


@pytest.mark.parametrize("spelled", ["{}", " {} ", "{}_"])
@pytest.mark.parametrize(("message", "status"), STATUSES.items())
def test_every_status_is_read_however_it_is_spelled(message: str, status: BrokerStatus, spelled: str) -> None:
    for one in (message, message.lower(), message.title(), message.replace(" ", "_")):
        row = order_update(an_update(status=spelled.format(one)), NOW).row

        assert (row.status, row.status_text) == (status, spelled.format(one).strip())


@pytest.mark.parametrize("message", ["INVALID_STATUS_TYPE", "SOMETHING NEW"])
def test_a_status_nobody_knows_keeps_its_words(message: str) -> None:
    row = order_update(an_update(status=message), NOW).row

    assert (row.status, row.status_text) == (BrokerStatus.UNKNOWN, message)


@pytest.mark.parametrize("report", [one for one in ReportType if one is not ReportType.UNKNOWN])
def test_every_report_is_read_however_it_is_spelled(report: ReportType) -> None:
    apart = "".join(f"_{letter}" if letter.isupper() else letter for letter in report.value).strip("_")

    for message in (report.value, report.value.lower(), report.value.upper(), apart, apart.upper(), f" {apart} "):
        assert order_update(an_update(reporttype=message), NOW).report is report


def test_canceled_may_have_two_ls_in_a_report_too() -> None:
    assert order_update(an_update(reporttype="Cancelled"), NOW).report is ReportType.CANCELED


@pytest.mark.parametrize("report", ["INVALID_REPORT_TYPE", "Surprise", "", None, 5, ["New"], {}])
def test_a_report_nobody_knows_is_unknown_and_the_row_still_counts(report: object) -> None:
    update = order_update(an_update(reporttype=report, fillshares="10", avgprc="2.85"), NOW)

    assert update.report is ReportType.UNKNOWN
    assert update.row.filled_quantity == 10


@pytest.mark.parametrize("report", ["Rejected", "REJECTED", "CancelRejected", "Cancel_Rejected", None, "Surprise"])
@pytest.mark.parametrize("status", ["REJECTED", "OPEN", "COMPLETE"])
def test_a_rejected_cancel_is_not_a_rejected_order(report: str | None, status: str) -> None:
    frame = an_update(reporttype=report, status=status, rejreason="SAF:order is not open to cancel")

    update = order_update(frame, NOW)

    assert update.report is ReportType.CANCEL_REJECTED
    assert update.row.reject_reason == "SAF:order is not open to cancel"


@pytest.mark.parametrize("message", ["SAF:order is not open to modify", "SAF:Order is not open to Modify "])
@pytest.mark.parametrize("report", ["Rejected", "ReplaceRejected", None])
def test_a_rejected_modify_is_not_a_rejected_order(report: str | None, message: str) -> None:
    update = order_update(an_update(reporttype=report, status="REJECTED", rejreason=message), NOW)

    assert update.report is ReportType.REPLACE_REJECTED


@pytest.mark.parametrize(
    "message",
    [
        "RED:Margin Shortfall:INR 101830.33 Available:INR 86932.68 for C-FA1 [DEFAULT]",
        "16278 The markets have not been opened for trading",
        "RED:'MIS' Orders are disallowed after system square off",
        " ",
        None,
    ],
)
def test_a_rejected_order_is_one(message: str | None) -> None:
    update = order_update(an_update(reporttype="Rejected", status="REJECTED", rejreason=message), NOW)

    assert (update.report, update.row.status) == (ReportType.REJECTED, BrokerStatus.REJECTED)
    assert update.row.reject_reason == (message or "").strip()


def test_a_report_of_a_fill_is_one_whatever_an_earlier_cancel_left_in_the_reason() -> None:
    frame = an_update(reporttype="Fill", status="COMPLETE", fillshares="30", avgprc="2.85")

    assert order_update(frame | {"rejreason": "SAF:order is not open to cancel"}, NOW).report is ReportType.FILL


@pytest.mark.parametrize(
    ("other", "product"),
    [({"pcode": None, "prd": "M"}, "M"), ({"pcode": "", "prd": "M"}, "M"), ({"prd": "C"}, "I")],
)
def test_the_product_stands_in_either_field(other: dict[str, Any], product: str) -> None:
    assert order_update(an_update(**other), NOW).row.product == product


def test_the_number_is_read_in_its_misspelled_field_too() -> None:
    frame = an_update(norenordno=None, norenoordno="24101600000001")

    assert order_update(frame, NOW).row.broker_order_id == "24101600000001"


UNREADABLE: list[dict[str, Any]] = [
    *({key: None} for key in ("norenordno", "exch", "tsym", "trantype", "qty", "pcode", "status")),
    {"norenordno": " "},
    {"norenordno": ["1"]},
    {"qty": "many"},
    {"qty": "0"},
    {"qty": "-30"},
    {"trantype": "X"},
    {"status": {}},
    {"status": ""},
    {"fillshares": "-1"},
    {"fillshares": "ten"},
    {"fillshares": "10", "avgprc": "NaN"},
    {"remarks": 5},
    {"rejreason": []},
]


@pytest.mark.parametrize("broken", UNREADABLE, ids=str)
def test_a_frame_that_could_mislead_is_not_read(broken: dict[str, Any]) -> None:
    with pytest.raises(UnreadableRowError):
        order_update(an_update(**broken), NOW)


@pytest.mark.parametrize("odd", [{"prc": "x"}, {"trgprc": []}, {"norentm": 5}, {"prctyp": {}}, {"amo": 1}], ids=str)
def test_what_only_describes_an_order_never_costs_the_update(odd: dict[str, Any]) -> None:
    assert order_update(an_update(**odd), NOW).row.broker_order_id == NUMBER


# On the feed


def test_updates_are_told_in_the_order_they_came_and_twice_where_they_came_twice(
    feed: Feed, web: WebStub, listener: Ears
) -> None:
    feed.start(SESSION)
    peer = web.logged_in()
    peer.send({"t": "ok"})
    before = datetime.now(tz=UTC)

    ack = an_update(status="PENDING", reporttype="NewAck")
    for frame in (ack, ack, an_update(), ack):
        peer.send(frame)

    told = [listener.next_order() for _ in range(4)]
    assert [one.report.value for one in told] == ["NewAck", "NewAck", "New", "NewAck"]
    assert all(before <= one.seen_at <= datetime.now(tz=UTC) for one in told)
    assert feed.malformed == 0


def test_updates_and_ticks_come_on_one_connection(feed: Feed, web: WebStub, listener: Ears) -> None:
    feed.watch(RELIANCE)
    feed.start(SESSION)
    peer = web.logged_in()
    assert peer.next() == {"t": "t", "k": "NSE|2885"}

    peer.send(an_update())
    peer.send({"t": "tf", "e": "NSE", "tk": "2885", "lp": "1.00"})

    assert listener.next_order().row.broker_order_id == NUMBER
    assert listener.next_tick().last_price == 1


def test_an_unreadable_update_is_counted_and_the_next_one_is_told(feed: Feed, web: WebStub, listener: Ears) -> None:
    feed.start(SESSION)
    peer = web.logged_in()

    for broken in UNREADABLE:
        peer.send(an_update(**broken))
    peer.send_raw(b'{"t":"om"')
    peer.send({"t": "om"})
    peer.send(an_update())

    assert listener.next_order().report is ReportType.NEW
    assert feed.malformed == len(UNREADABLE) + 2
    assert list(listener.states.queue) == [(True, "logged in")]


def test_other_frames_of_the_broker_are_no_updates(feed: Feed, web: WebStub, listener: Ears) -> None:
    feed.start(SESSION)
    peer = web.logged_in()

    for kind in ("ok", "uok", "am", "rm", "ms", "pm", "hk", "uk"):
        peer.send(an_update(t=kind))
    peer.send(an_update(norenordno="24101600000002"))

    assert listener.next_order().row.broker_order_id == "24101600000002"
    assert listener.orders.empty()
    assert feed.malformed == 0


def test_orders_are_subscribed_anew_on_each_connection(feed: Feed, web: WebStub, listener: Ears) -> None:
    feed.start(SESSION)
    for number in range(3):
        peer = web.logged_in()  # asserts the subscription
        peer.send(an_update(norenordno=f"2410160000000{number}"))

        assert listener.next_order().row.broker_order_id == f"2410160000000{number}"
        peer.send_raw((1001).to_bytes(2, "big"), CLOSE)


def test_updates_come_in_the_oauth_dialect_too(feed: Feed, web: WebStub, listener: Ears) -> None:
    feed.start(Session("FA1", "FA1", TOKEN, "oauth"))
    peer = web.peer()
    assert peer.next()["t"] == "a"
    peer.send({"t": "ak", "s": "OK", "uid": "FA1"})
    assert peer.next() == {"t": "o", "actid": "FA1"}

    peer.send(an_update())

    assert listener.next_order().report is ReportType.NEW


def test_a_line_that_is_mute_towards_orders_too_is_replaced(feed: Feed, web: WebStub, listener: Ears) -> None:
    feed.start(SESSION)
    peer = web.logged_in()
    peer.answers_pings = False
    peer.send(an_update())
    listener.next_order()
    assert listener.next_state() == (True, "logged in")

    up, message = listener.next_state()

    assert not up
    assert "nothing was heard" in message
    web.logged_in().send(an_update(reporttype="Canceled", status="CANCELED"))
    assert listener.next_order().report is ReportType.CANCELED


def test_an_owner_of_updates_that_fails_does_not_end_the_feed(web: WebStub, listener: Ears, clock: WallClock) -> None:
    told: queue.Queue[OrderUpdate] = queue.Queue()

    def fail_first(updates: tuple[OrderUpdate, ...]) -> None:
        is_first = told.empty()
        for update in updates:
            told.put(update)
        if is_first:
            raise KeyError(updates[0].row.broker_order_id)

    config = settings("http://127.0.0.1:1", websocket_url=web.url, connect_timeout_s=WAIT_S)
    feed = Feed(config, clock, listener.ticks.put, listener.state, on_orders=fail_first, limits=QUICK)
    feed.watch(RELIANCE)
    feed.start(SESSION)
    peer = web.logged_in()

    peer.send(an_update())
    peer.send(an_update())
    peer.send({"t": "tf", "e": "NSE", "tk": "2885", "lp": "1.00"})

    assert listener.next_tick().last_price == 1
    feed.stop()
    assert told.qsize() == 2
    # A KeyError of his is not taken for a frame that can't be read.
    assert feed.malformed == 0
