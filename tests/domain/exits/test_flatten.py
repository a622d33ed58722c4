"""A flatten task's next step, from what the guard holds now."""

from copy import deepcopy
from dataclasses import replace
from decimal import Decimal
from itertools import pairwise
from math import inf

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.exits.flatten import (
    UNFILLED_ALARM_S,
    CancelOrders,
    Exposure,
    Flat,
    FlattenRequest,
    FlattenTask,
    OpenOrder,
    PositionKey,
    SendExit,
    SharesMissing,
    Step,
    Wait,
)
from domain.exits.pricing import exit_price
from domain.orders.types import Exchange, InstrumentKey, Origin, Product, Side
from domain.orders.validation import QUANTITY_MAX
from domain.settings import ExitSettings
from tests.fakes import TEN_O_CLOCK, instrument

SETTINGS = ExitSettings(flat_for_s=0)
SCOPE = PositionKey("straddle", InstrumentKey(Exchange.NSE, "RELIANCE-EQ", Product.MIS))
WISH = FlattenRequest(request_id="w", position_key=SCOPE, reason="test", origin=Origin.HUMAN, asked_at=TEN_O_CLOCK)
ENTRY = OpenOrder("entry", Side.BUY, 10)


def task() -> FlattenTask:
    return FlattenTask(WISH, "x", 0.0, SETTINGS)


def exit_order(name: str = "x-1", units: int = 10) -> OpenOrder:
    return OpenOrder(name, Side.SELL, units)


def sent(one: FlattenTask, now: float = 0.0, held: int = 10) -> SendExit:
    step = one.next_step(Exposure(held), now)
    assert isinstance(step, SendExit)
    one.answered(step.command_id)
    return step


@pytest.mark.parametrize(("held", "side"), [(10, Side.SELL), (-10, Side.BUY)])
def test_what_is_held_is_given_up_on_the_other_side(held: int, side: Side) -> None:
    assert task().next_step(Exposure(held), 0.0) == SendExit("x-1", side, 10, 1)


def test_nothing_held_and_nothing_open_is_flat() -> None:
    assert task().next_step(Exposure(), 0.0) == Flat()


def test_an_order_of_a_past_day_is_neither_taken_back_nor_waited_for_and_nothing_is_flat_before_it_is_settled() -> None:
    past = OpenOrder("past", Side.SELL, 4, is_past=True)
    one = task()

    assert one.next_step(Exposure(10, (past,)), 0.0) == SendExit("x-1", Side.SELL, 10, 1)
    one.answered("x-1", 6)
    assert one.next_step(Exposure(0, (past,)), 1.0) == Wait()
    assert one.next_step(Exposure(), 2.0) == Flat()


def test_an_episode_whose_own_exit_is_a_past_days_goes_on() -> None:
    one = task()
    sent(one)
    over_night = 60_000.0

    step = one.next_step(Exposure(10, (OpenOrder("x-1", Side.SELL, 4, is_past=True),)), over_night)

    assert step == SendExit("x-2", Side.SELL, 10, 2)


def test_an_order_that_was_asked_for_just_before_is_waited_for() -> None:
    one = FlattenTask(WISH, "x", 0.0, ExitSettings(flat_for_s=1.0))

    looks = [(0.0, Exposure()), (0.5, Exposure(0, (ENTRY,))), (0.6, Exposure()), (1.5, Exposure()), (1.6, Exposure())]
    steps = [one.next_step(exposure, now) for now, exposure in looks]

    assert steps == [Wait(), CancelOrders(("entry",)), Wait(), Wait(), Flat()]


AGAIN = OpenOrder("again", Side.BUY, 5)


def looks(one: FlattenTask, *exposures: tuple[Exposure, str]) -> list[Step]:
    """Let a task look every tenth of a second, at each exposure and the newest entry that is known then."""
    return [one.next_step(seen, number / 10, begun_by=name) for number, (seen, name) in enumerate(exposures)]


def test_a_position_that_is_entered_again_once_it_was_flat_is_its_strategys() -> None:
    one = FlattenTask(replace(WISH, origin=Origin.DESK), "x", 0.0, ExitSettings(flat_for_s=1.0))

    steps = looks(
        one, (Exposure(), "entry"), (Exposure(0, (AGAIN,)), "again"), (Exposure(5), "again"), (Exposure(9), "again")
    )

    assert steps == [Wait(), Flat(), Flat(), Flat()]


@pytest.mark.parametrize(
    ("origin", "begun_by"),
    [(Origin.DESK, "entry"), (Origin.DESK, ""), (Origin.HUMAN, "again"), (Origin.STRATEGY, "again")],
    ids=["an entry of before trades late", "the guard was started anew", "a person wants it flat", "a strategy does"],
)
def test_whatever_else_shows_again_after_it_was_flat_gets_out_too(origin: Origin, begun_by: str) -> None:
    one = FlattenTask(replace(WISH, origin=origin), "x", 0.0, ExitSettings(flat_for_s=1.0))

    steps = looks(one, (Exposure(), "entry"), (Exposure(5), begun_by))

    assert steps == [Wait(), SendExit("x-1", Side.SELL, 5, 1)]


def test_working_orders_are_taken_back_first_and_waited_for() -> None:
    one, both = task(), Exposure(10, (ENTRY,))

    assert one.next_step(both, 0.0) == CancelOrders(("entry",))
    assert one.next_step(both, 0.1) == Wait()
    assert isinstance(one.next_step(Exposure(10), 0.2), SendExit)


def test_an_order_that_will_not_go_holds_the_exit_up_for_so_long_only_and_is_asked_again() -> None:
    one, both = task(), Exposure(10, (ENTRY,))
    one.next_step(both, 0.0)

    later = [one.next_step(both, SETTINGS.cancel_wait_s + shift) for shift in (0.0, 0.1)]

    assert later == [CancelOrders(("entry",)), SendExit("x-1", Side.SELL, 10, 1)]


def test_with_nothing_held_an_order_that_may_still_trade_keeps_the_episode_open() -> None:
    one = task()
    one.next_step(Exposure(0, (ENTRY,)), 0.0)

    assert one.next_step(Exposure(0, (ENTRY,)), 60.1) == CancelOrders(("entry",))
    assert one.next_step(Exposure(0, (ENTRY,)), 60.2) == Wait()


def test_until_its_order_is_answered_nothing_else_is_done() -> None:
    one = task()
    one.next_step(Exposure(10), 0.0)

    assert [one.next_step(exposure, 30.0) for exposure in (Exposure(10), Exposure(), Exposure(10, (ENTRY,)))] == [
        Wait()
    ] * 3


def test_the_answer_of_another_order_is_not_its_own() -> None:
    one = task()
    one.next_step(Exposure(10), 0.0)

    one.answered("x-0")

    assert one.unanswered


def test_an_exit_that_does_not_fill_is_taken_back_and_sent_anew() -> None:
    one = task()
    sent(one)
    working = Exposure(10, (exit_order(),))

    steps = [one.next_step(working, 0.1 + at) for at in (0, SETTINGS.unfilled_s, SETTINGS.unfilled_s + 0.1)]
    anew = one.next_step(Exposure(10), SETTINGS.unfilled_s + 0.3)

    assert steps == [Wait(), CancelOrders(("x-1",)), Wait()]
    assert anew == SendExit("x-2", Side.SELL, 10, 2, unfilled=1), "at once, at a worse price"


def test_what_only_wanted_another_price_waits_for_no_pause() -> None:
    one = FlattenTask(WISH, "x", 0.0, ExitSettings(flat_for_s=0, retry_s=60, retry_s_max=60))
    sent(one)
    for at in (0.0, one.settings.unfilled_s):
        one.next_step(Exposure(10, (exit_order(),)), at)

    anew = one.next_step(Exposure(10), one.settings.unfilled_s + 0.1)

    assert anew == SendExit("x-2", Side.SELL, 10, 2, unfilled=1)


def test_an_exit_that_was_long_on_its_way_has_its_time_in_the_market() -> None:
    """What it waited for the broker's answer says nothing of its price."""
    one, answered_at = task(), 30.0
    step = one.next_step(Exposure(10), 0.0)
    assert isinstance(step, SendExit)
    assert one.next_step(Exposure(10, (exit_order(),)), answered_at - 1) == Wait()
    one.answered(step.command_id)
    working = Exposure(10, (exit_order(),))

    assert one.next_step(working, answered_at) == Wait()
    assert one.next_step(working, answered_at + SETTINGS.unfilled_s - 0.1) == Wait()
    # The exchange rejects it before its time is over: the next is no worse.
    anew = one.next_step(Exposure(10), answered_at + SETTINGS.unfilled_s)

    assert isinstance(anew, SendExit)
    assert anew.unfilled == 0


def test_a_refusal_makes_no_price_worse() -> None:
    one, tries = task(), []
    for now in range(100):
        step = one.next_step(Exposure(10), float(now))
        if isinstance(step, SendExit):
            tries.append(step)
            one.answered(step.command_id)

    assert len(tries) > 3
    assert {step.unfilled for step in tries} == {0}


def test_an_order_in_a_closed_market_was_not_in_vain() -> None:
    one = task()
    sent(one)
    one.next_step(Exposure(10, (exit_order(),)), SETTINGS.unfilled_s, is_open=False)

    again = one.next_step(Exposure(10), 1000.0)

    assert isinstance(again, SendExit)
    assert again.unfilled == 0


def test_an_exit_that_never_fills_is_priced_anew_within_3_s_each_time() -> None:
    one, sent_at, working = task(), [], False
    for look in range(600):
        now = look * 0.1
        step = one.next_step(Exposure(10, (exit_order(one.current or ""),) if working else ()), now)
        if isinstance(step, SendExit):
            sent_at.append(now)
            one.answered(step.command_id)
            working = True
        elif isinstance(step, CancelOrders):
            working = False

    assert max(after - before for before, after in pairwise(sent_at)) <= 3.0


EXPOSURES = st.builds(
    Exposure,
    st.sampled_from((0, 10, -5)),
    st.lists(st.sampled_from((ENTRY, exit_order("x-1"), exit_order("x-2"))), max_size=2, unique=True).map(tuple),
)


@given(
    seen=st.lists(st.tuples(EXPOSURES, st.floats(0.01, 5.0)), min_size=1, max_size=8),
    is_open=st.booleans(),
    share=st.floats(0.01, 0.99),
)
def test_between_two_looks_that_are_due_time_alone_brings_no_step(
    seen: list[tuple[Exposure, float]], share: float, *, is_open: bool
) -> None:
    one, now = FlattenTask(WISH, "x", 0.0, ExitSettings()), 0.0
    for exposure, after_s in seen:
        now += after_s
        step = one.next_step(exposure, now, is_open=is_open)
        if isinstance(step, SendExit):
            one.answered(step.command_id)
        if isinstance(step, Flat):
            return
        if not isinstance(step, Wait):
            one.next_step(exposure, now, is_open=is_open)

        until = min(one.due_at(now), now + 1_000.0)
        assert until > now
        early = deepcopy(one).next_step(exposure, now + (until - now) * share, is_open=is_open)

        assert early == Wait()


@pytest.mark.parametrize(("now", "loud"), [(UNFILLED_ALARM_S - 0.1, False), (UNFILLED_ALARM_S, True)])
def test_an_exit_that_is_under_way_for_too_long_is_loud(now: float, *, loud: bool) -> None:
    one = task()
    sent(one)

    assert one.is_loud(now) is loud


def test_what_an_exit_left_is_sent_after_it() -> None:
    one = task()
    sent(one)

    assert one.next_step(Exposure(4), SETTINGS.retry_s) == SendExit("x-2", Side.SELL, 4, 2)


def test_a_slice_that_has_filled_whole_is_no_failed_try() -> None:
    one = task()
    first = one.next_step(Exposure(10), 0)
    assert isinstance(first, SendExit)
    one.answered(first.command_id, quantity=4)

    second = one.next_step(Exposure(6), 0)
    assert second == SendExit("x-2", Side.SELL, 6, 1), "at once, at the usual price"
    one.answered("x-2", quantity=4)
    assert one.next_step(Exposure(3), SETTINGS.retry_s) == SendExit("x-3", Side.SELL, 3, 2), "3 of 4: a second try"


def test_tries_slow_down_to_a_bound_and_never_end() -> None:
    one, tries = task(), []
    for now in (look * 0.25 for look in range(400)):
        step = one.next_step(Exposure(10), now)
        if isinstance(step, SendExit):
            tries.append(now)
            one.answered(step.command_id)
    pauses = [after - before for before, after in pairwise(tries)]

    assert pauses[0] == SETTINGS.retry_s
    assert pauses == sorted(pauses)
    assert max(pauses) == SETTINGS.retry_s_max


def test_while_its_market_is_closed_it_tries_now_and_then_and_at_once_when_it_opens() -> None:
    one = task()
    for _ in range(20):
        one.tries += 1
    sent(one, 1000.0)

    closed = [one.next_step(Exposure(10), at, is_open=False) for at in (1010.5, 1299.0)]

    assert closed == [Wait(), Wait()]
    assert isinstance(one.next_step(Exposure(10), 1299.1, is_open=True), SendExit)


@pytest.mark.parametrize(("side", "prices"), [(Side.SELL, ["1492.50", "1488.75", "1485.00"]), (Side.BUY, ["1507.50"])])
def test_each_price_may_give_away_more(side: Side, prices: list[str]) -> None:
    found = [exit_price(side, Decimal(1500), instrument(), number) for number in range(1, len(prices) + 1)]

    assert found == [Decimal(price) for price in prices]


@pytest.mark.parametrize(
    ("age_s", "prices"),
    [
        (0, ["1492.50", "1488.75"]),
        (10, ["1488.75", "1485.00"]),
        (60, ["1485.00", "1470.00"]),
        (inf, ["1462.50", "1425.00"]),
    ],
)
def test_from_an_old_price_the_limit_starts_further_out_and_each_unfilled_order_doubles_it(
    age_s: float, prices: list[str]
) -> None:
    found = [exit_price(Side.SELL, Decimal(1500), instrument(), number, age_s) for number in (1, 2)]

    assert found == [Decimal(price) for price in prices]


def test_an_old_price_gives_away_no_more_than_half() -> None:
    assert exit_price(Side.SELL, Decimal(1500), instrument(), 40, inf) == 750


@pytest.mark.parametrize(
    ("side", "last", "limit"),
    [(Side.SELL, 45, "60"), (Side.SELL, 300, "240"), (Side.BUY, 300, "240"), (Side.BUY, 45, "60")],
)
@pytest.mark.parametrize("number", [1, 9])
def test_an_exits_price_lies_inside_the_band_on_both_sides(side: Side, last: int, limit: str, number: int) -> None:
    banded = instrument(lower_circuit=Decimal(60), upper_circuit=Decimal(240))

    assert exit_price(side, Decimal(last), banded, number) == Decimal(limit)


@given(st.data())
def test_however_its_orders_end_two_of_them_never_work_together_and_it_ends_flat(data: st.DataObject) -> None:
    """A world that rejects, fills in part, holds cancels up, and at last behaves."""
    one, now, held = task(), 0.0, data.draw(st.integers(-50, 50).filter(bool))
    side = Side.SELL if held > 0 else Side.BUY
    orders: dict[str, int] = {"entry": data.draw(st.integers(0, 20))}
    sides = {"entry": Side.BUY if held > 0 else Side.SELL}
    troubles = data.draw(st.integers(0, 25))
    step: Step = Wait()
    for _ in range(3_000):
        live = tuple(OpenOrder(name, sides[name], units) for name, units in orders.items() if units)
        step = one.next_step(Exposure(held, live), now)
        if isinstance(step, Flat):
            break
        if isinstance(step, CancelOrders):
            for name in step.command_ids:
                if troubles > 0 and data.draw(st.booleans()):
                    troubles -= 1
                else:
                    orders[name] = 0
        elif isinstance(step, SendExit):
            assert not any(units for name, units in orders.items() if name.startswith("x-"))
            assert (step.side, step.quantity) == (side, abs(held))
            traded = step.quantity
            if troubles > 0:
                troubles -= 1
                traded = data.draw(st.integers(0, step.quantity))
            rests = traded < step.quantity and data.draw(st.booleans())
            orders[step.command_id], sides[step.command_id] = (step.quantity - traded if rests else 0), step.side
            held += traded * step.side.sign
            one.answered(step.command_id)
        now += 0.1

    assert step == Flat()
    assert held == 0


def test_no_exit_is_larger_than_an_order_may_be() -> None:
    step = task().next_step(Exposure(held=QUANTITY_MAX + 5), 1_000.0)

    assert isinstance(step, SendExit)
    assert step.quantity == QUANTITY_MAX


def without_shares(exposure: Exposure, sold_beside: int = 0) -> Step:
    """Return what follows when the broker had no shares for an exit of ten, and the guard then tells this."""
    one = task()
    step = one.next_step(Exposure(10, sold_beside=sold_beside), 0.0)
    assert isinstance(step, SendExit)
    one.refused_for_shares(step.command_id, "No Holdings")
    one.answered(step.command_id)
    return one.next_step(exposure, 100.0)


def test_a_way_out_whose_shares_are_missing_ends_with_the_brokers_words() -> None:
    assert without_shares(Exposure(10)) == SharesMissing(10, "No Holdings")


@pytest.mark.parametrize(
    "exposure",
    [Exposure(6), Exposure(10, (ENTRY,)), Exposure(10, sold_beside=3)],
    ids=["another position by now", "another order of its own", "another's sale has the shares put by"],
)
def test_where_something_else_may_be_why_shares_are_missing_the_way_out_goes_on(exposure: Exposure) -> None:
    assert isinstance(without_shares(exposure), SendExit | CancelOrders)


def test_a_sale_beside_that_worked_when_the_exit_left_may_be_why_shares_are_missing() -> None:
    assert isinstance(without_shares(Exposure(10), sold_beside=3), SendExit)


def test_the_brokers_word_about_another_order_ends_nothing() -> None:
    one = task()
    one.refused_for_shares(sent(one).command_id, "No Holdings")
    one.next_step(Exposure(6), 50.0)

    assert isinstance(one.next_step(Exposure(6), 50.0), Wait), "the next exit is on its way"
    one.answered("x-2")
    one.refused_for_shares("x-1", "No Holdings")
    assert isinstance(one.next_step(Exposure(6), 100.0), SendExit)
