import ast
import itertools
import re
from dataclasses import replace
from datetime import timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import peewee
import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.orders.change import Change, ChangeKind, ChangeStage
from domain.orders.command import OrderCommand
from domain.orders.lifecycle import LATE_TRUTHS, TERMINAL, TRANSITIONS, Event, IllegalTransitionError, State
from domain.orders.order import Order, OrderEvent
from domain.orders.reasons import Reason
from domain.orders.types import (
    EXTERNAL,
    Exchange,
    InstrumentKey,
    Intent,
    OrderType,
    Origin,
    Product,
    Side,
    TrailingType,
)
from domain.orders.validation import PRICE_MAX
from domain.risk.checks import TradingState
from storage import models, rows
from storage.database import StorageError
from storage.journal import JOURNAL_COLUMNS
from storage.repository import OrderRepository, Recorded, StaleOrderError, UnknownOrderError
from tests.fakes import TEN_O_CLOCK, command, order, trade_of
from tests.storage.conftest import Opener

STORAGE = Path(__file__).parents[2] / "storage"
TAG = "sdtag"
CLIENTS = itertools.count(1)
YESTERDAY = TEN_O_CLOCK - timedelta(days=1)


def create(repository: OrderRepository, asked: OrderCommand, tag: str = TAG) -> Order:
    with repository.transaction():
        return repository.create(asked, tag, TEN_O_CLOCK)


def move(repository: OrderRepository, command_id: str, *events: OrderEvent) -> Recorded:
    with repository.transaction():
        moved = [repository.update_status(command_id, one, TEN_O_CLOCK) for one in events]
    return moved[-1]


def to(event: Event, **facts: Any) -> OrderEvent:  # noqa: ANN401  any fact of an event
    return OrderEvent(kind=event, **facts)


SEND, ACCEPT = to(Event.SENT, limit_price=Decimal("100.05")), to(Event.ACCEPTED, broker_order_id="B1")
FILL = to(Event.FILLED, filled_quantity=10, average_price=Decimal("100.05"))


def table(database: peewee.SqliteDatabase, client_id: str = "FA1") -> dict[str, dict[str, object]]:
    """Return the orders table as it is on disk, by command id."""
    sql = f"SELECT {', '.join(rows.COLUMNS)} FROM orders WHERE client_id = ?"  # noqa: S608  constants only
    found = database.execute_sql(sql, (client_id,))
    return {row[1]: dict(zip(rows.COLUMNS, row, strict=True)) for row in found.fetchall()}


def test_a_created_order_is_found_as_it_was_made(repository: OrderRepository) -> None:
    made = create(repository, command(stop_loss=Decimal("95.5"), comment="why not"))

    assert repository.get("c1") == made
    assert made == order(stop_loss=Decimal("95.5"), comment="why not", remarks_tag=TAG, limit_price=None)


def test_what_is_written_is_only_there_after_the_transaction(repository: OrderRepository, open_at: Opener) -> None:
    reader = OrderRepository(open_at(), "FA1")

    with repository.transaction():
        repository.create(command(), TAG, TEN_O_CLOCK)
        during = reader.get("c1")

    assert during is None
    assert reader.get("c1") is not None


def _write_and_break(repository: OrderRepository) -> None:
    repository.update_status("c1", SEND, TEN_O_CLOCK)
    repository.create(command(command_id="c2"), TAG, TEN_O_CLOCK)
    raise ZeroDivisionError


def test_a_transaction_that_breaks_keeps_nothing(repository: OrderRepository) -> None:
    create(repository, command())

    with pytest.raises(ZeroDivisionError), repository.transaction():
        _write_and_break(repository)

    found = repository.get("c1")
    assert found is not None
    assert found.state is State.CREATED
    assert repository.get("c2") is None
    assert len(repository.journal.all_lines()) == 1
    assert move(repository, "c1", SEND).order.state is State.SENDING


def test_the_same_command_id_cannot_be_created_twice(repository: OrderRepository) -> None:
    create(repository, command())

    with pytest.raises(StorageError):
        create(repository, command(symbol="INFY-EQ"))

    found = repository.get("c1")
    assert found is not None
    assert found.command.symbol == "RELIANCE-EQ"
    assert len(repository.journal.all_lines()) == 1


def test_an_order_moves_under_the_guides_method_names(repository: OrderRepository) -> None:
    create(repository, command())
    move(repository, "c1", SEND)

    with repository.transaction():
        accepted = repository.update_broker_id("c1", "B1", TEN_O_CLOCK)
        tagged = repository.update_tag("c1", Reason.UNKNOWN_BROKER_STATUS, TEN_O_CLOCK)

    assert accepted.order.state is State.WORKING
    assert repository.get_by_broker_id("B1") == tagged.order
    assert repository.get_open_orders_by_strategy("trend") == (tagged.order,)
    assert repository.get_open_orders_by_strategy("other") == ()


def test_every_write_goes_through_the_life_cycle(repository: OrderRepository, database: peewee.SqliteDatabase) -> None:
    create(repository, command())
    before, journal = table(database), repository.journal.all_lines()

    with pytest.raises(IllegalTransitionError):
        move(repository, "c1", to(Event.PROVED_ABSENT))

    assert table(database) == before
    assert repository.journal.all_lines() == journal


def test_an_illegal_event_in_a_group_leaves_its_neighbours(repository: OrderRepository) -> None:
    create(repository, command())

    with repository.transaction():
        repository.update_status("c1", SEND, TEN_O_CLOCK)
        with pytest.raises(IllegalTransitionError):
            repository.update_status("c1", SEND, TEN_O_CLOCK)

    assert [line.event for line in repository.journal.lines("c1")] == ["REGISTERED", "SENT"]


def test_an_order_nobody_knows_is_said_to_be_unknown(repository: OrderRepository) -> None:
    with pytest.raises(UnknownOrderError, match="no order 'nobody'"):
        move(repository, "nobody", SEND)


def test_a_write_compares_the_state_it_believes_in(repository: OrderRepository, open_at: Opener) -> None:
    # Compare and set: another writer has moved the order meanwhile.
    create(repository, command())
    other = OrderRepository(open_at(), "FA1")
    move(other, "c1", to(Event.BLOCKED))

    with pytest.raises(StaleOrderError) as stale:
        move(repository, "c1", SEND)

    assert stale.value.began
    found = repository.get("c1")
    assert found is not None
    assert found.state is State.BLOCKED
    assert [line.event for line in repository.journal.lines("c1")] == ["REGISTERED", "BLOCKED"]
    with pytest.raises(IllegalTransitionError):
        move(repository, "c1", SEND)


@pytest.mark.parametrize("orders", [2, 5, 33])
def test_one_order_that_someone_else_moved_stops_the_whole_group(
    repository: OrderRepository, open_at: Opener, database: peewee.SqliteDatabase, orders: int
) -> None:
    names = [f"c{number}" for number in range(orders)]
    for name in names:
        create(repository, command(command_id=name))
    move(OrderRepository(open_at(), "FA1"), names[-1], to(Event.BLOCKED))

    with pytest.raises(StaleOrderError), repository.transaction():
        _send_all(repository, names)

    states = {name: row["state"] for name, row in table(database).items()}
    assert states == dict.fromkeys(names[:-1], "CREATED") | {names[-1]: "BLOCKED"}
    assert {line.event for line in repository.journal.all_lines()} == {"REGISTERED", "BLOCKED"}


def _send_all(repository: OrderRepository, names: list[str]) -> None:
    for name in names:
        repository.update_status(name, SEND, TEN_O_CLOCK)


def test_a_late_truth_is_told_as_one(repository: OrderRepository) -> None:
    create(repository, command())
    ordinary = move(repository, "c1", SEND, ACCEPT, to(Event.CANCELED))

    late = move(repository, "c1", FILL)

    assert (ordinary.late, late.late, late.order.tag) == (False, True, Reason.LATE_TRUTH)


def test_two_clients_in_one_file_never_see_each_other(database: peewee.SqliteDatabase) -> None:
    ours, theirs = OrderRepository(database, "FA1"), OrderRepository(database, "FA2")
    create(ours, command())
    create(theirs, command(client_id="FA2", symbol="INFY-EQ"))
    move(ours, "c1", SEND, ACCEPT, FILL)
    with ours.transaction():
        ours.desk_state.set_trading_state(TradingState.HALTED, "a test", TEN_O_CLOCK)

    assert theirs.get_by_broker_id("B1") is None
    assert [one.command.symbol for one in theirs.open_orders()] == ["INFY-EQ"]
    assert [one.command.symbol for one in theirs.newest_orders(9, open_only=False)] == ["INFY-EQ"]
    assert [one.command.symbol for one in theirs.remembered_orders(TEN_O_CLOCK)] == ["INFY-EQ"]
    assert [one.command.symbol for one in theirs.known(["c1"]).values()] == ["INFY-EQ"]
    assert [line.event for line in theirs.journal.lines("c1")] == ["REGISTERED"]
    assert theirs.roll_ups.sent_today(TEN_O_CLOCK) == 0
    assert theirs.roll_ups.carried(TEN_O_CLOCK + timedelta(days=1)).positions() == {}
    assert theirs.desk_state.trading_state() == (TradingState.ACTIVE, "")
    assert set(theirs.journal.replayed()) == {"c1"}


def test_one_clients_move_leaves_the_others_order(database: peewee.SqliteDatabase) -> None:
    ours, theirs = OrderRepository(database, "FA1"), OrderRepository(database, "FA2")
    create(ours, command())
    create(theirs, command(client_id="FA2"))

    move(ours, "c1", SEND)

    found = theirs.get("c1")
    assert found is not None
    assert found.state is State.CREATED


def _statements() -> list[tuple[str, str]]:
    """Return every SQL text of the order path's modules, f-strings with their holes as …."""
    found = []
    for name in ("repository.py", "orders.py", "journal.py", "roll_ups.py", "alerts.py"):
        for node in ast.walk(ast.parse((STORAGE / name).read_text(encoding="utf-8"))):
            if isinstance(node, ast.Constant) and isinstance(node.value, str):
                text = node.value
            elif isinstance(node, ast.JoinedStr):
                text = "".join(str(part.value) if isinstance(part, ast.Constant) else "…" for part in node.values)
            else:
                continue
            if re.match(r"\s*(SELECT|UPDATE|DELETE|INSERT)\b", text):
                found.append((name, text))
    whole = [one for one in found if not any(one[1] != other[1] and one[1] in other[1] for other in found)]
    return sorted(set(whole))


def test_the_scan_of_statements_finds_them() -> None:
    assert len(_statements()) >= 8


@pytest.mark.parametrize(("module", "statement"), _statements())
def test_every_statement_names_the_client(module: str, statement: str) -> None:
    if re.match(r"INSERT INTO \w+ \(…\)", statement):
        # Its columns are those of the table, which begin with the client.
        columns = {"orders.py": rows.COLUMNS, "journal.py": JOURNAL_COLUMNS}[module]
        assert columns[0] == "client_id"
        return

    assert "client_id" in statement
    assert statement.startswith("INSERT") or re.search(r"WHERE .*client_id = \?", statement, re.DOTALL)


def test_each_fill_is_kept_once(repository: OrderRepository, database: peewee.SqliteDatabase) -> None:
    create(repository, command())
    placed = move(repository, "c1", SEND, ACCEPT).order
    first, second = trade_of(placed, "1", quantity=4), trade_of(placed, "2", quantity=6)

    for fills in ([first], [first, second], [second, first, first]):
        with repository.transaction():
            repository.add_fills(fills)

    kept = database.execute_sql("SELECT command_id, fill_id, quantity, price FROM fills ORDER BY fill_id").fetchall()
    assert kept == [("c1", "1", 4, 100.05), ("c1", "2", 6, 100.05)]


def test_the_same_fill_id_of_another_order_is_another_fill(
    repository: OrderRepository, database: peewee.SqliteDatabase
) -> None:
    create(repository, command())
    create(repository, command(command_id="c2"))
    first = move(repository, "c1", SEND, ACCEPT).order
    second = move(repository, "c2", SEND, replace(ACCEPT, broker_order_id="B2")).order

    with repository.transaction():
        repository.add_fills(
            [trade_of(first, "1"), trade_of(second, "1"), replace(trade_of(first, "1"), exchange="BSE")]
        )

    assert database.execute_sql("SELECT COUNT(*) FROM fills").fetchone() == (3,)


def test_fills_of_orders_that_are_not_ours_are_not_kept(
    repository: OrderRepository, database: peewee.SqliteDatabase
) -> None:
    with repository.transaction():
        repository.add_fills([trade_of(order(), broker_order_id="B77")])

    assert database.execute_sql("SELECT COUNT(*) FROM fills").fetchone() == (0,)


@given(st.integers(1, int(PRICE_MAX) * 10_000).map(lambda paise: Decimal(paise) / 10_000))
def test_a_price_as_a_float_comes_back_exactly(price: Decimal) -> None:
    stored = rows.constant_values(order(price=price))[rows.CONSTANT_COLUMNS.index("price")]

    assert isinstance(stored, float)
    assert Decimal(repr(stored)) == price


PRICES = st.integers(1, int(PRICE_MAX) * 10_000).map(lambda paise: Decimal(paise) / 10_000)

PERCENTS = st.integers(1, 999_999).map(lambda paise: Decimal(paise) / 10_000)

CHANGES = st.builds(
    Change,
    change_id=st.just("c1"),
    kind=st.sampled_from(ChangeKind),
    asked_at=st.just(TEN_O_CLOCK),
    stage=st.sampled_from(ChangeStage),
    quantity=st.none() | st.integers(1, 100),
    limit_price=st.none() | PRICES,
    trigger_price=st.none() | PRICES,
)


@st.composite
def orders(draw: st.DrawFn) -> Order:
    """Draw an order with something in every column."""
    side, quantity = draw(st.sampled_from(Side)), draw(st.integers(1, 10_000_000))
    levels = sorted(draw(st.lists(PRICES, min_size=4, max_size=4, unique=True)), reverse=side is Side.SELL)
    stop, trigger, price, target = levels
    intent = draw(st.sampled_from(Intent))
    carries = draw(st.booleans()) and intent is not Intent.EXIT
    trailing = draw(st.sampled_from(TrailingType)) if carries else None
    return order(
        order_type=OrderType.SL,
        price=price,
        trigger_price=trigger,
        quantity=quantity,
        side=side,
        intent=intent,
        origin=draw(st.sampled_from([Origin.STRATEGY, Origin.HUMAN])),
        amo=draw(st.booleans()),
        wire_trigger_price=draw(st.none() | PRICES),
        change=draw(st.none() | CHANGES),
        stop_loss=stop if carries else None,
        target=target if carries and draw(st.booleans()) else None,
        trailing_type=trailing,
        trailing_value=None if trailing is None else draw(PERCENTS if trailing is TrailingType.PERCENT else PRICES),
        trail_activation=draw(st.none() | PRICES) if carries else None,
        state=draw(st.sampled_from(State)),
        tag=draw(st.none() | st.sampled_from(Reason)),
        note="the broker's own words",
        broker_order_id=draw(st.none() | st.just("B1")),
        limit_price=draw(st.none() | PRICES),
        filled_quantity=quantity // 2,
        average_price=draw(st.none() | PRICES),
    )


@given(orders())
def test_an_order_survives_its_row(made: Order) -> None:
    assert rows.to_order(rows.constant_values(made) + rows.changing_values(made)) == made


def test_the_models_and_the_statements_name_the_same_columns(database: peewee.SqliteDatabase) -> None:
    model = {field.column_name for field in models.OrderRecord._meta.sorted_fields} - {"id"}
    table_columns = {column.name for column in database.get_columns("orders")} - {"id"}

    assert model == set(rows.COLUMNS) == table_columns
    assert len(rows.COLUMNS) == len(set(rows.COLUMNS))


def test_a_clock_that_was_set_back_makes_no_order_younger_than_the_next_book(repository: OrderRepository) -> None:
    # D10: the next process begins an hour before this one's last word.
    create(repository, command())
    move(repository, "c1", SEND, ACCEPT)
    an_hour_before = TEN_O_CLOCK - timedelta(hours=1)

    (taken_up,) = repository.remembered_orders(an_hour_before)

    assert taken_up.updated_at == an_hour_before


def test_what_a_start_takes_up_and_what_it_counts_as_older_is_each_order_once(repository: OrderRepository) -> None:
    for name, created in (("old-done", YESTERDAY), ("old-open", YESTERDAY), ("new-done", TEN_O_CLOCK)):
        with repository.transaction():
            repository.create(command(command_id=name), TAG, created)
            repository.update_status(name, SEND, created)
            repository.update_status(name, replace(ACCEPT, broker_order_id=name), created)
            if name.endswith("done"):
                repository.update_status(name, FILL, created)

    taken_up = {one.command.command_id for one in repository.remembered_orders(TEN_O_CLOCK)}
    older = repository.roll_ups.carried(TEN_O_CLOCK).positions()

    assert taken_up == {"old-open", "new-done"}
    assert older == {"trend": {InstrumentKey(Exchange.NSE, "RELIANCE-EQ", Product.MIS): 10}}
    assert repository.roll_ups.sent_today(TEN_O_CLOCK) == 1


def test_older_positions_are_signed(repository: OrderRepository) -> None:
    for name, side, quantity in (("buy", Side.BUY, 10), ("sell", Side.SELL, 25)):
        with repository.transaction():
            repository.create(command(command_id=name, side=side, quantity=quantity), TAG, YESTERDAY)
            repository.update_status(name, SEND, YESTERDAY)
            repository.update_status(name, replace(FILL, filled_quantity=quantity), YESTERDAY)

    held = repository.roll_ups.carried(TEN_O_CLOCK).positions()

    assert held == {"trend": {InstrumentKey(Exchange.NSE, "RELIANCE-EQ", Product.MIS): -15}}


def test_shares_bought_after_a_sale_out_of_the_holdings_are_held(repository: OrderRepository) -> None:
    for name, side, quantity in (("sold", Side.SELL, 25), ("bought", Side.BUY, 10), ("part", Side.SELL, 4)):
        with repository.transaction():
            asked = command(command_id=name, side=side, quantity=quantity, product=Product.CNC)
            repository.create(asked, TAG, YESTERDAY)
            repository.update_status(name, SEND, YESTERDAY)
            repository.update_status(name, replace(FILL, filled_quantity=quantity), YESTERDAY)

    held = repository.roll_ups.carried(TEN_O_CLOCK).positions()

    assert held == {"trend": {InstrumentKey(Exchange.NSE, "RELIANCE-EQ", Product.CNC): 6}}


def test_delivery_of_today_and_of_another_account_is_no_older_position(repository: OrderRepository) -> None:
    asked = command(command_id="today", product=Product.CNC)
    with repository.transaction():
        repository.create(asked, TAG, TEN_O_CLOCK)
        repository.update_status("today", SEND, TEN_O_CLOCK)
        repository.update_status("today", FILL, TEN_O_CLOCK)

    assert repository.roll_ups.carried(TEN_O_CLOCK).positions() == {}


def test_the_trading_state_is_kept(repository: OrderRepository, open_at: Opener) -> None:
    for state in (TradingState.HALTED, TradingState.EXITS_ONLY):
        with repository.transaction():
            repository.desk_state.set_trading_state(state, f"because {state}", TEN_O_CLOCK)

    assert OrderRepository(open_at(), "FA1").desk_state.trading_state() == (
        TradingState.EXITS_ONLY,
        "because EXITS_ONLY",
    )


def test_what_two_books_tell_alike_is_written_once(repository: OrderRepository) -> None:
    with repository.transaction():
        repository.create(command(), "tag", TEN_O_CLOCK)
        repository.update_status("c1", OrderEvent(kind=Event.SENT), TEN_O_CLOCK)
        told = OrderEvent(kind=Event.FILLED, broker_order_id="B1", filled_quantity=10, average_price=Decimal("1500.5"))
        first = repository.update_status("c1", told, TEN_O_CLOCK)
        second = repository.update_status("c1", told, TEN_O_CLOCK + timedelta(seconds=1))
        news = repository.update_status("c1", replace(told, average_price=Decimal(1501)), TEN_O_CLOCK)

    assert second == replace(first, again=True)
    assert news.order.average_price == Decimal(1501)
    assert [line.event for line in repository.journal.lines("c1")] == ["REGISTERED", "SENT", "FILLED", "FILLED"]


def test_an_unknown_word_that_two_books_tell_is_written_once(repository: OrderRepository) -> None:
    word = OrderEvent(kind=Event.NOTED, tag=Reason.UNKNOWN_BROKER_STATUS, note="SUSPENDED BY MOON")
    create(repository, command())
    move(repository, "c1", SEND, ACCEPT)

    told = [move(repository, "c1", one).again for one in (word, word, replace(word, note="EATEN"), word)]

    assert told == [False, True, False, False]
    assert [line.event for line in repository.journal.lines("c1")][-3:] == ["NOTED"] * 3


def test_the_journal_tells_an_orders_story(repository: OrderRepository) -> None:
    create(repository, command())
    move(repository, "c1", replace(SEND, inputs={"held": "0"}))
    move(repository, "c1", ACCEPT, FILL)

    lines = repository.journal.lines("c1")

    assert [(line.event, line.state_before, line.state_after) for line in lines] == [
        ("REGISTERED", None, "CREATED"),
        ("SENT", "CREATED", "SENDING"),
        ("ACCEPTED", "SENDING", "WORKING"),
        ("FILLED", "WORKING", "FILLED"),
    ]
    assert lines[1].inputs == {"held": "0"}
    assert lines[2].changes["broker_order_id"] == "B1"


def test_many_orders_in_one_transaction_are_all_written(
    repository: OrderRepository, database: peewee.SqliteDatabase
) -> None:
    # More than the largest statement takes, and no round number.
    names = [f"c{number}" for number in range(77)]

    with repository.transaction():
        for name in names:
            repository.create(command(command_id=name), TAG, TEN_O_CLOCK)
    with repository.transaction():
        for name in names:
            repository.update_status(name, replace(SEND, quantity=int(name[1:]) + 1), TEN_O_CLOCK)

    assert {name: row["quantity"] for name, row in table(database).items()} == {
        name: int(name[1:]) + 1 for name in names
    }
    assert repository.journal.replayed() == table(database)


FACTS: dict[Event, dict[str, Any]] = {
    Event.SENT: {"quantity": 7, "limit_price": Decimal("100.05")},
    Event.ACCEPTED: {"broker_order_id": "B1"},
    Event.PARTIALLY_FILLED: {"filled_quantity": 3, "average_price": Decimal("99.9999"), "broker_order_id": "B2"},
    Event.FILLED: {"filled_quantity": 7, "average_price": Decimal("100.01")},
    Event.REFUSED: {"tag": Reason.BROKER_REFUSED, "note": "the broker's own words"},
    Event.NOTED: {"tag": Reason.STEP_3_UNRECORDED, "note": "locked"},
}


@given(data=st.data(), orders=st.integers(1, 5), steps=st.integers(0, 25))
def test_replaying_the_journal_gives_the_orders_table(
    database: peewee.SqliteDatabase, data: st.DataObject, orders: int, steps: int
) -> None:
    client = f"FA{next(CLIENTS)}"
    repository = OrderRepository(database, client)
    names = [f"c{number}" for number in range(orders)]
    with repository.transaction():
        for name in names:
            repository.create(command(command_id=name, client_id=client), TAG, TEN_O_CLOCK)

    for moment in range(steps):
        with repository.transaction():
            for name in data.draw(st.lists(st.sampled_from(names), min_size=1, max_size=4)):
                now = repository.get(name)
                assert now is not None
                legal = sorted({*TRANSITIONS[now.state], *LATE_TRUTHS.get(now.state, {})})
                kind = data.draw(st.sampled_from(legal))
                event = OrderEvent(kind=kind, **FACTS.get(kind, {}))
                repository.update_status(name, event, TEN_O_CLOCK + timedelta(seconds=moment))

    on_disk = table(database, client)
    assert repository.journal.replayed() == on_disk
    assert {name: row["state"] in TERMINAL for name, row in on_disk.items()} == {
        name: name not in {one.command.command_id for one in repository.open_orders()} for name in names
    }


def told(event: OrderEvent, second: int, by: str = "book_asked_at") -> OrderEvent:
    """Return an event that a book, or an update, of this second has told."""
    return replace(event, inputs={by: (TEN_O_CLOCK + timedelta(seconds=second)).isoformat()})


def test_what_traded_beside_others_is_told_in_the_order_of_the_books_that_told_it(repository: OrderRepository) -> None:
    theirs, entry, elsewhere = (command(command_id=name) for name in ("theirs", "entry", "elsewhere"))
    create(repository, replace(theirs, strategy=EXTERNAL, unchecked=True), "t1")
    create(repository, entry, "t2")
    create(repository, replace(elsewhere, symbol="INFY-EQ"), "t3")
    two, four = (to(Event.PARTIALLY_FILLED, filled_quantity=units, average_price=Decimal(100)) for units in (2, 4))
    # A lock has ended: what was told second is written first.
    move(repository, "theirs", SEND, to(Event.ACCEPTED, broker_order_id="B2"), told(two, 2), told(FILL, 3))
    move(repository, "entry", SEND, ACCEPT, told(two, 1), told(four, 2, "update_seen_at"), told(FILL, 4))
    move(repository, "elsewhere", SEND, to(Event.ACCEPTED, broker_order_id="B3"), FILL)

    orders = repository.remembered_orders(TEN_O_CLOCK)

    trades = (("entry", 4), ("theirs", 10), ("entry", 10))
    assert repository.journal.trades_beside_others(orders) == trades
    ours = [order for order in orders if order.command.strategy != EXTERNAL]
    assert repository.journal.trades_beside_others(ours) == ()


def test_a_clock_that_was_set_back_takes_no_trade_back(repository: OrderRepository) -> None:
    create(repository, replace(command(command_id="theirs"), strategy=EXTERNAL, unchecked=True))
    part = to(Event.PARTIALLY_FILLED, filled_quantity=4, average_price=Decimal(100))
    move(repository, "theirs", SEND, ACCEPT, told(part, 9), told(FILL, 3))

    trades = repository.journal.trades_beside_others(repository.remembered_orders(TEN_O_CLOCK))

    assert trades == (("theirs", 10),)
