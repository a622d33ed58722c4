"""What a person is told without asking: what happened, what it means for the position, and what can be done."""

from dataclasses import dataclass
from enum import StrEnum


class Level(StrEnum):
    """How soon a person should hear of it."""

    NEWS = "NEWS"
    """Good to know; it may wait for a digest."""
    WARNING = "WARNING"
    """Worth a look soon."""
    ALARM = "ALARM"
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
