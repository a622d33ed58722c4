"""The timer that an actor winds for itself."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class TimerFired:
    """A timer that the actor has wound for itself has run out: it looks again.

    Where it winds several, only the last `turn` that it wound counts.
    """

    turn: int = 0
