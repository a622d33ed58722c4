"""The commands about alerts: list them, take alarms as seen."""

from pathlib import Path

import click
from rich.console import Group, RenderableType
from rich.text import Text

from console.cli import options
from console.cli.client import DeskClient
from console.cli.options import end, plainly, show
from console.cli.settings import read_client_settings
from console.views.form import Form
from console.views.status_tables import alert_lines

_STYLES = {"INFO": "", "WARNING": "yellow", "CRITICAL": "bold red"}


@click.command()
@options.as_json
@options.config
def alerts(*, as_json: bool, config: Path | None) -> None:
    """List recent alerts, and which CRITICAL ones nobody has acknowledged."""
    with plainly():
        found = DeskClient(read_client_settings(config)).read("/alerts")
    show(found, alerts_view(found), as_json=as_json)


@click.command()
@click.argument("topic", required=False)
@options.as_json
@options.config
def ack(topic: str | None, *, as_json: bool, config: Path | None) -> None:
    """Acknowledge CRITICAL alerts: they are not sent again. TOPIC is the alert's; all, when left out."""
    with plainly():
        reply = DeskClient(read_client_settings(config)).post("/alerts/ack", {} if topic is None else {"topic": topic})
    end(reply, as_json=as_json)


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
