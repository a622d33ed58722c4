from datetime import datetime
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.alerts.alert import Alert, AlertRecord, ChannelState, Level
from domain.alerts.policy import DIGEST_LINES_MAX, Alerting, Notification, text_of
from domain.alerts.text.broker import (
    books_available_alert,
    books_unavailable_alert,
    break_alert,
    break_over_alert,
    session_alert,
)
from domain.alerts.text.desk import (
    calendar_alert,
    channel_back_alert,
    channel_failing_alert,
    database_alert,
    database_back_alert,
    ending_alert,
    started_alert,
    stopped_alert,
    stranger_alert,
    summary_alert,
    thread_alert,
    watcher_alert,
)
from domain.alerts.text.exits import exit_alert, exit_begins_alert, flat_alert
from domain.alerts.text.orders import order_alert
from domain.broker.session import SessionState
from domain.orders.lifecycle import Event, State
from domain.orders.order import OrderEvent
from domain.orders.reasons import Reason
from domain.ports import IST
from domain.positions.pnl import Pnl
from domain.settings import AlertSettings
from tests.fakes import order

NOON = datetime(2026, 11, 26, 12, 0, tzinfo=IST)


def alerting(**settings: Any) -> Alerting:  # noqa: ANN401  any setting
    return Alerting(AlertSettings.model_validate({"digest_s": 60, "repeat_s": 300, "escalate_s": 120, **settings}))


def alert(level: Level = Level.WARNING, what: str = "It broke.", topic: str = "t", **given: Any) -> Alert:  # noqa: ANN401
    return Alert(topic=topic, level=level, what=what, means="Something.", do="Look.", **given)


def hear(made: Alerting, alert: Alert, at: datetime, now: float) -> list[Notification]:
    """Raise an alert, as NotifierActor does."""
    if made.holds_back(alert, now) or made.is_known(alert, now):
        return []
    return made.take(AlertRecord(alert_id=f"{alert.topic}/{alert.what}/{now}", alert=alert, raised_at=at), now)


def look(made: Alerting, at: datetime, now: float) -> list[Notification]:
    """See what is due, as NotifierActor does."""
    overdue = [one for alert in made.overdue(now) for one in hear(made, alert, at, now)]
    return overdue + made.look(at, now)


def texts(notifications: list[Any]) -> list[str]:
    return [one.text for one in notifications]


def test_a_warning_is_told_at_once_and_whole() -> None:
    (told,) = hear(alerting(), alert(), NOON, 0)

    assert told.text == "WARNING: It broke.\nSomething.\nLook."


def test_news_waits_for_the_digest() -> None:
    made = alerting()

    assert hear(made, alert(Level.INFO, "One."), NOON, 0) == []
    assert hear(made, alert(Level.INFO, "Two."), NOON, 1) == []
    assert look(made, NOON, 59) == []
    assert texts(look(made, NOON, 60)) == ["12:00:00 One.\n12:00:00 Two."]
    assert look(made, NOON, 200) == []


def test_the_same_words_are_told_once_in_a_while_with_how_often_they_came() -> None:
    made = alerting()

    assert len(hear(made, alert(), NOON, 0)) == 1
    assert hear(made, alert(), NOON, 10) == hear(made, alert(), NOON, 20) == []
    assert len(hear(made, alert(what="Another."), NOON, 20)) == 1
    assert texts(hear(made, alert(), NOON, 301))[0].endswith("(3 times since it was first told)")


def test_an_alarm_is_told_again_until_somebody_has_seen_it() -> None:
    made = alerting()
    hear(made, alert(Level.CRITICAL), NOON, 0)

    assert look(made, NOON, 119) == []
    (again,) = look(made, NOON, 120)
    assert again.text.endswith("Told 2 times since 12:00:00; `ack` ends it.")
    assert (again.alert_ids, again.topic) == ((made.open_alarms[again.topic].record.alert_id,), alert().topic)
    assert made.acknowledge("other") == ()
    assert made.acknowledge(None) == ("t",)
    assert look(made, NOON, 400) == []


def test_an_alarm_ends_with_the_good_end_of_its_story() -> None:
    made = alerting()
    hear(made, alert(Level.CRITICAL), NOON, 0)

    hear(made, alert(Level.INFO, "It is whole again.", ends=True), NOON, 1)

    assert made.open_alarms == {}


def test_in_quiet_hours_only_alarms_are_told_and_the_rest_after_them() -> None:
    made = alerting(quiet_from="22:00", quiet_to="07:00")
    night = NOON.replace(hour=23)

    assert hear(made, alert(), night, 0) == []
    assert len(hear(made, alert(Level.CRITICAL, "Now."), night, 0)) == 1
    made.acknowledge(None)
    assert look(made, night, 100) == []
    assert made.is_quiet(NOON.replace(hour=6, minute=59))
    assert texts(look(made, NOON.replace(hour=7), 200)) == ["23:00:00 It broke."]


def test_what_may_settle_by_itself_is_told_only_when_it_does_not() -> None:
    made = alerting()
    hear(made, alert(wait_s=60), NOON, 0)
    hear(made, alert(what="Stuck.", topic="other", wait_s=60), NOON, 0)

    hear(made, alert(Level.INFO, "It has filled."), NOON, 30)

    assert look(made, NOON, 59) == []
    assert [one for one in texts(look(made, NOON, 61)) if "WARNING" in one] == ["WARNING: Stuck.\nSomething.\nLook."]


@given(st.lists(st.tuples(st.sampled_from(Level), st.integers(0, 5)), max_size=60), st.integers(1, 10))
def test_what_waits_is_bounded_and_no_alarm_is_ever_dropped(raised: list[tuple[Level, int]], limit: int) -> None:
    made = alerting(waiting_max=limit)
    told = []
    for number, (level, topic) in enumerate(raised):
        told += hear(made, alert(level, f"What {number}.", f"t{topic}"), NOON, number)
        assert len(made._waiting) <= limit

    alarms = sum(level is Level.CRITICAL for level, _ in raised)
    assert sum(one.level is Level.CRITICAL for one in told) == alarms
    news = sum(level is Level.INFO for level, _ in raised)
    assert made.dropped == max(0, news - limit)


def test_a_long_digest_says_how_much_more_there_is() -> None:
    made = alerting(waiting_max=30)
    for number in range(40):
        hear(made, alert(Level.INFO, f"What {number}."), NOON, 0)

    (digest,) = texts(look(made, NOON, 60))

    assert "… and 10 more" in digest
    assert digest.endswith("10 older ones were dropped (alerts.waiting_max).")


# the words


def of_order(event: Event, state: State, *, late: bool = False, **changes: Any) -> Alert | None:  # noqa: ANN401
    made = order(state=state, **changes)
    return order_alert(made, OrderEvent(kind=event), late=late)


EVERY: dict[str, Alert | None] = {
    "filled": of_order(Event.FILLED, State.FILLED, filled_quantity=10, average_price=Decimal("100.5")),
    "stuck": of_order(Event.PARTIALLY_FILLED, State.PARTIALLY_FILLED, filled_quantity=4),
    "refused": of_order(Event.REFUSED, State.REFUSED, note="RED:Margin Shortfall"),
    "rejected": of_order(Event.REJECTED, State.REJECTED, note="circuit", filled_quantity=3),
    "unconfirmed": of_order(Event.REPLY_LOST, State.UNCONFIRMED),
    "absent": of_order(Event.PROVED_ABSENT, State.NOT_PLACED),
    "canceled": of_order(Event.CANCELED, State.CANCELED, filled_quantity=3),
    "late": of_order(Event.FILLED, State.FILLED, late=True, filled_quantity=10),
    "change": of_order(Event.CHANGE_REFUSED, State.WORKING, tag=Reason.CHANGE_REFUSED),
    "session": session_alert(SessionState.LOGGED_IN, "x"),
    "expired": session_alert(SessionState.EXPIRED, "the broker says so"),
    "login refused": session_alert(SessionState.REFUSED, "wrong password"),
    "blind": books_unavailable_alert("HTTP 502"),
    "seeing": books_available_alert(),
    "break": break_alert("x", "ours 10, theirs 0", stops_entries=True),
    "agree": break_over_alert("x"),
    "database": database_alert("disk full"),
    "database back": database_back_alert(),
    "watcher": watcher_alert("it died"),
    "ending": ending_alert("GuardActor died"),
    "exit": exit_alert("X of dip", "the stop", 3, 1, loud=True),
    "exit begins": exit_begins_alert("X of dip", "the stop"),
    "flat": flat_alert("X of dip", "the stop", 2),
    "started": started_alert(1, 2),
    "stopped": stopped_alert(()),
    "stopped with more": stopped_alert((), "1 position held"),
    "in flight": stopped_alert(("c1", "c2")),
    "stranger": stranger_alert("666", 0),
    "strangers": stranger_alert("666", 499),
    "thread": thread_alert("telegram"),
    "channel": channel_failing_alert(ChannelState(name="mailto", failing_since=NOON, why="no route")),
    "channel back": channel_back_alert(ChannelState(name="mailto")),
    "calendar": calendar_alert(("the holidays of 2027 are computed", "and so on")),
    "summary": summary_alert("2026-11-26", {"EXECUTED": 3}, ["+10 X of dip"], Pnl(Decimal(5), Decimal(2))),
}


@pytest.mark.parametrize("told", EVERY.values(), ids=EVERY)
def test_an_alert_says_what_happened_what_it_means_and_what_to_do(told: Alert | None) -> None:
    assert told is not None
    for message in (told.what, told.means, *([told.do] if told.do else [])):
        assert message.endswith((".", '".'))
        assert not message[0].islower() or message.startswith("trend")
    assert told.do or told.level is Level.INFO


def test_the_brokers_own_words_are_quoted() -> None:
    refused = EVERY["refused"]
    assert refused is not None
    assert refused.what == 'trend: BUY 10 RELIANCE-EQ was refused: "RED:Margin Shortfall".'


def test_an_acknowledgement_is_no_outcome() -> None:
    assert of_order(Event.ACCEPTED, State.WORKING) is None
    assert of_order(Event.SENT, State.SENDING) is None


def test_a_clean_stop_that_leaves_nothing_is_no_warning() -> None:
    levels = [stopped_alert((), left).level for left in ("", "1 position held")]

    assert levels == [Level.INFO, Level.WARNING]
    assert stopped_alert(("c1",)).level is Level.CRITICAL


def test_the_day_is_summed_up() -> None:
    summary = EVERY["summary"]
    assert summary is not None
    assert text_of(summary).startswith(
        "INFO: The day 2026-11-26: +7.00 rupees, +5.00 of it realised; orders: 3 executed; held: +10 X of dip."
    )


# edges


def test_news_in_quiet_hours_waits_for_their_end_and_for_its_digest() -> None:
    made = alerting(quiet_from="22:00", quiet_to="06:00")
    hear(made, alert(Level.INFO, "One."), NOON, 0)

    assert look(made, NOON.replace(hour=22), 60) == []
    assert look(made, NOON.replace(hour=5, minute=59), 61) == []
    assert len(look(made, NOON.replace(hour=6), 62)) == 1


@pytest.mark.parametrize(
    ("begins", "ends", "hour", "quiet"),
    [
        ("22:00", "06:00", 21, False),
        ("22:00", "06:00", 22, True),
        ("22:00", "06:00", 3, True),
        ("22:00", "06:00", 6, False),
        ("10:00", "14:00", 9, False),
        ("10:00", "14:00", 10, True),
        ("10:00", "14:00", 13, True),
        ("10:00", "14:00", 14, False),
        (None, None, 12, False),
    ],
)
def test_quiet_hours_begin_and_end_at_their_times(
    begins: str | None, ends: str | None, hour: int, *, quiet: bool
) -> None:
    assert alerting(quiet_from=begins, quiet_to=ends).is_quiet(NOON.replace(hour=hour)) is quiet


@pytest.mark.parametrize(("lines", "more"), [(DIGEST_LINES_MAX, False), (DIGEST_LINES_MAX + 1, True)])
def test_a_digest_that_fits_says_nothing_of_more(lines: int, *, more: bool) -> None:
    made = alerting()
    for number in range(lines):
        hear(made, alert(Level.INFO, f"Number {number}."), NOON, 0)

    (told,) = texts(look(made, NOON, 60))

    assert ("… and 1 more;" in told) is more
    assert ("… and" in told) is more
    assert told.count("Number") == DIGEST_LINES_MAX


def test_words_are_told_again_after_their_pause_and_not_before() -> None:
    made = alerting()
    hear(made, alert(), NOON, 0)

    assert hear(made, alert(), NOON, 299.9) == []
    assert len(hear(made, alert(), NOON, 300)) == 1


# stories (FINDINGS A6, B7)


def test_an_alarm_that_was_seen_is_told_when_it_comes_again() -> None:
    made = alerting()
    hear(made, alert(Level.CRITICAL), NOON, 0)
    assert hear(made, alert(Level.CRITICAL), NOON, 1) == [], "its story is open, and told"

    made.acknowledge(None)

    assert len(hear(made, alert(Level.CRITICAL), NOON, 2)) == 1
    assert "t" in made.open_alarms


def test_an_alarm_that_ended_well_is_told_when_it_comes_again_and_so_is_its_end() -> None:
    made = alerting()
    for at in (0, 10, 20):
        assert len(hear(made, alert(Level.CRITICAL), NOON, at)) == 1
        assert len(hear(made, alert(Level.INFO, "It is whole again.", ends=True), NOON, at + 1)) == 1
        assert made.open_alarms == {}


def test_the_end_of_an_alarm_is_told_at_once_also_when_it_was_seen_and_at_night() -> None:
    made = alerting(quiet_from="22:00", quiet_to="07:00")
    night = NOON.replace(hour=23)
    hear(made, alert(Level.CRITICAL), night, 0)
    made.acknowledge(None)

    (told,) = hear(made, alert(Level.INFO, "It is whole again.", ends=True), night, 1)
    assert told.level is Level.WARNING, "it is not given up as news is"


def test_the_end_of_what_was_no_alarm_waits_for_the_digest() -> None:
    made = alerting()
    hear(made, alert(), NOON, 0)

    assert hear(made, alert(Level.INFO, "It is whole again.", ends=True), NOON, 1) == []


def test_a_digest_names_every_alert_that_it_tells() -> None:
    made = alerting(quiet_from="22:00", quiet_to="07:00")
    night = NOON.replace(hour=23)
    hear(made, alert(what="One."), night, 0)
    hear(made, alert(Level.INFO, "Two."), night, 1)

    (digest,) = look(made, NOON.replace(hour=7), 100)

    assert digest.alert_ids == ("t/One./0", "t/Two./1")
    assert digest.level is Level.WARNING, "it is not given up as news is"


def test_every_warning_of_the_night_is_told_however_many_there_were() -> None:
    made = alerting(quiet_from="22:00", quiet_to="07:00")
    night = NOON.replace(hour=23)
    for number in range(200):
        hear(made, alert(what=f"Warning {number}, with some more words to it."), night, 0)
        hear(made, alert(Level.INFO, f"News {number}."), night, 0)

    digests = look(made, NOON.replace(hour=7), 100)

    lines = "\n".join(texts(digests)).splitlines()
    assert sum("Warning" in one for one in lines) == 200
    assert sum("News" in one for one in lines) == DIGEST_LINES_MAX
    assert all(len(one.text) <= 4_000 for one in digests)
    assert len({alert_id for one in digests for alert_id in one.alert_ids}) == 400, "told, or said to be left out"


def test_what_is_dropped_from_a_full_digest_is_news_before_warnings() -> None:
    made = alerting(waiting_max=3, quiet_from="22:00", quiet_to="07:00")
    night = NOON.replace(hour=23)
    for number, level in enumerate((Level.WARNING, Level.INFO, Level.WARNING, Level.INFO, Level.WARNING)):
        hear(made, alert(level, f"Number {number}."), night, 0)

    (digest,) = look(made, NOON.replace(hour=7), 100)

    assert [line.split(" ", 1)[1] for line in digest.text.splitlines()[:3]] == ["Number 0.", "Number 2.", "Number 4."]
    assert "2 older ones were dropped" in digest.text


def of_before(level: Level = Level.WARNING, **given: Any) -> AlertRecord:  # noqa: ANN401  any field
    ends = bool(given.pop("ends", False))
    return AlertRecord(alert_id="1", alert=alert(level, ends=ends), raised_at=NOON, **given)


@pytest.mark.parametrize(
    ("record", "channels"),
    [
        (of_before(told_at=NOON, owed=("chat", "gone")), ("chat",)),
        (of_before(told_at=NOON), None),
        (of_before(), ("mail", "chat")),
        (of_before(Level.INFO, ends=True, owed=("mail",)), ("mail",)),
        (of_before(Level.CRITICAL, told_at=NOON, owed=("mail",)), ("mail",)),
    ],
)
def test_a_start_tells_what_is_owed_to_those_that_owe_it(record: AlertRecord, channels: tuple[str, ...] | None) -> None:
    made = alerting()

    notifications = made.catch_up(record, ("mail", "chat"))

    assert [one.only for one in notifications] == ([] if channels is None else [channels])
    assert made.open_alarms == {}


def test_an_open_alarm_of_before_is_told_to_all_and_a_repeat_of_it_is_not() -> None:
    made = alerting()

    (told,) = made.reopen(of_before(Level.CRITICAL, told_at=NOON), 0)

    assert told.only is None
    assert told.text.endswith("(from 26 Nov 12:00, before the desk was started)")
    assert hear(made, alert(Level.CRITICAL), NOON, 1) == []
    assert len(look(made, NOON, 121)) == 1
