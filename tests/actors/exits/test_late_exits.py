"""Ways out that are over: what an exit opens that trades all the same is closed, and none outlives its day."""

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from actors.messages.exits import FindExits
from actors.messages.guard import ExposuresTold
from actors.messages.market import PriceOrder
from actors.messages.orders import OrderChanged
from domain.exits.flatten import Exposure, FlattenEnd, FlattenRequest, OpenOrder, PositionKey
from domain.orders.lifecycle import Event, State
from domain.orders.order import OrderEvent
from domain.orders.types import Intent, Origin, Product, Side
from domain.read_models import ExitsNow
from tests.actors.exits.test_actor import SCOPE, ExitsRoom, room
from tests.fakes import order, snapshot_loaded

__all__ = ["room"]

OVER = {"command_id": "exit-1", "intent": Intent.EXIT, "side": Side.SELL, "state": State.FILLED, "filled_quantity": 10}
TRADED = OrderEvent(kind=Event.FILLED, filled_quantity=10)


def trade(room: ExitsRoom, held: int, *late: int, **changes: Any) -> list[str]:  # noqa: ANN401  fields of an order
    """Let an exit trade `late` units after it was over, and the guard tell what is held then; return what it begins."""
    for one in late:
        room.actor.on_receive(OrderChanged(order=order(**{**OVER, **changes}), event=TRADED, late_quantity=one))
    room.guard_tells(Exposure(held=held) if held else None, after_s=1)
    return room.requests


@pytest.mark.parametrize(("held", "late"), [(-10, [10]), (-4, [4]), (-4, [6]), (-5, [3, 2])])
def test_what_a_late_exit_opens_is_closed_again(room: ExitsRoom, held: int, late: list[int]) -> None:
    assert trade(room, held, *late) == ["exit exit-1 traded after it was over"]

    for _question in late:
        room.guard_tells(Exposure(held=held), after_s=1)
    assert room.market.of(PriceOrder), "its exit is on its way"


@pytest.mark.parametrize("held", [0, 10, -3], ids=["flat", "still on its side", "entered again meanwhile"])
def test_what_it_has_not_opened_is_left_alone(room: ExitsRoom, held: int) -> None:
    assert trade(room, held, 2) == []


@pytest.mark.parametrize("side", Side)
@pytest.mark.parametrize(("working", "closes"), [("again", False), ("exit-2", True)])
def test_while_its_strategy_enters_anew_nothing_is_closed(
    room: ExitsRoom, working: str, side: Side, *, closes: bool
) -> None:
    room.actor.on_receive(OrderChanged(order=order(**OVER), event=TRADED, late_quantity=4))
    held = Exposure(held=-4, open=(OpenOrder(working, side, 6),))
    room.actor.on_receive(ExposuresTold(exposures={SCOPE: held}, answers=True, begun_by={SCOPE: "again"}))

    assert bool(room.requests) is closes


@pytest.mark.parametrize(
    ("late", "changes"),
    [(0, {}), (10, {"intent": Intent.ENTRY}), (10, {"product": Product.CNC})],
    ids=["in time", "an entry", "sold for delivery"],
)
def test_nothing_else_is_closed_for_it(room: ExitsRoom, late: int, changes: dict[str, Any]) -> None:
    assert trade(room, -10, late, **changes) == []


def test_what_gets_out_already_is_begun_once(room: ExitsRoom) -> None:
    trade(room, -10, 10)

    assert trade(room, -10, 10) == ["exit exit-1 traded after it was over"]


@pytest.mark.parametrize(("product", "is_over"), [(Product.MIS, True), (Product.NRML, False)])
def test_a_wish_of_yesterday_is_over_with_its_day(room: ExitsRoom, product: Product, *, is_over: bool) -> None:
    """It would close what was taken today."""
    key = PositionKey("trend", replace(SCOPE.key, product=product))
    asked_at = room.clock.now() - timedelta(days=1)
    wish = FlattenRequest(request_id="r1", position_key=key, reason="stop", origin=Origin.DESK, asked_at=asked_at)

    room.actor.on_receive(snapshot_loaded(requests=(wish,)))

    told = room.actor.on_receive(FindExits())
    assert isinstance(told, ExitsNow)
    assert (key in told.under_way) is not is_over
    assert [one.request_id for one in room.repo.records(FlattenEnd)] == (["r1"] if is_over else [])
