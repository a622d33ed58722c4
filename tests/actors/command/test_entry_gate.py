"""Entries wait for a whole book that was asked for in the session there is."""

from datetime import datetime, timedelta

import pytest

from actors.messages.books import BooksReconciled
from actors.messages.broker import SessionChanged
from domain.blocker import BlockerKind
from domain.broker.session import SessionState
from tests.actors.rooms import CommandRoom

LOGGED_IN = SessionChanged(state=SessionState.LOGGED_IN, message="logged in")
EXPIRED = SessionChanged(state=SessionState.EXPIRED, message="the broker says that the session is over")


@pytest.fixture
def room() -> CommandRoom:
    return CommandRoom()


def see(room: CommandRoom, asked_at: datetime, *, whole: bool = True) -> None:
    room.tell(BooksReconciled(reports=(), whole=whole, asked_at=asked_at))


def test_a_new_session_is_not_trusted_before_a_book_of_it_is_compared(room: CommandRoom) -> None:
    room.tell(EXPIRED)
    room.clock.advance(10)

    room.tell(LOGGED_IN)
    before = room.readiness.blockers
    see(room, room.clock.now())

    assert [one.kind for one in before] == [BlockerKind.LOGIN_RECONCILIATION]
    assert room.readiness.blockers == ()


def test_a_book_that_was_asked_for_before_the_login_says_nothing_of_the_new_session(room: CommandRoom) -> None:
    room.tell(EXPIRED)
    room.clock.advance(10)
    room.tell(LOGGED_IN)

    see(room, room.clock.now() - timedelta(milliseconds=1))

    assert len(room.readiness.blockers) == 1


def test_a_book_that_lost_rows_says_nothing(room: CommandRoom) -> None:
    room.tell(EXPIRED)
    room.tell(LOGGED_IN)

    see(room, room.clock.now(), whole=False)

    assert len(room.readiness.blockers) == 1


def test_a_session_that_is_told_twice_is_trusted_as_before(room: CommandRoom) -> None:
    room.tell(LOGGED_IN)

    assert room.readiness.blockers == ()
