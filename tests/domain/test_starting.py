"""What a start makes of what it remembers: the rate used, the books expected, the day's profit and loss."""

from datetime import date, timedelta
from decimal import Decimal
from typing import Any

import pytest

from domain.exits.flatten import PositionKey
from domain.orders.change import ChangeStage
from domain.orders.lifecycle import State
from domain.orders.order import Order
from domain.orders.types import EXTERNAL, Exchange, InstrumentKey, Product
from domain.risk.checks import TradingState
from domain.risk.loss_limit import RiskDay
from domain.snapshot import DeskSnapshot
from domain.starting import known_of, pnl_from, sent_s_ago
from tests.fakes import TEN_O_CLOCK, change, order

NOW = TEN_O_CLOCK + timedelta(seconds=30)


def ago(*orders: Order) -> float | None:
    snapshot = DeskSnapshot(
        orders=orders, positions={}, orders_today=len(orders), trading_state=TradingState.ACTIVE, reason=""
    )
    return sent_s_ago(snapshot, NOW)


def test_nothing_was_sent_where_nothing_is_remembered() -> None:
    assert ago() is None


def test_an_answered_order_was_sent_before_its_last_news() -> None:
    earlier = order(command_id="c0", state=State.WORKING, updated_at=TEN_O_CLOCK - timedelta(seconds=60))

    assert ago(earlier, order(state=State.WORKING)) == 30.0


@pytest.mark.parametrize("state", [State.CREATED, State.SENDING], ids=str)
def test_an_order_without_an_answer_may_have_left_just_now(state: State) -> None:
    assert ago(order(state=state)) == 0.0


@pytest.mark.parametrize("stage", ChangeStage, ids=str)
def test_a_change_under_way_may_have_left_just_now(stage: ChangeStage) -> None:
    changing = order(state=State.WORKING, broker_order_id="B1", change=change(stage=stage))

    assert ago(order(command_id="c0", state=State.WORKING), changing) == 0.0


def test_a_clock_that_was_set_back_makes_nothing_sent_in_the_future() -> None:
    assert ago(order(state=State.WORKING, updated_at=NOW + timedelta(hours=1))) == 0.0


def test_a_watcher_begins_with_the_last_days_that_are_kept_and_with_what_has_ended_by_them() -> None:
    key = InstrumentKey(Exchange.BFO, "SENSEX2610676800CE", Product.NRML)
    snapshot = DeskSnapshot(
        orders=(),
        positions={"trend": {key: 20}},
        orders_today=0,
        trading_state=TradingState.ACTIVE,
        reason="",
        expiries={(key.exchange, key.symbol): date(2026, 1, 6)},
        ended=frozenset({key}),
    )

    known = known_of(snapshot)

    assert (known.carried, known.expiries, known.ended) == ({key: 20}, snapshot.expiries, snapshot.ended)


DAY = "2026-01-05"
CARRIED = InstrumentKey(Exchange.NFO, "NIFTY27JAN26F", Product.NRML)
SCOPE = PositionKey("trend", CARRIED)


def remembered(**changes: Any) -> DeskSnapshot:  # noqa: ANN401  any field of a snapshot
    given: dict[str, Any] = {"orders": (), "positions": {"trend": {CARRIED: 65}}, "orders_today": 0}
    return DeskSnapshot(**given | {"trading_state": TradingState.ACTIVE, "reason": ""} | changes)


def test_what_was_carried_counts_from_the_first_price_of_the_day_that_an_earlier_run_has_seen() -> None:
    seen = RiskDay(day=DAY, first_prices={(CARRIED.exchange, CARRIED.symbol): Decimal(100)})

    book = pnl_from(remembered(risk_days=(seen,)), DAY)
    book.see((CARRIED.exchange, CARRIED.symbol), Decimal(101))

    assert book.total().total == 65


def test_the_first_price_of_another_day_is_nothing_to_count_from() -> None:
    seen = RiskDay(day="2026-01-02", first_prices={(CARRIED.exchange, CARRIED.symbol): Decimal(100)})

    book = pnl_from(remembered(risk_days=(seen,)), DAY)
    book.see((CARRIED.exchange, CARRIED.symbol), Decimal(101))

    assert book.total().total == 0


def test_what_ended_with_its_contract_is_held_no_more() -> None:
    ended = remembered(ended=frozenset({CARRIED}), written_off={SCOPE: 65}, against_ours={CARRIED: -65})

    assert pnl_from(ended, DAY).held == ()


def test_what_was_written_off_counts_for_others_and_what_the_broker_closed_at_its_price() -> None:
    seen = RiskDay(day=DAY, first_prices={(CARRIED.exchange, CARRIED.symbol): Decimal(100)})
    given = remembered(risk_days=(seen,), written_off={SCOPE: 65}, closed_at={SCOPE: (65, Decimal(90))})

    book = pnl_from(given, DAY)

    assert SCOPE not in book.held
    assert {one.strategy for one in book.held} <= {EXTERNAL}


@pytest.mark.parametrize(
    ("against", "total"), [({}, -1_300), ({CARRIED: -65}, -650)], ids=["nothing", "units of others"]
)
def test_units_of_others_that_stand_against_ours_gain_from_the_first_price_on_what_ours_lose(
    against: dict[InstrumentKey, int], total: int
) -> None:
    seen = RiskDay(day=DAY, first_prices={(CARRIED.exchange, CARRIED.symbol): Decimal(100)})

    book = pnl_from(remembered(risk_days=(seen,), against_ours=against), DAY)
    book.see((CARRIED.exchange, CARRIED.symbol), Decimal(90))
    book.see((CARRIED.exchange, CARRIED.symbol), Decimal(80))

    assert book.total().total == total
