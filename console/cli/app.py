"""The command line: each command says what it did, and when it can't, why and what to do: one sentence, no traceback.

A command is a client of the running desk: it loads neither the server nor the actors, so that it answers at once.
"""

from collections.abc import Callable, Mapping
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


_COMMANDS: Final[Mapping[Callable[..., None], str]] = {
    daemon.demo: "Show the desk at work on paper: no account, no money.",
    daemon.init: "Write a settings file for paper trading.",
    daemon.run: "Run the desk until Ctrl-C.",
    daemon.paper: "Run the paper broker by itself.",
    orders.submit: "Send an order to the running desk.",
    orders.orders: "List the orders, newest first.",
    orders.why: "Show an order's history: each decision, and why.",
    orders.cancel: "Cancel the open quantity of an order.",
    orders.modify: "Modify an order's quantity, price or trigger.",
    orders.resolve: "Resolve an order that the broker does not show.",
    positions.positions: "Show positions, and the day's P&L in rupees.",
    positions.reconcile: "Compare our positions with the broker's.",
    positions.write_off: "Write off a position that the broker no longer has.",
    positions.accept: "Accept a reconciliation break.",
    stops.stops: "List the positions under stops.",
    stops.protect: "Set a stop, a target or a trail.",
    stops.unprotect: "Remove a position's stops.",
    baskets.basket: "Send a basket of orders, hedge first.",
    baskets.baskets: "List the baskets and how they ended.",
    trading.status: "Show whether orders are taken, and what is wrong.",
    trading.halt: "Block all but exits by hand, stop or limit.",
    trading.exits_only: "Block entries; exits go on.",
    trading.resume: "Allow entries again.",
    trading.flatten: "Close everything, or one strategy.",
    trading.login: "Log in at the broker again.",
    alerts.alerts: "List recent alerts and the open CRITICAL ones.",
    alerts.ack: "Acknowledge CRITICAL alerts.",
    alerts.alert_test: "Send a test alert through every channel.",
    daemon.backup: "Copy the database to FILE.",
}
"""With what the list of commands says of each, in its order: short enough for 80 columns."""

for command, short in _COMMANDS.items():
    app.command(command.__name__.replace("_", "-"), short_help=short)(command)
