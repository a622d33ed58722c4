"""The vocabulary: every message in one inbox, frozen, and named for what it is."""

import dataclasses
import importlib
import inspect
import pkgutil
import re
from pathlib import Path
from typing import Any, get_args

import pytest

from actors import messages
from actors.messages import inboxes

INBOXES: dict[str, tuple[type, ...]] = {
    name: get_args(value) or (value,) for name, value in vars(inboxes).items() if name.endswith("Inbox")
}
MODULES = [
    importlib.import_module(f"{messages.__name__}.{one.name}") for one in pkgutil.iter_modules(messages.__path__)
]
MESSAGES: list[type[Any]] = [
    value
    for module in MODULES
    for value in vars(module).values()
    if inspect.isclass(value) and dataclasses.is_dataclass(value) and value.__module__ == module.__name__
]
ANSWERS = {
    one
    for one in MESSAGES
    if one.__name__
    in {
        "DeskSnapshot",
        "Timeline",
        "Readiness",
        "TradingStateNow",
        "Holdings",
        "ExitsNow",
        "PnlNow",
        "AlertsNow",
        "AlarmsAcknowledged",
        "BasketsNow",
        "StopsNow",
        "UnwatchedNow",
        "BrokerState",
        "WatchState",
    }
}
"""What an ask returns: told to nobody, so they stand in no inbox."""


def test_there_are_messages_and_inboxes() -> None:
    assert len(MESSAGES) > 40
    assert len(INBOXES) >= 10


@pytest.mark.parametrize("message", MESSAGES, ids=lambda one: one.__name__)
def test_a_command_stands_in_one_inbox_and_a_fact_in_one_or_more(message: type[Any]) -> None:
    homes = [name for name, inbox in INBOXES.items() if message in inbox]
    is_fact = re.search(r"(ed|Read|Seen|Learnt|Told|Began|Over|Off)$", message.__name__) is not None

    if message in ANSWERS:
        assert homes == []
    else:
        assert len(homes) == 1 or (is_fact and homes), homes


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
    code = (Path(inboxes.__file__).parents[1] / room).read_text(encoding="utf-8")

    asked = set(re.findall(r"ask_of\(\s*self\.\w+(?:\.\w+)?, (\w+)\(", code))

    assert asked - {one.__name__ for one in QUERIES} <= {
        "SetTradingState",
        "AcceptBreak",
        "AcknowledgeAlarms",
        "WriteOffPosition",
    }
