"""Who is obeyed in the chat: the configured person, in the configured chat, in what was said just now (FINDINGS B6)."""

from collections.abc import Callable
from datetime import timedelta

import pytest

from actors.runtime.clock import SystemClock
from notify.telegram_chat import FRESH_S, Person, TelegramChat
from tests.fakes import FakeClock
from tests.notify.bot_api import CHAT, BotApi, telegram
from tests.scenarios.waiting import until

GROUP = "-100200300"


class Heard:
    """What the ears gave on."""

    def __init__(self) -> None:
        self.orders: list[str] = []
        self.strangers: list[tuple[str, int]] = []

    def answer(self, text: str) -> str:
        self.orders.append(text)
        if text == "/broken":
            raise KeyError("broken")
        return f"you said {text}"

    def stranger(self, chat_id: str, earlier: int) -> None:
        self.strangers.append((chat_id, earlier))


def listener(api: BotApi, heard: Heard, chat: str = CHAT, *, may_be_group: bool = False) -> TelegramChat:
    person = Person(CHAT, chat, may_be_group=may_be_group)
    return TelegramChat(telegram(api), person, SystemClock(), heard.answer, heard.stranger)


def until_answered(api: BotApi, count: int) -> None:
    until(lambda: len(api.texts) >= count, lambda: f"answered: {api.texts}")


def test_a_person_is_heard_and_answered_and_strangers_are_not(api: BotApi) -> None:
    heard = Heard()
    made = listener(api, heard)

    for _ in range(50):
        api.say("/halt", chat="666", user="666")
    api.say("/halt", user="666")
    api.say("/status")

    until_answered(api, 1)
    assert (heard.orders, api.texts) == (["/status"], ["you said /status"])
    assert heard.strangers == [("666", 0)], "told once a day"
    made.stop()


def test_what_was_said_while_no_desk_ran_is_not_carried_out(api: BotApi) -> None:
    heard = Heard()
    earlier = int((SystemClock().now() - timedelta(seconds=30)).timestamp())
    api.say("/halt", date=earlier)

    made = listener(api, heard)

    until_answered(api, 1)
    assert heard.orders == []
    assert "is heard only now. Nothing was done" in api.texts[0]
    api.say("/halt")
    until(lambda: heard.orders == ["/halt"], lambda: f"heard: {heard.orders}")
    made.stop()


def forwarded(api: BotApi) -> None:
    api.say("/halt", forward_origin={"type": "user"})


def forwarded_of_old(api: BotApi) -> None:
    api.say("/halt", forward_date=1)


def by_another_bot(api: BotApi) -> None:
    api.say("/halt", via_bot={"id": 7})


def for_a_channel(api: BotApi) -> None:
    api.say("/halt", sender_chat={"id": -7})


def without_a_date(api: BotApi) -> None:
    api.say("/halt", date="now")


def with_an_impossible_date(api: BotApi) -> None:
    api.say("/halt", date=10**30)


@pytest.mark.parametrize(
    "say", [forwarded, forwarded_of_old, by_another_bot, for_a_channel, without_a_date, with_an_impossible_date]
)
def test_what_the_person_does_not_say_now_is_answered_and_not_done(api: BotApi, say: Callable[[BotApi], None]) -> None:
    heard = Heard()
    made = listener(api, heard)

    say(api)

    until_answered(api, 1)
    assert heard.orders == []
    assert "Nothing was done" in api.texts[0]
    made.stop()


def test_in_a_group_nobody_is_obeyed_unless_that_is_allowed(api: BotApi) -> None:
    heard = Heard()
    made = listener(api, heard, GROUP)

    api.say("/halt", chat=GROUP, kind="supergroup")

    until_answered(api, 1)
    assert heard.orders == []
    assert "telegram_allow_group" in api.texts[0]
    made.stop()


def test_in_an_allowed_group_the_person_alone_is_obeyed(api: BotApi) -> None:
    heard = Heard()
    made = listener(api, heard, GROUP, may_be_group=True)

    api.say("/halt", chat=GROUP, user="666", kind="supergroup")
    api.say("/status", chat=GROUP, kind="supergroup")

    until_answered(api, 1)
    assert heard.orders == ["/status"]
    assert heard.strangers == [(GROUP, 0)]
    made.stop()


def test_an_error_in_an_answer_is_told_and_the_next_word_is_heard(api: BotApi) -> None:
    """FINDINGS A7."""
    heard = Heard()
    made = listener(api, heard)

    api.say("/broken")
    api.say("/status")

    until_answered(api, 2)
    assert api.texts[0].startswith("Not known to be done: the desk met an error (KeyError)")
    assert api.texts[1] == "you said /status"
    made.stop()


def test_an_answer_that_can_t_be_sent_makes_nobody_deaf(api: BotApi, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("notify.telegram_chat.PAUSE_S", 0.05)
    heard = Heard()
    made = listener(api, heard)
    api.troubles.append("502")

    api.say("/halt")
    api.say("/status")

    until_answered(api, 1)
    assert heard.orders == ["/halt", "/status"], "each once"
    made.stop()


def test_a_machine_with_a_wrong_time_still_obeys(api: BotApi) -> None:
    """A message's age is measured by Telegram's own clock."""
    heard, clock = Heard(), FakeClock()
    wrong = clock.now()
    assert abs((wrong - SystemClock().now()).total_seconds()) > FRESH_S
    made = TelegramChat(telegram(api), Person(CHAT, CHAT), clock, heard.answer, heard.stranger)

    api.say("/halt")

    until(lambda: heard.orders == ["/halt"], lambda: f"answered: {api.texts}")
    made.stop()


def test_the_strangers_of_a_day_are_told_with_the_first_of_another(api: BotApi) -> None:
    heard, clock = Heard(), FakeClock()
    made = TelegramChat(telegram(api), Person(CHAT, CHAT), clock, heard.answer, heard.stranger)
    for _ in range(5):
        api.say("hello", chat="666", user="666")
    until(lambda: heard.strangers == [("666", 0)] and made._strangers == 4, lambda: f"heard: {heard.strangers}")

    clock.advance(86_400)
    api.say("hello", chat="777", user="777")

    until(lambda: heard.strangers == [("666", 0), ("777", 4)], lambda: f"heard: {heard.strangers}")
    made.stop()
