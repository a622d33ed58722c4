"""The day's loss limit: broken, kept, blind, resumed; and what a person is told on the way."""

from decimal import Decimal
from typing import Any

import pytest

from domain.orders.command import OrderCommand
from domain.orders.lifecycle import State
from domain.orders.reasons import Reason
from domain.orders.types import EXTERNAL
from domain.risk.checks import TradingState
from tests.scenarios.paper import MakePaper, Paper
from tests.scenarios.scene import RESTING, MakeScene, Pushed, Scene, listen
from tests.scenarios.test_exits import QUICK, exits_at_broker, until_flat
from tests.scenarios.test_stops import price
from tests.scenarios.waiting import until
from tests.timing import patient

LIMITED: dict[str, Any] = {
    **QUICK,
    "risk": {"daily_loss_max": 500, "look_s": 0.05, "prices_stale_s_max": patient(1), "resume_cooloff_s": 0},
}


@pytest.fixture
def paper(make_paper: MakePaper) -> Paper:
    paper = make_paper()
    paper.set_price("NSE", "RELIANCE-EQ", "1500.00")
    return paper


@pytest.fixture
def scene(make_scene: MakeScene, paper: Paper) -> Scene:
    return make_scene(paper, kind=Pushed, **LIMITED)


def enter(scene: Scene, name: str, **terms: Any) -> OrderCommand:  # noqa: ANN401  any field
    command = scene.command(name, strategy=f"{scene.name}-{name}", **terms)
    scene.submit(command)
    scene.until_state(command, State.FILLED)
    return command


def until_broken(scene: Scene) -> None:
    until(lambda: scene.desk.pnl().risk_day.breach, lambda: f"no breach: {scene.desk.pnl()}")


def until_all_flat(scene: Scene) -> None:
    until(lambda: set(scene.desk.holdings().positions) <= {EXTERNAL}, lambda: f"held: {scene.desk.holdings()}")
    until_flat(scene)


def test_a_broken_limit_stops_entries_takes_back_what_works_and_gets_out_of_everything(
    scene: Scene, paper: Paper
) -> None:
    """G7: 60 shares that fall by ten rupees lose 600, more than the day may."""
    many = [enter(scene, f"e{n}", quantity=20) for n in range(3)]
    rests = scene.command("rests", strategy="rests", price=RESTING)
    scene.submit(rests)
    heard = listen(scene)

    price(paper, "1490.00")

    until_broken(scene)
    until_all_flat(scene)
    assert scene.order(rests).state is State.CANCELED
    trading = scene.desk.status().trading
    assert trading.state is TradingState.EXITS_ONLY
    assert trading.reason.startswith("the day's loss limit is broken: -")
    assert scene.submit(scene.command("more", strategy="more")).tag is Reason.DAILY_LOSS_BREACHED
    assert sum(one.filled for one in exits_at_broker(scene)) == 20 * len(many)
    until(lambda: any(one.topic == "risk" and one.ends for one in heard), "the end was not told")
    assert [one.level for one in heard if one.topic == "risk"] == ["CRITICAL", "WARNING"]
    scene.until_books_agree()


def test_a_broken_limit_leaves_delivery_held_and_takes_back_what_would_add_to_it(scene: Scene, paper: Paper) -> None:
    """The sum leaves delivery out: so the limit has no word on it."""
    kept = enter(scene, "kept", product="CNC")
    enter(scene, "loses", quantity=60)
    rests = scene.command("rests", strategy="rests", product="CNC", price=RESTING)
    scene.submit(rests)
    heard = listen(scene)

    price(paper, "1490.00")

    until_broken(scene)
    until(lambda: any(one.topic == "risk" and one.ends for one in heard), "the end was not told")
    until_flat(scene)
    scene.until_state(rests, State.CANCELED)
    assert {name: sum(held.values()) for name, held in scene.desk.holdings().positions.items()} == {kept.strategy: 10}
    assert f"RELIANCE-EQ (NSE CNC) of {kept.strategy}" in next(one.means for one in heard if one.topic == "risk")
    scene.desk.flatten("a person says so")
    until_all_flat(scene)
    scene.until_books_agree()


def test_a_warning_comes_before_the_limit(scene: Scene, paper: Paper) -> None:
    enter(scene, "one", quantity=50)
    heard = listen(scene)

    price(paper, "1491.50")

    until(lambda: any("of -500.00 limit" in one.what for one in heard), "no warning")
    assert scene.held(f"{scene.name}-one") == 50
    assert scene.desk.status().trading.state is TradingState.ACTIVE


def test_a_breach_holds_over_a_restart_and_ends_with_its_day(
    make_scene: MakeScene, paper: Paper, make_paper: MakePaper
) -> None:
    del make_paper
    scene = make_scene(paper, kind=Pushed, **LIMITED)
    enter(scene, "loses", quantity=100)
    price(paper, "1490.00")
    until_broken(scene)
    until_all_flat(scene)

    scene.stop(grace_s=0)
    scene.start()

    until(lambda: scene.desk.status().trading.state is TradingState.EXITS_ONLY, "the breach was forgotten")
    assert scene.submit(scene.command("again", strategy="again")).tag is Reason.DAILY_LOSS_BREACHED
    scene.stop()
    scene.clock.offset_s = paper.next_day()
    scene.start()
    until(lambda: scene.desk.status().trading.state is TradingState.ACTIVE, "yesterday's breach holds today")
    price(paper, "1500.00")
    enter(scene, "anew")


def test_a_person_resumes_after_a_breach_only_knowingly_and_the_limit_counts_anew(scene: Scene, paper: Paper) -> None:
    enter(scene, "loses", quantity=100)
    price(paper, "1490.00")
    until_broken(scene)
    until_all_flat(scene)

    refused = scene.desk.set_trading_state(TradingState.ACTIVE, "again")
    taken = scene.desk.set_trading_state(TradingState.ACTIVE, "I saw it", force=True)

    assert "resume --force" in refused.refused
    assert (taken.refused, taken.state) == ("", TradingState.ACTIVE)
    enter(scene, "again", quantity=50)
    level = scene.desk.pnl().level
    assert level is not None
    assert level < Decimal(-1000)


def test_the_cool_off_is_waited_for(make_scene: MakeScene, paper: Paper) -> None:
    scene = make_scene(paper, kind=Pushed, **{**LIMITED, "risk": {**LIMITED["risk"], "resume_cooloff_s": 900}})
    enter(scene, "loses", quantity=100)
    price(paper, "1490.00")
    until_broken(scene)

    refused = scene.desk.set_trading_state(TradingState.ACTIVE, "at once", force=True)

    assert refused.refused.endswith("resume can be said in 15 min")


def test_a_position_that_comes_up_after_the_breach_is_told_and_a_strategys_is_made_flat(
    scene: Scene, paper: Paper
) -> None:
    """The phone enters again: told at once. A late fill of a strategy: made flat again."""
    late = scene.command("late", strategy="late", price=RESTING)
    placed = scene.submit(late)
    assert placed.broker_order_id is not None
    enter(scene, "loses", quantity=100)
    price(paper, "1490.00")
    until_broken(scene)
    until_all_flat(scene)
    heard = listen(scene)
    until(lambda: scene.order(late).state is State.CANCELED, "the resting entry works on")

    paper.fill(placed.broker_order_id, 10)
    until(lambda: any("a position again" in one.what and "of late" in one.what for one in heard), "not told")
    until_all_flat(scene)
    paper.phone("B", 5, "1495.00")

    until(
        lambda: any("a position again" in one.what and EXTERNAL in one.what for one in heard), "not told of the phone"
    )
    scene.until_books_agree()


def test_one_strategys_budget_is_its_own(make_scene: MakeScene, paper: Paper) -> None:
    spender = {"class": "tests.scenarios.strategies:Fickle", "name": "spender", "loss_max": 50}
    scene = make_scene(paper, kind=Pushed, strategies=[spender], **LIMITED)
    for name in ("spender", "other"):
        scene.submit(scene.command(name, strategy=name))
    until(lambda: scene.held("spender") == scene.held("other") == 10, "not entered")

    price(paper, "1493.00")

    until(lambda: scene.held("spender") == 0, "not flat")
    assert scene.held("other") == 10
    until_flat(scene)
    assert scene.submit(scene.command("more", strategy="spender")).tag is Reason.STRATEGY_LOSS_BREACHED
    assert scene.desk.status().trading.state is TradingState.ACTIVE


def test_without_prices_the_loss_is_unknown_and_never_none(make_scene: MakeScene, paper: Paper) -> None:
    """G8: no feed and no position book while something is held."""
    scene = make_scene(paper, **LIMITED)
    enter(scene, "held")
    heard = listen(scene)
    for route in ("PositionBook", "GetQuotes"):
        paper.fault(route, "html_502", count=None)

    until(lambda: any(one.topic == "risk:blind" for one in heard), "it was not told")
    until(lambda: scene.desk.status().trading.state is TradingState.EXITS_ONLY, "entries go on")
    assert scene.submit(scene.command("more", strategy="more")).tag is Reason.PRICES_STALE
    paper.clear_faults()

    until(lambda: scene.desk.status().trading.state is TradingState.ACTIVE, "it does not see again")
    assert [one.ends for one in heard if one.topic == "risk:blind"] == [False, True]


def test_a_breach_while_the_feed_is_down_and_the_session_dies_ends_flat(make_scene: MakeScene, paper: Paper) -> None:
    """The position book brings the price; the exit meets a dead session, logs in once, and leaves."""
    scene = make_scene(paper, **LIMITED)
    enter(scene, "held", quantity=100)
    heard = listen(scene)
    paper.fault("*", "session_expired", count=1)

    price(paper, "1490.00")

    until_broken(scene)
    until_all_flat(scene)
    until(lambda: any(one.topic == "risk" and one.ends for one in heard), "the end was not told")
    assert scene.desk.status().trading.state is TradingState.EXITS_ONLY
    assert sum(one.filled for one in exits_at_broker(scene)) == 100
    scene.until_books_agree()
    story = [one.what for one in heard if one.topic == "risk"]
    assert story[0].startswith("The day's loss limit is broken: -")
    assert story[-1].startswith("After the loss limit's breach no strategy holds anything")


@pytest.mark.parametrize(
    ("limits", "second", "reason"),
    [
        ({"open_positions_max": 1}, {}, Reason.OPEN_POSITIONS_EXCEEDED),
        ({"price_collar_percent": 1}, {"price": "1520.00"}, Reason.PRICE_OUTSIDE_COLLAR),
    ],
)
def test_an_entry_beyond_a_limit_is_refused_by_its_name(
    make_scene: MakeScene, paper: Paper, limits: dict[str, Any], second: dict[str, Any], reason: Reason
) -> None:
    scene = make_scene(paper, **{**LIMITED, "risk": {**LIMITED["risk"], **limits}})
    enter(scene, "first")

    assert scene.submit(scene.command("second", strategy="second", **second)).tag is reason


def test_orders_that_could_meet_are_told(make_scene: MakeScene, paper: Paper) -> None:
    scene = make_scene(paper, **LIMITED)
    scene.submit(scene.command("buys", strategy="buys", price=RESTING))
    heard = listen(scene)

    scene.submit(scene.command("sells", strategy="sells", side="SELL", price="1550.00"))

    until(lambda: heard, "nothing was told")
    assert "could trade with our own order" in heard[0].what


def test_after_lost_days_entries_rest(make_scene: MakeScene, paper: Paper) -> None:
    """G7: the cool-down is kept over the night."""
    limits = {**LIMITED["risk"], "daily_loss_max": None, "losing_days_max": 1}
    scene = make_scene(paper, kind=Pushed, **{**LIMITED, "risk": limits})
    enter(scene, "loses", quantity=10)
    price(paper, "1490.00")
    until(lambda: scene.desk.pnl().risk_day.pnl < 0, "nothing was lost")
    scene.desk.flatten("out")
    until_all_flat(scene)
    scene.desk.set_trading_state(TradingState.ACTIVE, "a new day")
    scene.stop()
    scene.clock.offset_s = paper.next_day()

    scene.start()

    until(lambda: scene.desk.status().trading.state is TradingState.EXITS_ONLY, "entries do not rest")
    assert scene.submit(scene.command("more", strategy="more")).tag is Reason.COOLING_DOWN
