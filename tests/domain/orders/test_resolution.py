"""What a person's word does to an order whose fate the books do not tell."""

from decimal import Decimal
from typing import Any

import pytest

from domain.orders.lifecycle import TERMINAL, Event, State
from domain.orders.order import Order, OrderEvent
from domain.orders.reasons import Reason
from domain.orders.resolution import Resolution, resolved_by_hand
from domain.orders.validation import InvalidOrderError
from tests.fakes import TEN_O_CLOCK, order


def unconfirmed(**given: Any) -> Order:  # noqa: ANN401  any field of an order
    return order(**({"state": State.UNCONFIRMED, "quantity": 10} | given))


def said(made: Order, *, placed: bool, **given: Any) -> OrderEvent:  # noqa: ANN401  any field of a settlement
    return resolved_by_hand(made, Resolution(placed=placed, reason="seen on the phone", **given))


@pytest.mark.parametrize(
    ("filled", "kind", "state"),
    [
        (0, Event.WORKING, State.WORKING),
        (4, Event.PARTIALLY_FILLED, State.PARTIALLY_FILLED),
        (10, Event.FILLED, State.FILLED),
    ],
)
def test_an_order_that_was_found_works_or_has_filled_as_far_as_told(filled: int, kind: Event, state: State) -> None:
    event = said(unconfirmed(), placed=True, broker_order_id="B1", filled_quantity=filled, average_price=Decimal(99))

    assert (event.kind, event.tag, event.note) == (kind, Reason.RESOLVED_BY_HAND, "seen on the phone")
    after = unconfirmed().after(event, TEN_O_CLOCK)
    assert (after.state, after.broker_order_id, after.filled_quantity) == (state, "B1", filled)
    assert event.inputs == {"resolved_by": "a person", "found_at_broker": "yes"}


def test_an_order_that_was_not_found_never_arrived() -> None:
    event = said(unconfirmed(), placed=False)

    assert event.kind is Event.PROVED_ABSENT
    assert event.inputs["found_at_broker"] == "no"


def test_an_order_that_is_gone_keeps_what_had_traded() -> None:
    traded = said(unconfirmed(), placed=False, filled_quantity=4)
    working = said(unconfirmed(state=State.WORKING, broker_order_id="B1"), placed=False)

    assert (traded.kind, traded.filled_quantity) == (Event.CANCELED, 4)
    assert (working.kind, working.filled_quantity) == (Event.CANCELED, 0)


def test_an_order_that_has_a_number_at_the_broker_was_there_and_is_canceled() -> None:
    event = said(unconfirmed(), placed=False, broker_order_id="B1")

    assert (event.kind, event.broker_order_id) == (Event.CANCELED, "B1")
    assert unconfirmed().after(event, TEN_O_CLOCK).state is State.CANCELED


def test_what_was_found_has_a_number_or_had_one() -> None:
    with pytest.raises(InvalidOrderError, match="has a number at the broker; give it"):
        said(unconfirmed(), placed=True)

    assert said(unconfirmed(broker_order_id="B1"), placed=True).broker_order_id == "B1"
    assert said(unconfirmed(broker_order_id="B1"), placed=True, broker_order_id="B2").broker_order_id == "B2"


@pytest.mark.parametrize("filled", [-1, 3, 11])
def test_what_had_traded_lies_between_what_is_known_and_all(filled: int) -> None:
    known = unconfirmed(state=State.PARTIALLY_FILLED, filled_quantity=4, broker_order_id="B1")

    with pytest.raises(InvalidOrderError, match="between the 4 units known to have traded and 10"):
        said(known, placed=True, filled_quantity=filled)
    assert said(known, placed=True, filled_quantity=4).kind is Event.PARTIALLY_FILLED


@pytest.mark.parametrize("state", sorted(TERMINAL), ids=str)
def test_an_order_that_is_over_is_settled_already(state: State) -> None:
    with pytest.raises(InvalidOrderError, match="there is nothing to resolve"):
        said(unconfirmed(state=state), placed=False)


@pytest.mark.parametrize("state", [State.CREATED, State.SENDING], ids=str)
def test_an_order_on_its_way_waits_for_its_reply(state: State) -> None:
    with pytest.raises(InvalidOrderError, match="its reply is being waited for"):
        said(unconfirmed(state=state), placed=False)
