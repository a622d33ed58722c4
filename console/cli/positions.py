"""The commands about what is held: show it, hold it against the broker's books, and correct ours."""

import json
from typing import Annotated

import typer

from console.cli.client import DeskClient
from console.cli.options import AsJson, Config, ExchangeName, ProductName, Symbol, end, plainly, show
from console.cli.settings import read_client_settings
from console.views.render import screen
from console.views.status_view import positions_view


def positions(*, as_json: AsJson = False, config: Config = None) -> None:
    """Show the positions of each strategy by our fills, and the account's positions at the broker."""
    with plainly():
        found = DeskClient(read_client_settings(config)).read("/positions")
    show(found, positions_view(found, screen().width), as_json=as_json)


def accept(
    name: Annotated[str, typer.Argument(help="The break's name, as `status` shows it.")],
    *,
    reason: Annotated[str, typer.Option(help="Why the broker's side is right.")],
    undo: Annotated[bool, typer.Option("--undo", help="Undo the acceptance of this break.")] = False,
    as_json: AsJson = False,
    config: Config = None,
) -> None:
    """Accept a reconciliation break as the broker has it, so that entries are taken again; or undo that."""
    body = {"name": name, "reason": reason, **({"undo": True} if undo else {})}
    with plainly():
        reply = DeskClient(read_client_settings(config)).post("/breaks/accept", body)
    end(reply, as_json=as_json)


def reconcile(*, as_json: AsJson = False, config: Config = None) -> None:
    """Compare our positions with the broker's now. Changes nothing; exit code 1 if they differ."""
    with plainly():
        reply = DeskClient(read_client_settings(config)).post("/reconcile", {})
    if reply.body.get("differences"):
        typer.echo(json.dumps(reply.body, ensure_ascii=False) if as_json else str(reply.body["sentence"]))
        raise typer.Exit(1)
    end(reply, as_json=as_json)


def write_off(
    symbol: Symbol,
    *,
    strategy: Annotated[str, typer.Option(help="The strategy whose position is written off.")],
    reason: Annotated[str, typer.Option(help="How you know that it is gone; it is stored.")],
    exchange: ExchangeName = "NSE",
    product: ProductName = "MIS",
    force: Annotated[bool, typer.Option(help="Also while the broker still shows a position in it.")] = False,
    as_json: AsJson = False,
    config: Config = None,
) -> None:
    """Write off a strategy's position that no longer exists at the broker. Sends nothing."""
    body = {"strategy": strategy, "exchange": exchange, "symbol": symbol, "product": product, "reason": reason}
    with plainly():
        reply = DeskClient(read_client_settings(config)).post("/positions/write-off", body | {"force": force})
    end(reply, as_json=as_json)
