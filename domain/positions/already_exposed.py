"""Why a strategy may not enter again, said by what it holds and works (guide, step 2B)."""

from dataclasses import dataclass
from typing import Final

from domain.market.price import Reference
from domain.orders.types import InstrumentKey

NAMED_MAX: Final = 3


@dataclass(frozen=True, slots=True, kw_only=True)
class AlreadyExposed:
    """What stands when the guard refuses an entry. `held` are signed units; `working` are the ids of open orders."""

    strategy: str
    held: tuple[tuple[InstrumentKey, int], ...]
    working: tuple[str, ...]

    def sentence(self, _reference: Reference | None) -> str:
        """Say what is in the way, and the two ways on."""
        said = []
        if self.held:
            units = [f"{units:+d} {key.symbol} ({key.exchange} {key.product})" for key, units in self.held]
            said.append(f"holds {_some(units)}")
        if self.working:
            said.append(f"has open orders ({_some(list(self.working))})")
        return (
            f"Strategy {self.strategy} {' and '.join(said)}, so it cannot enter again. "
            "Get out first (`flatten`, or an order with the intent EXIT), or enter under the name of another strategy."
        )


def _some(message: list[str]) -> str:
    more = len(message) - NAMED_MAX
    return ", ".join(message[:NAMED_MAX]) + (f" and {more} more" if more > 0 else "")
