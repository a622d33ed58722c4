import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.orders.command import OrderCommand
from domain.texts import LINE_CHARACTERS_MAX, counted, decoded, legible, one_line
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


def test_nothing_in_a_json_value_is_left_that_a_terminal_would_obey() -> None:
    said = {"re\x1bason": ["a\u202eb", {"c": 1}], "d": None}

    assert legible(said) == {"re ason": ["a b", {"c": 1}], "d": None}


@pytest.mark.parametrize("raw", [b"price = 1", b"\xef\xbb\xbfprice = 1"], ids=["plain", "byte order mark"])
def test_a_persons_file_is_read_with_and_without_a_byte_order_mark(raw: bytes) -> None:
    assert decoded(raw) == "price = 1"


def test_a_file_of_another_encoding_is_refused_with_what_to_do() -> None:
    with pytest.raises(ValueError, match="save it as UTF-8"):
        decoded("price".encode("utf-16"))


def test_numbers_are_counted_in_words_a_person_reads() -> None:
    assert (counted(1, "exit"), counted(1_200, "exit")) == ("1 exit", "1,200 exits")
