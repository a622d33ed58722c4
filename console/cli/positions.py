"""The commands about what is held: show it, hold it against the broker's books, and correct ours."""

import json
from pathlib import Path

import click

from console.cli import options
from console.cli.client import DeskClient
from console.cli.options import end, plainly, show
from console.cli.settings import read_client_settings
from console.views.render import screen
from console.views.status_tables import positions_view


@click.command()
@options.as_json
@options.config
def positions(*, as_json: bool, config: Path | None) -> None:
    """Show the positions of each strategy by our fills, and the account's positions at the broker."""
    with plainly():
        found = DeskClient(read_client_settings(config)).read("/positions")
    show(found, positions_view(found, screen().width), as_json=as_json)


@click.command()
@click.argument("name")
@click.option("--reason", required=True, help="Why the broker's side is right.")
@click.option("--undo", is_flag=True, help="Undo the acceptance of this break.")
@options.as_json
@options.config
def accept(name: str, *, reason: str, undo: bool, as_json: bool, config: Path | None) -> None:
    """Accept a reconciliation break as the broker has it, so that entries are taken again; or undo that.

    NAME is the break's, as `status` shows it.
    """
    body = {"name": name, "reason": reason, **({"undo": True} if undo else {})}
    with plainly():
        reply = DeskClient(read_client_settings(config)).post("/breaks/accept", body)
    end(reply, as_json=as_json)


@click.command()
@options.as_json
@options.config
def reconcile(*, as_json: bool, config: Path | None) -> None:
    """Compare our positions with the broker's now. Changes nothing; exit code 1 if they differ."""
    with plainly():
        reply = DeskClient(read_client_settings(config)).post("/reconcile", {})
    if reply.body.get("differences"):
        click.echo(json.dumps(reply.body, ensure_ascii=False) if as_json else str(reply.body["sentence"]))
        raise click.exceptions.Exit(1)
    end(reply, as_json=as_json)


@click.command()
@options.symbol
@click.option("--strategy", required=True, help="The strategy whose position is written off.")
@click.option("--reason", required=True, help="How you know that it is gone; it is stored.")
@options.exchange
@options.product
@click.option("--force/--no-force", default=False, help="Also while the broker still shows a position in it.")
@options.as_json
@options.config
def write_off(*, force: bool, as_json: bool, config: Path | None, **position: str) -> None:
    """Write off a strategy's position that no longer exists at the broker. Sends nothing."""
    with plainly():
        reply = DeskClient(read_client_settings(config)).post("/positions/write-off", {**position, "force": force})
    end(reply, as_json=as_json)
