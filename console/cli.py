"""The commands. Each says what it did, and when it can't, why and what to do: one sentence, no traceback."""

import json
import secrets
from importlib import metadata
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import RenderableType

from console.alerting import add_alert_commands
from console.basketing import add_basket_commands
from console.client import DeskClient
from console.correcting import add_correction_commands
from console.demo import DemoStrategy, run_demo
from console.errors import AsJson, PlainError, plainly
from console.glance import positions_view, status_view, trading_line
from console.hand import TAKEN_MAX, add_commands
from console.paper import run_paper
from console.render import orders_table, screen, timeline_view
from console.run import run_desk
from console.stops import Trail, TrailWhen, add_stop_commands, trail_terms
from console.where import DEFAULT_FILE, read_settings, write_template
from domain.order import InvalidOrderError, OrderCommand, Origin

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


Config = Annotated[
    Path | None,
    typer.Option(help="The settings file; without it desk.toml, if there is one.", envvar="DESK_CONFIG"),
]
Because = Annotated[str, typer.Option(help="Why; it is kept, and shown with the trading state.")]


def _show(given: Any, view: RenderableType, *, as_json: bool) -> None:  # noqa: ANN401  any JSON
    if as_json:
        typer.echo(json.dumps(given, ensure_ascii=False))
    else:
        screen().print(view)


@app.command()
def demo(
    *,
    seconds: Annotated[float, typer.Option(min=1, help="How long to trade.")] = 40,
    strategy: Annotated[DemoStrategy, typer.Option(help="What trades.")] = DemoStrategy.BREAKOUT,
    as_json: Annotated[bool, typer.Option("--json", help="Print nothing but one line of counts at the end.")] = False,
) -> None:
    """Show the desk at work with a paper broker: no account, no money, nothing left behind."""
    with plainly():
        raise typer.Exit(run_demo(seconds, strategy, as_json=as_json))


@app.command()
def init(config: Config = None) -> None:
    """Write a settings file for paper trading."""
    path = config or DEFAULT_FILE
    with plainly():
        write_template(path)
    typer.echo(f"{path} is written: `run` starts a desk in paper mode, `submit` gives it an order.")


@app.command()
def run(
    *,
    exits_only: Annotated[bool, typer.Option(help="Start without taking entries, until `resume`.")] = False,
    config: Config = None,
) -> None:
    """Run the desk until Ctrl-C or SIGTERM; in paper mode with a paper broker that is started when none listens."""
    with plainly():
        settings = read_settings(config)
        if exits_only:
            settings = settings.model_copy(update={"exits_only": True})
        raise typer.Exit(run_desk(settings))


@app.command()
def paper(
    host: Annotated[str, typer.Option(help="Loopback address to listen on.")] = "127.0.0.1",
    port: Annotated[int, typer.Option(min=0, max=65_535, help="Port; 0 takes any free one.")] = 6010,
    data_dir: Annotated[Path, typer.Option(help="Where its books are kept.")] = Path(".desk/paper"),
    seed: Annotated[int | None, typer.Option(help="Seed of the market's prices.")] = None,
) -> None:
    """Run the paper broker by itself until it is ended; point a desk at it with broker.rest_url."""
    with plainly():
        raise typer.Exit(run_paper(host, port, data_dir, seed))


@app.command()
def submit(  # noqa: PLR0913  an order has as many fields
    *,
    symbol: Annotated[str, typer.Option(help="The exchange's trading symbol, such as RELIANCE-EQ.")],
    side: Annotated[str, typer.Option(help="BUY or SELL (B, S).")],
    quantity: Annotated[str, typer.Option(help="Units, not lots.")],
    intent: Annotated[str, typer.Option(help="ENTRY takes a position, EXIT gives it up, ADJUST changes it.")] = "ENTRY",
    exchange: Annotated[str, typer.Option(help="NSE, BSE, NFO, BFO, CDS, BCD or MCX.")] = "NSE",
    product: Annotated[str, typer.Option(help="CNC, NRML or MIS (C, M, I).")] = "MIS",
    order_type: Annotated[str, typer.Option("--type", help="MARKET, LIMIT, SL or SL-M (MKT, LMT, ...).")] = "MARKET",
    price: Annotated[str | None, typer.Option(help="Rupees a unit, for LIMIT and SL.")] = None,
    trigger_price: Annotated[str | None, typer.Option(help="Rupees a unit, for SL and SL-M.")] = None,
    stop_loss: Annotated[str | None, typer.Option(help="Once it has filled, get out at this price or worse.")] = None,
    target: Annotated[str | None, typer.Option(help="Once it has filled, get out at this price or better.")] = None,
    trail: Trail = None,
    trail_when: TrailWhen = None,
    strategy: Annotated[str, typer.Option(help="Whose position this is.")] = "manual",
    comment: Annotated[str, typer.Option(help="Kept with the order.")] = "",
    amo: Annotated[bool, typer.Option(help="Queue it for the next session, when the market is closed.")] = False,
    command_id: Annotated[str | None, typer.Option(help="Its name; the same name is never sent twice.")] = None,
    as_json: AsJson = False,
    config: Config = None,
) -> None:
    """Send an order to the running desk. Exit code 0: accepted or unconfirmed; 1: it said no, also to a repeat."""
    with plainly():
        settings = read_settings(config)
        order = {
            "command_id": command_id or secrets.token_hex(8),
            "strategy": strategy,
            "intent": intent,
            "exchange": exchange,
            "symbol": symbol,
            "side": side,
            "quantity": quantity,
            "product": product,
            "order_type": order_type,
            "price": price,
            "trigger_price": trigger_price,
            "stop_loss": stop_loss,
            "target": target,
            **trail_terms(trail, trail_when),
            "comment": comment,
            "amo": amo,
            "origin": Origin.HUMAN.value,
        }
        try:
            OrderCommand.parse({**order, "client_id": settings.client_id})
        except InvalidOrderError as error:
            raise PlainError(f"Invalid: {error}. Nothing was sent to the desk.") from None
        reply = DeskClient(settings).submit(order)
    taken = reply.http_status <= TAKEN_MAX
    sentence = str(reply.body.get("sentence", f"The desk answered {reply.http_status}."))
    if as_json:
        typer.echo(json.dumps(reply.body, ensure_ascii=False))
    else:
        typer.echo(
            f"{sentence}\nIts command id is {order['command_id']}; `why {order['command_id']}` tells its story."
            if reply.body.get("order")
            else sentence,
            err=not taken,
        )
    raise typer.Exit(0 if taken else 1)


@app.command()
def orders(
    *,
    open_only: Annotated[bool, typer.Option("--open", help="Only those that are not over.")] = False,
    most: Annotated[int, typer.Option(min=1, max=10_000, help="At most so many.")] = 30,
    as_json: AsJson = False,
    config: Config = None,
) -> None:
    """List the orders, newest first."""
    with plainly():
        found = DeskClient(read_settings(config)).read("/orders", open=open_only, most=most)["orders"]
    _show(found, orders_table(found, screen().width), as_json=as_json)


@app.command()
def why(
    order: Annotated[str, typer.Argument(help="Its command id, the beginning of it, or the broker's order id.")],
    *,
    as_json: AsJson = False,
    config: Config = None,
) -> None:
    """Tell an order's story: each decision, what it was made from, and what it means."""
    with plainly():
        client = DeskClient(read_settings(config))
        timeline = client.read(f"/orders/{client.find(order)}/timeline")
    _show(timeline, timeline_view(timeline), as_json=as_json)


@app.command()
def positions(*, as_json: AsJson = False, config: Config = None) -> None:
    """Show what each strategy holds from our fills, and what the account holds at the broker."""
    with plainly():
        found = DeskClient(read_settings(config)).read("/positions")
    _show(found, positions_view(found), as_json=as_json)


@app.command()
def status(*, as_json: AsJson = False, config: Config = None) -> None:
    """Show whether the desk takes orders, and what may be sent."""
    with plainly():
        found = DeskClient(read_settings(config)).read("/status")
    _show(found, status_view(found), as_json=as_json)


@app.command()
def halt(*, because: Because = "by hand", as_json: AsJson = False, config: Config = None) -> None:
    """Send nothing any more but exits of a person, a stop or a limit. Orders at the broker stay as they are."""
    _turn("HALTED", because, config, as_json=as_json)


@app.command("exits-only")
def exits_only(*, because: Because = "by hand", as_json: AsJson = False, config: Config = None) -> None:
    """Take no new positions; exits go on."""
    _turn("EXITS_ONLY", because, config, as_json=as_json)


@app.command()
def resume(
    *,
    i_know: Annotated[bool, typer.Option(help="Also over a broken loss limit: it counts anew.")] = False,
    because: Because = "by hand",
    as_json: AsJson = False,
    config: Config = None,
) -> None:
    """Take orders again."""
    _turn("ACTIVE", because, config, i_know=i_know, as_json=as_json)


def _turn(state: str, because: str, config: Path | None, *, i_know: bool = False, as_json: bool) -> None:
    with plainly():
        now = DeskClient(read_settings(config)).turn(state, because, i_know=i_know)
    _show(now, trading_line(now), as_json=as_json)


add_commands(app)
add_stop_commands(app)
add_alert_commands(app)
add_basket_commands(app)
add_correction_commands(app)
