"""The command line: each command says what it did, and when it can't, why and what to do: one sentence, no traceback.

A command is a client of the running desk: it loads neither the server nor the actors, so that it answers at once; and
nothing of the other commands.
"""

from collections.abc import Mapping
from importlib import import_module
from typing import Any, Final

import click

_COMMANDS: Final[Mapping[str, tuple[str, str]]] = {
    "demo": ("daemon", "Show the desk at work on paper: no account, no money."),
    "init": ("daemon", "Write a settings file for paper trading."),
    "run": ("daemon", "Run the desk until Ctrl-C."),
    "paper": ("daemon", "Run the paper broker by itself."),
    "submit": ("orders", "Send an order to the running desk."),
    "orders": ("orders", "List the orders, newest first."),
    "why": ("orders", "Show an order's history: each decision, and why."),
    "cancel": ("orders", "Cancel the open quantity of an order."),
    "modify": ("orders", "Modify an order's quantity, price or trigger."),
    "resolve": ("orders", "Resolve an order that the broker does not show."),
    "positions": ("positions", "Show positions, and the day's P&L in rupees."),
    "reconcile": ("positions", "Compare our positions with the broker's."),
    "write-off": ("positions", "Write off a position that the broker no longer has."),
    "accept": ("positions", "Accept a reconciliation break."),
    "stops": ("stops", "List the positions under stops."),
    "protect": ("stops", "Set a stop, a target or a trail."),
    "unprotect": ("stops", "Remove a position's stops."),
    "basket": ("baskets", "Send a basket of orders, hedge first."),
    "baskets": ("baskets", "List the baskets and how they ended."),
    "status": ("trading", "Show whether orders are taken, and what is wrong."),
    "halt": ("trading", "Block all but exits by hand, stop or limit."),
    "exits-only": ("trading", "Block entries; exits go on."),
    "resume": ("trading", "Allow entries again."),
    "flatten": ("trading", "Close everything, or one strategy."),
    "login": ("trading", "Log in at the broker again."),
    "alerts": ("alerts", "List recent alerts and the open CRITICAL ones."),
    "ack": ("alerts", "Acknowledge CRITICAL alerts."),
    "alert-test": ("daemon", "Send a test alert through every channel."),
    "backup": ("daemon", "Copy the database to FILE."),
}
"""Where each is, and what the list of commands says of it, in its order: short enough for 80 columns."""


class Commands(click.Group):
    """Owns the names of the commands; the module of one is loaded when it is called."""

    def __init__(self, **given: Any) -> None:  # noqa: ANN401  click's own
        listed = {name: click.Command(name, short_help=short) for name, (_, short) in _COMMANDS.items()}
        super().__init__(**{**given, "commands": listed})

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Return the names in the order of the list."""
        del ctx
        return list(_COMMANDS)

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """Return the command that was called, whole, with its arguments."""
        name, found, rest = super().resolve_command(ctx, args)
        return name, found and _loaded(str(found.name)), rest


def _loaded(name: str) -> click.Command:
    module, _ = _COMMANDS[name]
    command: click.Command = getattr(import_module(f"console.cli.{module}"), name.replace("-", "_"))
    return command


@click.group(
    "shoonya-desk",
    cls=Commands,
    context_settings={"show_default": True},
    help="An order desk for one Shoonya (Noren) account: each order is sent once at most, its fate never guessed.",
)
@click.version_option(package_name="shoonya-desk", prog_name="shoonya-desk", message="%(prog)s %(version)s")
def app() -> None:
    """Say what there is, where no command is named."""
