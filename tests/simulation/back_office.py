"""The broker's own checks, before the exchange sees an order: address, margin, shares in the demat, lots."""

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from domain.orders.types import Side
from tests.simulation.contracts import underlying_of

if TYPE_CHECKING:
    from tests.simulation.exchange import Key, Ledger

IP_WORDS: Final = "Invalid Input : Request IP is not the registered static IP"
MARGIN_WORDS: Final = "RED:RMS:Margin Exceeds,Required:{need}, Available:{has} for entity account-FA1"
HOLDINGS_WORDS: Final = "RED:RMS:Insufficient holdings: {has} of {symbol}"
LOT_WORDS: Final = "RED:{symbol}: quantity {quantity} is not a multiple of the lot {lot}"
HEDGED_PART: Final = 5
"""A short that a long of the same underlying covers needs a fifth of the margin."""


@dataclass(frozen=True, slots=True)
class Checks:
    """What the broker checks in a story."""

    holdings: int = 0
    """So many units of each share lie in the demat when the story begins; with any, delivery is checked."""
    delivers: bool = False
    pledged: int = 0
    """So many shares of each leave the demat overnight by no order of anybody: pledged, or moved to another account."""
    margin: int = 0
    """So many units of naked shorts the account has margin for; 0: nobody looks."""
    lots: bool = False
    """Whether a quantity off the lot is refused."""


class BackOffice:
    """Owns the demat, and refuses what the account may not do. Reads the ledger; changes nothing in it."""

    def __init__(self, checks: Checks, ledger: "Ledger") -> None:
        self.checks = checks
        self._ledger = ledger
        shares = [place for place, one in ledger.contracts.today.items() if one.kind == "EQ"]
        self.demat = dict.fromkeys(shares, checks.holdings) if checks.delivers else {}
        self.ip_refused_until_s = -1.0

    def settle_delivery(self) -> None:
        """Let yesterday's purchases and sales for delivery reach the demat."""
        for key, units in self._ledger.net.items():
            if key[2] == "C" and units:
                self.demat[key[:2]] = self.demat.get(key[:2], 0) + units
        if self._ledger.orders:
            self.demat = {place: max(0, units - self.checks.pledged) for place, units in self.demat.items()}

    def objection(self, key: "Key", side: Side, quantity: int, now_s: float) -> str:
        """Return the broker's refusal, or an empty text."""
        instrument = self._ledger.contracts.today.get(key[:2])
        if instrument is None:
            return f"Invalid Input : {key[1]} is no symbol"
        if now_s < self.ip_refused_until_s and not self._ledger.quiet:
            return IP_WORDS
        if self.checks.lots and quantity % instrument.lot:
            return LOT_WORDS.format(symbol=key[1], quantity=quantity, lot=instrument.lot)
        if self.checks.delivers and key[2] == "C" and side is Side.SELL:
            has = self.free_shares(key)
            if quantity > has:
                return HOLDINGS_WORDS.format(has=has, symbol=key[1])
        if self.checks.margin and instrument.kind.startswith("OPT"):
            before, after = self._margin(key, 0), self._margin(key, quantity * side.sign)
            if after > self.checks.margin and after > before:
                return MARGIN_WORDS.format(need=after, has=self.checks.margin)
        return ""

    def free_shares(self, key: "Key") -> int:
        """Return how many shares can be sold: in the demat, bought today, and not being sold already."""
        ledger = self._ledger
        working = sum(one.open_quantity for one in ledger.today if one.key == key and one.side is Side.SELL)
        return self.demat.get(key[:2], 0) + ledger.net.get(key, 0) - working

    def _margin(self, key: "Key", change: int) -> int:
        """Return what the options of this underlying need, in units of a naked short, after the change."""
        net: dict[tuple[str, str], int] = {}
        for (exchange, symbol, _), units in self._ledger.net.items():
            if underlying_of(symbol) == underlying_of(key[1]):
                net[exchange, symbol] = net.get((exchange, symbol), 0) + units
        working = [one for one in self._ledger.today if one.is_live and one.side is Side.SELL]
        for one in working:
            if underlying_of(one.key[1]) == underlying_of(key[1]):
                net[one.key[:2]] = net.get(one.key[:2], 0) - one.open_quantity
        net[key[:2]] = net.get(key[:2], 0) + change
        short = -sum(units for units in net.values() if units < 0)
        long = sum(units for units in net.values() if units > 0)
        covered = min(short, long)
        return short - covered + covered // HEDGED_PART
