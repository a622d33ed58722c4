"""What the console says when it cannot do what it was asked: always one sentence, naming the mend."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Annotated, Final

import typer


class PlainError(Exception):
    """An expected failure of a command. `code` is the exit code: 1 it could not be done, 2 it was asked wrongly."""

    def __init__(self, sentence: str, code: int = 1) -> None:
        super().__init__(sentence)
        self.sentence = sentence
        self.code = code


_is_for_programs: Final[ContextVar[bool]] = ContextVar("is_for_programs", default=False)


def _note_json(value: bool) -> bool:  # noqa: FBT001  the library calls it so
    _is_for_programs.set(value)
    return value


AsJson = Annotated[
    bool, typer.Option("--json", callback=_note_json, help="Print JSON for programs instead of words for people.")
]
"""The option of every command that can: what goes wrong is JSON then too."""


@contextmanager
def plainly() -> Iterator[None]:
    """Turn an expected failure of a command into its sentence and an exit code; under `--json` into JSON on stdout."""
    try:
        yield
    except PlainError as error:
        if _is_for_programs.get():
            typer.echo(json.dumps({"sentence": error.sentence, "exit_code": error.code}, ensure_ascii=False))
        else:
            typer.echo(error.sentence, err=True)
        raise typer.Exit(error.code) from None
    finally:
        _is_for_programs.set(False)


class ApiError(Exception):
    """A request that the API refuses. `command_id` is the order's, where one was named."""

    def __init__(self, http_status: int, sentence: str, command_id: str | None = None) -> None:
        super().__init__(sentence)
        self.http_status = http_status
        self.sentence = sentence
        self.command_id = command_id
