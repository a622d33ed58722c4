"""One difference between books proves nothing: it counts when it stays the same, often and long enough."""

from datetime import datetime, timedelta

from domain.reconciliation.breaks import Break, BreakKind, PersistenceFilter
from tests.fakes import TEN_O_CLOCK

GHOST = "fills:B1"


def found(units: int, name: str = GHOST) -> Break:
    return Break(name=name, kind=BreakKind.FILLS, sentence="", difference=units)


def at(seconds: float) -> datetime:
    return TEN_O_CLOCK + timedelta(seconds=seconds)


class Looks:
    """A patience of three looks over two seconds, and what it says at each."""

    def __init__(self) -> None:
        self.patience = PersistenceFilter(3, 2.0)

    def at(self, seconds: float, *differences: Break, unjudged: str = "") -> list[int]:
        lasting = self.patience.lasting(differences, at(seconds), lambda name: name == unjudged)
        return [one.difference for one in lasting]


def test_a_difference_counts_when_it_was_there_often_and_long_enough() -> None:
    often, long = Looks(), Looks()

    assert [often.at(moment, found(5)) for moment in (0, 0.5, 1, 1.9, 2)] == [[], [], [], [], [5]]
    assert [long.at(moment, found(5)) for moment in (0, 10, 20)] == [[], [], [5]]


def test_a_difference_that_changes_begins_anew() -> None:
    looks = Looks()

    said = [looks.at(moment, found(units)) for moment, units in enumerate((5, 5, 6, 6, 6, 7))]

    assert said == [[], [], [], [], [6], []]


def test_a_difference_that_was_away_begins_anew() -> None:
    looks = Looks()
    looks.at(0, found(5))
    looks.at(1, found(5))
    looks.at(2)

    assert [looks.at(moment, found(5)) for moment in (3, 4, 5)] == [[], [], [5]]


def test_what_could_not_be_judged_stays_as_it_was() -> None:
    looks = Looks()
    looks.at(0, found(5))
    looks.at(1, found(5))

    assert looks.at(2, unjudged=GHOST) == []
    assert looks.at(3, found(5)) == [5]


def test_each_difference_has_a_patience_of_its_own() -> None:
    looks = Looks()
    looks.at(0, found(5))
    looks.at(1, found(5), found(7, "fills:B2"))

    assert looks.at(2, found(5), found(7, "fills:B2")) == [5]
    assert looks.at(3, found(5), found(7, "fills:B2")) == [5, 7]
