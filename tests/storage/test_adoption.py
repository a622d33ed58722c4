"""A legacy orders table, with only the guide's columns, is taken over in place."""

import sqlite3
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from pathlib import Path

import pytest

from domain.orders.lifecycle import Event, State, Status
from domain.orders.order import OrderEvent
from domain.orders.reasons import Reason
from domain.orders.types import Exchange, Intent, OrderType, Product, Side
from domain.ports import IST
from storage import rows
from storage.repository import OrderRepository
from tests.fakes import TEN_O_CLOCK
from tests.storage.conftest import Opener

GUIDES_TABLE = """
CREATE TABLE orders (
  id INTEGER PRIMARY KEY, client_id TEXT, command_id TEXT, broker_order_id TEXT, status TEXT, tag TEXT, exchange TEXT,
  symbol TEXT, side TEXT, quantity INTEGER, order_type TEXT, price FLOAT, created_at TIMESTAMP, updated_at TIMESTAMP)
"""


@dataclass(frozen=True)
class Legacy:
    """A row of the guide's columns."""

    id: int
    command_id: str | None
    status: str
    broker_order_id: str | None = None
    tag: str | None = None
    client_id: str = "FA1"
    exchange: str = "NSE"
    symbol: str = "RELIANCE-EQ"
    side: str = "BUY"
    quantity: int = 10
    order_type: str = "LIMIT"
    price: float | None = 100.05
    created_at: str = "2026-01-02 09:20:00"
    updated_at: str | None = "2026-01-02 09:21:00.123456"


LEGACY = [
    Legacy(3, "sent", "SENT_TO_BROKER", "B3"),
    Legacy(5, "sent-without-id", "SENT_TO_BROKER"),
    Legacy(6, "empty-id", "SENT_TO_BROKER", ""),
    Legacy(7, "created", "CREATED"),
    Legacy(8, "executed", "EXECUTED", "B8", quantity=25),
    Legacy(9, "refused", "FAILED", tag="BROKER_REJECTED"),
    Legacy(10, "rejected", "FAILED", "B10", tag="BROKER_REJECTED"),
    Legacy(11, "canceled", "FAILED", "B11", tag="BROKER_CANCELLED"),
    Legacy(12, "expired", "FAILED", "B12", tag="BROKER_EXPIRED"),
    Legacy(13, "blocked", "FAILED", tag="RISK_LIMITS_EXCEEDED"),
    Legacy(14, "failed-null-tag", "FAILED"),
    Legacy(15, "lower", "executed", "B15", exchange="nse", side="b", order_type="mkt", price=0.0, updated_at=None),
    Legacy(16, "lower-sent", "sent_to_broker", "B16", side="s", order_type="lmt"),
    Legacy(17, "ampersand", "EXECUTED", "B17", symbol="M&M-EQ"),
    Legacy(18, "market", "EXECUTED", "B18", order_type="MARKET", price=0.0),
    Legacy(19, "other-client", "SENT_TO_BROKER", "B19", client_id="FA2"),
    Legacy(20, "stop", "EXECUTED", "B20", order_type="SL-LMT", exchange="NFO", symbol="NIFTY27JAN26F"),
    Legacy(21, "lower-canceled", "failed", "B21", tag="broker_cancelled"),
    Legacy(22, "odd-status", "PENDING", "B22"),
    Legacy(23, "failed-at-broker", "FAILED", "B23", tag="MARGIN"),
    Legacy(40, None, "FAILED"),
]

STATES = {
    "sent": State.WORKING,
    "sent-without-id": State.UNCONFIRMED,
    "empty-id": State.UNCONFIRMED,
    "created": State.UNCONFIRMED,
    "executed": State.FILLED,
    "refused": State.REFUSED,
    "rejected": State.REJECTED,
    "canceled": State.CANCELED,
    "expired": State.CANCELED,
    "blocked": State.BLOCKED,
    "failed-null-tag": State.BLOCKED,
    "lower": State.FILLED,
    "lower-sent": State.WORKING,
    "ampersand": State.FILLED,
    "market": State.FILLED,
    "stop": State.FILLED,
    "lower-canceled": State.CANCELED,
    "odd-status": State.UNCONFIRMED,
    "failed-at-broker": State.REJECTED,
    "legacy-40": State.BLOCKED,
}


@pytest.fixture
def adopted(path: Path, open_at: Opener) -> OrderRepository:
    """Return a repository over a legacy file."""
    old = sqlite3.connect(path)
    old.execute(GUIDES_TABLE)
    names = list(Legacy.__dataclass_fields__)
    old.executemany(
        f"INSERT INTO orders ({', '.join(names)}) VALUES ({', '.join('?' * len(names))})",  # noqa: S608  constants
        [[getattr(one, name) for name in names] for one in LEGACY],
    )
    old.commit()
    old.close()
    return OrderRepository(open_at(), "FA1")


def _ours() -> list[Legacy]:
    return [one for one in LEGACY if one.client_id == "FA1"]


def test_every_row_is_kept_with_its_id(adopted: OrderRepository, path: Path) -> None:
    del adopted
    reader = sqlite3.connect(path)
    kept = reader.execute("SELECT id, COALESCE(broker_order_id, ''), quantity FROM orders ORDER BY id").fetchall()
    reader.close()

    assert kept == [(one.id, one.broker_order_id or "", one.quantity) for one in LEGACY]


@pytest.mark.parametrize(("command_id", "state"), STATES.items())
def test_a_legacy_status_becomes_a_state(adopted: OrderRepository, command_id: str, state: State) -> None:
    found = adopted.get(command_id)

    assert found is not None
    assert found.state is state


def test_every_legacy_row_reads_as_an_order(adopted: OrderRepository) -> None:
    found = adopted.newest_orders(100, open_only=False)

    assert [one.command.command_id for one in reversed(found)] == [one.command_id or "legacy-40" for one in _ours()]
    for one in found:
        assert one.command.strategy == "LEGACY"
        assert one.command.intent is Intent.ADJUST
        assert one.tag is Reason.LEGACY_ORDER
        assert one.remarks_tag == ""
        assert one.command.comment == ""
        assert (one.created_at.tzinfo, one.updated_at.tzinfo) == (IST, IST)


def test_the_words_of_a_legacy_row_are_normalised(adopted: OrderRepository) -> None:
    lower, stop, ampersand = (adopted.get(name) for name in ("lower", "stop", "ampersand"))
    assert lower is not None
    assert stop is not None
    assert ampersand is not None

    assert (lower.command.exchange, lower.command.side, lower.command.order_type) == (
        Exchange.NSE,
        Side.BUY,
        OrderType.MARKET,
    )
    assert lower.command.price is None
    assert lower.updated_at == datetime(2026, 1, 2, 9, 20, tzinfo=IST)
    assert (stop.command.product, stop.command.order_type, stop.limit_price) == (
        Product.NRML,
        OrderType.SL,
        Decimal("100.05"),
    )
    assert ampersand.command.symbol == "M&M-EQ"


def test_what_was_executed_is_held_and_what_failed_is_not(adopted: OrderRepository) -> None:
    for legacy in _ours():
        found = adopted.get(legacy.command_id or "legacy-40")
        assert found is not None
        executed = legacy.status.upper() == "EXECUTED"
        assert found.filled_quantity == (legacy.quantity if executed else 0)
        assert (found.status is Status.EXECUTED) == executed


def test_the_status_column_says_what_the_state_means(adopted: OrderRepository, path: Path) -> None:
    reader = sqlite3.connect(path)
    stored = dict(reader.execute("SELECT command_id, status FROM orders WHERE client_id = 'FA1'").fetchall())
    reader.close()

    assert stored == {one.command.command_id: one.status.value for one in adopted.newest_orders(100, open_only=False)}


def test_a_legacy_tag_stays_in_the_note(adopted: OrderRepository) -> None:
    blocked, plain = adopted.get("blocked"), adopted.get("failed-null-tag")
    assert blocked is not None
    assert plain is not None

    assert (blocked.note, plain.note) == ("RISK_LIMITS_EXCEEDED", "")


def test_each_client_keeps_its_own(adopted: OrderRepository, open_at: Opener) -> None:
    other = OrderRepository(open_at(), "FA2")

    assert adopted.get("other-client") is None
    assert [one.command.command_id for one in other.newest_orders(100, open_only=False)] == ["other-client"]


def test_replaying_the_journal_gives_the_adopted_table(adopted: OrderRepository, path: Path) -> None:
    reader = sqlite3.connect(path)
    sql = f"SELECT {', '.join(rows.COLUMNS)} FROM orders WHERE client_id = 'FA1'"  # noqa: S608  constants only
    found = reader.execute(sql).fetchall()
    reader.close()
    on_disk = {row[1]: dict(zip(rows.COLUMNS, row, strict=True)) for row in found}

    assert adopted.journal.replayed() == on_disk


def test_the_journal_says_what_the_row_was(adopted: OrderRepository) -> None:
    (line,) = adopted.journal.lines("blocked")

    assert (line.event, line.state_before, line.state_after) == ("ADOPTED", None, "BLOCKED")
    assert line.inputs == {"legacy_status": "FAILED", "legacy_tag": "RISK_LIMITS_EXCEEDED"}


def test_an_adopted_order_goes_on_living(adopted: OrderRepository, path: Path) -> None:
    filled = OrderEvent(kind=Event.FILLED, filled_quantity=10, average_price=Decimal("100.05"))

    with adopted.transaction():
        adopted.update_status("sent", filled, TEN_O_CLOCK)

    found = adopted.get_by_broker_id("B3")
    assert found is not None
    assert (found.state, found.status, found.tag) == (State.FILLED, Status.EXECUTED, None)
    test_replaying_the_journal_gives_the_adopted_table(adopted, path)


def test_new_orders_stand_beside_adopted_ones(adopted: OrderRepository, open_at: Opener) -> None:
    del adopted
    again = OrderRepository(open_at(), "FA1")

    assert len(again.newest_orders(100, open_only=False)) == len(_ours())
    assert len(again.journal.all_lines()) == len(_ours())


def test_open_legacy_orders_are_taken_up_at_the_start(adopted: OrderRepository) -> None:
    open_names = {one.command.command_id for one in adopted.remembered_orders(TEN_O_CLOCK)}

    assert open_names == {"sent", "sent-without-id", "empty-id", "created", "lower-sent", "odd-status"}
