"""What people ask of orders: what waits for the database comes first, and a long list is read page by page."""

import pytest

from domain.orders.lifecycle import Event
from domain.orders.order import OrderEvent
from tests.actors.repo.rooms import RepoRoom
from tests.fakes import command


def names(room: RepoRoom, limit: int = 9, **asked: object) -> list[str]:
    orders = room.history.orders(limit, **{"open_only": False, "reference": None, "between": lambda: None} | asked)  # type: ignore[arg-type]
    return [one.command.command_id for one in orders]


@pytest.fixture
def five(room: RepoRoom, monkeypatch: pytest.MonkeyPatch) -> RepoRoom:
    """Return a room with five orders, of which a page holds two, and the fourth is over."""
    monkeypatch.setattr("storage.history.PAGE_MAX", 2)
    room.give(*(room.register(command(command_id=f"c{number}", strategy=f"s{number}")) for number in range(1, 6)))
    room.give(room.event(OrderEvent(kind=Event.BLOCKED), "c4"))
    return room


def test_a_list_is_whole_whatever_a_page_holds_and_others_get_their_turn_in_between(five: RepoRoom) -> None:
    turns: list[str] = []

    assert names(five, between=lambda: turns.append("turn")) == ["c5", "c4", "c3", "c2", "c1"]
    assert len(turns) == 3


@pytest.mark.parametrize(
    ("limit", "found"), [(1, ["c5"]), (3, ["c5", "c4", "c3"]), (5, ["c5", "c4", "c3", "c2", "c1"])]
)
def test_a_list_is_no_longer_than_asked_for(five: RepoRoom, limit: int, found: list[str]) -> None:
    assert names(five, limit) == found


def test_only_those_that_may_still_trade_are_listed_where_that_is_asked(five: RepoRoom) -> None:
    assert names(five, open_only=True) == ["c5", "c3", "c2", "c1"]
    assert names(five, open_only=True, reference="c4") == []
    assert names(five, reference="c4") == ["c4"]
