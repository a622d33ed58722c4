"""A request to cancel or modify, complete and valid from the moment it is made."""

from decimal import Decimal
from typing import Any

import pytest

from domain.orders.change import ChangeKind
from domain.orders.change_command import ChangeCommand
from domain.orders.types import Origin
from domain.orders.validation import InvalidOrderError
from tests.fakes import cancel, modify


@pytest.mark.parametrize(
    ("wrong", "sentence"),
    [
        ({"change_id": ""}, "change_id must be"),
        ({"command_id": "a b"}, "command_id must be"),
        ({"reason": "x" * 201}, "reason must"),
        ({"quantity": 0}, "quantity must"),
        ({"price": Decimal(0)}, "price must"),
        ({"trigger_price": Decimal(-1)}, "trigger_price must"),
    ],
)
def test_a_change_that_cannot_be_meant_is_refused(wrong: dict[str, Any], sentence: str) -> None:
    with pytest.raises(InvalidOrderError, match=sentence):
        modify(**wrong)


@pytest.mark.parametrize("term", [{"quantity": 5}, {"price": Decimal(1)}, {"trigger_price": Decimal(1)}])
def test_a_modify_has_a_term_and_a_cancel_none(term: dict[str, Any]) -> None:
    assert modify(**term).kind is ChangeKind.MODIFY
    with pytest.raises(InvalidOrderError, match=f"a cancel takes no {next(iter(term))}; modify the order instead"):
        cancel(**term)


def test_a_modify_without_a_term_is_refused() -> None:
    with pytest.raises(InvalidOrderError, match="a modify needs a new quantity, price or trigger_price"):
        ChangeCommand(change_id="m1", client_id="FA1", command_id="c1", kind=ChangeKind.MODIFY)


GIVEN = {"change_id": "k1", "client_id": "FA1", "command_id": "c1", "kind": "modify", "quantity": "20"}


def test_a_loosely_spelled_change_is_understood() -> None:
    assert ChangeCommand.parse(GIVEN | {"origin": "human", "price": None}) == modify(
        change_id="k1", quantity=20, origin=Origin.HUMAN
    )


def test_a_misspelled_field_and_a_missing_one_are_named() -> None:
    with pytest.raises(InvalidOrderError, match="unknown field 'pirce'; the fields are: change_id"):
        ChangeCommand.parse(GIVEN | {"pirce": 3})
    with pytest.raises(InvalidOrderError, match=r"^kind is missing$"):
        ChangeCommand.parse({name: value for name, value in GIVEN.items() if name != "kind"})
