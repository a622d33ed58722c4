"""Alerts, over the API and from the command line: list them, take alarms as seen, try the channels."""

import json
from typing import Annotated, Protocol

import typer
from fastapi import APIRouter
from rich.console import Group, RenderableType
from rich.text import Text

from actors.messages import AlarmsAcknowledged, AlertsNow
from console.bodies import Body, read_object
from console.changing import text_in
from console.client import DeskClient
from console.described import takes
from console.errors import AsJson, PlainError, plainly
from console.forms import Form, channel_form
from console.glance import alert_lines
from console.hand import Config, end
from console.render import screen
from console.where import read_settings
from notify.channels import channels_of
from notify.port import ChannelError

_STYLES = {"NEWS": "", "WARNING": "yellow", "ALARM": "bold red"}


class AlertingDesk(Protocol):
    """What is asked of a desk here."""

    def alerts(self) -> AlertsNow:
        """Return what was told lately."""

    def acknowledge(self, topic: str | None) -> AlarmsAcknowledged:
        """Take alarms as seen."""


def add_alerts(guarded: APIRouter, desk: AlertingDesk) -> None:
    """Add the routes."""

    @guarded.get("/alerts", summary="What was told lately")
    def alerts() -> Form:
        """Return the last alerts, oldest first, the topics of open alarms, and how each channel delivers."""
        now = desk.alerts()
        rows = [
            {
                "raised_at": one.raised_at.isoformat(),
                "level": one.alert.level.value,
                "topic": one.alert.topic,
                "what": one.alert.what,
                "means": one.alert.means,
                "do": one.alert.do,
                "told_at": None if one.told_at is None else one.told_at.isoformat(),
                "owed": list(one.owed),
                "acknowledged_at": None if one.acknowledged_at is None else one.acknowledged_at.isoformat(),
            }
            for one in now.records
        ]
        channels = [channel_form(one) for one in now.channels]
        return {"alerts": rows, "open": list(now.open), "channels": channels, "trouble": now.trouble}

    @guarded.post("/alerts/ack", summary="Take alarms as seen", openapi_extra=takes(also=("topic",)))
    def acknowledge(body: Body) -> Form:
        """Tell the open alarms no more: that of `topic`, or all."""
        given = read_object(body) if body else {}
        topics = desk.acknowledge(text_in(given, "topic") if "topic" in given else None).topics
        words = f"Seen: {', '.join(topics)}." if topics else "No such alarm is open."
        return {"topics": list(topics), "sentence": words}


def add_alert_commands(app: typer.Typer) -> None:
    """Add the commands to the command line."""
    app.command()(alerts)
    app.command()(ack)
    app.command("alert-test")(alert_test)


def alerts(*, as_json: AsJson = False, config: Config = None) -> None:
    """List what was told lately, and which alarms nobody has acknowledged."""
    with plainly():
        found = DeskClient(read_settings(config)).read("/alerts")
    if as_json:
        typer.echo(json.dumps(found, ensure_ascii=False))
    else:
        screen().print(alerts_view(found))


def ack(
    topic: Annotated[str | None, typer.Argument(help="The alarm's topic; without it all.")] = None,
    *,
    as_json: AsJson = False,
    config: Config = None,
) -> None:
    """Say that alarms have been seen: they are told no more."""
    with plainly():
        reply = DeskClient(read_settings(config)).post("/alerts/ack", {} if topic is None else {"topic": topic})
    end(reply, as_json=as_json)


def alert_test(*, config: Config = None) -> None:
    """Send one alert through every channel, and say what each answered. Needs no running desk."""
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
                typer.echo(f"{channel.name}: taken.")
            except ChannelError as error:
                failed = True
                typer.echo(f"{channel.name}: {error}", err=True)
    raise typer.Exit(1 if failed else 0)


def alerts_view(found: Form) -> RenderableType:
    """Show the alerts."""
    lines = [
        Text(f"{one['raised_at'][11:19]} {one['level']:<7} {one['what']} {one['means']}", style=_STYLES[one["level"]])
        for one in found["alerts"]
    ]
    shown = lines or [Text("Nothing has been told.")]
    well = [Text(_well_words(one)) for one in found["channels"] if not one["failing_since"]]
    return Group(*shown, *well, *alert_lines(found))


def _well_words(channel: Form) -> str:
    last = channel["last_told_at"]
    return f"{channel['channel']}: " + (f"last told at {last[11:19]}." if last else "nothing was to be told yet.")
