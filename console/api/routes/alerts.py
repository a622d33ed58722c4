"""Alerts, over the API and from the command line: list them, take alarms as seen, try the channels."""

from typing import Annotated, Protocol

from fastapi import APIRouter, Depends

from console.api.openapi import BODY_REFUSALS, takes
from console.api.request_models import AcknowledgeBody
from console.api.request_reader import body_of
from console.views.desk_response_types import AcknowledgedAnswer, AlertForm, AlertsAnswer
from console.views.serializers import channel_form
from domain.read_models import AlarmsAcknowledged, AlertsNow


class AlertingDesk(Protocol):
    """What is asked of a desk here."""

    def alerts(self) -> AlertsNow:
        """Return what was told lately."""

    def acknowledge(self, topic: str | None) -> AlarmsAcknowledged:
        """Take alarms as seen."""


def add_alerts(guarded: APIRouter, desk: AlertingDesk) -> None:
    """Add the routes."""

    @guarded.get("/alerts", summary="What was told lately")
    def alerts() -> AlertsAnswer:
        """Return the last alerts, oldest first, the topics of open alarms, and how each channel delivers."""
        now = desk.alerts()
        rows: list[AlertForm] = [
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

    @guarded.post(
        "/alerts/ack",
        summary="Take alarms as seen",
        openapi_extra=takes(AcknowledgeBody),
        responses=BODY_REFUSALS,
    )
    def acknowledge(body: Annotated[AcknowledgeBody, Depends(body_of(AcknowledgeBody))]) -> AcknowledgedAnswer:
        """Tell the open alarms no more: that of `topic`, or all."""
        topics = desk.acknowledge(body.topic).topics
        message = f"Seen: {', '.join(topics)}." if topics else "No such alarm is open."
        return {"topics": list(topics), "sentence": message}
