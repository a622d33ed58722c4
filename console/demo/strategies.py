"""What trades in the demo."""

from enum import StrEnum
from typing import Any, Final


class DemoStrategy(StrEnum):
    """What trades in the demo."""

    BREAKOUT = "breakout"
    ONE_SHOT = "one-shot"
    STRADDLE = "straddle"


_ONE_SHOT: Final[dict[str, Any]] = {
    "class": "examples.one_shot:OneShot",
    "name": "one-shot",
    "exchange": "NSE",
    "symbol": "INFY-EQ",
    "quantity": 5,
    "hold_ticks": 8,
}
_BREAKOUT: Final[dict[str, Any]] = {"class": "examples.opening_range:OpeningRange", "exchange": "NSE"}
STRATEGIES: Final[dict[DemoStrategy, tuple[dict[str, Any], ...]]] = {
    DemoStrategy.BREAKOUT: (
        {**_BREAKOUT, "name": "breakout-1", "symbol": "RELIANCE-EQ", "quantity": 10, "range_s": 2.0, "hold_s": 5.0},
        {**_BREAKOUT, "name": "breakout-2", "symbol": "INFY-EQ", "quantity": 20, "range_s": 3.0, "hold_s": 4.0},
        _ONE_SHOT,
    ),
    DemoStrategy.ONE_SHOT: (_ONE_SHOT,),
}
"""What trades, by name; the straddle's options are those of its week."""
