"""Exits that happen, once: from the request to be flat to the evidence of it, through whatever the broker does."""

from datetime import datetime
from typing import Any

import pytest

from actors.messages.exits import FlattenAll
from broker.paper.engine.instruments import listed_at
from domain.exits.flatten import PositionKey
from domain.orders.lifecycle import State
from domain.orders.reasons import Reason
from domain.orders.text import could_not_leave
from domain.orders.types import EXTERNAL
from domain.ports import IST
from domain.risk.checks import TradingState
from tests.scenarios.books import rows_of
from tests.scenarios.paper import MakePaper, Paper, Placed
from tests.scenarios.scene import RESTING, MakeScene, Scene, listen
from tests.scenarios.waiting import WAIT_S, until
from tests.timing import patient

QUICK: dict[str, Any] = {
    "exits": {
        "unfilled_s": patient(0.25),
        "cancel_again_s": patient(0.15),
        "retry_s": 0.1,
        "retry_s_max": 0.4,
        "flat_for_s": 0.3,
    }
}


@pytest.fixture
def scene(make_scene: MakeScene, paper: Paper) -> Scene:
    return make_scene(paper, **QUICK)


def held(scene: Scene, name: str = "held") -> str:
    """Let a strategy of this name hold ten shares; return the name."""
    command = scene.command(name, strategy=f"{scene.name}-{name}")
    scene.submit(command)
    scene.until_state(command, State.FILLED)
    return command.strategy


def until_flat(scene: Scene) -> None:
    until(lambda: not scene.desk.exits().under_way, lambda: f"not flat: {scene.desk.exits()}", WAIT_S)


def exits_at_broker(scene: Scene) -> list[Placed]:
    """Return the sells of this desk, oldest first."""
    placed = scene.paper.ledger().orders
    return [one for one in placed if one.side == "S" and one.number not in scene.earlier]


def test_flatten_takes_back_what_works_sells_what_is_held_and_stops_entries(scene: Scene) -> None:
    strategy = held(scene)
    rests = scene.command("rests", strategy=f"{scene.name}-rests", price=RESTING)
    scene.submit(rests)

    position_keys = scene.desk.flatten("enough for today")

    assert {one.strategy for one in position_keys} == {strategy, rests.strategy}
    until_flat(scene)
    assert scene.desk.holdings().positions.keys() <= {EXTERNAL}
    assert scene.order(rests).state is State.CANCELED
    (sold,) = exits_at_broker(scene)
    assert (sold.quantity, sold.filled) == (10, 10)
    trading = scene.desk.status().trading
    assert (trading.state, trading.reason) == (TradingState.EXITS_ONLY, "flatten: enough for today")
    assert scene.submit(scene.command("more", strategy="more")).tag is Reason.TRADING_EXITS_ONLY
    scene.until_books_agree()


def test_one_strategys_flatten_leaves_the_others_alone(scene: Scene) -> None:
    mine, other = held(scene, "mine"), held(scene, "other")

    scene.desk.flatten("mine only", mine)

    until_flat(scene)
    assert (scene.held(mine), scene.held(other)) == (0, 10)
    assert scene.desk.status().trading.state is TradingState.ACTIVE


@pytest.mark.parametrize(
    ("kind", "given"),
    [
        ("refuse", {"count": 2}),
        ("reject_later", {"count": 2, "seconds": 0.05}),
        ("no_fill", {"count": 1}),
        ("partial_fill", {"count": 1, "fraction": "0.4"}),
        ("timeout_after", {"count": 1}),
        ("not_arrived", {"count": 1}),
        ("html_502_after", {"count": 1}),
    ],
)
def test_an_exit_that_fails_is_sent_again_until_flat_and_never_oversells(
    scene: Scene, paper: Paper, kind: str, given: dict[str, Any]
) -> None:
    """G4: rejected, unfilled, filled in part, lost: the flatten task goes on."""
    strategy = held(scene)
    paper.fault("PlaceOrder", kind, **given)

    scene.desk.flatten("whatever the broker says", strategy)

    until_flat(scene)
    assert scene.held(strategy) == 0
    sold = exits_at_broker(scene)
    assert sum(one.filled for one in sold) == 10
    scene.until_ready()
    scene.until_books_agree()


def test_two_wishes_for_one_position_are_one_episode(scene: Scene) -> None:
    """G3: a stop, a loss limit and a person in the same second."""
    strategy = held(scene)

    for reason in ("the stop", "the loss limit", "a person"):
        scene.desk.flatten(reason, strategy)

    until_flat(scene)
    (sold,) = exits_at_broker(scene)
    assert (sold.side, sold.filled, scene.held(strategy)) == ("S", 10, 0)


def test_a_strategy_that_wants_out_right_after_its_entry_gets_out(make_scene: MakeScene, paper: Paper) -> None:
    """`exit_all` in the same breath as `buy`: the entry has not reached the guard when the flatten task begins."""
    fickle = {"class": "tests.scenarios.strategies:Fickle", "name": "fickle"}
    scene = make_scene(paper, **QUICK, strategies=[fickle])
    paper.fault("SearchScrip", "slow", seconds=0.1)

    scene.desk.start_strategies()

    def fates() -> dict[str, str]:
        return {one["intent"]: one["state"] for one in rows_of(scene.path).values() if one["strategy"] == "fickle"}

    until(lambda: fates().get("ENTRY") in {State.FILLED, State.CANCELED}, lambda: f"it did not enter: {fates()}")
    until_flat(scene)
    placed = [one for one in paper.ledger().orders if one.number not in scene.earlier]
    until(lambda: scene.held("fickle") == 0, "not flat")
    assert sum(one.filled * (1 if one.side == "B" else -1) for one in placed) == 0
    assert not [one for one in placed if one.status == "OPEN"]
    scene.until_books_agree()


def test_a_position_closed_by_phone_meanwhile_is_not_closed_twice(make_scene: MakeScene, make_paper: MakePaper) -> None:
    """G5: the exit looks again before each order."""
    paper = make_paper()
    paper.set_price("NSE", "RELIANCE-EQ", "1500.00")
    scene = make_scene(paper, **QUICK)
    strategy = held(scene)
    paper.fault("PlaceOrder", "refuse", count=None)
    scene.desk.flatten("by both", strategy)
    until(lambda: max(scene.desk.exits().under_way.values(), default=0) >= 2, "no exit was tried")

    paper.phone("S", 10, "1498.00")
    until(lambda: scene.desk.holdings().positions.get(EXTERNAL), "the phone's trade was not seen")
    paper.clear_faults()

    scene.until_books_agree()
    assert [one.quantity for one in exits_at_broker(scene) if one.remarks] == []
    until_flat(scene)


def test_what_the_phone_closed_in_part_is_sold_for_the_rest_only(make_scene: MakeScene, make_paper: MakePaper) -> None:
    """G5: two strategies hold ten each, the phone sells fifteen; together they sell five."""
    paper = make_paper()
    paper.set_price("NSE", "RELIANCE-EQ", "1500.00")
    scene = make_scene(paper, **QUICK)
    held(scene, "one")
    held(scene, "two")
    paper.phone("S", 15, "1498.00")
    until(lambda: scene.desk.holdings().positions.get(EXTERNAL), "the phone's trade was not seen")

    scene.desk.flatten("the rest")

    until_flat(scene)
    assert sum(one.filled for one in exits_at_broker(scene) if one.remarks) == 5
    scene.until_books_agree()


def test_a_position_above_the_freeze_quantity_gets_out_in_slices_that_count_as_no_failure(
    make_scene: MakeScene, make_paper: MakePaper
) -> None:
    """G10: three orders, none above what the exchange takes at once, no word of trouble."""
    paper = make_paper()
    option = next(one for one in listed_at(datetime.now(tz=IST)) if one.underlying == "NIFTY" and one.option == "CE")
    paper.set_price("NFO", option.symbol, "100.00")
    scene = make_scene(paper, **QUICK)
    terms = {"exchange": "NFO", "symbol": option.symbol, "product": "NRML", "order_type": "MARKET", "quantity": 1_755}
    for name, intent in (("in", "ENTRY"), ("more", "ADJUST"), ("most", "ADJUST")):
        command = scene.command(name, **terms, intent=intent)
        scene.submit(command)
        scene.until_state(command, State.FILLED)
    heard = listen(scene)

    scene.desk.flatten("all of it", scene.name)

    until(lambda: scene.held() == 0, "not flat", 20)
    until_flat(scene)
    assert [one.filled for one in exits_at_broker(scene)] == [1_755] * 3
    assert [one.level for one in heard if one.topic.startswith("exit:")] == ["INFO", "INFO"]
    scene.until_books_agree()


def test_an_exit_goes_on_after_the_desk_was_down(scene: Scene, paper: Paper) -> None:
    """The request is on disk: the next start sees it through."""
    strategy = held(scene)
    paper.fault("PlaceOrder", "refuse", count=None)
    scene.desk.flatten("before the crash", strategy)
    until(lambda: sum(scene.desk.exits().under_way.values()) >= 1, "no exit was tried")
    scene.stop(grace_s=0)
    paper.clear_faults()

    scene.start()

    until(lambda: scene.held(strategy) == 0, "not flat")
    until_flat(scene)
    assert sum(one.filled for one in exits_at_broker(scene)) == 10
    scene.until_books_agree()


def test_what_one_exit_could_not_get_out_of_is_seen_to_flat_and_nothing_else(scene: Scene, paper: Paper) -> None:
    """FINDINGS D14: with the session away a hand-sent exit is refused; sent until flat, the desk goes on with it."""
    strategy, other = held(scene), held(scene, "other")
    login = paper.fault("QuickAuth", "refuse", text="Server is busy", count=None)
    paper.fault("*", "session_expired", count=None)
    until(lambda: paper.fired(login), "the dead session was not noticed")
    way_out = scene.command("out", strategy=strategy, intent="EXIT", side="SELL")
    refused = scene.submit(way_out)
    assert could_not_leave(refused)

    scene.desk.see_to_flat((PositionKey(strategy, way_out.key),), "exit out could not leave")
    paper.clear_faults()

    until(lambda: scene.held(strategy) == 0, "not flat")
    until_flat(scene)
    assert scene.held(other) == 10
    assert [one.filled for one in exits_at_broker(scene)] == [10]
    scene.until_books_agree()


def test_flatten_in_a_burst_of_entries_stops_them_and_its_exit_leaves_next(make_scene: MakeScene, paper: Paper) -> None:
    """A thousand wait while the broker is slow: nothing but what was on its way may come before the exit."""
    scene = make_scene(paper, **QUICK, broker={"read_timeout_s": patient(1)})
    strategy = held(scene)
    before = len(paper.ledger().arrivals)
    paper.fault("PlaceOrder", "slow", count=None, seconds=patient(0.1))
    entries = [scene.command(f"e{n}", strategy=f"{scene.name}-e{n}", price=RESTING) for n in range(1_000)]
    answers = [scene.send(one) for one in entries]
    until(lambda: len(paper.ledger().arrivals) >= before + 2, "no entry was sent")
    known = len(paper.ledger().arrivals)

    scene.desk.flatten("in the middle of it")
    until(lambda: any(one.remarks and one.side == "S" for one in exits_at_broker(scene)), "no exit was sent")
    arrivals = paper.ledger().arrivals[known:]
    until(lambda: all(one.all() for one in answers), "an entry was not answered", 30)
    paper.clear_faults()

    until_flat(scene)
    exit_tag = next(one.remarks for one in exits_at_broker(scene) if one.side == "S")
    position = next(at for at, (tag, _, _) in enumerate(arrivals) if tag == exit_tag)
    assert position <= 2, f"{position} entries came before the exit"
    assert scene.held(strategy) == 0
    placed = [one for one in paper.ledger().orders if one.number not in scene.earlier]
    assert len(placed) < 100, "entries went on"
    assert not [one for one in placed if one.status == "OPEN"]
    net = sum(one.filled * (1 if one.side == "B" else -1) for one in placed if one.remarks)
    assert net == 0


def test_what_the_desk_itself_makes_flat_gets_out_of_a_halt(scene: Scene) -> None:
    """G2: a stop or a limit finds trading halted."""
    strategy = held(scene)
    scene.desk.set_trading_state(TradingState.HALTED, "something is odd")

    scene.desk._wiring.exits.tell(FlattenAll(reason="the day's loss limit", strategy=strategy))

    until(lambda: scene.held(strategy) == 0, "not flat")
    until_flat(scene)
    (sold,) = exits_at_broker(scene)
    assert (sold.side, sold.filled) == ("S", 10)
