"""What JSON a reply holds: an object at once, an array item by item."""

import json
import re
from collections.abc import Iterator
from typing import Any, Final

from broker.noren.row_fields import UnreadableRowError
from domain.texts import is_plain, legible

_OPENING: Final = re.compile(r"[ \t\n\r]*\[[ \t\n\r]*")
_BETWEEN: Final = re.compile(r"[ \t\n\r]*,[ \t\n\r]*")
_CLOSING: Final = re.compile(r"[ \t\n\r]*\][ \t\n\r]*")
_EMPTY: Final = re.compile(_OPENING.pattern + _CLOSING.pattern)
_DECODER: Final = json.JSONDecoder()


class JsonArray:
    """Owns the text of an array, and reads it item by item: a book of thousands of rows is never in memory as objects.

    That the text is an array to its end is known only when it has been read to its end.
    """

    def __init__(self, text: str) -> None:
        self._text = text

    def __str__(self) -> str:
        return self._text

    @property
    def is_empty(self) -> bool:
        """Say whether this is a whole array without an item."""
        return _EMPTY.fullmatch(self._text) is not None

    def __iter__(self) -> Iterator[Any]:
        """Yield the items; raise `UnreadableRowError` where the text is no whole array."""
        if self.is_empty:
            return
        text, before = self._text, _OPENING.match(self._text)
        at, as_it_is = 0, is_plain(text)
        while before is not None:
            try:
                item, at = _DECODER.raw_decode(text, before.end())
                item = item if as_it_is else legible(item)
            except (ValueError, RecursionError) as error:
                raise UnreadableRowError(f"the array is broken after character {before.end()}") from error
            yield item
            before = _BETWEEN.match(text, at)
        if _CLOSING.fullmatch(text, at) is None:
            raise UnreadableRowError(f"the array is broken after character {at}")


def is_array(text: str) -> bool:
    """Say whether `text` begins as an array."""
    return _OPENING.match(text) is not None


def read_json(text: str) -> dict[str, Any] | JsonArray | None:
    """Return the JSON object that `text` holds, or the array that it begins; None where it is neither."""
    if is_array(text):
        return JsonArray(text)
    try:
        body = loads(text)
    except (ValueError, RecursionError):
        return None
    return body if isinstance(body, dict) else None


def loads(text: str) -> Any:  # noqa: ANN401  whatever the broker said
    """Return the JSON value in `text`, its words made fit to be shown; raise `ValueError` or `RecursionError`."""
    value = json.loads(text)
    return value if is_plain(text) else legible(value)
