"""Stops, targets and trails: from the entry's fill to flat, over restarts and nights, and beside a person's phone."""

import sqlite3
from datetime import datetime
from decimal import Decimal
from typing import Any

import pytest

from domain.alerts.alert import Level
from domain.exits.flatten import PositionKey
from domain.exits.stops import ArmedStop
from domain.orders.command import OrderCommand
from domain.orders.lifecycle import State
from domain.orders.reasons import Reason
from domain.orders.stop_terms import StopTerms
from domain.orders.types import EXTERNAL, Exchange, InstrumentKey, Product
from domain.ports import IST
from domain.risk.checks import TradingState
from tests.scenarios.paper import MakePaper, Paper, Placed
from tests.scenarios.scene import RESTING, MakeScene, Pushed, Scene, ShiftedClock, listen
from tests.scenarios.strategies import let_go
from tests.scenarios.test_exits import QUICK, exits_at_broker, until_flat
from tests.scenarios.waiting import until
from tests.timing import patient

WATCHFUL: dict[str, Any] = {**QUICK, "stops": {"look_s": 0.1, "price_age_s_max": 6}}


@pytest.fixture
def paper(make_paper: MakePaper) -> Paper:
    paper = make_paper()
    paper.set_price("NSE", "RELIANCE-EQ", "1500.00")
    return paper


@pytest.fixture
def scene(make_scene: MakeScene, paper: Paper) -> Scene:
    return make_scene(paper, kind=Pushed, **WATCHFUL)


def price(paper: Paper, value: str) -> None:
    paper.set_price("NSE", "RELIANCE-EQ", value)


def enter(scene: Scene, name: str = "entry", **terms: Any) -> OrderCommand:  # noqa: ANN401  any field
    command = scene.command(name, **terms)
    scene.submit(command)
    scene.until_state(command, State.FILLED)
    return command


def armed(scene: Scene) -> list[ArmedStop]:
    return [one for one, _, _ in scene.desk.stops().armed]


def until_armed(scene: Scene, stop: str | None = None) -> ArmedStop:
    until(
        lambda: any(stop is None or one.stop == Decimal(stop) for one in armed(scene)),
        lambda: f"stops {stop} expected: {[str(one) for one in armed(scene)]}",
    )
    return armed(scene)[0]


def the_exit(scene: Scene) -> Placed:
    until(lambda: scene.held() == 0, "not flat")
    until_flat(scene)
    (sold,) = exits_at_broker(scene)
    return sold


@pytest.mark.parametrize("reached", ["1490.00", "1431.00"], ids=["at the stop", "by a gap"])
def test_a_stop_gets_out_when_the_price_reaches_it_or_jumps_over_it(scene: Scene, paper: Paper, reached: str) -> None:
    enter(scene, stop_loss="1490", target="1520")
    until_armed(scene, "1490")
    price(paper, "1490.10")
    until(lambda: scene.desk.stops().armed[0][1] == Decimal("1490.10"), "the price was not seen")
    assert scene.held() == 10

    price(paper, reached)

    assert (the_exit(scene).filled, armed(scene)) == (10, [])
    scene.until_books_agree()


def test_what_is_entered_again_as_soon_as_a_stop_has_got_out_is_kept(make_scene: MakeScene, paper: Paper) -> None:
    """The desk looks for late fills for a while yet: what its strategy enters meanwhile is none of them."""
    scene = make_scene(paper, **{**WATCHFUL, "exits": {**QUICK["exits"], "flat_for_s": 2.0}})
    enter(scene, stop_loss="1490")
    until_armed(scene)
    price(paper, "1489.00")
    until(lambda: scene.held() == 0, "not flat")

    again = enter(scene, "again")

    until_flat(scene)
    assert (scene.order(again).state, scene.held()) == (State.FILLED, 10)
    assert len(exits_at_broker(scene)) == 1
    scene.until_books_agree()


def test_a_target_gets_out_and_its_stop_is_over(scene: Scene, paper: Paper) -> None:
    enter(scene, stop_loss="1490", target="1520")
    until_armed(scene)

    price(paper, "1521.00")

    assert the_exit(scene).filled == 10
    price(paper, "1400.00")
    scene.until_books_agree()
    assert len(exits_at_broker(scene)) == 1


def test_a_short_position_is_bought_back_at_its_stop(scene: Scene, paper: Paper) -> None:
    command = enter(scene, side="SELL", price="1498.00", stop_loss="1510")
    until_armed(scene, "1510")

    price(paper, "1510.00")

    until(lambda: scene.held(command.strategy) == 0, "not flat")
    until_flat(scene)
    scene.until_books_agree()


def test_a_trail_follows_the_price_keeps_its_peak_over_a_restart_and_gets_out(scene: Scene, paper: Paper) -> None:
    """G6: armed stops and peaks are on disk."""
    enter(scene, trailing_type="POINTS", trailing_value="10", trail_activation="1510", stop_loss="1480")
    until_armed(scene, "1480")
    price(paper, "1530.00")
    until_armed(scene, "1520")
    until(lambda: 1530 in peaks(scene), "the peak was not written")
    price(paper, "1525.00")

    scene.stop(grace_s=0)
    scene.start()

    again = until_armed(scene, "1520")
    assert again.best_price == Decimal(1530)
    price(paper, "1519.00")
    assert the_exit(scene).filled == 10


def test_a_quote_that_a_younger_tick_overtakes_on_its_way_fires_no_trail(scene: Scene, paper: Paper) -> None:
    """The broker reads 1500 when it is asked, and answers after the feed has told 1530."""
    before = paper.ledger().requests.get("GetQuotes", 0)
    paper.fault("GetQuotes", "slow_after", seconds=0.7)
    enter(scene, trailing_type="POINTS", trailing_value="10", stop_loss="1480")
    until(lambda: paper.ledger().requests.get("GetQuotes", 0) > before, "no quote was asked for")
    price(paper, "1530.00")
    until_armed(scene, "1520")

    # The broker is asked for one thing after the other: what is read after the quote comes after it.
    books = paper.ledger().requests["OrderBook"]
    until(lambda: paper.ledger().requests["OrderBook"] > books + 1, "nothing was read after the quote")

    assert exits_at_broker(scene) == []
    assert armed(scene)[0].best_price == Decimal(1530)
    price(paper, "1519.00")
    assert the_exit(scene).filled == 10


def peaks(scene: Scene) -> list[Decimal]:
    return [Decimal(best_price) for (best_price,) in rows(scene, "SELECT best_price FROM armed_stops")]


def test_a_stop_protects_what_has_filled_grows_with_it_and_takes_the_rest_back(scene: Scene, paper: Paper) -> None:
    """B5 with a stop armed: the working rest of the entry can't open the position again."""
    command = scene.command("parts", price=RESTING, stop_loss="1440")
    placed = scene.submit(command)
    assert placed.broker_order_id is not None
    paper.fill(placed.broker_order_id, 3)
    assert until_armed(scene, "1440").quantity == 3
    paper.fill(placed.broker_order_id, 4)
    until(lambda: armed(scene)[0].quantity == 7, "the stop did not grow")

    price(paper, "1439.00")

    until(lambda: scene.held() == 0, "not flat")
    until_flat(scene)
    order = scene.order(command)
    assert order.state in {State.CANCELED, State.FILLED}
    sold = exits_at_broker(scene)
    assert sum(one.filled for one in sold) == order.filled_quantity
    scene.until_books_agree()


def test_a_position_closed_by_phone_leaves_its_stop_nothing_to_sell(scene: Scene, paper: Paper) -> None:
    """G5, B8: the stop reads the position again; no order opens the other side."""
    enter(scene, stop_loss="1490")
    until_armed(scene, "1490")
    paper.phone("S", 10, "1498.00")
    until(lambda: scene.desk.holdings().positions.get(EXTERNAL), "the phone's trade was not seen")

    price(paper, "1485.00")

    scene.until_books_agree()
    until(lambda: not armed(scene), "the stop is still armed")
    assert [one.quantity for one in exits_at_broker(scene) if one.remarks] == []


def test_a_stop_of_an_overnight_position_is_armed_in_the_morning(scene: Scene, paper: Paper) -> None:
    """G6: the night ends no stop of a position that is carried."""
    enter(scene, product="CNC", stop_loss="1490", trailing_type="PERCENT", trailing_value="2")
    until_armed(scene, "1490")
    scene.stop()
    scene.clock.offset_s = paper.next_day()

    scene.start()

    until_armed(scene)
    price(paper, "1480.00")
    until(lambda: scene.held() == 0, "not flat")
    until_flat(scene)


def test_the_stop_of_an_entry_that_filled_while_the_desk_was_down_is_armed_by_the_next_start(
    scene: Scene, paper: Paper
) -> None:
    command = scene.command("unseen", price=RESTING, stop_loss="1440")
    placed = scene.submit(command)
    assert placed.broker_order_id is not None
    scene.stop(grace_s=0)
    paper.fill(placed.broker_order_id, 10)

    scene.start()

    until_armed(scene, "1440")


def test_a_crash_between_the_fill_and_its_stop_is_made_good_by_the_next_start(scene: Scene) -> None:
    """The fill is on disk and the stop is not: as after a kill between the two writes."""
    enter(scene, stop_loss="1440")
    until_armed(scene, "1440")
    scene.stop(grace_s=0)
    rows(scene, "DELETE FROM armed_stops")

    scene.start()

    until_armed(scene, "1440")


def rows(scene: Scene, sql: str) -> list[tuple[str, ...]]:
    with sqlite3.connect(scene.path) as connection:
        found = connection.execute(sql).fetchall()
    connection.close()
    return found


def scope_of(scene: Scene) -> PositionKey:
    return PositionKey(scene.name, InstrumentKey(Exchange.NSE, "RELIANCE-EQ", Product.MIS))


def test_a_person_sets_changes_and_removes_stops_of_what_is_held(scene: Scene, paper: Paper) -> None:
    position_key = scope_of(scene)
    nothing = scene.desk.protect(position_key, StopTerms(stop_loss=Decimal(1490)), "too early")
    assert nothing is not None
    assert nothing.refused.startswith("nothing is held of RELIANCE-EQ (NSE MIS)")
    enter(scene)

    first = scene.desk.protect(position_key, StopTerms(stop_loss=Decimal(1480)), "sleep well")
    until_armed(scene, "1480")
    until(lambda: scene.desk.stops().armed[0][1] is not None, "no price was seen")
    wrong = scene.desk.protect(position_key, StopTerms(stop_loss=Decimal(1600)), "a slip")
    second = scene.desk.protect(position_key, StopTerms(stop_loss=Decimal(1490), target=Decimal(1530)), "closer")

    assert first is not None
    assert first.armed_stop is not None
    assert wrong is not None
    assert "must be below the last price 1500.00" in wrong.refused
    assert second is not None
    assert [str(one) for one in armed(scene)] == ["stop 1490, target 1530"]
    removed = scene.desk.protect(position_key, None, "done")
    assert (removed is not None, armed(scene)) == (True, [])
    price(paper, "1400.00")
    assert (scene.held(), exits_at_broker(scene)) == (10, [])


def test_a_stop_hit_while_an_exit_is_unconfirmed_sells_nothing_twice(scene: Scene, paper: Paper) -> None:
    """R1 and B7 with a stop armed: the lost exit is searched for before another leaves."""
    enter(scene, stop_loss="1490")
    until_armed(scene, "1490")
    paper.fault("PlaceOrder", "timeout_after", count=1)

    price(paper, "1485.00")

    until(lambda: scene.held() == 0, "not flat")
    until_flat(scene)
    scene.until_books_agree()
    assert sum(one.filled for one in exits_at_broker(scene)) == 10


def test_stops_get_out_of_a_halt(scene: Scene, paper: Paper) -> None:
    """G2: the stop was the person's request before the halt."""
    enter(scene, stop_loss="1490")
    until_armed(scene, "1490")
    scene.desk.set_trading_state(TradingState.HALTED, "odd")

    price(paper, "1489.00")

    assert the_exit(scene).filled == 10


def test_while_the_feed_is_silent_the_position_book_brings_the_price(make_scene: MakeScene, paper: Paper) -> None:
    scene = make_scene(paper, **WATCHFUL)
    enter(scene, stop_loss="1490")
    until_armed(scene, "1490")

    price(paper, "1489.00")

    assert the_exit(scene).filled == 10


def test_a_stop_that_sees_no_price_says_so_and_says_when_it_sees_again(make_scene: MakeScene, paper: Paper) -> None:
    """Blind, by the feed and by the books: never taken for a price that stands still."""
    scene = make_scene(paper, **WATCHFUL)
    enter(scene, stop_loss="1490")
    until_armed(scene, "1490")
    heard = listen(scene)
    for route in ("PositionBook", "GetQuotes"):
        paper.fault(route, "html_502", count=None)
    until(lambda: any(one.level is Level.CRITICAL for one in heard), "nothing was said", 15)
    price(paper, "1480.00")

    paper.clear_faults()

    assert the_exit(scene).filled == 10
    until(lambda: any(one.ends for one in heard), "it was not said that prices come again")
    (blind,) = [one for one in heard if one.level is Level.CRITICAL]
    assert blind.what.startswith("No price of RELIANCE-EQ has come for")
    assert "stop 1490" in blind.means
    assert "flatten" in blind.do


def at_the_time(make_scene: MakeScene, make_paper: MakePaper, now: datetime, **sections: Any) -> Scene:  # noqa: ANN401  any section
    """Return a scene on a day of its own, at this time: nothing happens by itself before the test puts the clock on."""
    clock = ShiftedClock()
    clock.offset_s = (now - clock.now()).total_seconds()
    paper = make_paper("--clock-offset-s", str(clock.offset_s))
    paper.set_price("NSE", "RELIANCE-EQ", "1500.00")
    return make_scene(paper, clock=clock, **sections, **WATCHFUL)


def test_the_time_square_off_makes_the_day_flat_and_takes_nothing_new(
    make_scene: MakeScene, make_paper: MakePaper
) -> None:
    """20 minutes before the segment closes; what is carried overnight stays."""
    scene = at_the_time(make_scene, make_paper, datetime(2026, 11, 26, 15, 0, tzinfo=IST), calendar={"enforced": True})
    enter(scene, "day")
    enter(scene, "carried", strategy="carried", product="CNC")

    scene.clock.offset_s += 10 * 60

    until(lambda: scene.held() == 0, "not flat", 20)

    until_flat(scene)
    assert scene.held("carried") == 10
    late = scene.submit(scene.command("late", strategy="late"))
    assert (late.tag, "15:10" in late.note) == (Reason.SQUARE_OFF_BEGAN, True)


def test_a_strategys_own_square_off_is_its_own(make_scene: MakeScene, make_paper: MakePaper) -> None:
    mine = {"class": "tests.scenarios.strategies:Fickle", "name": "mine", "square_off": "13:00"}
    scene = at_the_time(make_scene, make_paper, datetime(2026, 11, 26, 12, 0, tzinfo=IST), strategies=[mine])
    enter(scene, "other", strategy="other")
    first = enter(scene, "mine", strategy="mine")

    scene.clock.offset_s += 60 * 60

    until(lambda: scene.held("mine") == 0, "not flat")

    assert scene.order(first).filled_quantity == 10
    assert scene.held("other") == 10


# Bad days, with stops armed.


def test_a_stop_that_is_hit_while_the_broker_hangs_waits_for_one_request_only(
    make_scene: MakeScene, paper: Paper
) -> None:
    """R9: fifty entries are queued behind the one that hangs; the stop's exit passes them all."""
    scene = make_scene(paper, kind=Pushed, **{**WATCHFUL, "broker": {"read_timeout_s": patient(1.5)}})
    enter(scene, stop_loss="1490")
    until_armed(scene, "1490")
    before = len(paper.ledger().arrivals)
    paper.fault("PlaceOrder", "slow", seconds=patient(0.5))
    entries = [scene.command(f"e{n}", strategy=f"{scene.name}-e{n}", price=RESTING) for n in range(50)]
    answers = [scene.send(one) for one in entries]
    until(lambda: len(paper.ledger().arrivals) == before + 1, "the first entry did not arrive")

    price(paper, "1485.00")

    until(lambda: scene.held() == 0, "not flat")
    until_flat(scene)
    until(lambda: all(one.all() for one in answers), "an entry was not answered")
    tags = [tag for tag, _, _ in paper.ledger().arrivals[before:]]
    (sold,) = exits_at_broker(scene)
    assert tags.index(sold.remarks) <= 2, "the exit waited behind entries"
    scene.until_books_agree()


def test_a_late_fill_after_a_confirmed_cancel_is_put_under_its_stop(scene: Scene, paper: Paper) -> None:
    """B7: the position that nobody expected any more is protected like any other."""
    command = scene.command("late", price=RESTING, stop_loss="1440")
    placed = scene.submit(command)
    assert placed.broker_order_id is not None
    paper.cancel(placed.broker_order_id)
    scene.until_state(command, State.CANCELED)
    assert armed(scene) == []

    paper.fill(placed.broker_order_id, 10)

    until_armed(scene, "1440")
    price(paper, "1439.00")
    until(lambda: scene.held() == 0, "not flat")
    until_flat(scene)
    scene.until_books_agree()


@pytest.mark.parametrize("how", ["waits", "raises"])
def test_the_stop_of_a_strategy_that_has_lost_its_mind_gets_out(make_scene: MakeScene, paper: Paper, how: str) -> None:
    """D7: stops are the desk's, not the strategy's thread's."""
    let_go.clear()
    troubled = {"class": "tests.scenarios.strategies:Troubled", "name": "troubled", "hook": "on_order", "how": how}
    scene = make_scene(paper, kind=Pushed, strategies=[troubled], **WATCHFUL)
    scene.desk.start_strategies()
    try:
        price(paper, "1500.00")
        until(lambda: scene.held("troubled") == 1, "it did not enter")
        where = PositionKey("troubled", scope_of(scene).key)
        until(lambda: set_by_hand(scene, where), "its stop was not taken")

        price(paper, "1480.00")

        until(lambda: scene.held("troubled") == 0, "not flat")
        until_flat(scene)
        scene.until_books_agree()
    finally:
        let_go.set()


def set_by_hand(scene: Scene, position_key: PositionKey) -> bool:
    answer = scene.desk.protect(position_key, StopTerms(stop_loss=Decimal(1490)), "by hand")
    return answer is not None and not answer.refused


# The stop at the broker at the broker.


@pytest.fixture
def netted(make_scene: MakeScene, paper: Paper) -> Scene:
    stops = {**WATCHFUL["stops"], "at_broker": True, "at_broker_change_s": 0.2}
    return make_scene(paper, kind=Pushed, **{**WATCHFUL, "stops": stops})


def nets(scene: Scene, status: str = "TRIGGER_PENDING") -> list[Placed]:
    return [one for one in exits_at_broker(scene) if one.price_type == "SL-LMT" and one.status == status]


def until_netted(scene: Scene) -> Placed:
    until(lambda: len(nets(scene)) == 1, lambda: f"no net is laid: {exits_at_broker(scene)}")
    return nets(scene)[0]


def test_a_net_is_laid_behind_a_stop_and_catches_what_falls_while_no_desk_runs(netted: Scene, paper: Paper) -> None:
    scene = netted
    enter(scene, stop_loss="1490")
    assert until_netted(scene).quantity == 10
    scene.stop(grace_s=0)
    price(paper, "1489.00")

    scene.start()

    until(lambda: scene.held() == 0, "the net's fill was not seen")
    until(lambda: not armed(scene), "the stop is still armed")
    scene.until_books_agree()
    assert sum(one.filled for one in exits_at_broker(scene)) == 10


def test_a_net_that_still_works_is_used_again_by_the_next_start(netted: Scene) -> None:
    scene = netted
    enter(scene, stop_loss="1490")
    first = until_netted(scene)
    scene.stop(grace_s=0)

    scene.start()

    until_armed(scene, "1490")
    scene.until_books_agree()
    assert [one.number for one in nets(scene)] == [first.number]


@pytest.mark.parametrize("way", ["stop", "target", "flatten", "the strategy's exit"])
def test_whatever_gets_out_takes_the_net_back_first(netted: Scene, paper: Paper, way: str) -> None:
    scene = netted
    enter(scene, stop_loss="1490", target="1520")
    until_netted(scene)

    match way:
        case "stop":
            price(paper, "1489.00")
        case "target":
            price(paper, "1521.00")
        case "flatten":
            scene.desk.flatten("by hand", scene.name)
        case _:
            scene.submit(scene.command("out", intent="EXIT", side="SELL", price="1498.00"))

    until(lambda: scene.held() == 0, "not flat")
    until_flat(scene)
    scene.until_books_agree()
    assert sum(one.filled for one in exits_at_broker(scene)) == 10
    assert nets(scene) == []


def test_a_net_follows_the_trail_and_is_taken_back_when_the_phone_closes_the_position(
    netted: Scene, paper: Paper
) -> None:
    scene = netted
    command = enter(scene, trailing_type="POINTS", trailing_value="10")
    until_netted(scene)
    price(paper, "1530.00")
    until(lambda: "1520" in net_triggers(scene), lambda: f"the net did not follow: {net_triggers(scene)}")

    scene.desk.protect(scope_of(scene), None, "no stops any more")

    until(lambda: nets(scene) == [], "the net is still there")
    assert scene.held(command.strategy) == 10
    scene.until_books_agree()


def test_a_net_that_the_broker_moves_no_more_is_laid_anew_where_the_stop_is(netted: Scene, paper: Paper) -> None:
    """Brokers bound the modifications of one order, some at 25."""
    scene = netted
    command = enter(scene, trailing_type="POINTS", trailing_value="10")
    first = until_netted(scene)
    heard = listen(scene)
    paper.fault("ModifyOrder", "refuse", text="Rejected : maximum modifications exceeded")

    price(paper, "1530.00")

    until(lambda: any("maximum modifications exceeded" in one.what for one in heard), "the broker's words are not told")
    until(lambda: [one.number for one in nets(scene)] not in ([], [first.number]), "no net was laid anew")
    until(lambda: "1520" in net_triggers(scene), lambda: f"the net did not follow: {net_triggers(scene)}")
    assert scene.held(command.strategy) == 10
    scene.until_books_agree()


def net_triggers(scene: Scene) -> set[str]:
    found = rows(scene, "SELECT wire_trigger_price FROM orders WHERE command_id LIKE 'net-%'")
    return {f"{Decimal(str(trigger)):f}".removesuffix(".0") for (trigger,) in found}
