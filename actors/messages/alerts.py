"""What a person is told, and has seen."""

from dataclasses import dataclass

from actors.messages.query import Query
from domain.alerts.alert import Alert
from domain.read_models import AlarmsAcknowledged, AlertsNow


@dataclass(frozen=True, slots=True, kw_only=True)
class RaiseAlert:
    """Tell a person."""

    alert: Alert


@dataclass(frozen=True, slots=True, kw_only=True)
class NotificationSent:
    """A channel has taken a text that tells these alerts."""

    alert_ids: tuple[str, ...]
    channel: str


@dataclass(frozen=True, slots=True, kw_only=True)
class AcknowledgeAlarms(Query[AlarmsAcknowledged]):
    """A person has seen this topic's alarm, or all of them."""

    topic: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class FindAlerts(Query[AlertsNow]):
    """What was told lately, which alarms are open, and how do the channels deliver?"""

    with_records: bool = True
