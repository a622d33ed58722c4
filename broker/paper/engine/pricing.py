"""What a derivative is worth when its underlying stands somewhere. A simple shape, moved consistently."""

import math
from decimal import ROUND_DOWN, ROUND_HALF_EVEN, Decimal
from typing import Final

_CARRY_PER_DAY: Final = 0.0002
_TIME_VALUE_PER_ROOT_DAY: Final = 0.003
_LAST_HOURS_DAYS: Final = 0.1
_TIME_VALUE_WIDTH: Final = 2.5
_BAND: Final = Decimal("0.10")
_OPTION_BAND: Final = Decimal("0.05")


def on_tick(price: float | Decimal, tick: Decimal) -> Decimal:
    """Round to the tick grid, and never below one tick."""
    steps = (Decimal(str(price)) / tick).quantize(Decimal(1), rounding=ROUND_HALF_EVEN)
    return max(steps, Decimal(1)) * tick


def fair_price(spot: float, strike: int | Decimal | None, option: str | None, days: float, tick: Decimal) -> Decimal:
    """Price a future, or an option: intrinsic, and a time value that decays with `days` and distance."""
    if strike is None:
        return on_tick(spot * (1 + _CARRY_PER_DAY * max(days, 0)), tick)
    distance = spot - float(strike) if option == "CE" else float(strike) - spot
    at_the_money = spot * _TIME_VALUE_PER_ROOT_DAY * math.sqrt(max(days, 0) + _LAST_HOURS_DAYS)
    time_value = at_the_money * math.exp(-abs(distance) / (_TIME_VALUE_WIDTH * at_the_money))
    return on_tick(max(distance, 0.0) + time_value, tick)


def circuit_limits(kind: str, close: Decimal, base: Decimal, tick: Decimal) -> tuple[Decimal, Decimal]:
    """Return the day's lowest and highest price: ten percent around the close, and a wide band for options."""
    if kind == "OPTIDX":
        return tick, _down(close * 2 + base * _OPTION_BAND, tick)
    return _down(close * (1 - _BAND), tick) + tick, _down(close * (1 + _BAND), tick)


def _down(price: Decimal, tick: Decimal) -> Decimal:
    return (price / tick).quantize(Decimal(1), rounding=ROUND_DOWN) * tick
