"""What CommandActor makes of books that disagree: acceptances, and what undoes them."""

from typing import Any

import pytest

from actors.messages import (
    AcceptanceUndone,
    AcceptDisagreement,
    BooksChecked,
    CountExternal,
    DisagreementSettled,
    ExternalMoveRecorded,
    RaiseAlert,
    RecordExternalMove,
    UndoRecorded,
)
from domain.alert import Level
from domain.books import Disagreement, Quarrel, position_name
from domain.comparison import Checked
from domain.moves import MoveKind
from domain.order import Exchange, InstrumentKey, Product
from tests.actors.rooms import CommandRoom
from tests.fakes import Probe

KEY = InstrumentKey(Exchange.NSE, "RELIANCE-EQ", Product.MIS)
NAME = position_name(KEY)


def apart(difference: int = 10, **more: Any) -> Disagreement:  # noqa: ANN401  any field
    values = {
        "name": NAME,
        "quarrel": Quarrel.POSITION,
        "sentence": "they differ",
        "difference": difference,
        "key": KEY,
    }
    return Disagreement(**(values | more))  # type: ignore[arg-type]


def told(*found: Disagreement, undone: tuple[Disagreement, ...] = ()) -> BooksChecked:
    return BooksChecked(checked=Checked((), (), found, undone))


@pytest.fixture
def room() -> CommandRoom:
    room = CommandRoom()
    room.notifier.take()
    return room


def test_an_acceptance_is_kept_as_one(room: CommandRoom) -> None:
    room.tell(told(apart()))

    found = room.tell(AcceptDisagreement(name=NAME, because="the app shows it"))

    assert found == apart()
    record = room.repo.only(RecordExternalMove)
    assert (record.kind, record.disagreement.difference) == (MoveKind.ACCEPTED, 10)


def test_what_an_order_of_unknown_fate_may_explain_is_never_accepted_nor_advised_to_be(room: CommandRoom) -> None:
    room.tell(told(apart(unsettled=("c1",))))

    found = room.tell(AcceptDisagreement(name=NAME, because="the app shows it"))

    assert found is not None
    assert room.repo.of(RecordExternalMove) == []
    alert = room.notifier.only(RaiseAlert).alert
    assert alert.do.startswith("Don't accept it: c1 may explain it. Wait")
    assert "`settle c1 found|absent --because …`" in alert.do


def test_what_an_order_explains_since_is_undone_once_and_told(room: CommandRoom) -> None:
    back = apart(-10, explained_by=("c1",))
    for _ in range(2):
        room.tell(told(undone=(back,)))
    record = room.repo.only(RecordExternalMove)

    room.tell(ExternalMoveRecorded(disagreement=back, kind=MoveKind.UNDONE))

    assert (record.kind, record.because) == (MoveKind.UNDONE, "explained since by c1")
    assert room.guard.only(CountExternal) == CountExternal(key=KEY, quantity=-10)
    assert room.watcher.only(DisagreementSettled).kind is MoveKind.UNDONE
    alert = room.notifier.only(RaiseAlert).alert
    assert (alert.level, alert.ends, "c1 explains it" in alert.what) == (Level.NEWS, True, True)


def test_what_a_person_takes_back_counts_no_more_and_the_person_hears_so(room: CommandRoom) -> None:
    caller = Probe()

    room.tell(UndoRecorded(answer=AcceptanceUndone(name=NAME, undone=apart(-10)), reply_to=caller))

    assert room.guard.only(CountExternal) == CountExternal(key=KEY, quantity=-10)
    assert room.watcher.only(DisagreementSettled).kind is MoveKind.UNDONE
    assert caller.only(AcceptanceUndone).undone == apart(-10)


def test_where_nothing_was_accepted_nothing_is_counted(room: CommandRoom) -> None:
    caller = Probe()

    room.tell(UndoRecorded(answer=AcceptanceUndone(name=NAME, undone=None), reply_to=caller))

    assert room.guard.of(CountExternal) == []
    assert caller.only(AcceptanceUndone).undone is None
