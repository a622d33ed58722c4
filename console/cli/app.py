"""The command line: each command says what it did, and when it can't, why and what to do: one sentence, no traceback.

A command is a client of the running desk: it loads neither the server nor the actors, so that it answers at once.
"""

from importlib import metadata
from typing import Annotated, Final

import typer

from console.cli import alerts, baskets, daemon, orders, positions, stops, trading

app = typer.Typer(
    name="shoonya-desk",
    help="An order desk for one Shoonya (Noren) account: each order is sent once at most, its fate never guessed.",
    no_args_is_help=True,
    invoke_without_command=True,
    pretty_exceptions_enable=False,
    add_completion=False,
    rich_markup_mode=None,
)


@app.callback()
def start(
    *,
    version: Annotated[bool, typer.Option("--version", help="Print the version, and end.", is_eager=True)] = False,
) -> None:
    """Say which version this is, where that is all that is asked."""
    if version:
        typer.echo(f"shoonya-desk {metadata.version('shoonya-desk')}")
        raise typer.Exit


_COMMANDS: Final = (
    daemon.demo,
    daemon.init,
    daemon.run,
    daemon.paper,
    orders.submit,
    orders.orders,
    orders.why,
    positions.positions,
    trading.status,
    trading.halt,
    trading.exits_only,
    trading.resume,
    orders.cancel,
    orders.modify,
    trading.flatten,
    orders.settle,
    positions.accept,
    trading.login,
    daemon.backup,
    stops.stops,
    stops.protect,
    stops.unprotect,
    alerts.alerts,
    alerts.ack,
    alerts.alert_test,
    baskets.basket,
    baskets.baskets,
    positions.reconcile,
    positions.clear,
)
"""In the order in which the help lists them."""

for command in _COMMANDS:
    app.command(command.__name__.replace("_", "-"))(command)
