"""Telegram's Bot API, against a server on loopback that speaks it."""

import pytest

from domain.settings import AlertSettings
from notify.apprise import Apprise
from notify.channels import channels_of
from notify.port import ChannelError
from tests.notify.bot_api import CHAT, TOKEN, BotApi, telegram


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


def test_the_channels_are_those_of_the_settings(api: BotApi) -> None:
    given = {
        "telegram_token": TOKEN,
        "telegram_chat_id": CHAT,
        "telegram_api_url": api.url,
        "urls": ["json://localhost", "json://127.0.0.1", "ntfy://topic"],
    }

    made = channels_of(AlertSettings.model_validate(given))

    assert [one.name for one in made] == ["Telegram", "json", "json 2", "ntfy"]
    assert channels_of(AlertSettings()) == ()


def test_an_url_that_nobody_understands_is_refused_by_its_kind_alone() -> None:
    with pytest.raises(ChannelError, match="holds a nonsense URL that apprise does not understand"):
        Apprise("nonsense://user:secret@host")


def test_any_channel_of_apprise_can_be_told(api: BotApi) -> None:
    port = api.url.rsplit(":", 1)[1]

    with pytest.raises(ChannelError, match="json did not take the text"):
        Apprise(f"json://127.0.0.1:{port}/nowhere").send("x")
