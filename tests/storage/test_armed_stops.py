"""Armed stops on disk: a write that comes late never arms what has ended."""

from dataclasses import replace
from datetime import timedelta
from decimal import Decimal

import pytest

from domain.exits.flatten import PositionKey
from domain.exits.stops import ArmedStop
from domain.orders.stop_terms import StopTerms
from domain.orders.types import Exchange, InstrumentKey, Product
from storage.repository import OrderRepository
from tests.fakes import TEN_O_CLOCK

STOP = ArmedStop(
    stop_id="e1",
    position_key=PositionKey("trend", InstrumentKey(Exchange.NSE, "RELIANCE-EQ", Product.CNC)),
    terms=StopTerms(stop_loss=Decimal(90)),
    is_long=True,
    entry_price=Decimal(100),
    best_price=Decimal(100),
    armed_at=TEN_O_CLOCK,
    quantity=10,
)
ENDED = replace(STOP, ended="the position is flat")


def armed(repository: OrderRepository) -> list[ArmedStop]:
    found = repository.stops.read(TEN_O_CLOCK + timedelta(days=1))
    return [one for one in found if not one.ended]


@pytest.mark.parametrize(
    ("late", "arms"),
    [
        (replace(STOP, best_price=Decimal(120)), False),
        (STOP, False),
        (replace(STOP, quantity=4), False),
        (replace(STOP, quantity=11), True),
    ],
    ids=["a peak", "the same", "an older fill", "a fill that nobody had seen"],
)
def test_a_late_write_arms_ended_stops_only_for_more_that_has_filled(
    repository: OrderRepository,
    late: ArmedStop,
    arms: bool,  # noqa: FBT001
) -> None:
    for one in (STOP, ENDED, late):
        with repository.transaction():
            repository.stops.keep(one)

    assert armed(repository) == ([late] if arms else [])
    assert len(repository.stops.read(TEN_O_CLOCK)) == 1
