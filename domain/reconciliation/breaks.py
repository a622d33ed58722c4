"""Three books against each other: order book, trade book, position book, and our sums plus EXTERNAL.

They are read one after the other while the market moves. So a round is judged only when the next order book is there,
and only about what did not trade between the two: what was read in between must then fit. The books of a broker may lag
all the same, so one difference proves nothing. One that stays becomes a `Break`: a named state that stops
entries until it clears or a person accepts it.
"""

from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from enum import StrEnum
from typing import Final, TypeAlias

from domain.broker.snapshots import OrderRow, PositionRow, TradeRow, key_of
from domain.orders.order import Order
from domain.orders.types import Exchange, InstrumentKey, Product
from domain.ports import dropping_since, may_have_been_dropped
from domain.reconciliation.order_rows import filled_in

CARRIED_PRODUCTS: Final = frozenset(one for one in Product if one.is_carried)
"""Positions of these live on into the next day; MIS is squared off, and delivery becomes a holding."""

_POSITION: Final = "position:"

Units: TypeAlias = Mapping[InstrumentKey, int]


class BreakKind(StrEnum):
    """Which books differ: order and trade book, positions and our sums, a row and our words, two days, two order books.

    EXPIRED, SQUARED_OFF and VANISHED are positions that the account has no more: their contract is over, the broker has
    closed them, or nobody knows why.
    """

    FILLS = "FILLS"
    POSITION = "POSITION"
    CARRIED = "CARRIED"
    EXTERNAL = "EXTERNAL"
    PAST = "PAST"
    HIDDEN = "HIDDEN"
    EXPIRED = "EXPIRED"
    VANISHED = "VANISHED"
    SQUARED_OFF = "SQUARED_OFF"

    @property
    def stops_entries(self) -> bool:
        """Say whether positions may be wrong; an order of a past day concerns its own strategy alone."""
        return self is not BreakKind.PAST


@dataclass(frozen=True, slots=True, kw_only=True)
class Break:
    """Something that two books tell differently. `name` is stable; `difference` is in signed units, of `key` if any.

    For FILLS the difference is order book less trade book; for positions, the account's less the sum of what this desk
    and EXTERNAL hold. `unresolved` are command ids of orders of unknown fate that may explain it, `absent` those of
    orders believed absent that may, `explained_by` those of orders that do. `heir` is the position that a lost one may
    have become.
    """

    name: str
    kind: BreakKind
    sentence: str
    difference: int = 0
    key: InstrumentKey | None = None
    unresolved: tuple[str, ...] = ()
    absent: tuple[str, ...] = ()
    explained_by: tuple[str, ...] = ()
    heir: InstrumentKey | None = None
    price: Decimal | None = None
    """At which the broker has closed it, in rupees; of a square-off only."""

    @property
    def may_be_accepted(self) -> bool:
        """Say whether a person's acceptance can't make it worse: no order of unknown fate may explain it."""
        return self.kind is not BreakKind.PAST and not self.unresolved


@dataclass(frozen=True, slots=True, kw_only=True)
class ExpectedPositions:
    """What our side of the comparison has, in signed units: carried from earlier days, and moves by nobody's order."""

    carried: Units
    moved: Units


@dataclass(frozen=True, slots=True)
class _Seen:
    """How often, and since when, a difference has been there."""

    recon_break: Break
    times: int
    since: datetime


class PersistenceFilter:
    """Owns the differences seen so far, and says which of them have lasted."""

    def __init__(self, times: int, seconds: float) -> None:
        self._times = times
        self._seconds = seconds
        self._seen: dict[str, _Seen] = {}

    def lasting(self, found: Iterable[Break], at: datetime, unjudged: Callable[[str], bool]) -> tuple[Break, ...]:
        """Take what one comparison found; return what has been found often and long enough.

        What could not be judged this time stays as it was.
        """
        seen = {name: one for name, one in self._seen.items() if unjudged(name)}
        for one in found:
            earlier = self._seen.get(one.name)
            again = earlier is not None and earlier.recon_break.difference == one.difference
            times, since = (earlier.times + 1, earlier.since) if earlier is not None and again else (1, at)
            seen[one.name] = _Seen(one, times, since)
        self._seen = seen
        bound = timedelta(seconds=self._seconds)
        return tuple(one.recon_break for one in seen.values() if one.times >= self._times and at - one.since >= bound)


def fill_breaks(rows: Iterable[OrderRow], trades: Iterable[TradeRow]) -> list[Break]:
    """Hold what each order says it traded against the sum of its trades: a ghost fill is in one book alone."""
    traded: defaultdict[str, int] = defaultdict(int)
    seen: set[tuple[str, str, str]] = set()
    for trade in trades:
        fill = (trade.exchange, trade.broker_order_id, trade.fill_id)
        if fill not in seen:
            seen.add(fill)
            traded[trade.broker_order_id] += trade.quantity
    found = []
    for row in rows:
        filled, sum_of_trades = filled_in(row), traded.pop(row.broker_order_id, 0)
        if filled != sum_of_trades:
            sentence = (
                f"the order book says that order {row.broker_order_id} ({row.symbol}) traded {filled} units, "
                f"the trade book {sum_of_trades}"
            )
            found.append(_fills(row.broker_order_id, filled - sum_of_trades, sentence))
    for number, units in traded.items():
        sentence = f"the trade book has {units} units of order {number}, which is not in the order book"
        found.append(_fills(number, -units, sentence))
    return found


def unreadable(row: OrderRow) -> Break:
    """Name an order of others whose exchange or product this desk has no word for: its position can't be counted."""
    where = f"{row.symbol} ({row.exchange} {row.product})"
    sentence = (
        f"order {row.broker_order_id}, {row.side} {row.quantity} {where}, was not placed here and can't be counted"
    )
    return Break(name=f"order:{row.broker_order_id}", kind=BreakKind.EXTERNAL, sentence=sentence)


def hidden(number: str) -> Break:
    """Name an order that the broker has named or shown today, and whose book shows it no more."""
    sentence = f"the order book no longer shows order {number}, which the broker has shown or confirmed today"
    return Break(name=f"hidden:{number}", kind=BreakKind.HIDDEN, sentence=sentence)


def _fills(number: str, difference: int, sentence: str) -> Break:
    return Break(name=fills_name(number), kind=BreakKind.FILLS, sentence=sentence, difference=difference)


@dataclass(slots=True)
class _Expected:
    """What the account should hold by our side: all of it, and the day's part that the order book shows."""

    all: defaultdict[InstrumentKey, int]
    in_book: defaultdict[InstrumentKey, int]
    unresolved: set[InstrumentKey]


def _expected(orders: Iterable[Order], shown: set[str], sums: ExpectedPositions) -> _Expected:
    expected = _Expected(defaultdict(int, sums.moved), defaultdict(int), set())
    for key, units in sums.carried.items():
        if key.product in CARRIED_PRODUCTS:
            expected.all[key] += units
    for order in orders:
        key, filled = order.command.key, order.filled_quantity * order.command.side.sign
        is_shown = order.command.command_id in shown
        if is_shown:
            expected.in_book[key] += filled
        elif not order.is_terminal:
            expected.unresolved.add(key)
        if is_shown or key.product in CARRIED_PRODUCTS:
            expected.all[key] += filled
    return expected


def position_breaks(
    positions: Iterable[PositionRow], orders: Iterable[Order], shown: set[str], sums: ExpectedPositions
) -> list[Break]:
    """Hold the account's net positions against our fills plus EXTERNAL.

    `shown` are the command ids that the order book shows: what they traded is the day's part of a position. Where the
    product is carried, what earlier days left counts as well.
    """
    expected = _expected(orders, shown, sums)
    account: dict[InstrumentKey, PositionRow] = {}
    found = []
    for row in positions:
        known = key_of(row)
        if known is not None:
            account[known] = row
        elif row.net_quantity:
            name = f"position:{row.exchange}|{row.symbol}|{row.product}"
            sentence = f"the account holds {row.net_quantity} {row.symbol} ({row.exchange} {row.product}), unknown here"
            found.append(Break(name=name, kind=BreakKind.EXTERNAL, sentence=sentence))
    for key in dict.fromkeys((*expected.all, *account)):
        held = account.get(key)
        net, carried = (held.net_quantity, held.carried_quantity) if held is not None else (0, 0)
        is_carried = key.product in CARRIED_PRODUCTS
        account_holds = net if is_carried else net - carried
        if account_holds != expected.all[key]:
            by_night = is_carried and net - carried == expected.in_book[key] and key not in expected.unresolved
            found.append(_position(key, account_holds, expected.all[key], by_night=by_night))
    return found


def position_name(key: InstrumentKey) -> str:
    """Return the name of a break about this position."""
    return f"{_POSITION}{key.exchange}|{key.symbol}|{key.product}"


def key_in_name(name: str) -> InstrumentKey | None:
    """Return the position that a break's name speaks of, or None where it speaks of none that is known here."""
    exchange, symbol, product = [*name.removeprefix(_POSITION).split("|"), "", ""][:3]
    try:
        return InstrumentKey(Exchange(exchange), symbol, Product(product)) if name.startswith(_POSITION) else None
    except ValueError:
        return None


def fills_name(number: str) -> str:
    """Return the name of a break about what this order traded; `number` is the broker's."""
    return f"fills:{number}"


def _position(key: InstrumentKey, account: int, ours: int, *, by_night: bool) -> Break:
    where = f"{key.symbol} ({key.exchange} {key.product})"
    return Break(
        name=position_name(key),
        kind=BreakKind.CARRIED if by_night else BreakKind.POSITION,
        sentence=f"the account holds {account} {where}; this desk's fills and those it saw from others make {ours}",
        difference=account - ours,
        key=key,
    )


def has_traded(row: OrderRow, before: OrderRow | None) -> bool:
    """Say whether an order has traded since its row was `before`."""
    return filled_in(row) != (0 if before is None else filled_in(before))


def carried_of(units: Units) -> defaultdict[InstrumentKey, int]:
    """Return what of these units lives on into the next day."""
    return defaultdict(int, {key: n for key, n in units.items() if key.product in CARRIED_PRODUCTS})


def names_dropped_at_night(orders: Iterable[Order], asked_at: datetime) -> set[str]:
    """Return the names that can't be judged while the broker turns its books, one after the other, in the night."""
    if dropping_since(asked_at) is None:
        return set()
    before = [one for one in orders if may_have_been_dropped(one.created_at, asked_at)]
    names = {position_name(one.command.key) for one in before}
    return names | {fills_name(one.broker_order_id) for one in before if one.broker_order_id}
