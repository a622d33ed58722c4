"""What a modify may hold, what is written off, and what of others does not outlive its day."""

from dataclasses import replace

import pytest

from domain.exits.flatten import PositionKey
from domain.orders.lifecycle import State
from domain.orders.order import Order
from domain.orders.reasons import Reason
from domain.orders.types import EXTERNAL, Exchange, InstrumentKey, Intent, Product, Side
from domain.positions.ledger import GuardLedger
from domain.positions.verdicts import GuardRefused, Reserved
from tests.fakes import command, order

KEY = InstrumentKey(Exchange.NSE, "RELIANCE-EQ", Product.MIS)
SCOPE = PositionKey("trend", KEY)


def entered(quantity: int = 100, product: Product = Product.MIS, name: str = "entry", **changes: object) -> Order:
    return order(
        **{
            "command_id": name,
            "quantity": quantity,
            "product": product,
            "state": State.FILLED,
            "filled_quantity": quantity,
            **changes,
        }
    )


def way_out(quantity: int, filled: int = 0, name: str = "exit") -> Order:
    state = State.PARTIALLY_FILLED if filled else State.WORKING
    return order(
        command_id=name,
        intent=Intent.EXIT,
        side=Side.SELL,
        quantity=quantity,
        filled_quantity=filled,
        state=state,
    )


def phone(side: Side, quantity: int, **changes: object) -> Order:
    """Return a filled order that others placed."""
    made = order(
        **{"command_id": f"p{side}", "side": side, "quantity": quantity, "state": State.FILLED, **changes},
        filled_quantity=quantity,
    )
    return replace(made, command=replace(made.command, strategy=EXTERNAL, unchecked=True))


def total(verdict: Reserved | GuardRefused) -> int | Reason:
    return verdict.quantity if isinstance(verdict, Reserved) else verdict.reason


def closing(ledger: GuardLedger, name: str = "exit") -> int:
    return ledger.book("trend").reservations[name].open_quantity


@pytest.mark.parametrize(
    ("works", "filled", "wanted", "gets"),
    [(40, 0, 70, 70), (40, 0, 100, 100), (40, 0, 500, 100), (40, 10, 500, 100), (40, 0, 20, 20), (40, 0, 40, 40)],
    ids=["in between", "all that is held", "more than is held", "partly filled", "less", "the same"],
)
def test_an_exit_grows_no_further_than_what_is_held(works: int, filled: int, wanted: int, gets: int) -> None:
    way = way_out(works, filled)
    ledger = GuardLedger(orders=[entered(), way])

    assert total(ledger.reserve_change(way, wanted)) == gets


def test_two_exits_do_not_grow_past_what_is_held_together() -> None:
    first, second = way_out(40, name="first"), way_out(30, name="second")
    ledger = GuardLedger(orders=[entered(), first, second])

    assert total(ledger.reserve_change(first, 100)) == 70
    assert total(ledger.reserve_change(second, 100)) == 30, "the first one's growth is held for it"


def test_an_exit_grows_no_further_than_what_others_left() -> None:
    way = way_out(40)
    ledger = GuardLedger(orders=[entered(), way, phone(Side.SELL, 50)])

    assert total(ledger.reserve_change(way, 100)) == 50


def test_the_growth_is_held_at_once_and_less_releases_nothing_before_there_is_evidence() -> None:
    way = way_out(40)
    ledger = GuardLedger(orders=[entered(), way])

    ledger.reserve_change(way, 60)
    assert closing(ledger) == 60
    ledger.reserve_change(way, 10)
    assert closing(ledger) == 60
    ledger.observe(replace(way, quantity=10))
    assert closing(ledger) == 10


def test_an_entry_may_grow_as_asked() -> None:
    entry = order(command_id="e", quantity=10, state=State.WORKING)
    ledger = GuardLedger(orders=[entry])

    assert total(ledger.reserve_change(entry, 25)) == 25
    assert closing(ledger, "e") == 25


def test_an_order_that_is_over_is_not_changed() -> None:
    ledger = GuardLedger(orders=[entered()])

    assert total(ledger.reserve_change(way_out(10), 20)) is Reason.NOT_CHANGEABLE


def test_a_write_off_takes_that_product_alone_and_waits_for_its_orders_alone() -> None:
    delivered = replace(KEY, product=Product.CNC)
    resting = order(command_id="rests", product=Product.CNC, intent=Intent.EXIT, side=Side.SELL, state=State.WORKING)
    ledger = GuardLedger(orders=[entered(), entered(30, Product.CNC, "kept"), resting])

    assert ledger.write_off(PositionKey("trend", delivered)) is None, "an order of it may still trade"
    assert ledger.write_off(SCOPE) == 100
    assert ledger.positions() == {"trend": {delivered: 30}, EXTERNAL: {KEY: 100}}


def test_what_others_closed_for_us_in_mis_does_not_outlive_its_day() -> None:
    """The phone squares a strategy off; the next day's position of the strategy is its own to exit."""
    ledger = GuardLedger(orders=[entered()], day="2026-01-05")
    ledger.observe(phone(Side.SELL, 100))
    asked = command(command_id="exit", intent=Intent.EXIT, side=Side.SELL, quantity=100)
    assert total(ledger.reserve(asked)) is Reason.NOTHING_TO_EXIT

    ledger.begin_day("2026-01-06")
    ledger.observe(entered(name="next", day="2026-01-06"))

    assert total(ledger.reserve(asked)) == 100


def test_what_others_closed_for_us_in_nrml_is_closed_the_next_day_too() -> None:
    where = {"exchange": Exchange.NFO, "symbol": "NIFTY29DEC26F", "product": Product.NRML}
    ledger = GuardLedger(orders=[entered(**where)], day="2026-01-05")  # type: ignore[arg-type]
    ledger.observe(phone(Side.SELL, 100, **where))

    ledger.begin_day("2026-01-06")

    asked = command(command_id="exit", intent=Intent.EXIT, side=Side.SELL, quantity=100, **where)
    assert total(ledger.reserve(asked)) is Reason.NOTHING_TO_EXIT


def test_the_same_day_begins_once() -> None:
    ledger = GuardLedger(orders=[entered()], day="2026-01-05")

    ledger.begin_day("2026-01-05")

    assert ledger.positions() == {"trend": {KEY: 100}}


def test_delivery_that_came_by_nobodys_order_moves_the_day() -> None:
    ledger = GuardLedger(day="2026-01-05")
    key = replace(KEY, product=Product.CNC)

    ledger.move(key, 10)

    assert ledger.delivery_today() == {key: 10}


def test_what_is_written_off_is_closed_by_others_no_more() -> None:
    ledger = GuardLedger(orders=[entered(), phone(Side.SELL, 40)])

    ledger.shift(SCOPE, 100)
    ledger.observe(entered(40, name="again"))

    assert ledger.positions() == {"trend": {KEY: 40}, EXTERNAL: {KEY: 60}}
    assert total(ledger.reserve(way_out(100).command)) == 40


def test_what_is_written_off_gives_back_no_more_than_others_had_closed() -> None:
    ledger = GuardLedger(orders=[entered(), phone(Side.SELL, 40)])
    ledger.shift(SCOPE, 100)

    ledger.observe(entered(60, name="short", side=Side.SELL, strategy="other"))

    asked = command(command_id="asked", strategy="other", intent=Intent.EXIT, side=Side.BUY, quantity=60)
    assert total(ledger.reserve(asked)) == 60


def test_who_works_to_sell_more_than_he_holds_takes_nothing_from_another_strategy() -> None:
    """Out of the demat: the units beyond his own are nobody's here."""
    sale = order(
        command_id="demat", strategy="other", product=Product.CNC, side=Side.SELL, quantity=4, state=State.WORKING
    )
    his = entered(3, Product.CNC, "his", strategy="other")
    ledger = GuardLedger(orders=[entered(10, Product.CNC), his, sale])

    asked = command(command_id="exit", intent=Intent.EXIT, product=Product.CNC, side=Side.SELL, quantity=10)
    assert total(ledger.reserve(asked)) == 10


def test_the_newest_entry_of_a_position_is_named_and_no_exit_is_one() -> None:
    ledger = GuardLedger()
    first, second = command(command_id="first"), command(command_id="second")
    total(ledger.reserve(first))
    total(ledger.reserve(second))

    assert ledger.begun_by() == {SCOPE: "first"}, "the second was refused"

    ledger.observe(order(command=first, state=State.FILLED, filled_quantity=first.quantity))
    total(ledger.reserve(command(command_id="exit", intent=Intent.EXIT, side=Side.SELL)))
    assert ledger.begun_by() == {SCOPE: "first"}

    ledger.observe(order(command_id="exit", side=Side.SELL, state=State.FILLED, filled_quantity=first.quantity))
    total(ledger.reserve(second))
    assert ledger.begun_by() == {SCOPE: "second"}

    ledger.begin_day("2026-01-06")
    assert ledger.begun_by() == {}
