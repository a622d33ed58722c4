"""Delivery: shares sold out of the demat account are no short, and nothing buys them back."""

from typing import Any

import pytest

from domain.lifecycle import State
from domain.order import Exchange, InstrumentKey, OrderCommand, Product
from domain.reasons import Reason
from tests.scenarios.paper import MakePaper, Paper
from tests.scenarios.scene import MakeScene, Scene
from tests.scenarios.test_exits import QUICK, until_flat
from tests.scenarios.waiting import until

KEY = InstrumentKey(Exchange.NSE, "RELIANCE-EQ", Product.CNC)


@pytest.fixture
def paper(make_paper: MakePaper) -> Paper:
    paper = make_paper()
    paper.set_price("NSE", "RELIANCE-EQ", "1500.00")
    paper.hold_shares("RELIANCE-EQ", 20)
    return paper


@pytest.fixture
def scene(make_scene: MakeScene, paper: Paper) -> Scene:
    return make_scene(paper, **QUICK)


def sale(scene: Scene, name: str, **terms: Any) -> OrderCommand:  # noqa: ANN401  any field
    given = {"side": "SELL", "intent": "EXIT", "product": "CNC", "price": "1490.00", "origin": "HUMAN"}
    return scene.command(name, **{**given, **terms})


@pytest.mark.parametrize("intent", ["EXIT", "ENTRY"])
def test_shares_sold_out_of_the_demat_account_are_never_bought_back(scene: Scene, intent: str) -> None:
    sold = sale(scene, "sold", intent=intent)
    scene.submit(sold)
    scene.until_state(sold, State.FILLED)
    until(lambda: scene.desk.holdings().sold_from_holdings == {scene.name: {KEY: 10}}, "the sale is not shown")

    assert scene.desk.holdings().positions == {}
    assert scene.desk.flatten("end of day") == ()
    assert scene.desk.reconcile() == ()
    scene.stop()
    scene.start()
    assert scene.desk.flatten("end of day") == ()
    scene.desk.set_trading_state(scene.desk.status().trading.state.ACTIVE, "go on")
    bought = scene.command("bought", product="CNC")
    scene.submit(bought)
    scene.until_state(bought, State.FILLED)
    scene.desk.flatten("end of day")
    until(lambda: not scene.held(), lambda: f"still held: {scene.held()}")
    until_flat(scene)
    sides = [one.side for one in scene.paper.ledger().orders if one.filled]
    assert sides == ["S", "B", "S"], "what the desk itself bought today is sold by its flatten, and no more"
    scene.until_books_agree()


def test_the_brokers_no_to_a_sale_out_of_the_holdings_is_final(scene: Scene, paper: Paper) -> None:
    words = "RMS:Rule: Check holdings including BTST/HALDING for entity account"
    paper.fault("PlaceOrder", "refuse", reason=words)
    sold = sale(scene, "sold")

    answered = scene.submit(sold)

    assert answered.state is State.REFUSED
    assert scene.times_sent(sold) == 1
    assert scene.desk.exits().under_way == {}
    assert [one for one in paper.ledger().orders if one.number not in scene.earlier] == []


def test_a_second_sale_waits_for_the_first_ones_fate(scene: Scene) -> None:
    rests = sale(scene, "rests", price="1590.00")
    scene.submit(rests)
    scene.until_state(rests, State.WORKING)

    assert scene.submit(sale(scene, "more")).tag is Reason.NOTHING_TO_EXIT
    scene.desk.flatten("end of day")
    scene.until_state(rests, State.CANCELED)
    until_flat(scene)
