from dataclasses import replace
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from domain.exits.flatten import PositionKey
from domain.orders.lifecycle import Event, State
from domain.orders.order import Order, OrderEvent
from domain.orders.reasons import Reason
from domain.orders.types import EXTERNAL, Exchange, InstrumentKey, Intent, Product, Side
from domain.positions.ledger import GuardLedger
from domain.positions.verdicts import GuardRefused, Reserved
from tests.domain.positions.orders import ENTRY, KEY, elsewhere, filled, quantity_of, reason_of, way_out
from tests.fakes import TEN_O_CLOCK, command, order


def test_an_entry_is_reserved_whole() -> None:
    assert quantity_of(GuardLedger().reserve(ENTRY)) == 100


@pytest.mark.parametrize(
    "first",
    [
        order(state=State.CREATED),
        order(state=State.SENDING),
        order(state=State.UNCONFIRMED),
        order(state=State.WORKING),
        order(state=State.PARTIALLY_FILLED, filled_quantity=1),
        order(state=State.FILLED, filled_quantity=10),
        order(state=State.CANCELED, filled_quantity=1),
        order(state=State.WORKING, side=Side.SELL),
    ],
    ids=lambda one: one.state.value,
)
def test_a_second_entry_is_blocked_while_the_strategy_has_any_exposure(first: Order) -> None:
    # Check 2B; R2 of the scenarios is the UNCONFIRMED case.
    ledger = GuardLedger(orders=[first])

    verdict = ledger.reserve(command(command_id="second", symbol="INFY-EQ"))

    assert reason_of(verdict) is Reason.EXECUTION_GUARD_BLOCKED


def test_a_blocked_entry_is_told_what_is_in_its_way_and_the_ways_on() -> None:
    ledger = GuardLedger(orders=[filled(10), order(state=State.WORKING, command_id="rests", symbol="INFY-EQ")])

    verdict = ledger.reserve(command(command_id="second", symbol="TCS-EQ"))

    assert isinstance(verdict, GuardRefused)
    assert verdict.why is not None
    assert verdict.why.sentence(None) == (
        "Strategy trend holds +10 RELIANCE-EQ (NSE MIS) and has open orders (rests), so it cannot enter again. "
        "Get out first (`flatten`, or an order with the intent EXIT), or enter under the name of another strategy."
    )


@pytest.mark.parametrize(
    "state", [State.BLOCKED, State.REFUSED, State.REJECTED, State.NOT_PLACED, State.CANCELED], ids=str
)
def test_an_entry_goes_after_one_that_took_nothing(state: State) -> None:
    ledger = GuardLedger(orders=[order(state=state)])

    assert quantity_of(ledger.reserve(command(command_id="second"))) == 10


def test_the_window_between_check_and_send_is_closed() -> None:
    ledger = GuardLedger()

    ledger.reserve(command(command_id="first"))
    second = ledger.reserve(command(command_id="second"))

    assert reason_of(second) is Reason.EXECUTION_GUARD_BLOCKED


def test_two_strategies_in_the_same_symbol_know_nothing_of_each_other() -> None:
    # G1: each exit sells only its own.
    ledger = GuardLedger(orders=[filled(100, strategy="a"), filled(30, strategy="b", command_id="entry-b")])

    exit_a = ledger.reserve(way_out("exit-a", 500, strategy="a").command)
    exit_b = ledger.reserve(way_out("exit-b", 500, strategy="b").command)

    assert (quantity_of(exit_a), quantity_of(exit_b)) == (100, 30)


def test_an_adjustment_is_blocked_by_another_open_order_on_its_side() -> None:
    # Check 2C.
    ledger = GuardLedger(orders=[filled()])
    add = command(command_id="add", intent=Intent.ADJUST)

    first = ledger.reserve(add)
    second = ledger.reserve(replace(add, command_id="add-again"))
    elsewhere = ledger.reserve(replace(add, command_id="add-infy", symbol="INFY-EQ"))

    assert quantity_of(first) == 10
    assert reason_of(second) is Reason.DUPLICATE_ORDER_BLOCKED
    assert quantity_of(elsewhere) == 10


def test_a_duplicate_is_one_for_the_symbol_whatever_the_product() -> None:
    ledger = GuardLedger()
    ledger.reserve(command(command_id="mis", intent=Intent.ADJUST))

    verdict = ledger.reserve(command(command_id="cnc", intent=Intent.ADJUST, product=Product.CNC))

    assert reason_of(verdict) is Reason.DUPLICATE_ORDER_BLOCKED


def test_an_exit_is_clamped_to_what_was_filled_and_not_to_what_was_asked() -> None:
    ledger = GuardLedger(
        orders=[order(command_id="entry", quantity=500, state=State.PARTIALLY_FILLED, filled_quantity=450)]
    )

    assert quantity_of(ledger.reserve(way_out(quantity=500).command)) == 450


def test_two_exits_together_never_exceed_what_is_held() -> None:
    ledger = GuardLedger(orders=[filled(100)])

    first, second, third = (ledger.reserve(way_out(f"exit-{n}", 60).command) for n in range(3))

    assert (quantity_of(first), quantity_of(second)) == (60, 40)
    assert reason_of(third) is Reason.NOTHING_TO_EXIT


@pytest.mark.parametrize("side", Side)
def test_a_flat_strategy_has_nothing_to_exit(side: Side) -> None:
    verdict = GuardLedger().reserve(command(intent=Intent.EXIT, side=side))

    assert reason_of(verdict) is Reason.NOTHING_TO_EXIT


def test_an_exit_on_the_side_that_would_build_is_refused() -> None:
    ledger = GuardLedger(orders=[filled(100)])

    verdict = ledger.reserve(command(command_id="exit", intent=Intent.EXIT, side=Side.BUY))

    assert reason_of(verdict) is Reason.NOTHING_TO_EXIT


def test_a_short_position_is_exited_by_buying() -> None:
    ledger = GuardLedger(orders=[filled(40, side=Side.SELL)])

    verdict = ledger.reserve(command(command_id="exit", intent=Intent.EXIT, side=Side.BUY, quantity=100))

    assert quantity_of(verdict) == 40


def test_the_same_symbol_under_another_product_is_another_position() -> None:
    # B9.
    ledger = GuardLedger({"trend": {replace(KEY, product=Product.CNC): 100}})

    verdict = ledger.reserve(command(command_id="exit", intent=Intent.EXIT, side=Side.SELL, product=Product.MIS))

    assert reason_of(verdict) is Reason.NOTHING_TO_EXIT


def test_a_part_filled_then_canceled_entry_leaves_its_position() -> None:
    # B6.
    ledger = GuardLedger()
    ledger.reserve(ENTRY)

    ledger.observe(order(command=ENTRY, state=State.CANCELED, filled_quantity=45))

    assert ledger.positions() == {"trend": {KEY: 45}}
    assert quantity_of(ledger.reserve(way_out().command)) == 45


@pytest.mark.parametrize(
    "state", [State.REJECTED, State.REFUSED, State.CANCELED, State.NOT_PLACED, State.BLOCKED], ids=str
)
def test_an_exit_that_failed_gives_back_just_what_it_did_not_trade(state: State) -> None:
    # "A rejected exit clears nothing": the position stays, and may be exited again.
    ledger = GuardLedger(orders=[filled(100)])
    first = way_out("exit-1")
    ledger.reserve(first.command)

    ledger.observe(replace(first, state=state))

    assert ledger.positions() == {"trend": {KEY: 100}}
    assert quantity_of(ledger.reserve(way_out("exit-2").command)) == 100


def test_an_unconfirmed_exit_holds_what_it_may_have_sold() -> None:
    ledger = GuardLedger(orders=[filled(100)])
    first = way_out("exit-1")
    ledger.reserve(first.command)

    ledger.observe(replace(first, state=State.UNCONFIRMED))

    assert reason_of(ledger.reserve(way_out("exit-2").command)) is Reason.NOTHING_TO_EXIT


def test_an_order_that_is_asked_about_twice_is_reserved_once() -> None:
    ledger = GuardLedger(orders=[filled(100)])
    first = way_out(quantity=60).command

    asked = [ledger.reserve(first) for _ in range(3)]

    assert [quantity_of(one) for one in asked] == [60, 60, 60]
    assert quantity_of(ledger.reserve(way_out("other", 60).command)) == 40


def test_a_late_fill_is_counted_once() -> None:
    # B7: canceled, and then filled after all.
    ledger = GuardLedger()
    canceled = order(command=ENTRY, state=State.CANCELED, filled_quantity=40)
    ledger.observe(canceled)
    late = canceled.after(OrderEvent(kind=Event.FILLED, filled_quantity=100), TEN_O_CLOCK)

    for _ in range(2):
        ledger.observe(late)

    assert ledger.positions() == {"trend": {KEY: 100}}


def test_a_released_reservation_is_free_again() -> None:
    ledger = GuardLedger()
    ledger.reserve(ENTRY)

    ledger.release(ENTRY)

    assert not ledger.has_strategy("trend")


def test_positions_of_earlier_days_are_held_from_the_start_but_for_mis() -> None:
    delivery = replace(KEY, product=Product.CNC)

    ledger = GuardLedger({"trend": {KEY: 100, delivery: 30}}, [filled(20, command_id="today")])

    assert ledger.positions() == {"trend": {delivery: 30, KEY: 20}}, "the broker has squared yesterday's MIS off"


@given(st.lists(st.sampled_from([0, 1, 4, 10]), max_size=6))
def test_observing_is_idempotent_and_the_last_word_counts(fills: list[int]) -> None:
    now, ledger = order(quantity=10, state=State.WORKING), GuardLedger()
    for amount in fills:
        event = Event.FILLED if amount == 10 else Event.PARTIALLY_FILLED
        if now.state is State.FILLED:
            break
        now = now.after(OrderEvent(kind=event, filled_quantity=amount), TEN_O_CLOCK)
        ledger.observe(now)

    ledger.observe(now)
    ledger.observe(now)

    assert ledger.book("trend") == GuardLedger(orders=[now]).book("trend")


class OneStrategy(RuleBasedStateMachine):
    """Fills, exits, cancels, lost replies and late truths of one strategy, in any order."""

    def __init__(self) -> None:
        super().__init__()
        self.ledger = GuardLedger()
        self.orders: dict[str, Order] = {}
        self.count = 0

    @property
    def open(self) -> list[str]:
        return [name for name, one in self.orders.items() if not one.is_terminal]

    @property
    def held(self) -> int:
        return sum(one.filled_quantity * one.command.side.sign for one in self.orders.values())

    def _reserve(self, asked: Order) -> None:
        verdict = self.ledger.reserve(asked.command)
        if isinstance(verdict, Reserved):
            sent = OrderEvent(kind=Event.SENT, quantity=verdict.quantity)
            self.orders[asked.command.command_id] = asked.after(sent, TEN_O_CLOCK)

    def _move(self, name: str, event: Event, amount: int | None = None) -> None:
        self.orders[name] = self.orders[name].after(
            OrderEvent(kind=event, filled_quantity=amount, average_price=Decimal(100)), TEN_O_CLOCK
        )
        self.ledger.observe(self.orders[name])

    @rule(quantity=st.integers(1, 50), side=st.sampled_from(Side))
    def enter(self, quantity: int, side: Side) -> None:
        self.count += 1
        self._reserve(order(command_id=f"o{self.count}", quantity=quantity, side=side))

    @rule(quantity=st.integers(1, 80))
    def exit(self, quantity: int) -> None:
        self.count += 1
        side = Side.SELL if self.held > 0 else Side.BUY
        self._reserve(order(command_id=f"o{self.count}", quantity=quantity, side=side, intent=Intent.EXIT))

    @precondition(lambda self: self.open)
    @rule(data=st.data())
    def trade(self, data: st.DataObject) -> None:
        name = data.draw(st.sampled_from(self.open))
        one = self.orders[name]
        amount = data.draw(st.integers(one.filled_quantity, one.quantity))
        if amount:
            self._move(name, Event.FILLED if amount == one.quantity else Event.PARTIALLY_FILLED, amount)

    @precondition(lambda self: self.open)
    @rule(data=st.data())
    def end(self, data: st.DataObject) -> None:
        name = data.draw(st.sampled_from(self.open))
        self._move(
            name, data.draw(st.sampled_from([Event.CANCELED, Event.REJECTED])), self.orders[name].filled_quantity
        )

    @precondition(lambda self: any(self.orders[name].state is State.SENDING for name in self.open))
    @rule(data=st.data())
    def answer(self, data: st.DataObject) -> None:
        sending = [name for name in self.open if self.orders[name].state is State.SENDING]
        self._move(
            data.draw(st.sampled_from(sending)),
            data.draw(st.sampled_from([Event.ACCEPTED, Event.REFUSED, Event.REPLY_LOST])),
        )

    @precondition(lambda self: self.orders)
    @rule(data=st.data())
    def repeat(self, data: st.DataObject) -> None:
        """See an order again, as it is."""
        self.ledger.observe(self.orders[data.draw(st.sampled_from(sorted(self.orders)))])

    @invariant()
    def exits_never_exceed_what_is_held(self) -> None:
        closing = sum(
            one.open_quantity * one.command.side.sign
            for one in self.orders.values()
            if one.command.intent is Intent.EXIT
        )
        assert abs(closing) <= abs(self.held)
        assert closing * self.held <= 0

    @invariant()
    def the_ledger_holds_what_was_filled(self) -> None:
        assert self.ledger.book("trend").positions.get(KEY, 0) == self.held


TestOneStrategy = OneStrategy.TestCase


def let_out(ledger: GuardLedger, quantity: int = 100, name: str = "exit") -> int:
    """Return what an exit is given."""
    verdict = ledger.reserve(command(command_id=name, intent=Intent.EXIT, side=Side.SELL, quantity=quantity))
    return verdict.quantity if isinstance(verdict, Reserved) else 0


def test_what_others_closed_for_us_is_not_closed_again() -> None:
    # B8: the phone's or the broker's own square-off.
    ledger = GuardLedger(orders=[filled(100), elsewhere(Side.SELL, 70)])

    assert let_out(ledger) == 30


def test_a_short_that_others_held_before_does_not_keep_us_from_closing_ours() -> None:
    ledger = GuardLedger(orders=[elsewhere(Side.SELL, 70), filled(100)])

    assert let_out(ledger) == 100


def test_after_a_start_who_traded_first_counts_and_not_whose_row_is_older() -> None:
    orders = [elsewhere(Side.SELL, 70), filled(100)]

    theirs_rested = GuardLedger(orders=orders, trades=[("entry", 100), ("phone", 70)])
    ours_rested = GuardLedger(orders=orders[::-1], trades=[("phone", 70), ("entry", 100)])
    in_turns = GuardLedger(orders=orders, trades=[("entry", 40), ("phone", 70), ("entry", 100)])

    assert let_out(theirs_rested) == 30
    assert let_out(ours_rested) == 100
    assert let_out(in_turns) == 60


def test_what_an_order_of_yesterday_traded_was_there_before_others_sold_today() -> None:
    key = InstrumentKey(Exchange.NFO, "NIFTY27JAN26F", Product.NRML)
    at: dict[str, Any] = {"exchange": key.exchange, "symbol": key.symbol, "product": key.product}
    sold = elsewhere(Side.SELL, 150)
    sold = replace(sold, command=replace(sold.command, **at, unchecked=True), day="2026-01-06")
    entry = order(command=command(command_id="entry", quantity=100, **at), quantity=100, day="2026-01-05")
    ledger = GuardLedger(orders=[entry, sold], day="2026-01-06")

    ledger.observe(replace(entry, state=State.FILLED, filled_quantity=100))

    exit_ = command(command_id="exit", intent=Intent.EXIT, side=Side.SELL, quantity=100, **at)
    assert reason_of(ledger.reserve(exit_)) is Reason.NOTHING_TO_EXIT


def test_what_others_sold_for_delivery_came_out_of_the_holdings_where_ours_is_found_later() -> None:
    at: dict[str, Any] = {"product": Product.CNC}
    sold = elsewhere(Side.SELL, 100)
    sold = replace(sold, command=replace(sold.command, **at, unchecked=True), day="2026-01-06")
    entry = order(command=command(command_id="entry", quantity=100, **at), quantity=100, day="2026-01-05")
    ledger = GuardLedger(orders=[entry, sold], day="2026-01-06")

    ledger.observe(replace(entry, state=State.FILLED, filled_quantity=100))

    exit_ = command(command_id="exit", intent=Intent.EXIT, side=Side.SELL, quantity=100, **at)
    assert quantity_of(ledger.reserve(exit_)) == 100


def test_others_close_their_own_before_ours_and_may_undo_what_they_closed() -> None:
    ledger = GuardLedger(orders=[elsewhere(Side.BUY, 50, "theirs"), filled(100)])
    ledger.observe(elsewhere(Side.SELL, 50, "their-exit"))
    assert let_out(ledger, name="first") == 100

    ledger = GuardLedger(orders=[filled(100), elsewhere(Side.SELL, 100, "square-off"), elsewhere(Side.BUY, 40, "back")])
    assert let_out(ledger) == 40


def test_what_undoes_a_close_closes_nothing_else_too() -> None:
    ledger = GuardLedger(orders=[filled(100), elsewhere(Side.SELL, 100, "square-off")])
    ledger.observe(filled(60, command_id="short", side=Side.SELL, strategy="other"))

    ledger.observe(elsewhere(Side.BUY, 130, "back"))

    back = command(command_id="cover", intent=Intent.EXIT, side=Side.BUY, quantity=60, strategy="other")
    assert let_out(ledger) == 100
    assert quantity_of(ledger.reserve(back)) == 30


def test_an_order_that_others_have_working_holds_no_exit_back() -> None:
    working = elsewhere(Side.SELL, 60, state=State.WORKING, filled_quantity=0, broker_order_id="B9")
    ledger = GuardLedger(orders=[filled(100), working])

    assert let_out(ledger) == 100


@given(
    st.lists(
        st.tuples(st.sampled_from(["enter", "phone"]), st.sampled_from(Side), st.integers(1, 50)),
        min_size=1,
        max_size=12,
    )
)
def test_no_exit_sells_more_of_ours_than_others_have_left(trades: list[tuple[str, Side, int]]) -> None:
    """Whatever others trade: an exit is bounded by what we hold, and by that less all that they sold since."""
    ledger, held, sold_since = GuardLedger(), 0, 0
    for number, (who, side, quantity) in enumerate(trades):
        if who == "enter" and side is Side.BUY:
            ledger.observe(filled(quantity, command_id=f"in-{number}"))
            held += quantity
        elif who == "phone":
            ledger.observe(elsewhere(side, quantity, f"p{number}"))
            sold_since += quantity if side is Side.SELL else 0

    sellable = let_out(ledger, quantity=10_000)

    assert max(0, held - sold_since) <= sellable <= held


# a new day, and clearing by hand


def test_an_order_is_told_as_one_of_a_past_day_once_a_new_day_has_begun() -> None:
    resting = order(state=State.WORKING, quantity=10, product=Product.CNC, day="2026-01-05")
    ledger = GuardLedger(orders=[resting], day="2026-01-05")
    (before,) = ledger.exposures().values()

    ledger.begin_day("2026-01-06")

    (after,) = ledger.exposures().values()
    assert [one.is_past for one in (*before.open, *after.open)] == [False, True]


def test_what_others_closed_of_a_days_position_is_forgotten_with_the_day() -> None:
    ledger = GuardLedger(orders=[filled(100), elsewhere(Side.SELL, 100)], day="2026-01-05")
    assert let_out(ledger) == 0

    ledger.begin_day("2026-01-06")
    ledger.observe(filled(100, command_id="today", day="2026-01-06"))

    assert let_out(ledger) == 100


def test_a_carried_position_that_others_closed_stays_closed_over_the_night() -> None:
    asked = command(
        command_id="exit",
        intent=Intent.EXIT,
        exchange=Exchange.NFO,
        symbol="NIFTY27JAN26F",
        side=Side.SELL,
        quantity=65,
        product=Product.NRML,
    )
    ledger = GuardLedger({"trend": {asked.key: 65}, EXTERNAL: {asked.key: -65}}, day="2026-01-05")

    ledger.begin_day("2026-01-06")

    assert reason_of(ledger.reserve(asked)) is Reason.NOTHING_TO_EXIT


def test_clearing_takes_one_products_position_and_minds_its_own_orders_alone() -> None:
    delivery = replace(KEY, product=Product.CNC)
    working = way_out("exit", 10, state=State.WORKING)
    ledger = GuardLedger({"trend": {delivery: 50}}, [filled(100), working])

    assert ledger.write_off(PositionKey("trend", KEY)) is None, "an exit of it works"
    assert ledger.write_off(PositionKey("trend", delivery)) == 50
    assert ledger.positions() == {"trend": {KEY: 100}, EXTERNAL: {delivery: 50}}


# what others closed, as exits see it


def held_of_ours(ledger: GuardLedger) -> int:
    found = ledger.exposures().get(PositionKey("trend", KEY))
    return 0 if found is None else found.held


@pytest.mark.parametrize(("sold", "left"), [(0, 100), (30, 70), (100, 0), (130, 0)])
def test_an_exposure_is_what_others_have_left(sold: int, left: int) -> None:
    ledger = GuardLedger(orders=[filled(100), *([elsewhere(Side.SELL, sold)] if sold else [])])

    assert held_of_ours(ledger) == left


def test_what_others_sell_beyond_ours_is_their_own_and_theirs_to_buy_back() -> None:
    ledger = GuardLedger(orders=[filled(100), elsewhere(Side.SELL, 70, "first"), elsewhere(Side.SELL, 100, "second")])
    assert (held_of_ours(ledger), let_out(ledger)) == (0, 0)

    ledger.observe(elsewhere(Side.BUY, 70, "back"))

    assert (held_of_ours(ledger), let_out(ledger)) == (70, 70)


def test_what_others_buy_more_of_closes_nothing_of_ours() -> None:
    ledger = GuardLedger(orders=[filled(100), elsewhere(Side.BUY, 50)])

    assert held_of_ours(ledger) == 100


def test_a_short_of_ours_is_closed_by_what_others_buy() -> None:
    ledger = GuardLedger(orders=[filled(40, side=Side.SELL), elsewhere(Side.BUY, 25)])

    assert held_of_ours(ledger) == -15


def test_an_exposure_names_what_may_still_trade_and_not_what_waits_in_a_basket() -> None:
    ledger = GuardLedger()
    legs = tuple(command(command_id=f"leg{number}", quantity=10) for number in range(2))
    ledger.reserve_basket(legs)
    assert ledger.exposures() == {}
    assert ledger.awaited() == {PositionKey("trend", KEY)}

    ledger.reserve(legs[0])
    (exposure,) = ledger.exposures().values()

    assert [(one.command_id, one.open_quantity) for one in exposure.open] == [("leg0", 10)]
    assert ledger.awaited() == {PositionKey("trend", KEY)}
    ledger.release(legs[1])
    assert ledger.awaited() == frozenset()


def test_a_basket_is_held_whole_or_not_at_all() -> None:
    legs = tuple(command(command_id=f"leg{number}", quantity=10) for number in range(2))
    ledger = GuardLedger()

    assert quantity_of(ledger.reserve_basket(legs)) == 20
    assert reason_of(ledger.reserve_basket(legs)) is Reason.EXECUTION_GUARD_BLOCKED
    assert reason_of(GuardLedger(orders=[filled(1)]).reserve_basket(legs)) is Reason.EXECUTION_GUARD_BLOCKED


def test_a_short_that_nobody_touched_is_held_whole() -> None:
    assert held_of_ours(GuardLedger(orders=[filled(40, side=Side.SELL)])) == -40


def test_positions_leave_out_what_is_flat() -> None:
    infy = replace(KEY, symbol="INFY-EQ")
    flat = filled(5, command_id="back", symbol="INFY-EQ", side=Side.SELL)
    ledger = GuardLedger(orders=[filled(100), filled(5, command_id="infy", symbol="INFY-EQ"), flat])

    assert ledger.book("trend").positions[infy] == 0
    assert ledger.positions() == {"trend": {KEY: 100}}


def test_clearing_needs_no_order_and_one_of_the_position_among_others_holds_it_back() -> None:
    infy = replace(KEY, symbol="INFY-EQ")
    quiet = GuardLedger(orders=[filled(100)])
    busy = GuardLedger(
        orders=[
            filled(100),
            way_out("ours", 10, state=State.WORKING),
            order(command_id="other", symbol="INFY-EQ", state=State.WORKING),
        ]
    )

    assert quiet.write_off(PositionKey("trend", KEY)) == 100
    assert busy.write_off(PositionKey("trend", KEY)) is None
    assert busy.write_off(PositionKey("trend", infy)) is None


@pytest.mark.parametrize("held_by_other", [0, -50])
def test_an_order_of_a_strategy_that_holds_nothing_to_give_up_cuts_no_exit_of_another(held_by_other: int) -> None:
    held = [filled(50, command_id="b", strategy="other", side=Side.SELL)] if held_by_other else []
    working = order(command_id="b2", strategy="other", side=Side.SELL, quantity=60, state=State.WORKING)

    assert let_out(GuardLedger(orders=[filled(100), *held, working]), 100) == 100
