"""The options of `submit`: one for each field of an order that no other command has."""

from typing import Annotated

import typer

Symbol = Annotated[str, typer.Option(help="The exchange's trading symbol, such as RELIANCE-EQ.")]
Side = Annotated[str, typer.Option(help="BUY or SELL (B, S).")]
Quantity = Annotated[str, typer.Option(help="Units, not lots.")]
IntentOfIt = Annotated[str, typer.Option(help="ENTRY opens a position, EXIT closes it, ADJUST changes it.")]
Product = Annotated[str, typer.Option(help="CNC, NRML or MIS (C, M, I).")]
OrderType = Annotated[str, typer.Option("--type", help="MARKET, LIMIT, SL or SL-M (MKT, LMT, ...).")]
Price = Annotated[str | None, typer.Option(help="Rupees per unit, for LIMIT and SL.")]
TriggerPrice = Annotated[str | None, typer.Option(help="Rupees per unit, for SL and SL-M.")]
StopLoss = Annotated[str | None, typer.Option(help="After the fill: exit at this price or worse.")]
Target = Annotated[str | None, typer.Option(help="After the fill: exit at this price or better.")]
Comment = Annotated[str, typer.Option(help="Kept with the order.")]
Amo = Annotated[bool, typer.Option(help="Queue it for the next session, when the market is closed.")]
UntilFlat = Annotated[
    bool, typer.Option("--until-flat", help="EXIT only: if the broker cannot be reached, keep trying until flat.")
]
CommandId = Annotated[str | None, typer.Option(help="Id of the order; the same id is never sent twice.")]
