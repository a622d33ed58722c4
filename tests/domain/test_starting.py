"""What a start makes of what it remembers: how long ago an earlier process may have used the broker's rate."""

from datetime import date, timedelta

import pytest

from domain.orders.change import ChangeStage
from domain.orders.lifecycle import State
from domain.orders.order import Order
from domain.orders.types import Exchange, InstrumentKey, Product
from domain.risk.checks import TradingState
from domain.snapshot import DeskSnapshot
from domain.starting import known_of, sent_s_ago
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
