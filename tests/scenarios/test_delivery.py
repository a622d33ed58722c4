"""Delivery: shares sold out of the demat account are no short, and nothing buys them back."""

from typing import Any

import pytest

from domain.alerts.alert import Level
from domain.exits.flatten import PositionKey
from domain.orders.command import OrderCommand
from domain.orders.lifecycle import State
from domain.orders.reasons import Reason
from domain.orders.types import Exchange, InstrumentKey, Product
from tests.scenarios.paper import MakePaper, Paper, Placed
from tests.scenarios.scene import MakeScene, Scene
from tests.scenarios.test_exits import QUICK, exits_at_broker, until_flat
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
    message = "RMS:Rule: Check holdings including BTST/HALDING for entity account"
    paper.fault("PlaceOrder", "refuse", text=message)
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


@pytest.fixture
def emptied(make_scene: MakeScene, make_paper: MakePaper) -> Scene:
    """Let a strategy hold ten shares by our books that another one has sold out of the demat account."""
    paper = make_paper()
    paper.set_price("NSE", "RELIANCE-EQ", "1500.00")
    scene = make_scene(paper, **QUICK)
    bought = scene.command("bought", product="CNC")
    scene.submit(bought)
    scene.until_state(bought, State.FILLED)
    sold = sale(scene, "sold", strategy=f"{scene.name}-other")
    scene.submit(sold)
    scene.until_state(sold, State.FILLED)
    return scene


def tried(scene: Scene) -> list[Placed]:
    """Return the sales that the broker has rejected."""
    return [one for one in exits_at_broker(scene) if one.state is State.REJECTED]


def test_a_way_out_ends_where_the_broker_says_that_the_shares_are_missing(emptied: Scene) -> None:
    scene = emptied

    assert scene.desk.flatten("end of day", scene.name) != ()
    until_flat(scene)

    assert len(tried(scene)) == 1, "the broker's no is final"
    assert scene.held() == 10, "nothing is taken for flat"
    alarms = [one.alert for one in scene.desk.alerts().records if one.alert.level is Level.CRITICAL]
    (alarm,) = [one for one in alarms if one.topic == f"exit:{PositionKey(scene.name, KEY)}"]
    assert "No Holdings uploaded" in alarm.what
    assert f"{scene.name} holds 10" in alarm.what
    assert f"`write-off RELIANCE-EQ --strategy {scene.name} --exchange NSE --product CNC --reason" in alarm.do


def test_no_start_begins_anew_what_the_missing_shares_have_ended(emptied: Scene) -> None:
    scene = emptied
    scene.desk.flatten("end of day", scene.name)
    until_flat(scene)

    for _ in range(2):
        scene.stop()
        scene.start()
        assert scene.desk.exits().under_way == {}

    assert len(tried(scene)) == 1


def test_after_the_missing_shares_have_come_a_persons_word_gets_out(emptied: Scene) -> None:
    scene = emptied
    scene.desk.flatten("end of day", scene.name)
    until_flat(scene)

    scene.paper.hold_shares("RELIANCE-EQ", 10)
    scene.desk.flatten("they are back", scene.name)
    until(lambda: not scene.held(), lambda: f"still held: {scene.held()}")
    until_flat(scene)

    assert len(tried(scene)) == 1
    scene.until_books_agree()


def test_what_is_missing_can_be_taken_out_of_our_books_by_hand(emptied: Scene) -> None:
    scene = emptied
    scene.desk.flatten("end of day", scene.name)
    until_flat(scene)

    assert scene.desk.write_off(PositionKey(scene.name, KEY), "sold by the other strategy") == ""
    assert scene.held() == 0


def test_a_sale_for_delivery_that_is_refused_for_another_cause_goes_on(scene: Scene, paper: Paper) -> None:
    bought = scene.command("bought", product="CNC")
    scene.submit(bought)
    scene.until_state(bought, State.FILLED)
    paper.fault("PlaceOrder", "refuse", text="CDSL authorisation of the sale is missing", count=2)

    scene.desk.flatten("end of day")
    until(lambda: not scene.held(), lambda: f"still held: {scene.held()}")
    until_flat(scene)


def test_while_another_sale_of_the_share_works_its_shares_are_not_missing(emptied: Scene) -> None:
    """They are only put by for that sale at the broker: once it is taken back, the way out goes on."""
    scene = emptied
    scene.paper.hold_shares("RELIANCE-EQ", 10)
    rests = sale(scene, "rests", strategy=f"{scene.name}-third", price="1590.00")
    scene.submit(rests)
    scene.until_state(rests, State.WORKING)

    scene.desk.flatten("end of day", scene.name)
    until(lambda: len(tried(scene)) > 1, "the way out has ended")
    scene.desk.flatten("end of day", rests.strategy)
    until(lambda: not scene.held(), lambda: f"still held: {scene.held()}")
    until_flat(scene)
