"""The commands with which a person changes and settles things: each says what it did, and what to do next."""

import json
import secrets
import threading
from pathlib import Path
from typing import Annotated, Any, Final

import typer

from actors.clock import SystemClock
from actors.desk import DeskUnavailableError, back_up_database
from console.client import DeskClient, Reply
from console.errors import AsJson, PlainError, plainly
from console.where import read_settings
from domain.change import ChangeKind
from domain.change_command import ChangeCommand
from domain.order import InvalidOrderError, Origin

TAKEN_MAX: Final = 299
_LOOK_S: Final = 0.3

Config = Annotated[Path | None, typer.Option(help="The settings file; without it desk.toml.", envvar="DESK_CONFIG")]
Because = Annotated[str, typer.Option(help="Why; it is kept in the order's journal.")]
OrderName = Annotated[str, typer.Argument(help="Its command id, the beginning of it, or the broker's order id.")]
ChangeId = Annotated[str | None, typer.Option(help="The change's name; the same name is never sent twice.")]


def add_commands(app: typer.Typer) -> None:
    """Add the commands to the command line."""
    for command in (cancel, modify, flatten, settle, accept, login, backup):
        app.command()(command)


def cancel(
    order: OrderName,
    *,
    because: Because = "by hand",
    change_id: ChangeId = None,
    as_json: AsJson = False,
    config: Config = None,
) -> None:
    """Cancel what is open of an order. Taken by the broker is not yet canceled: a fill may win."""
    _change(ChangeKind.CANCEL, order, {"because": because}, change_id, config, as_json=as_json)


def modify(
    order: OrderName,
    *,
    quantity: Annotated[str | None, typer.Option(help="The new total in units, what has traded included.")] = None,
    price: Annotated[str | None, typer.Option(help="Rupees a unit.")] = None,
    trigger_price: Annotated[str | None, typer.Option(help="Rupees a unit, for SL and SL-M.")] = None,
    because: Because = "by hand",
    change_id: ChangeId = None,
    as_json: AsJson = False,
    config: Config = None,
) -> None:
    """Change an order's total quantity, price or trigger price. What is left out stays as it is."""
    terms = {"quantity": quantity, "price": price, "trigger_price": trigger_price, "because": because}
    given = {name: value for name, value in terms.items() if value is not None}
    _change(ChangeKind.MODIFY, order, given, change_id, config, as_json=as_json)


def _change(
    kind: ChangeKind, order: str, given: dict[str, Any], change_id: str | None, config: Path | None, *, as_json: bool
) -> None:
    with plainly():
        settings = read_settings(config)
        body = {"change_id": change_id or secrets.token_hex(8), **given}
        try:
            whole = {"client_id": settings.client_id, "command_id": "of-the-order", "kind": kind, **body}
            ChangeCommand.parse(whole | {"origin": Origin.HUMAN})
        except InvalidOrderError as error:
            raise PlainError(f"Invalid: {error}. Nothing was sent to the desk.") from None
        client = DeskClient(settings)
        reply = client.post(f"/orders/{client.find(order)}/{kind.value.lower()}", body)
    end(reply, as_json=as_json)


def flatten(
    *,
    because: Because = "by hand",
    strategy: Annotated[str | None, typer.Option(help="Only this strategy's; the others go on.")] = None,
    wait: Annotated[float, typer.Option(min=0, help="Seconds to watch it happen.")] = 60,
    as_json: AsJson = False,
    config: Config = None,
) -> None:
    """Get out of everything: entries stop, working orders are taken back, exits are sent until nothing is held.

    The desk goes on with it however long it takes, also over a restart. Exit code 0: flat; 1: not yet.
    """
    with plainly():
        client = DeskClient(read_settings(config))
        body = {"because": because} | ({} if strategy is None else {"strategy": strategy})
        reply = client.post("/flatten", body)
        if reply.http_status > TAKEN_MAX:
            end(reply, as_json=as_json)
        left, stays = _watch_exits(client, wait, as_json=as_json)
    stays = [one for one in stays if one in reply.body["positions"]]
    entries = "" if strategy is not None else " Entries stay stopped until `resume`."
    if as_json:
        typer.echo(json.dumps(reply.body | {"left": left, "stays": stays}, ensure_ascii=False))
    elif not reply.body["positions"]:
        typer.echo(f"{reply.body['sentence']}{entries}")
    else:
        said = [f"Not flat yet: {', '.join(left)}. The desk goes on; `status` tells."] if left else []
        said += [f"Not flat: {', '.join(stays)}. Their way out has ended; `alerts` says why."] if stays else []
        typer.echo(" ".join(said) + entries if said else f"Flat.{entries}")
    raise typer.Exit(1 if left or stays else 0)


def _watch_exits(client: DeskClient, seconds: float, *, as_json: bool) -> tuple[list[str], list[str]]:
    """Watch the exits under way, and say what changes; return what is not flat in the end, and what stays held."""
    clock, pause, said = SystemClock(), threading.Event(), ""
    ends_at = clock.monotonic() + seconds
    while True:
        now = client.read("/exits")
        exits = now["exits"]
        words = "; ".join(f"{one['position']}: {one['tries']} exits sent" for one in exits)
        if not as_json and words and words != said:
            typer.echo(words)
            said = words
        if not exits or clock.monotonic() >= ends_at:
            return [one["position"] for one in exits], [one["position"] for one in now["stays"]]
        pause.wait(_LOOK_S)


def settle(
    order: OrderName,
    outcome: Annotated[str, typer.Argument(help="found: the broker has it. absent: it is not there, nothing traded.")],
    *,
    because: Annotated[str, typer.Option(help="How you know; it is kept in the order's journal.")],
    broker_order_id: Annotated[str | None, typer.Option(help="The broker's number of a found order.")] = None,
    filled: Annotated[int | None, typer.Option(help="Units that traded, all told.")] = None,
    price: Annotated[str | None, typer.Option(help="Their average price, rupees a unit.")] = None,
    as_json: AsJson = False,
    config: Config = None,
) -> None:
    """Say what became of an order that the broker's books do not tell of. Look at the broker first."""
    with plainly():
        if outcome not in {"found", "absent"}:
            raise PlainError(f"say found or absent, not {outcome!r}")
        body: dict[str, Any] = {"found": outcome == "found", "because": because}
        known = {"broker_order_id": broker_order_id, "filled_quantity": filled, "average_price": price}
        client = DeskClient(read_settings(config))
        told = {name: value for name, value in known.items() if value is not None}
        reply = client.post(f"/orders/{client.find(order)}/settle", body | told)
    end(reply, as_json=as_json)


def accept(
    name: Annotated[str, typer.Argument(help="The disagreement's name, as `status` shows it.")],
    *,
    because: Annotated[str, typer.Option(help="Why it is right as the broker has it.")],
    undo: Annotated[bool, typer.Option("--undo", help="Take back what was accepted under this name.")] = False,
    as_json: AsJson = False,
    config: Config = None,
) -> None:
    """Accept what the broker's books tell differently from ours, so that entries are taken again; or take that back."""
    body = {"name": name, "because": because, **({"undo": True} if undo else {})}
    with plainly():
        reply = DeskClient(read_settings(config)).post("/disagreements/accept", body)
    end(reply, as_json=as_json)


def login(*, as_json: AsJson = False, config: Config = None) -> None:
    """Try to log in at the broker again, after mending what it refused."""
    with plainly():
        reply = DeskClient(read_settings(config)).post("/session/login", {})
    end(reply, as_json=as_json)


def backup(
    file: Annotated[Path, typer.Argument(help="A new file for the copy.")],
    *,
    as_json: AsJson = False,
    config: Config = None,
) -> None:
    """Copy the database to FILE, whether the desk is running or not."""
    with plainly():
        try:
            report = back_up_database(read_settings(config), file)
        except DeskUnavailableError as error:
            raise PlainError(str(error)) from None
    if as_json:
        typer.echo(json.dumps({"file": str(file), **report}))
    else:
        typer.echo(
            f"{file} holds {report['orders']} orders and {report['journal_lines']} lines of their journal, "
            f"{report['size_bytes']:,} bytes, checked, in {report['seconds']:.1f} s."
        )


def end(reply: Reply, *, as_json: bool) -> None:
    """Print the desk's answer, and end with its exit code."""
    taken = reply.http_status <= TAKEN_MAX
    words = (
        json.dumps(reply.body, ensure_ascii=False) if as_json else str(reply.body.get("sentence", reply.http_status))
    )
    typer.echo(words, err=not taken and not as_json)
    raise typer.Exit(0 if taken else 1)
