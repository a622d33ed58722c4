"""The turn of a day: what ends, what is carried over, what waits for the opening."""

# ruff: noqa: ANN401  JSON has any

from collections.abc import Callable
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest

from broker.paper.clock import IST, Moment, next_opening
from tests.broker.paper.harness import MONDAY, USER, Paper, Timeline, seconds_to_next_noon, told, wait_until

FUTURE = "NIFTY24NOV26F"
TOKEN = "of-the-tests"


@pytest.mark.parametrize(
    ("after", "opening"),
    [
        ("2026-11-23 08:00", "2026-11-23 09:15"),
        ("2026-11-23 09:15", "2026-11-24 09:15"),
        ("2026-11-23 20:00", "2026-11-24 09:15"),
        ("2026-11-27 10:00", "2026-11-30 09:15"),
        ("2026-11-28 08:00", "2026-11-30 09:15"),
    ],
)
def test_the_next_opening_is_on_a_weekday(after: str, opening: str) -> None:
    assert next_opening(_at(after)) == _at(opening)


@pytest.mark.parametrize(("at", "day"), [("2026-11-24 05:59", "2026-11-23"), ("2026-11-24 06:00", "2026-11-24")])
def test_the_books_turn_their_page_at_six(at: str, day: str) -> None:
    assert Moment(_at(at), 0.0).day.isoformat() == day


def test_at_the_cut_off_open_intraday_orders_go_first_and_positions_after() -> None:
    at = Timeline()
    held, rests, kept = at.place(), at.place(price=Decimal("1450.00")), at.place(product="C", price=Decimal("1450.00"))
    at.later(1)

    closing = at.exchange.square_off(at.now)

    assert (held.state.status, rests.state.status, kept.state.status) == ("COMPLETE", "CANCELED", "OPEN")
    assert [(one.terms.side, one.terms.source, one.state.filled) for one in closing] == [("S", "RMS", 10)]
    assert [one.net for one in at.exchange.positions.all()] == [0]


def test_a_new_day_keeps_overnight_positions_and_delivered_shares_alone() -> None:
    at = Timeline()
    at.place()
    at.place(product="C")
    at.place(symbol=FUTURE, product="M", quantity=65, price=at.scrip(FUTURE).upper_circuit)
    rests = at.place(product="C", price=Decimal("1450.00"))
    at.later(1)
    at.exchange.end_day(at.now)

    carried, waiting = at.exchange.begin_day((MONDAY + timedelta(days=1)).date())

    assert (told(rests)[-1], waiting, at.exchange.orders) == (("Canceled", "CANCELED"), [], {})
    assert [(one.instrument.symbol, one.product, one.net) for one in carried] == [
        (FUTURE, "M", 65),
        ("RELIANCE-EQ", "C", 10),
    ]
    (position,) = at.exchange.positions.all()
    assert (position.carried, position.net, position.carried_price) == (65, 65, carried[0].net_average)
    assert at.exchange.positions.held["NSE|2885"].net == 10


def test_what_is_carried_is_closed_at_its_own_price() -> None:
    at = Timeline()
    at.place(symbol=FUTURE, product="M", quantity=65, price=at.scrip(FUTURE).upper_circuit)
    at.later(1)
    at.exchange.begin_day((MONDAY + timedelta(days=1)).date())

    at.place(symbol=FUTURE, product="M", quantity=65, side="S", price=at.scrip(FUTURE).lower_circuit)
    at.later(1)

    (position,) = at.exchange.positions.all()
    assert (position.carried_buy, position.sell_quantity, position.net) == (65, 65, 0)
    assert position.realised == 65 * (position.sell_average - position.carried_price)


def test_an_order_placed_after_hours_waits_for_the_next_opening() -> None:
    at = Timeline(MONDAY.replace(hour=20), exchange_hours=True)
    order = at.place(amo=True, product="C")
    at.later(1)
    at.exchange.match(at.now)
    assert (told(order)[-1], order.state.internal, at.exchange.positions.all()) == (
        ("NewAck", "PENDING"),
        "AMO OPEN",
        [],
    )

    at.exchange.end_day(at.now)
    at.exchange.begin_day((MONDAY + timedelta(days=1)).date())
    at.now = Moment(MONDAY + timedelta(hours=23, minutes=14), at.now.monotonic)
    at.exchange.open_market(at.now)
    assert order.state.internal == "AMO OPEN"
    at.later(60)
    at.exchange.open_market(at.now)
    at.later(1)

    assert list(at.exchange.orders) == [order.terms.number]
    assert told(order)[-3:] == [("PendingNew", "PENDING"), ("New", "OPEN"), ("Fill", "COMPLETE")]


def test_an_order_that_waits_for_the_opening_can_be_changed_and_cancelled() -> None:
    at = Timeline(MONDAY.replace(hour=20), exchange_hours=True)
    order = at.place(amo=True, product="C")

    at.exchange.modify(order, at.ticket(product="C", quantity=20), at.now)
    changed = order.state
    at.exchange.cancel(order, at.now)

    assert (changed.status, changed.internal, changed.quantity, changed.revision) == ("PENDING", "AMO MODIFIED", 20, 2)
    assert order.state.status == "CANCELED"


def test_a_server_that_was_down_over_night_turns_the_page_as_it_would_have(start: Callable[..., Paper]) -> None:
    evening = start("--access-token", TOKEN, "--orders-per-s-max", "0")
    evening.admin("POST", "market", frozen=True)
    for product in ("I", "C"):
        _place(evening, product, prd=product, prc="1650.00")
    _place(evening, "waits", prd="C", prc="1650.00", amo="Yes")
    wait_until(lambda: {evening.status("I"), evening.status("C")} == {"COMPLETE"})
    evening.kill()

    morning = start("--access-token", TOKEN, "--clock-offset-s", str(seconds_to_next_noon()))
    morning.admin("POST", "market", frozen=True)

    wait_until(lambda: morning.status("waits") == "COMPLETE")
    today = morning.admin("GET", "ledger")["orders"]
    ever = morning.admin("GET", "ledger", day="all")["orders"]
    assert [one["remarks"] for one in today] == ["waits"]
    assert sorted(str(one["remarks"]) for one in ever) == ["C", "I", "None", "waits"]
    (held,) = morning.ask("Holdings", TOKEN, prd="C")
    assert held["holdqty"] == "1"
    (position,) = morning.ask("PositionBook", TOKEN)
    assert (position["prd"], position["cfbuyqty"], position["netqty"]) == ("C", "0", "1")
    assert morning.end() == 0
    assert start("--access-token", TOKEN, "--clock-offset-s", str(seconds_to_next_noon())).status("waits")


def test_the_clock_can_be_put_on_to_the_next_opening(start: Callable[..., Paper]) -> None:
    # From noon, at whatever hour the test runs: between the session's reset and the day's turn no night would follow.
    paper = start("--access-token", TOKEN, "--clock-offset-s", str(seconds_to_next_noon()))
    before = paper.admin("GET", "health")["day"]

    after = paper.admin("POST", "clock", next_day=True)

    assert after["day"] > before
    assert after["offset_s"] > 0
    paper.admin("POST", "clock", advance_s=60)
    assert _place(paper, "tomorrow", prc="1650.00")["stat"] == "Not_Ok"  # the session ended in the night
    assert paper.client(ahead_s=after["offset_s"] + 60).get_limits()["stat"] == "Ok"


def test_a_phone_changes_an_order_and_the_product_of_a_position(start: Callable[..., Paper]) -> None:
    paper = start("--access-token", TOKEN)
    paper.admin("POST", "market", exch="NSE", tsym="RELIANCE-EQ", price="1500.00")
    _place(paper, "rests", prc="1450.00", qty="10")
    number = paper.order("rests")["norenordno"]  # type: ignore[index]

    changed = paper.admin("POST", "modify", norenordno=number, qty=6, prc="1502.00")
    wait_until(lambda: paper.status("rests") == "COMPLETE")
    paper.admin("POST", "convert", exch="NSE", tsym="RELIANCE-EQ", prevprd="I", prd="C", qty=4)

    assert (changed["qty"], changed["prc"]) == (6, "1502.00")
    assert _net(paper) == {"I": "2", "C": "4"}
    paper.kill()
    assert _net(start("--access-token", TOKEN)) == {"I": "2", "C": "4"}


def _at(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=IST)


def _place(paper: Paper, remarks: str, **given: Any) -> Any:
    usual = {
        "exch": "NSE",
        "tsym": "RELIANCE-EQ",
        "qty": "1",
        "prd": "I",
        "trantype": "B",
        "prctyp": "LMT",
        "ret": "DAY",
    }
    return paper.ask("PlaceOrder", TOKEN, **{**usual, "remarks": remarks, "uid": USER, **given})


def _net(paper: Paper) -> dict[str, str]:
    return {one["prd"]: one["netqty"] for one in paper.ask("PositionBook", TOKEN)}
