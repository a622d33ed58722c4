"""Which alerts are told when: at once, in a digest, after the quiet hours, again and again until seen.

* INFO waits for the next digest. WARNING and CRITICAL are told at once, and so is the end of an alarm's story.
* In quiet hours only a CRITICAL alert and its end are told; the rest waits for the first digest after them.
* The same words about the same topic are told once in `repeat_s`, with how often they came. A CRITICAL alert is left
  out only while its own story is open: once somebody has seen it, or it has ended, the next one is a new story.
* A CRITICAL alert is told again every `escalate_s` until somebody acknowledges it, or its topic ends well.
* What waits for a digest is bounded: the oldest news is dropped first, and it is said how many. No alarm waits there.
"""

from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Final

from domain.alerts.alert import Alert, AlertRecord, Level
from domain.ports import IST
from domain.settings import AlertSettings

DIGEST_LINES_MAX: Final = 20
COUNTED_S: Final = 86_400.0
TEXT_CHARACTERS_MAX: Final = 4_000
"""A message of Telegram holds 4,096 characters; the others hold more."""


@dataclass(frozen=True, slots=True)
class Notification:
    """One message to send, with the alerts it tells. `topic` is set where it tells an open alarm once more.

    `level` is the highest of what it tells: a text of news alone may be given up.
    """

    text: str
    level: Level
    alert_ids: tuple[str, ...] = ()
    topic: str = ""
    only: tuple[str, ...] | None = None
    """The channels that it is for; None means all."""


@dataclass(slots=True)
class OpenAlarm:
    """An alarm that nobody has acknowledged: when it was raised, and when it is told again (monotonic seconds)."""

    record: AlertRecord
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
    _waiting: deque[AlertRecord] = field(default_factory=deque)
    _dropped_ids: list[str] = field(default_factory=list)
    _held_back: dict[str, tuple[float, Alert]] = field(default_factory=dict)
    _said: dict[tuple[str, str], _Said] = field(default_factory=dict)
    _stories: dict[str, float] = field(default_factory=dict)
    """Topics in which an alarm was told: until when its end is worth telling at once (monotonic seconds)."""
    _digest_at: float | None = None

    def holds_back(self, alert: Alert, now: float) -> bool:
        """Say whether it waits to see if anything follows; what waited about its topic is decided by it."""
        self._held_back.pop(alert.topic, None)
        if alert.wait_s:
            self._held_back[alert.topic] = (now + alert.wait_s, replace(alert, wait_s=0.0))
        return bool(alert.wait_s)

    def overdue(self, now: float) -> tuple[Alert, ...]:
        """Return what nothing followed in its time: it is to be told now."""
        topics = [topic for topic, (when, _) in self._held_back.items() if when <= now]
        return tuple(self._held_back.pop(topic)[1] for topic in topics)

    def is_known(self, alert: Alert, now: float) -> bool:
        """Say whether these words were told a moment ago, and count them. Never an alarm that begins, or its end."""
        said = self._said.get((alert.topic, alert.what))
        if said is None or now >= said.until:
            return False
        if alert.level is Level.CRITICAL and alert.topic not in self.open_alarms:
            return False
        if alert.ends and alert.topic in self._stories:
            return False
        said.times += 1
        return True

    def take(self, record: AlertRecord, now: float) -> list[Notification]:
        """Take an alert that is not known; return what is to be sent at once."""
        alert = record.alert
        said = self._said.get((alert.topic, alert.what))
        again = "" if said is None or said.times == 1 else f" ({said.times} times since it was first told)"
        self._said[alert.topic, alert.what] = _Said(now + self.settings.repeat_s)
        closes = alert.ends and alert.topic in self._stories
        if alert.ends:
            self.open_alarms.pop(alert.topic, None)
            self._stories.pop(alert.topic, None)
        if alert.level is Level.CRITICAL and not alert.ends:
            self.open_alarms[alert.topic] = OpenAlarm(record, now + self.settings.escalate_s)
            self._stories[alert.topic] = now + COUNTED_S
        elif not closes and (alert.level is Level.INFO or self.is_quiet(record.raised_at)):
            self._wait(record, now)
            return []
        return [Notification(text_of(alert) + again, _urgency_of(record), (record.alert_id,))]

    def reopen(self, record: AlertRecord, now: float) -> list[Notification]:
        """Go on with an alarm of an earlier run that is open: every channel tells it."""
        alert = record.alert
        self.open_alarms[alert.topic] = OpenAlarm(record, now + self.settings.escalate_s)
        self._stories[alert.topic] = now + COUNTED_S
        self._said[alert.topic, alert.what] = _Said(now + self.settings.repeat_s)
        return [Notification(_text_of_earlier(record), alert.level, (record.alert_id,))]

    @staticmethod
    def catch_up(record: AlertRecord, channels: Sequence[str]) -> list[Notification]:
        """Tell what an earlier run did not, on the channels that owe it. What nobody was told is owed by all."""
        nobody = record.told_at is None and not record.owed
        owed = tuple(one for one in channels if nobody or one in record.owed)
        told = Notification(_text_of_earlier(record), _urgency_of(record), (record.alert_id,), only=owed)
        return [told] if owed else []

    def _wait(self, record: AlertRecord, now: float) -> None:
        if self._digest_at is None:
            self._digest_at = now + self.settings.digest_s
        self._waiting.append(record)
        if len(self._waiting) > self.settings.waiting_max:
            news = next((one for one in self._waiting if one.alert.level is Level.INFO), self._waiting[0])
            self._waiting.remove(news)
            self._dropped_ids.append(news.alert_id)
            self.dropped += 1

    def look(self, at: datetime, now: float) -> list[Notification]:
        """Return what is due by now: alarms that nobody has seen, and the digest."""
        notifications = []
        for topic, alarm in self.open_alarms.items():
            if alarm.again_at <= now:
                alarm.told += 1
                alarm.again_at = now + self.settings.escalate_s
                since = (
                    f"Told {alarm.told} times since {alarm.record.raised_at.astimezone(IST):%H:%M:%S}; `ack` ends it."
                )
                text = f"{text_of(alarm.record.alert)}\n{since}"
                notifications.append(Notification(text, Level.CRITICAL, (alarm.record.alert_id,), topic))
        if self._digest_at is not None and self._digest_at <= now and not self.is_quiet(at):
            notifications += self._digest()
        # What came several times waits longer for the next word of it, which says how often.
        self._said = {
            key: said for key, said in self._said.items() if now < said.until + (COUNTED_S if said.times > 1 else 0)
        }
        self._stories = {key: until for key, until in self._stories.items() if now < until or key in self.open_alarms}
        return notifications

    def _digest(self) -> list[Notification]:
        """Return the digest, in as many messages as the warnings in it need; of the news only so many lines."""
        news = [one for one in self._waiting if one.alert.level is Level.INFO]
        left_out = {one.alert_id for one in news[DIGEST_LINES_MAX:]}
        counts = {one.alert_id for one in self._waiting if one.alert.level is not Level.INFO}
        told = [(self._line(one), one.alert_id) for one in self._waiting if one.alert_id not in left_out]
        if left_out:
            told.append((f"… and {len(left_out)} more; `alerts` lists the last ones.", ""))
        if self.dropped:
            told.append((f"{self.dropped} older ones were dropped (alerts.waiting_max).", ""))
        notifications: list[Notification] = []
        for line, alert_id in told:
            text = f"{notifications[-1].text}\n{line}" if notifications else line
            ids = (alert_id,) if alert_id else ()
            level = Level.WARNING if alert_id in counts else Level.INFO
            if notifications and len(text) <= TEXT_CHARACTERS_MAX:
                level = Level.WARNING if level is Level.WARNING else notifications[-1].level
                notifications[-1] = replace(
                    notifications[-1], text=text, level=level, alert_ids=(*notifications[-1].alert_ids, *ids)
                )
            else:
                notifications.append(Notification(line[:TEXT_CHARACTERS_MAX], level, ids))
        hidden = (*self._dropped_ids, *left_out)
        notifications[-1] = replace(notifications[-1], alert_ids=(*notifications[-1].alert_ids, *hidden))
        self._waiting.clear()
        self._dropped_ids.clear()
        self._digest_at, self.dropped = None, 0
        return notifications

    @staticmethod
    def _line(record: AlertRecord) -> str:
        return f"{record.raised_at.astimezone(IST):%H:%M:%S} {record.alert.what}"

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


def text_of(alert: Alert) -> str:
    """Write an alert as a message: what, what it means, what to do."""
    head = f"{alert.level}: {alert.what}"
    return "\n".join(one for one in (head, alert.means, alert.do) if one)[:TEXT_CHARACTERS_MAX]


def _urgency_of(record: AlertRecord) -> Level:
    """Return how a text told by itself is treated: the end of what was an alarm is not given up as news is."""
    return Level.WARNING if record.alert.level is Level.INFO else record.alert.level


def _text_of_earlier(record: AlertRecord) -> str:
    return (
        f"{text_of(record.alert)}\n(from {record.raised_at.astimezone(IST):%d %b %H:%M}, before the desk was started)"
    )
