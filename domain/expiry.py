"""When a contract ends: by the broker's word, or by its trading symbol where the broker was never asked."""

import re
from collections.abc import Iterable, Mapping
from datetime import date, datetime
from functools import lru_cache
from typing import Final, TypeAlias

from domain.order import Exchange, InstrumentKey
from domain.seams import IST

Expiries: TypeAlias = Mapping[tuple[Exchange, str], date]

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


def parse_expiry(words: str) -> date | None:
    """Read the broker's `exd`, such as 01-DEC-2026; None where it is none."""
    day, _, rest = words.strip().upper().partition("-")
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


class Contracts:
    """Owns what is known of expiries, by exchange and symbol, and which positions have been ended for it."""

    def __init__(self, learnt: Expiries, ended: Iterable[InstrumentKey]) -> None:
        self._learnt = dict(learnt)
        self._ended = set(ended)

    def learn(self, exchange: Exchange, symbol: str, expires_on: date) -> None:
        """Take over the broker's word."""
        self._learnt[exchange, symbol] = expires_on

    def end(self, key: InstrumentKey) -> None:
        """Note that the positions in it are ended."""
        self._ended.add(key)

    def over(self, keys: Iterable[InstrumentKey], at: datetime) -> set[InstrumentKey]:
        """Return those that have expired by then and are not ended yet."""
        open_keys = set(keys) - self._ended
        return {key for key in open_keys if has_expired(self._expiry_of(key), at)}

    def _expiry_of(self, key: InstrumentKey) -> date | None:
        return self._learnt.get((key.exchange, key.symbol)) or expiry_in_symbol(key.exchange, key.symbol)
