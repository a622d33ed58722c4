"""The adapter and its feed against the paper broker as a process of its own, over loopback."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from pydantic import SecretStr

from broker.feed.reconnecting_feed import Feed
from broker.noren.adapter import NorenBroker
from domain.broker.reply_types import Accepted, Refused, Unknown
from domain.broker.snapshots import Book, BrokerStatus, OrderRow, OrderUpdate, ReportType
from domain.orders.change import Change, ChangeKind
from domain.orders.order import Order
from domain.orders.reasons import Reason
from domain.orders.types import OrderType
from tests.broker.conftest import WallClock, an_order, settings
from tests.broker.paper.harness import API_SECRET, PASSWORD, TOTP_SECRET, USER, VENDOR, Paper
from tests.broker.web import Ears

FAR, FARTHER = Decimal("1350.10"), Decimal("1350.20")
"""Limits at which the market never is."""


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Paper]:
    paper = Paper(tmp_path_factory.mktemp("paper"), ("--orders-per-s-max", "0", "--no-fsync")).start()
    yield paper
    assert paper.end() == 0, paper.errors


@dataclass
class Desk:
    """What the desk has of the broker: the adapter, and what its feed told."""

    broker: NorenBroker
    listener: Ears

    def place(self, **given: Any) -> Order:  # noqa: ANN401  any field of a command
        order = an_order(**{"limit_price": FAR, **given})
        reply = self.broker.place(order)
        assert isinstance(reply, Accepted)
        return replace(order, broker_order_id=reply.broker_order_id)

    def row(self, order: Order) -> OrderRow:
        book = self.broker.order_book()
        assert isinstance(book, Book)
        return next(row for row in book.rows if row.broker_order_id == order.broker_order_id)

    def next(self, order: Order, *reports: ReportType) -> OrderUpdate:
        """Return the next update of this order with one of these reports."""
        while True:
            update = self.listener.next_order()
            if update.row.broker_order_id == order.broker_order_id and update.report in reports:
                return update


@pytest.fixture
def paper(shared: Paper) -> Paper:
    shared.admin("DELETE", "faults")
    return shared


@pytest.fixture(params=["quickauth", "oauth"])
def desk(request: pytest.FixtureRequest, paper: Paper, clock: WallClock) -> Iterator[Desk]:
    config = settings(
        paper.where["rest_url"],
        websocket_url=paper.where["websocket_url"],
        user_id=USER,
        password=SecretStr(PASSWORD),
        totp_secret=SecretStr(TOTP_SECRET),
        vendor_code=VENDOR,
        api_secret=SecretStr(API_SECRET),
    )
    broker = NorenBroker(config, clock)
    broker.log_in()
    assert broker.session is not None
    if request.param == "oauth":
        # The paper broker takes one token in either dialect, as the browser's exchange would have brought it.
        token = SecretStr(broker.session.token)
        broker.close()
        broker = NorenBroker(config.model_copy(update={"dialect": "oauth", "access_token": token}), clock)
        broker.log_in()
    session = broker.session
    assert session is not None
    listener = Ears()
    feed = Feed(config, clock, listener.ticks.put, listener.state, on_orders=listener.hear_orders)
    feed.start(session)
    assert listener.next_state() == (True, "logged in")
    yield Desk(broker, listener)
    feed.stop()
    broker.close()


def to(limit_price: Decimal, quantity: int, trigger_price: Decimal | None = None) -> Change:
    """Return a change to these terms."""
    return Change(
        change_id="ch-1",
        kind=ChangeKind.MODIFY,
        asked_at=datetime(2026, 1, 2, 10, 1, tzinfo=UTC),
        quantity=quantity,
        limit_price=limit_price,
        trigger_price=trigger_price,
    )


def test_an_order_is_modified_and_canceled_and_both_are_pushed(desk: Desk) -> None:
    order = desk.place(quantity=3)
    assert desk.next(order, ReportType.NEW).row.status is BrokerStatus.OPEN

    assert desk.broker.modify(order, to(FARTHER, 7)) == Accepted(order.broker_order_id or "")
    replaced = desk.next(order, ReportType.REPLACED).row
    assert (replaced.quantity, replaced.price, replaced.status) == (7, FARTHER, BrokerStatus.OPEN)
    shown = desk.row(order)
    assert (shown.quantity, shown.price, shown.price_type, shown.source) == (7, FARTHER, "LMT", "API")
    assert shown.entered_at is not None

    assert desk.broker.cancel(order) == Accepted(order.broker_order_id or "")
    canceled = desk.next(order, ReportType.CANCELED).row
    assert (canceled.status, canceled.filled_quantity, canceled.remarks) == (
        BrokerStatus.CANCELED,
        0,
        order.remarks_tag,
    )
    assert desk.row(order).status is BrokerStatus.CANCELED


def test_a_stop_is_modified_with_its_trigger(desk: Desk) -> None:
    order = desk.place(order_type=OrderType.SL, trigger_price=Decimal("1640.00"), limit_price=Decimal("1645.00"))
    assert desk.next(order, ReportType.NEW).row.status is BrokerStatus.TRIGGER_PENDING

    desk.broker.modify(order, to(Decimal("1646.00"), 2, Decimal("1641.00")))

    row = desk.next(order, ReportType.REPLACED).row
    assert (row.quantity, row.price, row.trigger_price) == (2, Decimal(1646), Decimal(1641))
    assert (desk.row(order).price_type, desk.row(order).trigger_price) == ("SL-LMT", Decimal(1641))
    desk.broker.cancel(order)


def test_a_filled_order_is_told_whole_and_its_cancel_is_refused_without_rejecting_it(desk: Desk) -> None:
    order = desk.place(limit_price=Decimal("1650.00"), quantity=5)
    fill = desk.next(order, ReportType.FILL).row
    while fill.status is not BrokerStatus.COMPLETE:
        fill = desk.next(order, ReportType.FILL).row
    assert (fill.filled_quantity, fill.product) == (5, "I")
    assert fill.average_price is not None

    # Whether the broker says no at once or by an update, the order stays what it is.
    if isinstance(desk.broker.cancel(order), Accepted):
        refused = desk.next(order, ReportType.CANCEL_REJECTED, ReportType.REJECTED, ReportType.CANCELED)
        assert refused.report is ReportType.CANCEL_REJECTED

    assert desk.row(order).status is BrokerStatus.COMPLETE


@pytest.mark.parametrize(
    ("kind", "unknown"),
    [("reset_after", True), ("html_502_after", True), ("truncated_after", True), ("refuse", False)],
)
def test_a_cancel_whose_answer_is_lost_is_unknown_and_may_have_worked(
    desk: Desk, paper: Paper, kind: str, *, unknown: bool
) -> None:
    order = desk.place()
    desk.next(order, ReportType.NEW)
    paper.fault("CancelOrder", kind)

    reply = desk.broker.cancel(order)

    assert isinstance(reply, Unknown if unknown else Refused)
    if unknown:
        assert desk.next(order, ReportType.CANCELED).row.status is BrokerStatus.CANCELED
    else:
        assert desk.row(order).status is BrokerStatus.OPEN
        desk.broker.cancel(order)


@pytest.mark.parametrize("change", ["cancel", "modify"])
def test_an_order_the_broker_does_not_know_is_refused_in_its_words(desk: Desk, change: str) -> None:
    order = replace(an_order(limit_price=FAR), broker_order_id="26010200000001")

    reply = desk.broker.cancel(order) if change == "cancel" else desk.broker.modify(order, to(FAR, 1))

    assert isinstance(reply, Refused)
    assert reply.reason is Reason.BROKER_REFUSED
    assert "Order not found" in reply.message
    assert not desk.broker.needs_login


def test_a_session_that_ended_refuses_the_change_and_asks_for_a_login(desk: Desk, paper: Paper) -> None:
    order = desk.place()
    paper.admin("POST", "sessions", expire=True)

    reply = desk.broker.cancel(order)

    assert isinstance(reply, Refused)
    assert reply.reason is Reason.SESSION_EXPIRED
    assert desk.broker.needs_login


def test_the_phones_orders_are_pushed_too(desk: Desk, paper: Paper) -> None:
    number = str(paper.client().place_order("B", "I", "NSE", "RELIANCE-EQ", 1, 0, "LMT", 1350.1)["norenordno"])
    order = replace(an_order(), broker_order_id=number)

    row = desk.next(order, ReportType.NEW).row

    assert (row.remarks, row.symbol, row.quantity) == ("", "RELIANCE-EQ", 1)


def test_two_feeds_with_one_token_evict_each_other_without_a_storm(
    start_paper: Callable[..., Paper], clock: WallClock
) -> None:
    paper = start_paper("--one-socket-per-token")
    config = settings(
        paper.where["rest_url"],
        websocket_url=paper.where["websocket_url"],
        user_id=USER,
        password=SecretStr(PASSWORD),
        totp_secret=SecretStr(TOTP_SECRET),
        vendor_code=VENDOR,
        api_secret=SecretStr(API_SECRET),
    )
    broker = NorenBroker(config, clock)
    broker.log_in()
    assert broker.session is not None
    listener = [Ears(), Ears()]
    feeds = [Feed(config, clock, one.ticks.put, one.state) for one in listener]
    feeds[0].start(broker.session)
    assert listener[0].next_state() == (True, "logged in")

    feeds[1].start(broker.session)
    up, message = listener[0].next_state()
    for feed in feeds:
        feed.stop()
    broker.close()

    assert not up
    assert "code 1000; another client" in message
    # Within the shortest retry at most one of them came back.
    assert len(listener[0].states.queue) + len(listener[1].states.queue) < 6


@pytest.fixture
def start_paper(tmp_path: Path) -> Iterator[Callable[..., Paper]]:
    started: list[Paper] = []

    def begin(*options: str) -> Paper:
        started.append(Paper(tmp_path, ("--no-fsync", *options)).start())
        return started[-1]

    yield begin
    for one in started:
        assert one.end() == 0, one.errors
