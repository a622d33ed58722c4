"""Past days are counted once: what they came to is kept, and is the same as a count from the first day on."""

from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from decimal import Decimal
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Final

import peewee
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from domain.orders.lifecycle import Event
from domain.orders.order import OrderEvent
from domain.orders.types import EXTERNAL, Exchange, InstrumentKey, Product, Side
from domain.ports import trading_day
from domain.settings import StorageSettings
from storage.database import open_database
from storage.repository import OrderRepository
from storage.roll_ups import STATES_MAX
from tests.fakes import TEN_O_CLOCK, command

SEND: Final = OrderEvent(kind=Event.SENT)
MIS: Final = InstrumentKey(Exchange.NSE, "RELIANCE-EQ", Product.MIS)


@dataclass(frozen=True)
class Trade:
    """What one order traded on one day."""

    day: int
    strategy: str
    product: Product
    side: Side
    units: int
    symbol: str = "RELIANCE-EQ"


TRADES: Final = st.builds(
    Trade,
    day=st.integers(0, 4),
    strategy=st.sampled_from(["trend", "other", EXTERNAL]),
    product=st.sampled_from([Product.MIS, Product.CNC]),
    side=st.sampled_from(Side),
    units=st.integers(1, 9),
    symbol=st.sampled_from(["RELIANCE-EQ", "INFY-EQ"]),
)


def at(day: int) -> datetime:
    return TEN_O_CLOCK + timedelta(days=day)


def trade(repository: OrderRepository, name: str, one: Trade, price: int = 100) -> None:
    """Keep an order that has filled whole on its day."""
    client_id = repository._client_id
    asked = command(command_id=name, client_id=client_id, side=one.side, product=one.product)
    asked = replace(asked, symbol=one.symbol, quantity=one.units, strategy=one.strategy, unchecked=True)
    filled = OrderEvent(
        kind=Event.FILLED, filled_quantity=one.units, average_price=Decimal(price), broker_order_id=name
    )
    with repository.transaction():
        repository.create(asked, f"tag-{name}", at(one.day))
        for event in (SEND, filled):
            repository.update_status(name, event, at(one.day))


def keep(repository: OrderRepository, day: int) -> str | None:
    """Keep what is over on the morning of `day`; return until when it counts."""
    unarmed = repository.unarmed_entries(repository.roll_ups.counted_until(trading_day(at(day))))
    until = repository.roll_ups.countable(at(day), unarmed)
    if until is not None:
        with repository.transaction():
            repository.roll_ups.keep_carried(until)
    return until


def held(repository: OrderRepository, day: int) -> dict[tuple[str, InstrumentKey], int]:
    positions = repository.roll_ups.carried(at(day)).positions()
    return {(who, key): units for who, own in positions.items() for key, units in own.items() if units}


def states(database: peewee.SqliteDatabase) -> list[str]:
    return [day for (day,) in database.execute_sql("SELECT day FROM carried_states ORDER BY day")]


@settings(max_examples=30, deadline=None)
@given(trades=st.lists(TRADES, max_size=10), mornings=st.sets(st.integers(0, 6)))
def test_what_is_kept_and_what_follows_are_what_a_whole_count_finds(trades: list[Trade], mornings: set[int]) -> None:
    in_order = sorted(trades, key=lambda one: one.day)
    with TemporaryDirectory() as folder:
        database = open_database(StorageSettings(path=Path(folder) / "desk.db"))
        keeping, counting = OrderRepository(database, "FA1"), OrderRepository(database, "FA2")
        for day in range(7):
            if day in mornings:
                keep(keeping, day)
            assert held(keeping, day) == held(counting, day)
            for number, one in enumerate(in_order):
                if one.day == day:
                    for repository in (keeping, counting):
                        trade(repository, f"c{number}", one, 100 + number)
        found = {
            one: keeping.roll_ups.carried(at(9)).prices.get(one) for one in counting.roll_ups.carried(at(9)).prices
        }
        meant = counting.roll_ups.carried(at(9)).prices
        still = {(key.exchange, key.symbol) for _, key in held(counting, 9)}
        database.close()

    assert [found[one] for one in still] == [meant[one] for one in still]


BUY: Final = Trade(0, "trend", Product.MIS, Side.BUY, 10)


def test_nothing_is_kept_where_nothing_was_traded(repository: OrderRepository) -> None:
    assert keep(repository, 1) is None

    trade(repository, "c1", BUY)

    assert keep(repository, 0) is None, "the day is not over"
    assert keep(repository, 1) == trading_day(at(1))
    assert keep(repository, 1) is None, "it is kept already"


def test_a_day_with_an_open_order_is_not_over(repository: OrderRepository) -> None:
    trade(repository, "c1", BUY)
    with repository.transaction():
        repository.create(command(command_id="open"), "tag-open", at(1))
    trade(repository, "c2", replace(BUY, day=1))

    assert keep(repository, 3) == trading_day(at(1))
    assert held(repository, 3) == {("trend", MIS): 20}


def test_a_day_with_an_entry_that_waits_for_its_stops_is_not_over(repository: OrderRepository) -> None:
    trade(repository, "c1", BUY)
    with repository.transaction():
        repository.create(command(command_id="bare", stop_loss=Decimal(90)), "tag-bare", at(1))
        for event in (SEND, OrderEvent(kind=Event.FILLED, filled_quantity=10, broker_order_id="B1")):
            repository.update_status("bare", event, at(1))

    assert keep(repository, 3) == trading_day(at(1))
    assert [
        one.command.command_id
        for one in repository.unarmed_entries(repository.roll_ups.counted_until(trading_day(at(3))))
    ] == ["bare"]


def test_what_is_found_late_of_a_day_is_counted(repository: OrderRepository, database: peewee.SqliteDatabase) -> None:
    trade(repository, "c1", BUY)
    with repository.transaction():
        repository.create(command(command_id="lost", quantity=5), "tag-lost", at(1))
        for event in (SEND, OrderEvent(kind=Event.CANCELED)):
            repository.update_status("lost", event, at(1))
    trade(repository, "c2", replace(BUY, day=2))
    for day in (1, 3):
        keep(repository, day)
    before = states(database)

    with repository.transaction():
        late = OrderEvent(kind=Event.FILLED, filled_quantity=5, average_price=Decimal(100), broker_order_id="L")
        repository.update_status("lost", late, at(3))
        repository.create(command(command_id="new"), "tag-new", at(3))

    assert (before, states(database)) == ([trading_day(at(1)), trading_day(at(3))], [trading_day(at(1))])
    assert held(repository, 3) == {("trend", MIS): 25}
    assert held(OrderRepository(database, "FA1"), 3) == {("trend", MIS): 25}
    assert keep(OrderRepository(database, "FA1"), 3) == trading_day(at(3))


def test_a_clock_that_was_set_back_counts_no_day_twice(
    repository: OrderRepository, database: peewee.SqliteDatabase
) -> None:
    for day in range(3):
        trade(repository, f"c{day}", replace(BUY, day=day))
        keep(repository, day)
    keep(repository, 9)

    back = OrderRepository(database, "FA1")

    assert held(back, 2) == {("trend", MIS): 20}, "today's are told beside what is carried"
    assert keep(back, 2) is None
    assert held(back, 9) == {("trend", MIS): 30}


def test_only_the_last_sums_are_kept(repository: OrderRepository, database: peewee.SqliteDatabase) -> None:
    for day in range(STATES_MAX + 3):
        trade(repository, f"c{day}", replace(BUY, day=day))
        keep(repository, day + 1)

    assert states(database) == [trading_day(at(day)) for day in range(4, STATES_MAX + 4)]
    assert held(repository, 99) == {("trend", MIS): 10 * (STATES_MAX + 3)}


def test_what_is_flat_is_not_carried_along(repository: OrderRepository, database: peewee.SqliteDatabase) -> None:
    trade(repository, "c1", BUY)
    trade(repository, "c2", replace(BUY, side=Side.SELL))
    keep(repository, 1)

    ((state,),) = database.execute_sql("SELECT state FROM carried_states").fetchall()

    assert "RELIANCE" not in state


@pytest.mark.parametrize("client_id", ["FA1", "FA2"])
def test_each_client_has_sums_of_its_own(database: peewee.SqliteDatabase, client_id: str) -> None:
    for one in ("FA1", "FA2"):
        trade(OrderRepository(database, one), "c1", BUY)
        keep(OrderRepository(database, one), 1)

    assert held(OrderRepository(database, client_id), 1) == {("trend", MIS): 10}
