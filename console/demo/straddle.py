"""The straddle of the demo: its options, and a market that moves on purpose so that one stop is hit."""

from dataclasses import dataclass, field
from datetime import datetime, timedelta
from decimal import ROUND_HALF_UP, Decimal
from typing import Any, Final

import requests

from broker.paper.engine.instruments import weekly_expiry
from domain.ports import IST

STRIKE: Final = 26_000
WING: Final = 250
LOT: Final = 65
TICK: Final = Decimal("0.05")
WAIT_S: Final = 5.0
SQUARE_OFF_SHARE: Final = 0.75
"""So much of the demo's time passes before the square-off."""


@dataclass(frozen=True, slots=True)
class Move:
    """At this share of the demo's time the option stands at so much of its first price."""

    share: float
    symbol: str
    factor: Decimal


def options(now: datetime) -> dict[str, str]:
    """Return the symbols of this week's straddle on paper."""
    stem = f"NIFTY{weekly_expiry(now.astimezone(IST).replace(tzinfo=None)):%d%b%y}".upper()
    return {
        "call": f"{stem}C{STRIKE}",
        "put": f"{stem}P{STRIKE}",
        "call_hedge": f"{stem}C{STRIKE + WING}",
        "put_hedge": f"{stem}P{STRIKE - WING}",
    }


def straddle_table(now: datetime, seconds: float) -> dict[str, Any]:
    """Return the strategy's table of settings: squared off before the demo is over."""
    ends = now.astimezone(IST) + timedelta(seconds=seconds * SQUARE_OFF_SHARE)
    return {
        "class": "examples.straddle:Straddle",
        "name": "straddle",
        "quantity": LOT,
        "square_off": ends.time().replace(microsecond=0),
        **options(now),
    }


@dataclass(slots=True)
class MarketScript:
    """Owns what the paper market still has to do, and the first prices."""

    admin_url: str
    moves: list[Move]
    first: dict[str, Decimal] = field(default_factory=dict)

    @classmethod
    def of(cls, admin_url: str, now: datetime) -> "MarketScript":
        """Return the demo's story: the call rises through its stop, the put falls."""
        names = options(now)
        steps = ((0.2, "1.08", "0.94"), (0.3, "1.16", "0.88"), (0.4, "1.31", "0.80"), (0.55, "1.35", "0.74"))
        moves = [
            Move(share, names[which], Decimal(factor))
            for share, call, put in steps
            for which, factor in (("call", call), ("put", put))
        ]
        return cls(admin_url, moves)

    def begin(self) -> None:
        """Let the market stand still, and note where it stands."""
        self._ask({"frozen": True})
        for symbol in {move.symbol for move in self.moves}:
            self.first[symbol] = Decimal(str(self._ask({"exch": "NFO", "tsym": symbol, "frozen": True})["last"]))

    def play(self, share: float) -> None:
        """Make the moves that are due by this share of the time."""
        while self.moves and self.moves[0].share <= share:
            move = self.moves.pop(0)
            price = (self.first[move.symbol] * move.factor / TICK).to_integral_value(ROUND_HALF_UP) * TICK
            self._ask({"exch": "NFO", "tsym": move.symbol, "price": str(price)})

    def _ask(self, given: dict[str, Any]) -> dict[str, Any]:
        with requests.Session() as session:
            session.trust_env = False
            reply = session.post(f"{self.admin_url}/market", json=given, timeout=WAIT_S)
            reply.raise_for_status()
            said: dict[str, Any] = reply.json()
            return said
