"""What a change does to an order: nothing by itself, until its terms are seen or its end is told."""

from dataclasses import replace
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.orders.change import Change, ChangeKind, ChangeStage
from domain.orders.change_command import change_outcome
from domain.orders.lifecycle import TERMINAL, TRANSITIONS, Event, IllegalTransitionError, State
from domain.orders.order import JournalLine, Order, OrderEvent
from domain.orders.reasons import Reason
from tests.fakes import TEN_O_CLOCK, change, order

LIVE = (State.WORKING, State.PARTIALLY_FILLED)
OF_A_CHANGE = (
    Event.CHANGE_ACCEPTED,
    Event.CHANGE_REFUSED,
    Event.CHANGE_REPLY_LOST,
    Event.CHANGE_REJECTED,
    Event.CHANGE_LAPSED,
)


def with_change(pending: Change | None, **fields: object) -> Order:
    return order(**({"state": State.WORKING, "broker_order_id": "B1", "change": pending} | fields))


def after(before: Order, event: Event, **facts: object) -> Order:
    return before.after(OrderEvent(kind=event, **facts), TEN_O_CLOCK)  # type: ignore[arg-type]


@pytest.mark.parametrize("state", State)
def test_a_change_is_asked_for_only_while_the_broker_works_on_the_order(state: State) -> None:
    if state in LIVE:
        assert after(order(state=state), Event.CHANGE_REQUESTED, change=change()).change == change()
    else:
        with pytest.raises(IllegalTransitionError):
            after(order(state=state), Event.CHANGE_REQUESTED, change=change())


@pytest.mark.parametrize("event", [*OF_A_CHANGE, Event.CHANGE_REQUESTED, Event.REPLACED])
@pytest.mark.parametrize("state", LIVE)
def test_nothing_about_a_change_moves_an_order(state: State, event: Event) -> None:
    now = after(with_change(change(), state=state, filled_quantity=3), event, change=change())

    assert (now.state, now.filled_quantity) == (state, 3)


@pytest.mark.parametrize("event", OF_A_CHANGE)
@pytest.mark.parametrize("state", [State.FILLED, State.CANCELED, State.REJECTED])
def test_what_becomes_of_a_change_may_be_told_after_the_order_has_ended(state: State, event: Event) -> None:
    ended = order(state=state, tag=Reason.BROKER_CANCELED)

    now = after(ended, event, change=change())

    assert (now.state, now.change) == (state, None)


@pytest.mark.parametrize(
    ("event", "left"),
    [
        (Event.CHANGE_ACCEPTED, ChangeStage.ACCEPTED),
        (Event.CHANGE_REPLY_LOST, ChangeStage.REPLY_LOST),
        (Event.CHANGE_REFUSED, None),
        (Event.CHANGE_REJECTED, None),
        (Event.CHANGE_LAPSED, None),
        (Event.WORKING, ChangeStage.REQUESTED),
        (Event.NOTED, ChangeStage.REQUESTED),
        (Event.PARTIALLY_FILLED, ChangeStage.REQUESTED),
        (Event.FILLED, None),
        (Event.CANCELED, None),
        (Event.REJECTED, None),
    ],
)
def test_each_event_leaves_a_change_where_it_puts_it(event: Event, left: ChangeStage | None) -> None:
    asked = change(stage=ChangeStage.REQUESTED)

    now = after(with_change(asked), event, change=asked if event in OF_A_CHANGE else None)

    assert (now.change.stage if now.change else None) == left


@pytest.mark.parametrize("event", OF_A_CHANGE)
def test_the_word_of_an_earlier_change_leaves_the_one_that_is_pending(event: Event) -> None:
    pending = change(change_id="k2", kind=ChangeKind.CANCEL, stage=ChangeStage.REQUESTED)

    now = after(with_change(pending), event, change=change(change_id="m1"))

    assert now.change == pending


@pytest.mark.parametrize(
    ("facts", "settled"),
    [
        ({"quantity": 20, "limit_price": Decimal("100.00")}, True),
        ({"quantity": 20, "limit_price": Decimal(101)}, False),
        ({"quantity": 15}, False),
        ({"trigger_price": Decimal(90)}, False),
    ],
)
def test_a_modify_is_settled_by_its_own_terms_and_by_no_others(facts: dict[str, object], *, settled: bool) -> None:
    now = after(with_change(change()), Event.REPLACED, **facts)

    assert (now.change is None) == settled


def test_terms_that_a_book_shows_hold_whoever_asked_for_them() -> None:
    # B8: modified from the phone.
    now = after(with_change(None), Event.REPLACED, quantity=7, limit_price=Decimal(99))

    assert (now.quantity, now.limit_price, now.command.quantity) == (7, Decimal(99), 10)


@pytest.mark.parametrize(
    ("asked", "filled", "open_quantity"),
    [(None, 0, 10), (20, 0, 20), (20, 4, 16), (5, 0, 10), (5, 4, 6), (5, 10, 0), (20, 15, 5)],
)
def test_what_may_trade_is_the_larger_of_the_terms_while_nobody_knows_which_hold(
    asked: int | None, filled: int, open_quantity: int
) -> None:
    pending = None if asked is None else change(quantity=asked)

    assert with_change(pending, filled_quantity=filled).open_quantity == open_quantity


@pytest.mark.parametrize("state", sorted(TERMINAL))
def test_an_order_that_is_over_has_nothing_open_whatever_was_asked(state: State) -> None:
    assert with_change(change(), state=state).open_quantity == 0


@pytest.mark.parametrize("stage", ChangeStage)
def test_a_cancel_over_a_modify_keeps_what_the_modify_may_have_opened(stage: ChangeStage) -> None:
    # The modify may have taken effect; else a second exit could sell what this one may still sell.
    growing = with_change(change(stage=stage))

    now = after(growing, Event.CHANGE_REQUESTED, change=change(change_id="k1", kind=ChangeKind.CANCEL))

    assert now.change is not None
    assert now.change.kind is ChangeKind.CANCEL
    assert now.open_quantity == 20
    assert after(now, Event.CANCELED).open_quantity == 0


@given(
    st.lists(
        st.sampled_from(
            [*OF_A_CHANGE, Event.CHANGE_REQUESTED, Event.REPLACED, Event.WORKING, Event.PARTIALLY_FILLED, Event.NOTED]
        ),
        max_size=8,
    ),
    st.data(),
)
def test_whatever_becomes_of_changes_the_books_terms_and_fills_stand(events: list[Event], data: st.DataObject) -> None:
    now, shown, filled = with_change(None), 10, 0

    for number, event in enumerate(events):
        facts: dict[str, object] = {}
        if event not in TRANSITIONS[now.state]:
            continue
        if event is Event.REPLACED:
            shown = data.draw(st.integers(10, 30))
            facts["quantity"] = shown
        elif event is Event.PARTIALLY_FILLED:
            filled = data.draw(st.integers(filled, 9))
            facts["filled_quantity"] = filled
        elif event is Event.CHANGE_REQUESTED:
            facts["change"] = change(change_id=f"m{number}", quantity=data.draw(st.integers(1, 40)))
        elif event in OF_A_CHANGE:
            facts["change"] = now.change
        now = after(now, event, **facts)

        assert (now.quantity, now.filled_quantity) == (shown, filled)
        assert now.open_quantity >= shown - filled, "nothing that works is ever forgotten"


def test_a_change_is_kept_over_a_move_to_partly_filled() -> None:
    now = after(with_change(change()), Event.PARTIALLY_FILLED, filled_quantity=4)

    assert now == replace(with_change(change()), state=State.PARTIALLY_FILLED, filled_quantity=4)


def told(event: Event, change_id: str | None = None) -> JournalLine:
    inputs = {} if change_id is None else {"change_id": change_id}
    return JournalLine("c1", TEN_O_CLOCK, event.value, "WORKING", "WORKING", None, "", {}, inputs)


@pytest.mark.parametrize(
    ("journal", "of_x", "of_y"),
    [
        ([], None, None),
        ([told(Event.CHANGE_REQUESTED, "x")], Event.CHANGE_REQUESTED, None),
        (
            [told(Event.CHANGE_REQUESTED, "x"), told(Event.CHANGE_ACCEPTED, "x"), told(Event.FILLED)],
            Event.CHANGE_ACCEPTED,
            None,
        ),
        (
            [told(Event.CHANGE_REQUESTED, "x"), told(Event.CHANGE_ACCEPTED, "x"), told(Event.CHANGE_LAPSED)],
            Event.CHANGE_LAPSED,
            None,
        ),
        (
            [told(Event.CHANGE_REQUESTED, "x"), told(Event.CHANGE_REFUSED, "x"), told(Event.CHANGE_REQUESTED, "y")],
            Event.CHANGE_REFUSED,
            Event.CHANGE_REQUESTED,
        ),
        (
            [told(Event.CHANGE_REQUESTED, "x"), told(Event.CHANGE_REQUESTED, "y"), told(Event.CHANGE_REJECTED)],
            Event.CHANGE_REQUESTED,
            Event.CHANGE_REJECTED,
        ),
    ],
)
def test_a_journal_tells_how_far_each_change_has_come(
    journal: list[JournalLine], of_x: Event | None, of_y: Event | None
) -> None:
    assert (change_outcome(journal, "x"), change_outcome(journal, "y")) == (of_x, of_y)
