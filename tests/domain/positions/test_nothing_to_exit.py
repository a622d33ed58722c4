"""An exit that finds nothing to exit says why, by what the guard knows, and denies nothing of it."""

from dataclasses import replace
from decimal import Decimal
from typing import Any

import pytest

from domain.exits.flatten import OpenOrder, PositionKey
from domain.market.price import PriceSource, Reference
from domain.orders.lifecycle import State
from domain.orders.order import Order
from domain.orders.types import Exchange, Intent, Product, Side
from domain.positions.ledger import GuardLedger
from domain.positions.verdicts import GuardRefused, Reserved
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
    assert verdict.why is not None
    if last_price is None:
        return verdict.why.sentence(None)
    return verdict.why.sentence(Reference(price=Decimal(last_price), source=PriceSource.TICK, age_s=1.0))


def test_of_a_strategy_that_holds_nothing_it_is_said_by_whose_fills() -> None:
    assert said(GuardLedger()) == "By this desk's fills trend holds nothing of RELIANCE-EQ (NSE MIS)."


def test_an_exit_on_the_wrong_side_is_told_what_is_held_and_which_side_reduces_it() -> None:
    message = said(GuardLedger(orders=[entry(100)]), side=Side.BUY)

    assert message == "trend holds +100 RELIANCE-EQ (NSE MIS), which a BUY does not reduce; send a SELL."


def test_a_working_exit_is_named_with_its_price_and_the_last_price() -> None:
    ledger = GuardLedger(orders=[entry(100), way_out("e7-1", state=State.WORKING, limit_price=Decimal("97.00"))])

    message = said(ledger, "60.00")

    assert "holds +100, and 100 of it are being closed already by e7-1 (SELL 100 at 97.00)" in message
    assert "last price 60.00 (tick, 1 s old)" in message
    assert "`flatten --strategy trend` takes it back and gets out" in message
    assert "nothing" not in message.lower()
    assert "What became of" not in message, "it is of today"


def test_an_exit_of_unknown_fate_is_named_as_such() -> None:
    ledger = GuardLedger(orders=[entry(100), way_out("e7-1", state=State.UNCONFIRMED)])

    assert "e7-1 (SELL 100 at 100, its fate still unknown)" in said(ledger)


def test_many_working_exits_are_counted_and_a_few_named() -> None:
    outs = [way_out(f"e-{n}", 20, state=State.WORKING) for n in range(5)]

    assert "e-2 (SELL 20 at 100) and 2 more" in said(GuardLedger(orders=[entry(100), *outs]))


def test_what_others_have_closed_is_told_with_the_command_that_takes_it_out() -> None:
    ledger = GuardLedger(orders=[entry(100)])
    ledger.move(command().key, -100)

    message = said(ledger)

    assert "By this desk's fills trend holds +100 RELIANCE-EQ, but 100 of it were closed by others" in message
    assert "`write-off RELIANCE-EQ --strategy trend --exchange NSE --product MIS --reason …`" in message


def test_a_part_closed_by_others_and_a_part_being_closed_are_both_told() -> None:
    ledger = GuardLedger(orders=[entry(100), way_out("e7-1", 60, state=State.WORKING)])
    ledger.move(command().key, -40)

    message = said(ledger)

    assert "40 of it were closed by others" in message
    assert "60 of it are being closed already by e7-1 (SELL 60 at 100)" in message


def test_an_entry_of_unknown_fate_leaves_it_open_whether_something_is_held() -> None:
    message = said(GuardLedger(orders=[entry(state=State.UNCONFIRMED)]))

    assert "Whether more has traded is still unknown: entry (BUY 100 at 100, its fate still unknown)" in message


def test_an_entry_that_still_works_is_named() -> None:
    message = said(GuardLedger(orders=[entry(state=State.WORKING, limit_price=Decimal(1400))]))

    assert "More may still trade: entry (BUY 100 at 1400)" in message


def test_orders_of_another_product_are_no_reason() -> None:
    other = replace(entry(100), command=command(command_id="elsewhere", symbol="INFY-EQ", quantity=100))

    assert said(GuardLedger(orders=[other])) == "By this desk's fills trend holds nothing of RELIANCE-EQ (NSE MIS)."


# Orders of a past day, whose fate is not known yet.

YESTERDAY, TODAY = "2026-01-04", "2026-01-05"
FUTURE: dict[str, Any] = {"exchange": Exchange.NFO, "symbol": "NIFTY27JAN26F", "product": Product.NRML}


def carrying(*past: Order, held: int = 100, **fields: object) -> GuardLedger:
    """Return the ledger of a morning: what is held, and what yesterday left open."""
    return GuardLedger({"trend": {command(**fields).key: held}}, past, TODAY)


def reserved(ledger: GuardLedger, **fields: object) -> int:
    """Return how many units of an exit over 100 leave."""
    asked = command(**({"command_id": "asked", "intent": Intent.EXIT, "side": Side.SELL, "quantity": 100} | fields))
    verdict = ledger.reserve(asked)
    return verdict.quantity if isinstance(verdict, Reserved) else 0


def test_what_may_have_been_closed_yesterday_is_named_with_the_command_by_which_a_person_decides() -> None:
    ledger = carrying(way_out("e7", state=State.WORKING, day=YESTERDAY, **FUTURE), **FUTURE)

    message = said_of(ledger)

    assert "What became of e7 (SELL 100 of 2026-01-04) is not known: 100 units may have been closed by it" in message
    assert "`resolve e7 --placed NUMBER|--not-placed --reason …`" in message
    assert "being closed already" not in message
    assert "modify" not in message


def test_what_yesterdays_order_can_not_have_closed_leaves_at_once() -> None:
    part = carrying(way_out("e7", 60, state=State.WORKING, day=YESTERDAY, **FUTURE), **FUTURE)
    more = carrying(entry(state=State.UNCONFIRMED, day=YESTERDAY, **FUTURE), **FUTURE)

    assert (reserved(part, **FUTURE), reserved(more, **FUTURE)) == (40, 100)


def test_an_intraday_order_of_yesterday_holds_no_exit_of_today_back() -> None:
    past = way_out("e7", state=State.WORKING, day=YESTERDAY)
    today = entry(100, day=TODAY)
    other = entry(100, day=TODAY, command_id="other", strategy="other")

    assert reserved(GuardLedger(orders=[past, today], day=TODAY)) == 100
    assert reserved(GuardLedger(orders=[past, today, other], day=TODAY), strategy="other") == 100


def test_an_order_that_the_guard_let_through_is_a_past_days_once_the_day_has_turned() -> None:
    ledger = GuardLedger(orders=[entry(100, day=YESTERDAY)], day=YESTERDAY)
    assert reserved(ledger, command_id="e7") == 100

    ledger.begin_day(TODAY)
    ledger.observe(entry(100, command_id="again", day=TODAY))

    assert reserved(ledger) == 100
    assert [one.open for one in ledger.exposures().values()] == [(OpenOrder("asked", Side.SELL, 100),)]


def test_an_after_market_order_is_never_taken_for_a_past_days() -> None:
    amo = way_out("e7", state=State.WORKING, day=YESTERDAY, amo=True)

    assert reserved(GuardLedger(orders=[amo, entry(100, day=TODAY)], day=TODAY)) == 0


def test_an_intraday_order_of_yesterday_holds_no_clearing_back() -> None:
    ledger = GuardLedger(orders=[way_out("e7", state=State.WORKING, day=YESTERDAY), entry(100, day=TODAY)], day=TODAY)

    assert ledger.write_off(PositionKey("trend", command().key)) == 100


def test_that_yesterdays_entry_may_have_traded_is_told_where_nothing_is_held() -> None:
    message = said_of(carrying(entry(state=State.UNCONFIRMED, day=YESTERDAY, **FUTURE), held=0, **FUTURE))

    assert "What became of entry (BUY 100 of 2026-01-04) is not known: 100 units may have been opened by it" in message
    assert "flatten" not in message


def said_of(ledger: GuardLedger) -> str:
    verdict = ledger.reserve(command(command_id="asked", intent=Intent.EXIT, side=Side.SELL, quantity=100, **FUTURE))
    assert isinstance(verdict, GuardRefused)
    assert verdict.why is not None
    return verdict.why.sentence(None)


# What the account shows of it.

DIFFERENCES = [
    (-40, 60, "so many units as the account lacks may have been closed, no more"),
    (-100, 0, "all of it was closed"),
    (-140, 0, "orders of yesterday can't explain it: nothing is certain"),
    (40, 0, "nor what the account has more"),
    (None, 0, "nothing is known yet"),
]


@pytest.mark.parametrize(
    ("difference", "leaves"), [one[:2] for one in DIFFERENCES], ids=[one[2] for one in DIFFERENCES]
)
def test_what_the_account_shows_to_be_held_leaves_before_a_person_decides(difference: int | None, leaves: int) -> None:
    past = way_out("e7", state=State.WORKING, day=YESTERDAY, **FUTURE)
    ledger = carrying(past, **FUTURE)
    if difference is not None:
        ledger.be_apart(past.command.key, difference)

    assert reserved(ledger, **FUTURE) == leaves


@pytest.mark.parametrize(
    ("bought", "difference", "leaves"), [(30, -40, 30), (30, 30, 100), (30, 0, 70), (100, 0, 0), (100, 70, 70)]
)
def test_what_another_strategy_bought_unseen_may_hide_a_sale(bought: int, difference: int, leaves: int) -> None:
    past = way_out("e7", state=State.WORKING, day=YESTERDAY, **FUTURE)
    other = entry(state=State.WORKING, day=YESTERDAY, strategy="other", **FUTURE | {"quantity": bought})
    ledger = carrying(past, other, **FUTURE)
    ledger.be_apart(past.command.key, difference)

    assert reserved(ledger, **FUTURE) == leaves


def test_what_a_person_settles_is_no_difference_any_more() -> None:
    first = way_out("e7", 60, state=State.WORKING, day=YESTERDAY, **FUTURE)
    second = way_out("e8", 40, state=State.WORKING, day=YESTERDAY, **FUTURE)
    ledger = carrying(first, second, **FUTURE)
    ledger.be_apart(first.command.key, -60)
    assert reserved(ledger, command_id="early", **FUTURE) == 40

    ledger.observe(replace(first, state=State.FILLED, filled_quantity=60))

    assert reserved(ledger, **FUTURE) == 0
    ledger.observe(replace(second, state=State.CANCELED))
    assert said_of(ledger).startswith("trend holds +40, and 40 of it are being closed already by early")


def test_what_the_account_showed_yesterday_counts_no_more() -> None:
    past = way_out("e7", state=State.WORKING, day=YESTERDAY, **FUTURE)
    ledger = carrying(past, **FUTURE)
    ledger.be_apart(past.command.key, -40)

    ledger.begin_day("2026-01-06")

    assert reserved(ledger, **FUTURE) == 0
