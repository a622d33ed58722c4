"""Positions that the night took: expired contracts, and what nobody can explain."""

from dataclasses import replace
from datetime import date, datetime, timedelta
from decimal import Decimal

import pytest

from domain.alerts.alert import Level
from domain.alerts.text.breaks import expired_alert, fix_of, returned_alert, vanished_alert
from domain.alerts.text.orders import order_alert
from domain.broker.snapshots import PRODUCT_LETTERS, Book, PositionRow
from domain.exits.flatten import PositionKey
from domain.market.expiry import expiry_in_symbol, has_expired, parse_expiry
from domain.orders.lifecycle import Event, State
from domain.orders.order import Order
from domain.orders.reasons import Reason
from domain.orders.types import EXTERNAL, Exchange, InstrumentKey, Product
from domain.ports import trading_day
from domain.positions.ledger import GuardLedger
from domain.reconciliation.breaks import Break, BreakKind, position_name
from domain.reconciliation.moves import MoveKind
from domain.reconciliation.reconciler import Checked, Known, Reconciler
from domain.reconciliation.vanishing import Holders, expired, heir_of, kind_of_carried, vanished_of
from domain.settings import ProofSettings, WatcherSettings
from tests.fakes import TEN_O_CLOCK, book, order

AT_ONCE = WatcherSettings(breaks_seen_min=1, break_s_min=0)
OPTION = InstrumentKey(Exchange.NFO, "NIFTY06JAN26C26000", Product.NRML)
"""Expires on Tuesday, 6 January 2026, the day after TEN_O_CLOCK."""
FUTURE = InstrumentKey(Exchange.NFO, "NIFTY27JAN26F", Product.NRML)
SENSEX = InstrumentKey(Exchange.BFO, "SENSEX26D0376800CE", Product.NRML)
WEDNESDAY = TEN_O_CLOCK + timedelta(days=2)


def holding(key: InstrumentKey, net: int, carried: int | None = None) -> PositionRow:
    return PositionRow(
        exchange=key.exchange.value,
        symbol=key.symbol,
        product=PRODUCT_LETTERS[key.product],
        net_quantity=net,
        carried_quantity=net if carried is None else carried,
        net_average_price=Decimal(100),
        last_price=None,
        realised=Decimal(0),
        unrealised=Decimal(0),
    )


def comparing(carried: dict[InstrumentKey, int], *orders: Order, **learnt: date) -> Reconciler:
    expiries = {(Exchange.BFO, symbol): day for symbol, day in learnt.items()}
    return Reconciler(Known(orders=orders, carried=carried, expiries=expiries), "FA1", ProofSettings(), AT_ONCE)


def morning(reconciler: Reconciler, *positions: PositionRow, at: datetime = WEDNESDAY) -> Checked:
    reconciler.compare(book(at=at))
    reconciler.keep(Book((), at), Book(positions, at))
    checked = reconciler.compare(book(at=at + timedelta(seconds=1))).checked
    assert checked is not None
    return checked


def keys(found: tuple[Break, ...]) -> list[InstrumentKey | None]:
    return [one.key for one in found]


# when a contract ends


@pytest.mark.parametrize(
    ("exchange", "symbol", "expected"),
    [
        (Exchange.NFO, "NIFTY01DEC26C26000", date(2026, 12, 1)),
        (Exchange.NFO, "NIFTY01DEC26P26000", date(2026, 12, 1)),
        (Exchange.NFO, "BANKNIFTY29DEC26F", date(2026, 12, 29)),
        (Exchange.MCX, "CRUDEOIL19DEC26C5000", date(2026, 12, 19)),
        (Exchange.CDS, "USDINR26NOV26C84.25", date(2026, 11, 26)),
        (Exchange.NFO, "NIFTY31FEB26F", None),
        (Exchange.NFO, "NIFTY01DEZ26F", None),
        (Exchange.BFO, "SENSEX26D0376800CE", None),
        (Exchange.NSE, "RELIANCE-EQ", None),
        (Exchange.NSE, "ABC01DEC26F", None),
    ],
)
def test_a_symbol_tells_its_expiry_or_nothing(exchange: Exchange, symbol: str, expected: date | None) -> None:
    assert expiry_in_symbol(exchange, symbol) == expected


@pytest.mark.parametrize(
    ("message", "expected"),
    [
        ("01-DEC-2026", date(2026, 12, 1)),
        (" 1-dec-2026 ", date(2026, 12, 1)),
        ("31-FEB-2026", None),
        ("01-12-2026", None),
        ("0", None),
        ("", None),
        ("01-DEC-x", None),
    ],
)
def test_the_brokers_expiry_is_read_or_left(message: str, expected: date | None) -> None:
    assert parse_expiry(message) == expected


@pytest.mark.parametrize(("hours", "expected"), [(0, False), (13.9, False), (14, True), (48, True), (-24, False)])
def test_a_contract_trades_until_the_midnight_after_its_expiry(hours: float, *, expected: bool) -> None:
    tuesday = TEN_O_CLOCK + timedelta(days=1)

    assert has_expired(date(2026, 1, 6), tuesday + timedelta(hours=hours)) is expected
    assert not has_expired(None, tuesday)


def test_an_expired_position_that_is_gone_ends_and_is_no_break() -> None:
    checked = morning(comparing({OPTION: -65}))

    assert keys(checked.ended) == [OPTION]
    assert (checked.carried, checked.breaks) == ((), ())


def test_a_contract_whose_symbol_tells_nothing_ends_by_the_brokers_word() -> None:
    learnt = comparing({SENSEX: 20}, **{SENSEX.symbol: date(2026, 1, 6)})
    never_asked = comparing({SENSEX: 20})
    told_later = comparing({SENSEX: 20})
    told_later.contracts.learn(Exchange.BFO, SENSEX.symbol, date(2026, 1, 6))

    assert keys(morning(learnt).ended) == keys(morning(told_later).ended) == [SENSEX]
    assert keys(morning(never_asked).carried) == [SENSEX]


def test_opposite_positions_of_two_strategies_end_too() -> None:
    # Together they are nothing, so the account never shows a difference.
    assert keys(morning(comparing({OPTION: 0})).ended) == [OPTION]


def in_the_option(at: datetime, state: State = State.WORKING) -> Order:
    return order(
        state=state,
        exchange=OPTION.exchange,
        symbol=OPTION.symbol,
        product=Product.NRML,
        quantity=65,
        created_at=at,
        day=trading_day(at),
    )


def test_what_the_account_still_shows_or_an_order_of_the_day_may_trade_is_not_ended() -> None:
    shown = morning(comparing({OPTION: -65}), holding(OPTION, -65))

    assert (shown.ended, set(shown.living)) == ((), {OPTION})
    assert morning(comparing({OPTION: -65}, in_the_option(WEDNESDAY))).ended == ()
    assert morning(comparing({OPTION: -65})).living == frozenset()


@pytest.mark.parametrize("state", [State.WORKING, State.UNCONFIRMED], ids=str)
def test_an_order_of_a_past_day_keeps_no_contract_open_and_ends_with_its_day(state: State) -> None:
    left_open = in_the_option(WEDNESDAY - timedelta(days=1), state)

    checked = morning(comparing({OPTION: -65}, left_open))

    assert keys(checked.ended) == [OPTION]
    assert (checked.carried, checked.breaks) == ((), ())
    (end,) = checked.reports
    assert (end.command_id, end.event.kind, end.event.tag) == ("c1", Event.CANCELED, Reason.DAY_ENDED_UNKNOWN)


def test_a_contract_whose_last_day_an_order_was_still_open_ends_with_what_had_traded() -> None:
    left_open = replace(in_the_option(WEDNESDAY - timedelta(days=1)), state=State.PARTIALLY_FILLED, filled_quantity=25)

    checked = morning(comparing({}, left_open))

    assert keys(checked.ended) == [OPTION]
    assert (checked.carried, checked.breaks) == ((), ())
    assert [one.event.tag for one in checked.reports] == [Reason.DAY_ENDED_UNKNOWN]


@pytest.mark.parametrize(
    ("units", "product", "expected"),
    [
        (65, Product.NRML, "NEWNIFTY27JAN26F (NFO NRML)"),
        (-65, Product.NRML, None),
        (65, Product.MIS, None),
    ],
    ids=["it may be", "the other side", "another product"],
)
def test_what_an_order_left_open_may_have_become_under_a_new_name_is_told(
    units: int, product: Product, expected: str | None
) -> None:
    renamed = replace(FUTURE, symbol=f"NEW{FUTURE.symbol}", product=product)
    yesterday = WEDNESDAY - timedelta(days=1)
    asked = {"exchange": FUTURE.exchange, "symbol": FUTURE.symbol, "product": FUTURE.product, "quantity": 65}
    left_open = order(**asked, state=State.WORKING, created_at=yesterday, day=trading_day(yesterday))

    checked = morning(comparing({}, left_open), holding(renamed, units))

    (end,) = checked.reports
    assert end.event.inputs.get("may_be") == expected
    assert end.event.tag is (Reason.DAY_ENDED_UNKNOWN if expected else Reason.DAY_ENDED)
    if expected:
        alert = order_alert(left_open.after(end.event, WEDNESDAY), end.event, late=False)
        assert alert is not None
        assert (alert.level, expected in alert.means) == (Level.WARNING, True)


def test_what_an_order_traded_last_in_a_contract_that_is_over_is_told_as_not_known() -> None:
    left_open = in_the_option(WEDNESDAY - timedelta(days=1))
    (end,) = morning(comparing({}, left_open)).reports
    over = left_open.after(end.event, WEDNESDAY)

    alert = order_alert(over, end.event, late=False)

    assert alert is not None
    assert (alert.level, OPTION.symbol in alert.what) == (Level.WARNING, True)
    assert "its last day on 2026-01-06: its trades are settled by the clearing house" in alert.means


@pytest.mark.parametrize(
    ("product", "key", "held"),
    [(Product.MIS, OPTION, 0), (Product.NRML, FUTURE, 0), (Product.NRML, OPTION, 65)],
    ids=["squared off with its day", "its contract trades", "the account holds it all the same"],
)
def test_another_order_of_a_past_day_ends_as_ever(product: Product, key: InstrumentKey, held: int) -> None:
    left_open = order(
        state=State.WORKING,
        exchange=key.exchange,
        symbol=key.symbol,
        product=product,
        quantity=65,
        created_at=WEDNESDAY - timedelta(days=1),
        day="2026-01-06",
    )

    checked = morning(comparing({OPTION: held}, left_open), *([holding(OPTION, held)] if held else []))

    assert [one.event.inputs.get("last_day") for one in checked.reports] == [None]


def test_a_position_is_ended_once() -> None:
    reconciler = comparing({OPTION: -65})
    morning(reconciler)

    reconciler.move(OPTION, 65, MoveKind.EXPIRED)

    again = morning(reconciler, at=WEDNESDAY + timedelta(seconds=10))
    assert (again.ended, again.carried, again.breaks) == ((), (), ())


@pytest.mark.parametrize(("clock", "told"), [("01:30", True), ("03:00", False), ("05:59", False), ("06:01", True)])
def test_while_the_broker_turns_its_books_nothing_is_gone(clock: str, *, told: bool) -> None:
    hour, minute = map(int, clock.split(":"))
    at = WEDNESDAY.replace(hour=hour, minute=minute)

    expires, lost = morning(comparing({OPTION: -65}), at=at), morning(comparing({FUTURE: 65}), at=at)

    assert (bool(expires.ended), bool(lost.carried)) == (told, told)


# what is gone without a reason


def test_what_a_lost_position_may_have_become_is_named() -> None:
    renamed = replace(FUTURE, symbol="NIFTY27JAN26FA")
    elsewhere = replace(FUTURE, symbol="BANKNIFTY27JAN26F")

    checked = morning(comparing({FUTURE: 65}), holding(renamed, 65), holding(elsewhere, 65))

    assert {one.key: one.heir for one in checked.carried}[FUTURE] == renamed


@pytest.mark.parametrize(
    ("others", "expected"),
    [
        ([], None),
        ([("NIFTY27JAN26FA", 130)], "NIFTY27JAN26FA"),
        ([("NIFTY27JAN26FB", 130), ("NIFTY27JAN26FA", 65)], "NIFTY27JAN26FA"),
        ([("NIFTY27JAN26FA", -65)], None),
        ([("BANKNIFTY27JAN26F", 65)], None),
    ],
)
def test_an_heir_is_of_the_same_underlying_and_best_of_as_many_units(
    others: list[tuple[str, int]], expected: str | None
) -> None:
    gone = Break(name="x", kind=BreakKind.CARRIED, sentence="", difference=-65, key=FUTURE)
    apart = [gone, *(replace(gone, key=replace(FUTURE, symbol=name), difference=units) for name, units in others)]

    heir = heir_of(gone, apart)

    assert (None if heir is None else heir.symbol) == expected


@pytest.mark.parametrize(
    ("held", "closed", "shares"),
    [
        ((("a", 65),), 65, (("a", 65),)),
        ((("a", 65), ("b", 65)), 130, (("a", 65), ("b", 65))),
        ((("a", -65),), 30, (("a", -30),)),
        ((("a", 65), ("b", 65)), 65, ()),
        ((("a", 65), ("b", -65)), 130, ()),
        ((("a", 65),), 130, ()),
        ((), 65, ()),
    ],
)
def test_units_that_are_gone_are_whose_they_can_only_be(
    held: tuple[tuple[str, int], ...], closed: int, shares: tuple[tuple[str, int], ...]
) -> None:
    assert Holders(strategies=held).shares_of(closed) == shares


def test_the_guard_tells_who_holds_and_what_a_move_would_close_and_changes_nothing() -> None:
    ledger = GuardLedger({"a": {FUTURE: 65}, "b": {FUTURE: 65}, EXTERNAL: {FUTURE: 10}})
    before = ledger.positions()

    gone, more = ledger.holders(FUTURE, -140), ledger.holders(FUTURE, 20)

    assert gone == Holders(strategies=(("a", 65), ("b", 65)), external=10, closes=130)
    assert (more.closes, gone.total, ledger.positions()) == (0, 140, before)


def test_the_night_takes_ours_brings_them_back_or_moves_what_is_others() -> None:
    ours = Holders(strategies=(("a", 65),), closes=65)
    nobodys = Holders()

    assert kind_of_carried(ours, vanished_before=False) is MoveKind.VANISHED
    assert kind_of_carried(nobodys, vanished_before=True) is MoveKind.RETURNED
    assert kind_of_carried(nobodys, vanished_before=False) is MoveKind.CARRIED


def test_an_exit_of_a_position_that_is_gone_never_opens_the_other_side() -> None:
    ledger = GuardLedger({"a": {FUTURE: 65}})

    ledger.move(FUTURE, -65)

    assert PositionKey("a", FUTURE) not in ledger.exposures()
    ledger.move(FUTURE, 65)
    assert ledger.exposures()[PositionKey("a", FUTURE)].held == 65


# what a person hears


def test_the_alarm_names_the_holder_and_what_it_may_be_now() -> None:
    renamed = replace(FUTURE, symbol="NIFTY27JAN26FA")
    gone = vanished_of(FUTURE, -65, renamed)

    alert = vanished_alert(gone, Holders(strategies=(("a", 65),), closes=65), ())

    assert "NIFTY27JAN26F (NFO NRML), held by a +65" in alert.what
    assert "It may be NIFTY27JAN26FA (NFO NRML) now" in alert.what
    assert f"`accept '{gone.name}' --reason …`" in alert.do
    assert gone.name in fix_of(gone)
    assert gone.kind.stops_entries


def test_an_expiry_is_news_and_a_return_is_told() -> None:
    ended = expired(OPTION)

    assert expired_alert(ended, (("seller", -65),)).what.endswith("NIFTY06JAN26C26000 (NFO NRML), held by seller -65.")
    back = Break(name=position_name(FUTURE), kind=BreakKind.CARRIED, sentence="", difference=65, key=FUTURE)
    assert "in the account again" in returned_alert(back).what
