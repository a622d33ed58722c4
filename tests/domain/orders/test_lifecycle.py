from decimal import Decimal
from itertools import pairwise, product

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.orders.lifecycle import (
    LATE_TRUTHS,
    TERMINAL,
    TRANSITIONS,
    Event,
    IllegalTransitionError,
    State,
    Status,
    advance,
    is_late_truth,
    status_of,
)
from domain.orders.order import Order, OrderEvent
from domain.orders.reasons import Reason
from tests.fakes import TEN_O_CLOCK, order

SHOWN = {Event.WORKING, Event.PARTIALLY_FILLED, Event.FILLED, Event.CANCELED, Event.REJECTED}
ENDED_AT_THE_BROKER = (State.CANCELED, State.REJECTED, State.REFUSED, State.NOT_PLACED)
LIVE = (State.SENDING, State.UNCONFIRMED, State.WORKING, State.PARTIALLY_FILLED)


def _legal(state: State) -> set[Event]:
    return set(TRANSITIONS[state]) | set(LATE_TRUTHS.get(state, {}))


def test_every_state_stands_in_the_table() -> None:
    assert set(TRANSITIONS) == set(State)


@pytest.mark.parametrize(("state", "kind"), list(product(State, Event)))
def test_every_pair_is_in_the_table_or_refused_with_nothing_changed(state: State, kind: Event) -> None:
    before = order(state=state, tag=Reason.LEGACY_ORDER, filled_quantity=3, note="as it was")
    event = OrderEvent(kind=kind, broker_order_id="B9", filled_quantity=7, average_price=Decimal(9))

    if kind in _legal(state):
        assert before.after(event, TEN_O_CLOCK).state is advance(state, kind)
    else:
        with pytest.raises(IllegalTransitionError, match=f"^{kind} cannot happen to an order that is {state}$"):
            before.after(event, TEN_O_CLOCK)

    assert before == order(state=state, tag=Reason.LEGACY_ORDER, filled_quantity=3, note="as it was")


def test_the_terminal_states_derive_from_the_table() -> None:
    assert {*ENDED_AT_THE_BROKER, State.BLOCKED, State.FILLED} == TERMINAL


def test_a_pair_is_ordinary_or_late_and_never_both() -> None:
    both = [(state, event) for state in LATE_TRUTHS for event in LATE_TRUTHS[state] if event in TRANSITIONS[state]]

    assert both == []


def test_only_ends_have_late_truths() -> None:
    assert set(LATE_TRUTHS) <= TERMINAL


@pytest.mark.parametrize("state", ENDED_AT_THE_BROKER)
def test_an_end_still_learns_that_the_order_was_alive_or_filled(state: State) -> None:
    for event in (Event.WORKING, Event.PARTIALLY_FILLED, Event.FILLED):
        assert is_late_truth(state, event)
        assert advance(state, event) in {State.WORKING, State.PARTIALLY_FILLED, State.FILLED}


def test_a_late_truth_is_tagged_and_stays_tagged_while_the_order_goes_on() -> None:
    canceled = order(state=State.CANCELED, tag=Reason.BROKER_CANCELED)

    alive = canceled.after(OrderEvent(kind=Event.WORKING), TEN_O_CLOCK)
    filled = alive.after(OrderEvent(kind=Event.FILLED, filled_quantity=10), TEN_O_CLOCK)

    assert (alive.tag, filled.tag) == (Reason.LATE_TRUTH, Reason.LATE_TRUTH)


def test_a_blocked_order_moves_by_what_the_broker_proves_alone() -> None:
    ordinary = {event for event in Event if event in _legal(State.BLOCKED) and not is_late_truth(State.BLOCKED, event)}

    assert ordinary == {Event.NOTED}
    assert {event for event in Event if is_late_truth(State.BLOCKED, event)} == {
        Event.WORKING,
        Event.PARTIALLY_FILLED,
        Event.FILLED,
        Event.CANCELED,
        Event.REJECTED,
    }


def test_a_filled_order_never_becomes_anything_else() -> None:
    assert {advance(State.FILLED, event) for event in _legal(State.FILLED)} == {State.FILLED}


def test_a_lost_reply_never_ends_an_order() -> None:
    after = {advance(state, Event.REPLY_LOST) for state in (State.CREATED, *LIVE)}

    assert after & TERMINAL == set()


def test_an_order_found_on_its_way_after_a_restart_is_not_over() -> None:
    after = {advance(state, Event.RESTARTED) for state in (State.CREATED, State.SENDING, State.UNCONFIRMED)}

    assert after == {State.UNCONFIRMED}


def test_only_an_unconfirmed_order_can_be_proved_absent() -> None:
    assert [state for state in State if Event.PROVED_ABSENT in _legal(state)] == [State.UNCONFIRMED]


def test_an_order_is_sent_only_once_and_only_when_it_is_new() -> None:
    assert [state for state in State if Event.SENT in _legal(state)] == [State.CREATED]
    assert advance(State.CREATED, Event.SENT) is State.SENDING


def test_nothing_leads_back_to_created_or_sending() -> None:
    before = {
        (state, event)
        for state, event in product(State, Event)
        if event in _legal(state)
        and advance(state, event) in {State.CREATED, State.SENDING}
        and state is not advance(state, event)
    }

    assert before == {(State.CREATED, Event.SENT)}


@pytest.mark.parametrize("state", LIVE)
def test_a_book_may_overtake_the_reply(state: State) -> None:
    assert SHOWN - {Event.WORKING} <= _legal(state)
    for event in (Event.FILLED, Event.CANCELED, Event.REJECTED):
        assert advance(advance(state, event), Event.ACCEPTED) is advance(state, event)


@pytest.mark.parametrize("state", [State.SENDING, State.UNCONFIRMED, State.WORKING, State.PARTIALLY_FILLED])
@pytest.mark.parametrize("filled", [0, 5])
def test_an_order_on_its_way_is_sent_to_broker(state: State, filled: int) -> None:
    assert status_of(state, filled) is Status.SENT_TO_BROKER


@pytest.mark.parametrize("state", [State.CANCELED, State.REJECTED])
def test_an_end_with_fills_is_executed_and_without_is_failed(state: State) -> None:
    assert status_of(state, 1) is Status.EXECUTED
    assert status_of(state, 0) is Status.FAILED


def test_the_rest_of_the_projection() -> None:
    assert status_of(State.CREATED, 0) is Status.CREATED
    assert status_of(State.FILLED, 10) is Status.EXECUTED
    assert {status_of(state, 0) for state in (State.BLOCKED, State.REFUSED, State.NOT_PLACED)} == {Status.FAILED}


def _facts_of(state: State, event: Event, filled: int, quantity: int) -> st.SearchStrategy[OrderEvent]:
    """Draw what the broker could say with this event: a fill is whole, a partial one is not."""
    match event:
        case Event.FILLED:
            amounts = st.just(quantity)
        case Event.PARTIALLY_FILLED:
            amounts = st.integers(1, quantity - 1)
        case Event.CANCELED | Event.REJECTED:
            amounts = st.integers(0, quantity - 1)
        case Event.WORKING:
            amounts = st.just(0)
        case _:
            return st.just(OrderEvent(kind=event))
    del state, filled
    return amounts.map(lambda amount: OrderEvent(kind=event, filled_quantity=amount, average_price=Decimal(amount + 1)))


@given(data=st.data(), length=st.integers(1, 12))
def test_any_legal_life_keeps_fills_growing_and_its_status_true(data: st.DataObject, length: int) -> None:
    now = order(quantity=10)
    lived: list[Order] = [now]

    for _ in range(length):
        event = data.draw(st.sampled_from(sorted(_legal(now.state))))
        now = now.after(data.draw(_facts_of(now.state, event, now.filled_quantity, now.quantity)), TEN_O_CLOCK)
        lived.append(now)

    for before, after in pairwise(lived):
        assert after.filled_quantity >= before.filled_quantity
    for one in lived:
        assert not (one.status is Status.FAILED and one.filled_quantity)
        assert (one.status is Status.EXECUTED) == (one.is_terminal and one.filled_quantity > 0)
        assert 0 <= one.open_quantity <= one.quantity
        assert not (one.is_terminal and one.open_quantity)


@pytest.mark.parametrize(
    ("event", "tag"),
    [
        (Event.CHANGE_REFUSED, Reason.CHANGE_REFUSED),
        (Event.CHANGE_REJECTED, Reason.CHANGE_REJECTED),
        (Event.CHANGE_REPLY_LOST, Reason.CHANGE_REPLY_LOST),
        (Event.CHANGE_LAPSED, Reason.CHANGE_NOT_SEEN),
        (Event.CHANGE_ACCEPTED, None),
    ],
)
def test_a_change_that_comes_to_nothing_leaves_an_end_its_reason(event: Event, tag: Reason | None) -> None:
    ended = order(state=State.CANCELED, tag=Reason.DAY_ENDED_UNKNOWN, note="its day is over")

    after = ended.after(OrderEvent(kind=event, tag=tag, note="order is not open"), ended.updated_at)

    assert (after.tag, after.note) == (Reason.DAY_ENDED_UNKNOWN, "its day is over")


def test_a_late_note_of_step_3_leaves_an_end_its_reason() -> None:
    refused = order(state=State.REFUSED, tag=Reason.BROKER_REFUSED)

    noted = refused.after(OrderEvent(kind=Event.NOTED, tag=Reason.STEP_3_UNRECORDED), refused.updated_at)

    assert noted.tag is Reason.BROKER_REFUSED
