"""What CommandActor makes of books that differ: acceptances, and what undoes them."""

from dataclasses import replace
from datetime import date
from decimal import Decimal
from typing import Any

import pytest

from actors.messages.alerts import RaiseAlert
from actors.messages.books import (
    AcceptanceUndone,
    AcceptBreak,
    BooksChecked,
    BreakResolved,
    ExpiryLearnt,
    PositionVanished,
    PositionWrittenOff,
    VanishingResolved,
)
from actors.messages.desk import JoinStrategy
from actors.messages.guard import (
    AskForHolders,
    HoldersTold,
)
from actors.messages.orders import OrderAnswered
from actors.messages.persistence import RecordExternalMove, UndoRecorded
from actors.messages.risk import CheckRefused
from domain.alerts.alert import Level
from domain.market.expiry import ContractOver, Expiry
from domain.orders.lifecycle import State
from domain.orders.reasons import Reason
from domain.orders.types import Exchange, InstrumentKey, Intent, Product, Side
from domain.reconciliation.breaks import Break, BreakKind, position_name
from domain.reconciliation.moves import AGAINST_OURS, MoveKind
from domain.reconciliation.reconciler import Checked
from domain.reconciliation.vanishing import Holders, expired, vanished_of
from tests.actors.rooms import CommandRoom
from tests.fakes import Probe, command, instrument, snapshot_loaded

KEY = InstrumentKey(Exchange.NSE, "RELIANCE-EQ", Product.MIS)
NAME = position_name(KEY)


def apart(difference: int = 10, **more: Any) -> Break:  # noqa: ANN401  any field
    values = {
        "name": NAME,
        "kind": BreakKind.POSITION,
        "sentence": "they differ",
        "difference": difference,
        "key": KEY,
    }
    return Break(**(values | more))  # type: ignore[arg-type]


def told(*found: Break, undone: tuple[Break, ...] = ()) -> BooksChecked:
    return BooksChecked(checked=Checked((), (), found, undone))


@pytest.fixture
def room() -> CommandRoom:
    room = CommandRoom()
    room.notifier.take()
    return room


def test_an_acceptance_is_kept_as_one(room: CommandRoom) -> None:
    room.tell(told(apart()))

    found = room.tell(AcceptBreak(name=NAME, reason="the app shows it"))

    assert found == apart()
    record = room.repo.only(RecordExternalMove)
    assert (record.kind, record.recon_break.difference) == (MoveKind.ACCEPTED, 10)


def test_what_an_order_of_unknown_fate_may_explain_is_never_accepted_nor_advised_to_be(room: CommandRoom) -> None:
    room.tell(told(apart(unresolved=("c1",))))

    found = room.tell(AcceptBreak(name=NAME, reason="the app shows it"))

    assert found is not None
    assert room.repo.of(RecordExternalMove) == []
    alert = room.notifier.only(RaiseAlert).alert
    assert alert.do.startswith("Don't accept it: c1 may explain it. Wait")
    assert "`resolve c1 --placed NUMBER|--not-placed --reason …`" in alert.do


def test_the_guard_learns_what_the_account_shows_of_a_past_days_orders(room: CommandRoom) -> None:
    past = Break(name="past:c1", kind=BreakKind.PAST, sentence="", key=KEY, difference=-4)
    delivered = Break(name="past:c2", kind=BreakKind.PAST, sentence="")

    room.tell(told(past, delivered, apart(-4)))

    assert room.guard.only(BooksChecked).checked.apart == {KEY: -4}


def test_what_an_order_explains_since_is_undone_once_and_told(room: CommandRoom) -> None:
    back = apart(-10, explained_by=("c1",))
    for _ in range(2):
        room.tell(told(undone=(back,)))
    record = room.repo.only(RecordExternalMove)

    room.tell(BreakResolved(recon_break=back, kind=MoveKind.UNDONE))

    assert (record.kind, record.reason) == (MoveKind.UNDONE, "explained since by c1")
    assert moved(room.guard.only(BreakResolved)) == (KEY, -10, ())
    assert room.watcher.only(BreakResolved).kind is MoveKind.UNDONE
    alert = room.notifier.only(RaiseAlert).alert
    assert (alert.level, alert.ends, "c1 explains it" in alert.what) == (Level.INFO, True, True)


def test_what_a_person_takes_back_counts_no_more_and_the_person_hears_so(room: CommandRoom) -> None:
    caller = Probe()

    room.tell(UndoRecorded(answer=AcceptanceUndone(name=NAME, undone=apart(-10)), reply_to=caller))

    assert moved(room.guard.only(BreakResolved)) == (KEY, -10, ())
    assert room.watcher.only(BreakResolved).kind is MoveKind.UNDONE
    assert caller.only(AcceptanceUndone).undone == apart(-10)


def test_where_nothing_was_accepted_nothing_is_counted(room: CommandRoom) -> None:
    caller = Probe()

    room.tell(UndoRecorded(answer=AcceptanceUndone(name=NAME, undone=None), reply_to=caller))

    assert room.guard.of(BreakResolved) == []
    assert caller.only(AcceptanceUndone).undone is None


# What the night did to positions.

FUTURE = InstrumentKey(Exchange.NFO, "NIFTY27JAN26F", Product.NRML)


def carried(difference: int) -> Break:
    name = position_name(FUTURE)
    return Break(name=name, kind=BreakKind.CARRIED, sentence="", difference=difference, key=FUTURE)


def moved(message: BreakResolved) -> tuple[InstrumentKey | None, int, tuple[tuple[str, int], ...]]:
    return message.recon_break.key, message.recon_break.difference, message.ended


def night(*found: Break, over: tuple[Break, ...] = ()) -> BooksChecked:
    return BooksChecked(checked=Checked((), found, (), (), over))


def recorded(room: CommandRoom) -> RecordExternalMove:
    """Play the database: return what it was given last, and say that it is on disk."""
    record = room.repo.of(RecordExternalMove)[-1]
    written = BreakResolved(recon_break=record.recon_break, kind=record.kind, reason=record.reason, ended=record.ended)
    room.tell(written)
    return record


OURS = Holders(strategies=(("seller", -65),), closes=65)


def test_who_holds_is_asked_once_before_anything_is_recorded(room: CommandRoom) -> None:
    for _ in range(2):
        room.tell(night(carried(65)))

    assert room.guard.only(AskForHolders).recon_break == carried(65)
    assert room.repo.of(RecordExternalMove) == []


def test_what_others_carried_becomes_theirs_without_a_word(room: CommandRoom) -> None:
    room.tell(HoldersTold(recon_break=carried(65), holders=Holders()))
    record = recorded(room)

    assert (record.kind, record.ended) == (MoveKind.CARRIED, ())
    assert moved(room.guard.only(BreakResolved)) == (FUTURE, 65, ())
    assert room.risk.only(BreakResolved).kind not in AGAINST_OURS
    assert room.notifier.of(RaiseAlert) == []
    assert room.readiness.blockers == ()


def test_units_of_ours_that_are_gone_stop_entries_until_a_person_decides(room: CommandRoom) -> None:
    room.tell(HoldersTold(recon_break=carried(65), holders=OURS))
    gone = recorded(room)
    name = room.readiness.breaks[0].name
    told_of = room.exits.only(PositionVanished)

    room.tell(AcceptBreak(name=name, reason="renamed"))
    room.tell(HoldersTold(recon_break=room.guard.only(AskForHolders).recon_break, holders=OURS))
    decided = recorded(room)

    assert (gone.kind, gone.ended) == (MoveKind.VANISHED, ())
    assert told_of.holders == OURS
    assert [one.kind for one in room.risk.of(BreakResolved)] == [MoveKind.VANISHED, MoveKind.DECIDED]
    assert (decided.kind, decided.recon_break.difference) == (MoveKind.DECIDED, 0)
    assert (decided.ended, decided.reason) == ((("seller", -65),), "renamed")
    assert moved(room.guard.of(BreakResolved)[-1]) == (FUTURE, 0, (("seller", -65),))
    assert room.risk.of(BreakResolved)[-1].ended == (("seller", -65),)
    assert room.exits.only(VanishingResolved).ended == "the position is gone: renamed"
    assert room.readiness.blockers == ()


def test_what_was_gone_and_is_back_is_the_strategys_again(room: CommandRoom) -> None:
    room.tell(HoldersTold(recon_break=carried(65), holders=OURS))
    recorded(room)

    room.tell(HoldersTold(recon_break=carried(-30), holders=Holders()))
    part = recorded(room)
    still = room.readiness.breaks
    room.tell(HoldersTold(recon_break=carried(-35), holders=Holders()))
    recorded(room)

    assert part.kind is MoveKind.RETURNED
    assert [one.difference for one in still] == [35]
    assert room.exits.only(VanishingResolved) == VanishingResolved(key=FUTURE)
    assert room.readiness.blockers == ()


def test_a_contract_that_is_over_ends_with_all_its_positions_and_is_told_once(room: CommandRoom) -> None:
    holder = Probe()
    room.tell(JoinStrategy(strategy="seller", address=holder))
    both = Holders(strategies=(("buyer", 20), ("seller", -65)), external=5)

    room.tell(night(over=(expired(FUTURE),)))
    room.tell(HoldersTold(recon_break=room.guard.only(AskForHolders).recon_break, holders=both))
    record = recorded(room)

    assert (record.kind, record.recon_break.difference, record.ended) == (MoveKind.EXPIRED, 40, both.strategies)
    assert room.watcher.only(BreakResolved).kind is MoveKind.EXPIRED
    assert room.risk.only(BreakResolved).ended == both.strategies
    assert holder.only(PositionWrittenOff).write_off.units == -65
    assert room.exits.only(VanishingResolved).ended == "NIFTY27JAN26F (NFO NRML) has expired"
    alert = room.notifier.only(RaiseAlert).alert
    assert (alert.level, "buyer +20, seller -65" in alert.what) == (Level.INFO, True)


def test_a_contract_that_nobody_holds_any_more_is_no_news(room: CommandRoom) -> None:
    room.tell(HoldersTold(recon_break=expired(FUTURE), holders=Holders()))

    assert room.repo.of(RecordExternalMove) == []
    assert room.watcher.only(BreakResolved).kind is MoveKind.EXPIRED
    assert room.notifier.of(RaiseAlert) == []


def test_what_was_gone_in_an_earlier_run_still_stops_entries(room: CommandRoom) -> None:
    room.tell(snapshot_loaded(orders=(), vanished=(vanished_of(FUTURE, 65),)))

    assert [one.kind for one in room.readiness.breaks] == [BreakKind.VANISHED]
    assert len(room.readiness.blockers) == 1


def test_what_the_account_holds_of_a_contract_that_should_be_over_counts_and_is_told_once(room: CommandRoom) -> None:
    shown = BooksChecked(checked=Checked((), (), (), living=frozenset({FUTURE})))

    for message in (shown, shown, night(), night()):
        room.tell(message)

    assert [one.checked.living for one in room.guard.of(BooksChecked)] == [{FUTURE}, frozenset()]
    alert = room.notifier.only(RaiseAlert).alert
    assert (alert.level, FUTURE.symbol in alert.what) == (Level.WARNING, True)


def priced_with(room: CommandRoom, name: str, last_day: date) -> None:
    room.submit(command(command_id=name, strategy=name))
    room.register()
    room.price(replace(instrument(), expires_on=last_day))


def test_the_last_day_of_what_is_traded_is_kept_once(room: CommandRoom) -> None:
    last_day = date(2026, 1, 27)
    for name in ("c1", "c2"):
        priced_with(room, name, last_day)

    kept = room.repo.record(Expiry)

    assert (kept.exchange, kept.symbol, kept.expires_on) == (Exchange.NSE, "RELIANCE-EQ", last_day)
    assert room.watcher.only(ExpiryLearnt).expires_on == last_day
    assert room.guard.only(ExpiryLearnt).expires_on == last_day


def test_a_last_day_that_moves_is_kept_anew_and_one_that_is_over_is_not_believed(room: CommandRoom) -> None:
    days = [date(2026, 1, 27), date(2026, 1, 28), date(2026, 1, 4)]
    for number, last_day in enumerate(days):
        priced_with(room, f"c{number}", last_day)

    assert [one.expires_on for one in room.repo.records(Expiry)] == days[:2]
    assert [one.expires_on for one in room.guard.of(ExpiryLearnt)] == days[:2]


def test_an_exit_of_a_contract_that_is_over_says_so(room: CommandRoom) -> None:
    over = ContractOver(FUTURE, date(2026, 1, 4))
    caller = room.submit(command(intent=Intent.EXIT, side=Side.SELL))
    room.register()
    room.price()
    room.clear()
    refused = CheckRefused(command_id="c1", reason=Reason.NOTHING_TO_EXIT, inputs={}, why=over)

    room.tell(refused)
    room.record()

    blocked = caller.only(OrderAnswered).order
    assert (blocked.state, blocked.note) == (State.BLOCKED, over.sentence(None))


def test_what_never_expires_has_no_last_day(room: CommandRoom) -> None:
    room.submit(command())
    room.register()
    room.price()

    assert room.repo.records(Expiry) == []


MIS_CLOSED = Break(
    name="squared-off:x:B9", kind=BreakKind.SQUARED_OFF, sentence="squared off", key=KEY, price=Decimal("98.5")
)


def test_a_square_off_closes_the_strategies_positions_at_its_price(room: CommandRoom) -> None:
    holders = Holders(strategies=(("a", 10),), external=-10)

    room.tell(night(over=(MIS_CLOSED,)))
    room.tell(HoldersTold(recon_break=room.guard.only(AskForHolders).recon_break, holders=holders))
    record = recorded(room)

    assert (record.kind, record.ended, record.recon_break.difference) == (MoveKind.SQUARED_OFF, (("a", 10),), 0)
    assert room.guard.only(BreakResolved).ended == (("a", 10),)
    assert room.risk.only(BreakResolved).recon_break.price == Decimal("98.5")
    assert room.watcher.only(BreakResolved).kind is MoveKind.SQUARED_OFF
    assert room.notifier.only(RaiseAlert).alert.level is Level.WARNING


def test_a_square_off_waits_while_it_is_not_plain_whose_it_is(room: CommandRoom) -> None:
    unclear = Holders(strategies=(("a", 10),), external=0)

    room.tell(HoldersTold(recon_break=MIS_CLOSED, holders=unclear))

    assert room.repo.of(RecordExternalMove) == []
    assert room.watcher.of(BreakResolved) == []


def test_a_square_off_of_what_no_strategy_holds_is_nobodys_news(room: CommandRoom) -> None:
    room.tell(HoldersTold(recon_break=MIS_CLOSED, holders=Holders()))

    assert room.repo.of(RecordExternalMove) == []
    assert room.watcher.only(BreakResolved).recon_break == MIS_CLOSED
    assert room.notifier.of(RaiseAlert) == []
