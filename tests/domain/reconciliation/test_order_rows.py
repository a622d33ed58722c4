import os
import subprocess
import sys
from datetime import datetime, timedelta
from decimal import Decimal
from pathlib import Path

import pytest

from domain.broker.snapshots import BrokerStatus
from domain.orders.lifecycle import Event, State
from domain.orders.order import Order
from domain.orders.reasons import Reason
from domain.reconciliation.order_rows import OrderIndex, looks_like_ours, match_order_row, remarks_tag_of
from domain.settings import ProofSettings
from tests.fakes import TEN_O_CLOCK, command, order, row_of

ROOT = Path(__file__).parents[3]
THREE_IN_NINETY = ProofSettings(books=3, window_s=90)


def at(seconds: float) -> datetime:
    return TEN_O_CLOCK + timedelta(seconds=seconds)


def working(**overrides: object) -> Order:
    return order(**({"state": State.WORKING, "broker_order_id": "B1"} | overrides))


def lost(**overrides: object) -> Order:
    return order(**({"state": State.UNCONFIRMED} | overrides))


def test_a_row_is_matched_by_the_brokers_id_first_and_else_by_our_tag() -> None:
    by_id, by_tag = working(command_id="by-id"), lost(command_id="by-tag")
    index = OrderIndex([by_id, by_tag])

    assert index.match(row_of(by_id, remarks="")) == by_id
    assert index.match(row_of(by_tag, broker_order_id="B2")) == by_tag
    assert index.match(row_of(by_tag, broker_order_id="B1")) == by_id
    assert index.match(row_of(by_id, broker_order_id="B3", remarks="someone-else")) is None


def test_a_foreign_row_without_remarks_matches_no_order_without_a_tag() -> None:
    legacy = working(remarks_tag="")

    assert OrderIndex([legacy]).match(row_of(legacy, broker_order_id="B2")) is None


def test_a_tag_fits_the_brokers_remarks_and_differs_by_client_and_command() -> None:
    tags = {remarks_tag_of(command(client_id=client, command_id=name)) for client in "AB" for name in ("1", "2")}

    assert len(tags) == 4
    assert all(tag.isascii() and tag.isalnum() and len(tag) == 20 for tag in tags)


def test_a_tag_is_the_same_in_every_process() -> None:
    module = "domain.reconciliation.order_rows"
    code = f"from tests.fakes import command; from {module} import remarks_tag_of as tag; print(tag(command()))"
    elsewhere = subprocess.run(
        [sys.executable, "-c", code],
        check=True,
        capture_output=True,
        text=True,
        cwd=ROOT,
        env=os.environ | {"PYTHONHASHSEED": "7"},
    )

    assert remarks_tag_of(command()) == elsewhere.stdout.strip()


@pytest.mark.parametrize(
    ("status", "filled", "kind"),
    [
        (BrokerStatus.COMPLETE, 10, Event.FILLED),
        (BrokerStatus.OPEN, 0, Event.WORKING),
        (BrokerStatus.OPEN, 4, Event.PARTIALLY_FILLED),
        (BrokerStatus.PENDING, 0, Event.WORKING),
        (BrokerStatus.TRIGGER_PENDING, 0, Event.WORKING),
        (BrokerStatus.CANCELED, 4, Event.CANCELED),
        (BrokerStatus.REJECTED, 0, Event.REJECTED),
    ],
)
def test_each_word_of_the_broker_says_what_happened(status: BrokerStatus, filled: int, kind: Event) -> None:
    event = match_order_row(lost(), row_of(lost(), status, filled_quantity=filled), at(1))

    assert event is not None
    assert (event.kind, event.filled_quantity, event.broker_order_id) == (kind, filled, "26010500000001")


@pytest.mark.parametrize("status", [BrokerStatus.OPEN, BrokerStatus.COMPLETE, BrokerStatus.CANCELED])
def test_a_row_with_fewer_fills_than_we_know_is_older_and_says_nothing(status: BrokerStatus) -> None:
    known = working(state=State.PARTIALLY_FILLED, filled_quantity=6)

    assert match_order_row(known, row_of(known, status, filled_quantity=5), at(1)) is None


@pytest.mark.parametrize(
    "known",
    [
        working(),
        working(state=State.PARTIALLY_FILLED, filled_quantity=4),
        working(state=State.FILLED, filled_quantity=10),
    ],
    ids=lambda one: one.state.value,
)
def test_a_row_that_says_what_we_know_is_no_news(known: Order) -> None:
    status = BrokerStatus.COMPLETE if known.state is State.FILLED else BrokerStatus.OPEN

    assert match_order_row(known, row_of(known, status, filled_quantity=known.filled_quantity), at(1)) is None


def test_more_fills_on_a_partly_filled_order_are_news() -> None:
    known = working(state=State.PARTIALLY_FILLED, filled_quantity=4)

    event = match_order_row(known, row_of(known, filled_quantity=7, average_price=Decimal(101)), at(1))

    assert event is not None
    assert (event.kind, event.filled_quantity, event.average_price) == (Event.PARTIALLY_FILLED, 7, Decimal(101))


def test_the_brokers_words_are_kept_with_a_rejection() -> None:
    # R10.
    row = row_of(working(), BrokerStatus.REJECTED, reject_reason="RED:Margin Shortfall")

    event = match_order_row(working(), row, at(1))

    assert event is not None
    assert (event.tag, event.note) == (Reason.BROKER_REJECTED, "RED:Margin Shortfall")


@pytest.mark.parametrize("state", [State.CANCELED, State.REJECTED, State.REFUSED, State.NOT_PLACED])
@pytest.mark.parametrize(("asked_at", "believed"), [(at(-1), False), (at(0), False), (at(1), True)])
def test_a_book_proves_an_ended_order_alive_only_when_asked_after_the_end(
    state: State, asked_at: datetime, *, believed: bool
) -> None:
    ended = working(state=state, updated_at=at(0))

    event = match_order_row(ended, row_of(ended, BrokerStatus.COMPLETE, filled_quantity=10), asked_at)

    assert (event is not None) == believed


def test_an_order_that_an_earlier_run_has_sent_and_this_one_blocked_is_there_all_the_same() -> None:
    # Its tag is ours, and no disk knew of it: what it trades is in no other book.
    blocked = order(state=State.BLOCKED, broker_order_id=None)

    event = match_order_row(blocked, row_of(blocked, BrokerStatus.COMPLETE, filled_quantity=10), at(1))

    assert event is not None
    after = blocked.after(event, at(2))
    assert (after.state, after.filled_quantity, after.tag) == (State.FILLED, 10, Reason.LATE_TRUTH)


def test_no_older_book_moves_a_blocked_order() -> None:
    blocked = order(state=State.BLOCKED, broker_order_id=None, updated_at=at(5))

    assert match_order_row(blocked, row_of(blocked, BrokerStatus.COMPLETE, filled_quantity=10), at(1)) is None


def test_an_unknown_word_holds_the_order_and_is_reported_once() -> None:
    # B4.
    known = working()
    row = row_of(known, BrokerStatus.UNKNOWN, status_text="FROZEN_BY_ELVES")

    event = match_order_row(known, row, at(1))
    assert event is not None
    held = known.after(event, at(1))

    assert (event.kind, event.tag, event.note) == (
        Event.NOTED,
        Reason.UNKNOWN_BROKER_STATUS,
        "FROZEN_BY_ELVES",
    )
    assert held.state is State.WORKING
    assert match_order_row(held, row, at(2)) is None


def test_a_known_word_after_an_unknown_one_clears_the_tag() -> None:
    held = working(tag=Reason.UNKNOWN_BROKER_STATUS, note="FROZEN_BY_ELVES")

    event = match_order_row(held, row_of(held), at(1))

    assert event is not None
    assert event.kind is Event.WORKING


def test_a_complete_row_that_does_not_say_how_much_is_filled_whole() -> None:
    shown = row_of(working(), status=BrokerStatus.COMPLETE, filled_quantity=0)

    event = match_order_row(working(), shown, at(1))

    assert event is not None
    assert (event.kind, event.filled_quantity) == (Event.FILLED, shown.quantity)


def test_a_row_in_unknown_words_still_tells_its_fills_and_its_number() -> None:
    shown = row_of(lost(), broker_order_id="B1", status=BrokerStatus.UNKNOWN, status_text="HALF WAY", filled_quantity=5)

    event = match_order_row(lost(), shown, at(1))

    assert event is not None
    after = lost().after(event, at(1))
    assert (after.filled_quantity, after.broker_order_id, after.tag) == (5, "B1", Reason.UNKNOWN_BROKER_STATUS)
    assert after.state is State.PARTIALLY_FILLED
    assert match_order_row(after, shown, at(2)) is None


def test_a_second_order_with_the_same_tag_is_told_once_and_moves_nothing() -> None:
    twin = row_of(working(), broker_order_id="B2", status=BrokerStatus.OPEN)

    event = match_order_row(working(), twin, at(1))

    assert event is not None
    after = working().after(event, at(1))
    assert (after.tag, after.broker_order_id, after.state) == (Reason.TWO_AT_BROKER, "B1", State.WORKING)
    assert match_order_row(after, twin, at(2)) is None


def test_only_remarks_of_our_own_shape_look_like_ours() -> None:
    tag = remarks_tag_of(command())

    assert looks_like_ours(tag)
    assert not looks_like_ours(tag[:-1])
    assert not looks_like_ours(tag + "0")
    assert not looks_like_ours("x" + tag[1:])
    assert not looks_like_ours("")
