"""Orders that belong together: hedge first, one outcome, and never a silent naked leg (SCENARIOS, G9)."""

from typing import Any

import pytest

from domain.baskets import Basket, BasketState, OnFailure
from domain.orders.command import OrderCommand
from domain.orders.lifecycle import State
from domain.orders.reasons import Reason
from tests.scenarios.paper import MakePaper, Paper
from tests.scenarios.scene import RESTING, MakeScene, Scene, listen
from tests.scenarios.test_exits import QUICK, until_flat
from tests.scenarios.test_stops import rows
from tests.scenarios.waiting import WAIT_S, until

INFY = {"symbol": "INFY-EQ", "side": "SELL", "price": None, "order_type": "MARKET"}


@pytest.fixture
def paper(make_paper: MakePaper) -> Paper:
    paper = make_paper()
    paper.set_price("NSE", "RELIANCE-EQ", "1500.00")
    return paper


@pytest.fixture
def scene(make_scene: MakeScene, paper: Paper) -> Scene:
    return make_scene(paper, **QUICK)


def legs_of(scene: Scene, **hedge: Any) -> tuple[OrderCommand, OrderCommand]:  # noqa: ANN401  any field
    return scene.command("hedge", **hedge), scene.command("short", **INFY)


def basket_of(scene: Scene, *legs: OrderCommand, **given: Any) -> Basket:  # noqa: ANN401  any field
    return Basket(basket_id=f"{scene.name}-basket", strategy=scene.name, legs=legs or legs_of(scene), **given)


def test_the_hedge_is_bought_before_the_short_leg_is_sent(scene: Scene) -> None:
    basket = basket_of(scene)
    heard = listen(scene)

    answer = scene.desk.submit_basket(basket, WAIT_S)

    assert answer is not None
    assert (answer.record.state, answer.record.message) == (BasketState.DONE, "all 2 legs have filled")
    hedge, short = (scene.order(leg) for leg in basket.legs)
    assert (hedge.state, short.state) == (State.FILLED, State.FILLED)
    sent_short = next(line for line in scene.journal(basket.legs[1]) if line.event == "SENT")
    filled_hedge = next(line for line in scene.journal(basket.legs[0]) if line.event == "FILLED")
    assert filled_hedge.at <= sent_short.at
    told = [one.what for one in heard if one.topic.startswith("basket:")]
    assert told == [f"Basket {basket.basket_id} of {scene.name} is whole: all 2 legs have filled."]
    again = scene.desk.submit_basket(basket, WAIT_S)
    assert again == answer
    assert [scene.times_sent(leg) for leg in basket.legs] == [1, 1]
    assert scene.submit(scene.command("more")).tag is Reason.EXECUTION_GUARD_BLOCKED


def test_a_second_leg_that_is_rejected_stops_the_basket_and_says_what_stands_naked(scene: Scene, paper: Paper) -> None:
    """G9."""
    hedge, short = legs_of(scene)
    third = scene.command("third", **{**INFY, "symbol": "RELIANCE-EQ"})
    heard = listen(scene)
    basket = basket_of(scene, hedge, short, third)
    paper.set_price("NSE", "INFY-EQ", "1600.00")
    refuse_after_first(paper)

    answer = scene.desk.submit_basket(basket, WAIT_S)

    assert answer is not None
    assert answer.record.state is BasketState.STOPPED
    assert "leg SELL 10 INFY-EQ failed: REFUSED" in answer.record.message
    assert answer.record.message.endswith("1 legs were not sent; held without the others: BUY 10 RELIANCE-EQ")
    assert scene.is_nowhere(third)
    (told,) = [one for one in heard if one.topic.startswith("basket:")]
    assert (scene.held(), told.level) == (10, "CRITICAL")
    assert told.do.startswith(f"Say `flatten --strategy {scene.name}`")


def refuse_after_first(paper: Paper) -> None:
    """Let the first place pass and refuse the next."""
    paper.fault("PlaceOrder", "refuse", count=1, after=1)


def test_a_failed_basket_that_is_to_be_compensated_ends_flat(scene: Scene, paper: Paper) -> None:
    refuse_after_first(paper)

    answer = scene.desk.submit_basket(basket_of(scene, on_failure=OnFailure.COMPENSATE), WAIT_S)

    assert answer is not None
    assert answer.record.state is BasketState.COMPENSATED
    until(lambda: scene.held() == 0, "not flat")
    until_flat(scene)
    scene.until_books_agree()
    scene.submit(scene.command("again"))


def test_an_unconfirmed_hedge_is_waited_for(scene: Scene, paper: Paper) -> None:
    paper.fault("PlaceOrder", "timeout_after", count=1)

    answer = scene.desk.submit_basket(basket_of(scene), WAIT_S)

    assert answer is not None
    assert answer.record.state is BasketState.DONE
    scene.until_books_agree()


def test_a_hedge_that_does_not_fill_is_taken_back_and_the_short_leg_never_sent(scene: Scene) -> None:
    hedge, short = legs_of(scene, price=RESTING)

    answer = scene.desk.submit_basket(basket_of(scene, hedge, short, leg_wait_s=0.5), WAIT_S)

    assert answer is not None
    assert answer.record.message.endswith("1 legs were not sent; nothing is held")
    assert scene.order(hedge).state is State.CANCELED
    assert scene.is_nowhere(short)
    scene.submit(scene.command("free-again"))


def test_a_flatten_stops_a_basket_between_its_legs(scene: Scene) -> None:
    hedge, short = legs_of(scene, price=RESTING)
    send(scene, basket_of(scene, hedge, short))
    scene.until_state(hedge, State.WORKING)

    scene.desk.flatten("enough", scene.name)

    until(lambda: states(scene) == ["STOPPED"], lambda: f"it goes on: {states(scene)}")
    until_flat(scene)
    assert scene.is_nowhere(short)


def send(scene: Scene, basket: Basket) -> None:
    """Send a basket without waiting for its end; its first leg is registered then."""
    assert scene.desk.submit_basket(basket, 0.01) is None
    first = basket.legs[0].command_id
    until(lambda: scene.desk.timeline(first) is not None, f"{first} was not registered")


def states(scene: Scene) -> list[str]:
    return [one.state.value for one in scene.desk.baskets().baskets]


@pytest.mark.parametrize("rule", list(OnFailure))
def test_after_a_restart_between_two_legs_nothing_more_is_sent_and_the_basket_ends_by_its_rule(
    scene: Scene, paper: Paper, rule: OnFailure
) -> None:
    hedge, short = legs_of(scene, price=RESTING)
    send(scene, basket_of(scene, hedge, short, on_failure=rule))
    placed = scene.until_state(hedge, State.WORKING)
    assert placed.broker_order_id is not None
    scene.stop(grace_s=0)
    paper.fill(placed.broker_order_id, 10)

    scene.start()

    expected = BasketState.STOPPED if rule is OnFailure.STOP else BasketState.COMPENSATED
    until(lambda: states(scene) == [expected], lambda: f"{expected} expected: {scene.desk.baskets()}")
    until(
        lambda: "the desk was restarted" in rows(scene, "SELECT message FROM baskets")[0][0],
        "the reason was not stored",
    )
    until_flat(scene)
    until(lambda: scene.held() == (10 if rule is OnFailure.STOP else 0), "not as the rule says")
    assert scene.is_nowhere(short)


def test_a_strategy_that_holds_something_enters_no_basket(scene: Scene) -> None:
    scene.until_state(_submitted(scene), State.FILLED)

    answer = scene.desk.submit_basket(basket_of(scene), WAIT_S)

    assert answer is not None
    assert answer.record.state is BasketState.STOPPED
    assert answer.record.message.startswith("The strategy already holds")


def _submitted(scene: Scene) -> OrderCommand:
    command = scene.command("first")
    scene.submit(command)
    return command
