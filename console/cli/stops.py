"""The commands about stops: list them, put a position under them, remove them."""

from collections.abc import Sequence
from pathlib import Path
from typing import Final

import click
from rich.console import Group, RenderableType
from rich.text import Text

from console.cli import options, order_options
from console.cli.client import DeskClient
from console.cli.options import end, plainly, show
from console.cli.settings import read_client_settings
from console.errors import PlainError
from console.views.form import Form
from console.views.render import table_of

TOLD_MAX: Final = 3
_TOPICS: Final = ("stops:", "exit:")


@click.command()
@options.as_json
@options.config
def stops(*, as_json: bool, config: Path | None) -> None:
    """List the positions under stops: stop, target, best price so far and last price."""
    with plainly():
        client = DeskClient(read_client_settings(config))
        found, told = client.read("/stops")["stops"], client.read("/alerts")["alerts"]
    show(found, stops_view(found, told), as_json=as_json)


@click.command()
@options.symbol
@options.strategy
@options.exchange
@options.product
@click.option("--stop-loss", help="Exit at this price or worse.")
@click.option("--target", help="Exit at this price or better.")
@order_options.trail
@order_options.trail_activation
@options.reason
@options.as_json
@options.config
def protect(
    *, trail: str | None, trail_activation: str | None, as_json: bool, config: Path | None, **given: str | None
) -> None:
    """Set a stop, a target or a trail for a position; it replaces those it has."""
    body = {name: value for name, value in given.items() if value is not None}
    with plainly():
        body |= trail_terms(trail, trail_activation)
        if not body.keys() & {"stop_loss", "target", "trailing_type"}:
            raise PlainError("give --stop-loss, --target or --trail. Nothing was changed.", 2)
        reply = DeskClient(read_client_settings(config)).post("/stops", body)
    end(reply, as_json=as_json)


@click.command()
@options.symbol
@options.strategy
@options.exchange
@options.product
@options.reason
@options.as_json
@options.config
def unprotect(*, as_json: bool, config: Path | None, **position: str) -> None:
    """Remove a position's stops; the position stays."""
    with plainly():
        reply = DeskClient(read_client_settings(config)).post("/stops/remove", position)
    end(reply, as_json=as_json)


def trail_terms(trail: str | None, trail_activation: str | None) -> dict[str, str]:
    """Return a trail's fields, none where none was given; raise `PlainError` where it is not written as one."""
    when = {} if trail_activation is None else {"trail_activation": trail_activation}
    if trail is None:
        return when
    kind, colon, value = trail.partition(":")
    if not colon or not value:
        raise PlainError(f"--trail must be points:10, percent:1.5 or absolute:1450, not {trail!r}", 2)
    return {"trailing_type": kind, "trailing_value": value, **when}


def stops_view(found: list[Form], told: Sequence[Form] = ()) -> RenderableType:
    """Show the stops, and below what was told last of those that were reached, and of ways out."""
    ended = (one for one in told if one["topic"].startswith(_TOPICS) and "is under stops" not in one["what"])
    news = [Text(f"{one['raised_at'][11:19]} {one['what']}") for one in ended]
    if not found:
        now = "Nothing is under stops any more." if news else "Nothing is under stops."
        return Group(*news[-TOLD_MAX:], Text(f"{now} `protect` puts a position under them."))
    table = table_of("position", "best", "last", "seen", right=("best", "last", "seen"))
    table.add_column("stops", overflow="fold")
    for one in found:
        position = Text(f"{one['symbol']}\n").append(f"{one['product']} {one['strategy']}", style="dim")
        seen = "-" if one["price_age_s"] is None else f"{one['price_age_s']:.0f} s ago"
        table.add_row(position, one["best_price"], one["last_price"] or "none yet", seen, one["words"])
    return Group(table, *news[-TOLD_MAX:])
