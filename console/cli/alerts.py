"""The commands about alerts: list them, take alarms as seen, try the channels."""

from typing import Annotated

import typer
from rich.console import Group, RenderableType
from rich.text import Text

from console.cli.client import DeskClient
from console.cli.options import AsJson, Config, end, plainly, say, show
from console.daemon.config import read_settings
from console.errors import PlainError
from console.views.form import Form
from console.views.status_view import alert_lines
from notify.channels import channels_of
from notify.port import ChannelError

_STYLES = {"INFO": "", "WARNING": "yellow", "CRITICAL": "bold red"}


def alerts(*, as_json: AsJson = False, config: Config = None) -> None:
    """List recent alerts, and which CRITICAL ones nobody has acknowledged."""
    with plainly():
        found = DeskClient(read_settings(config)).read("/alerts")
    show(found, alerts_view(found), as_json=as_json)


def ack(
    topic: Annotated[str | None, typer.Argument(help="The alert's topic; all, when left out.")] = None,
    *,
    as_json: AsJson = False,
    config: Config = None,
) -> None:
    """Acknowledge CRITICAL alerts: they are not sent again."""
    with plainly():
        reply = DeskClient(read_settings(config)).post("/alerts/ack", {} if topic is None else {"topic": topic})
    end(reply, as_json=as_json)


def alert_test(*, config: Config = None) -> None:
    """Send a test alert through every channel and show the result of each. Needs no running desk."""
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


def alerts_view(found: Form) -> RenderableType:
    """Show the alerts."""
    lines = [
        Text(f"{one['raised_at'][11:19]} {one['level']:<7} {one['what']} {one['means']}", style=_STYLES[one["level"]])
        for one in found["alerts"]
    ]
    shown = lines or [Text("Nothing has been told.")]
    well = [Text(_well_text(one)) for one in found["channels"] if not one["failing_since"]]
    return Group(*shown, *well, *alert_lines(found))


def _well_text(channel: Form) -> str:
    last = channel["last_told_at"]
    return f"{channel['channel']}: " + (f"last told at {last[11:19]}." if last else "nothing was to be told yet.")
