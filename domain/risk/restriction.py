"""What the day itself speaks against, beside a person's word on trading: the stricter of the two is in force."""

from dataclasses import dataclass

from domain.orders.reasons import Reason
from domain.risk.checks import TradingState


@dataclass(frozen=True, slots=True)
class Restriction:
    """What speaks against all entries: its reason, and a sentence's part for people."""

    reason: Reason
    message: str


@dataclass(frozen=True, slots=True)
class TradingWord:
    """What a person has said of trading, and why."""

    state: TradingState
    reason: str

    def under(self, restriction: Restriction | None) -> "TradingWord":
        """Return what is in force: a restriction lets exits pass, and never loosens a person's word."""
        if self.state is not TradingState.ACTIVE or restriction is None:
            return self
        return TradingWord(TradingState.EXITS_ONLY, restriction.message)

    def finer(self, reason: Reason, restriction: Restriction | None) -> Reason:
        """Name what has restricted trading, where no person did."""
        restricted = reason is Reason.TRADING_EXITS_ONLY and self.state is TradingState.ACTIVE
        return restriction.reason if restricted and restriction is not None else reason
