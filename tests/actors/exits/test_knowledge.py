"""What the exits know of the guard: one question at a time, and nothing judged by an answer from before its word."""

import pytest

from actors.exits.knowledge import GuardKnowledge
from actors.messages.exits import FlattenAll
from actors.messages.guard import AskForExposures, ExposuresTold
from domain.exits.flatten import PositionKey
from domain.orders.types import Exchange, InstrumentKey, Product
from tests.fakes import Probe

HERE = PositionKey("trend", InstrumentKey(Exchange.NSE, "RELIANCE-EQ", Product.MIS))
THERE = PositionKey("trend", InstrumentKey(Exchange.NSE, "INFY-EQ", Product.MIS))
ALL = FlattenAll(reason="a limit")
ANSWER = ExposuresTold(exposures={}, answers=True)
CHANGE = ExposuresTold(exposures={}, answers=False)


@pytest.fixture
def guard() -> Probe:
    return Probe()


@pytest.fixture
def knowledge(guard: Probe) -> GuardKnowledge:
    return GuardKnowledge(guard)


def test_a_word_is_judged_by_the_answer_to_the_question_that_left_after_it(
    knowledge: GuardKnowledge, guard: Probe
) -> None:
    knowledge.renew(ALL)

    assert guard.take() == [AskForExposures()]
    assert knowledge.take(ANSWER) == [ALL]


def test_what_comes_while_a_question_is_under_way_waits_for_the_next(knowledge: GuardKnowledge, guard: Probe) -> None:
    knowledge.renew(HERE)
    knowledge.renew(ALL, THERE)
    assert guard.take() == [AskForExposures()], "one at a time"

    first, stale, asked = knowledge.take(ANSWER), knowledge.stale, guard.take()

    assert (first, stale, asked) == ([HERE], {THERE}, [AskForExposures()])
    assert knowledge.take(ANSWER) == [ALL, THERE]
    assert (knowledge.stale, guard.take()) == (set(), [])


def test_a_change_answers_nothing(knowledge: GuardKnowledge) -> None:
    """The guard may have told of it before the order behind the word reached it."""
    knowledge.renew(ALL, HERE)

    assert knowledge.take(CHANGE) == []
    assert knowledge.stale == {HERE}


def test_a_position_that_is_heard_of_again_stays_stale_until_the_second_answer(knowledge: GuardKnowledge) -> None:
    knowledge.renew(HERE)
    knowledge.renew(HERE)

    knowledge.take(ANSWER)
    assert knowledge.stale == {HERE}

    knowledge.take(ANSWER)
    assert knowledge.stale == set()


def test_what_nobody_is_in_a_hurry_for_leaves_with_the_next_question(knowledge: GuardKnowledge, guard: Probe) -> None:
    knowledge.note(HERE)
    assert (knowledge.stale, guard.take()) == ({HERE}, [])

    knowledge.renew(ALL)

    assert knowledge.take(ANSWER) == [HERE, ALL]


def test_what_was_told_is_current_until_a_change_was_told_of_or_something_waits(knowledge: GuardKnowledge) -> None:
    assert not knowledge.is_current, "nothing was told yet"
    knowledge.renew()
    knowledge.take(ANSWER)
    assert not knowledge.is_current, "of changes after it the guard tells nothing"

    knowledge.renew(follows=True)
    assert not knowledge.is_current, "the answer is on its way"
    knowledge.take(ANSWER)
    assert knowledge.is_current

    knowledge.take(CHANGE)
    assert not knowledge.is_current, "of the next change it tells when it is asked to"
    knowledge.follow()
    assert knowledge.is_current
    knowledge.note(HERE)
    assert not knowledge.is_current


def test_the_next_change_is_asked_for_once(knowledge: GuardKnowledge, guard: Probe) -> None:
    knowledge.follow()
    knowledge.follow()
    assert guard.take() == [AskForExposures(answers=False, follows=True)]

    knowledge.take(CHANGE)
    knowledge.follow()

    assert guard.take() == [AskForExposures(answers=False, follows=True)]
