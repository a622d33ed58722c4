import json

import pytest

from broker.feed.connection import as_frame
from broker.noren.json_array import JsonArray, read_json
from broker.noren.row_fields import UnreadableRowError

NESTED = "[" * 100_000


@pytest.mark.parametrize(
    "text",
    ["[]", " [ ] ", '[{"a": "1"}]', '[1, "]", [2, {}], null]\n', '\t[\n{"a": "[,]"} ,\r\n{"a": "é"}\n]', "[[]]"],
)
def test_an_array_is_read_item_by_item_as_the_library_reads_it(text: str) -> None:
    array = read_json(text)

    assert isinstance(array, JsonArray)
    assert list(array) == json.loads(text)
    assert array.is_empty == (json.loads(text) == [])


@pytest.mark.parametrize("text", ["[", "[1", "[1,", "[1,]", "[,1]", "[1 2]", "[1]]", "[1] x", "[1}", "[nul]", NESTED])
def test_an_array_that_is_not_whole_raises_and_is_not_empty(text: str) -> None:
    array = read_json(text)

    assert isinstance(array, JsonArray)
    assert not array.is_empty
    with pytest.raises(UnreadableRowError, match="broken"):
        list(array)


@pytest.mark.parametrize("text", ["", "null", "1", '"[]"', '{"a": ', "<html>[]</html>"])
def test_what_is_neither_an_object_nor_an_array_is_nothing(text: str) -> None:
    assert read_json(text) is None


ESCAPES = '"\\u001b[31m\\nred\\ud800 \\u202eback \\"quoted\\" ₹"'
SHOWN = ' [31m red   back "quoted" ₹'
"""What a terminal would obey, or not show, becomes a space (FINDINGS B8)."""


def test_the_brokers_words_are_fit_to_be_shown() -> None:
    array = read_json(f'[{{"rejreason": {ESCAPES}}}]')

    assert read_json(f'{{"emsg": {ESCAPES}, "values": [{ESCAPES}]}}') == {"emsg": SHOWN, "values": [SHOWN]}
    assert isinstance(array, JsonArray)
    assert list(array) == [{"rejreason": SHOWN}]
    assert as_frame(f'{{"t": "om", "rejreason": {ESCAPES}}}'.encode()) == {"t": "om", "rejreason": SHOWN}


def test_an_object_is_read_whole() -> None:
    assert read_json('{"stat": "Ok", "values": []}') == {"stat": "Ok", "values": []}
