"""The commands about baskets: send one from a file, and list them."""

import json
import secrets
import tomllib
from pathlib import Path
from typing import Any

import click
from rich.console import Group, RenderableType
from rich.text import Text

from console.cli import options
from console.cli.client import DeskClient
from console.cli.options import end, plainly, show
from console.cli.settings import read_client_settings
from console.errors import PlainError
from console.views.form import Form
from domain.texts import decoded


@click.command()
@click.argument("file", type=click.Path(path_type=Path))
@click.option("--basket-id", help="Id of the basket; the same id is never sent twice.")
@options.as_json
@options.config
def basket(file: Path, *, basket_id: str | None, as_json: bool, config: Path | None) -> None:
    """Send a basket of orders, hedge first, each when the one before has filled.

    FILE is TOML or JSON; docs/operations.md, Baskets, shows one.
    """
    with plainly():
        given = _read(file)
        body = {"basket_id": basket_id or given.get("basket_id") or secrets.token_hex(8), **given}
        reply = DeskClient(read_client_settings(config)).post("/baskets", body)
    end(reply, as_json=as_json)


@click.command()
@options.as_json
@options.config
def baskets(*, as_json: bool, config: Path | None) -> None:
    """List the baskets and how they ended."""
    with plainly():
        found = DeskClient(read_client_settings(config)).read("/baskets")["baskets"]
    show(found, baskets_view(found), as_json=as_json)


def baskets_view(found: list[Form]) -> RenderableType:
    """Show the baskets."""
    lines = [
        Text(f"{one['state']:<11} {one['strategy']}: {', '.join(one['legs'])}\n            {one['sentence']}")
        for one in found
    ]
    return Group(*(lines or [Text("No basket has been sent.")]))


def _read(file: Path) -> dict[str, Any]:
    try:
        text = decoded(file.read_bytes())
        given = json.loads(text) if file.suffix == ".json" else tomllib.loads(text)
    except (OSError, ValueError) as error:
        raise PlainError(f"{file} cannot be read: {error}") from None
    if not isinstance(given, dict):
        raise PlainError(f"{file} must hold one table with legs")
    return given
