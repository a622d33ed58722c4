"""The three books of a round against each other and against ours; foreign orders; the turn of a day."""

from dataclasses import replace
from decimal import Decimal
from typing import Any

import pytest

from domain.broker.snapshots import (
    BrokerStatus,
    OrderRow,
)
from domain.orders.lifecycle import Event, State
from domain.orders.reasons import Reason
from domain.orders.types import EXTERNAL, Exchange, InstrumentKey, Product, Side
from domain.reconciliation.breaks import Break, BreakKind, PersistenceFilter
from domain.reconciliation.known import known_from
from domain.reconciliation.reconciler import Checked, Known
from tests.domain.rounds import (
    CNC,
    DAY_S,
    MIS,
    NRML,
    NRML_FIELDS,
    at,
    comparing,
    filled,
    holding,
    names,
    shows,
    working,
)
from tests.fakes import book, command, order, row_of, trade_of

# Orders of others.


def by_phone(number: str = "B99", **row: Any) -> OrderRow:  # noqa: ANN401  any field of a row
    return row_of(order(), **({"broker_order_id": number, "remarks": "by hand", "source": "MOB"} | row))


@pytest.mark.parametrize(
    ("status", "traded", "state"),
    [
        (BrokerStatus.OPEN, 0, State.WORKING),
        (BrokerStatus.OPEN, 4, State.PARTIALLY_FILLED),
        (BrokerStatus.COMPLETE, 10, State.FILLED),
        (BrokerStatus.CANCELED, 4, State.CANCELED),
        (BrokerStatus.REJECTED, 0, State.REJECTED),
        (BrokerStatus.TRIGGER_PENDING, 0, State.WORKING),
    ],
)
def test_an_order_of_others_is_adopted_at_once_as_it_stands(status: BrokerStatus, traded: int, state: State) -> None:
    # B8.
    row = by_phone(status=status, filled_quantity=traded, price=Decimal(99), side=Side.SELL, product="I")

    (adopted,) = comparing().see(row).external

    assert (adopted.command.strategy, adopted.command.command_id) == (EXTERNAL, "ext-B99")
    assert (adopted.state, adopted.filled_quantity, adopted.command.side) == (state, traded, Side.SELL)
    assert (adopted.command.key, adopted.limit_price, adopted.command.comment) == (MIS, Decimal(99), "placed by MOB")


def test_an_order_of_others_is_told_until_it_is_known_and_moves_like_any_other() -> None:
    rounds = comparing()
    first, again = rounds.reconciler.compare(book([by_phone()], at(1))), rounds.see(by_phone())

    later = rounds.see(by_phone(status=BrokerStatus.COMPLETE, filled_quantity=10))

    assert len(first.external) == len(again.external) == 1
    assert later.external == ()
    assert [(one.command_id, one.event.kind) for one in later.reports] == [("ext-B99", Event.FILLED)]


def test_an_order_with_a_tag_like_ours_waits_a_book_before_it_counts_as_foreign() -> None:
    # It may be an order of this desk that the watcher has not heard of yet.
    stranger = row_of(order(command_id="unheard"), broker_order_id="B7")
    rounds = comparing()

    first, second = rounds.see(stranger), rounds.see(stranger)

    assert first.external == ()
    assert [one.command.command_id for one in second.external] == ["ext-B7"]


def test_a_stranger_that_turns_out_to_be_ours_is_never_adopted() -> None:
    rounds, ours = comparing(), order(command_id="unheard", state=State.SENDING)
    stranger = row_of(ours, broker_order_id="B7")
    rounds.see(stranger)

    rounds.reconciler.orders.observe(ours)
    compared = rounds.see(stranger)

    assert compared.external == ()
    assert [(one.command_id, one.event.kind) for one in compared.reports] == [("unheard", Event.WORKING)]


def test_a_second_order_with_our_tag_is_told_and_adopted_under_its_own_number() -> None:
    rounds, twin = comparing(working()), row_of(working(), broker_order_id="B2")
    rows = (shows(working()), twin)

    first, second, third = (rounds.see(*rows) for _ in range(3))

    assert [one.event.tag for one in first.reports] == [Reason.TWO_AT_BROKER]
    assert (first.external, third.external, third.reports) == ((), (), ())
    assert [one.command.command_id for one in second.external] == ["ext-B2"]


@pytest.mark.parametrize("odd", [{"exchange": "MOON"}, {"product": "Q"}])
def test_an_order_that_cannot_be_counted_is_a_break(odd: dict[str, Any]) -> None:
    rounds = comparing()

    checked = rounds.round([by_phone(**odd)])

    assert [(one.name, one.kind) for one in checked.breaks] == [("order:B99", BreakKind.EXTERNAL)]


def test_an_order_of_others_in_unknown_words_is_held_and_tagged() -> None:
    (adopted,) = comparing().see(by_phone(status=BrokerStatus.UNKNOWN, status_text="FROZEN")).external

    assert (adopted.state, adopted.tag, adopted.note) == (State.WORKING, Reason.UNKNOWN_BROKER_STATUS, "FROZEN")


# Whole books.


def test_a_shrunk_book_is_not_whole_and_judges_nothing() -> None:
    # B3.
    rounds, ghost = comparing(filled()), holding(MIS, 99)
    rounds.see(shows(filled()), by_phone())
    rounds.read([], [ghost])

    shrunk = rounds.see(shows(filled()))
    rounds.read([], [ghost])
    after = rounds.see(shows(filled()), by_phone())

    assert (shrunk.whole, shrunk.checked) == (False, None)
    assert after.whole
    assert after.checked is None, "a round whose order book has lost rows is none"


def test_a_book_without_an_order_that_the_broker_has_named_is_not_whole() -> None:
    assert comparing(working()).see(by_phone()).whole is False


def test_an_after_market_order_of_the_next_day_need_not_be_shown_today() -> None:
    assert comparing(working(day="2026-01-06")).see().whole


# Three books.


def test_books_that_tell_the_same_agree() -> None:
    checked = comparing(filled()).round([shows(filled())], [trade_of(filled())], [holding(MIS, 10)])

    assert checked == Checked((), (), ())


def test_a_ghost_row_that_neither_trades_nor_positions_know_is_named() -> None:
    # B12.
    checked = comparing(filled()).round([shows(filled())])

    assert [(one.name, one.kind, one.difference) for one in checked.breaks] == [
        ("fills:B1", BreakKind.FILLS, 10),
        ("position:NSE|RELIANCE-EQ|MIS", BreakKind.POSITION, -10),
    ]
    assert all(one.kind.stops_entries for one in checked.breaks)


def test_trades_of_an_order_that_the_order_book_lacks_are_named() -> None:
    trade = trade_of(order(), broker_order_id="B5", quantity=7)

    assert names(comparing().round(trades=[trade, trade]).breaks) == [("fills:B5", -7)]


def test_a_position_that_no_order_explains_is_named() -> None:
    (found,) = comparing().round(positions=[holding(MIS, -3)]).breaks

    assert (found.kind, found.key, found.difference) == (BreakKind.POSITION, MIS, -3)


def test_a_position_in_what_this_desk_has_no_word_for_is_named_and_an_empty_one_is_not() -> None:
    odd = replace(holding(MIS, 5), product="Q")

    checked = comparing().round(positions=[odd, replace(odd, symbol="TCS-EQ", net_quantity=0)])

    assert [(one.name, one.kind) for one in checked.breaks] == [("position:NSE|RELIANCE-EQ|Q", BreakKind.EXTERNAL)]


def test_a_position_converted_from_the_phone_is_two_differences() -> None:
    checked = comparing(filled()).round([shows(filled())], [trade_of(filled())], [holding(MIS, 0), holding(CNC, 10)])

    assert names(checked.breaks) == [
        ("position:NSE|RELIANCE-EQ|CNC", 10),
        ("position:NSE|RELIANCE-EQ|MIS", -10),
    ]
    assert checked.carried == ()


def test_the_same_symbol_under_two_products_is_kept_apart() -> None:
    # B9.
    future = {"exchange": Exchange.NFO, "symbol": "NIFTY27JAN26F"}
    carried = filled(command_id="n", broker_order_id="N", product=Product.NRML, **future)
    of_the_day = filled(command_id="m", broker_order_id="M", side=Side.SELL, **future)
    rows = [shows(carried), shows(of_the_day)]
    trades = [trade_of(carried), trade_of(of_the_day)]

    agreed = comparing(carried, of_the_day).round(
        rows, trades, [holding(NRML, 10), holding(replace(NRML, product=Product.MIS), -10)]
    )
    netted = comparing(carried, of_the_day).round(rows, trades, [holding(NRML, 0)])

    assert agreed.breaks == ()
    assert len(netted.breaks) == 2


@pytest.mark.parametrize("moved", ["fills", "position"])
def test_what_trades_between_two_order_books_is_not_judged(moved: str) -> None:
    rounds = comparing(working())
    rounds.see(shows(working()))
    rounds.read([trade_of(working())] if moved == "fills" else [], [holding(MIS, 10)] if moved == "position" else [])

    checked = rounds.see(shows(filled())).checked

    assert checked == Checked((), (), ())


def test_what_did_not_trade_is_judged_also_while_another_order_trades() -> None:
    other = working(command_id="o", broker_order_id="B2", symbol="TCS-EQ")
    rounds = comparing(filled(), other)
    rounds.see(shows(filled()), shows(other))
    rounds.read()

    checked = rounds.see(shows(filled()), shows(other, filled_quantity=5)).checked

    assert checked is not None
    assert names(checked.breaks) == [("fills:B1", 10), ("position:NSE|RELIANCE-EQ|MIS", -10)]


def test_what_a_person_accepted_is_not_told_again_today_and_is_tomorrow() -> None:
    rounds = comparing()
    rounds.reconciler.accept("fills:B5")
    trade = trade_of(order(), broker_order_id="B5")

    today = rounds.round(trades=[trade])
    rounds.now_s += DAY_S
    rounds.see()
    tomorrow = rounds.round(trades=[trade])

    assert (names(today.breaks), names(tomorrow.breaks)) == ([], [("fills:B5", -10)])


def test_units_that_are_settled_count_from_then_on() -> None:
    rounds = comparing()
    before = rounds.round(positions=[holding(MIS, -3)])

    rounds.reconciler.move(MIS, -3)
    after = rounds.round(positions=[holding(MIS, -3)])

    assert (names(before.breaks), names(after.breaks)) == ([("position:NSE|RELIANCE-EQ|MIS", -3)], [])


def test_what_the_database_knows_of_moves_and_acceptances_counts_from_the_start() -> None:
    rounds = comparing(moved={MIS: 7}, accepted=frozenset({"fills:B5"}))

    checked = rounds.round(trades=[trade_of(order(), broker_order_id="B5")], positions=[holding(MIS, 7)])

    assert checked.breaks == ()


# Patience.


def difference(units: int, name: str = "fills:B1") -> Break:
    return Break(name=name, kind=BreakKind.FILLS, sentence="they differ", difference=units)


@pytest.mark.parametrize(
    ("seen", "lasting"),
    [
        ([(0, 5), (1, 5), (2, 5)], False),
        ([(0, 5), (1, 5), (3, 5)], True),
        ([(0, 5), (5, 5)], False),
        ([(0, 5), (5, 5), (6, 5)], True),
        ([(0, 5), (1, 6), (2, 6), (3, 6)], False),
        ([(0, 5), (1, 6), (2, 6), (4, 6)], True),
        ([(0, 5), (1, None), (2, 5), (3, 5)], False),
    ],
)
def test_a_difference_counts_when_it_stays_the_same_often_and_long_enough(
    seen: list[tuple[float, int | None]], *, lasting: bool
) -> None:
    patience = PersistenceFilter(3, 3.0)

    told = [
        patience.lasting([] if units is None else [difference(units)], at(moment), lambda _: False)
        for moment, units in seen
    ]

    assert bool(told[-1]) == lasting
    assert not any(told[:-1])


def test_what_cannot_be_judged_stays_as_it_was() -> None:
    patience = PersistenceFilter(2, 0)
    patience.lasting([difference(5)], at(0), lambda _: False)

    unjudged = patience.lasting([], at(1), lambda name: name == "fills:B1")
    again = patience.lasting([difference(5)], at(2), lambda _: False)
    lasting = patience.lasting([], at(3), lambda name: name == "fills:B1")
    cleared = patience.lasting([], at(4), lambda _: False)

    assert (unjudged, again, lasting, cleared) == ((), (difference(5),), (difference(5),), ())


# Carried positions.


def test_what_others_carried_into_the_day_is_told_apart_from_a_break() -> None:
    checked = comparing().round(positions=[holding(NRML, 50, carried=50)])

    assert [(one.key, one.difference) for one in checked.carried] == [(NRML, 50)]
    assert checked.breaks == ()


def test_what_we_carried_and_others_added_yesterday_is_told_as_the_difference() -> None:
    today = filled(**NRML_FIELDS)

    checked = comparing(today, carried={NRML: 20}).round(
        [shows(today)], [trade_of(today)], [holding(NRML, 60, carried=50)]
    )

    assert [(one.key, one.difference) for one in checked.carried] == [(NRML, 30)]


def test_a_carried_position_that_an_unsettled_order_may_explain_is_not_taken_for_others() -> None:
    yesterday = working(day="2026-01-04", **NRML_FIELDS)

    checked = comparing(yesterday).round(positions=[holding(NRML, 10, carried=10)])

    assert (checked.carried, checked.reports) == ((), ())
    assert [(one.name, one.kind) for one in checked.breaks] == [
        ("position:NFO|NIFTY27JAN26F|NRML", BreakKind.POSITION),
        ("past:c1", BreakKind.PAST),
    ]


@pytest.mark.parametrize("key", [MIS, CNC], ids=lambda one: one.product)
def test_what_does_not_live_on_is_compared_by_the_days_part_alone(key: InstrumentKey) -> None:
    checked = comparing(carried={key: 20}).round(positions=[holding(key, 30, carried=30)])

    assert checked == Checked((), (), ())


def test_positions_of_every_strategy_are_what_earlier_days_left() -> None:
    known = known_from([working()], {"a": {NRML: 30, MIS: 1}, EXTERNAL: {NRML: -10}}, {MIS: 2}, ["fills:B1"])

    assert known == Known(
        orders=(working(),), carried={NRML: 20, MIS: 1}, moved={MIS: 2}, accepted=frozenset({"fills:B1"})
    )


def test_a_day_turns_ours_into_what_is_carried_and_forgets_mis() -> None:
    future = filled(command_id="n", broker_order_id="N", **NRML_FIELDS)
    rounds = comparing(filled(), future, moved={MIS: 3, NRML: 2})
    rounds.see(shows(filled()), shows(future))

    rounds.now_s += DAY_S
    checked = rounds.round(positions=[holding(NRML, 12, carried=12), holding(MIS, 0)])

    assert checked == Checked((), (), ())
    assert list(rounds.reconciler.orders) == []


# The day roll (B11).


def past(checked: Checked) -> list[str]:
    return [one.name for one in checked.breaks if one.kind is BreakKind.PAST]


@pytest.mark.parametrize("strategy", ["trend", EXTERNAL])
@pytest.mark.parametrize(
    ("state", "fields", "ends"),
    [
        (State.WORKING, {}, True),
        (State.WORKING, {"product": Product.CNC}, True),
        (State.WORKING, NRML_FIELDS, True),
        (State.PARTIALLY_FILLED, {"filled_quantity": 4}, True),
        (State.UNCONFIRMED, {"broker_order_id": None}, True),
        (State.UNCONFIRMED, {"broker_order_id": None, **NRML_FIELDS}, True),
        (State.UNCONFIRMED, {"broker_order_id": None, "product": Product.CNC}, False),
    ],
    ids=str,
)
def test_what_a_past_day_left_open_ends_with_its_day_or_waits_for_a_person(
    state: State, fields: dict[str, Any], strategy: str, *, ends: bool
) -> None:
    left = working(**({"state": state, "day": "2026-01-04"} | fields))
    if strategy == EXTERNAL:
        asked = command(**{name: value for name, value in fields.items() if name in {"exchange", "symbol", "product"}})
        object.__setattr__(asked, "strategy", EXTERNAL)
        left = replace(left, command=asked)

    checked = comparing(left).round()

    told = [(one.command_id, one.event.kind, one.event.tag) for one in checked.reports]
    tag = Reason.DAY_ENDED if "exchange" in fields else Reason.DAY_ENDED_UNKNOWN
    assert told == ([("c1", Event.CANCELED, tag)] if ends else [])
    assert past(checked) == ([] if ends else ["past:c1"])


def test_a_past_order_that_trades_today_lives_on() -> None:
    left = working(day="2026-01-04", **NRML_FIELDS)

    checked = comparing(left).round(trades=[trade_of(left)])

    assert (checked.reports, past(checked)) == ((), [])


def test_a_past_order_that_todays_book_shows_lives_on() -> None:
    left = working(day="2026-01-04")

    assert comparing(left).round([shows(left)]).reports == ()


def test_a_past_order_waits_while_its_position_does_not_add_up() -> None:
    left = working(day="2026-01-04")

    checked = comparing(left).round(positions=[holding(MIS, 10)])

    assert (checked.reports, past(checked)) == ((), ["past:c1"])
    assert not any(one.kind.stops_entries for one in checked.breaks if one.kind is BreakKind.PAST)


def test_a_past_order_waits_while_others_trade_what_it_may_have_traded() -> None:
    """Found by the simulation: what the past order sold was bought by phone between two books, so the sum was right."""
    left = working(side=Side.SELL, day="2026-01-04", **NRML_FIELDS)
    phone = filled(command_id="phone", broker_order_id="P", **NRML_FIELDS)
    bought = row_of(phone, BrokerStatus.COMPLETE, filled_quantity=10, remarks="by hand", source="MOB")
    made_up_for = [holding(NRML, 0, carried=-10)]
    rounds = comparing(left)
    rounds.see()
    rounds.read(positions=made_up_for)

    meanwhile = rounds.see(bought).checked
    after = rounds.round([bought], [trade_of(phone)], made_up_for)

    assert meanwhile == Checked((), (), ())
    assert (after.reports, past(after)) == ((), ["past:c1"])


def test_an_order_of_today_is_never_ended_by_the_day_roll() -> None:
    assert comparing(working(broker_order_id=None)).round().reports == ()


def test_without_all_three_books_no_past_order_is_ended() -> None:
    rounds = comparing(working(day="2026-01-04"))

    assert [rounds.see().checked for _ in range(5)] == [None] * 5
