from decimal import Decimal

import pytest

from domain.orders.command import OrderCommand
from domain.orders.reasons import Reason
from domain.orders.types import Intent, Origin, Side
from domain.risk.checks import RiskBook, RiskPassed, RiskRefused, TradingState
from domain.settings import RiskSettings
from tests.fakes import command

DAY = "2026-01-05"
TIGHT = RiskSettings(orders_per_day_max=2, order_quantity_max=100, order_notional_max=Decimal(10_000))
ENTRY = command()
ADJUST = command(intent=Intent.ADJUST)
WAY_OUT = command(intent=Intent.EXIT, side=Side.SELL)
OWN_WAY_OUT = command(intent=Intent.EXIT, side=Side.SELL, origin=Origin.HUMAN)


def book(state: TradingState = TradingState.ACTIVE, limits: RiskSettings = TIGHT, orders_today: int = 0) -> RiskBook:
    return RiskBook(limits=limits, day=DAY, trading_state=state, orders_today=orders_today)


def verdict(judged: RiskBook, asked: OrderCommand, price: Decimal | None = Decimal(100)) -> Reason | None:
    _, said = judged.check(asked, price)
    return said.reason if isinstance(said, RiskRefused) else None


@pytest.mark.parametrize(
    ("state", "asked", "reason"),
    [
        (TradingState.ACTIVE, ENTRY, None),
        (TradingState.ACTIVE, WAY_OUT, None),
        (TradingState.EXITS_ONLY, ENTRY, Reason.TRADING_EXITS_ONLY),
        (TradingState.EXITS_ONLY, ADJUST, Reason.TRADING_EXITS_ONLY),
        (TradingState.EXITS_ONLY, WAY_OUT, None),
        (TradingState.HALTED, ENTRY, Reason.TRADING_HALTED),
        (TradingState.HALTED, command(origin=Origin.HUMAN), Reason.TRADING_HALTED),
        (TradingState.HALTED, WAY_OUT, Reason.TRADING_HALTED),
        (TradingState.HALTED, OWN_WAY_OUT, None),
        (TradingState.HALTED, command(intent=Intent.EXIT, side=Side.SELL, origin=Origin.DESK), None),
    ],
)
def test_the_trading_state_decides_what_may_be_sent(
    state: TradingState, asked: OrderCommand, reason: Reason | None
) -> None:
    assert verdict(book(state), asked) is reason


@pytest.mark.parametrize(("orders_today", "reason"), [(1, None), (2, Reason.ORDERS_PER_DAY_EXCEEDED)])
def test_the_days_orders_are_counted(orders_today: int, reason: Reason | None) -> None:
    assert verdict(book(orders_today=orders_today), ENTRY) is reason


def test_a_change_is_no_order_and_passes_when_the_days_orders_are_used_up() -> None:
    used_up = book(orders_today=TIGHT.orders_per_day_max)

    assert isinstance(used_up.check_change(command(quantity=1), Decimal(100)), RiskPassed)


def test_an_order_counts_when_it_passes_and_only_then() -> None:
    after_pass, passed = book().check(ENTRY, Decimal(100))
    after_refusal, _ = book().check(command(quantity=101), Decimal(1))

    assert isinstance(passed, RiskPassed)
    assert (after_pass.orders_today, after_refusal.orders_today) == (1, 0)


@pytest.mark.parametrize(("quantity", "reason"), [(100, None), (101, Reason.ORDER_QUANTITY_EXCEEDED)])
def test_the_quantity_of_one_order_is_limited(quantity: int, reason: Reason | None) -> None:
    assert verdict(book(), command(quantity=quantity), Decimal(1)) is reason


@pytest.mark.parametrize(("price", "reason"), [("1000", None), ("1000.05", Reason.ORDER_NOTIONAL_EXCEEDED)])
def test_the_value_of_one_order_is_limited(price: str, reason: Reason | None) -> None:
    assert verdict(book(), ENTRY, Decimal(price)) is reason


def test_no_limit_means_no_limit() -> None:
    free = book(limits=RiskSettings(order_notional_max=None))

    assert verdict(free, ENTRY, Decimal(9_000_000)) is None


@pytest.mark.parametrize("orders_today", [0, 2, 500])
def test_limits_never_hold_back_an_exit(orders_today: int) -> None:
    large = command(intent=Intent.EXIT, side=Side.SELL, quantity=1_000_000)

    assert verdict(book(orders_today=orders_today), large, Decimal(1_000)) is None


def test_a_new_day_starts_counting_and_stays_halted() -> None:
    later = book(TradingState.HALTED, orders_today=2).on_day("2026-01-06")

    assert (later.orders_today, later.trading_state, later.day) == (0, TradingState.HALTED, "2026-01-06")


def test_the_same_day_goes_on_counting() -> None:
    assert book(orders_today=2).on_day(DAY).orders_today == 2


def test_a_verdict_names_what_it_was_made_from() -> None:
    _, said = book(orders_today=1).check(ENTRY, Decimal(100))

    assert dict(said.inputs) == {
        "trading_state": "ACTIVE",
        "orders_today": "1",
        "quantity": "10",
        "notional": "1000",
    }


@pytest.mark.parametrize(
    ("price", "reason"),
    [
        ("89.99", Reason.PRICE_OUTSIDE_COLLAR),
        ("90", None),
        ("100", None),
        ("110", None),
        ("110.01", Reason.PRICE_OUTSIDE_COLLAR),
    ],
)
def test_the_collar_holds_on_both_sides_of_the_last_price(price: str, reason: Reason | None) -> None:
    collared = book(limits=RiskSettings(price_collar_percent=Decimal(10)))

    _, judged = collared.check(command(), Decimal(price), last_price=Decimal(100))

    assert (judged.reason if isinstance(judged, RiskRefused) else None) is reason


def test_the_collar_holds_back_no_exit_and_nothing_without_a_price() -> None:
    collared = book(limits=RiskSettings(price_collar_percent=Decimal(10)))

    leaving = collared.check(command(intent=Intent.EXIT), Decimal(1), last_price=Decimal(100))
    unknown = collared.check(command(), Decimal(1), last_price=None)

    assert all(isinstance(judged, RiskPassed) for _, judged in (leaving, unknown))
