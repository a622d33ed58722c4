"""The stop that works at the broker: what has become of a change of it."""

from decimal import Decimal

import pytest

from domain.exits.broker_stop import Moved, Wanted, moved
from domain.orders.lifecycle import State
from domain.orders.reasons import Reason
from tests.fakes import order

WANTED = Wanted(trigger=Decimal(95), quantity=10)


@pytest.mark.parametrize(
    ("tag", "wanted", "is_what"),
    [
        (None, WANTED, Moved.OPEN),
        (Reason.CHANGE_NOT_SEEN, WANTED, Moved.UNSEEN),
        (Reason.CHANGE_REFUSED, WANTED, Moved.REFUSED),
        (Reason.CHANGE_REFUSED, None, Moved.OPEN),
    ],
    ids=["not known yet", "not seen", "refused", "wanted nowhere by now"],
)
def test_a_change_is_over_once_it_is_known_not_to_have_come(
    tag: Reason | None, wanted: Wanted | None, is_what: Moved
) -> None:
    works = order(state=State.WORKING, tag=tag, wire_trigger_price=Decimal(90))

    assert moved(works, wanted) is is_what
