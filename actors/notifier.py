"""Alerts: decides what a person is told and when (`domain/alerting.py`), and hands it to the thread that sends.

Every alert stands in the log. A warning or an alarm is kept on disk until it was told and, if an alarm, acknowledged:
the next start goes on telling it. Nobody waits for a channel here.
"""

from collections import deque
from collections.abc import Callable
from datetime import date
from typing import Final, Protocol, assert_never

from loguru import logger

from actors.address import Address, post
from actors.loop import LoopActor
from actors.messages import (
    AcknowledgeAlarms,
    ActorDied,
    AlarmsAcknowledged,
    AlertsNow,
    FindAlerts,
    LookAtAlerts,
    NotifierInbox,
    RaiseAlert,
    RecordAlert,
    RepoInbox,
    ResumeAlarms,
    TellingSent,
)
from actors.timer import Timer
from domain.alert import Alert, AlertRecord, Level
from domain.alerting import Alerting, Telling
from domain.seams import IST, Clock, Ids
from domain.settings import AlertSettings

LOOK_S: Final = 1.0
REMEMBERED_MAX: Final = 500
_LOG_LEVELS: Final = {Level.NEWS: "DEBUG", Level.WARNING: "WARNING", Level.ALARM: "CRITICAL"}


class Outbox(Protocol):
    """Where texts go: never waits."""

    def send(self, telling: Telling) -> None:
        """Send it some time."""


class NotifierActor(LoopActor):
    """Owns what has been told and what is still to be told."""

    def __init__(
        self,
        *,
        supervisor: Address[ActorDied],
        repo: Address[RepoInbox],
        outbox: Outbox | None,
        summarise: Callable[[], None] | None,
        settings: AlertSettings,
        clock: Clock,
        ids: Ids,
        timer: Timer,
    ) -> None:
        super().__init__(supervisor)
        self._repo = repo
        self._outbox = outbox
        self._summarise = summarise
        self._settings = settings
        self._clock = clock
        self._ids = ids
        self._timer = timer
        self._alerting = Alerting(settings)
        self._records: deque[AlertRecord] = deque(maxlen=REMEMBERED_MAX)
        self._untold: dict[str, list[AlertRecord]] = {}
        self._summed_up: date | None = None

    def on_start(self) -> None:
        """Begin to look at what is due."""
        self._timer.tell_after(LOOK_S, self.actor_ref, LookAtAlerts())

    def on_receive(self, message: NotifierInbox) -> AlertsNow | AlarmsAcknowledged | None:
        """Take an alert, or see what is due."""
        match message:
            case RaiseAlert():
                self._take(message.alert)
            case LookAtAlerts():
                self._send(self._alerting.look(self._clock.now(), self._clock.monotonic()))
                self._sum_up()
                self._timer.tell_after(LOOK_S, self.actor_ref, LookAtAlerts())
            case TellingSent():
                self._note_told(message.topic)
            case AcknowledgeAlarms():
                return self._acknowledge(message.topic)
            case ResumeAlarms():
                self._resume(message.records)
            case FindAlerts():
                channels = "" if self._outbox is not None else "no channel is set up ([alerts] in the settings)"
                return AlertsNow(records=tuple(self._records), open=tuple(self._alerting.open_alarms), trouble=channels)
            case _:
                assert_never(message)
        return None

    def _take(self, alert: Alert) -> None:
        now = self._clock.now()
        if not alert.wait_s:
            logger.log(_LOG_LEVELS[alert.level], "{} {} {}", alert.what, alert.means, alert.do)
            # Where no channel is set up, the log is where alerts are told.
            told_at = now if self._outbox is None else None
            record = AlertRecord(alert_id=self._ids.new(), alert=alert, raised_at=now, told_at=told_at)
            self._records.append(record)
            if alert.level is not Level.NEWS or alert.ends:
                post(self._repo, RecordAlert(record=record))
                if self._outbox is not None:
                    self._untold.setdefault(alert.topic, []).append(record)
        self._send(self._alerting.take(alert, now, self._clock.monotonic()))

    def _send(self, tellings: list[Telling]) -> None:
        if self._outbox is not None:
            for one in tellings:
                self._outbox.send(one)

    def _note_told(self, topic: str) -> None:
        for record in self._untold.pop(topic, []):
            self._keep(record.told(self._clock.now()))

    def _keep(self, record: AlertRecord) -> None:
        for place, one in enumerate(self._records):
            if one.alert_id == record.alert_id:
                self._records[place] = record
        post(self._repo, RecordAlert(record=record))

    def _acknowledge(self, topic: str | None) -> AlarmsAcknowledged:
        topics = self._alerting.acknowledge(topic)
        now = self._clock.now()
        for record in [one for one in self._records if one.alert.topic in topics and one.acknowledged_at is None]:
            self._keep(record.acknowledged(now))
        return AlarmsAcknowledged(topics=topics)

    def _resume(self, records: tuple[AlertRecord, ...]) -> None:
        """Go on with what an earlier run did not tell, or nobody has acknowledged."""
        for record in records:
            self._records.append(record)
            self._untold.setdefault(record.alert.topic, []).append(record)
            tellings = self._alerting.take(record.alert, self._clock.now(), self._clock.monotonic())
            since = f"(from {record.raised_at.astimezone(IST):%d %b %H:%M}, before the desk was started)"
            self._send([Telling(f"{one.text}\n{since}", one.level, one.topic) for one in tellings])

    def _sum_up(self) -> None:
        """Ask for the day's summary once, at its time."""
        at, local = self._settings.summary_at, self._clock.now().astimezone(IST)
        if at is None or self._summarise is None:
            return
        if self._summed_up is None:
            # A start after the time sums up nothing: the day's summary was told, or there was no desk.
            self._summed_up = local.date() if local.time() >= at else date.min
        if local.time() >= at and self._summed_up != local.date():
            self._summed_up = local.date()
            self._summarise()
