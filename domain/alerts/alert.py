"""What a person is told without asking: what happened, what it means for the position, and what can be done."""

from dataclasses import dataclass, replace
from datetime import datetime
from enum import StrEnum


class Level(StrEnum):
    """How soon a person should hear of it."""

    INFO = "INFO"
    """Good to know; it may wait for a digest."""
    WARNING = "WARNING"
    """Worth a look soon."""
    CRITICAL = "CRITICAL"
    """Money is at risk: told at any hour, and again until somebody says that it was seen."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Alert:
    """One thing to tell. Alerts of one `topic` are one story: a later one follows, and `ends` closes it."""

    topic: str
    level: Level
    what: str
    """What happened: one sentence with the facts."""
    means: str
    """What it means for the position or the desk."""
    do: str = ""
    """What the person can do; empty where there is nothing to do."""
    ends: bool = False
    wait_s: float = 0.0
    """Tell it only when nothing else comes about the topic for so long."""


@dataclass(frozen=True, slots=True, kw_only=True)
class AlertRecord:
    """An alert as it is kept: when it was raised, first told and acknowledged, and which channels still owe it."""

    alert_id: str
    alert: Alert
    raised_at: datetime
    told_at: datetime | None = None
    owed: tuple[str, ...] = ()
    acknowledged_at: datetime | None = None

    def told(self, channel: str, at: datetime) -> "AlertRecord":
        """Return it as told on a channel."""
        owed = tuple(one for one in self.owed if one != channel)
        return replace(self, told_at=self.told_at or at, owed=owed)

    def acknowledged(self, at: datetime) -> "AlertRecord":
        """Return it as seen by a person: no channel owes it any more."""
        return replace(self, acknowledged_at=at, owed=())


@dataclass(frozen=True, slots=True)
class Unfinished:
    """What an earlier run left to tell, each oldest first: alarms that are open, and what a channel still owes."""

    open_alarms: tuple[AlertRecord, ...] = ()
    owed: tuple[AlertRecord, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class ChannelState:
    """How a channel delivers: when it last took a text, since when it has failed and why, and how many texts wait."""

    name: str
    last_told_at: datetime | None = None
    failing_since: datetime | None = None
    why: str = ""
    waiting: int = 0
