"""Updates of orders that come together are told together, in their order; a trade or an end at once."""

import json
from typing import Any

import pytest

from broker.feed.dispatch import FrameDispatch
from broker.feed.held_updates import UPDATE_LINGER_S, UPDATES_AT_ONCE_MAX
from domain.broker.snapshots import OrderUpdate, Tick
from tests.broker.noren.test_updates import an_update
from tests.fakes import FakeClock, instrument


class Owner:
    """Keeps what is told: the tuples of updates, and the ticks."""

    def __init__(self) -> None:
        self.told: list[tuple[OrderUpdate, ...] | Tick] = []
        self.clock = FakeClock()
        self.dispatch = FrameDispatch(self.clock, {("NSE", "2885"): instrument()}, self.told.append, self.told.append)

    def hear(self, **frame: Any) -> None:  # noqa: ANN401  any field of a frame
        self.dispatch.hear(json.dumps(frame).encode())


@pytest.fixture
def owner() -> Owner:
    return Owner()


def numbers(told: tuple[OrderUpdate, ...] | Tick) -> list[str]:
    assert isinstance(told, tuple)
    return [one.row.broker_order_id for one in told]


def test_updates_of_a_living_order_are_told_together_a_moment_later(owner: Owner) -> None:
    for number, status in (("1", "PENDING"), ("2", "OPEN"), ("3", "TRIGGER_PENDING")):
        owner.hear(**an_update(norenordno=number, status=status))
    owner.dispatch.tell_due_updates()
    assert owner.told == []
    assert owner.dispatch.wait_s(9.0) == pytest.approx(UPDATE_LINGER_S)

    owner.clock.advance(UPDATE_LINGER_S)
    for _ in range(2):
        owner.dispatch.tell_due_updates()

    assert [numbers(one) for one in owner.told] == [["1", "2", "3"]]
    assert owner.dispatch.wait_s(9.0) == 9.0


@pytest.mark.parametrize("ended", [{"status": "COMPLETE", "fillshares": "30"}, {"status": "CANCELED"}])
def test_an_update_of_a_trade_or_an_end_waits_for_nothing_and_takes_along_what_does(
    owner: Owner, ended: dict[str, str]
) -> None:
    owner.hear(**an_update(norenordno="1"))
    owner.clock.advance(UPDATE_LINGER_S / 2)
    owner.hear(**an_update(norenordno="2", **ended))
    owner.hear(**an_update(norenordno="3"))
    assert (owner.told, owner.dispatch.wait_s(9.0)) == ([], 0.0)

    owner.dispatch.tell_due_updates()

    assert [numbers(one) for one in owner.told] == [["1", "2", "3"]]


def test_an_order_that_lives_does_not_put_off_what_waits(owner: Owner) -> None:
    owner.hear(**an_update(norenordno="1"))
    owner.clock.advance(UPDATE_LINGER_S / 2)
    owner.hear(**an_update(norenordno="2"))

    assert owner.dispatch.wait_s(9.0) == pytest.approx(UPDATE_LINGER_S / 2)
    assert owner.dispatch.wait_s(0.01) == 0.01


def test_a_price_that_came_after_a_trade_is_told_after_it(owner: Owner) -> None:
    owner.hear(**an_update(norenordno="1", status="COMPLETE"))
    owner.hear(t="tf", e="NSE", tk="2885", lp="1500.00")

    assert [type(one) for one in owner.told] == [tuple, Tick]


def test_a_price_does_not_hurry_what_waits_for_more(owner: Owner) -> None:
    owner.hear(**an_update(norenordno="1"))
    owner.hear(t="tf", e="NSE", tk="2885", lp="1500.00")
    at_once = [type(one) for one in owner.told]

    owner.dispatch.tell_updates()

    assert at_once == [Tick]
    assert [type(one) for one in owner.told] == [Tick, tuple]


def test_a_stream_of_updates_is_told_in_parts(owner: Owner) -> None:
    for number in range(UPDATES_AT_ONCE_MAX + 1):
        owner.hear(**an_update(norenordno=str(number)))

    assert [len(numbers(one)) for one in owner.told] == [UPDATES_AT_ONCE_MAX]
