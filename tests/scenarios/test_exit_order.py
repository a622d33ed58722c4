"""Getting out in order, at a broker: the short is bought back before its wing is sold."""

from datetime import datetime
from typing import Any

import pytest

from broker.paper.engine.instruments import listed_at
from domain.baskets import Basket, BasketState, OnFailure
from domain.orders.command import OrderCommand
from domain.orders.lifecycle import State
from domain.ports import IST
from tests.scenarios.paper import MakePaper, Paper, Placed
from tests.scenarios.scene import MakeScene, Scene, listen
from tests.scenarios.test_exits import QUICK, until_flat
from tests.scenarios.waiting import WAIT_S, until

HASTY: dict[str, Any] = {"exits": {**QUICK["exits"], "hedge_wait_s": 1.5, "stuck_s": 2.5}}


@pytest.fixture
def paper(make_paper: MakePaper) -> Paper:
    return make_paper()


@pytest.fixture
def scene(make_scene: MakeScene, paper: Paper) -> Scene:
    return make_scene(paper, **HASTY)


def legs_of(scene: Scene, paper: Paper) -> tuple[OrderCommand, OrderCommand]:
    """Return a wing to buy and a call to sell, of one underlying, that trade at once."""
    calls = [one for one in listed_at(datetime.now(tz=IST)) if one.underlying == "NIFTY" and one.option == "CE"]
    last = calls[0].expiry
    wing, short = [one for one in calls if one.expiry == last][:2]
    for one in (wing, short):
        paper.set_price("NFO", one.symbol, "100.00")
    given = {"exchange": "NFO", "product": "NRML", "quantity": wing.lot}
    return (
        scene.command("wing", symbol=wing.symbol, price="102.00", **given),
        scene.command("short", symbol=short.symbol, side="SELL", price="98.00", **given),
    )


def hold(scene: Scene, paper: Paper) -> tuple[OrderCommand, OrderCommand]:
    """Let a basket take the wing and the short."""
    legs = legs_of(scene, paper)
    answer = scene.desk.submit_basket(Basket(basket_id=f"{scene.name}-b", strategy=scene.name, legs=legs), WAIT_S)
    assert answer is not None
    assert answer.record.state is BasketState.DONE, answer.record.message
    return legs


def ways_out(scene: Scene, legs: tuple[OrderCommand, ...]) -> list[Placed]:
    """Return the orders that are no leg, oldest first."""
    entered = {scene.order(leg).broker_order_id for leg in legs}
    placed = scene.paper.ledger().orders
    return [one for one in placed if one.number not in scene.earlier and one.number not in entered]


def test_a_flatten_buys_the_short_back_before_it_sells_the_wing(scene: Scene, paper: Paper) -> None:
    legs = hold(scene, paper)
    paper.fault("PlaceOrder", "no_fill", count=1)
    heard = listen(scene)

    scene.desk.flatten("end of day")

    until(lambda: not scene.desk.holdings().positions, lambda: f"held: {scene.desk.holdings()}")
    until_flat(scene)
    sides = [one.side for one in ways_out(scene, legs)]
    assert sides == ["B"] * (len(sides) - 1) + ["S"], "one buy did not fill: the wing waited for the next"
    until(lambda: any(one.what == "All 2 positions are flat (end of day)." for one in heard), "flat was not told")
    assert any("waits for the short of its underlying" in one.what for one in heard)
    scene.until_books_agree()


def test_a_margin_refusal_of_the_short_keeps_the_wing_where_it_is(scene: Scene, paper: Paper) -> None:
    legs = hold(scene, paper)
    refused = paper.fault("PlaceOrder", "refuse", count=2, text="Rejected : RED:Margin Shortfall:INR 12,000")

    scene.desk.flatten("end of day")

    until(lambda: not scene.desk.holdings().positions, lambda: f"held: {scene.desk.holdings()}")
    until_flat(scene)
    assert paper.fired(refused) == 2
    assert [one.side for one in ways_out(scene, legs)] == ["B", "S"]


def test_a_short_that_can_not_be_bought_back_holds_the_wing_for_a_bounded_time(scene: Scene, paper: Paper) -> None:
    legs = hold(scene, paper)
    heard = listen(scene)
    paper.fault("PlaceOrder", "no_fill", count=None)

    scene.desk.flatten("end of day")

    until(lambda: any("leaves now: after" in one.what for one in heard), "the wait had no end")
    until(lambda: any(one.topic.startswith("flat:") and one.level == "CRITICAL" for one in heard), "stuck was not told")
    assert not any(one.what.startswith("All 2") for one in heard), "half of it is not flat"
    paper.clear_faults()
    until_flat(scene)
    until(lambda: any(one.what.startswith("All 2 positions are flat") for one in heard), "flat was not told")
    assert {one.side for one in ways_out(scene, legs)} == {"B", "S"}


def test_a_leg_that_is_on_its_way_when_its_wing_is_made_flat_is_made_flat_too(scene: Scene, paper: Paper) -> None:
    wing, short = legs_of(scene, paper)
    paper.fault("SearchScrip", "slow", count=None, seconds=0.6)
    basket = Basket(basket_id=f"{scene.name}-b", strategy=scene.name, legs=(wing, short))
    scene.desk.submit_basket(basket, 0)
    scene.until_state(wing, State.FILLED)

    scene.desk.flatten("end of day", scene.name)

    until(lambda: scene.desk.baskets().baskets[-1].state is not BasketState.RUNNING, lambda: f"{scene.desk.baskets()}")
    until_flat(scene)
    assert not scene.desk.holdings().positions


def test_a_baskets_compensation_keeps_the_order(scene: Scene, paper: Paper) -> None:
    wing, short = legs_of(scene, paper)
    third = scene.command("third", price="1.00")
    basket = Basket(
        basket_id=f"{scene.name}-b",
        strategy=scene.name,
        legs=(wing, short, third),
        on_failure=OnFailure.COMPENSATE,
        hedge_first=False,
    )

    answer = scene.desk.submit_basket(basket, WAIT_S)

    assert answer is not None
    assert answer.record.state is BasketState.COMPENSATED
    until(lambda: not scene.desk.holdings().positions, lambda: f"held: {scene.desk.holdings()}")
    until_flat(scene)
    assert [one.side for one in ways_out(scene, (wing, short))] == ["B", "S"]
