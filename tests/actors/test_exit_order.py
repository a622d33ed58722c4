"""ExitsActor: legs that are made flat together leave in order, and their ways out end together."""

import pytest

from actors.messages.exits import Flatten
from actors.messages.guard import ExposuresTold
from domain.exits.flatten import Exposure, FlattenEnd, FlattenRequest, PositionKey
from domain.orders.lifecycle import State
from domain.orders.types import Exchange, InstrumentKey, Origin, Product, Side
from tests.actors.rooms import is_asked
from tests.actors.test_flatten_tasks import ExitsRoom
from tests.fakes import TEN_O_CLOCK

SHORT = PositionKey("trend", InstrumentKey(Exchange.NFO, "NIFTY01DEC26C26000", Product.NRML))
WING = PositionKey("trend", InstrumentKey(Exchange.NFO, "NIFTY01DEC26C26500", Product.NRML))
FLAT = Exposure()
LOOK_S = 2.0


class SpreadRoom(ExitsRoom):
    """A strategy's spread is made flat; its short is bought back, and its wing is sold."""

    def see(self, wing: Exposure, short: Exposure, awaited: frozenset[PositionKey] = frozenset()) -> None:
        """Let the next look come, and the guard tell of both legs; whatever leaves is priced and answered."""
        self.clock.advance(LOOK_S)
        self.timer.fire_due()
        for message in self.own.take():
            self.actor.on_receive(message)
        told = {position_key: one for position_key, one in ((WING, wing), (SHORT, short)) if not one.is_flat}
        self.actor.on_receive(ExposuresTold(exposures=told, answers=is_asked(self.guard), awaited=awaited))
        if self.market.messages:
            self.price()
            self.answer(self.sent[-1], State.WORKING)
        self.market.take()

    @property
    def left(self) -> list[Side]:
        """Which way each exit left, in order."""
        return [one.side for one in self.sent]


@pytest.fixture
def room() -> SpreadRoom:
    room = SpreadRoom()
    requests = [
        FlattenRequest(
            request_id=name, position_key=position_key, reason="flatten", origin=Origin.HUMAN, asked_at=TEN_O_CLOCK
        )
        for name, position_key in (("wing", WING), ("short", SHORT))
    ]
    room.actor.on_receive(Flatten(requests=tuple(requests)))
    return room


def test_a_spread_that_is_entered_or_filled_late_while_its_wing_gets_out_leaves_short_first(room: SpreadRoom) -> None:
    room.see(Exposure(65), Exposure(-65))
    room.see(Exposure(65), FLAT)
    assert room.left == [Side.BUY, Side.SELL]

    room.see(Exposure(65), Exposure(-65))
    room.see(Exposure(65), FLAT)

    assert room.left == [Side.BUY, Side.SELL, Side.BUY, Side.SELL]


def test_neither_leg_ends_before_both_are_flat(room: SpreadRoom) -> None:
    room.see(Exposure(65), Exposure(-65))
    room.see(Exposure(65), FLAT)
    assert room.repo.records(FlattenEnd) == []
    assert set(room.under_way) == {WING, SHORT}

    room.see(FLAT, FLAT)

    assert [one.request_id for one in room.repo.records(FlattenEnd)] == ["wing", "short"]
    assert room.under_way == {}


def test_a_leg_that_is_to_come_when_its_wing_is_told_to_get_out_goes_along() -> None:
    room = SpreadRoom()
    request = FlattenRequest(
        request_id="wing", position_key=WING, reason="done", origin=Origin.STRATEGY, asked_at=TEN_O_CLOCK
    )
    room.actor.on_receive(Flatten(requests=(request,)))

    room.see(Exposure(65), FLAT, awaited=frozenset({SHORT}))

    (_, along) = room.repo.records(FlattenRequest)
    assert (along.position_key, along.reason, along.origin) == (SHORT, "done", Origin.STRATEGY)
    assert set(room.under_way) == {WING, SHORT}


def test_neither_leg_ends_while_a_leg_of_a_basket_is_still_to_come(room: SpreadRoom) -> None:
    room.see(Exposure(65), FLAT, awaited=frozenset({SHORT}))
    room.see(FLAT, FLAT, awaited=frozenset({SHORT}))
    assert set(room.under_way) == {WING, SHORT}

    room.see(FLAT, Exposure(-65))
    room.see(FLAT, FLAT)

    assert room.left == [Side.SELL, Side.BUY]
    assert room.under_way == {}
