"""What a person is told, and has seen."""

from dataclasses import dataclass

from actors.messages.query import Query
from domain.alerts.alert import Alert, AlertRecord, ChannelState


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
class AcknowledgeAlarms(Query["AlarmsAcknowledged"]):
    """A person has seen this topic's alarm, or all of them."""

    topic: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class AlarmsAcknowledged:
    """These alarms are told no more."""

    topics: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class FindAlerts(Query["AlertsNow"]):
    """What was told lately, which alarms are open, and how do the channels deliver?"""

    with_records: bool = True


@dataclass(frozen=True, slots=True, kw_only=True)
class AlertsNow:
    """The last alerts, oldest first, the topics of open alarms, and how each channel delivers.

    `trouble` says why nobody is told; empty: somebody is.
    """

    records: tuple[AlertRecord, ...]
    open: tuple[str, ...]
    trouble: str
    channels: tuple[ChannelState, ...] = ()
