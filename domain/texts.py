"""A person's or a broker's words, made one short line: what was meant to be read must stop nothing and fool nobody."""

from typing import Final

LINE_CHARACTERS_MAX: Final = 200


def one_line(words: object, most: int = LINE_CHARACTERS_MAX) -> str:
    """Return the words as one line of at most `most` characters, without what a terminal would obey or not show.

    Control characters, line breaks, lone surrogates and invisible marks in a row become one space.
    """
    parts = "".join(one if one.isprintable() else "\n" for one in str(words)).split("\n")
    line = " ".join(part for part in parts if part).strip()
    return line if len(line) <= most else f"{line[: most - 1]}…"
