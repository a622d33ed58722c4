from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.alerts.text.baskets import ended_alert
from domain.baskets import (
    Basket,
    BasketRecord,
    BasketState,
    CancelLegs,
    Finish,
    InvalidBasketError,
    OnFailure,
    Pace,
    Progress,
    SendLegs,
    WaitOn,
    resumed,
)
from domain.orders.command import OrderCommand
from domain.orders.lifecycle import State
from domain.orders.order import Order
from domain.orders.types import Intent, Side
from tests.fakes import TEN_O_CLOCK, command, order

HEDGE = command(command_id="hedge", quantity=50)
SHORT = command(command_id="short", side=Side.SELL, quantity=50)


def basket(*legs: OrderCommand, **given: Any) -> Basket:  # noqa: ANN401  any field
    return Basket(basket_id="b1", strategy="trend", legs=legs or (HEDGE, SHORT), **given)


def became(leg: OrderCommand, state: State, filled: int = 0) -> Order:
    made = order(command_id=leg.command_id, side=leg.side, quantity=leg.quantity, state=state, filled_quantity=filled)
    return replace(made, command=leg)


def filled(leg: OrderCommand) -> Order:
    return became(leg, State.FILLED, leg.quantity)


@pytest.mark.parametrize(
    ("legs", "given", "sentence"),
    [
        ([], {}, "a basket has 1 to 20 legs, not 0"),
        ([SHORT, HEDGE], {}, "leg RELIANCE-EQ sells before RELIANCE-EQ is bought; put the hedge first"),
        (
            [HEDGE, SHORT, replace(HEDGE, command_id="late", symbol="INFY-EQ")],
            {},
            "leg RELIANCE-EQ sells before INFY-EQ is bought; put the hedge first",
        ),
        ([HEDGE, HEDGE], {}, "two legs of the basket have the same command_id"),
        ([command(command_id="x", strategy="other")], {}, "leg x is of strategy other, not of trend"),
        ([command(command_id="x", intent=Intent.EXIT)], {}, "leg x is an EXIT; a basket takes entries only"),
        ([HEDGE], {"leg_wait_s": 0}, "leg_wait_s must be a number of seconds above 0"),
    ],
)
def test_a_basket_that_cannot_be_meant_is_refused(
    legs: list[OrderCommand], given: dict[str, Any], sentence: str
) -> None:
    with pytest.raises(InvalidBasketError, match=sentence):
        Basket(basket_id="b1", strategy="trend", legs=tuple(legs), **given)


def test_each_leg_waits_until_the_one_before_has_filled() -> None:
    progress = Progress(basket())

    assert progress.next_step(0) == SendLegs((HEDGE,))
    progress.hear(became(HEDGE, State.WORKING))
    assert progress.next_step(1) == WaitOn()
    progress.hear(became(HEDGE, State.PARTIALLY_FILLED, 25))
    assert progress.next_step(2) == WaitOn()
    progress.hear(filled(HEDGE))
    assert progress.next_step(3) == SendLegs((SHORT,))
    progress.hear(filled(SHORT))
    assert progress.next_step(4) == Finish(BasketState.DONE, "all 2 legs have filled", (), (HEDGE, SHORT))


def test_together_all_leave_at_once() -> None:
    assert Progress(basket(pace=Pace.TOGETHER)).next_step(0) == SendLegs((HEDGE, SHORT))


def test_an_unconfirmed_leg_is_waited_for() -> None:
    progress = Progress(basket())
    progress.next_step(0)
    progress.hear(became(HEDGE, State.UNCONFIRMED))

    assert progress.next_step(1) == WaitOn()
    progress.hear(filled(HEDGE))
    assert progress.next_step(2) == SendLegs((SHORT,))


@pytest.mark.parametrize(
    ("rule", "state"), [(OnFailure.STOP, BasketState.STOPPED), (OnFailure.COMPENSATE, BasketState.COMPENSATED)]
)
def test_a_leg_that_fails_ends_the_basket_by_its_rule(rule: OnFailure, state: BasketState) -> None:
    progress = Progress(basket(on_failure=rule))
    progress.next_step(0)
    progress.hear(filled(HEDGE))
    progress.next_step(1)
    progress.hear(replace(became(SHORT, State.REFUSED), note="margin"))

    end = progress.next_step(2)

    assert isinstance(end, Finish)
    assert (end.state, end.unsent, end.filled) == (state, (), (HEDGE,))
    assert "leg SELL 50 RELIANCE-EQ failed: REFUSED margin" in end.message
    assert "BUY 50 RELIANCE-EQ" in end.message


def test_a_first_leg_that_fails_leaves_nothing() -> None:
    progress = Progress(basket(on_failure=OnFailure.COMPENSATE))
    progress.next_step(0)
    progress.hear(became(HEDGE, State.REJECTED))

    end = progress.next_step(1)

    assert isinstance(end, Finish)
    assert (end.state, end.unsent, end.filled) == (BasketState.STOPPED, (SHORT,), ())
    assert end.message.endswith("1 legs were not sent; nothing is held")


def test_a_leg_that_works_too_long_is_taken_back_and_judged_by_evidence() -> None:
    progress = Progress(basket(leg_wait_s=10))
    progress.next_step(0)
    progress.hear(became(HEDGE, State.WORKING))

    assert progress.next_step(9) == WaitOn()
    assert progress.next_step(10) == CancelLegs(("hedge",))
    assert progress.next_step(11) == WaitOn()
    assert progress.next_step(15) == CancelLegs(("hedge",)), "the first cancel may have been refused"
    progress.hear(filled(HEDGE))
    assert progress.next_step(16) == SendLegs((SHORT,))


def test_a_cancel_that_came_before_the_broker_had_the_leg_is_asked_again_as_soon_as_it_has() -> None:
    progress = Progress(basket(leg_wait_s=10))
    progress.next_step(0)
    progress.hear(became(HEDGE, State.SENDING))
    assert progress.next_step(10) == CancelLegs(("hedge",))

    progress.hear(replace(became(HEDGE, State.WORKING), broker_order_id="B1"))
    assert progress.next_step(10.1) == CancelLegs(("hedge",))

    progress.hear(replace(became(HEDGE, State.WORKING), broker_order_id="B1"))
    assert progress.next_step(10.2) == WaitOn(), "asked back a moment ago"


def test_what_is_made_flat_meanwhile_sends_no_further_leg() -> None:
    progress = Progress(basket())
    progress.next_step(0)
    progress.stopped = "made flat: by hand"

    assert progress.next_step(1) == CancelLegs(("hedge",))
    progress.hear(became(HEDGE, State.CANCELED, 20))
    end = progress.next_step(2)

    assert isinstance(end, Finish)
    assert end.message.startswith("leg BUY 50 RELIANCE-EQ failed: CANCELED")
    assert end.unsent == (SHORT,)


def test_a_declined_leg_fails_and_is_given_back() -> None:
    progress = Progress(basket(HEDGE))
    progress.next_step(0)
    progress.declined["hedge"] = "the desk is stopping"

    end = progress.next_step(1)

    assert isinstance(end, Finish)
    assert (end.unsent, end.message) == (
        (HEDGE,),
        "leg BUY 50 RELIANCE-EQ failed: the desk is stopping; 1 legs were not sent; nothing is held",
    )


def test_an_earlier_runs_basket_sends_nothing_more() -> None:
    record = BasketRecord(basket=basket(), state=BasketState.RUNNING, message="", asked_at=TEN_O_CLOCK)

    progress = resumed(record, {"hedge": became(HEDGE, State.UNCONFIRMED)}, 100)

    assert progress.next_step(100) == CancelLegs(("hedge",))
    progress.hear(filled(HEDGE))
    end = progress.next_step(101)
    assert isinstance(end, Finish)
    assert end.state is BasketState.STOPPED
    assert end.message.startswith("the desk was restarted before the basket was whole")
    assert ended_alert(record.basket, end).level == "CRITICAL"


def test_an_earlier_runs_basket_whose_legs_have_all_left_may_end_whole() -> None:
    record = BasketRecord(basket=basket(HEDGE), state=BasketState.RUNNING, message="", asked_at=TEN_O_CLOCK)

    progress = resumed(record, {"hedge": became(HEDGE, State.WORKING)}, 100)

    assert progress.next_step(100) == WaitOn()
    progress.hear(filled(HEDGE))
    end = progress.next_step(101)
    assert isinstance(end, Finish)
    assert end.state is BasketState.DONE


def test_an_earlier_runs_leg_that_the_broker_has_is_taken_up_and_taken_back() -> None:
    record = BasketRecord(basket=basket(), state=BasketState.RUNNING, message="", asked_at=TEN_O_CLOCK)
    working = replace(became(HEDGE, State.WORKING), broker_order_id="B1")

    progress = resumed(record, {"hedge": working}, 100)

    assert progress.orders == {"hedge": working}
    assert progress.next_step(100) == CancelLegs(("hedge",))


FATES = st.sampled_from([State.FILLED, State.REFUSED, State.REJECTED, State.CANCELED, State.NOT_PLACED, State.BLOCKED])


@given(
    count=st.integers(1, 5),
    fates=st.lists(FATES, min_size=5, max_size=5),
    pace=st.sampled_from(Pace),
    rule=st.sampled_from(OnFailure),
    waits=st.lists(st.sampled_from([State.WORKING, State.UNCONFIRMED, State.PARTIALLY_FILLED]), max_size=5),
)
def test_no_leg_leaves_after_a_failure_none_twice_and_every_basket_ends(
    count: int, fates: list[State], pace: Pace, rule: OnFailure, waits: list[State]
) -> None:
    legs = [command(command_id=f"l{n}", side=Side.BUY if n < 2 else Side.SELL, quantity=50) for n in range(count)]
    progress = Progress(basket(*legs, pace=pace, on_failure=rule))
    sent: list[str] = []
    failed = False
    for now in range(200):
        step = progress.next_step(now)
        if isinstance(step, SendLegs):
            assert not failed
            sent += [leg.command_id for leg in step.legs]
            continue
        if isinstance(step, Finish):
            break
        name = next(one for one in sent if one not in progress.orders or not progress.orders[one].is_terminal)
        leg = next(one for one in legs if one.command_id == name)
        state = waits.pop() if waits else fates[legs.index(leg)]
        progress.hear(became(leg, state, 50 if state is State.FILLED else 0))
        failed = failed or (progress.orders[name].is_terminal and state is not State.FILLED)
    else:
        raise AssertionError("the basket did not end")
    assert isinstance(step, Finish)
    assert len(sent) == len(set(sent))
    if pace is Pace.SEQUENTIAL:
        assert sent == [leg.command_id for leg in legs][: len(sent)]
    whole = [
        leg for leg in legs if progress.orders.get(leg.command_id) and progress.orders[leg.command_id].filled_quantity
    ]
    assert list(step.filled) == whole
    assert (step.state is BasketState.DONE) == (len(whole) == count)


@pytest.mark.parametrize("state", [BasketState.DONE, BasketState.STOPPED, BasketState.COMPENSATED])
def test_an_alert_says_what_happened_what_it_means_and_what_to_do(state: BasketState) -> None:
    for held in ((), (HEDGE,)):
        alert = ended_alert(basket(), Finish(state, "some words", (), held))
        for message in (alert.what, alert.means, alert.do):
            assert message.endswith(".")
            assert message[0].isupper()
