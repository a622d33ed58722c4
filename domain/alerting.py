"""Which alerts are told when: at once, in a digest, after the quiet hours, again and again until seen.

* NEWS waits for the next digest. WARNING and ALARM are told at once.
* In quiet hours only ALARM is told; the rest waits for the first digest after them.
* The same words about the same topic are told once in `repeat_s`, with how often they came.
* An ALARM is told again every `escalate_s` until somebody acknowledges it, or its topic ends well.
* What waits is bounded: news is dropped first, and it is said how many; alarms are never dropped.
"""

from collections import deque
from dataclasses import dataclass, field
from datetime import datetime
from typing import Final

from domain.alert import Alert, Level
from domain.seams import IST
from domain.settings import AlertSettings

DIGEST_LINES_MAX: Final = 20
COUNTED_S: Final = 86_400.0
TEXT_CHARACTERS_MAX: Final = 4_000
"""A message of Telegram holds 4,096 characters; the others hold more."""


@dataclass(frozen=True, slots=True)
class Telling:
    """One message to send; `topic` is set where an alert is told alone."""

    text: str
    level: Level
    topic: str = ""


@dataclass(slots=True)
class OpenAlarm:
    """An alarm that nobody has acknowledged: when it was raised, and when it is told again (monotonic seconds)."""

    alert: Alert
    raised_at: datetime
    again_at: float
    told: int = 1


@dataclass(slots=True)
class _Said:
    until: float
    times: int = 1


@dataclass(slots=True)
class Alerting:
    """Owns what waits to be told, what was told lately, and the alarms that are open."""

    settings: AlertSettings
    open_alarms: dict[str, OpenAlarm] = field(default_factory=dict)
    dropped: int = 0
    _news: deque[tuple[datetime, Alert]] = field(default_factory=deque)
    _held_back: dict[str, tuple[float, Alert]] = field(default_factory=dict)
    _said: dict[tuple[str, str], _Said] = field(default_factory=dict)
    _digest_at: float | None = None

    def take(self, alert: Alert, at: datetime, now: float) -> list[Telling]:
        """Take an alert; return what is to be sent at once."""
        self._held_back.pop(alert.topic, None)
        if alert.wait_s:
            self._held_back[alert.topic] = (now + alert.wait_s, alert)
            return []
        return self._judge(alert, at, now)

    def _judge(self, alert: Alert, at: datetime, now: float) -> list[Telling]:
        if alert.ends:
            self.open_alarms.pop(alert.topic, None)
        said = self._said.get((alert.topic, alert.what))
        if said is not None and now < said.until:
            said.times += 1
            return []
        again = "" if said is None or said.times == 1 else f" ({said.times} times since it was first told)"
        self._said[alert.topic, alert.what] = _Said(now + self.settings.repeat_s)
        if alert.level is Level.ALARM:
            self.open_alarms[alert.topic] = OpenAlarm(alert, at, now + self.settings.escalate_s)
        elif alert.level is Level.NEWS or self.is_quiet(at):
            self._wait(alert, at, now)
            return []
        return [Telling(words_of(alert) + again, alert.level, alert.topic)]

    def _wait(self, alert: Alert, at: datetime, now: float) -> None:
        if self._digest_at is None:
            self._digest_at = now + self.settings.digest_s
        self._news.append((at, alert))
        if len(self._news) > self.settings.waiting_max:
            self._news.popleft()
            self.dropped += 1

    def look(self, at: datetime, now: float) -> list[Telling]:
        """Return what is due by now: what was held back, alarms nobody has seen, and the digest."""
        due = [topic for topic, (when, _) in self._held_back.items() if when <= now]
        tellings = [one for topic in due for one in self._judge(self._held_back.pop(topic)[1], at, now)]
        for alarm in self.open_alarms.values():
            if alarm.again_at <= now:
                alarm.told += 1
                alarm.again_at = now + self.settings.escalate_s
                since = f"Told {alarm.told} times since {alarm.raised_at.astimezone(IST):%H:%M:%S}; `ack` ends it."
                tellings.append(Telling(f"{words_of(alarm.alert)}\n{since}", Level.ALARM, alarm.alert.topic))
        if self._digest_at is not None and self._digest_at <= now and not self.is_quiet(at):
            tellings.append(self._digest())
        # What came several times waits longer for the next word of it, which says how often.
        self._said = {
            key: said for key, said in self._said.items() if now < said.until + (COUNTED_S if said.times > 1 else 0)
        }
        return tellings

    def _digest(self) -> Telling:
        lines = [f"{at.astimezone(IST):%H:%M:%S} {alert.what}" for at, alert in self._news]
        more = len(lines) - DIGEST_LINES_MAX
        shown = lines[:DIGEST_LINES_MAX] + ([f"… and {more} more; `alerts` lists the last ones."] if more > 0 else [])
        if self.dropped:
            shown.append(f"{self.dropped} older ones were dropped (alerts.waiting_max).")
        self._news.clear()
        self._digest_at, self.dropped = None, 0
        return Telling("\n".join(shown)[:TEXT_CHARACTERS_MAX], Level.NEWS)

    def acknowledge(self, topic: str | None) -> tuple[str, ...]:
        """Take it as seen: one topic's alarm, or all; return the topics."""
        topics = tuple(one for one in self.open_alarms if topic in {None, one})
        for one in topics:
            del self.open_alarms[one]
        return topics

    def is_quiet(self, at: datetime) -> bool:
        """Say whether these are the quiet hours (IST); they may go over midnight."""
        begins, ends = self.settings.quiet_from, self.settings.quiet_to
        if begins is None or ends is None:
            return False
        local = at.astimezone(IST).time()
        return begins <= local < ends if begins <= ends else not ends <= local < begins


def words_of(alert: Alert) -> str:
    """Write an alert as a message: what, what it means, what to do."""
    head = f"{alert.level}: {alert.what}"
    return "\n".join(one for one in (head, alert.means, alert.do) if one)[:TEXT_CHARACTERS_MAX]
