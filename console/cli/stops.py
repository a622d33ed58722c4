"""The commands about stops: list them, put a position under them, remove them."""

from collections.abc import Sequence
from typing import Annotated, Any, Final

import typer
from rich.console import Group, RenderableType
from rich.text import Text

from console.cli.client import DeskClient
from console.cli.options import AsJson, Config, ExchangeName, ProductName, Strategy, Symbol, end, plainly, show
from console.cli.settings import read_client_settings
from console.errors import PlainError
from console.views.form import Form
from console.views.render import table_of

Trail = Annotated[
    str | None, typer.Option(help="points:10 (rupees) or percent:1.5 behind the best price, or absolute:1450.")
]
TrailWhen = Annotated[str | None, typer.Option(help="Activation price: the trail starts when it is reached.")]
TOLD_MAX: Final = 3
_TOPICS: Final = ("stops:", "exit:")

Why = Annotated[str, typer.Option("--reason", help="The reason; it is stored.")]


def stops(*, as_json: AsJson = False, config: Config = None) -> None:
    """List the positions under stops: stop, target, best price so far and last price."""
    with plainly():
        client = DeskClient(read_client_settings(config))
        found, told = client.read("/stops")["stops"], client.read("/alerts")["alerts"]
    show(found, stops_view(found, told), as_json=as_json)


def protect(  # noqa: PLR0913  stops have as many levels
    symbol: Symbol,
    *,
    strategy: Strategy = "manual",
    exchange: ExchangeName = "NSE",
    product: ProductName = "MIS",
    stop_loss: Annotated[str | None, typer.Option(help="Exit at this price or worse.")] = None,
    target: Annotated[str | None, typer.Option(help="Exit at this price or better.")] = None,
    trail: Trail = None,
    trail_activation: TrailWhen = None,
    reason: Why = "by hand",
    as_json: AsJson = False,
    config: Config = None,
) -> None:
    """Set a stop, a target or a trail for a position; it replaces those it has."""
    body: dict[str, Any] = {"strategy": strategy, "exchange": exchange, "symbol": symbol, "product": product}
    levels = {"stop_loss": stop_loss, "target": target}
    body |= {name: level for name, level in levels.items() if level is not None} | {"reason": reason}
    with plainly():
        body |= trail_terms(trail, trail_activation)
        if not body.keys() & {"stop_loss", "target", "trailing_type"}:
            raise PlainError("give --stop-loss, --target or --trail. Nothing was changed.", 2)
        reply = DeskClient(read_client_settings(config)).post("/stops", body)
    end(reply, as_json=as_json)


def unprotect(
    symbol: Symbol,
    *,
    strategy: Strategy = "manual",
    exchange: ExchangeName = "NSE",
    product: ProductName = "MIS",
    reason: Why = "by hand",
    as_json: AsJson = False,
    config: Config = None,
) -> None:
    """Remove a position's stops; the position stays."""
    body = {"strategy": strategy, "exchange": exchange, "symbol": symbol, "product": product, "reason": reason}
    with plainly():
        reply = DeskClient(read_client_settings(config)).post("/stops/remove", body)
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
        return Group(Text("Nothing is under stops. `protect` puts a position under them."), *news[-TOLD_MAX:])
    table = table_of("position", "best", "last", "seen", right=("best", "last", "seen"))
    table.add_column("stops", overflow="fold")
    for one in found:
        position = Text(f"{one['symbol']}\n").append(f"{one['product']} {one['strategy']}", style="dim")
        seen = "-" if one["price_age_s"] is None else f"{one['price_age_s']:.0f} s ago"
        table.add_row(position, one["best_price"], one["last_price"] or "none yet", seen, one["words"])
    return Group(table, *news[-TOLD_MAX:])
