"""The turn of a day, and what the broker does by itself at its end (B8, B11)."""

from collections.abc import Iterator
from datetime import datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Final

import pytest

from broker.paper.engine.instruments import Catalogue, Instrument
from domain.orders.command import OrderCommand
from domain.orders.lifecycle import State
from domain.orders.reasons import Reason
from domain.ports import IST
from tests.scenarios.books import rows_of
from tests.scenarios.paper import MakePaper, Paper
from tests.scenarios.scene import RESTING, Scene, ShiftedClock, settings_for
from tests.scenarios.waiting import until

_WEDNESDAY: Final = 2


@pytest.fixture
def ahead_s() -> float:
    """Return how far the coming Wednesday, 10:00 IST, is: two trading days follow, and no contract expires on them."""
    now = datetime.now(IST)
    then = now + timedelta(days=(_WEDNESDAY - now.weekday()) % 7 or 7)
    return (then.replace(hour=10, minute=0) - now).total_seconds()


@pytest.fixture
def wednesday(make_paper: MakePaper, ahead_s: float) -> Paper:
    paper = make_paper("--clock-offset-s", str(ahead_s))
    paper.set_price("NSE", "RELIANCE-EQ", "1500.00")
    return paper


@pytest.fixture
def scene(wednesday: Paper, tmp_path: Path, ahead_s: float) -> Scene:
    path = tmp_path / "desk.db"
    return Scene(wednesday, path, settings_for(wednesday, path), ShiftedClock(ahead_s))


@pytest.fixture(autouse=True)
def _closed(scene: Scene) -> Iterator[None]:
    yield
    scene.close()


@pytest.mark.parametrize("over_night", ["the desk runs", "the desk is down"])
def test_the_day_after_nothing_stays_open_and_only_what_is_still_held_can_be_sold(
    scene: Scene, wednesday: Paper, over_night: str
) -> None:
    """B11: intraday is gone, overnight and delivered are kept, what rested has ended, a new day begins."""
    future = _future(scene)
    fut = {"exchange": "NFO", "symbol": future.symbol, "product": "NRML", "quantity": future.lot}
    intraday = _held(scene, "intraday")
    delivered = _held(scene, "delivered", product="CNC")
    carried = _held(scene, "carried", price=str(future.upper_circuit), **fut)
    rests = scene.command("rests", strategy="rests", price=RESTING)
    scene.submit(rests)
    scene.until_books_agree()

    _turn_the_page(scene, wednesday, is_down=over_night == "the desk is down")

    assert scene.until_state(rests, State.CANCELED).tag is Reason.DAY_ENDED_UNKNOWN
    held = {"intraday": 0, "delivered": 10, "carried": future.lot}
    until(lambda: {name: scene.held(name) for name in held} == held, lambda: f"{scene.desk.holdings()}")
    gone = scene.submit(_exit_of(scene, intraday))
    assert (gone.state, gone.tag) == (State.BLOCKED, Reason.NOTHING_TO_EXIT)
    sold = [
        _exit_of(scene, delivered),
        _exit_of(scene, carried, price=str(future.lower_circuit)),
    ]
    for one in sold:
        scene.submit(one)
        scene.until_state(one, State.FILLED)
    fresh = _held(scene, "fresh")
    assert [scene.times_sent(one) for one in (*sold, fresh)] == [1, 1, 1]
    scene.until_ready()
    assert not scene.desk.readiness().breaks


def test_an_order_placed_after_hours_is_the_next_days(scene: Scene, wednesday: Paper) -> None:
    """B11: it is not ended with the day it was placed on, and fills when the market opens."""
    command = scene.command("amo", product="CNC", amo=True)
    scene.submit(command)
    scene.until_state(command, State.WORKING)

    _turn_the_page(scene, wednesday, is_down=True)

    assert scene.until_state(command, State.FILLED).filled_quantity == 10
    assert scene.times_sent(command) == 1
    scene.until_books_agree()


def test_the_fate_of_an_order_that_was_unconfirmed_in_the_evening_is_found_in_the_morning(
    scene: Scene, wednesday: Paper
) -> None:
    """B11, R4: it never arrived, its proof was cut short by the night; the new books add up without it."""
    wednesday.fault("PlaceOrder", "not_arrived")
    wednesday.fault("OrderBook", "html_504", count=None)
    command = scene.command("lost")
    assert scene.submit(command).state is State.UNCONFIRMED

    wednesday.clear_faults()
    _turn_the_page(scene, wednesday, is_down=True)

    over = scene.until_state(command, State.NOT_PLACED, State.CANCELED)
    assert (over.filled_quantity, scene.times_sent(command), scene.is_nowhere(command)) == (0, 1, True)


def test_the_brokers_own_square_off_leaves_our_exit_nothing_to_close(scene: Scene, wednesday: Paper) -> None:
    """B8: its orders are EXTERNAL, ours that rested is canceled, and nothing of ours opens the other side."""
    entry = _held(scene, "entry")
    rests = scene.command("rests", strategy="rests", price=RESTING)
    scene.submit(rests)

    wednesday.square_off()

    scene.until_state(rests, State.CANCELED)
    until(lambda: _external(scene) == [("SELL", State.FILLED, 10)], lambda: f"{_external(scene)}")
    way_out = scene.submit(_exit_of(scene, entry))
    assert (way_out.state, way_out.tag) == (State.BLOCKED, Reason.NOTHING_TO_EXIT)
    scene.until_ready()


def test_the_brokers_own_square_off_closes_our_positions_at_its_price_and_is_told_once(
    scene: Scene, wednesday: Paper
) -> None:
    """B8: no strategy shows what is no more, nor EXTERNAL its counterpart; what it cost is the strategy's."""
    _held(scene, "entry")
    scene.until_books_agree()

    wednesday.square_off()

    until(lambda: scene.held("entry") == 0, lambda: f"{scene.desk.holdings()}")
    until(lambda: scene.held("EXTERNAL") == 0, lambda: f"{scene.desk.holdings()}")
    before = {row.position_key.strategy: (row.quantity, row.realised) for row in scene.desk.pnl().rows}
    told = [one.alert for one in scene.desk.alerts().records if "squared off" in one.alert.what]
    assert before["entry"][1] < 0
    assert before["EXTERNAL"] == (0, Decimal(0))
    assert [one.what.endswith(": entry +10.") for one in told] == [True]
    scene.stop()
    scene.start()
    assert {row.position_key.strategy: (row.quantity, row.realised) for row in scene.desk.pnl().rows} == before
    assert (scene.held("entry"), scene.held("EXTERNAL")) == (0, 0)


def test_an_order_changed_by_phone_has_the_phones_terms(scene: Scene, wednesday: Paper) -> None:
    """B8: its quantity and price are what the broker says."""
    command = scene.command("rests", price=RESTING)
    scene.submit(command)

    wednesday.modify(scene.at_broker(command).number, qty=6, prc="1502.00")

    order = scene.until_state(command, State.FILLED)
    assert (order.quantity, order.filled_quantity, order.limit_price) == (6, 6, Decimal("1502.00"))
    assert scene.held() == 6


def test_a_product_changed_by_phone_stops_entries_until_a_person_accepts_it(scene: Scene, wednesday: Paper) -> None:
    """B8, B12: no order explains it, so that a person has to."""
    _held(scene, "held")
    scene.until_books_agree()

    wednesday.convert("RELIANCE-EQ", 10, "I", "C")

    names = {"position:NSE|RELIANCE-EQ|MIS", "position:NSE|RELIANCE-EQ|CNC"}
    until(lambda: {one.name for one in scene.desk.readiness().breaks} == names, "nobody noticed")
    declined = scene.answer(scene.command("more", strategy="more"))
    assert getattr(declined, "reason", None) is Reason.RECONCILIATION_BREAK
    for name in names:
        scene.desk.accept(name, "made it delivery by phone")
    scene.until_ready()
    assert scene.times_sent(_held(scene, "after")) == 1


def _turn_the_page(scene: Scene, paper: Paper, *, is_down: bool) -> None:
    """Let the night pass at the broker and at the desk, which is stopped for it or not."""
    if is_down:
        scene.stop(grace_s=0)
    scene.clock.offset_s = paper.next_day()
    if is_down:
        scene.start()
    scene.until_ready()


def _held(scene: Scene, name: str, **given: object) -> OrderCommand:
    """Buy, and return the order once it has filled."""
    command = scene.command(name, strategy=name, **given)
    scene.submit(command)
    scene.until_state(command, State.FILLED)
    return command


def _exit_of(scene: Scene, entry: OrderCommand, price: str = "1498.00") -> OrderCommand:
    given = {"exchange": entry.exchange, "symbol": entry.symbol, "product": entry.product, "quantity": entry.quantity}
    name = f"{entry.strategy}-exit"
    return scene.command(name, strategy=entry.strategy, intent="EXIT", side="SELL", price=price, **given)


def _external(scene: Scene) -> list[tuple[str, str, int]]:
    rows = rows_of(scene.path).values()
    return [(one["side"], one["state"], one["filled_quantity"]) for one in rows if one["strategy"] == "EXTERNAL"]


def _future(scene: Scene) -> Instrument:
    """Return an index future of the broker's list."""
    return next(one for one in Catalogue(scene.clock.now()).listed() if one.kind == "FUTIDX")
