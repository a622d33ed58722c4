"""What the commands share: the options of many, the screen of their answers, and one sentence for what went wrong."""

import json
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from pathlib import Path
from typing import Any, Final

import click
from rich.console import Console, RenderableType

from console.cli.client import Reply
from console.errors import PlainError
from console.views.render import screen

TAKEN_MAX: Final = 299
"""The highest HTTP status of an answer that says yes."""
_MEANINGLESS: Final = frozenset({400, 422})
"""What was asked for can't be meant, whatever the desk's state."""

_is_for_programs: Final[ContextVar[bool]] = ContextVar("is_for_programs", default=False)


def _note_json(_context: click.Context, _option: click.Parameter, value: bool) -> bool:  # noqa: FBT001  click calls it so
    _is_for_programs.set(value)
    return value


config = click.option(
    "--config",
    type=click.Path(path_type=Path),
    envvar="DESK_CONFIG",
    help="The settings file; default: desk.toml, if there is one.",
)
reason = click.option("--reason", default="by hand", help="The reason; it is stored and shown.")
strategy = click.option("--strategy", default="manual", help="The strategy that owns the position.")
exchange = click.option("--exchange", default="NSE", help="NSE, BSE, NFO, BFO, CDS, BCD or MCX.")
product = click.option("--product", default="MIS", help="CNC, NRML or MIS.")
order_name = click.argument("order")
"""The command id, the beginning of it, or the broker's order number."""
symbol = click.argument("symbol")
"""The exchange's trading symbol, such as RELIANCE-EQ."""
as_json = click.option("--json", "as_json", is_flag=True, callback=_note_json, help="Print JSON instead of text.")
"""The option of every command that can: what goes wrong is JSON then too."""


@contextmanager
def plainly() -> Iterator[None]:
    """Turn an expected failure of a command into its sentence and an exit code; under `--json` into JSON on stdout."""
    try:
        yield
    except PlainError as error:
        if _is_for_programs.get():
            click.echo(json.dumps({"sentence": error.sentence, "exit_code": error.code}, ensure_ascii=False))
        else:
            say(error.sentence, err=True)
        raise click.exceptions.Exit(error.code) from None
    finally:
        _is_for_programs.set(False)


def say(message: str, *, err: bool = False) -> None:
    """Print a sentence: wrapped at words on a terminal, and as it is into a file or a pipe."""
    if (sys.stderr if err else sys.stdout).isatty():
        Console(stderr=err, highlight=False, markup=False, emoji=False).print(message)
    else:
        click.echo(message, err=err)


def show(given: Any, view: RenderableType, *, as_json: bool) -> None:  # noqa: ANN401  any JSON
    """Print what was read: for a program, or for a person."""
    if as_json:
        click.echo(json.dumps(given, ensure_ascii=False))
    else:
        screen().print(view)


def end(reply: Reply, *, as_json: bool) -> None:
    """Print the desk's answer, and end with its exit code."""
    taken = reply.http_status <= TAKEN_MAX
    if as_json:
        click.echo(json.dumps(reply.body, ensure_ascii=False))
    else:
        say(str(reply.body.get("sentence", reply.http_status)), err=not taken)
    is_meaningless = reply.http_status in _MEANINGLESS and not reply.body.get("order")
    raise click.exceptions.Exit(0 if taken else 2 if is_meaningless else 1)
