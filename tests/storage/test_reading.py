"""What a start reads back, and in which order: orders, baskets, alerts, days, and what was written off."""

from dataclasses import replace
from datetime import timedelta
from decimal import Decimal

import peewee
import pytest

from domain.alerts.alert import Alert, AlertRecord, Level, Unfinished
from domain.baskets import Basket, BasketRecord, BasketState
from domain.exits.flatten import PositionKey
from domain.exits.stops import armed_stop_of
from domain.orders.command import OrderCommand
from domain.orders.lifecycle import Event
from domain.orders.order import OrderEvent
from domain.orders.reasons import Reason
from domain.orders.stop_terms import StopTerms
from domain.orders.types import Exchange, InstrumentKey, Intent, Product, Side, TrailingType
from domain.reconciliation.breaks import Break, BreakKind
from domain.reconciliation.write_off import WriteOff
from domain.risk.loss_limit import RiskDay
from storage.alerts import RESUMED_MAX
from storage.baskets import ENDED_MAX
from storage.repository import OrderRepository
from tests.fakes import TEN_O_CLOCK, command

MIS = InstrumentKey(Exchange.NSE, "RELIANCE-EQ", Product.MIS)
CNC = InstrumentKey(Exchange.NSE, "RELIANCE-EQ", Product.CNC)
MTF = InstrumentKey(Exchange.NSE, "RELIANCE-EQ", Product.MTF)
NRML = InstrumentKey(Exchange.NFO, "NIFTY27JAN26F", Product.NRML)
TOMORROW = TEN_O_CLOCK + timedelta(days=1)


def lead(repository: OrderRepository, asked: OrderCommand, *events: OrderEvent) -> None:
    """Create an order, and let this happen to it."""
    with repository.transaction():
        repository.create(asked, f"tag-{asked.command_id}", TEN_O_CLOCK)
        for one in events:
            repository.update_status(asked.command_id, one, TEN_O_CLOCK)


SEND = OrderEvent(kind=Event.SENT, limit_price=Decimal(100))
ACCEPT = OrderEvent(kind=Event.ACCEPTED, broker_order_id="B1")
BLOCK = OrderEvent(kind=Event.BLOCKED, tag=Reason.TRADING_HALTED)


def fill(units: int) -> OrderEvent:
    return OrderEvent(kind=Event.PARTIALLY_FILLED, filled_quantity=units, average_price=Decimal(100))


def accept(number: str) -> OrderEvent:
    return replace(ACCEPT, broker_order_id=number)


# orders


def test_orders_that_left_or_may_have_left_count_as_sent_today(repository: OrderRepository) -> None:
    lead(repository, command(command_id="created"))
    lead(repository, command(command_id="blocked"), BLOCK)
    lead(repository, command(command_id="sending"), SEND)
    lead(repository, command(command_id="working"), SEND, ACCEPT)

    assert repository.roll_ups.sent_today(TEN_O_CLOCK) == 2
    assert repository.roll_ups.sent_today(TOMORROW) == 0


def test_the_newest_orders_come_first_and_no_more_than_asked(repository: OrderRepository) -> None:
    for name in ("c1", "c2", "c3"):
        lead(repository, command(command_id=name))
    lead(repository, command(command_id="c4"), BLOCK)

    def names(limit: int, *, open_only: bool) -> list[str]:
        return [one.command.command_id for one in repository.newest_orders(limit, open_only=open_only)]

    assert names(2, open_only=False) == ["c4", "c3"]
    assert names(9, open_only=True) == ["c3", "c2", "c1"]
    older = repository.newest_orders(2, open_only=False, before="c3")
    assert [one.command.command_id for one in older] == ["c2", "c1"]
    assert [one.command.command_id for one in repository.open_orders()] == ["c1", "c2", "c3"]
    of_strategy = repository.get_open_orders_by_strategy("trend")
    assert [one.command.command_id for one in of_strategy] == ["c1", "c2", "c3"]
    assert repository.get_open_orders_by_strategy("other") == ()


def test_an_entry_is_unarmed_while_its_stops_know_less_than_has_filled(repository: OrderRepository) -> None:
    stopped = {"stop_loss": Decimal(90), "quantity": 10}
    lead(repository, command(command_id="armed", **stopped), SEND, accept("B1"), fill(4))
    lead(repository, command(command_id="grown", **stopped), SEND, accept("B2"), fill(4))
    lead(repository, command(command_id="never", target=Decimal(120)), SEND, accept("B3"), fill(1))
    lead(repository, command(command_id="unfilled", **stopped), SEND, accept("B4"))
    lead(repository, command(command_id="plain"), SEND, accept("B5"), fill(4))
    lead(repository, command(command_id="exit", intent=Intent.EXIT, side=Side.SELL), SEND, accept("B6"), fill(4))
    for name in ("armed", "grown"):
        known = armed_stop_of(repository.known([name])[name], TEN_O_CLOCK)
        assert known is not None
        with repository.transaction():
            repository.stops.keep(known if name == "armed" else replace(known, quantity=3))

    assert [one.command.command_id for one in repository.unarmed_entries("")] == ["grown", "never"]


def test_another_clients_stops_arm_nothing_here(database: peewee.SqliteDatabase) -> None:
    ours, theirs = OrderRepository(database, "FA1"), OrderRepository(database, "FA2")
    for repository, client_id in ((ours, "FA1"), (theirs, "FA2")):
        lead(
            repository,
            command(command_id="entry", client_id=client_id, stop_loss=Decimal(90)),
            *(SEND, ACCEPT, fill(4)),
        )
    known = armed_stop_of(theirs.known(["entry"])["entry"], TEN_O_CLOCK)
    assert known is not None
    with theirs.transaction():
        theirs.stops.keep(known)

    assert [one.command.command_id for one in ours.unarmed_entries("")] == ["entry"]
    assert theirs.unarmed_entries("") == ()


# baskets


def basket(name: str, state: BasketState = BasketState.RUNNING, message: str = "") -> BasketRecord:
    legs = (command(command_id=f"{name}-1"),)
    return BasketRecord(
        basket=Basket(basket_id=name, strategy="trend", legs=legs), state=state, message=message, asked_at=TEN_O_CLOCK
    )


def test_a_basket_is_read_though_the_rules_for_its_legs_are_stricter_now(repository: OrderRepository) -> None:
    # One rule came later than the trail of 150 % that this leg has: a start must not fail for it.
    endless = StopTerms(trailing_type=TrailingType.PERCENT, trailing_value=Decimal(150), unchecked=True)
    leg = replace(command(command_id="b1-1"), stops=endless, unchecked=True)
    made = basket("b1")
    made = replace(made, basket=replace(made.basket, legs=(leg,)))
    with repository.transaction():
        repository.baskets.keep(made)

    assert repository.baskets.read() == (made,)


def test_a_basket_that_has_ended_has_ended(repository: OrderRepository) -> None:
    ended = basket("b1", BasketState.DONE, "all 1 legs have filled")
    with repository.transaction():
        repository.baskets.keep(basket("b1"))
        repository.baskets.keep(ended)
        repository.baskets.keep(basket("b1"))

    assert repository.baskets.read() == (ended,)


def test_an_open_basket_is_read_however_many_have_ended_since_and_of_these_the_last(
    repository: OrderRepository,
) -> None:
    with repository.transaction():
        repository.baskets.keep(basket("open"))
        for number in range(ENDED_MAX + 5):
            repository.baskets.keep(basket(f"b{number}", BasketState.DONE))

    read = [one.basket.basket_id for one in repository.baskets.read()]

    assert len(read) == ENDED_MAX
    assert read[-1] == "open"
    assert (read[0], read[-2]) == ("b6", f"b{ENDED_MAX + 4}"), "oldest first"


# alerts


def alert(name: str, *, told: bool = False, seen: bool = False, ends: bool = False, **given: str) -> AlertRecord:
    message = {"topic": f"topic of {name}", "level": Level.CRITICAL, "what": "It was.", "means": "It is.", "do": "Do."}
    return AlertRecord(
        alert_id=name,
        alert=Alert(**(message | given), ends=ends),  # type: ignore[arg-type]
        raised_at=TEN_O_CLOCK,
        told_at=TEN_O_CLOCK if told else None,
        acknowledged_at=TEN_O_CLOCK if seen else None,
    )


def test_alarms_nobody_has_seen_and_what_was_not_told_are_read_again(repository: OrderRepository) -> None:
    records = [
        alert("untold alarm"),
        alert("told alarm", told=True),
        alert("seen alarm", told=True, seen=True),
        alert("untold news", level=Level.INFO),
        alert("told news", level=Level.INFO, told=True),
        alert("over", topic="one story"),
        alert("its end", topic="one story", ends=True),
        alert("begun again", topic="one story"),
        replace(alert("owed by one", level=Level.WARNING, told=True), owed=("mail", "chat 2")),
        replace(alert("owed, and seen", told=True, seen=True), owed=("mail",)),
    ]
    with repository.transaction():
        for one in records:
            repository.alerts.keep(one)

    left = repository.alerts.unfinished()
    assert [one.alert_id for one in left.open_alarms] == ["untold alarm", "told alarm", "begun again"]
    assert [one.alert_id for one in left.owed] == ["over", "its end", "owed by one"]
    assert left.owed[-1].owed == ("mail", "chat 2")


def test_no_number_of_warnings_keeps_an_open_alarm_from_being_told_again(repository: OrderRepository) -> None:
    """FINDINGS B7."""
    with repository.transaction():
        repository.alerts.keep(alert("alarm", told=True))
        for number in range(RESUMED_MAX + 10):
            repository.alerts.keep(alert(f"warning {number}", topic=f"t{number}", level=Level.WARNING))

    left = repository.alerts.unfinished()

    assert [one.alert_id for one in left.open_alarms] == ["alarm"]
    assert len(left.owed) == RESUMED_MAX
    assert left.owed[-1].alert_id == f"warning {RESUMED_MAX + 9}", "the newest, oldest first"


def test_what_was_told_or_seen_is_never_untold(repository: OrderRepository) -> None:
    with repository.transaction():
        repository.alerts.keep(alert("a", told=True))
        repository.alerts.keep(alert("a"))
    assert [one.told_at for one in repository.alerts.unfinished().open_alarms] == [TEN_O_CLOCK]

    with repository.transaction():
        repository.alerts.keep(alert("a", seen=True))
        repository.alerts.keep(alert("a"))
    assert repository.alerts.unfinished() == Unfinished()


# days, and a person's words


def test_a_days_figures_are_kept_as_they_were_last(repository: OrderRepository) -> None:
    today = RiskDay(day="2026-01-05", pnl=Decimal("-10.5"), peak_pnl=Decimal(3), base=Decimal(1))
    broken = today.seen(Decimal(-1000)).broken("-1,000.00 rupees", TEN_O_CLOCK)
    with repository.transaction():
        for day in (today, replace(today, day="2026-01-02"), broken):
            repository.desk_state.keep_risk_day(day)

    assert repository.desk_state.risk_days() == (replace(today, day="2026-01-02"), broken)


def test_only_the_last_days_are_read(repository: OrderRepository) -> None:
    days = [f"2025-{month:02}-{day:02}" for month in range(1, 6) for day in range(1, 26)]
    with repository.transaction():
        for day in days:
            repository.desk_state.keep_risk_day(RiskDay(day=day))

    assert [one.day for one in repository.desk_state.risk_days()] == days[-100:]


def test_what_was_cleared_counts_today_and_longer_where_it_is_carried(repository: OrderRepository) -> None:
    position_keys = [PositionKey("trend", key) for key in (MIS, CNC, NRML, MTF)]
    with repository.transaction():
        for position_key in (*position_keys, position_keys[0]):
            sold = WriteOff(position_key=position_key, units=10, reason="sold by phone", at=TEN_O_CLOCK)
            repository.write_offs.keep(sold)

    assert repository.write_offs.counted(TEN_O_CLOCK) == {position_keys[0]: 20} | dict.fromkeys(position_keys[1:], 10)
    assert repository.write_offs.counted(TOMORROW) == dict.fromkeys(position_keys[1:], 10)


@pytest.mark.parametrize(("key", "tomorrow"), [(MIS, 0), (CNC, 0), (NRML, 7)])
def test_moves_by_nobodys_order_count_today_and_longer_where_they_are_carried(
    repository: OrderRepository, key: InstrumentKey, tomorrow: int
) -> None:
    found = Break(name="position", kind=BreakKind.POSITION, sentence="", difference=7, key=key)
    with repository.transaction():
        repository.moves.resolve_break(found, "seen", TEN_O_CLOCK)

    assert repository.moves.units(TEN_O_CLOCK) == {key: 7}
    assert repository.moves.units(TOMORROW).get(key, 0) == tomorrow


def test_the_latest_acceptances_are_read_however_many_there_were(repository: OrderRepository) -> None:
    with repository.transaction():
        for number in range(1_001):
            name = f"fills:B{number}"
            repository.moves.resolve_break(Break(name=name, kind=BreakKind.FILLS, sentence=""), "seen", TEN_O_CLOCK)

    assert "fills:B1000" in repository.moves.accepted_today(TEN_O_CLOCK)
