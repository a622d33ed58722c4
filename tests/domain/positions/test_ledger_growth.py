"""What the guard allows an order to grow to, and what comes by no order of ours."""

from dataclasses import replace

from domain.exits.flatten import PositionKey
from domain.orders.lifecycle import State
from domain.orders.order import Order
from domain.orders.reasons import Reason
from domain.orders.types import EXTERNAL, Product, Side
from domain.positions.ledger import GuardLedger
from domain.positions.verdicts import Reserved
from tests.domain.positions.orders import KEY, elsewhere, filled, quantity_of, reason_of, way_out
from tests.fakes import order


def selling(ledger: GuardLedger, quantity: int = 40) -> Order:
    """Let an exit leave."""
    reserved = ledger.reserve(way_out("exit", quantity).command)
    assert isinstance(reserved, Reserved)
    working = way_out("exit", reserved.quantity, state=State.WORKING)
    ledger.observe(working)
    return working


def test_an_exit_grows_to_what_is_held_and_no_further() -> None:
    ledger = GuardLedger(orders=[filled(100)])
    exit_ = selling(ledger, 40)

    assert quantity_of(ledger.reserve_change(exit_, 60)) == 60
    assert quantity_of(ledger.reserve_change(exit_, 500)) == 100
    assert reason_of(ledger.reserve(way_out("other").command)) is Reason.NOTHING_TO_EXIT


def test_an_exit_grows_by_what_other_exits_leave() -> None:
    ledger = GuardLedger(orders=[filled(100)])
    exit_ = selling(ledger, 40)
    ledger.reserve(way_out("other", 35).command)

    assert quantity_of(ledger.reserve_change(exit_, 100)) == 65


def test_an_exit_does_not_grow_into_what_others_closed_for_us() -> None:
    ledger = GuardLedger(orders=[filled(100), elsewhere(Side.SELL, 30)])
    exit_ = selling(ledger, 40)

    assert quantity_of(ledger.reserve_change(exit_, 100)) == 70


def test_an_exit_that_has_traded_in_part_grows_by_its_rest_alone() -> None:
    ledger = GuardLedger(orders=[filled(100)])
    exit_ = replace(selling(ledger, 40), state=State.PARTIALLY_FILLED, filled_quantity=30)
    ledger.observe(exit_)

    assert quantity_of(ledger.reserve_change(exit_, 500)) == 100, "30 sold, 70 still held"
    assert ledger.book("trend").reservations["exit"].open_quantity == 70


def test_what_shrinks_releases_nothing_before_it_is_proved() -> None:
    ledger = GuardLedger(orders=[filled(100)])
    exit_ = selling(ledger, 100)

    assert quantity_of(ledger.reserve_change(exit_, 40)) == 40
    assert reason_of(ledger.reserve(way_out("other").command)) is Reason.NOTHING_TO_EXIT


def test_an_entry_grows_as_asked() -> None:
    entry = order(command_id="entry", quantity=10, state=State.WORKING)
    ledger = GuardLedger(orders=[entry])

    assert quantity_of(ledger.reserve_change(entry, 25)) == 25
    assert ledger.book("trend").reservations["entry"].open_quantity == 25


def test_an_order_that_is_over_does_not_grow() -> None:
    ledger = GuardLedger(orders=[filled(100)])

    assert reason_of(ledger.reserve_change(filled(100), 200)) is Reason.NOT_CHANGEABLE


def test_the_same_day_begins_once() -> None:
    ledger = GuardLedger(orders=[filled(100)], day="2026-01-05")

    ledger.begin_day("2026-01-05")

    assert ledger.positions() == {"trend": {KEY: 100}}


def test_delivery_that_came_by_nobodys_order_moves_the_day() -> None:
    ledger = GuardLedger(day="2026-01-05")
    key = replace(KEY, product=Product.CNC)

    ledger.move(key, 10)

    assert ledger.delivery_today() == {key: 10}


def test_what_is_written_off_is_closed_by_others_no_more() -> None:
    ledger = GuardLedger(orders=[filled(100), elsewhere(Side.SELL, 40)])

    ledger.shift(PositionKey("trend", KEY), 100)
    ledger.observe(filled(40, command_id="again"))

    assert ledger.positions() == {"trend": {KEY: 40}, EXTERNAL: {KEY: 60}}
    assert quantity_of(ledger.reserve(way_out().command)) == 40
