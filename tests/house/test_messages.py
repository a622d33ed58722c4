"""The vocabulary: a command in one inbox, a fact in those of its followers; frozen, and named for what it is."""

import dataclasses
import importlib
import inspect
import pkgutil
import re
from typing import Any, get_args

import pytest

from actors import messages
from actors.messages import inboxes
from actors.messages.query import Query

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
QUERIES: list[type[Any]] = [one for one in MESSAGES if issubclass(one, Query)]


def _names(query: type[Any]) -> set[str]:
    """Return the names of what a query is answered with, as its base `Query[…]` spells them."""
    return {name for base in query.__orig_bases__ for name in re.findall(r"\w+", str(get_args(base)))}


ANSWERS = {one for one in MESSAGES if any(one.__name__ in _names(query) for query in QUERIES)}
"""What an ask returns: told to nobody, so it stands in no inbox."""


MESSAGES_MAX = 120


def test_there_are_messages_and_inboxes_and_not_too_many_to_learn() -> None:
    assert 40 < len(MESSAGES) <= MESSAGES_MAX
    assert len(INBOXES) >= 10


def _is_a_fact(message: type[Any]) -> bool:
    """Say whether a message tells what has happened: its name is a noun and a verb in the past tense."""
    return re.search(r"[a-z](?:[A-Z][a-z]*ed|WrittenOff|Began|Learnt|Read|Seen|Told)$", message.__name__) is not None


@pytest.mark.parametrize("message", MESSAGES, ids=lambda one: one.__name__)
def test_a_command_stands_in_one_inbox_and_a_fact_in_those_of_all_who_follow(message: type[Any]) -> None:
    homes = [name for name, inbox in INBOXES.items() if message in inbox]

    # What is asked for may be what an actor is told too.
    assert homes or message in ANSWERS
    assert len(homes) <= 1 or _is_a_fact(message), homes


def test_what_one_is_told_to_do_is_no_fact() -> None:
    facts = {one.__name__ for one in MESSAGES if _is_a_fact(one)}

    assert {"OrderChanged", "EventRecorded", "TradeBookRead"} <= facts
    assert not facts & {"RecordEvent", "PlaceOrder", "ReadBook", "SendHeartbeat", "CheckRisk", "FeedChange"}


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


FINDS = [one for one in MESSAGES if one.__name__.startswith(("Find", "Load"))]


@pytest.mark.parametrize("query", FINDS, ids=lambda one: one.__name__)
def test_what_finds_is_a_query_and_asks_a_question(query: type[Any]) -> None:
    assert query in QUERIES
    assert (query.__doc__ or "").strip().endswith("?")


def test_a_query_that_finds_nothing_out_is_a_persons_order() -> None:
    orders = {one.__name__ for one in QUERIES} - {one.__name__ for one in FINDS}

    assert orders == {"SetTradingState", "AcceptBreak", "AcknowledgeAlarms", "WriteOffPosition", "Flatten"}
