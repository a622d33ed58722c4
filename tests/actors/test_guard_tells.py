"""GuardActor tells the exits what it holds: at once when they ask, and once of the next change where they follow."""

from datetime import timedelta

import pytest

from actors.messages.books import ExpiryLearnt
from actors.messages.guard import AskForExposures, ExposuresTold, FindExposures
from actors.messages.orders import OrderChanged
from domain.exits.flatten import Exposure, PositionKey
from domain.orders.lifecycle import State
from domain.orders.types import Exchange, InstrumentKey, Product
from tests.actors.test_risk_and_guard import KEY, GuardRoom
from tests.fakes import command, order

PLACE = PositionKey("trend", KEY)


class TellingRoom(GuardRoom):
    """A GuardActor, and what it tells the exits."""

    def fill(self, units: int) -> None:
        filled = order(command_id="c1", state=State.PARTIALLY_FILLED, filled_quantity=units)
        self.actor.on_receive(OrderChanged(order=filled))

    def ask(self, *, answers: bool = True, follows: bool = True) -> None:
        self.actor.on_receive(AskForExposures(answers=answers, follows=follows))

    @property
    def told(self) -> list[tuple[bool, int]]:
        """Whether each was an answer, and the units that it says are held."""
        messages = self.exits.take()
        assert all(isinstance(one, ExposuresTold) for one in messages)
        return [(one.answers, one.exposures.get(PLACE, Exposure()).held) for one in messages]


@pytest.fixture
def room() -> TellingRoom:
    return TellingRoom()


def test_it_answers_at_once_and_knows_what_it_was_told_before(room: TellingRoom) -> None:
    room.fill(4)

    room.ask()

    assert room.told == [(True, 4)]


def test_it_tells_of_the_next_change_by_itself_and_of_no_second_one(room: TellingRoom) -> None:
    room.ask()
    room.told.clear()

    room.fill(4)
    room.fill(6)

    assert room.told == [(False, 4)], "at most one waits in their mailbox"


def test_who_only_asks_hears_of_no_change(room: TellingRoom) -> None:
    room.ask(follows=False)
    room.told.clear()

    room.fill(4)

    assert room.told == []


def test_asked_for_changes_it_tells_of_one_that_came_before_the_question(room: TellingRoom) -> None:
    room.ask()
    room.fill(4)
    room.fill(6)
    room.told.clear()

    room.ask(answers=False)

    assert room.told == [(False, 6)]


def test_it_tells_nothing_while_nothing_changes(room: TellingRoom) -> None:
    room.fill(4)
    room.ask()
    room.told.clear()

    room.ask(answers=False)
    room.fill(4)
    room.actor.on_receive(FindExposures())

    assert room.told == []


def test_an_answer_takes_no_change_away(room: TellingRoom) -> None:
    room.ask()
    room.ask(follows=False)
    room.told.clear()

    room.fill(4)

    assert room.told == [(False, 4)]


def test_what_midnight_ends_is_a_change(room: TellingRoom) -> None:
    key = InstrumentKey(Exchange.NFO, "TCS", Product.NRML)
    terms = {"exchange": key.exchange, "symbol": key.symbol, "product": key.product, "quantity": 10}
    held = order(command=command(command_id="e1", **terms), state=State.FILLED, filled_quantity=10)
    room.actor.on_receive(OrderChanged(order=held))
    room.actor.on_receive(ExpiryLearnt(exchange=key.exchange, symbol=key.symbol, expires_on=room.clock.now().date()))
    room.ask()
    room.exits.take()

    room.clock.now_is += timedelta(days=1)
    room.fill(0)

    (told,) = room.exits.take()
    assert isinstance(told, ExposuresTold)
    assert set(told.over) == {key}
    assert PositionKey("trend", key) not in told.exposures
