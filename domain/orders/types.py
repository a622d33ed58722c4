"""The words of an order, and the instrument that it is in."""

from dataclasses import dataclass
from enum import StrEnum
from functools import lru_cache
from typing import Final


class Side(StrEnum):
    """Which way an order trades."""

    BUY = "BUY"
    SELL = "SELL"

    @property
    def sign(self) -> int:
        """Return +1 for BUY and -1 for SELL."""
        return 1 if self is Side.BUY else -1

    @property
    def opposite(self) -> "Side":
        """Return the side that reduces what this one builds."""
        return Side.SELL if self is Side.BUY else Side.BUY


class Intent(StrEnum):
    """What an order is for: to take a position, to give one up, or to change its size."""

    ENTRY = "ENTRY"
    EXIT = "EXIT"
    ADJUST = "ADJUST"


class Origin(StrEnum):
    """Who asked. A person's exits, and the DESK's (stops, limits, square-off), pass even when trading is HALTED.

    EXTERNAL orders were placed elsewhere.
    """

    STRATEGY = "STRATEGY"
    DESK = "DESK"
    HUMAN = "HUMAN"
    EXTERNAL = "EXTERNAL"


EXTERNAL: Final = "EXTERNAL"
"""The strategy of orders that were not placed by this desk: the phone's, the web's, the broker's own square-off."""


class Exchange(StrEnum):
    """The segments a Noren account trades in."""

    NSE = "NSE"
    BSE = "BSE"
    NFO = "NFO"
    BFO = "BFO"
    CDS = "CDS"
    BCD = "BCD"
    MCX = "MCX"
    NCX = "NCX"


class Overnight(StrEnum):
    """What becomes of a position when its day ends."""

    ENDS = "ENDS"
    """The broker squares it off the same day."""
    IS_CARRIED = "IS_CARRIED"
    """It is a position of the next day, and stands in that day's position book."""
    IS_DELIVERED = "IS_DELIVERED"
    """Shares change hands: it is a holding from the next day on. With MTF the broker has lent the money for them."""


class Product(StrEnum):
    """How a position is carried: delivery, carried forward, or squared off the same day.

    CO, BO and MTF are seen on EXTERNAL orders only; this desk places none.
    """

    CNC = "CNC"
    NRML = "NRML"
    MIS = "MIS"
    CO = "CO"
    BO = "BO"
    MTF = "MTF"

    @property
    def overnight(self) -> Overnight:
        """Return what becomes of a position in it when its day ends: the one answer to that, for all rooms."""
        return _OVERNIGHT[self]

    @property
    def is_delivery(self) -> bool:
        """Say whether shares change hands: a sale closes what was bought or lies in the holdings, and is no short."""
        return self.overnight is Overnight.IS_DELIVERED

    @property
    def is_carried(self) -> bool:
        """Say whether it is a position of the next day too."""
        return self.overnight is Overnight.IS_CARRIED

    @property
    def ends_with_its_day(self) -> bool:
        """Say whether the broker squares it off the same day."""
        return self.overnight is Overnight.ENDS


_OVERNIGHT: Final = {
    Product.CNC: Overnight.IS_DELIVERED,
    Product.MTF: Overnight.IS_DELIVERED,
    Product.NRML: Overnight.IS_CARRIED,
    Product.MIS: Overnight.ENDS,
    Product.CO: Overnight.ENDS,
    Product.BO: Overnight.ENDS,
}


class OrderType(StrEnum):
    """What the caller asks for. MARKET and SL-M reach the wire as protected limits (docs/protocol.md)."""

    MARKET = "MARKET"
    LIMIT = "LIMIT"
    SL = "SL"
    SL_M = "SL-M"


class TrailingType(StrEnum):
    """How `trailing_value` is measured."""

    POINTS = "POINTS"
    PERCENT = "PERCENT"
    ABSOLUTE = "ABSOLUTE"


@dataclass(frozen=True, slots=True)
class InstrumentKey:
    """What a position is in: the same symbol as NRML and as MIS is held apart."""

    exchange: Exchange
    symbol: str
    product: Product


instrument_key: Final = lru_cache(maxsize=4096)(InstrumentKey)
"""Keys made once: every order of a day has one, and there are few instruments."""
