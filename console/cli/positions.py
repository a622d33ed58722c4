"""The commands about what is held: show it, hold it against the broker's books, and correct ours."""

import json
from typing import Annotated

import typer

from console.cli.client import DeskClient
from console.cli.options import AsJson, Config, ExchangeName, ProductName, Symbol, end, plainly, show
from console.glance import positions_view
from console.render import screen
from console.where import read_settings


def positions(*, as_json: AsJson = False, config: Config = None) -> None:
    """Show what each strategy holds from our fills, and what the account holds at the broker."""
    with plainly():
        found = DeskClient(read_settings(config)).read("/positions")
    show(found, positions_view(found, screen().width), as_json=as_json)


def accept(
    name: Annotated[str, typer.Argument(help="The disagreement's name, as `status` shows it.")],
    *,
    because: Annotated[str, typer.Option(help="Why it is right as the broker has it.")],
    undo: Annotated[bool, typer.Option("--undo", help="Take back what was accepted under this name.")] = False,
    as_json: AsJson = False,
    config: Config = None,
) -> None:
    """Accept what the broker's books tell differently from ours, so that entries are taken again; or take that back."""
    body = {"name": name, "because": because, **({"undo": True} if undo else {})}
    with plainly():
        reply = DeskClient(read_settings(config)).post("/disagreements/accept", body)
    end(reply, as_json=as_json)


def reconcile(*, as_json: AsJson = False, config: Config = None) -> None:
    """Hold our sums against the broker's positions now. Changes nothing; exit code 1 where they differ."""
    with plainly():
        reply = DeskClient(read_settings(config)).post("/reconcile", {})
    if reply.body.get("differences"):
        typer.echo(json.dumps(reply.body, ensure_ascii=False) if as_json else str(reply.body["sentence"]))
        raise typer.Exit(1)
    end(reply, as_json=as_json)


def clear(
    symbol: Symbol,
    *,
    strategy: Annotated[str, typer.Option(help="Whose book it is taken out of.")],
    because: Annotated[str, typer.Option(help="How you know that it is gone; it is kept.")],
    exchange: ExchangeName = "NSE",
    product: ProductName = "MIS",
    i_know: Annotated[bool, typer.Option(help="Also while the broker still shows units of it.")] = False,
    as_json: AsJson = False,
    config: Config = None,
) -> None:
    """Take a strategy's position out of our books, when it is gone at the broker. Sends nothing."""
    body = {"strategy": strategy, "exchange": exchange, "symbol": symbol, "product": product, "because": because}
    with plainly():
        reply = DeskClient(read_settings(config)).post("/positions/clear", body | {"i_know": i_know})
    end(reply, as_json=as_json)
