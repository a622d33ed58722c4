"""What a person accepts of the books, and takes back: kept over restarts."""

from datetime import date, timedelta
from decimal import Decimal

import pytest

from domain.exits.flatten import PositionKey
from domain.orders.types import Exchange, InstrumentKey, Product
from domain.reconciliation.breaks import Break, BreakKind, position_name
from domain.reconciliation.moves import MoveKind
from domain.reconciliation.write_off import WriteOff
from storage.repository import OrderRepository
from tests.fakes import TEN_O_CLOCK
from tests.storage.conftest import Opener

MIS = InstrumentKey(Exchange.NSE, "RELIANCE-EQ", Product.MIS)
NRML = InstrumentKey(Exchange.NFO, "NIFTY27JAN26F", Product.NRML)
TOMORROW = TEN_O_CLOCK + timedelta(days=1)


def apart(key: InstrumentKey, units: int) -> Break:
    name = position_name(key)
    return Break(name=name, kind=BreakKind.POSITION, sentence="they differ", difference=units, key=key)


@pytest.fixture
def repository(open_at: Opener) -> OrderRepository:
    return OrderRepository(open_at(), "FA1")


def settle(repository: OrderRepository, one: Break, kind: MoveKind) -> None:
    with repository.transaction():
        repository.moves.resolve_break(one, "seen in the app", TEN_O_CLOCK, kind)


def test_what_was_accepted_is_told_apart_from_what_was_carried(repository: OrderRepository) -> None:
    settle(repository, apart(NRML, 10), MoveKind.CARRIED)
    settle(repository, apart(NRML, 5), MoveKind.ACCEPTED)
    settle(repository, apart(NRML, -2), MoveKind.UNDONE)

    assert repository.moves.units(TOMORROW) == {NRML: 13}
    assert repository.moves.accepted_units(TOMORROW) == {NRML: 3}


def test_undoing_takes_back_all_that_still_counts_and_once(repository: OrderRepository) -> None:
    settle(repository, apart(MIS, 10), MoveKind.ACCEPTED)
    settle(repository, apart(MIS, 5), MoveKind.ACCEPTED)

    with repository.transaction():
        undone = repository.moves.undo_acceptance(position_name(MIS), "it was an order of ours", TEN_O_CLOCK)
        again = repository.moves.undo_acceptance(position_name(MIS), "it was an order of ours", TEN_O_CLOCK)

    assert undone is not None
    assert (undone.key, undone.difference, again) == (MIS, -15, None)
    assert repository.moves.units(TEN_O_CLOCK) == {MIS: 0}
    assert repository.moves.accepted_units(TEN_O_CLOCK) == {}


@pytest.mark.parametrize(("key", "counts"), [(MIS, False), (NRML, True)])
def test_what_no_longer_counts_is_not_undone(repository: OrderRepository, key: InstrumentKey, *, counts: bool) -> None:
    settle(repository, apart(key, 10), MoveKind.ACCEPTED)

    with repository.transaction():
        undone = repository.moves.undo_acceptance(position_name(key), "late", TOMORROW)

    assert (undone is not None) is counts


def test_carried_units_are_never_undone_as_accepted(repository: OrderRepository) -> None:
    settle(repository, apart(NRML, 10), MoveKind.CARRIED)

    with repository.transaction():
        assert repository.moves.undo_acceptance(position_name(NRML), "x", TEN_O_CLOCK) is None


def test_a_name_that_was_accepted_is_taken_back_and_may_be_accepted_again(open_at: Opener) -> None:
    repository = OrderRepository(open_at(), "FA1")
    ghost = Break(name="fills:B1", kind=BreakKind.FILLS, sentence="they differ")
    settle(repository, ghost, MoveKind.ACCEPTED)

    with repository.transaction():
        undone = repository.moves.undo_acceptance("fills:B1", "the broker says so", TEN_O_CLOCK)
        again = repository.moves.undo_acceptance("fills:B1", "the broker says so", TEN_O_CLOCK)
    after_restart = OrderRepository(open_at(), "FA1").moves.accepted_today(TEN_O_CLOCK)
    settle(repository, ghost, MoveKind.ACCEPTED)

    assert undone is not None
    assert (undone.name, undone.key, again, after_restart) == ("fills:B1", None, None, ())
    assert repository.moves.accepted_today(TEN_O_CLOCK) == ("fills:B1",)


def test_undoing_one_acceptance_leaves_the_others_and_other_clients(open_at: Opener) -> None:
    own, others = OrderRepository(open_at(), "FA1"), OrderRepository(open_at(), "FA2")
    for repository in (own, others):
        for name in ("fills:B1", "fills:B2"):
            settle(repository, Break(name=name, kind=BreakKind.FILLS, sentence="they differ"), MoveKind.ACCEPTED)

    with own.transaction():
        own.moves.undo_acceptance("fills:B1", "the broker says so", TEN_O_CLOCK)

    assert own.moves.accepted_today(TEN_O_CLOCK) == ("fills:B2",)
    assert set(others.moves.accepted_today(TEN_O_CLOCK)) == {"fills:B1", "fills:B2"}


def test_what_is_gone_waits_for_a_person_over_a_restart_until_decided_or_returned(open_at: Opener) -> None:
    repository = OrderRepository(open_at(), "FA1")
    other = InstrumentKey(Exchange.NFO, "BANKNIFTY27JAN26F", Product.NRML)
    settle(repository, apart(NRML, -65), MoveKind.VANISHED)
    settle(repository, apart(other, -30), MoveKind.VANISHED)
    settle(repository, apart(other, 10), MoveKind.RETURNED)
    waiting = OrderRepository(open_at(), "FA1").moves.vanished()

    settle(repository, apart(NRML, 0), MoveKind.DECIDED)
    settle(repository, apart(other, 20), MoveKind.RETURNED)

    assert {one.key: one.difference for one in waiting} == {NRML: -65, other: -20}
    assert {one.kind for one in waiting} == {BreakKind.VANISHED}
    assert repository.moves.vanished() == ()
    assert repository.moves.against_ours(TOMORROW) == {NRML: -65}


def test_ended_contracts_and_expiries_are_known_after_a_restart(open_at: Opener) -> None:
    repository = OrderRepository(open_at(), "FA1")
    settle(repository, apart(NRML, 65), MoveKind.EXPIRED)
    with repository.transaction():
        for day in (date(2026, 1, 27), date(2026, 1, 26)):
            repository.desk_state.keep_expiry(NRML.exchange, NRML.symbol, day)

    after = OrderRepository(open_at(), "FA1")

    assert after.moves.ended() == {NRML}
    assert after.desk_state.expiries() == {(Exchange.NFO, "NIFTY27JAN26F"): date(2026, 1, 26)}


def written_off(units: int, reason: str, price: Decimal | None = None) -> WriteOff:
    return WriteOff(position_key=PositionKey("a", MIS), units=units, reason=reason, at=TEN_O_CLOCK, price=price)


def test_what_was_closed_at_a_price_today_is_told_with_its_average(repository: OrderRepository) -> None:
    position_key = PositionKey("a", MIS)
    with repository.transaction():
        repository.write_offs.keep(written_off(10, "squared off", Decimal("98.50")))
        repository.write_offs.keep(written_off(30, "squared off", Decimal("94.50")))
        repository.write_offs.keep(written_off(5, "sold by phone"))

    assert repository.write_offs.counted(TEN_O_CLOCK) == {position_key: 45}
    assert repository.write_offs.closed_at(TEN_O_CLOCK) == {position_key: (40, Decimal("95.50"))}
    assert repository.write_offs.closed_at(TOMORROW) == {}


def test_what_was_closed_and_comes_to_nothing_has_no_price(repository: OrderRepository) -> None:
    position_key = PositionKey("a", MIS)
    with repository.transaction():
        repository.write_offs.keep(written_off(10, "squared off", Decimal("98.50")))
        repository.write_offs.keep(written_off(-10, "squared off", Decimal("94.50")))

    assert repository.write_offs.closed_at(TEN_O_CLOCK) == {position_key: (0, Decimal(0))}
