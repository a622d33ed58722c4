"""Positions that are gone in the morning: a contract that expired, and one that has another name (D8, K5)."""

from collections.abc import Callable, Iterator
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any, Final

import pytest

from broker.paper.engine.instruments import Catalogue, Instrument
from domain.orders.command import OrderCommand
from domain.orders.lifecycle import State
from domain.orders.reasons import Reason
from domain.ports import IST
from domain.reconciliation.breaks import BreakKind
from tests.scenarios.paper import MakePaper, Paper
from tests.scenarios.scene import Scene, ShiftedClock, settings_for
from tests.scenarios.waiting import until

_TUESDAY: Final = 1
Start = Callable[[int], tuple[Scene, Paper]]


@pytest.fixture
def start(make_paper: MakePaper, tmp_path: Path) -> Iterator[Start]:
    """Start a broker and a desk at 10:00 of the coming day of this number in the week."""
    scenes: list[Scene] = []

    def begin(weekday: int) -> tuple[Scene, Paper]:
        now = datetime.now(IST)
        then = now + timedelta(days=(weekday - now.weekday()) % 7 or 7)
        ahead_s = (then.replace(hour=10, minute=0) - now).total_seconds()
        paper = make_paper("--clock-offset-s", str(ahead_s))
        path = tmp_path / "desk.db"
        scene = Scene(paper, path, settings_for(paper, path), ShiftedClock(ahead_s))
        scenes.append(scene)
        return scene, paper

    yield begin
    for scene in scenes:
        scene.close()


def option(scene: Scene) -> Instrument:
    return next(one for one in Catalogue(scene.clock.now()).listed() if one.kind == "OPTIDX")


def future(scene: Scene) -> Instrument:
    return next(one for one in Catalogue(scene.clock.now()).listed() if one.kind == "FUTIDX")


def bought(scene: Scene, scrip: Instrument, name: str, **given: Any) -> OrderCommand:  # noqa: ANN401  any field
    fields = {"exchange": scrip.exchange, "symbol": scrip.symbol, "product": "NRML", "quantity": scrip.lot}
    command = scene.command(name, strategy="holder", price=str(scrip.upper_circuit), **(fields | given))
    scene.submit(command)
    scene.until_state(command, State.FILLED)
    return command


def told(scene: Scene, message: str) -> int:
    return sum(message in one.alert.what for one in scene.desk.alerts().records)


@pytest.mark.parametrize("is_down", [False, True], ids=["the desk runs", "the desk is down"])
def test_an_option_held_to_its_expiry_ends_by_itself_and_blocks_nobody(start: Start, *, is_down: bool) -> None:
    scene, paper = start(_TUESDAY)
    scrip = option(scene)
    bought(scene, scrip, "held", stop_loss=str(scrip.tick))
    until(lambda: scene.desk.stops().armed, "no stop was armed")
    scene.until_books_agree()

    if is_down:
        scene.stop(grace_s=0)
    scene.clock.offset_s = paper.next_day()
    if is_down:
        scene.start()

    until(lambda: scene.held("holder") == 0, lambda: f"{scene.desk.holdings()}")
    until(lambda: scene.held("EXTERNAL") == 0, lambda: f"{scene.desk.holdings()}")
    until(lambda: not scene.desk.stops().armed, "its stop is still armed")
    scene.until_ready()
    assert told(scene, f"A contract has expired: {scrip.symbol}") == 1
    again = bought(scene, option(scene), "again")
    assert scene.times_sent(again) == 1
    scene.stop()
    scene.start()
    assert (scene.held("holder"), scene.desk.readiness().breaks) == (again.quantity, ())
    assert all(row.position_key.key.symbol != scrip.symbol for row in scene.desk.pnl().rows)


def test_before_any_book_is_read_nothing_is_ordered_in_a_contract_that_has_ended_and_no_wish_of_it_goes_on(
    start: Start,
) -> None:
    scene, paper = start(_TUESDAY)
    scrip = option(scene)
    bought(scene, scrip, "held")
    scene.until_books_agree()
    refusing = paper.fault("PlaceOrder", "refuse", count=None)
    scene.desk.flatten("leave today")
    until(lambda: paper.fired(refusing), "no exit was sent")
    scene.stop(grace_s=0)
    scene.clock.offset_s = paper.next_day()
    paper.clear_faults()
    yesterday = len(paper.ledger().arrivals)
    unread = [paper.fault(route, "html_502", count=None) for route in ("OrderBook", "PositionBook")]
    scene.start(ready=False)
    until(lambda: paper.fired(unread[0]) > 1, "no book was asked for")

    message = {"strategy": "holder", "intent": "EXIT", "side": "SELL", "product": "NRML", "order_type": "MARKET"}
    asked = {"exchange": scrip.exchange, "symbol": scrip.symbol, "quantity": scrip.lot}
    way_out = scene.submit(scene.command("exit", **message, **asked))
    until(lambda: told(scene, f"No exit of {scrip.symbol}"), "the request of yesterday was not told of")

    assert (way_out.tag, "nothing can be ordered in it" in str(way_out.note)) == (Reason.NOTHING_TO_EXIT, True)
    assert len(paper.ledger().arrivals) == yesterday
    assert scene.held("holder") == scrip.lot, "only the books end it"
    paper.clear_faults()
    until(lambda: scene.held("holder") == 0, lambda: f"{scene.desk.holdings()}")
    until(lambda: not scene.desk.exits().under_way, "the request is still under way")
    scene.until_ready()
    assert len(paper.ledger().arrivals) == yesterday


def test_a_renamed_position_is_an_alarm_with_its_stop_and_its_heir_until_a_person_decides(start: Start) -> None:
    scene, paper = start(_TUESDAY + 1)
    scrip = future(scene)
    bought(scene, scrip, "held", stop_loss=str(scrip.tick))
    until(lambda: scene.desk.stops().armed, "no stop was armed")
    scene.until_books_agree()
    heir = scrip.symbol.removesuffix("F") + "A"
    paper.revise(scrip.exchange, scrip.symbol, becomes=heir)

    scene.stop(grace_s=0)
    scene.clock.offset_s = paper.next_day()
    scene.start(ready=False)

    until(lambda: [one.kind for one in scene.desk.readiness().breaks] == [BreakKind.VANISHED], "not noticed")
    (gone,) = scene.desk.readiness().breaks
    scene.stop()
    scene.start(ready=False)
    until(lambda: len(scene.desk.readiness().blockers) == 1, lambda: f"{scene.desk.readiness().blockers}")
    declined = scene.answer(scene.command("more", strategy="more"))
    way_out = scene.submit(
        scene.command(
            "exit",
            strategy="holder",
            intent="EXIT",
            side="SELL",
            exchange=scrip.exchange,
            symbol=scrip.symbol,
            product="NRML",
            quantity=scrip.lot,
            price=str(scrip.lower_circuit),
        )
    )

    assert getattr(declined, "reason", None) is Reason.RECONCILIATION_BREAK
    assert way_out.tag is Reason.NOTHING_TO_EXIT
    (alarm,) = [one.alert for one in scene.desk.alerts().records if one.alert.topic == f"books:{gone.name}"]
    assert scrip.symbol in alarm.what
    assert heir in alarm.what
    assert f"stop {scrip.tick:f}" in alarm.means
    assert scene.desk.stops().armed, "the stop waits"

    scene.desk.accept(gone.name, "renamed by the exchange")

    until(lambda: scene.held("holder") == 0, lambda: f"{scene.desk.holdings()}")
    scene.until_ready()
    until(lambda: not scene.desk.stops().armed, "its stop is still armed")
    scene.stop()
    scene.start()
    assert scene.held("holder") == 0
