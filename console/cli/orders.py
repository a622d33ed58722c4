"""The commands about orders: send, list, explain, change, and resolve them."""

import json
import secrets
from pathlib import Path
from typing import Annotated, Any

import typer

from console.cli import order_options
from console.cli.client import DeskClient, Reply
from console.cli.options import (
    TAKEN_MAX,
    AsJson,
    Config,
    ExchangeName,
    OrderName,
    ReasonGiven,
    Strategy,
    end,
    plainly,
    say,
    show,
)
from console.cli.settings import read_client_settings
from console.cli.stops import Trail, TrailWhen, trail_terms
from console.errors import PlainError
from console.views.render import orders_table, screen, timeline_view
from domain.orders.change import ChangeKind
from domain.orders.change_command import ChangeCommand
from domain.orders.command import OrderCommand
from domain.orders.types import Intent, Origin
from domain.orders.validation import InvalidOrderError

ChangeId = Annotated[str | None, typer.Option(help="Id of the change; the same id is never sent twice.")]


def submit(  # noqa: PLR0913  an order has as many fields
    *,
    symbol: order_options.Symbol,
    side: order_options.Side,
    quantity: order_options.Quantity,
    intent: order_options.IntentOfIt = "ENTRY",
    exchange: ExchangeName = "NSE",
    product: order_options.Product = "MIS",
    order_type: order_options.OrderType = "MARKET",
    price: order_options.Price = None,
    trigger_price: order_options.TriggerPrice = None,
    stop_loss: order_options.StopLoss = None,
    target: order_options.Target = None,
    trail: Trail = None,
    trail_activation: TrailWhen = None,
    strategy: Strategy = "manual",
    comment: order_options.Comment = "",
    amo: order_options.Amo = False,
    until_flat: order_options.UntilFlat = False,
    command_id: order_options.CommandId = None,
    as_json: AsJson = False,
    config: Config = None,
) -> None:
    """Send an order to the running desk. Exit code 0: accepted or unconfirmed; 1: declined, also when repeated."""
    name = command_id or secrets.token_hex(8)
    given: dict[str, Any] = (
        {"command_id": name, "strategy": strategy, "intent": intent, "exchange": exchange, "symbol": symbol}
        | {"side": side, "quantity": quantity, "product": product, "order_type": order_type, "price": price}
        | {"trigger_price": trigger_price, "stop_loss": stop_loss, "target": target, "comment": comment}
        | {"amo": amo, "origin": Origin.HUMAN.value}
    )
    with plainly():
        reply = _send(given | trail_terms(trail, trail_activation), config, until_flat=until_flat)
    taken = reply.http_status <= TAKEN_MAX
    sentence = str(reply.body.get("sentence", f"The desk answered {reply.http_status}."))
    story = f"\nIts command id is {name}; `why {name}` tells its story." if reply.body.get("order") else ""
    if as_json:
        typer.echo(json.dumps(reply.body, ensure_ascii=False))
    else:
        say(sentence + story, err=not taken)
    raise typer.Exit(0 if taken else 1)


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


def orders(
    *,
    open_only: Annotated[bool, typer.Option("--open", help="Only open orders.")] = False,
    limit: Annotated[int, typer.Option(min=1, max=10_000, help="Maximum number of orders.")] = 30,
    as_json: AsJson = False,
    config: Config = None,
) -> None:
    """List the orders, newest first."""
    with plainly():
        found = DeskClient(read_client_settings(config)).read("/orders", open=open_only, limit=limit)["orders"]
    show(found, orders_table(found, screen().width), as_json=as_json)


def why(
    order: Annotated[str, typer.Argument(help="The command id, the beginning of it, or the broker's order number.")],
    *,
    as_json: AsJson = False,
    config: Config = None,
) -> None:
    """Show an order's history: each decision, its inputs, and what it means."""
    with plainly():
        client = DeskClient(read_client_settings(config))
        timeline = client.read(f"/orders/{client.find(order)}/timeline")
    show(timeline, timeline_view(timeline), as_json=as_json)


def cancel(
    order: OrderName,
    *,
    reason: ReasonGiven = "by hand",
    change_id: ChangeId = None,
    as_json: AsJson = False,
    config: Config = None,
) -> None:
    """Cancel the open quantity of an order. Accepted is not canceled yet: the order can still fill first."""
    _change(ChangeKind.CANCEL, order, {"reason": reason}, change_id, config, as_json=as_json)


def modify(
    order: OrderName,
    *,
    quantity: Annotated[
        str | None, typer.Option(help="The new total quantity in units, including what has filled.")
    ] = None,
    price: Annotated[str | None, typer.Option(help="Rupees per unit.")] = None,
    trigger_price: Annotated[str | None, typer.Option(help="Rupees per unit, for SL and SL-M.")] = None,
    reason: ReasonGiven = "by hand",
    change_id: ChangeId = None,
    as_json: AsJson = False,
    config: Config = None,
) -> None:
    """Modify an order's total quantity, price or trigger price. What is left out stays as it is."""
    terms = {"quantity": quantity, "price": price, "trigger_price": trigger_price, "reason": reason}
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


def resolve(
    order: OrderName,
    *,
    placed: Annotated[str | None, typer.Option(help="The broker has the order, under this number.")] = None,
    not_placed: Annotated[bool, typer.Option("--not-placed", help="The broker does not have the order.")] = False,
    reason: Annotated[str, typer.Option(help="How you know; it is kept in the order's journal.")],
    filled: Annotated[int | None, typer.Option(help="Total filled quantity, in units.")] = None,
    price: Annotated[str | None, typer.Option(help="Average fill price, rupees per unit.")] = None,
    as_json: AsJson = False,
    config: Config = None,
) -> None:
    """Resolve by hand an order that the broker's books do not show. Check with the broker first."""
    with plainly():
        if not_placed == (placed is not None):
            raise PlainError("give --placed NUMBER or --not-placed, one of them. Nothing was changed.", 2)
        body: dict[str, Any] = {"placed": not not_placed, "reason": reason}
        known = {"broker_order_id": placed, "filled_quantity": filled, "average_price": price}
        client = DeskClient(read_client_settings(config))
        told = {name: value for name, value in known.items() if value is not None}
        reply = client.post(f"/orders/{client.find(order)}/resolve", body | told)
    end(reply, as_json=as_json)
