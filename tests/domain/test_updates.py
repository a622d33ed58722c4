"""What the broker pushes: doubled, late, out of order, and sometimes about a change rather than the order."""

from datetime import datetime, timedelta
from decimal import Decimal
from itertools import permutations
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.broker.snapshots import BrokerStatus, OrderUpdate, ReportType
from domain.orders.change import Change, ChangeKind, ChangeStage
from domain.orders.lifecycle import Event, State
from domain.orders.order import Order, OrderEvent
from domain.orders.reasons import Reason
from domain.reconciliation.order_rows import match_order_row, match_order_update
from domain.reconciliation.reconciler import Known, Reconciler
from domain.settings import ProofSettings, WatcherSettings
from tests.fakes import TEN_O_CLOCK, change, order, row_of

OPEN, COMPLETE, CANCELED, REJECTED = (
    BrokerStatus.OPEN,
    BrokerStatus.COMPLETE,
    BrokerStatus.CANCELED,
    BrokerStatus.REJECTED,
)
CANCEL = change(change_id="k1", kind=ChangeKind.CANCEL)


def at(seconds: float) -> datetime:
    return TEN_O_CLOCK + timedelta(seconds=seconds)


def working(**overrides: object) -> Order:
    return order(**({"state": State.WORKING, "broker_order_id": "B1"} | overrides))


def update(
    report: ReportType, status: BrokerStatus = OPEN, filled: int = 0, seen: float = 1, **row: object
) -> OrderUpdate:
    shown = row_of(working(), status, filled_quantity=filled, **row)
    return OrderUpdate(report, shown, at(seen))


def lived(start: Order, *updates: OrderUpdate) -> Order:
    """Return the order after these updates, each recorded before the next comes."""
    now = start
    for one in updates:
        event = match_order_update(now, one)
        if event is not None:
            now = now.after(event, one.seen_at)
    return now


# The report type comes before the status.


@pytest.mark.parametrize("status", BrokerStatus)
@pytest.mark.parametrize(
    ("report", "kind"),
    [
        (ReportType.CANCEL_REJECTED, ChangeKind.CANCEL),
        (ReportType.REPLACE_REJECTED, ChangeKind.MODIFY),
    ],
)
@pytest.mark.parametrize("pending", [None, CANCEL, change()], ids=["none", "cancel", "modify"])
def test_a_rejected_change_never_moves_the_order_and_clears_only_a_change_of_its_kind(
    report: ReportType, kind: ChangeKind, pending: Change | None, status: BrokerStatus
) -> None:
    # B10.
    known = working(change=pending)

    now = lived(known, update(report, status, filled=3, reject_reason="Order is not open"))

    assert (now.state, now.filled_quantity) == (State.WORKING, 0)
    cleared = pending is not None and pending.kind is kind
    assert now.change == (None if cleared else pending)
    assert now.tag is (Reason.CHANGE_REJECTED if cleared else None)
    assert now.note == ("Order is not open" if cleared else "")


@pytest.mark.parametrize(
    "report", sorted(set(ReportType) - {ReportType.CANCEL_REJECTED, ReportType.REPLACE_REJECTED}), ids=str
)
def test_any_other_report_is_judged_by_its_status_also_one_in_unknown_words(report: ReportType) -> None:
    assert lived(working(), update(report, COMPLETE, 10)).state is State.FILLED


# Order and repetition.

LIVES = {
    "filled in parts": (
        update(ReportType.NEW_ACK, BrokerStatus.PENDING),
        update(ReportType.NEW),
        update(ReportType.FILL, OPEN, 4, average_price=Decimal(100)),
        update(ReportType.FILL, OPEN, 7, average_price=Decimal(101)),
        update(ReportType.FILL, COMPLETE, 10, average_price=Decimal(102)),
    ),
    "partly filled and canceled": (
        update(ReportType.NEW),
        update(ReportType.FILL, OPEN, 4, average_price=Decimal(100)),
        update(ReportType.PENDING_CANCEL, OPEN, 4, average_price=Decimal(100)),
        update(ReportType.CANCEL_REJECTED, REJECTED, 4),
        update(ReportType.CANCELED, CANCELED, 4, average_price=Decimal(100)),
    ),
    "rejected": (
        update(ReportType.NEW_ACK, BrokerStatus.PENDING),
        update(ReportType.PENDING_NEW, BrokerStatus.PENDING),
        update(ReportType.REJECTED, REJECTED, reject_reason="RED:Margin Shortfall"),
    ),
    "modified and filled": (
        update(ReportType.NEW),
        update(ReportType.PENDING_REPLACE),
        update(ReportType.REPLACED, quantity=20, price=Decimal(101)),
        update(ReportType.FILL, OPEN, 12, quantity=20, price=Decimal(101), average_price=Decimal(100)),
        update(ReportType.FILL, COMPLETE, 20, quantity=20, price=Decimal(101), average_price=Decimal(101)),
    ),
}


@pytest.mark.parametrize("life", LIVES)
@pytest.mark.parametrize("start", [State.SENDING, State.UNCONFIRMED, State.WORKING])
def test_the_frames_of_one_life_end_alike_in_any_order(life: str, start: State) -> None:
    # R11.
    known = order(state=start)
    ended = lived(known, *LIVES[life])

    for frames in permutations(LIVES[life]):
        now = lived(known, *frames)

        assert (now.state, now.filled_quantity, now.quantity) == (ended.state, ended.filled_quantity, ended.quantity)
        assert now.average_price == ended.average_price
        assert now.tag is ended.tag


@given(life=st.sampled_from(sorted(LIVES)), data=st.data())
def test_frames_that_come_twice_or_again_add_nothing(life: str, data: st.DataObject) -> None:
    frames = LIVES[life]
    again = data.draw(st.lists(st.sampled_from(frames), max_size=10))
    mixed = data.draw(st.permutations([*frames, *again]))

    now, ended = lived(working(), *mixed), lived(working(), *frames)

    assert (now.state, now.filled_quantity, now.quantity) == (ended.state, ended.filled_quantity, ended.quantity)


@pytest.mark.parametrize(
    ("late", "state", "filled"),
    [
        (update(ReportType.NEW, OPEN, 0), State.CANCELED, 4),
        (update(ReportType.FILL, OPEN, 4), State.CANCELED, 4),
        (update(ReportType.NEW_ACK, BrokerStatus.PENDING, 0), State.CANCELED, 4),
        (update(ReportType.FILL, OPEN, 6), State.PARTIALLY_FILLED, 6),
        (update(ReportType.FILL, COMPLETE, 10), State.FILLED, 10),
    ],
)
def test_an_old_frame_does_not_bring_an_ended_order_back_but_more_fills_do(
    late: OrderUpdate, state: State, filled: int
) -> None:
    # B7.
    ended = working(state=State.CANCELED, filled_quantity=4)

    now = lived(ended, late)

    assert (now.state, now.filled_quantity) == (state, filled)
    assert (now.tag is Reason.LATE_TRUTH) == (state is not State.CANCELED)


@pytest.mark.parametrize("quantity", [4, 3, 0])
def test_a_cumulative_quantity_that_goes_backwards_changes_nothing(quantity: int) -> None:
    known = working(state=State.PARTIALLY_FILLED, filled_quantity=5, average_price=Decimal(100))

    for report, status in ((ReportType.FILL, OPEN), (ReportType.CANCELED, CANCELED), (ReportType.REJECTED, REJECTED)):
        assert match_order_update(known, update(report, status, quantity)) is None


def test_frames_that_come_together_are_judged_one_after_the_other() -> None:
    # An old OPEN behind the CANCELED in the same breath: the first is not on disk yet.
    known = working(change=CANCEL)
    reconciler = Reconciler(Known(orders=(known,)), "FA1", ProofSettings(), WatcherSettings())
    frames = (update(ReportType.CANCELED, CANCELED, 4), update(ReportType.FILL, OPEN, 4, seen=1.001))

    now = known
    for frame in frames:
        report = reconciler.reconcile_update(frame)
        if report is not None:
            now = now.after(report.event, frame.seen_at)

    assert (now.state, now.tag, now.filled_quantity) == (State.CANCELED, Reason.CANCELED_AS_ASKED, 4)


# New terms.


@pytest.mark.parametrize(
    ("report", "taken"),
    [
        (ReportType.REPLACED, True),
        (ReportType.NEW, False),
        (ReportType.MODIFY_ACK, False),
        (ReportType.PENDING_REPLACE, False),
        (ReportType.UNKNOWN, False),
    ],
)
def test_only_a_report_of_new_terms_brings_terms(report: ReportType, *, taken: bool) -> None:
    now = lived(working(), update(report, quantity=15, price=Decimal(99)))

    assert (now.quantity, now.limit_price) == ((15, Decimal(99)) if taken else (10, Decimal(100)))


def test_a_fill_of_more_than_was_known_to_be_asked_brings_the_quantity_with_it() -> None:
    # Modified from the phone, and the word of it comes late: what may still trade is not forgotten meanwhile.
    now = lived(working(), update(ReportType.FILL, OPEN, 15, quantity=20))

    assert (now.filled_quantity, now.quantity, now.open_quantity) == (15, 20, 5)


@pytest.mark.parametrize(
    "pending", [change(), change(stage=ChangeStage.REPLY_LOST), change(stage=ChangeStage.REQUESTED)]
)
def test_our_own_modify_is_settled_by_the_terms_it_asked_for(pending: Change) -> None:
    now = lived(working(change=pending), update(ReportType.REPLACED, quantity=20, price=Decimal(100)))

    assert (now.quantity, now.change) == (20, None)


def test_a_phones_modify_settles_no_other_change() -> None:
    now = lived(working(change=change()), update(ReportType.REPLACED, quantity=30, price=Decimal(100)))

    assert (now.quantity, now.change) == (30, change())


@pytest.mark.parametrize(("asked_at", "believed"), [(at(-1), False), (at(0), False), (at(1), True)])
@pytest.mark.parametrize(
    "terms",
    [{"quantity": 20}, {"price": Decimal(101)}, {"trigger_price": Decimal(95)}],
    ids=lambda one: next(iter(one)),
)
def test_a_book_brings_terms_only_when_it_is_younger_than_what_we_know(
    terms: dict[str, Any], asked_at: datetime, *, believed: bool
) -> None:
    event = match_order_row(working(updated_at=at(0)), row_of(working(), **terms), asked_at)

    assert (None if event is None else event.kind) == (Event.REPLACED if believed else None)


def test_a_book_that_shows_terms_as_they_are_is_no_news() -> None:
    known = working(wire_trigger_price=Decimal(95))

    assert match_order_row(known, row_of(known, price=Decimal("100.00"), trigger_price=Decimal("95.0")), at(1)) is None


def test_a_row_that_names_no_price_takes_none_away() -> None:
    # A market order's row has no price, or zero.
    known = working(wire_trigger_price=Decimal(95))

    for price in (None, Decimal(0)):
        assert match_order_row(known, row_of(known, price=price, trigger_price=price), at(1)) is None


def test_fills_and_new_terms_in_one_row_are_both_taken() -> None:
    event = match_order_row(working(change=change()), row_of(working(), filled_quantity=4, quantity=20), at(1))
    assert event is not None

    now = working(change=change()).after(event, at(1))

    assert (event.kind, now.filled_quantity, now.quantity, now.change) == (Event.PARTIALLY_FILLED, 4, 20, None)


def test_a_canceled_rows_terms_are_those_of_its_end() -> None:
    event = match_order_row(working(), row_of(working(), CANCELED, quantity=20, filled_quantity=12), at(1))
    assert event is not None

    now = working().after(event, at(1))

    assert (now.state, now.quantity, now.filled_quantity) == (State.CANCELED, 20, 12)


def test_an_update_names_what_it_rests_on() -> None:
    event = match_order_update(working(), update(ReportType.FILL, OPEN, 4))

    assert event == OrderEvent(
        kind=Event.PARTIALLY_FILLED,
        broker_order_id="B1",
        filled_quantity=4,
        inputs={
            "broker_status": "OPEN",
            "filled": "4 of 10",
            "matched_by": "broker id",
            "update": "Fill",
            "update_seen_at": at(1).isoformat(),
        },
    )
