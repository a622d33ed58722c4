"""The commands that are no client of a running desk: they load the desk itself, or the paper broker, when called."""

import json
from pathlib import Path
from typing import Annotated

import typer

from console.cli.options import AsJson, Config, plainly, say
from console.daemon.config import read_settings, write_template
from console.demo.strategies import DemoStrategy
from console.endpoint import DEFAULT_FILE
from console.errors import PlainError


def demo(
    *,
    seconds: Annotated[float, typer.Option(min=1, help="How long to trade.")] = 40,
    strategy: Annotated[DemoStrategy, typer.Option(help="What trades.")] = DemoStrategy.BREAKOUT,
    as_json: Annotated[bool, typer.Option("--json", help="Print nothing but one line of counts at the end.")] = False,
) -> None:
    """Show the desk at work with a paper broker: no account, no money, nothing left behind."""
    from console.demo.run import run_demo  # noqa: PLC0415  loads the desk

    with plainly():
        raise typer.Exit(run_demo(seconds, strategy, as_json=as_json))


def init(config: Config = None) -> None:
    """Write a settings file for paper trading."""
    path = config or DEFAULT_FILE
    with plainly():
        write_template(path)
    say(f"{path} is written: `run` starts a desk in paper mode, `submit` gives it an order.")


def run(
    *,
    exits_only: Annotated[bool, typer.Option(help="Start without taking entries, until `resume`.")] = False,
    config: Config = None,
) -> None:
    """Run the desk until Ctrl-C or SIGTERM; in paper mode with a paper broker that is started when none listens."""
    from console.daemon.run import run_desk  # noqa: PLC0415  loads the desk

    with plainly():
        settings = read_settings(config)
        if exits_only:
            settings = settings.model_copy(update={"exits_only": True})
        raise typer.Exit(run_desk(settings))


def paper(
    host: Annotated[str, typer.Option(help="Loopback address to listen on.")] = "127.0.0.1",
    port: Annotated[int, typer.Option(min=0, max=65_535, help="Port; 0 takes any free one.")] = 6010,
    data_dir: Annotated[Path, typer.Option(help="Where its books are kept.")] = Path(".desk/paper"),
    seed: Annotated[int | None, typer.Option(help="Seed of the market's prices.")] = None,
) -> None:
    """Run the paper broker by itself until it is ended; point a desk at it with broker.rest_url."""
    from console.daemon.paper import run_paper  # noqa: PLC0415  loads the paper broker's client

    with plainly():
        raise typer.Exit(run_paper(host, port, data_dir, seed))


def alert_test(*, config: Config = None) -> None:
    """Send a test alert through every channel and show the result of each. Needs no running desk."""
    from notify.channels import channels_of  # noqa: PLC0415  loads the channels
    from notify.port import ChannelError  # noqa: PLC0415  as above

    failed = False
    with plainly():
        try:
            channels = channels_of(read_settings(config).alerts)
        except ChannelError as error:
            raise PlainError(str(error), 2) from None
        if not channels:
            raise PlainError("no channel is set up; set telegram_token and telegram_chat_id, or urls, under [alerts]")
        for channel in channels:
            try:
                channel.send("A test of Shoonya Desk's alerts. Nothing has happened.")
                say(f"{channel.name}: taken.")
            except ChannelError as error:
                failed = True
                say(f"{channel.name}: {error}", err=True)
    raise typer.Exit(1 if failed else 0)


def backup(
    file: Annotated[Path, typer.Argument(help="A new file for the copy.")],
    *,
    as_json: AsJson = False,
    config: Config = None,
) -> None:
    """Copy the database to FILE, whether the desk is running or not."""
    from actors.account import back_up_database  # noqa: PLC0415  loads the desk
    from actors.errors import DeskUnavailableError  # noqa: PLC0415  as above

    with plainly():
        try:
            report = back_up_database(read_settings(config), file)
        except DeskUnavailableError as error:
            raise PlainError(str(error)) from None
    if as_json:
        typer.echo(json.dumps({"file": str(file), **report}))
    else:
        say(
            f"{file} holds {report['orders']} orders and {report['journal_lines']} lines of their journal, "
            f"{report['size_bytes']:,} bytes, checked, in {report['seconds']:.1f} s."
        )
