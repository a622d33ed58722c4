"""The commands about orders: send, list, explain, change, and resolve them."""

import json
import secrets
from pathlib import Path
from typing import Any

import click

from console.cli import options, order_options
from console.cli.client import DeskClient, Reply
from console.cli.options import TAKEN_MAX, end, plainly, say, show
from console.cli.settings import read_client_settings
from console.cli.stops import trail_terms
from console.errors import PlainError
from console.views.render import orders_table, screen, timeline_view
from domain.orders.change import ChangeKind
from domain.orders.change_command import ChangeCommand
from domain.orders.command import OrderCommand
from domain.orders.types import Intent, Origin
from domain.orders.validation import InvalidOrderError

change_id = click.option("--change-id", help="Id of the change; the same id is never sent twice.")


@click.command()
@order_options.of_an_order
@click.option("--until-flat", is_flag=True, help="EXIT only: if the broker cannot be reached, keep trying until flat.")
@click.option("--command-id", help="Id of the order; the same id is never sent twice.")
@options.as_json
@options.config
def submit(
    *,
    until_flat: bool,
    command_id: str | None,
    trail: str | None,
    trail_activation: str | None,
    as_json: bool,
    config: Path | None,
    **fields: str | bool | None,
) -> None:
    """Send an order to the running desk. Exit code 0: accepted or unconfirmed; 1: declined, also when repeated."""
    name = command_id or secrets.token_hex(8)
    given = {"command_id": name, **fields, "origin": Origin.HUMAN.value}
    with plainly():
        reply = _send(given | trail_terms(trail, trail_activation), config, until_flat=until_flat)
    taken = reply.http_status <= TAKEN_MAX
    sentence = str(reply.body.get("sentence", f"The desk answered {reply.http_status}."))
    story = f"\nIts command id is {name}; `why {name}` tells its story." if reply.body.get("order") else ""
    if as_json:
        click.echo(json.dumps(reply.body, ensure_ascii=False))
    else:
        say(sentence + story, err=not taken)
    raise click.exceptions.Exit(0 if taken else 1)


def _send(order: dict[str, Any], config: Path | None, *, until_flat: bool) -> Reply:
    """Send an order that can be meant; raise `PlainError` where it can't, before the desk hears of it."""
    settings = read_client_settings(config)
    if until_flat and order["intent"].strip().upper() != Intent.EXIT:
        raise PlainError("--until-flat is for --intent EXIT. Nothing was sent to the desk.", 2)
    try:
        OrderCommand.parse({**order, "client_id": settings.client_id})
    except InvalidOrderError as error:
        raise PlainError(f"Invalid: {error}. Nothing was sent to the desk.", 2) from None
    return DeskClient(settings).submit(order | ({"until_flat": True} if until_flat else {}))


@click.command()
@click.option("--open", "open_only", is_flag=True, help="Only open orders.")
@click.option("--limit", type=click.IntRange(1, 10_000), default=30, help="Maximum number of orders.")
@options.as_json
@options.config
def orders(*, open_only: bool, limit: int, as_json: bool, config: Path | None) -> None:
    """List the orders, newest first."""
    with plainly():
        found = DeskClient(read_client_settings(config)).read("/orders", open=open_only, limit=limit)["orders"]
    show(found, orders_table(found, screen().width), as_json=as_json)


@click.command()
@options.order_name
@options.as_json
@options.config
def why(order: str, *, as_json: bool, config: Path | None) -> None:
    """Show an order's history: each decision, its inputs, and what it means.

    ORDER is the command id, the beginning of it, or the broker's order number.
    """
    with plainly():
        client = DeskClient(read_client_settings(config))
        timeline = client.read(f"/orders/{client.find(order)}/timeline")
    show(timeline, timeline_view(timeline), as_json=as_json)


@click.command()
@options.order_name
@options.reason
@change_id
@options.as_json
@options.config
def cancel(order: str, *, reason: str, change_id: str | None, as_json: bool, config: Path | None) -> None:
    """Cancel the open quantity of an order. Accepted is not canceled yet: the order can still fill first."""
    _change(ChangeKind.CANCEL, order, {"reason": reason}, change_id, config, as_json=as_json)


@click.command()
@options.order_name
@click.option("--quantity", help="The new total quantity in units, including what has filled.")
@click.option("--price", help="Rupees per unit.")
@click.option("--trigger-price", help="Rupees per unit, for SL and SL-M.")
@options.reason
@change_id
@options.as_json
@options.config
def modify(order: str, *, change_id: str | None, as_json: bool, config: Path | None, **terms: str | None) -> None:
    """Modify an order's total quantity, price or trigger price. What is left out stays as it is."""
    given = {name: value for name, value in terms.items() if value is not None}
    _change(ChangeKind.MODIFY, order, given, change_id, config, as_json=as_json)


def _change(
    kind: ChangeKind, order: str, given: dict[str, Any], change_id: str | None, config: Path | None, *, as_json: bool
) -> None:
    with plainly():
        settings = read_client_settings(config)
        body = {"change_id": change_id or secrets.token_hex(8), **given}
        try:
            whole = {"client_id": settings.client_id, "command_id": "of-the-order", "kind": kind, **body}
            ChangeCommand.parse(whole | {"origin": Origin.HUMAN})
        except InvalidOrderError as error:
            raise PlainError(f"Invalid: {error}. Nothing was sent to the desk.", 2) from None
        client = DeskClient(settings)
        reply = client.post(f"/orders/{client.find(order)}/{kind.value.lower()}", body)
    end(reply, as_json=as_json)


@click.command()
@options.order_name
@click.option("--placed", help="The broker has the order, under this number.")
@click.option("--ended", help="The broker had the order, under this number, and it is over (--filled: what it traded).")
@click.option("--not-placed", is_flag=True, help="The broker does not have the order.")
@click.option("--reason", required=True, help="How you know; it is kept in the order's journal.")
@click.option("--filled", "filled_quantity", type=int, help="Total filled quantity, in units.")
@click.option("--price", "average_price", help="Average fill price, rupees per unit.")
@options.as_json
@options.config
def resolve(
    order: str,
    *,
    placed: str | None,
    ended: str | None,
    not_placed: bool,
    reason: str,
    as_json: bool,
    config: Path | None,
    **traded: object,
) -> None:
    """Resolve by hand an order that the broker's books do not show. Check with the broker first."""
    with plainly():
        if [placed is not None, ended is not None, not_placed].count(True) != 1:
            raise PlainError(
                "give --placed NUMBER, --ended NUMBER or --not-placed, one of them. Nothing was changed.", 2
            )
        body: dict[str, Any] = {"placed": placed is not None, "reason": reason}
        known = {"broker_order_id": placed or ended, **traded}
        client = DeskClient(read_client_settings(config))
        told = {name: value for name, value in known.items() if value is not None}
        reply = client.post(f"/orders/{client.find(order)}/resolve", body | told)
    end(reply, as_json=as_json)
