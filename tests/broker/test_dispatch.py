"""Updates of orders that come at once are told at once, in their order, and before what came after them."""

import json
from typing import Any

import pytest

from broker.feed.dispatch import UPDATES_AT_ONCE_MAX, FrameDispatch
from domain.broker.snapshots import OrderUpdate, Tick
from tests.broker.noren.test_updates import an_update
from tests.fakes import FakeClock, instrument


class Owner:
    """Keeps what is told: the tuples of updates, and the ticks."""

    def __init__(self) -> None:
        self.told: list[tuple[OrderUpdate, ...] | Tick] = []
        self.dispatch = FrameDispatch(FakeClock(), {("NSE", "2885"): instrument()}, self.told.append, self.told.append)

    def hear(self, **frame: Any) -> None:  # noqa: ANN401  any field of a frame
        self.dispatch.hear(json.dumps(frame).encode())


@pytest.fixture
def owner() -> Owner:
    return Owner()


def numbers(told: tuple[OrderUpdate, ...] | Tick) -> list[str]:
    assert isinstance(told, tuple)
    return [one.row.broker_order_id for one in told]


def test_updates_are_told_together_when_nothing_more_comes(owner: Owner) -> None:
    for number in ("1", "2"):
        owner.hear(**an_update(norenordno=number))
    assert (owner.told, owner.dispatch.holds_updates) == ([], True)

    owner.dispatch.tell_updates()
    owner.dispatch.tell_updates()

    assert [numbers(one) for one in owner.told] == [["1", "2"]]
    assert not owner.dispatch.holds_updates


def test_a_price_that_came_after_an_update_is_told_after_it(owner: Owner) -> None:
    owner.hear(**an_update(norenordno="1"))
    owner.hear(t="tf", e="NSE", tk="2885", lp="1500.00")

    assert [type(one) for one in owner.told] == [tuple, Tick]


def test_a_stream_of_updates_is_told_in_parts(owner: Owner) -> None:
    for number in range(UPDATES_AT_ONCE_MAX + 1):
        owner.hear(**an_update(norenordno=str(number)))

    assert [len(numbers(one)) for one in owner.told] == [UPDATES_AT_ONCE_MAX]
