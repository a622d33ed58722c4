from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest

from broker.paper.clock import Moment
from broker.paper.engine.orders import Behaviour
from tests.broker.paper.harness import MONDAY, Timeline, told

ACCEPTED = [("NewAck", "PENDING"), ("PendingNew", "PENDING"), ("New", "OPEN")]


def test_a_marketable_buy_fills_at_the_ask_after_the_delay() -> None:
    at = Timeline(fill_delay_s=0.05)

    order = at.place(price=Decimal("1600.00"))
    at.later(0.04)
    before = told(order)
    at.later(0.02)

    assert before == ACCEPTED
    assert told(order) == [*ACCEPTED, ("Fill", "COMPLETE")]
    assert (order.state.filled, order.state.average) == (10, Decimal("1500.10"))


def test_a_sell_fills_at_the_bid() -> None:
    at = Timeline()

    order = at.place(side="S", price=Decimal("1400.00"))
    at.later(1)

    assert order.state.average == Decimal("1499.90")


def test_a_resting_order_fills_when_the_market_comes_to_it() -> None:
    at = Timeline()
    order = at.place(price=Decimal("1450.00"))
    at.later(1)
    assert told(order) == ACCEPTED

    at.price("1450.00")
    assert told(order) == ACCEPTED
    at.price("1449.90")

    assert order.state.status == "COMPLETE"
    assert order.state.average == Decimal("1450.00")


def test_what_is_larger_than_the_depth_fills_in_parts_with_numbers_of_their_own() -> None:
    at = Timeline(depth_units=400)

    order = at.place(quantity=1000)
    at.later(1)

    fills = [event.fill for event in order.events if event.fill]
    assert [fill.quantity for fill in fills] == [400, 400, 200]
    assert len({fill.number for fill in fills}) == 3
    assert told(order)[3:] == [("Fill", "OPEN"), ("Fill", "OPEN"), ("Fill", "COMPLETE")]


def test_an_ioc_order_gives_back_what_it_did_not_get() -> None:
    at = Timeline(depth_units=400)

    partly, not_at_all = at.place(quantity=1000, retention="IOC"), at.place(price=Decimal("1450.00"), retention="IOC")
    at.later(1)

    assert told(partly)[3:] == [("Fill", "OPEN"), ("Canceled", "CANCELED")]
    assert (partly.state.filled, partly.state.cancelled) == (400, 600)
    assert told(not_at_all)[3:] == [("Canceled", "CANCELED")]


def test_a_stop_waits_for_its_trigger_and_is_a_limit_order_then() -> None:
    at = Timeline()
    order = at.place(price_type="SL-LMT", price=Decimal("1512.00"), trigger=Decimal("1510.00"))
    at.later(1)
    assert told(order)[-1] == ("New", "TRIGGER_PENDING")

    at.price("1509.90")
    assert told(order)[-1] == ("New", "TRIGGER_PENDING")
    at.price("1510.00")

    assert told(order)[3:] == [("New", "OPEN"), ("Fill", "COMPLETE")]
    assert order.state.average == Decimal("1510.10")


@pytest.mark.parametrize(
    ("side", "price", "trigger"),
    [
        ("B", "1512.00", "1499.00"),
        ("B", "1505.00", "1510.00"),
        ("S", "1488.00", "1501.00"),
        ("S", "1495.00", "1490.00"),
    ],
)
def test_a_stop_on_the_wrong_side_is_rejected_by_the_exchange(side: str, price: str, trigger: str) -> None:
    at = Timeline()

    order = at.place(side=side, price_type="SL-LMT", price=Decimal(price), trigger=Decimal(trigger))

    assert told(order) == [*ACCEPTED[:2], ("Rejected", "REJECTED")]
    assert order.state.reject_reason == "16052 function not available"
    assert order.state.exchange_number


OPTION = "NIFTY24NOV26C26000"


@pytest.mark.parametrize(
    ("given", "text"),
    [
        (
            {"price": Decimal("1700.00")},
            (
                "RED:RULE:{Check circuit limit including square off order}Current:INR 1,700.00 "
                "LowerCircuit:INR 1,350.10 UpperCircuit:INR 1,650.00:NSE.RELIANCE-EQ for C-PAPER [DEFAULT]"
            ),
        ),
        (
            {"symbol": OPTION, "product": "M", "price": Decimal("50.00"), "quantity": 1820},
            "RED:Freeze qty Set:1800 Current:1820 for C-PAPER [DEFAULT]",
        ),
        (
            {"symbol": OPTION, "product": "M", "price": Decimal("50.00"), "quantity": 70},
            "RED:RULE:{Check lot size}Current:70 LotSize:65:NFO.NIFTY24NOV26C26000 for C-PAPER [DEFAULT]",
        ),
        (
            {"price": Decimal("1500.05")},
            "RED:RULE:{Check tick size}Current:INR 1,500.05 TickSize:INR 0.10:NSE.RELIANCE-EQ for C-PAPER [DEFAULT]",
        ),
    ],
)
def test_the_risk_engine_rejects_after_the_front_accepted(given: dict[str, Any], text: str) -> None:
    at = Timeline()

    order = at.place(**given)

    assert told(order) == [("NewAck", "PENDING"), ("Rejected", "REJECTED")]
    assert (order.state.reject_reason, order.state.rejected_by) == (text, "RED")
    assert not order.state.exchange_number


def test_margin_that_is_short_rejects_an_entry_and_never_an_exit() -> None:
    at = Timeline(cash=Decimal("4000.00"))

    held = at.place(quantity=10)
    at.later(1)
    more = at.place(quantity=10)
    out = at.place(side="S", price=Decimal("1400.00"), quantity=10)
    at.later(1)

    assert held.state.status == out.state.status == "COMPLETE"
    assert more.state.reject_reason == ("RED:Margin Shortfall:INR 2200.20 Available:INR 999.80 for C-PAPER [DEFAULT]")


def test_outside_the_hours_the_exchange_rejects_with_its_code() -> None:
    evening = Timeline(MONDAY.replace(hour=15, minute=30), exchange_hours=True)

    order = evening.place()

    assert told(order) == [*ACCEPTED[:2], ("Rejected", "REJECTED")]
    assert order.state.reject_reason == "16278 The markets have not been opened for trading"


def test_intraday_orders_are_disallowed_after_the_square_off() -> None:
    at = Timeline(MONDAY.replace(hour=15, minute=21), exchange_hours=True)

    assert at.place().state.reject_reason == "RED:'MIS' Orders are disallowed after system square off"
    assert at.place(product="C").state.status == "OPEN"


def test_a_cancel_takes_back_what_is_open_and_keeps_what_traded() -> None:
    at = Timeline(depth_units=4)
    order = at.place()
    at.later(0.06)

    at.exchange.cancel(order, at.now)
    at.later(1)

    assert told(order)[3:] == [
        ("Fill", "OPEN"),
        ("CanAck", "OPEN"),
        ("PendingCancel", "OPEN"),
        ("Canceled", "CANCELED"),
    ]
    assert (order.state.filled, order.state.cancelled) == (4, 6)


def test_a_cancel_of_a_finished_order_changes_nothing_but_its_reason() -> None:
    at = Timeline()
    order = at.place()
    at.later(1)

    at.exchange.cancel(order, at.now)

    assert told(order)[-1] == ("CancelRejected", "COMPLETE")
    assert order.state.reject_reason == "SAF:order is not open to cancel"
    assert order.state.filled == 10


def test_a_modification_changes_the_terms_and_counts_the_revision() -> None:
    at = Timeline()
    order = at.place(price=Decimal("1450.00"))
    at.later(1)

    at.exchange.modify(order, at.ticket(price=Decimal("1600.00"), quantity=15), at.now)
    at.later(1)

    assert told(order)[3:] == [
        ("ModAck", "OPEN"),
        ("PendingReplace", "OPEN"),
        ("Replaced", "OPEN"),
        ("Fill", "COMPLETE"),
    ]
    assert (order.state.revision, order.state.filled) == (2, 15)
    assert (order.state.original_quantity, order.state.original_price) == (10, Decimal("1450.00"))


def test_a_modification_that_cannot_be_leaves_the_order_working() -> None:
    at = Timeline()
    order = at.place(price=Decimal("1450.00"))

    at.exchange.modify(order, at.ticket(price=Decimal("1700.00")), at.now)

    assert told(order)[-1] == ("ReplaceRejected", "OPEN")
    assert order.state.price == Decimal("1450.00")
    at.price("1440.00")
    at.later(1)
    assert order.state.status == "COMPLETE"


def test_a_finished_order_is_not_open_to_modify() -> None:
    at = Timeline()
    order = at.place()
    at.later(1)

    at.exchange.modify(order, at.ticket(price=Decimal("1500.00")), at.now)

    assert told(order)[-1] == ("ReplaceRejected", "COMPLETE")
    assert order.state.reject_reason == "SAF:order is not open to modify"


def test_a_fill_may_come_after_the_cancel() -> None:
    at = Timeline()
    order = at.place(price=Decimal("1450.00"))
    at.exchange.cancel(order, at.now)

    at.exchange.force_fill(order, 4, Decimal("1450.00"), at.now)

    assert told(order)[-1] == ("Fill", "CANCELED")
    assert (order.state.filled, order.state.cancelled) == (4, 6)
    assert at.exchange.positions.net(at.scrip(), "I") == 4


def test_faults_hold_fills_back_or_reject_later() -> None:
    at = Timeline()
    never = at.place(behaviour=Behaviour(fill_quantity_max=0))
    half = at.place(quantity=11, behaviour=Behaviour(fill_fraction=Decimal("0.5")))
    least = at.place(
        symbol=OPTION,
        product="M",
        price=Decimal("900.00"),
        quantity=65,
        behaviour=Behaviour(fill_fraction=Decimal("0.5")),
    )
    late = at.place(behaviour=Behaviour(fill_quantity_max=0, reject_after_s=2, reject_text="RED:later"))

    at.later(1)
    before = late.state.status
    at.later(2)
    at.price("1400.00")

    assert told(never) == ACCEPTED
    assert (half.state.status, half.state.filled) == ("OPEN", 5)
    assert (least.state.status, least.state.filled) == ("COMPLETE", 65)
    assert (before, late.state.status, late.state.reject_reason) == ("OPEN", "REJECTED", "RED:later")


def test_positions_net_by_product_and_keep_their_profit_when_flat() -> None:
    at = Timeline()
    at.place(quantity=10)
    at.place(quantity=10, product="C")
    at.later(1)
    at.price("1520.00")
    at.place(side="S", price=Decimal("1400.00"), quantity=10)
    at.later(1)

    positions = {one.product: one for one in at.exchange.positions.all()}

    assert (positions["I"].net, positions["C"].net) == (0, 10)
    assert positions["I"].realised == 10 * (Decimal("1519.90") - Decimal("1500.10"))
    assert positions["I"].net_average == 0
    assert positions["C"].unrealised(Decimal("1510.10")) == 100


def test_order_numbers_begin_with_the_day_and_start_again_with_the_next() -> None:
    at = Timeline()
    first, second = at.place(), at.place()

    at.exchange.begin_day((MONDAY + timedelta(days=1)).date())
    at.now = Moment(MONDAY + timedelta(days=1), 1.0)
    third = at.place()

    numbers = [one.terms.number for one in (first, second, third)]
    assert numbers == ["26112300000001", "26112300000002", "26112400000001"]
    assert list(at.exchange.orders) == ["26112400000001"]
