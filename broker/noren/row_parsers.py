"""Rows of the broker's books: from text on the wire to typed facts (docs/protocol.md, order, trade, position book).

What moves money in a row is read whole or not at all: `UnreadableRowError` says which field of which order is at fault,
and the book it came in is then unavailable.
"""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final, Generic, Literal

from broker.noren.row_fields import (
    Raw,
    UnreadableRowError,
    decimal_in,
    price_if_told,
    price_or_none,
    shared,
    text_in,
    text_or_nothing,
    time_if_told,
    whole_in,
    whole_or_none,
    word_if_told,
)
from domain.broker.snapshots import BrokerStatus, OrderRow, PositionRow, Row, TradeRow
from domain.orders.types import Side


@dataclass(frozen=True, slots=True)
class Session:
    """What the broker gave us at login. The token is a secret and is not shown."""

    user_id: str
    account_id: str
    token: str = field(repr=False)
    dialect: Literal["quickauth", "oauth"]


STATUSES: Final[Mapping[str, BrokerStatus]] = {
    "PENDING": BrokerStatus.PENDING,
    "ORDER PENDING": BrokerStatus.PENDING,
    "ORDER ACK": BrokerStatus.PENDING,
    "AMO OPEN": BrokerStatus.PENDING,
    "AMO MODIFIED": BrokerStatus.PENDING,
    "OPEN": BrokerStatus.OPEN,
    "NEW": BrokerStatus.OPEN,
    "REPLACED": BrokerStatus.OPEN,
    "MODIFY ACK": BrokerStatus.OPEN,
    "MODIFY PENDING": BrokerStatus.OPEN,
    "CANCEL ACK": BrokerStatus.OPEN,
    "CANCEL PENDING": BrokerStatus.OPEN,
    "TRIGGER PENDING": BrokerStatus.TRIGGER_PENDING,
    "COMPLETE": BrokerStatus.COMPLETE,
    "CANCELED": BrokerStatus.CANCELED,
    "CANCELLED": BrokerStatus.CANCELED,
    "AMO CANCELED": BrokerStatus.CANCELED,
    "AMO CANCELLED": BrokerStatus.CANCELED,
    "REJECTED": BrokerStatus.REJECTED,
    "REJECT": BrokerStatus.REJECTED,
}
"""The words seen (docs/protocol.md, enumerations), in capitals and without underscores. The broker spells CANCELED
with one L. INVALID_STATUS_TYPE says that the broker itself does not know, so it stays UNKNOWN here.

Assumption: the internal words (AMO, ACK, PENDING) mean what they say when a deployment puts them in `status`."""

_SIDES: Final[Mapping[str, Side]] = {"B": Side.BUY, "S": Side.SELL, "BUY": Side.BUY, "SELL": Side.SELL}


def status_of(message: str) -> BrokerStatus:
    """Normalise a status: any case, underscores as spaces, both spellings of canceled; else UNKNOWN."""
    known = STATUSES.get(message)
    if known is None:
        known = STATUSES.get(" ".join(message.replace("_", " ").upper().split()), BrokerStatus.UNKNOWN)
    return known


def side_in(raw: Raw) -> Side:
    """Return which way the order trades."""
    side = _SIDES.get(text_in(raw, "trantype").upper())
    if side is None:
        raise UnreadableRowError(f"trantype is {raw['trantype']!r}")
    return side


def order_row(raw: Raw) -> OrderRow:
    """Read a row of the order book. `fillshares` and `avgprc` are absent until the first trade.

    What only describes the order (its terms, type, source and time) never makes the row unreadable.
    """
    message = text_in(raw, "status")
    filled = whole_or_none(raw, "fillshares") or 0
    quantity = whole_in(raw, "qty")
    if quantity <= 0 or filled < 0:
        raise UnreadableRowError(f"qty is {quantity} and fillshares is {filled}")
    return OrderRow(
        broker_order_id=text_in(raw, "norenordno"),
        status=status_of(message),
        status_text=message,
        remarks=text_or_nothing(raw, "remarks"),
        exchange=text_in(raw, "exch"),
        symbol=text_in(raw, "tsym"),
        side=side_in(raw),
        product=text_in(raw, "prd"),
        quantity=quantity,
        filled_quantity=filled,
        average_price=price_or_none(raw, "avgprc") if filled else None,
        reject_reason=text_or_nothing(raw, "rejreason"),
        price=price_if_told(raw, "prc"),
        trigger_price=price_if_told(raw, "trgprc"),
        price_type=word_if_told(raw, "prctyp"),
        source=word_if_told(raw, "ordersource"),
        amo=word_if_told(raw, "amo").upper() == "YES",
        entered_at=time_if_told(raw, "norentm"),
    )


def trade_row(raw: Raw) -> TradeRow:
    """Read a row of the trade book: one fill."""
    quantity = whole_in(raw, "flqty")
    if quantity <= 0:
        raise UnreadableRowError(f"flqty is {quantity}")
    return TradeRow(
        broker_order_id=text_in(raw, "norenordno"),
        fill_id=text_in(raw, "flid"),
        exchange=text_in(raw, "exch"),
        symbol=text_in(raw, "tsym"),
        side=side_in(raw),
        quantity=quantity,
        price=decimal_in(raw, "flprc"),
        remarks=text_or_nothing(raw, "remarks"),
        traded_at=text_or_nothing(raw, "fltm") or text_or_nothing(raw, "exch_tm") or text_or_nothing(raw, "norentm"),
    )


def position_row(raw: Raw) -> PositionRow:
    """Read a row of the position book. A flat row stays all day, for its realised profit."""
    return PositionRow(
        exchange=text_in(raw, "exch"),
        symbol=text_in(raw, "tsym"),
        product=text_in(raw, "prd"),
        net_quantity=whole_in(raw, "netqty"),
        carried_quantity=(whole_or_none(raw, "cfbuyqty") or 0) - (whole_or_none(raw, "cfsellqty") or 0),
        net_average_price=decimal_in(raw, "netavgprc"),
        last_price=price_if_told(raw, "lp"),
        realised=decimal_in(raw, "rpnl"),
        unrealised=decimal_in(raw, "urmtom"),
        token=word_if_told(raw, "token"),
        tick=price_if_told(raw, "ti"),
        lot=_lot_if_told(raw),
    )


def _lot_if_told(raw: Raw) -> int | None:
    """Return the units of a lot; None where the row does not say, or can't mean it."""
    lot = price_if_told(raw, "ls")
    return int(lot) if lot is not None and lot == int(lot) else None


@dataclass(slots=True)
class BookReader(Generic[Row]):
    """Owns the rows of the last book read, so that an unchanged row is not made anew.

    A poll a second of up to 5,000 rows is mostly rows that stand as they stood. `fields` are all that `read` looks at.
    What is kept of a row shares its words with the others: most of a book are the same few.
    """

    read: Callable[[Raw], Row]
    fields: tuple[str, ...]
    _known: dict[tuple[Any, ...], Row] = field(default_factory=dict)

    def rows(self, raws: Iterable[Any]) -> tuple[Row, ...]:
        """Read all rows or raise `UnreadableRowError` with the order's number in it."""
        known, fields = self._known, self.fields
        new: dict[tuple[Any, ...], Row] = {}
        rows: list[Row] = []
        for raw in raws:
            if not isinstance(raw, dict):
                raise UnreadableRowError(f"row {len(rows) + 1} is no row")
            key = tuple(map(raw.get, fields))
            try:
                row = known.get(key)
            except TypeError:  # a list or an object where a scalar belongs can't be looked up: `read` judges it
                key = tuple(map(repr, key))
                row = known.get(key)
            if row is None:
                try:
                    row = self.read({name: shared(value) for name, value in raw.items()})
                except UnreadableRowError as error:
                    name = raw.get("norenordno") or raw.get("tsym") or f"number {len(rows) + 1}"
                    raise UnreadableRowError(f"row {name}: {error}") from None
                new[tuple(map(shared, key))] = row
            rows.append(row)
        known.update(new)
        if len(known) > len(rows):
            told = set(map(id, rows))
            self._known = {key: row for key, row in known.items() if id(row) in told}
        return tuple(rows)


ORDER_FIELDS: Final = (
    "norenordno",
    "status",
    "fillshares",
    "avgprc",
    "qty",
    "rejreason",
    "remarks",
    "exch",
    "tsym",
    "trantype",
    "prd",
    "prc",
    "trgprc",
    "prctyp",
    "ordersource",
    "amo",
    "norentm",
)
TRADE_FIELDS: Final = (
    "norenordno",
    "flid",
    "exch",
    "tsym",
    "trantype",
    "flqty",
    "flprc",
    "remarks",
    "fltm",
    "exch_tm",
    "norentm",
)
POSITION_FIELDS: Final = (
    "exch",
    "tsym",
    "prd",
    "netqty",
    "cfbuyqty",
    "cfsellqty",
    "netavgprc",
    "lp",
    "rpnl",
    "urmtom",
    "token",
    "ti",
    "ls",
)
