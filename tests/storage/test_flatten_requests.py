"""What is kept of positions on their way out, of their stops, and of what a person has accepted."""

from dataclasses import replace
from datetime import timedelta
from decimal import Decimal

from domain.exits.flatten import EndedRequest, FlattenRequest, PositionKey
from domain.exits.stops import ArmedStop
from domain.orders.stop_terms import StopTerms
from domain.orders.types import Exchange, InstrumentKey, Origin, Product
from domain.reconciliation.breaks import Break, BreakKind
from storage.repository import OrderRepository
from tests.fakes import TEN_O_CLOCK

SCOPE = PositionKey("trend", InstrumentKey(Exchange.NSE, "RELIANCE-EQ", Product.MIS))
WISH = FlattenRequest(request_id="w1", position_key=SCOPE, reason="flatten", origin=Origin.HUMAN, asked_at=TEN_O_CLOCK)
ARMED = ArmedStop(
    stop_id="e1",
    position_key=SCOPE,
    terms=StopTerms(stop_loss=Decimal(90)),
    is_long=True,
    entry_price=Decimal(100),
    best_price=Decimal(100),
    armed_at=TEN_O_CLOCK,
    quantity=10,
)
ENDED = replace(ARMED, ended="stop 90 reached at 89")


def keep(repository: OrderRepository, *armed_stops: ArmedStop) -> None:
    for one in armed_stops:
        with repository.transaction():
            repository.stops.keep(one)


def test_a_wish_is_taken_up_until_its_position_is_flat(repository: OrderRepository) -> None:
    later = replace(WISH, request_id="w2", asked_at=TEN_O_CLOCK + timedelta(seconds=1))
    with repository.transaction():
        repository.flatten_requests.keep(WISH)
        repository.flatten_requests.keep(later)
        repository.flatten_requests.keep(WISH)
    assert repository.flatten_requests.open() == (WISH, later)

    with repository.transaction():
        repository.flatten_requests.end("w1", TEN_O_CLOCK)
    assert repository.flatten_requests.open() == (later,)


def test_a_wish_that_is_told_again_after_its_end_stays_ended(repository: OrderRepository) -> None:
    with repository.transaction():
        repository.flatten_requests.keep(WISH)
        repository.flatten_requests.end("w1", TEN_O_CLOCK)
        repository.flatten_requests.keep(WISH)

    assert repository.flatten_requests.open() == ()


def test_stops_are_armed_as_they_were_written_last(repository: OrderRepository) -> None:
    keep(repository, ARMED, replace(ARMED, best_price=Decimal(105)))

    assert repository.stops.read(TEN_O_CLOCK) == (replace(ARMED, best_price=Decimal(105)),)


def test_a_write_that_comes_after_the_end_does_not_arm_stops_again(repository: OrderRepository) -> None:
    keep(repository, ARMED, ENDED, replace(ARMED, best_price=Decimal(105)))

    assert repository.stops.read(TEN_O_CLOCK) == (ENDED,)


def test_more_of_the_entry_that_fills_after_the_end_arms_its_stops_again(repository: OrderRepository) -> None:
    grown = replace(ARMED, quantity=15)

    keep(repository, ARMED, ENDED, grown)

    assert repository.stops.read(TEN_O_CLOCK) == (grown,)


def test_stops_that_ended_on_an_earlier_day_are_not_read(repository: OrderRepository) -> None:
    keep(repository, ENDED)

    assert repository.stops.read(TEN_O_CLOCK + timedelta(days=1)) == ()


def test_what_a_person_accepts_is_accepted_for_its_day(repository: OrderRepository) -> None:
    ghost = Break(name="fills:B7", kind=BreakKind.FILLS, sentence="a ghost", difference=10)
    with repository.transaction():
        repository.moves.resolve_break(ghost, "seen on the phone", TEN_O_CLOCK)

    assert repository.moves.accepted_today(TEN_O_CLOCK + timedelta(hours=5)) == ("fills:B7",)
    assert repository.moves.accepted_today(TEN_O_CLOCK + timedelta(days=1)) == ()


def test_a_wish_without_shares_is_over_and_remembered_for_its_day(repository: OrderRepository) -> None:
    with repository.transaction():
        repository.flatten_requests.keep(WISH)
        repository.flatten_requests.end("w1", TEN_O_CLOCK, missing=10)

    assert repository.flatten_requests.open() == ()
    assert repository.flatten_requests.ended(TEN_O_CLOCK) == (EndedRequest("w1", SCOPE, 10),)
    assert repository.flatten_requests.ended(TEN_O_CLOCK + timedelta(days=1)) == ()

    with repository.transaction():
        repository.flatten_requests.end("w1", TEN_O_CLOCK)
    assert repository.flatten_requests.ended(TEN_O_CLOCK) == ()
