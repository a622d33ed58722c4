"""Contracts whose last day is over: nothing of them counts, before any book is read, where the day is known."""

from dataclasses import replace
from datetime import date, datetime, timedelta

import pytest

from domain.alerts.text.breaks import over_alert, still_held_alert
from domain.exits.flatten import PositionKey
from domain.market.expiry import ContractOver, Contracts
from domain.orders.command import OrderCommand
from domain.orders.lifecycle import State
from domain.orders.order import Order
from domain.orders.reasons import Reason
from domain.orders.types import Exchange, InstrumentKey, Intent, Product, Side
from domain.positions.ledger import GuardLedger
from domain.positions.verdicts import GuardRefused, Reserved
from tests.fakes import TEN_O_CLOCK, command, order

OPTION = InstrumentKey(Exchange.NFO, "NIFTY06JAN26C26000", Product.NRML)
"""Expires on Tuesday, 6 January 2026, the day after TEN_O_CLOCK."""
SENSEX = InstrumentKey(Exchange.BFO, "SENSEX2610676800CE", Product.NRML)
"""Its symbol tells no day that this desk reads."""
LAST_DAY = date(2026, 1, 6)
BEFORE_MIDNIGHT = datetime(2026, 1, 6, 23, 59, 59, tzinfo=TEN_O_CLOCK.tzinfo)
MIDNIGHT = BEFORE_MIDNIGHT + timedelta(seconds=1)
MORNING = BEFORE_MIDNIGHT + timedelta(hours=9)
EXIT = {"intent": Intent.EXIT, "side": Side.SELL}


def asks(key: InstrumentKey, **given: object) -> OrderCommand:
    asked = {"exchange": key.exchange, "symbol": key.symbol, "product": key.product, "quantity": 65}
    return command(**(asked | given))


def ledger(at: datetime, held: dict[InstrumentKey, int], *orders: Order, **learnt: date) -> GuardLedger:
    contracts = Contracts({(Exchange.BFO, symbol): day for symbol, day in learnt.items()})
    made = GuardLedger({"trend": held}, orders, contracts=contracts)
    made.see_time(at)
    return made


def test_on_its_last_day_an_exit_goes_as_always() -> None:
    on_the_day = ledger(BEFORE_MIDNIGHT, {OPTION: 65})

    assert isinstance(on_the_day.reserve(asks(OPTION, **EXIT)), Reserved)
    assert (on_the_day.exposures()[PositionKey("trend", OPTION)].held, on_the_day.over()) == (65, frozenset())


@pytest.mark.parametrize("at", [MIDNIGHT, MORNING], ids=str)
def test_after_it_nothing_is_left_to_exit_and_nothing_is_to_be_made_flat(at: datetime) -> None:
    after = ledger(at, {OPTION: 65})

    refused = after.reserve(asks(OPTION, **EXIT))

    assert isinstance(refused, GuardRefused)
    assert (refused.reason, refused.why) == (Reason.NOTHING_TO_EXIT, ContractOver(OPTION, LAST_DAY))
    assert after.exposures() == {}
    assert after.over() == {OPTION}
    assert after.positions() == {"trend": {OPTION: 65}}, "the books end it, not the calendar"


def test_nobody_is_blocked_by_what_is_over() -> None:
    open_order = order(command=asks(OPTION, command_id="rest"), state=State.WORKING)
    entry = command(command_id="e1")

    after, before = ledger(MORNING, {OPTION: 65}, open_order), ledger(BEFORE_MIDNIGHT, {OPTION: 65}, open_order)

    assert isinstance(before.reserve(entry), GuardRefused)
    assert isinstance(before.reserve_basket((entry,)), GuardRefused)
    assert not after.has_strategy("trend")
    assert isinstance(after.reserve_basket((command(command_id="leg"),)), Reserved)
    after.release(command(command_id="leg"))
    assert isinstance(after.reserve(entry), Reserved)
    assert "rest" in after.book("trend").reservations, "its stake stays until the order is over"


def test_nothing_is_entered_in_it() -> None:
    after = ledger(MORNING, {})

    alone, together = after.reserve(asks(OPTION)), after.reserve_basket((command(), asks(OPTION)))

    assert isinstance(alone, GuardRefused)
    assert isinstance(together, GuardRefused)
    assert alone.reason is together.reason is Reason.CONTRACT_EXPIRED
    assert alone.inputs["last_day"] == "2026-01-06"


def test_an_exit_is_never_refused_because_the_last_day_is_not_known() -> None:
    unknown = ledger(MORNING + timedelta(days=365), {SENSEX: 65})

    assert unknown.over() == frozenset()
    assert isinstance(unknown.reserve(asks(SENSEX, **EXIT)), Reserved)


def test_the_brokers_word_is_known_at_once_and_its_newest_counts() -> None:
    learnt = ledger(MORNING, {SENSEX: 65}, **{SENSEX.symbol: LAST_DAY})
    told = ledger(MORNING, {SENSEX: 65})
    told.learn_last_day(SENSEX.exchange, SENSEX.symbol, LAST_DAY)
    assert learnt.over() == told.over() == {SENSEX}

    told.learn_last_day(SENSEX.exchange, SENSEX.symbol, MORNING.date())

    assert told.over() == frozenset()
    assert isinstance(told.reserve(asks(SENSEX, **EXIT)), Reserved)


def test_a_share_has_no_last_day_whatever_the_broker_says_of_it() -> None:
    share = InstrumentKey(Exchange.NSE, "RELIANCE-EQ", Product.MIS)
    held = ledger(MORNING, {}, order(command=command(command_id="e1"), state=State.FILLED, filled_quantity=10))
    held.learn_last_day(share.exchange, share.symbol, date(1980, 1, 1))

    assert isinstance(held.reserve(command(command_id="x1", **EXIT)), Reserved)


def test_what_the_account_holds_all_the_same_can_be_exited_as_long_as_it_does() -> None:
    after = ledger(MORNING, {OPTION: 65, SENSEX: 20}, **{SENSEX.symbol: LAST_DAY})

    after.show(frozenset({OPTION}))

    assert after.over() == {SENSEX}
    assert set(after.exposures()) == {PositionKey("trend", OPTION)}
    assert isinstance(after.reserve(asks(OPTION, command_id="x1", **EXIT)), Reserved)
    after.show(frozenset())
    assert after.over() == {OPTION, SENSEX}


def test_a_book_shows_that_a_contract_lives_from_the_day_after_its_last_one_on() -> None:
    contracts = Contracts({})
    later = replace(OPTION, symbol="NIFTY13JAN26C26000")

    assert contracts.living([OPTION, later, SENSEX], MORNING) == {OPTION}
    assert contracts.living([OPTION], MIDNIGHT + timedelta(hours=1)) == frozenset(), "its books are of the day before"
    assert contracts.living([OPTION], BEFORE_MIDNIGHT) == frozenset()


def test_people_hear_why_nothing_is_left_to_exit() -> None:
    sentence = ContractOver(OPTION, LAST_DAY).sentence(None)

    assert sentence.startswith("NIFTY06JAN26C26000 (NFO NRML) had its last day on 06-01-2026: nothing can be ordered")
    assert over_alert("X of trend", "a person").what == (
        "No exit of X of trend is sent (a person): the contract's last day is over."
    )
    assert "NIFTY06JAN26C26000 (NFO NRML)" in still_held_alert(OPTION).what


@pytest.mark.parametrize("state", [State.WORKING, State.UNCONFIRMED], ids=str)
@pytest.mark.parametrize(
    ("product", "blocks"), [(Product.MIS, False), (Product.NRML, True), (Product.CNC, True)], ids=str
)
def test_an_intraday_order_of_a_past_day_blocks_no_entry(state: State, product: Product, *, blocks: bool) -> None:
    asked = asks(OPTION, command_id="past") if product is Product.NRML else command(command_id="past", product=product)
    past = order(command=asked, state=state, day="2026-01-04")
    today = GuardLedger(orders=[past], day="2026-01-05")

    alone = today.reserve(command(command_id="e1"))
    together = GuardLedger(orders=[past], day="2026-01-05").reserve_basket((command(command_id="leg"),))

    assert (isinstance(alone, GuardRefused), isinstance(together, GuardRefused)) == (blocks, blocks)
    assert "past" in today.book("trend").reservations, "the books end it"
