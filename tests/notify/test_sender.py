"""The threads that send: one a channel, each in order, none in another's way."""

import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

import pytest
from loguru import logger

from actors.runtime.clock import SystemClock
from domain.alerts.alert import ChannelState, Level
from domain.alerts.policy import Notification
from domain.settings import AlertSettings
from notify.port import Channel, ChannelError
from notify.sender import Sender
from tests.notify.bot_api import BotApi, telegram
from tests.scenarios.waiting import until
from tests.timing import patient

QUICK = AlertSettings.model_validate({"retry_s": 0.02, "retry_s_max": 0.05})


@dataclass
class Played:
    """A channel that takes what it is told to take."""

    name: str
    fails: Callable[[str], BaseException | None] = lambda _: None
    taken: list[str] = field(default_factory=list)
    tried: list[str] = field(default_factory=list)

    def send(self, text: str) -> None:
        self.tried.append(text)
        error = self.fails(text)
        if error is not None:
            raise error
        self.taken.append(text)


def sender(channels: Sequence[Channel], told: list[tuple[tuple[str, ...], str]]) -> Sender:
    return Sender(channels, QUICK, SystemClock(), lambda one, channel: told.append((one.alert_ids, channel)))


def alarm(text: str, **given: object) -> Notification:
    return Notification(text, Level.CRITICAL, (f"id of {text}",), **given)  # type: ignore[arg-type]


def state_of(made: Sender, name: str) -> ChannelState:
    return next(one for one in made.states if one.name == name)


def test_a_warning_is_sent_again_until_it_is_taken(api: BotApi) -> None:
    told: list[tuple[tuple[str, ...], str]] = []
    api.troubles.extend(["502", "429", "502", "502", "502"])
    made = sender([telegram(api)], told)

    made.send(Notification("the stop was reached", Level.WARNING, ("a",)))

    until(lambda: told == [(("a",), "Telegram")], "it was not told")
    assert api.texts == ["the stop was reached"]
    made.stop(1)


def test_news_is_given_up_after_some_tries_and_what_follows_is_sent(api: BotApi) -> None:
    told: list[tuple[tuple[str, ...], str]] = []
    api.troubles.extend(["502", "502", "502"])
    made = sender([telegram(api)], told)

    made.send(Notification("news", Level.INFO, ("a",)))
    made.send(Notification("alarm", Level.CRITICAL, ("b",)))

    until(lambda: told == [(("b",), "Telegram")], lambda: f"told: {told}")
    assert api.texts == ["alarm"]
    made.stop(1)


def test_a_channel_that_hangs_delays_nobody_and_gets_it_when_it_is_back(api: BotApi) -> None:
    told: list[tuple[tuple[str, ...], str]] = []
    api.hangs.set()
    made = sender([telegram(api, timeout_s=patient(0.25))], told)
    put = threading.Event()

    def tell() -> None:
        made.send(alarm("alarm"))
        put.set()

    threading.Thread(target=tell).start()
    assert put.wait(patient(0.2)), "who tells has to wait"
    api.hangs.clear()
    api.let_go.set()

    until(lambda: told == [(("id of alarm",), "Telegram")], "it was not told")
    made.stop(1)


def test_a_channel_that_takes_nothing_silences_no_other() -> None:
    """FINDINGS A7."""
    dead = Played("dead", lambda _: ChannelError("no route"))
    hung = Played("hung", lambda _: None if threading.Event().wait(patient(1)) else ChannelError("late"))
    odd = Played("odd", lambda _: KeyError("nonsense"))
    well = Played("well")
    told: list[tuple[tuple[str, ...], str]] = []
    made = sender([dead, hung, odd, well], told)

    texts = [f"alarm {number}" for number in range(20)]
    for text in texts:
        made.send(alarm(text))

    until(lambda: well.taken == texts, lambda: f"taken: {well.taken}")
    until(lambda: len(dead.tried) > 3 and len(odd.tried) > 3, lambda: f"{dead.tried} {odd.tried}")
    assert set(dead.tried) | set(odd.tried) <= set(texts[:2]), "the first is tried, and now and then the one behind it"
    assert [one for one in told if one[1] != "well"] == []
    failing = state_of(made, "dead")
    assert (failing.why, failing.waiting, failing.last_told_at) == ("no route", 20, None)
    assert failing.failing_since is not None
    assert state_of(made, "odd").why == "KeyError: 'nonsense'"
    assert state_of(made, "well").failing_since is None
    assert state_of(made, "well").last_told_at is not None
    made.stop(0)


def test_a_channel_that_is_well_again_is_told_all_of_it_in_order() -> None:
    is_down = threading.Event()
    is_down.set()
    made_well = Played("mail", lambda _: ChannelError("down") if is_down.is_set() else None)
    told: list[tuple[tuple[str, ...], str]] = []
    made = sender([made_well], told)
    texts = [f"alarm {number}" for number in range(10)]
    for text in texts:
        made.send(alarm(text))
    until(lambda: len(made_well.tried) > 6, "it is not tried")

    is_down.clear()

    until(lambda: len(made_well.taken) == len(texts), lambda: f"taken: {made_well.taken}")
    assert sorted(made_well.taken[:2]) + made_well.taken[2:] == texts, "of the first two the second may be first"
    assert state_of(made, "mail").failing_since is None
    made.stop(1)


@pytest.mark.parametrize("error", [ChannelError("Bad Request: message is too long"), KeyError("x"), SystemExit(3)])
def test_a_text_that_is_refused_while_the_next_is_taken_keeps_nothing_back(error: BaseException) -> None:
    picky = Played("picky", lambda text: error if text == "poison" else None)
    told: list[tuple[tuple[str, ...], str]] = []
    made = sender([picky], told)

    for text in ("poison", "one", "two"):
        made.send(alarm(text))

    until(lambda: picky.taken == ["one", "two"], lambda: f"taken: {picky.taken}")
    assert [ids for ids, _ in told] == [("id of one",), ("id of two",)]
    assert made.states[0].waiting == 0
    made.stop(1)


def test_of_an_open_alarm_that_is_told_again_one_text_waits() -> None:
    dead = Played("dead", lambda _: ChannelError("no route"))
    made = sender([dead], [])

    for number in range(5):
        made.send(alarm(f"again {number}", topic="stops:x"))
    made.send(alarm("again", topic="stops:y"))

    assert made.states[0].waiting == 2
    made.stop(0)


def test_no_secret_leaves_in_a_text_or_in_a_channels_own_words() -> None:
    """FINDINGS B4: a strategy's error, or a broker's word, may quote what it was given."""
    well, dead = Played("well"), Played("dead", lambda _: ChannelError("no way to slack://T000/hook-word"))
    made = Sender([well, dead], QUICK, SystemClock(), lambda _one, _channel: None, ("correct horse", "hook-word"))

    made.send(
        Notification("died of ValueError: login('correct horse', pwd='x1y2', apikey=abc)", Level.CRITICAL, ("a",))
    )

    until(lambda: well.taken and state_of(made, "dead").why, "nothing was tried")
    made.stop(0.1)
    assert well.taken == ["died of ValueError: login('***', pwd=***, apikey=***"]
    assert state_of(made, "dead").why == "no way to slack://T000/***"


def test_a_text_goes_to_the_channels_it_is_for() -> None:
    one, other = Played("one"), Played("other")
    made = sender([one, other], [])

    made.send(alarm("a", only=("other",)))
    made.send(alarm("b"))

    until(lambda: one.taken == ["b"] and other.taken == ["a", "b"], lambda: f"{one.taken} {other.taken}")
    made.stop(1)


@pytest.mark.filterwarnings("ignore::pytest.PytestUnhandledThreadExceptionWarning")
def test_a_thread_that_has_died_is_started_again_and_goes_on() -> None:
    """FINDINGS A7: what ends the thread is a fault of our own; nothing that waits is lost, nothing is sent twice."""
    well = Played("well")
    told: list[str] = []

    def note(one: Notification, _channel: str) -> None:
        told.append(one.text)
        if one.text == "first":
            raise RuntimeError("a fault of our own")

    made = Sender([well], QUICK, SystemClock(), note)
    (thread,) = made.threads
    logger.disable("notify")
    made.send(alarm("first"))
    until(lambda: told == ["first"], "it is not told")
    made.send(alarm("second"))

    until(thread.revive, "its death is not noticed")

    until(lambda: well.taken == ["first", "second"], lambda: f"taken: {well.taken}")
    assert not thread.revive(), "it lives"
    made.stop(1)
    assert not thread.revive(), "it has ended in order"


def test_the_same_trouble_is_logged_once(caplog_lines: list[str]) -> None:
    dead = Played("dead", lambda _: ChannelError("no route"))
    made = sender([dead], [])

    made.send(alarm("a"))

    until(lambda: len(dead.tried) > 5, "it is not tried")
    assert len([one for one in caplog_lines if "no route" in one]) == 1
    made.stop(0)


@pytest.fixture
def caplog_lines() -> Sequence[str]:
    lines: list[str] = []
    logger.enable("notify")
    logger.add(lambda message: lines.append(str(message)), format="{message}")
    return lines
