"""The vocabulary: every message in one inbox, frozen, and named for what it is."""

import dataclasses
import inspect
import re
from pathlib import Path
from typing import Any, get_args

import pytest

from actors import messages

INBOXES: dict[str, tuple[type, ...]] = {
    name: get_args(value) or (value,) for name, value in vars(messages).items() if name.endswith("Inbox")
}
MESSAGES: list[type[Any]] = [
    value
    for value in vars(messages).values()
    if inspect.isclass(value) and dataclasses.is_dataclass(value) and value.__module__ == messages.__name__
]
ANSWERS = {
    messages.DeskSnapshot,
    messages.Timeline,
    messages.Readiness,
    messages.TradingStateNow,
    messages.Holdings,
    messages.ExitsNow,
    messages.PnlNow,
    messages.AlertsNow,
    messages.AlarmsAcknowledged,
    messages.BasketsNow,
    messages.StopsNow,
    messages.UnwatchedNow,
    messages.BrokerState,
    messages.WatchState,
}
"""What an ask returns: told to nobody, so they stand in no inbox."""


def test_there_are_messages_and_inboxes() -> None:
    assert len(MESSAGES) > 40
    assert len(INBOXES) >= 10


@pytest.mark.parametrize("message", MESSAGES, ids=lambda one: one.__name__)
def test_a_message_stands_in_exactly_one_inbox(message: type[Any]) -> None:
    homes = [name for name, inbox in INBOXES.items() if message in inbox]

    # What a caller outside hears may be what a strategy hears too.
    assert len(homes) == (0 if message in ANSWERS else 1), homes


def test_nothing_but_messages_stands_in_an_inbox() -> None:
    strangers = {member for inbox in INBOXES.values() for member in inbox} - set(MESSAGES)

    assert strangers == set()


@pytest.mark.parametrize("message", MESSAGES, ids=lambda one: one.__name__)
def test_a_message_is_frozen_slotted_and_made_by_keywords(message: type[Any]) -> None:
    parameters: Any = message.__dataclass_params__

    assert parameters.frozen
    assert "__slots__" in vars(message)
    assert all(field.kw_only for field in dataclasses.fields(message))


@pytest.mark.parametrize("message", MESSAGES, ids=lambda one: one.__name__)
def test_a_message_says_its_meaning_in_a_sentence(message: type[Any]) -> None:
    text = (message.__doc__ or "").strip()

    assert text.endswith((".", "?"))
    assert not text.startswith(f"{message.__name__}(")


QUERIES = [one for one in MESSAGES if one.__name__.startswith(("Find", "Load"))]


@pytest.mark.parametrize("query", QUERIES, ids=lambda one: one.__name__)
def test_a_query_asks_a_question(query: type[Any]) -> None:
    assert (query.__doc__ or "").strip().endswith("?")


@pytest.mark.parametrize("room", ["desk.py", "wiring.py", "supervisor.py"])
def test_only_queries_and_a_persons_word_are_asked(room: str) -> None:
    code = (Path(messages.__file__).parent / room).read_text(encoding="utf-8")

    asked = set(re.findall(r"ask_of\(\s*self\.\w+(?:\.\w+)?, (\w+)\(", code))

    assert asked - {one.__name__ for one in QUERIES} <= {
        "SetTradingState",
        "AcceptBreak",
        "AcknowledgeAlarms",
        "WriteOffPosition",
    }
