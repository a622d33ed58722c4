from dataclasses import replace
from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.alerts.alert import Alert
from domain.alerts.text import risk as risk_text
from domain.exits.flatten import PositionKey
from domain.orders.types import EXTERNAL, Exchange, InstrumentKey, Product, Side
from domain.positions.pnl import PnlBook
from domain.positions.position_pnl import PositionPnl
from domain.risk.loss_limit import RiskDay
from domain.settings import RiskSettings
from tests.fakes import TEN_O_CLOCK, order

SYMBOL = (Exchange.NSE, "RELIANCE-EQ")
KEY = InstrumentKey(*SYMBOL, Product.MIS)
UNITS = st.integers(-50, 50).filter(bool)
PRICES = st.decimals("0.05", 5_000, places=2)


def d(text: str) -> Decimal:
    return Decimal(text)


NRML = InstrumentKey(Exchange.NFO, "NIFTY27JAN26F", Product.NRML)
OWN, OTHERS = PositionKey("a", NRML), PositionKey(EXTERNAL, NRML)


def figures(book: PnlBook, *position_keys: PositionKey) -> list[tuple[int, Decimal]]:
    rows = {row.position_key: row for row in book.rows()}
    return [(rows[one].quantity, rows[one].realised + (rows[one].open or 0)) for one in position_keys]


def test_a_carried_position_that_is_cleared_before_its_first_price_gains_nothing_by_it() -> None:
    book = PnlBook()
    book.carry(OWN, 65)

    book.shift(OWN, 65)
    book.see((Exchange.NFO, "NIFTY27JAN26F"), d("200"))

    assert figures(book, OWN, OTHERS) == [(0, d("0")), (65, d("0"))]
    assert book.total().unpriced == ()


def test_what_was_carried_enters_at_the_price_of_the_days_first_trade_in_it() -> None:
    book = PnlBook()
    own = PositionKey("trend", KEY)
    book.carry(own, 10)

    book.count(order(side=Side.SELL, quantity=4, filled_quantity=4, average_price=d("105"), strategy="trend"))
    book.see(SYMBOL, d("100"))

    assert figures(book, own) == [(6, d("-30"))]


@pytest.mark.parametrize("priced", [False, True])
def test_an_expired_position_ends_without_gain_or_loss(*, priced: bool) -> None:
    book = PnlBook()
    book.carry(OWN, -65)
    if priced:
        book.see((Exchange.NFO, "NIFTY27JAN26F"), d("3"))

    book.shift(OWN, -65)
    book.move(NRML, 65)
    book.see((Exchange.NFO, "NIFTY27JAN26F"), d("200"))

    assert figures(book, OWN, OTHERS) == [(0, d("0")), (0, d("0"))]
    assert (book.held, book.total().unpriced) == ((), ())


@pytest.mark.parametrize("priced", [False, True])
def test_a_position_that_is_gone_gains_and_loses_nothing_from_then_on(*, priced: bool) -> None:
    book = PnlBook()
    book.carry(OWN, 65)
    if priced:
        book.see((Exchange.NFO, "NIFTY27JAN26F"), d("200"))

    book.move(NRML, -65)
    for price in ("200", "90"):
        book.see((Exchange.NFO, "NIFTY27JAN26F"), d(price))

    assert book.total().total == 0


@pytest.mark.parametrize(
    ("trades", "line"),
    [
        ([(10, "100")], PositionPnl(10, d("100"), d("0"))),
        ([(10, "100"), (10, "110")], PositionPnl(20, d("105"), d("0"))),
        ([(10, "100"), (-4, "110")], PositionPnl(6, d("100"), d("40"))),
        ([(10, "100"), (-10, "90")], PositionPnl(0, d("0"), d("-100"))),
        ([(10, "100"), (-15, "110")], PositionPnl(-5, d("110"), d("100"))),
        ([(-10, "100"), (4, "90")], PositionPnl(-6, d("100"), d("40"))),
        ([(-10, "100"), (15, "110")], PositionPnl(5, d("110"), d("-100"))),
    ],
)
def test_a_line_has_its_average_cost_and_realises_what_closes_it(
    trades: list[tuple[int, str]], line: PositionPnl
) -> None:
    made = PositionPnl()
    for quantity, price in trades:
        made = made.traded(quantity, Decimal(price))

    assert made == line


@given(trades=st.lists(st.tuples(UNITS, PRICES), max_size=20), last=PRICES)
def test_realised_and_open_are_what_was_paid_and_what_it_is_worth(
    trades: list[tuple[int, Decimal]], last: Decimal
) -> None:
    line = PositionPnl()
    for quantity, price in trades:
        line = line.traded(quantity, price)

    worth = sum((quantity * (last - price) for quantity, price in trades), Decimal(0))
    assert line.quantity == sum(quantity for quantity, _ in trades)
    assert abs(line.realised + line.open_at(last) - worth) < Decimal("0.000001")


@given(
    trades=st.lists(st.tuples(st.sampled_from(["a", "b", "EXTERNAL"]), UNITS, PRICES), max_size=20),
    last=PRICES,
)
def test_strategies_and_others_add_up_to_the_account(trades: list[tuple[str, int, Decimal]], last: Decimal) -> None:
    book = PnlBook()
    for number, (strategy, quantity, price) in enumerate(trades):
        book.count(filled(f"o{number}", strategy, quantity, price))
    book.see(SYMBOL, last)

    parts = sum((book.total(name).total for name in ("a", "b", "EXTERNAL")), Decimal(0))
    assert abs(book.total().total - parts) < Decimal("0.000001")
    worth = sum((quantity * (last - price) for _, quantity, price in trades), Decimal(0))
    assert abs(book.total().total - worth) < Decimal("0.000001")


def filled(name: str, strategy: str, quantity: int, price: Decimal) -> Any:  # noqa: ANN401  an order
    made = order(
        command_id=name,
        side=Side.BUY if quantity > 0 else Side.SELL,
        quantity=abs(quantity),
        filled_quantity=abs(quantity),
        average_price=price,
    )
    return replace(made, command=_of(made.command, strategy))


def _of(command: Any, strategy: str) -> Any:  # noqa: ANN401  a command
    return replace(command, strategy=strategy, unchecked=True)


def test_an_orders_growth_counts_at_its_own_price_and_a_repeat_counts_nothing() -> None:
    """Cumulative 4 at 100, then 10 at 106: the six came at 110."""
    book = PnlBook()
    first = order(filled_quantity=4, average_price=Decimal(100))

    assert book.count(first)
    assert not book.count(first)
    assert book.count(replace(first, filled_quantity=10, average_price=Decimal(106)))
    assert not book.count(first)

    book.see(SYMBOL, Decimal(110))
    (row,) = book.rows()
    assert (row.quantity, row.average, row.open) == (10, Decimal(106), Decimal(40))


def test_a_position_without_a_price_is_unknown_and_not_nothing() -> None:
    book = PnlBook()
    book.count(order(filled_quantity=10, average_price=Decimal(100)))

    assert book.rows()[0].open is None
    assert len(book.total().unpriced) == 1


def test_what_is_carried_counts_from_the_first_price_of_the_day() -> None:
    book = PnlBook()
    position_key = PositionKey("swing", replace(KEY, product=Product.NRML))
    book.carry(position_key, 50)
    assert (book.held, book.total().unpriced) == ((position_key,), (position_key,))

    book.see(SYMBOL, Decimal(200))
    book.see(SYMBOL, Decimal(190))

    assert book.total().total == -500


def test_a_new_day_begins_at_zero_with_what_is_carried() -> None:
    book = PnlBook()
    book.carry(PositionKey("swing", replace(KEY, product=Product.NRML)), 50)
    book.count(filled("day", "day", 10, Decimal(100)))
    book.see(SYMBOL, Decimal(90))

    book.begin_day("2026-01-06")

    assert book.total().total == 0
    assert [position_key.strategy for position_key in book.held] == ["swing"]
    book.see(SYMBOL, Decimal(80))
    assert book.total().total == -500


TODAY = "2026-01-06"
"""The day after that of every order here."""


TELLS = {"exchange": Exchange.NFO, "symbol": NRML.symbol, "product": Product.NRML, "strategy": "a", "quantity": 65}


@pytest.mark.parametrize("is_priced", [True, False], ids=["priced before", "priced after"])
def test_what_an_order_of_an_earlier_day_traded_counts_from_the_first_price_of_the_day(*, is_priced: bool) -> None:
    """An exit of yesterday that is told today: the night's gap is no loss of units that were sold before it."""
    book = PnlBook(day=TODAY)
    book.carry(OWN, 65)
    if is_priced:
        book.see((NRML.exchange, NRML.symbol), d("120"))

    sale = order(**TELLS, side=Side.SELL, average_price=d("100"))
    book.count(replace(sale, filled_quantity=15))
    book.count(replace(sale, filled_quantity=65))
    for price in ("120", "130"):
        book.see((NRML.exchange, NRML.symbol), d(price))

    assert figures(book, OWN) == [(0, d("0"))]
    assert book.total().unpriced == ()


def test_intraday_units_of_an_earlier_day_are_over() -> None:
    book = PnlBook(day=TODAY)

    assert not book.count(order(side=Side.SELL, filled_quantity=4, average_price=d("100")))

    assert book.rows() == ()


def test_an_order_that_is_told_to_have_traded_more_after_its_day_counts_what_is_new_alone() -> None:
    book = PnlBook()
    bought = order(**TELLS, filled_quantity=40, average_price=d("100"))
    book.count(bought)

    book.begin_day(TODAY)
    book.count(replace(bought, filled_quantity=65))
    book.see((NRML.exchange, NRML.symbol), d("120"))

    assert figures(book, OWN) == [(65, d("0"))]


@pytest.mark.parametrize(("sold", "left"), [(4, 6), (15, 0)])
def test_delivery_sold_on_an_earlier_day_beyond_what_is_held_came_out_of_the_holdings(sold: int, left: int) -> None:
    book, own = PnlBook(day=TODAY), PositionKey("trend", replace(KEY, product=Product.CNC))
    book.carry(own, 10)

    sale = order(side=Side.SELL, quantity=20, product=Product.CNC, strategy="trend", average_price=d("100"))
    book.count(replace(sale, filled_quantity=sold))
    book.see(SYMBOL, d("120"))

    assert figures(book, own) == [(left, d("0"))]


def test_what_was_sold_for_delivery_on_earlier_days_is_no_position() -> None:
    book = PnlBook()

    book.carry(PositionKey("a", replace(KEY, product=Product.CNC)), -10)
    book.see(SYMBOL, Decimal(50))

    assert book.rows() == ()


def test_delivery_stands_apart() -> None:
    book = PnlBook()
    made = order(product=Product.CNC, filled_quantity=10, average_price=Decimal(100))
    book.count(made)
    book.see(SYMBOL, Decimal(50))

    assert book.total().total == 0
    assert book.rows()[0].open == -500


def test_what_is_written_off_before_it_has_a_price_costs_its_strategy_nothing() -> None:
    nrml = InstrumentKey(Exchange.NFO, "NIFTY01DEC26C26000", Product.NRML)
    book = PnlBook()
    book.carry(PositionKey("dip", nrml), 65)

    book.shift(PositionKey("dip", nrml), 65)
    book.see((nrml.exchange, nrml.symbol), Decimal(200))

    assert book.total("dip").total == 0
    assert book.held == (PositionKey("EXTERNAL", nrml),)


# the limit


LIMITS = RiskSettings(daily_loss_max=Decimal(1000), trailing_step=Decimal(500))


@pytest.mark.parametrize(
    ("peak", "level"), [("0", "-1000"), ("499", "-1000"), ("500", "-500"), ("1000", "0"), ("1750", "500")]
)
def test_the_limit_rises_by_whole_steps_of_the_peak(peak: str, level: str) -> None:
    assert RiskDay(day="2026-11-26").seen(Decimal(peak)).level(LIMITS) == Decimal(level)


@given(st.lists(st.decimals(-5000, 5000, places=2), min_size=1))
def test_the_limit_never_goes_down(pnls: list[Decimal]) -> None:
    day, before = RiskDay(day="2026-11-26"), Decimal(-1000)
    for pnl in pnls:
        day = day.seen(pnl)
        level = day.level(LIMITS)
        assert level is not None
        assert level >= before
        before = level


@pytest.mark.parametrize(
    ("pnl", "over", "near"), [("-799", False, False), ("-800", False, True), ("-1000", True, True)]
)
def test_the_limit_breaks_at_its_level_and_warns_before(pnl: str, over: bool, near: bool) -> None:  # noqa: FBT001
    day = RiskDay(day="2026-11-26").seen(Decimal(pnl))

    assert (day.is_over_the_limit(LIMITS), day.is_near_the_limit(LIMITS)) == (over, near)


def test_without_a_limit_nothing_breaks() -> None:
    day = RiskDay(day="2026-11-26").seen(Decimal(-1_000_000))

    assert not day.is_over_the_limit(RiskSettings())
    assert not day.is_near_the_limit(RiskSettings())


def test_after_a_resume_the_limit_counts_from_there() -> None:
    day = RiskDay(day="2026-11-26").seen(Decimal(-1200)).broken("-1200", TEN_O_CLOCK).resumed()

    assert (day.breach, day.level(LIMITS)) == ("", Decimal(-2200))


# the words


BROKEN = RiskDay(day="2026-11-26").seen(Decimal(-1200)).broken("-1,200.00 rupees", TEN_O_CLOCK + timedelta(hours=1))
ALERTS: dict[str, Alert] = {
    "near": risk_text.near_alert(RiskDay(day="2026-11-26").seen(Decimal(-900)), Decimal(-1000)),
    "breach": risk_text.breach_alert(BROKEN),
    "flat": risk_text.flat_alert(BROKEN),
    "again": risk_text.again_alert("RELIANCE-EQ (NSE MIS) of EXTERNAL"),
    "resumed": risk_text.resumed_alert(BROKEN),
    "strategy": risk_text.strategy_alert("dip", Decimal(-60), Decimal(50)),
    "breach, delivery left": risk_text.breach_alert(BROKEN, ("INFY-EQ (NSE CNC) of invest",)),
    "flat, delivery left": risk_text.flat_alert(BROKEN, ("INFY-EQ (NSE CNC) of invest",)),
    "strategy, delivery left": risk_text.strategy_alert(
        "dip", Decimal(-60), Decimal(50), ("INFY-EQ (NSE CNC) of dip",)
    ),
    "blind": risk_text.prices_stale_alert("RELIANCE-EQ (NSE MIS) of dip", 31.2),
    "sees": risk_text.prices_back_alert(),
    "differs": risk_text.differs_alert(Decimal(10), Decimal(-5000)),
    "self-trade": risk_text.self_trade_alert("c2", "c1", "RELIANCE-EQ"),
}


@pytest.mark.parametrize("alert", ALERTS.values(), ids=ALERTS)
def test_an_alert_says_what_happened_what_it_means_and_what_to_do(alert: Alert) -> None:
    for message in (alert.what, alert.means, alert.do):
        assert message.endswith(".")
        assert message[0].isupper()


def test_the_warning_says_how_far_it_is() -> None:
    assert ALERTS["near"].what == "Day P&L -900.00 of -1,000.00 limit (100.00 left)."
    assert ALERTS["near"].means == "At the limit everything is flattened for today."
