"""An exit that finds nothing to exit says why, by what the guard knows, and denies nothing of it."""

from dataclasses import replace
from decimal import Decimal

from domain.guard import GuardLedger, GuardRefused
from domain.lifecycle import State
from domain.market_price import PriceSource, Reference
from domain.order import Intent, Order, Side
from tests.fakes import command, order


def entry(filled: int = 0, state: State = State.FILLED, **fields: object) -> Order:
    given = {"command_id": "entry", "quantity": 100, "state": state, "filled_quantity": filled} | fields
    return order(**given)


def way_out(name: str, quantity: int = 100, **fields: object) -> Order:
    given = {"command_id": name, "intent": Intent.EXIT, "side": Side.SELL, "quantity": quantity} | fields
    return order(**given)


def said(ledger: GuardLedger, last_price: str | None = None, side: Side = Side.SELL) -> str:
    verdict = ledger.reserve(command(command_id="asked", intent=Intent.EXIT, side=side, quantity=100))
    assert isinstance(verdict, GuardRefused)
    assert verdict.nothing is not None
    if last_price is None:
        return verdict.nothing.sentence(None)
    return verdict.nothing.sentence(Reference(price=Decimal(last_price), source=PriceSource.TICK, age_s=1.0))


def test_of_a_strategy_that_holds_nothing_it_is_said_by_whose_fills() -> None:
    assert said(GuardLedger()) == "By this desk's fills trend holds nothing of RELIANCE-EQ (NSE MIS)."


def test_an_exit_on_the_wrong_side_is_told_what_is_held_and_which_side_reduces_it() -> None:
    words = said(GuardLedger(orders=[entry(100)]), side=Side.BUY)

    assert words == "trend holds +100 RELIANCE-EQ (NSE MIS), which a BUY does not reduce; send a SELL."


def test_a_working_exit_is_named_with_its_price_and_the_last_price() -> None:
    ledger = GuardLedger(orders=[entry(100), way_out("e7-1", state=State.WORKING, limit_price=Decimal("97.00"))])

    words = said(ledger, "60.00")

    assert "holds +100, and 100 of it are being closed already by e7-1 (SELL 100 at 97.00)" in words
    assert "last price 60.00 (tick, 1 s old)" in words
    assert "`flatten --strategy trend` takes it back and gets out" in words
    assert "nothing" not in words.lower()


def test_an_exit_of_unknown_fate_is_named_as_such() -> None:
    ledger = GuardLedger(orders=[entry(100), way_out("e7-1", state=State.UNCONFIRMED)])

    assert "e7-1 (SELL 100 at 100, its fate still unknown)" in said(ledger)


def test_many_working_exits_are_counted_and_a_few_named() -> None:
    outs = [way_out(f"e-{n}", 20, state=State.WORKING) for n in range(5)]

    assert "e-2 (SELL 20 at 100) and 2 more" in said(GuardLedger(orders=[entry(100), *outs]))


def test_what_others_have_closed_is_told_with_the_command_that_takes_it_out() -> None:
    ledger = GuardLedger(orders=[entry(100)])
    ledger.move(command().key, -100)

    words = said(ledger)

    assert "By this desk's fills trend holds +100 RELIANCE-EQ, but 100 of it were closed by others" in words
    assert "`clear RELIANCE-EQ --strategy trend --exchange NSE --product MIS --because …`" in words


def test_a_part_closed_by_others_and_a_part_being_closed_are_both_told() -> None:
    ledger = GuardLedger(orders=[entry(100), way_out("e7-1", 60, state=State.WORKING)])
    ledger.move(command().key, -40)

    words = said(ledger)

    assert "40 of it were closed by others" in words
    assert "60 of it are being closed already by e7-1 (SELL 60 at 100)" in words


def test_an_entry_of_unknown_fate_leaves_it_open_whether_something_is_held() -> None:
    words = said(GuardLedger(orders=[entry(state=State.UNCONFIRMED)]))

    assert "Whether more has traded is still unknown: entry (BUY 100 at 100, its fate still unknown)" in words


def test_an_entry_that_still_works_is_named() -> None:
    words = said(GuardLedger(orders=[entry(state=State.WORKING, limit_price=Decimal(1400))]))

    assert "More may still trade: entry (BUY 100 at 1400)" in words


def test_orders_of_another_product_are_no_reason() -> None:
    other = replace(entry(100), command=command(command_id="elsewhere", symbol="INFY-EQ", quantity=100))

    assert said(GuardLedger(orders=[other])) == "By this desk's fills trend holds nothing of RELIANCE-EQ (NSE MIS)."
