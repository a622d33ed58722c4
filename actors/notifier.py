"""Alerts: decides what a person is told and when (`domain/alerts/policy.py`), and hands it to the thread that sends.

Every alert stands in the log. A warning or an alarm is kept on disk until every channel has told it and, if an alarm,
somebody has acknowledged it: the next start goes on telling it. Nobody waits for a channel here. A channel that takes
nothing for a while is told on the others.
"""

from collections.abc import Callable
from datetime import date
from typing import Final, Protocol, assert_never

from loguru import logger

from actors.messages.alerts import AcknowledgeAlarms, FindAlerts, NotificationSent, RaiseAlert
from actors.messages.desk import SnapshotLoaded
from actors.messages.inboxes import NotifierInbox
from actors.messages.persistence import Record
from actors.messages.timer import TimerFired
from actors.runtime.address import post
from actors.runtime.mailboxes import Mailboxes, Runtime
from actors.runtime.shared_thread import SharedThreadActor
from domain.alerts.alert import Alert, AlertRecord, ChannelState, Level, Unfinished
from domain.alerts.policy import Alerting, Notification
from domain.alerts.text.desk import channel_back_alert, channel_failing_alert
from domain.ports import IST
from domain.read_models import AlarmsAcknowledged, AlertsNow
from domain.settings import AlertSettings

LOOK_S: Final = 1.0
REMEMBERED_MAX: Final = 500
FAILING_S: Final = 300.0
"""A channel that takes nothing for so long is told of on the others."""
_LOG_LEVELS: Final = {Level.INFO: "DEBUG", Level.WARNING: "WARNING", Level.CRITICAL: "CRITICAL"}


class Outbox(Protocol):
    """Where texts go: never waits."""

    def send(self, notification: Notification) -> None:
        """Send it some time, to the channels it is for."""

    @property
    def states(self) -> tuple[ChannelState, ...]:
        """Return how each channel delivers."""


class NotifierActor(SharedThreadActor):
    """Owns what has been told and what is still to be told."""

    def __init__(
        self,
        *,
        mail: Mailboxes,
        runtime: Runtime,
        outbox: Outbox | None,
        summarise: Callable[[], None] | None,
        settings: AlertSettings,
    ) -> None:
        super().__init__(mail.supervisor)
        self._repo = mail.repo
        self._outbox = outbox
        self._summarise = summarise
        self._settings = settings
        self._clock = runtime.clock
        self._ids = runtime.ids
        self._timer = runtime.timer
        self._alerting = Alerting(settings)
        self._records: dict[str, AlertRecord] = {}
        self._failing: set[str] = set()
        self._summed_up: date | None = None

    def on_start(self) -> None:
        """Begin to look at what is due."""
        self._timer.tell_after(LOOK_S, self.actor_ref, TimerFired())

    def on_receive(self, message: NotifierInbox) -> AlertsNow | AlarmsAcknowledged | None:
        """Take an alert, or see what is due."""
        match message:
            case RaiseAlert():
                self._hear(message.alert)
            case TimerFired():
                self._look()
                self._timer.tell_after(LOOK_S, self.actor_ref, TimerFired())
            case NotificationSent():
                self._note_told(message.alert_ids, message.channel)
            case AcknowledgeAlarms():
                return self._acknowledge(message.topic)
            case SnapshotLoaded():
                self._resume(message.snapshot.alerts)
            case FindAlerts():
                return self._alerts_now(with_records=message.with_records)
            case _:
                assert_never(message)
        return None

    def _hear(self, alert: Alert) -> None:
        if not self._alerting.holds_back(alert, self._clock.monotonic()):
            self._take(alert)

    def _take(self, alert: Alert) -> None:
        now = self._clock.now()
        logger.log(_LOG_LEVELS[alert.level], "{} {} {}", alert.what, alert.means, alert.do)
        if self._alerting.is_known(alert, self._clock.monotonic()):
            return
        # Where no channel is set up, the log is where alerts are told.
        told_at, owed = (now, ()) if self._outbox is None else (None, self._channels())
        record = AlertRecord(alert_id=self._ids.new(), alert=alert, raised_at=now, told_at=told_at, owed=owed)
        self._records[record.alert_id] = record
        if alert.level is not Level.INFO or alert.ends:
            post(self._repo, Record(item=record))
        self._send(self._alerting.take(record, self._clock.monotonic()))
        self._forget_the_oldest()

    def _send(self, notifications: list[Notification]) -> None:
        if self._outbox is not None:
            for one in notifications:
                self._outbox.send(one)

    def _channels(self) -> tuple[str, ...]:
        return () if self._outbox is None else tuple(one.name for one in self._outbox.states)

    def _note_told(self, alert_ids: tuple[str, ...], channel: str) -> None:
        for alert_id in alert_ids:
            record = self._records.get(alert_id)
            if record is not None and (channel in record.owed or record.told_at is None):
                self._keep(record.told(channel, self._clock.now()))

    def _keep(self, record: AlertRecord) -> None:
        self._records[record.alert_id] = record
        if record.alert.level is not Level.INFO or record.alert.ends:
            post(self._repo, Record(item=record))

    def _acknowledge(self, topic: str | None) -> AlarmsAcknowledged:
        topics = self._alerting.acknowledge(topic)
        now = self._clock.now()
        for record in [one for one in self._records.values() if one.alert.topic in topics]:
            if record.acknowledged_at is None:
                self._keep(record.acknowledged(now))
        return AlarmsAcknowledged(topics=topics)

    def _resume(self, left: Unfinished) -> None:
        """Go on with what an earlier run did not tell, or nobody has acknowledged: open alarms first."""
        earlier = {record.alert_id: record for record in (*left.open_alarms, *left.owed)}
        self._records = earlier | self._records
        for record in left.open_alarms:
            self._send(self._alerting.reopen(record, self._clock.monotonic()))
        for record in left.owed:
            self._send(self._alerting.catch_up(record, self._channels()))

    def _forget_the_oldest(self) -> None:
        """Keep so many, and beyond them what is still to be told or acknowledged."""
        for alert_id, record in list(self._records.items())[: max(0, len(self._records) - REMEMBERED_MAX)]:
            if not record.owed and record.alert.topic not in self._alerting.open_alarms:
                del self._records[alert_id]

    def _alerts_now(self, *, with_records: bool) -> AlertsNow:
        return AlertsNow(
            records=tuple(self._records.values()) if with_records else (),
            open=tuple(self._alerting.open_alarms),
            trouble="" if self._outbox is not None else "no channel is set up ([alerts] in the settings)",
            channels=() if self._outbox is None else self._outbox.states,
        )

    def _look(self) -> None:
        now = self._clock.monotonic()
        for alert in self._alerting.overdue(now):
            self._take(alert)
        self._send(self._alerting.look(self._clock.now(), now))
        self._look_at_channels()
        self._sum_up()

    def _look_at_channels(self) -> None:
        """Tell on the others that a channel takes nothing, and that it does again."""
        for state in () if self._outbox is None else self._outbox.states:
            since = state.failing_since
            is_failing = since is not None and (self._clock.now() - since).total_seconds() >= FAILING_S
            if is_failing and state.name not in self._failing:
                self._failing.add(state.name)
                self._take(channel_failing_alert(state))
            elif since is None and state.name in self._failing:
                self._failing.discard(state.name)
                self._take(channel_back_alert(state))

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
