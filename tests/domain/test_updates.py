"""Pushed updates: sooner than the books, and believed in less (R11, B10)."""

from collections.abc import Iterable
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.change import Change, ChangeKind, ChangeStage
from domain.evidence import BrokerStatus, OrderUpdate, ReportType
from domain.lifecycle import Event, State
from domain.order import Order
from domain.reasons import Reason
from domain.reconcile import event_of_update
from tests.fakes import TEN_O_CLOCK, order, row_of

LIFE = (
    (ReportType.NEW_ACK, BrokerStatus.PENDING, 0),
    (ReportType.PENDING_NEW, BrokerStatus.PENDING, 0),
    (ReportType.NEW, BrokerStatus.OPEN, 0),
    (ReportType.FILL, BrokerStatus.OPEN, 4),
    (ReportType.FILL, BrokerStatus.OPEN, 7),
    (ReportType.FILL, BrokerStatus.COMPLETE, 10),
)
"""What the broker pushes of an order that fills in three parts."""

CANCEL = Change(change_id="x", kind=ChangeKind.CANCEL, asked_at=TEN_O_CLOCK, stage=ChangeStage.TAKEN)
MODIFY = Change(change_id="x", kind=ChangeKind.MODIFY, asked_at=TEN_O_CLOCK, quantity=20, limit_price=Decimal(100))


def at(seconds: float) -> datetime:
    return TEN_O_CLOCK + timedelta(seconds=seconds)


def update(
    one: Order, report: ReportType, status: BrokerStatus, filled: int = 0, seconds: float = 1, **facts: object
) -> OrderUpdate:
    return OrderUpdate(report, row_of(one, status, filled_quantity=filled, **facts), at(seconds))


def after(one: Order, updates: Iterable[OrderUpdate]) -> Order:
    for pushed in updates:
        happened = event_of_update(one, pushed)
        if happened is not None:
            one = one.after(happened, pushed.seen_at)
    return one


def resting(**overrides: object) -> Order:
    return order(**{"state": State.WORKING, "broker_order_id": "26010500000001"} | overrides)


@given(st.lists(st.sampled_from(range(len(LIFE))), max_size=20), st.sampled_from([State.SENDING, State.UNCONFIRMED]))
def test_a_life_in_any_order_doubled_and_with_holes_ends_by_what_traded_most(drawn: list[int], state: State) -> None:
    first = order(state=state)
    told = [update(first, *LIFE[place], seconds=number) for number, place in enumerate(drawn, start=1)]

    end = after(first, told)

    most = max((LIFE[place][2] for place in drawn), default=0)
    assert end.filled_quantity == most
    if most == 10:
        assert end.state is State.FILLED
    elif most:
        assert end.state is State.PARTLY_FILLED
    elif drawn:
        assert end.state is State.WORKING


@pytest.mark.parametrize("status", [BrokerStatus.REJECTED, BrokerStatus.OPEN, BrokerStatus.COMPLETE])
def test_a_rejected_cancel_says_nothing_of_the_order(status: BrokerStatus) -> None:
    # B10.
    one = resting(change=CANCEL)

    happened = event_of_update(one, update(one, ReportType.CANCEL_REJECTED, status, reject_reason="SAF:not open"))

    assert happened is not None
    assert (happened.event, happened.tag, happened.note) == (
        Event.REJECT_CHANGE,
        Reason.CHANGE_REJECTED,
        "SAF:not open",
    )
    stands = one.after(happened, at(1))
    assert (stands.state, stands.change, stands.filled_quantity) == (State.WORKING, None, 0)


@pytest.mark.parametrize(
    ("change", "report"),
    [
        (None, ReportType.CANCEL_REJECTED),
        (MODIFY, ReportType.CANCEL_REJECTED),
        (CANCEL, ReportType.REPLACE_REJECTED),
    ],
)
def test_a_rejection_of_another_change_is_no_news(change: Change | None, report: ReportType) -> None:
    one = resting(change=change)

    assert event_of_update(one, update(one, report, BrokerStatus.REJECTED)) is None


@pytest.mark.parametrize("state", [State.CANCELED, State.REJECTED, State.FILLED])
def test_an_old_open_after_the_end_changes_nothing(state: State) -> None:
    over = resting(state=state, filled_quantity=10 if state is State.FILLED else 0)

    assert event_of_update(over, update(over, ReportType.NEW, BrokerStatus.OPEN)) is None


def test_more_fills_after_a_cancel_are_a_late_truth() -> None:
    # B7.
    over = resting(state=State.CANCELED)

    late = after(over, [update(over, ReportType.FILL, BrokerStatus.COMPLETE, 10)])

    assert (late.state, late.filled_quantity, late.tag) == (State.FILLED, 10, Reason.LATE_TRUTH)


def test_only_a_report_of_new_terms_brings_terms() -> None:
    one = resting(change=MODIFY, limit_price=Decimal(100))
    facts: dict[str, Any] = {"quantity": 20, "price": Decimal(100)}

    early = event_of_update(one, update(one, ReportType.MODIFY_ACK, BrokerStatus.OPEN, **facts))
    done = after(one, [update(one, ReportType.REPLACED, BrokerStatus.OPEN, **facts)])

    assert early is None
    assert (done.state, done.quantity, done.change) == (State.WORKING, 20, None)


def test_a_pending_modify_counts_what_may_trade() -> None:
    assert resting(change=MODIFY).open_quantity == 20
    assert resting(change=CANCEL).open_quantity == 10
    assert resting(state=State.FILLED, filled_quantity=10, change=None).open_quantity == 0
