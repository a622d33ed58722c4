"""Positions, exits, and orders made fit for the exchange (docs of the rows: SCENARIOS, G1 to G10, and B9)."""

from collections import Counter
from datetime import datetime
from decimal import Decimal

import pytest

from actors.messages.orders import OrderAnswered
from broker.paper.engine.instruments import Instrument, listed_at
from domain.exits.flatten import PositionKey
from domain.orders.lifecycle import State
from domain.orders.reasons import Reason
from domain.orders.types import EXTERNAL
from domain.ports import IST
from tests.scenarios.paper import MakePaper, Paper, until_books_are_read
from tests.scenarios.scene import MakeScene, Scene
from tests.scenarios.waiting import until


def an_option(underlying: str) -> Instrument:
    """Return a call of the current expiry."""
    listed = listed_at(datetime.now(tz=IST))
    return next(one for one in listed if one.underlying == underlying and one.option == "CE")


@pytest.fixture
def option() -> Instrument:
    """Return a NIFTY call: lots of 65, a freeze quantity of 1,800, a tick of 0.05."""
    return an_option("NIFTY")


def test_two_strategies_in_one_symbol_each_sell_only_their_own(scene: Scene) -> None:
    """G1."""
    quantities = {"trend": 30, "revert": 50}
    for strategy, quantity in quantities.items():
        entry = scene.command(f"in-{strategy}", strategy=strategy, quantity=quantity)
        assert scene.submit(entry).state is State.WORKING
        scene.until_state(entry, State.FILLED)
        until(lambda strategy=strategy, quantity=quantity: scene.held(strategy) == quantity, "not held")  # type: ignore[misc]

    terms = {"intent": "EXIT", "side": "SELL", "quantity": 500, "price": "1499.00"}
    first = scene.command("out-trend", strategy="trend", **terms)
    scene.submit(first)
    scene.until_state(first, State.FILLED)
    until(lambda: scene.held("trend") == 0, "the exit was not counted")

    assert scene.at_broker(first).quantity == 30
    assert scene.held("revert") == 50
    nothing = scene.submit(scene.command("out-trend-again", strategy="trend", **terms))
    assert nothing.tag is Reason.NOTHING_TO_EXIT
    assert "trend holds nothing of" in nothing.note
    second = scene.command("out-revert", strategy="revert", **terms)
    scene.submit(second)
    scene.until_state(second, State.FILLED)
    assert scene.at_broker(second).quantity == 50
    scene.until_books_agree()
    assert _net_of(scene) == 0


def test_exits_that_come_together_never_sell_more_than_is_held(scene: Scene, paper: Paper) -> None:
    """G2 and G3: five exits at the same moment, one with its reply lost."""
    entry = scene.command("in", quantity=100)
    scene.submit(entry)
    scene.until_state(entry, State.FILLED)
    until(lambda: scene.held() == 100, "not held")
    paper.fault("PlaceOrder", "empty_after")

    exits = [
        scene.command(f"out-{n}", intent="EXIT", side="SELL", quantity=40, price="1499.00", origin="HUMAN")
        for n in range(5)
    ]
    callers = [scene.send(one) for one in exits]
    until(lambda: all(one.all() for one in callers), "not every exit was answered")

    orders = [answer.order for one in callers for answer in one.all() if isinstance(answer, OrderAnswered)]
    sent = [order.quantity for order in orders if order.state is not State.BLOCKED]
    assert sorted(sent) == [20, 40, 40]
    assert Counter(order.tag for order in orders)[Reason.NOTHING_TO_EXIT] == 2
    until(lambda: scene.held() == 0, "not flat")
    scene.until_books_agree()
    assert _net_of(scene) == 0


def test_one_symbol_held_for_the_day_and_overnight_is_kept_apart(make_scene: MakeScene, paper: Paper) -> None:
    """B9: 120 carried, 60 intraday; no exit, and nobody's square-off, closes the other product's units."""
    scene = make_scene(paper, watcher={"break_s_min": 0.1})
    symbol = an_option("BANKNIFTY").symbol
    paper.set_price("NFO", symbol, "100.00")
    terms = {"exchange": "NFO", "symbol": symbol, "price": "101.00"}
    out = {**terms, "intent": "EXIT", "side": "SELL", "quantity": 600, "price": "99.00"}
    carried = scene.command("carried", **terms, product="NRML", quantity=120)
    intraday = scene.command("intraday", **terms, product="MIS", quantity=60, intent="ADJUST")

    def held(strategy: str = scene.name) -> dict[str, int]:
        positions = scene.desk.holdings().positions.get(strategy, {})
        return {key.product: units for key, units in positions.items() if key.symbol == symbol}

    for one in (carried, intraday):
        scene.submit(one)
        scene.until_state(one, State.FILLED)
    until(lambda: held() == {"NRML": 120, "MIS": 60}, lambda: f"held: {held()}")
    waiting = scene.submit(scene.command("waits", **{**out, "product": "MIS", "price": "110.00"}))
    beside = scene.submit(scene.command("beside", **{**out, "product": "NRML", "price": "110.00"}))
    beyond = scene.submit(scene.command("beyond", **out, product="MIS"))

    assert (waiting.quantity, beside.quantity, beyond.tag) == (60, 120, Reason.NOTHING_TO_EXIT)
    assert f"closed already by {waiting.command.command_id} (SELL 60 at 110" in beyond.note
    for order in (waiting, beside):
        paper.cancel(scene.at_broker(order.command).number)
        scene.until_state(order.command, State.CANCELED)
    paper.phone("S", 60, "99.00", symbol, product="M")
    until(lambda: held("EXTERNAL") == {"NRML": -60}, "the square-off was not seen")
    ends = [scene.submit(scene.command(f"out-{product}", **out, product=product)) for product in ("MIS", "NRML")]
    assert [one.quantity for one in ends] == [60, 60], "the phone has closed half of what was carried"
    for order in ends:
        scene.until_state(order.command, State.FILLED)
    scene.until_books_agree()
    assert _nets_of(scene) == {"I": 0, "M": 0}
    until_books_are_read(paper, 6)
    assert not scene.desk.readiness().blockers, "the account's positions are what we hold of each product"


def test_a_market_order_for_an_option_reaches_the_wire_as_a_protected_limit(
    scene: Scene, paper: Paper, option: Instrument
) -> None:
    """G10: MKT is refused for API orders; at 3.05 the band of five percent ends at 3.20 on the grid, and at 2.90."""
    paper.set_price("NFO", option.symbol, "3.05")
    terms = {"exchange": "NFO", "symbol": option.symbol, "product": "NRML", "order_type": "MARKET", "quantity": 130}

    entry = scene.command("in", **terms)
    scene.submit(entry)
    filled = scene.until_state(entry, State.FILLED)
    until(lambda: scene.held() == 130, "not held")
    exit_order = scene.command("out", **terms, intent="EXIT", side="SELL")
    scene.submit(exit_order)
    scene.until_state(exit_order, State.FILLED)

    bought, sold = scene.at_broker(entry), scene.at_broker(exit_order)
    assert (bought.price_type, bought.price, sold.price_type, sold.price) == ("LMT", "3.20", "LMT", "2.90")
    for wire in (Decimal(bought.price), Decimal(sold.price)):
        assert wire % option.tick == 0
        assert option.lower_circuit <= wire <= option.upper_circuit
    assert filled.limit_price == Decimal("3.20")
    assert filled.average_price == Decimal("3.10"), "what was paid is the market's price, not the limit"
    scene.until_books_agree()


def test_a_market_order_at_the_circuit_limit_stays_inside_it(scene: Scene, paper: Paper, option: Instrument) -> None:
    """G10."""
    paper.set_price("NFO", option.symbol, str(option.upper_circuit))
    command = scene.command(
        "in", exchange="NFO", symbol=option.symbol, product="NRML", order_type="MARKET", quantity=65
    )

    scene.submit(command)

    assert Decimal(scene.at_broker(command).price) == option.upper_circuit
    paper.set_price("NFO", option.symbol, str(option.upper_circuit - option.tick))
    scene.until_state(command, State.FILLED)
    scene.until_books_agree()


def test_an_entry_above_the_freeze_quantity_is_refused_with_its_slices_and_an_exit_is_cut(
    scene: Scene, paper: Paper, option: Instrument
) -> None:
    """G10: exits get out, under the freeze quantity and in whole lots."""
    paper.set_price("NFO", option.symbol, "100.00")
    terms = {"exchange": "NFO", "symbol": option.symbol, "product": "NRML", "order_type": "MARKET"}

    refused = scene.submit(scene.command("too-much", **terms, quantity=1_820))
    for name, intent in (("in", "ENTRY"), ("more", "ADJUST")):
        command = scene.command(name, **terms, intent=intent, quantity=1_755)
        scene.submit(command)
        scene.until_state(command, State.FILLED)
    until(lambda: scene.held() == 3_510, "not held")
    above = {"intent": "EXIT", "side": "SELL", "order_type": "LIMIT", "price": "110.00"}
    exits = [scene.command(f"out-{n}", **{**terms, **above}, quantity=3_510) for n in range(2)]
    cut = [scene.submit(one) for one in exits]

    assert (refused.state, refused.tag) == (State.BLOCKED, Reason.FREEZE_QUANTITY_EXCEEDED)
    assert "1755 + 65" in refused.note
    assert scene.is_nowhere(refused.command)
    assert [(one.quantity, one.state) for one in cut] == [(1_755, State.WORKING)] * 2
    paper.set_price("NFO", option.symbol, "112.00")
    for one in exits:
        scene.until_state(one, State.FILLED)
        assert Reason.EXIT_CLAMPED in {line.tag for line in scene.journal(one)}
    scene.until_books_agree()
    assert scene.held() == 0


def _net_of(scene: Scene) -> int:
    """Return the signed units that have traded at the broker since the scene began, all products together."""
    return sum(_nets_of(scene).values())


def _nets_of(scene: Scene) -> Counter[str]:
    """Return the signed units that have traded at the broker since the scene began, by its word for the product."""
    nets: Counter[str] = Counter()
    for one in scene.paper.ledger().orders:
        if one.number not in scene.earlier:
            nets[one.product] += one.filled if one.side == "B" else -one.filled
    return nets


def test_a_position_that_is_gone_is_cleared_by_hand_and_stays_cleared(
    make_scene: MakeScene, make_paper: MakePaper
) -> None:
    """The phone sold it: the strategy is blocked until a person clears it, and holds nothing after a restart either."""
    paper = make_paper()
    paper.set_price("NSE", "RELIANCE-EQ", "1500.00")
    scene = make_scene(paper)
    entered = scene.command("held")
    scene.submit(entered)
    scene.until_state(entered, State.FILLED)
    position_key = PositionKey(scene.name, entered.key)
    refused = scene.desk.write_off(position_key, "too early")
    paper.phone("S", 10, "1498.00")
    until(lambda: scene.desk.holdings().positions.get(EXTERNAL), "the phone's trade was not seen")
    assert scene.submit(scene.command("blocked")).tag is Reason.EXECUTION_GUARD_BLOCKED

    done = scene.desk.write_off(position_key, "sold by phone")

    assert (refused, done) == ("the broker shows +10 RELIANCE-EQ (MIS); get out of it, or say --force", "")
    until(lambda: not scene.desk.holdings().positions, lambda: f"still held: {scene.desk.holdings()}")
    assert scene.desk.reconcile() == ()
    assert scene.desk.write_off(position_key, "twice").endswith("holds nothing by our books")
    scene.stop(grace_s=0)
    scene.start()
    assert scene.desk.holdings().positions == {}
    assert scene.submit(scene.command("again")).state in {State.WORKING, State.FILLED}
    scene.until_books_agree()
