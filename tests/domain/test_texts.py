import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.orders.command import OrderCommand
from domain.texts import LINE_CHARACTERS_MAX, one_line
from tests.fakes import command


@pytest.mark.parametrize(
    ("message", "line"),
    [
        ("two\nlines", "two lines"),
        ("  much\tspace  ", "much space"),
        ("\x1b[31mred\x1b[0m", "[31mred [0m"),
        ("\ud800", ""),
        ("₹ 🛑", "₹ 🛑"),
        ("\u202eback\u2066", "back"),
        (None, "None"),
        (3, "3"),
        ("x" * 300, "x" * (LINE_CHARACTERS_MAX - 1) + "…"),
    ],
)
def test_words_become_one_short_line(message: object, line: str) -> None:
    assert one_line(message) == line


@given(st.text(), st.integers(1, 50))
def test_a_line_can_be_shown_stored_and_read_again(message: str, limit: int) -> None:
    line = one_line(message, limit)

    assert len(line) <= limit
    assert not line or line.isprintable()
    assert line.encode().decode() == line
    assert one_line(line, limit) == line


def test_an_order_is_read_whatever_its_comment() -> None:
    """FINDINGS A10: the text of a reason stops nothing."""
    read = OrderCommand.parse({**COMMAND, "comment": "out!\n\x07" + "x" * 300})

    assert read.comment.startswith("out! xx")
    assert len(read.comment) == LINE_CHARACTERS_MAX


COMMAND = {
    name: getattr(command(), name)
    for name in ("command_id", "client_id", "strategy", "intent", "exchange", "symbol", "side", "quantity")
} | {"product": "MIS", "order_type": "MARKET"}
