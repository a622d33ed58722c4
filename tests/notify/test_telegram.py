"""Telegram's Bot API, against a server on loopback that speaks it."""

import threading
from collections.abc import Iterator

import pytest

from domain.alert import Level
from domain.alerting import Telling
from domain.settings import AlertSettings
from notify.channels import channels_of
from notify.others import Apprise
from notify.port import ChannelError
from notify.sender import Sender
from notify.telegram import Telegram, TelegramEars
from tests.notify.bot_api import CHAT, TOKEN, BotApi
from tests.scenarios.waiting import until
from tests.timing import patient

QUICK = {"retry_s": 0.02, "retry_s_max": 0.05}


@pytest.fixture
def api() -> Iterator[BotApi]:
    api = BotApi()
    yield api
    api.stop()


def telegram(api: BotApi, token: str = TOKEN, timeout_s: float = 2.0) -> Telegram:
    return Telegram(token, CHAT, api.url, timeout_s)


def test_a_text_reaches_the_chat(api: BotApi) -> None:
    telegram(api).send("RELIANCE is flat")

    assert api.sent == [{"chat_id": CHAT, "text": "RELIANCE is flat"}]


def test_a_text_that_is_too_long_is_cut(api: BotApi) -> None:
    telegram(api).send("x" * 5_000)

    assert len(api.texts[0]) == 4_096


def test_a_refusal_says_why_and_never_shows_the_token(api: BotApi) -> None:
    with pytest.raises(ChannelError, match="Telegram refused: Unauthorized"):
        telegram(api, token="999:wrong").send("x")
    api.stop()
    with pytest.raises(ChannelError) as unreachable:
        telegram(api).send("x")
    assert TOKEN not in str(unreachable.value)


def test_what_telegram_asks_to_wait_is_told(api: BotApi) -> None:
    api.troubles.append("429")

    with pytest.raises(ChannelError) as refused:
        telegram(api).send("x")

    assert refused.value.retry_after_s == 0.05


def sender(api: BotApi, told: list[str]) -> Sender:
    settings = AlertSettings.model_validate(QUICK)
    return Sender([telegram(api, timeout_s=patient(0.25))], settings, lambda one: told.append(one.topic))


def test_a_warning_is_sent_again_until_it_is_taken(api: BotApi) -> None:
    told: list[str] = []
    api.troubles.extend(["502", "429", "502", "502", "502"])
    made = sender(api, told)

    made.send(Telling("the stop was reached", Level.WARNING, "stops:x"))

    until(lambda: told == ["stops:x"], "it was not told")
    assert api.texts == ["the stop was reached"]
    made.stop(1)


def test_news_is_given_up_after_some_tries_and_what_follows_is_sent(api: BotApi) -> None:
    told: list[str] = []
    api.troubles.extend(["502", "502", "502"])
    made = sender(api, told)

    made.send(Telling("news", Level.NEWS, "a"))
    made.send(Telling("alarm", Level.ALARM, "b"))

    until(lambda: told == ["b"], lambda: f"told: {told}")
    assert api.texts == ["alarm"]
    made.stop(1)


def test_a_channel_that_hangs_delays_nobody_and_gets_it_when_it_is_back(api: BotApi) -> None:
    told: list[str] = []
    api.hangs.set()
    made = sender(api, told)
    put = threading.Event()

    def tell() -> None:
        made.send(Telling("alarm", Level.ALARM, "a"))
        put.set()

    threading.Thread(target=tell).start()
    assert put.wait(patient(0.2)), "who tells has to wait"
    api.hangs.clear()
    api.let_go.set()

    until(lambda: told == ["a"], "it was not told")
    made.stop(1)


def test_a_person_is_heard_and_answered_and_a_stranger_is_not(api: BotApi) -> None:
    strangers: list[str] = []
    ears = TelegramEars(telegram(api), lambda text: f"you said {text}", strangers.append)
    ears.start()

    api.say("/halt", chat="666")
    api.say("/status")

    until(lambda: api.texts == ["you said /status"], lambda: f"answered: {api.texts}")
    assert strangers == ["666"]
    ears.stop()


def test_the_channels_are_those_of_the_settings(api: BotApi) -> None:
    given = {
        "telegram_token": TOKEN,
        "telegram_chat_id": CHAT,
        "telegram_api_url": api.url,
        "urls": ["json://localhost"],
    }

    made = channels_of(AlertSettings.model_validate(given))

    assert [one.name for one in made] == ["Telegram", "json"]
    assert channels_of(AlertSettings()) == ()


def test_an_url_that_nobody_understands_is_refused_by_its_kind_alone() -> None:
    with pytest.raises(ChannelError, match="holds a nonsense URL that apprise does not understand"):
        Apprise("nonsense://user:secret@host")


def test_any_channel_of_apprise_can_be_told(api: BotApi) -> None:
    port = api.url.rsplit(":", 1)[1]

    with pytest.raises(ChannelError, match="json did not take the text"):
        Apprise(f"json://127.0.0.1:{port}/nowhere").send("x")
