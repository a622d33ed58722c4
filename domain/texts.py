"""A person's or a broker's words, made one short line: what was meant to be read must stop nothing and fool nobody."""

import codecs
from typing import Any, Final

LINE_CHARACTERS_MAX: Final = 200


def is_plain(text: str) -> bool:
    """Say whether a JSON text has nothing in its strings but what stands in it as it is: no escape, ASCII alone."""
    return "\\" not in text and text.isascii()


def legible(value: Any) -> Any:  # noqa: ANN401  any JSON value, of the same kind as it came
    """Return a JSON value with a space for each character in its texts that is not to be shown.

    Control characters, line breaks, lone surrogates and invisible marks among them: no terminal obeys a broker's words.
    """
    if isinstance(value, str):
        return value if value.isprintable() else "".join(one if one.isprintable() else " " for one in value)
    if isinstance(value, dict):
        return {legible(name): legible(one) for name, one in value.items()}
    return [legible(one) for one in value] if isinstance(value, list) else value


def decoded(raw: bytes) -> str:
    """Return the text of a person's file, a byte order mark or not; raise `ValueError` where it is no UTF-8."""
    if raw.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        raise ValueError("it is written in UTF-16; save it as UTF-8")
    return raw.decode("utf-8-sig")


def one_line(message: object, limit: int = LINE_CHARACTERS_MAX) -> str:
    """Return the text as one line of at most `limit` characters, without what a terminal would obey or not show.

    Control characters, line breaks, lone surrogates and invisible marks in a row become one space.
    """
    parts = "".join(one if one.isprintable() else "\n" for one in str(message)).split("\n")
    line = " ".join(part for part in parts if part).strip()
    return line if len(line) <= limit else f"{line[: limit - 1]}…"


def counted(number: int, one: str) -> str:
    """Return `1 exit`, `2 exits`."""
    return f"{number:,} {one}" if number == 1 else f"{number:,} {one}s"
