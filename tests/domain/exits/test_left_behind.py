"""What was to be flat and is not."""

import pytest

from domain.exits.flatten import EndedRequest, Exposure, PositionKey
from domain.exits.left_behind import LeftBehind
from domain.orders.types import Exchange, InstrumentKey, Product

SHARES = PositionKey("trend", InstrumentKey(Exchange.NSE, "RELIANCE-EQ", Product.CNC))
ODD = PositionKey("trend", InstrumentKey(Exchange.NFO, "NIFTY27JAN26F", Product.NRML))
ENDED = EndedRequest("w1", SHARES, 10)
DAY, NEXT_DAY = "2026-01-05", "2026-01-06"
HELD = {SHARES: Exposure(10), ODD: Exposure(15)}


@pytest.fixture
def left() -> LeftBehind:
    left = LeftBehind()
    left.leave_odd(ODD, 15)
    left.leave_missing(ENDED, DAY)
    return left


def test_both_stay_while_their_positions_are_the_same(left: LeftBehind) -> None:
    assert left.see(HELD, DAY) == []
    assert (left.stays, set(left.ended), left.makes_no_lot(ODD)) == ({SHARES: 10, ODD: 15}, {SHARES}, True)


def test_another_position_ends_both_and_names_the_request(left: LeftBehind) -> None:
    assert left.see({SHARES: Exposure(6), ODD: Exposure(65)}, DAY) == [ENDED]
    assert left.stays == {}


def test_another_day_ends_the_missing_shares_alone(left: LeftBehind) -> None:
    assert left.see(HELD, NEXT_DAY) == [], "the next start does not ask for it"
    assert left.stays == {ODD: 15}


def test_what_begins_anew_is_named_once(left: LeftBehind) -> None:
    assert left.begin_anew([ODD, SHARES]) == [ENDED]
    assert left.begin_anew([SHARES]) == []


def test_an_earlier_run_of_the_day_is_remembered() -> None:
    left = LeftBehind()

    left.remember([ENDED], DAY)

    assert (left.see(HELD, DAY), left.stays) == ([], {SHARES: 10})
