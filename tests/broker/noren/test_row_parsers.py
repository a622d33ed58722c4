from typing import Any

import pytest

from broker.noren.row_fields import UnreadableRowError
from broker.noren.row_parsers import ORDER_FIELDS, BookReader, order_row
from domain.broker.snapshots import OrderRow


def a_line(number: str, **given: str) -> dict[str, Any]:
    """Return a row whose words are copies of their own, as each poll brings them."""
    row = {
        "norenordno": number,
        "exch": "NSE",
        "tsym": "RELIANCE-EQ",
        "qty": "5",
        "trantype": "B",
        "prd": "I",
        "status": "COMPLETE",
        "prc": "1502.05",
        "norentm": "10:15:00 19-12-2023",
        **given,
    }
    return {name: "".join(list(value)) for name, value in row.items()}


def a_reader() -> BookReader[OrderRow]:
    return BookReader(order_row, ORDER_FIELDS)


def test_a_row_that_stands_as_it_stood_is_not_made_anew() -> None:
    reader = a_reader()
    first = reader.rows([a_line("1"), a_line("2")])

    again = reader.rows([a_line("1"), a_line("2", status="REJECTED"), a_line("3")])

    assert again[0] is first[0]
    assert [row.status for row in again] == ["COMPLETE", "REJECTED", "COMPLETE"]


def test_rows_share_what_they_have_in_common() -> None:
    first, second = a_reader().rows([a_line("1"), a_line("2")])

    assert first.symbol is second.symbol
    assert first.price is second.price
    assert first.entered_at is second.entered_at


def test_a_row_that_has_changed_is_not_remembered_as_it_was() -> None:
    reader = a_reader()
    as_it_was = reader.rows([a_line("1")])[0]
    reader.rows([a_line("1", status="CANCELED")])

    back = reader.rows([a_line("1")])[0]

    assert back == as_it_was
    assert back is not as_it_was


def test_a_book_that_cannot_be_read_leaves_what_is_remembered_as_it_was() -> None:
    reader = a_reader()
    first = reader.rows([a_line("1")])

    with pytest.raises(UnreadableRowError, match="row 2"):
        reader.rows([a_line("3"), a_line("2", qty="many")])

    assert reader.rows([a_line("1")])[0] is first[0]
