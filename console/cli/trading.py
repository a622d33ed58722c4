"""The commands about what may be sent: how the desk stands, stop and resume trading, get out, log in."""

import json
import threading
from pathlib import Path
from typing import Final

import click

from console.cli import options
from console.cli.client import DeskClient
from console.cli.options import TAKEN_MAX, end, plainly, say, show
from console.cli.settings import read_client_settings
from console.views.status_tables import status_view, trading_line
from domain.texts import counted

_LOOK_S: Final = 0.3


@click.command()
@options.as_json
@options.config
def status(*, as_json: bool, config: Path | None) -> None:
    """Show whether the desk takes orders, and what stands against it."""
    with plainly():
        found = DeskClient(read_client_settings(config)).read("/status")
    show(found, status_view(found), as_json=as_json)


@click.command()
@options.reason
@options.as_json
@options.config
def halt(*, reason: str, as_json: bool, config: Path | None) -> None:
    """Block all new orders except exits by hand, by a stop or by a limit. Open orders stay."""
    _turn("HALTED", reason, config, as_json=as_json)


@click.command()
@options.reason
@options.as_json
@options.config
def exits_only(*, reason: str, as_json: bool, config: Path | None) -> None:
    """Block entries; exits go on."""
    _turn("EXITS_ONLY", reason, config, as_json=as_json)


@click.command()
@click.option("--force/--no-force", default=False, help="Also after a broken loss limit: the limit counts anew.")
@options.reason
@options.as_json
@options.config
def resume(*, force: bool, reason: str, as_json: bool, config: Path | None) -> None:
    """Allow entries again."""
    _turn("ACTIVE", reason, config, force=force, as_json=as_json)


def _turn(state: str, reason: str, config: Path | None, *, force: bool = False, as_json: bool) -> None:
    with plainly():
        now = DeskClient(read_client_settings(config)).turn(state, reason, force=force)
    show(now, trading_line(now), as_json=as_json)


@click.command()
@options.reason
@click.option("--strategy", help="Only this strategy; the others go on.")
@click.option("--wait", type=click.FloatRange(min=0), default=60, help="Seconds to wait and show the progress.")
@options.as_json
@options.config
def flatten(*, reason: str, strategy: str | None, wait: float, as_json: bool, config: Path | None) -> None:
    """Close everything: block entries, cancel open orders, and send exits until all is flat.

    The desk goes on with it however long it takes, also over a restart. Exit code 0: flat; 1: not yet.
    """
    with plainly():
        client = DeskClient(read_client_settings(config))
        body = {"reason": reason} | ({} if strategy is None else {"strategy": strategy})
        reply = client.post("/flatten", body)
        if reply.http_status > TAKEN_MAX:
            end(reply, as_json=as_json)
        left, stays = _watch_exits(client, wait, as_json=as_json)
    stays = [one for one in stays if one in reply.body["positions"]]
    entries = "" if strategy is not None else " Entries stay stopped until `resume`."
    if as_json:
        click.echo(json.dumps({**reply.body, "left": left, "stays": stays}, ensure_ascii=False))
    elif not reply.body["positions"]:
        say(f"{reply.body['sentence']}{entries}")
    else:
        said = [f"Not flat yet: {', '.join(left)}. The desk goes on; `status` tells."] if left else []
        said += [f"Not flat: {', '.join(stays)}. Their way out has ended; `alerts` says why."] if stays else []
        say(" ".join(said) + entries if said else f"Flat.{entries}")
    raise click.exceptions.Exit(1 if left or stays else 0)


def _watch_exits(client: DeskClient, seconds: float, *, as_json: bool) -> tuple[list[str], list[str]]:
    """Watch the exits under way, and say what changes; return what is not flat in the end, and what stays held."""
    over, said = threading.Event(), ""
    timer = threading.Timer(min(seconds, threading.TIMEOUT_MAX), over.set)
    timer.daemon = True
    timer.start()
    while True:
        now = client.read("/exits")
        exits = now["exits"]
        message = "; ".join(f"{one['position']}: {counted(one['tries'], 'exit')} sent" for one in exits)
        if not as_json and message and message != said:
            say(message)
            said = message
        if not exits or over.is_set():
            timer.cancel()
            return [one["position"] for one in exits], [one["position"] for one in now["stays"]]
        over.wait(_LOOK_S)


@click.command()
@options.as_json
@options.config
def login(*, as_json: bool, config: Path | None) -> None:
    """Log in at the broker again, after fixing the reason it gave."""
    with plainly():
        reply = DeskClient(read_client_settings(config)).post("/session/login", {})
    end(reply, as_json=as_json)
