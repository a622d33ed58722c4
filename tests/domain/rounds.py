"""Rounds of three books without a broker, for the tests that judge them."""

from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

from domain.broker.snapshots import (
    PRODUCT_LETTERS,
    Book,
    BrokerStatus,
    OrderRow,
    PositionRow,
    TradeRow,
)
from domain.orders.lifecycle import State
from domain.orders.order import Order
from domain.orders.types import Exchange, InstrumentKey, Product
from domain.reconciliation.breaks import Break
from domain.reconciliation.reconciler import Checked, Known, Reconciled, Reconciler
from domain.settings import ProofSettings, WatcherSettings
from tests.fakes import TEN_O_CLOCK, book, order, row_of

DAY_S = 24 * 3600.0
AT_ONCE = WatcherSettings(breaks_seen_min=1, break_s_min=0)
MIS = InstrumentKey(Exchange.NSE, "RELIANCE-EQ", Product.MIS)
CNC = replace(MIS, product=Product.CNC)
NRML = InstrumentKey(Exchange.NFO, "NIFTY27JAN26F", Product.NRML)
NRML_FIELDS: dict[str, Any] = {"exchange": Exchange.NFO, "symbol": "NIFTY27JAN26F", "product": Product.NRML}


def at(seconds: float) -> datetime:
    return TEN_O_CLOCK + timedelta(seconds=seconds)


def working(**overrides: object) -> Order:
    return order(**({"state": State.WORKING, "broker_order_id": "B1"} | overrides))


def filled(**overrides: object) -> Order:
    return working(**({"state": State.FILLED, "filled_quantity": 10} | overrides))


def shows(known: Order, **row: Any) -> OrderRow:  # noqa: ANN401  any field of a row
    """Return the row of an order as it stands."""
    status = {State.FILLED: BrokerStatus.COMPLETE, State.CANCELED: BrokerStatus.CANCELED}.get(known.state)
    return row_of(known, status or BrokerStatus.OPEN, **({"filled_quantity": known.filled_quantity} | row))


def holding(key: InstrumentKey, net: int, carried: int = 0) -> PositionRow:
    return PositionRow(
        exchange=key.exchange.value,
        symbol=key.symbol,
        product=PRODUCT_LETTERS[key.product],
        net_quantity=net,
        carried_quantity=carried,
        net_average_price=Decimal(100),
        last_price=None,
        realised=Decimal(0),
        unrealised=Decimal(0),
    )


@dataclass
class Rounds:
    """A comparison, and the moment of its last book. `round` reads the three books and judges them by a fourth."""

    known: Known = field(default_factory=Known)
    watching: WatcherSettings = AT_ONCE
    now_s: float = 0.0

    def __post_init__(self) -> None:
        self.reconciler = Reconciler(self.known, "FA1", ProofSettings(), self.watching)

    def see(self, *rows: OrderRow) -> Reconciled:
        """Read an order book, and record what it tells."""
        self.now_s += 1
        compared = self.reconciler.compare(book(rows, at(self.now_s)))
        for report in compared.reports:
            known = next(one for one in self.reconciler.orders if one.command.command_id == report.command_id)
            self.reconciler.orders.observe(known.after(report.event, at(self.now_s)))
        for one in compared.external:
            self.reconciler.orders.observe(one)
        return compared

    def read(self, trades: Iterable[TradeRow] = (), positions: Iterable[PositionRow] = ()) -> None:
        self.reconciler.keep(Book(tuple(trades), at(self.now_s)), Book(tuple(positions), at(self.now_s)))

    def round(
        self, rows: Iterable[OrderRow] = (), trades: Iterable[TradeRow] = (), positions: Iterable[PositionRow] = ()
    ) -> Checked:
        """Read the three books, and the order book of the next round, which shows that nothing traded."""
        shown = tuple(rows)
        self.see(*shown)
        self.read(trades, positions)
        checked = self.see(*shown).checked
        assert checked is not None
        return checked


def comparing(*orders: Order, **known: Any) -> Rounds:  # noqa: ANN401  any field of what is known
    return Rounds(Known(orders=orders, **known))


def names(found: Iterable[Break]) -> list[tuple[str, int]]:
    return sorted((one.name, one.difference) for one in found)
