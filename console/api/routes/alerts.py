"""Alerts, over the API and from the command line: list them, take alarms as seen, try the channels."""

from typing import Protocol

from fastapi import APIRouter

from actors.messages.alerts import AlarmsAcknowledged, AlertsNow
from console.api.openapi import takes
from console.api.routes.changes import text_in
from console.api.schemas import Body, read_object
from console.views.form import Form
from console.views.serializers import channel_form

_STYLES = {"INFO": "", "WARNING": "yellow", "CRITICAL": "bold red"}


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
        message = f"Seen: {', '.join(topics)}." if topics else "No such alarm is open."
        return {"topics": list(topics), "sentence": message}
