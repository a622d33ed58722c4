"""The options of `submit`: one for each field of an order."""

from collections.abc import Callable
from functools import reduce
from typing import Any, Final, TypeVar

import click

from console.cli import options

Command = TypeVar("Command", bound=Callable[..., Any])

trail = click.option("--trail", help="points:10 (rupees) or percent:1.5 behind the best price, or absolute:1450.")
trail_activation = click.option("--trail-activation", help="Activation price: the trail starts when it is reached.")

_OPTIONS: Final = (
    click.option("--symbol", required=True, help="The exchange's trading symbol, such as RELIANCE-EQ."),
    click.option("--side", required=True, help="BUY or SELL (B, S)."),
    click.option("--quantity", required=True, help="Units, not lots."),
    click.option("--intent", default="ENTRY", help="ENTRY opens a position, EXIT closes it, ADJUST changes it."),
    options.exchange,
    click.option("--product", default="MIS", help="CNC, NRML or MIS (C, M, I)."),
    click.option("--type", "order_type", default="MARKET", help="MARKET, LIMIT, SL or SL-M (MKT, LMT, ...)."),
    click.option("--price", help="Rupees per unit, for LIMIT and SL."),
    click.option("--trigger-price", help="Rupees per unit, for SL and SL-M."),
    click.option("--stop-loss", help="After the fill: exit at this price or worse."),
    click.option("--target", help="After the fill: exit at this price or better."),
    trail,
    trail_activation,
    options.strategy,
    click.option("--comment", default="", show_default=False, help="Kept with the order."),
    click.option("--amo/--no-amo", default=False, help="Queue it for the next session, when the market is closed."),
)


def of_an_order(command: Command) -> Command:
    """Give a command an option for each field of an order, by the fields' names."""
    return reduce(lambda given, option: option(given), reversed(_OPTIONS), command)
