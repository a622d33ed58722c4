"""The guide for strategies names all that a strategy can see and do."""

import inspect
import re
from dataclasses import fields
from pathlib import Path

import pytest

from actors.messages.orders import OrderDeclined
from actors.strategy import StrategyActor
from domain.baskets import BasketRecord
from domain.broker.snapshots import Tick
from domain.orders.command import OrderCommand
from domain.orders.lifecycle import State
from domain.orders.order import Order
from domain.orders.stop_terms import StopTerms

GUIDE = (Path(__file__).resolve().parents[2] / "docs" / "strategies.md").read_text(encoding="utf-8")
NAMED = set(re.findall(r"`(?:\w+\.)?(\w+)[^`]*`", GUIDE))
SECTIONS = {
    Tick: "A tick",
    Order: "An order",
    OrderCommand: "What you asked for: `order.command`",
    StopTerms: "Its stops: `order.command.stops`",
}

OWN = {"first_name"}
"""What the desk's own refusals use."""


def _public(kind: type) -> set[str]:
    """Return the fields of a value, and what it works out of them."""
    worked_out = {name for name, value in vars(kind).items() if isinstance(value, property)}
    return {one.name for one in fields(kind)} | worked_out


@pytest.mark.parametrize("kind", SECTIONS, ids=lambda kind: kind.__name__)
def test_every_field_that_a_strategy_sees_stands_in_the_guide(kind: type) -> None:
    section = GUIDE.partition(f"### {SECTIONS[kind]}\n")[2].partition("\n#")[0]

    named = {
        name for row in re.findall(r"^\| ([^|]+) \|", section, re.MULTILINE) for name in re.findall(r"`(\w+)`", row)
    }

    assert named == _public(kind) - OWN


@pytest.mark.parametrize("kind", [BasketRecord, OrderDeclined], ids=lambda kind: kind.__name__)
def test_every_field_of_what_else_it_hears_is_named(kind: type) -> None:
    assert _public(kind) <= NAMED


def test_every_hook_and_call_stands_in_the_guide() -> None:
    own = {
        name
        for name, value in vars(StrategyActor).items()
        if inspect.isfunction(value) and not name.startswith("_") and name not in {"on_receive", "on_failure"}
    }

    assert own <= NAMED


def test_every_state_of_an_order_stands_in_the_guide() -> None:
    (row,) = re.findall(r"^\| `state` \| (.+)$", GUIDE, re.MULTILINE)

    assert set(re.findall(r"[A-Z_]{4,}", row)) == {state.value for state in State}
