"""ExitsActor: an answer of the guard knows of nothing that came after its question had left."""

from dataclasses import replace
from datetime import timedelta
from decimal import Decimal

import pytest

from actors.exits import ExitsActor
from actors.messages import EntryMoved, ExitCut, ExposuresTold, FindStops, MakeAllFlat, RecordWish, SetStops, StopsNow
from domain.exits import Exposure, OpenOrder, Scope
from domain.lifecycle import State
from domain.order import Intent, Side
from domain.settings import ExitSettings, StopSettings
from domain.square_off import SquareOff
from domain.stops import StopTerms
from tests.actors.rooms import own_mailbox
from tests.fakes import FakeClock, FakeIds, ManualTimer, Probe, command, order

ENTRY = order(
    command_id="e1", stop_loss=Decimal(90), state=State.FILLED, filled_quantity=10, average_price=Decimal("100.00")
)
SCOPE = Scope(ENTRY.command.strategy, ENTRY.command.key)
HELD = Exposure(held=10)


class ExitsRoom:
    """An ExitsActor without a thread."""

    def __init__(self) -> None:
        self.clock = FakeClock()
        self.timer = ManualTimer(self.clock)
        self.guard, self.repo = Probe(), Probe()
        self.actor = ExitsActor(
            supervisor=Probe(),
            command=Probe(),
            guard=self.guard,
            market=Probe(),
            repo=self.repo,
            notifier=Probe(),
            baskets=Probe(),
            client_id="FA1",
            settings=ExitSettings(),
            stops=StopSettings(),
            square_off=SquareOff(),
            calendar=None,
            clock=self.clock,
            ids=FakeIds(),
            timer=self.timer,
        )
        self.own = own_mailbox(self.actor)
        self.actor.on_start()

    def ask(self, after_s: float = 0.0) -> int:
        """Let the actor's question leave for the guard; return its number."""
        self.clock.advance(after_s)
        self.timer.fire_due()
        for message in self.own.take():
            self.actor.on_receive(message)
        question: int = self.guard.take()[-1].question
        return question

    def answer(self, question: int, exposure: Exposure | None = None) -> None:
        """Let the guard answer."""
        held = {} if exposure is None else {SCOPE: exposure}
        self.actor.on_receive(ExposuresTold(exposures=held, question=question))

    @property
    def armed(self) -> list[str]:
        found = self.actor.on_receive(FindStops())
        assert isinstance(found, StopsNow)
        return [protection.protection_id for protection, *_ in found.armed]

    @property
    def wishes(self) -> list[str]:
        return [one.wish.because for one in self.repo.of(RecordWish)]


@pytest.fixture
def room() -> ExitsRoom:
    return ExitsRoom()


def test_a_stop_outlives_an_answer_that_does_not_know_of_its_fill(room: ExitsRoom) -> None:
    """Found on real parts: a late fill armed its stop while an answer from before the fill was on its way."""
    question = room.ask(after_s=1)
    room.actor.on_receive(EntryMoved(order=ENTRY))

    room.answer(question)

    assert room.armed == ["e1"]


def test_a_stop_ends_by_the_next_answer_that_says_flat(room: ExitsRoom) -> None:
    room.answer(room.ask(after_s=1))
    room.actor.on_receive(EntryMoved(order=ENTRY))

    room.answer(room.ask(after_s=1))

    assert room.armed == []


def test_a_stop_of_the_other_side_outlives_an_answer_from_before(room: ExitsRoom) -> None:
    question = room.ask(after_s=1)
    room.actor.on_receive(EntryMoved(order=ENTRY))

    room.answer(question, Exposure(held=-5))

    assert room.armed == ["e1"]


def test_the_newest_entrys_stops_hold_however_late_an_older_one_fills(room: ExitsRoom) -> None:
    """Found by the simulation: a canceled entry that filled after all loosened the stops of the one after it."""
    later = order(
        command_id="e2",
        stop_loss=Decimal(95),
        state=State.FILLED,
        filled_quantity=10,
        average_price=Decimal("100.00"),
        created_at=ENTRY.created_at + timedelta(seconds=5),
    )
    room.actor.on_receive(EntryMoved(order=later))

    room.actor.on_receive(EntryMoved(order=ENTRY))

    assert room.armed == ["e2"]


def test_a_newer_entrys_stops_take_the_place_of_an_older_ones(room: ExitsRoom) -> None:
    room.actor.on_receive(EntryMoved(order=ENTRY))
    later = replace(
        ENTRY, command=replace(ENTRY.command, command_id="e2"), created_at=ENTRY.created_at + timedelta(seconds=5)
    )

    room.actor.on_receive(EntryMoved(order=later))

    assert room.armed == ["e2"]


def test_a_persons_stops_outlive_the_late_fill_of_an_entry_from_before(room: ExitsRoom) -> None:
    terms = StopTerms(stop_loss=Decimal(95))
    room.clock.advance(60)
    room.actor.on_receive(EntryMoved(order=replace(ENTRY, filled_quantity=5)))
    room.actor.on_receive(SetStops(scope=SCOPE, terms=terms, because="a person"))
    room.answer(room.ask(), HELD)
    (by_hand,) = room.armed

    room.actor.on_receive(EntryMoved(order=ENTRY))

    assert room.armed == [by_hand]


def test_making_all_flat_waits_for_an_answer_that_knows_what_came_before_it(room: ExitsRoom) -> None:
    question = room.ask(after_s=1)
    room.actor.on_receive(MakeAllFlat(because="the day's limit"))

    room.answer(question)
    assert room.wishes == []
    room.answer(room.ask(), HELD)

    assert room.wishes == ["the day's limit"]


def test_a_word_about_stops_waits_for_an_answer_that_knows_what_came_before_it(room: ExitsRoom) -> None:
    question, caller = room.ask(after_s=1), Probe()
    terms = StopTerms(stop_loss=Decimal(80))
    room.actor.on_receive(SetStops(scope=SCOPE, terms=terms, because="a person", reply_to=caller))

    room.answer(question)
    assert caller.messages == []
    room.answer(room.ask(), HELD)

    assert caller.messages[0].refused == ""
    assert len(room.armed) == 1


def test_a_cut_exit_waits_for_an_answer_that_knows_of_the_net_in_its_way(room: ExitsRoom) -> None:
    question = room.ask(after_s=1)
    room.actor.on_receive(ExitCut(command=command(command_id="x1", intent=Intent.EXIT, side=Side.SELL)))

    room.answer(question, HELD)
    assert room.wishes == []
    net = OpenOrder(command_id="net-1", side=Side.SELL, open_quantity=10)
    room.answer(room.ask(), Exposure(held=10, open=(net,)))

    assert room.wishes == ["exit x1 was asked for while the stop's safety net works"]
