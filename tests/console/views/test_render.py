import io
from dataclasses import replace
from decimal import Decimal

import pytest
from rich.console import Console, RenderableType

from actors.messages.books import PositionsRead
from console.api.responses import standing
from console.views.form import short_id, short_ids
from console.views.render import orders_table, steps_line, steps_table, timeline_view
from console.views.serializers import order_form, positions_form, tally, timeline_form
from console.views.status_tables import positions_view
from console.views.story import sentences
from console.views.text import price_text
from domain.broker.reply_types import Unavailable
from domain.broker.snapshots import Book, BrokerStatus, OrderRow, PositionRow
from domain.exits.flatten import PositionKey
from domain.orders.change import Change, ChangeKind
from domain.orders.external import external_order
from domain.orders.lifecycle import Event
from domain.orders.order import Order, OrderEvent
from domain.orders.reasons import Reason
from domain.orders.types import Exchange, InstrumentKey, Product, Side
from domain.positions.pnl import PnlRow
from domain.read_models import Holdings, Timeline
from tests.console.fakes import (
    ACCEPTED,
    FILLED,
    LOST,
    REFUSED,
    SENT,
    TEN_O_CLOCK,
    FakeDesk,
    blocked,
    lived,
    order_of,
)

PART = OrderEvent(kind=Event.PARTIALLY_FILLED, filled_quantity=4, average_price=Decimal(2450))
REJECTED = OrderEvent(kind=Event.REJECTED, tag=Reason.BROKER_REJECTED, note="RMS:square off", filled_quantity=4)
ABSENT = OrderEvent(kind=Event.PROVED_ABSENT, tag=Reason.PROVED_ABSENT, inputs={"healthy_books": "3"})
CLAMPED = OrderEvent(kind=Event.SENT, tag=Reason.EXIT_CLAMPED, quantity=5, limit_price=Decimal("99.5"))


def drawn(view: RenderableType, width: int = 200) -> str:
    page = io.StringIO()
    Console(file=page, width=width, markup=False, highlight=False).print(view)
    return page.getvalue()


@pytest.mark.parametrize(
    ("events", "message"),
    [
        ((SENT,), "Passed risk and guard; stored before the wire, then sent once: BUY 10 at limit 2,461.60"),
        ((SENT, ACCEPTED), "The broker took it as order 26100500000001."),
        ((SENT, ACCEPTED, FILLED), "All 10 bought at 2,450.35 on average."),
        ((SENT, ACCEPTED, PART), "4 of 10 bought at 2,450.00 on average."),
        ((SENT, ACCEPTED, PART, REJECTED), "4 of 10 bought at 2,450.00 on average."),
        ((SENT, REFUSED), "Reason given: “RED:Margin Shortfall”."),
        ((SENT, LOST), "The broker's reply was lost; the order may be live."),
        ((SENT, LOST, ABSENT), "prove that the order never arrived"),
        ((SENT, REFUSED, FILLED), "LATE TRUTH: the order was REFUSED, and is not."),
        ((blocked(Reason.TRADING_HALTED),), "Blocked by the desk, never sent. Trading is HALTED"),
        ((blocked(Reason.QUANTITY_OFF_LOT, "quantity 10 is no lot"),), "never sent. Quantity 10 is no lot."),
        ((CLAMPED,), "The exit was cut to what is held"),
    ],
)
def test_the_last_line_of_a_journal_says_what_happened(events: tuple[OrderEvent, ...], message: str) -> None:
    told = sentences(lived(order_of(), *events))

    assert message in told[-1]
    assert told[0].startswith("Registered and stored: ENTRY BUY 10 RELIANCE-EQ on NSE, MARKET MIS, for manual.")


@pytest.mark.parametrize(
    ("events", "message"),
    [
        ((), "Registered: BUY 10 RELIANCE-EQ; nothing has been sent yet."),
        ((SENT, LOST, FILLED), "Executed: BUY 10 RELIANCE-EQ at 2,450.35."),
        ((SENT, ACCEPTED, PART), "with the broker as 26100500000001, 4 traded so far."),
        ((SENT, ACCEPTED, PART, REJECTED), "Rejected: BUY 10 RELIANCE-EQ, 4 of it traded. The broker or the exchange"),
        ((CLAMPED, ACCEPTED), "BUY 5 RELIANCE-EQ (cut from 10) at limit 99.50 (pays at most that) is with the broker"),
        ((SENT, LOST, ABSENT), "Not placed (PROVED_ABSENT)"),
    ],
)
def test_how_an_order_stands_is_one_sentence(events: tuple[OrderEvent, ...], message: str) -> None:
    assert message in standing(lived(order_of(), *events).order)


def test_the_timeline_shows_each_step_with_its_time_and_what_it_was_decided_from() -> None:
    page = drawn(timeline_view(timeline_form(lived(order_of(), SENT, ACCEPTED, FILLED))))

    assert "EXECUTED (FILLED)  10 @ 2,450.35" in page
    assert "10:00:00.004  +4.0 ms  WORKING" in page
    assert "from: units held 0, last price 2450.35" in page


def test_a_pipe_gets_whole_rows_and_a_narrow_screen_what_matters() -> None:
    form = timeline_form(lived(order_of(), SENT, ACCEPTED, FILLED))

    assert "EXECUTED" in drawn(steps_table([form], 200))
    narrow = drawn(steps_table([form], 80), width=80)
    assert all(word in narrow for word in ("01234567", "BUY 10 RELIANCE-EQ", "FILLED", "10 @ 2,450.35", "+6.0"))
    assert "sent +2.0 ms, answered +4.0 ms, filled +6.0 ms" in steps_line(form)


def test_the_list_of_orders_says_why_one_failed() -> None:
    form = order_form(lived(order_of(), blocked(Reason.EXECUTION_GUARD_BLOCKED)).order)

    assert "EXECUTION_GUARD_BLOCKED" in drawn(orders_table([form]))
    assert "No orders." in drawn(orders_table([]))


@pytest.mark.parametrize("width", [80, 100, 120, 200])
def test_the_list_of_orders_is_whole_at_any_width(width: int) -> None:
    """FINDINGS D1: at 80 columns side and quantity were empty, and at 120."""
    long = order_of(
        command_id="opening-range-breakout.0123456789abcdef",
        strategy="opening-range-breakout",
        exchange="NFO",
        symbol="BANKNIFTY24NOV26C57500",
        side="SELL",
        quantity=1_050,
        product="NRML",
        order_type="LIMIT",
        price="1234.55",
    )
    forms = [order_form(lived(long, SENT, ACCEPTED).order), order_form(lived(order_of(), SENT, REFUSED).order)]

    page = drawn(orders_table(forms, width), width)

    assert max(map(len, page.splitlines())) <= width
    for message in ("SELL", "1050", "BANKNIFTY24NOV26C57500", "WORKING", "26100500000001", "BROKER_REFUSED"):
        assert message in page, page
    assert "…" not in page


def test_positions_that_could_not_be_read_are_said_not_to_mean_flat() -> None:
    account = PositionsRead(book=Unavailable("session expired", TEN_O_CLOCK))

    page = drawn(positions_view(positions_form(FakeDesk().holdings(), account, FakeDesk().pnl())))

    assert "could not be read: session expired. That does not mean flat." in page
    assert "+10" in page


def test_what_was_paid_and_the_last_price_fit_on_a_narrow_screen() -> None:
    key = InstrumentKey(Exchange.NFO, "BANKNIFTY24NOV26C57500", Product.NRML)
    position_key = PositionKey("opening-range-breakout", key)
    row = PnlRow(
        position_key, -1_050, Decimal("1234.55"), Decimal("-12345.50"), Decimal("-1200.00"), Decimal("1250.05")
    )
    pnl = replace(FakeDesk().pnl(), rows=(row,))
    account = PositionsRead(
        book=Book(
            (
                PositionRow(
                    exchange="NFO",
                    symbol="BANKNIFTY24NOV26C57500",
                    product="M",
                    net_quantity=-1_050,
                    net_average_price=Decimal("1234.55"),
                    last_price=Decimal("1250.05"),
                    realised=Decimal("-12345.50"),
                    unrealised=Decimal("-1200.00"),
                ),
            ),
            TEN_O_CLOCK,
        )
    )

    page = drawn(positions_view(positions_form(Holdings(positions={}), account, pnl), 80), 80)

    assert max(map(len, page.splitlines())) <= 80
    for line in ("BANKNIFTY24NOV26C57500 -1,050 1,234.55 1,250.05 -12345.50 -1200.00", "NRML opening-range-breakout"):
        assert line in {" ".join(one.split()) for one in page.splitlines()}, page
    assert "…" not in page


def test_the_account_is_shown_in_our_words_for_products() -> None:
    row = PositionRow(
        exchange="NSE",
        symbol="INFY-EQ",
        product="I",
        net_quantity=-5,
        net_average_price=Decimal(1500),
        last_price=None,
        realised=Decimal("-0.00"),
        unrealised=Decimal("12.5"),
    )

    page = drawn(
        positions_view(
            positions_form(FakeDesk().holdings(), PositionsRead(book=Book((row,), TEN_O_CLOCK)), FakeDesk().pnl()),
        )
    )

    assert ["INFY-EQ", "MIS", "NSE", "-5", "1,500.00", "-", "0.00", "12.50"] in [
        line.split() for line in page.splitlines()
    ]


def test_counts_tell_executed_failed_and_unsettled_apart() -> None:
    fates = ((SENT, ACCEPTED, FILLED), (SENT, REFUSED), (SENT, LOST), (SENT, ACCEPTED, PART, REJECTED))

    counts = tally([order_form(lived(order_of(), *fate).order) for fate in fates])

    assert counts == {"orders": 4, "executed": 2, "failed": 1, "unresolved": 1}


def test_ids_are_short_but_for_a_persons_own_names() -> None:
    assert short_id("breakout.0123456789abcdef0123456789abcdef") == "01234567"
    assert short_id("my-first-order") == "my-first-order"


@pytest.mark.parametrize(
    ("price", "message"), [("2450.1", "2,450.10"), ("83.1275", "83.1275"), ("100000", "100,000.00"), ("-0.00", "0.00")]
)
def test_prices_have_two_decimals_or_the_four_of_a_currency(price: str, message: str) -> None:
    assert price_text(Decimal(price)) == message


def test_orders_of_others_and_changes_under_way_can_be_told_apart() -> None:
    asked = Change(change_id="x1", kind=ChangeKind.CANCEL, asked_at=TEN_O_CLOCK)
    mine = lived(order_of(), SENT, ACCEPTED, OrderEvent(kind=Event.CHANGE_REQUESTED, change=asked))
    external = foreign_order()

    table = drawn(orders_table([order_form(mine.order), order_form(external)]))
    story = drawn(timeline_view(timeline_form(mine)))
    other = drawn(timeline_view(timeline_form(Timeline(order=external, lines=()))))

    assert "WORKING, cancel requested" in table
    assert "EXTERNAL" in table
    assert "cancel requested; its change id is x1" in story
    assert "somebody elsewhere, not this desk" in other


def foreign_order() -> Order:
    row = OrderRow(
        broker_order_id="7",
        status=BrokerStatus.OPEN,
        status_text="OPEN",
        remarks="",
        exchange="NSE",
        symbol="INFY-EQ",
        side=Side.SELL,
        product="I",
        quantity=5,
        filled_quantity=0,
        average_price=None,
        reject_reason="",
    )
    order = external_order(row, "PAPER", TEN_O_CLOCK)
    assert order is not None
    return order


def test_the_day_is_shown_in_rupees_beside_the_brokers_own_figure() -> None:
    page = drawn(positions_view(positions_form(FakeDesk().holdings(), None, FakeDesk().pnl())))

    message = " ".join(page.split())
    assert "Today: -120.50 rupees (realised 0.00, open -120.50; the broker said -130.00 1 s ago)" in message
    unread = replace(FakeDesk().pnl(), account=None, account_age_s=None)
    assert "the broker has not been read yet" in drawn(
        positions_view(positions_form(FakeDesk().holdings(), None, unread))
    )
    assert "loss limit -5000.00" in message


def test_ids_that_would_look_alike_are_shown_whole() -> None:
    names = ("exit-cec3fedbfb33-1", "exit-cec3fedbfb33-2", "manual.0123456789abcdef", "one")

    assert short_ids(names) == {
        "exit-cec3fedbfb33-1": "exit-cec3fedbfb33-1",
        "exit-cec3fedbfb33-2": "exit-cec3fedbfb33-2",
        "manual.0123456789abcdef": "01234567",
        "one": "one",
    }
