"""The commands that are no client of a running desk: they load the desk itself, or the paper broker, when called."""

import json
from pathlib import Path

import click

from console.cli import options
from console.cli.options import plainly, say
from console.daemon.config import read_settings, write_template
from console.demo.strategies import DemoStrategy
from console.endpoint import DEFAULT_FILE
from console.errors import PlainError


@click.command()
@click.option("--seconds", type=click.FloatRange(min=1), default=40, help="How long to trade.")
@click.option(
    "--strategy",
    type=click.Choice([one.value for one in DemoStrategy]),
    default=DemoStrategy.BREAKOUT.value,
    help="What trades.",
)
@click.option("--json", "as_json", is_flag=True, help="Print nothing but one line of counts at the end.")
def demo(*, seconds: float, strategy: str, as_json: bool) -> None:
    """Show the desk at work with a paper broker: no account, no money, nothing left behind."""
    from console.demo.run import run_demo  # noqa: PLC0415  loads the desk

    with plainly():
        raise click.exceptions.Exit(run_demo(seconds, DemoStrategy(strategy), as_json=as_json))


@click.command()
@options.config
def init(*, config: Path | None) -> None:
    """Write a settings file for paper trading."""
    path = config or DEFAULT_FILE
    with plainly():
        write_template(path)
    say(f"{path} is written: `run` starts a desk in paper mode, `submit` gives it an order.")


@click.command()
@click.option("--exits-only/--no-exits-only", default=False, help="Start without taking entries, until `resume`.")
@options.config
def run(*, exits_only: bool, config: Path | None) -> None:
    """Run the desk until Ctrl-C or SIGTERM; in paper mode with a paper broker that is started when none listens."""
    from console.daemon.run import run_desk  # noqa: PLC0415  loads the desk

    with plainly():
        settings = read_settings(config)
        if exits_only:
            settings = settings.model_copy(update={"exits_only": True})
        raise click.exceptions.Exit(run_desk(settings))


@click.command()
@click.option("--host", default="127.0.0.1", help="Loopback address to listen on.")
@click.option("--port", type=click.IntRange(0, 65_535), default=6010, help="Port; 0 takes any free one.")
@click.option("--data-dir", type=click.Path(path_type=Path), default=".desk/paper", help="Where its books are kept.")
@click.option("--seed", type=int, help="Seed of the market's prices.")
def paper(*, host: str, port: int, data_dir: Path, seed: int | None) -> None:
    """Run the paper broker by itself until it is ended; point a desk at it with broker.rest_url."""
    from console.daemon.paper import run_paper  # noqa: PLC0415  loads the paper broker's client

    with plainly():
        raise click.exceptions.Exit(run_paper(host, port, data_dir, seed))


@click.command()
@options.config
def alert_test(*, config: Path | None) -> None:
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
    raise click.exceptions.Exit(1 if failed else 0)


@click.command()
@click.argument("file", type=click.Path(path_type=Path))
@options.as_json
@options.config
def backup(file: Path, *, as_json: bool, config: Path | None) -> None:
    """Copy the database to FILE, whether the desk is running or not."""
    from actors.account import back_up_database  # noqa: PLC0415  loads the desk
    from actors.errors import DeskUnavailableError  # noqa: PLC0415  as above

    with plainly():
        try:
            report = back_up_database(read_settings(config), file)
        except DeskUnavailableError as error:
            raise PlainError(str(error)) from None
    if as_json:
        click.echo(json.dumps({"file": str(file), **report}))
    else:
        say(
            f"{file} holds {report['orders']} orders and {report['journal_lines']} lines of their journal, "
            f"{report['size_bytes']:,} bytes, checked, in {report['seconds']:.1f} s."
        )
