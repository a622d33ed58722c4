"""When a contract ends: by the broker's word, or by its trading symbol where the broker was never asked.

From the midnight after its last day a contract is over, before any book is read: nothing can be ordered in it, what was
held of it is settled by the clearing house, and it counts no more. Only a last day that is known says so, and only
until a position book of a later day shows units in it all the same.
"""

import re
from collections.abc import Iterable, Mapping
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, replace
from datetime import date, datetime
from functools import lru_cache
from typing import Final, TypeAlias

from domain.broker.snapshots import Book, PositionRow, held_in
from domain.market.price import Reference
from domain.orders.order import Order
from domain.orders.reasons import Reason
from domain.orders.types import Exchange, InstrumentKey
from domain.ports import IST, trading_day
from domain.reconciliation.order_rows import Report

Expiries: TypeAlias = Mapping[tuple[Exchange, str], date]


@dataclass(frozen=True, slots=True, kw_only=True)
class Expiry:
    """The last day of one contract."""

    exchange: Exchange
    symbol: str
    expires_on: date


_DERIVATIVES: Final = frozenset({Exchange.NFO, Exchange.BFO, Exchange.CDS, Exchange.BCD, Exchange.MCX, Exchange.NCX})
_IN_SYMBOL: Final = re.compile(r".*?(\d{2})([A-Z]{3})(\d{2})(?:F|[CP]\d+(?:\.\d+)?)")
_MONTHS: Final = ("JAN", "FEB", "MAR", "APR", "MAY", "JUN", "JUL", "AUG", "SEP", "OCT", "NOV", "DEC")
_CENTURY: Final = 2000


@lru_cache(maxsize=4096)
def expiry_in_symbol(exchange: Exchange, symbol: str) -> date | None:
    """Return the expiry that a symbol such as NIFTY01DEC26C26000 names, or None where it names none.

    Assumption (docs/protocol.md): day, month and year stand before F, or before C or P and the strike.
    """
    found = _IN_SYMBOL.fullmatch(symbol) if exchange in _DERIVATIVES else None
    if found is None or found[2] not in _MONTHS:
        return None
    try:
        return date(_CENTURY + int(found[3]), _MONTHS.index(found[2]) + 1, int(found[1]))
    except ValueError:
        return None


def parse_expiry(message: str) -> date | None:
    """Read the broker's `exd`, such as 01-DEC-2026; None where it is none."""
    day, _, rest = message.strip().upper().partition("-")
    month, _, year = rest.partition("-")
    if month not in _MONTHS or not (day.isdecimal() and year.isdecimal()):
        return None
    try:
        return date(int(year), _MONTHS.index(month) + 1, int(day))
    except ValueError:
        return None


def has_expired(expires_on: date | None, at: datetime) -> bool:
    """Say whether the contract's last day is over: it trades on the day of its expiry, whatever the hour."""
    return expires_on is not None and at.astimezone(IST).date() > expires_on


@dataclass(frozen=True, slots=True)
class ContractOver:
    """Why nothing is left to exit of a contract: its last day is over."""

    key: InstrumentKey
    last_day: date

    def sentence(self, reference: Reference | None) -> str:
        """Say so; no price (`reference`) makes a difference."""
        del reference
        return (
            f"{self.key.symbol} ({self.key.exchange} {self.key.product}) had its last day on {self.last_day:%d-%m-%Y}: "
            "nothing can be ordered in it any more, and what was held of it is settled by the broker."
        )


LAST_DAY: Final = "last_day"
"""The input of an order's end that says on which day its contract was over."""


def _with_last_day(ended: Report, over: ContractOver | None) -> Report:
    if over is None:
        return ended
    inputs = {**ended.event.inputs, LAST_DAY: over.last_day.isoformat()}
    return replace(ended, event=replace(ended.event, tag=Reason.DAY_ENDED_UNKNOWN, inputs=inputs))


class Contracts:
    """Owns what is known of expiries, by exchange and symbol, and which positions have been ended for it."""

    def __init__(self, learnt: Expiries, ended: Iterable[InstrumentKey] = ()) -> None:
        self._learnt = dict(learnt)
        self._ended = set(ended)
        self._shown: AbstractSet[InstrumentKey] = frozenset()

    def learn(self, exchange: Exchange, symbol: str, expires_on: date) -> None:
        """Take over the broker's word."""
        self._learnt[exchange, symbol] = expires_on

    def end(self, key: InstrumentKey) -> None:
        """Note that the positions in it are ended."""
        self._ended.add(key)

    def show(self, keys: AbstractSet[InstrumentKey]) -> None:
        """Note the positions that the account holds although they should be over: these are not, until it has none."""
        self._shown = keys

    def over(self, keys: Iterable[InstrumentKey], at: datetime) -> set[InstrumentKey]:
        """Return those that have expired by then and are not ended yet."""
        open_keys = set(keys) - self._ended
        return {key for key in open_keys if has_expired(self._last_day_of(key), at)}

    def gone(
        self, ours: Iterable[InstrumentKey], positions: Book[PositionRow], orders: Iterable[Order], day: str
    ) -> set[InstrumentKey]:
        """Return those of ours that are over, and that neither the account nor an open order of the day has any more.

        An order of a past day can trade no more in them: it keeps nothing open.
        """
        over = self.over(ours, positions.asked_at)
        if not over:
            return over
        working = {one.command.key for one in orders if not one.is_terminal and one.day >= day}
        return over - held_in(positions) - working

    def mark(self, ended: Iterable[Report], orders: Iterable[Order], positions: Book[PositionRow]) -> list[Report]:
        """Say of orders that a past day left open where their contract is over, with its last day.

        Then no position of today tells what they traded last. Of intraday orders none ever would: it was squared off.
        """
        keys = {one.command.command_id: one.command.key for one in orders if not one.command.product.ends_with_its_day}
        held, at = held_in(positions), positions.asked_at
        over = {name: None if key in held else self.why_over(key, at) for name, key in keys.items()}
        return [_with_last_day(one, over.get(one.command_id)) for one in ended]

    def living(self, held: Iterable[InstrumentKey], asked_at: datetime) -> frozenset[InstrumentKey]:
        """Return what a position book shows as held whose last day came before the book's own day.

        In the night after that day the broker has not turned its books yet: they prove nothing.
        """
        days = {key: self._last_day_of(key) for key in held}
        today = trading_day(asked_at)
        return frozenset(key for key, day in days.items() if day is not None and day.isoformat() < today)

    def why_over(self, key: InstrumentKey, at: datetime) -> ContractOver | None:
        """Return why nothing can be ordered in it any more; None while it trades, or where nobody knows."""
        day = self._last_day_of(key)
        if day is None or key in self._shown or not has_expired(day, at):
            return None
        return ContractOver(key, day)

    def _last_day_of(self, key: InstrumentKey) -> date | None:
        if key.exchange not in _DERIVATIVES:
            return None
        return self._learnt.get((key.exchange, key.symbol)) or expiry_in_symbol(key.exchange, key.symbol)
