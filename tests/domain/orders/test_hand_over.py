"""What proves that an order never left, and what does not."""

import pytest

from domain.orders.hand_over import HandedOver, never_left
from domain.orders.lifecycle import State
from tests.fakes import order

HANDED = HandedOver("r1", frozenset({"sdother"}))
WAITING = order(state=State.SENDING, remarks_tag="sdmine")


def test_an_order_that_its_run_stored_and_did_not_hand_over_never_left() -> None:
    assert never_left(WAITING, "r1", HANDED)


@pytest.mark.parametrize(
    ("stored_by", "handed"),
    [
        ("r1", None),
        ("r1", HandedOver("r1", frozenset({"sdmine"}))),
        ("r0", HANDED),
        (None, HANDED),
    ],
    ids=["no notes", "noted", "another run's notes", "nobody knows whose"],
)
def test_anything_less_proves_nothing(stored_by: str | None, handed: HandedOver | None) -> None:
    assert not never_left(WAITING, stored_by, handed)


@pytest.mark.parametrize("state", sorted(set(State) - {State.SENDING}))
def test_only_an_order_that_is_stored_as_sending_is_judged(state: State) -> None:
    # One that is CREATED may have left when step 3 could not be written.
    assert not never_left(order(state=state, remarks_tag="sdmine"), "r1", HANDED)
    assert not never_left(order(state=State.SENDING, remarks_tag=""), "r1", HANDED)
