"""Delivery is not intraday: a sale closes holdings, is never a short, and blocks nothing."""

from dataclasses import replace
from datetime import timedelta
from decimal import Decimal
from random import Random
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.broker.snapshots import Book, PositionRow
from domain.exits.flatten import Exposure, OpenOrder, PositionKey
from domain.orders.command import OrderCommand
from domain.orders.lifecycle import State
from domain.orders.order import Order
from domain.orders.reasons import Reason
from domain.orders.types import EXTERNAL, Exchange, InstrumentKey, Intent, Origin, Product, Side
from domain.orders.validation import InvalidOrderError
from domain.positions.carried import Carried
from domain.positions.delivery import is_refused_for_shares
from domain.positions.ledger import GuardLedger
from domain.positions.pnl import PnlBook
from domain.positions.verdicts import GuardRefused, Reserved
from domain.reconciliation.write_off import Difference, differences, objection_to_write_off
from tests.fakes import TEN_O_CLOCK, command, order

KEY = InstrumentKey(Exchange.NSE, "RELIANCE-EQ", Product.CNC)
TODAY = "2026-01-05"
SCOPE = PositionKey("invest", KEY)


def traded(name: str, side: Side, quantity: int = 10, minute: int = 0, **changes: Any) -> Order:  # noqa: ANN401  any field
    """Return an order in delivery that has filled."""
    at = TEN_O_CLOCK + timedelta(minutes=minute)
    made = order(
        **{
            "command_id": name,
            "strategy": "invest",
            "side": side,
            "product": Product.CNC,
            "quantity": quantity,
            "state": State.FILLED,
            "filled_quantity": quantity,
            "average_price": Decimal(100),
            "created_at": at,
            **changes,
        }
    )
    if made.command.strategy == "others":
        object.__setattr__(made.command, "strategy", EXTERNAL)
    return made


def sale(name: str = "sale", quantity: int = 10, **terms: Any) -> OrderCommand:  # noqa: ANN401  any field
    given = {"strategy": "invest", "intent": Intent.EXIT, "side": Side.SELL, "product": Product.CNC, **terms}
    return command(command_id=name, quantity=quantity, **given)


def reserved(verdict: Reserved | GuardRefused) -> int | Reason:
    return verdict.quantity if isinstance(verdict, Reserved) else verdict.reason


def test_a_sale_out_of_the_holdings_is_no_position_and_blocks_no_entry() -> None:
    ledger = GuardLedger(orders=[traded("sold", Side.SELL)], day=TODAY)

    assert ledger.positions() == {}
    assert ledger.exposures() == {}
    assert ledger.sold_from_holdings() == {"invest": {KEY: 10}}
    assert ledger.delivery_today() == {KEY: -10}
    assert reserved(ledger.reserve(command(command_id="next", strategy="invest", symbol="INFY-EQ"))) == 10


def test_a_sale_that_works_blocks_no_entry_either() -> None:
    ledger = GuardLedger(day=TODAY)
    ledger.reserve(sale())

    assert reserved(ledger.reserve(command(command_id="next", strategy="invest", symbol="INFY-EQ"))) == 10


def test_shares_bought_after_a_sale_out_of_the_holdings_are_held_and_can_be_sold() -> None:
    ledger = GuardLedger(orders=[traded("sold", Side.SELL), traded("bought", Side.BUY, minute=5)], day=TODAY)

    assert ledger.positions() == {"invest": {KEY: 10}}
    assert ledger.exposures() == {SCOPE: Exposure(10)}
    assert reserved(ledger.reserve(sale("stop", origin=Origin.DESK))) == 10
    assert ledger.delivery_today() == {KEY: 0}, "what the account's row shows"


@pytest.mark.parametrize("way", [1, -1], ids=["as created", "sale fills last"])
def test_the_order_in_which_orders_trade_does_not_count(way: int) -> None:
    """A restart reads orders as they were created: it must find what the run before it found."""
    orders = [traded("sold", Side.SELL), traded("bought", Side.BUY, minute=5)]

    ledger = GuardLedger(orders=orders[::way], day=TODAY)

    assert ledger.positions() == {"invest": {KEY: 10}}
    assert ledger.sold_from_holdings() == {"invest": {KEY: 10}}


def test_what_was_bought_is_sold_first_and_only_the_rest_comes_out_of_the_holdings() -> None:
    ledger = GuardLedger(orders=[traded("bought", Side.BUY, 4), traded("sold", Side.SELL, 10, minute=5)], day=TODAY)

    assert ledger.positions() == {}
    assert ledger.sold_from_holdings() == {"invest": {KEY: 6}}


def test_nothing_of_a_sale_is_carried_into_the_next_day() -> None:
    ledger = GuardLedger(orders=[traded("sold", Side.SELL)], day=TODAY)

    ledger.begin_day("2026-01-06")
    ledger.observe(traded("bought", Side.BUY, 5, minute=60 * 24, day="2026-01-06"))

    assert ledger.positions() == {"invest": {KEY: 5}}
    assert ledger.sold_from_holdings() == {}
    assert ledger.delivery_today() == {KEY: 5}


def test_a_negative_sum_of_earlier_days_is_no_position() -> None:
    ledger = GuardLedger({"invest": {KEY: -10}}, day=TODAY)

    assert ledger.exposures() == {}
    assert reserved(ledger.reserve(command(command_id="next", strategy="invest"))) == 10


def test_a_write_off_of_a_phantom_short_leaves_no_phantom_long() -> None:
    """Earlier versions carried CNC sales as shorts, and people wrote them off."""
    ledger = GuardLedger(day=TODAY)

    ledger.shift(SCOPE, -10)

    assert ledger.positions() == {}


def carried(history: list[tuple[str, InstrumentKey, int]]) -> dict[str, dict[InstrumentKey, int]]:
    counted = Carried()
    for one in history:
        counted.count(*one)
    return counted.positions()


def test_history_is_counted_order_by_order() -> None:
    """Sold out of the holdings on the first day, bought on the third: the ten are held, not closed."""
    infy = replace(KEY, symbol="INFY-EQ")
    history = [("invest", KEY, -10), ("invest", infy, 5), ("invest", KEY, 10), ("invest", infy, -5)]

    assert carried(history) == {"invest": {KEY: 10, infy: 0}}


@pytest.mark.parametrize(
    ("history", "held", "exit_gets"),
    [
        ([("invest", KEY, 10), (EXTERNAL, KEY, -10)], 0, Reason.NOTHING_TO_EXIT),
        ([(EXTERNAL, KEY, -10), ("invest", KEY, 10)], 10, 10),
        ([("invest", KEY, 10), (EXTERNAL, KEY, -10), (EXTERNAL, KEY, 10)], 10, 10),
        ([(EXTERNAL, KEY, 10), ("invest", KEY, 10), (EXTERNAL, KEY, -10)], 10, 10),
    ],
    ids=["sold by phone", "the phone sold other shares before", "bought back by phone", "the phone sold its own"],
)
def test_a_phones_sale_closes_ours_only_where_ours_were_held(
    history: list[tuple[str, InstrumentKey, int]], held: int, exit_gets: object
) -> None:
    ledger = GuardLedger(carried(history), day=TODAY)

    assert ledger.exposures() == ({SCOPE: Exposure(held)} if held else {})
    assert reserved(ledger.reserve(sale(origin=Origin.DESK))) == exit_gets


def test_a_phones_sale_out_of_the_holdings_is_no_short_of_others() -> None:
    ledger = GuardLedger(orders=[traded("phone", Side.SELL, strategy="others")], day=TODAY)
    ledger.observe(traded("bought", Side.BUY, minute=5))

    assert ledger.positions() == {"invest": {KEY: 10}}
    assert reserved(ledger.reserve(sale(origin=Origin.DESK))) == 10


@pytest.mark.parametrize("origin", [Origin.HUMAN, Origin.STRATEGY])
def test_a_persons_or_a_strategys_exit_without_a_position_goes_to_the_broker_as_asked(origin: Origin) -> None:
    ledger = GuardLedger(day=TODAY)

    assert reserved(ledger.reserve(sale(quantity=7, origin=origin))) == 7


def test_the_desks_own_exits_never_sell_holdings() -> None:
    ledger = GuardLedger(day=TODAY)

    assert reserved(ledger.reserve(sale(origin=Origin.DESK))) is Reason.NOTHING_TO_EXIT
    flatten = sale("flatten", origin=Origin.HUMAN)
    assert reserved(ledger.reserve(flatten, from_position_only=True)) is Reason.NOTHING_TO_EXIT


@pytest.mark.parametrize("strategy", ["invest", "other"])
def test_only_one_sale_out_of_the_holdings_works_for_a_symbol(strategy: str) -> None:
    ledger = GuardLedger(day=TODAY)
    ledger.reserve(sale("first"))

    assert reserved(ledger.reserve(sale("second", strategy=strategy))) is Reason.NOTHING_TO_EXIT
    assert reserved(ledger.reserve(sale("elsewhere", strategy=strategy, symbol="INFY-EQ"))) == 10


def test_an_exit_while_its_entry_still_works_waits_for_the_entrys_fate() -> None:
    """What is unknown is not zero: the shares are perhaps being bought just now."""
    ledger = GuardLedger(day=TODAY)
    ledger.reserve(command(command_id="entry", strategy="invest", product=Product.CNC))

    assert reserved(ledger.reserve(sale())) is Reason.NOTHING_TO_EXIT


def test_a_buy_or_another_product_without_a_position_is_no_delivery_exit() -> None:
    ledger = GuardLedger(day=TODAY)

    assert reserved(ledger.reserve(sale("buys", side=Side.BUY))) is Reason.NOTHING_TO_EXIT
    assert reserved(ledger.reserve(sale("mis", product=Product.MIS))) is Reason.NOTHING_TO_EXIT


def test_a_position_that_others_sold_is_not_sold_again_out_of_the_holdings() -> None:
    ledger = GuardLedger(orders=[traded("bought", Side.BUY), traded("p", Side.SELL, strategy="others")], day=TODAY)

    assert reserved(ledger.reserve(sale())) is Reason.NOTHING_TO_EXIT


def test_a_flatten_takes_a_working_sale_back_and_buys_nothing() -> None:
    ledger = GuardLedger(day=TODAY)
    ledger.reserve(sale())

    assert ledger.exposures() == {SCOPE: Exposure(0, (OpenOrder("sale", Side.SELL, 10),))}


def test_a_basket_keeps_the_sale_that_works_beside_it() -> None:
    ledger = GuardLedger(day=TODAY)
    ledger.reserve(sale())

    ledger.reserve_basket((command(command_id="leg", strategy="invest", symbol="INFY-EQ"),))

    assert set(ledger.book("invest").reservations) == {"sale", "leg"}


def test_a_sale_takes_no_stops() -> None:
    with pytest.raises(InvalidOrderError, match="a CNC sale takes no stop_loss; it leaves no position to protect"):
        command(side=Side.SELL, product=Product.CNC, stop_loss=Decimal(1600))


@given(
    st.lists(
        st.tuples(st.sampled_from(["invest", "other"]), st.sampled_from(Side), st.integers(1, 20)),
        max_size=8,
    ),
    st.randoms(use_true_random=False),
)
def test_however_orders_trade_no_position_is_short_and_a_restart_finds_the_same(
    trades: list[tuple[str, Side, int]], chance: Random
) -> None:
    orders = [traded(f"o{n}", side, units, n, strategy=who) for n, (who, side, units) in enumerate(trades)]
    shuffled = chance.sample(orders, len(orders))

    ledger, again = GuardLedger(orders=shuffled, day=TODAY), GuardLedger(orders=orders, day=TODAY)

    assert ledger.positions() == again.positions()
    assert ledger.sold_from_holdings() == again.sold_from_holdings()
    assert all(units > 0 for held in ledger.positions().values() for units in held.values())
    held = sum(one.get(KEY, 0) for one in ledger.positions().values())
    sold = sum(one.get(KEY, 0) for one in ledger.sold_from_holdings().values())
    net = sum(units * side.sign for _, side, units in trades)
    assert held - sold == net == ledger.delivery_today().get(KEY, 0)


@given(
    st.lists(
        st.tuples(st.sampled_from(["invest", "other", "others"]), st.sampled_from(Side), st.integers(1, 20)),
        max_size=8,
    )
)
def test_the_next_day_finds_what_the_day_left_over_a_restart_or_not(trades: list[tuple[str, Side, int]]) -> None:
    orders = [traded(f"o{n}", side, units, n, strategy=who) for n, (who, side, units) in enumerate(trades)]
    history = [(one.command.strategy, KEY, one.filled_quantity * one.command.side.sign) for one in orders]
    ran_on = GuardLedger(orders=orders, day=TODAY)
    ran_on.begin_day("2026-01-06")

    restarted = GuardLedger(carried(history), day="2026-01-06")

    assert restarted.exposures() == ran_on.exposures()
    ways = [sale(f"x-{who}", 100, strategy=who, origin=Origin.DESK) for who in ("invest", "other")]
    assert [reserved(restarted.reserve(one)) for one in ways] == [reserved(ran_on.reserve(one)) for one in ways]


def row(net: int, carried: int = 0, product: str = "C") -> PositionRow:
    return PositionRow(
        exchange="NSE",
        symbol=KEY.symbol,
        product=product,
        net_quantity=net,
        carried_quantity=carried,
        net_average_price=Decimal(100),
        last_price=Decimal(100),
        realised=Decimal(0),
        unrealised=Decimal(0),
    )


def test_the_sum_rule_counts_the_days_moves_of_delivery() -> None:
    ledger = GuardLedger({"long ago": {KEY: 30}}, [traded("sold", Side.SELL)], TODAY)
    ours = (ledger.positions(), ledger.delivery_today())

    assert differences(*ours, Book((row(-10),), TEN_O_CLOCK)) == ()
    assert differences(*ours, Book((), TEN_O_CLOCK)) == (Difference(KEY, -10, 0),)


@pytest.mark.parametrize(("moved", "left", "others"), [(6, 4, 6), (25, 0, 10), (-5, 10, 0)])
def test_no_more_delivery_goes_over_to_others_than_there_is(moved: int, left: int, others: int) -> None:
    book = PnlBook()
    book.count(traded("bought", Side.BUY))

    book.shift(SCOPE, moved)

    units = {row.position_key: row.quantity for row in book.rows()}
    assert (units[SCOPE], units.get(PositionKey(EXTERNAL, KEY), 0)) == (left, others)


def test_the_days_profit_knows_no_short_of_delivery() -> None:
    book = PnlBook()
    book.carry(SCOPE, -5)
    book.count(traded("sold", Side.SELL))
    book.see((KEY.exchange, KEY.symbol), Decimal(150))

    assert book.held == ()
    (shown,) = book.rows()
    assert (shown.quantity, shown.realised, shown.open) == (0, Decimal(0), Decimal(0))


def test_the_days_profit_counts_shares_bought_after_such_a_sale() -> None:
    book = PnlBook()
    book.count(traded("sold", Side.SELL))

    book.count(traded("bought", Side.BUY, minute=5))

    assert book.held == (SCOPE,)


def test_each_product_has_one_answer_to_what_becomes_of_it_overnight() -> None:
    assert {one for one in Product if one.is_delivery} == {Product.CNC, Product.MTF}
    assert {one for one in Product if one.is_carried} == {Product.NRML}
    assert {one for one in Product if one.ends_with_its_day} == {Product.MIS, Product.CO, Product.BO}


@pytest.mark.parametrize(
    "message",
    [
        "RED:RULE:{Check Holdings Including BTST}Eligible Sell:4 for C-FA1 [DEFAULT]",
        "RED:RULE:{Check Holdings Including BTST}No Holdings uploaded for C-FA1 [DEFAULT]",
        "RMS:Rule: Check holdings including BTST/HALDING for entity account",
        "RED:RMS:Insufficient holdings: 0 of RELIANCE-EQ",
    ],
)
@pytest.mark.parametrize("state", [State.REFUSED, State.REJECTED])
def test_the_brokers_words_say_that_shares_are_missing(message: str, state: State) -> None:
    assert is_refused_for_shares(order(command=sale(), state=state, note=message))


@pytest.mark.parametrize(
    "message",
    [
        None,
        "RED:Margin Shortfall:INR 101830.33 Available:INR 86932.68 for C-FA1 [DEFAULT]",
        "RED:RULE:{Check circuit limit including square off order}Current:INR 2,400.00 for C-FA1 [DEFAULT]",
        "Invalid Input : Request IP is not the registered static IP",
        "Session Expired :  Invalid Session Key",
        "Order Recieved in a current second exceeds limit",
        "16278 The markets have not been opened for trading",
        "CDSL authorisation of the sale is missing",
    ],
)
def test_a_refusal_that_does_not_name_the_holdings_ends_no_way_out(message: str | None) -> None:
    assert not is_refused_for_shares(order(command=sale(), state=State.REFUSED, note=message))


@pytest.mark.parametrize(
    "changes",
    [
        {"state": State.WORKING},
        {"filled_quantity": 4, "average_price": Decimal(100)},
        {"command": sale(product=Product.MIS)},
        {"command": sale(side=Side.BUY, intent=Intent.ENTRY)},
    ],
    ids=["works", "has traded", "intraday", "a purchase"],
)
def test_only_a_sale_for_delivery_that_came_to_nothing_is_refused_for_shares(changes: dict[str, Any]) -> None:
    refused = {"command": sale(), "state": State.REJECTED, "note": "No Holdings uploaded", **changes}

    assert not is_refused_for_shares(order(**refused))


def test_what_others_are_selling_of_a_share_is_told_beside_what_is_held() -> None:
    ledger = GuardLedger(orders=[traded("bought", Side.BUY)], day=TODAY)
    ledger.reserve(sale("theirs", 4, strategy="other"))
    ledger.observe(traded("phone", Side.SELL, 3, strategy="others", state=State.WORKING, filled_quantity=0))

    assert ledger.exposures()[SCOPE] == Exposure(10, sold_beside=7)
    assert ledger.exposures()[PositionKey("other", KEY)] == Exposure(0, (OpenOrder("theirs", Side.SELL, 4),), 3)


def test_shares_that_were_sold_out_of_the_holdings_are_no_objection_to_clearing() -> None:
    assert objection_to_write_off(SCOPE, Book((row(-10),), TEN_O_CLOCK), force=False) == ""
    assert "shows +10" in objection_to_write_off(SCOPE, Book((row(10),), TEN_O_CLOCK), force=False)
