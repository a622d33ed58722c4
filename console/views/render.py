"""Tables and timelines for people, from the same forms that `--json` prints."""

import sys
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, Final

from rich import box
from rich.console import Console, Group, RenderableType
from rich.table import Table
from rich.text import Text

from console.views.form import Form, short_id, short_ids
from console.views.text import clock_time, price_text
from domain.orders.reasons import Reason
from domain.ports import IST

PIPE_WIDTH: Final = 200
"""Columns of a table that goes into a file or a pipe, where nothing needs to fold."""

WIDE: Final = 135
"""Columns from which on a table of steps shows everything."""

_AT_WORK: Final = frozenset({"WORKING", "PARTIALLY_FILLED"})
STEPS: Final = ("sent_ms", "answered_ms", "filled_ms")

_COLOURS: Final[Mapping[str, str]] = {
    "EXECUTED": "green",
    "FAILED": "red",
    "SENT_TO_BROKER": "yellow",
    "CREATED": "dim",
    "BUY": "green",
    "SELL": "red",
    "UNCONFIRMED": "bold yellow",
    "ACTIVE": "green",
    "EXITS_ONLY": "yellow",
    "HALTED": "bold red",
    "EXTERNAL": "bold magenta",
}

_ASKED_BY: Final[Mapping[str, str]] = {
    "HUMAN": "a person",
    "DESK": "the desk",
    "STRATEGY": "the strategy",
    "EXTERNAL": "somebody elsewhere, not this desk",
}


def screen() -> Console:
    """Return the console on stdout: as wide as the terminal, or wide enough for a pipe."""
    width = None if sys.stdout.isatty() else PIPE_WIDTH
    return Console(width=width, highlight=False, markup=False, emoji=False)


def word(value: object) -> Text:
    """Write a side, state or status in its colour."""
    return Text(str(value), style=_COLOURS.get(str(value), ""))


def table_of(*columns: str, right: Sequence[str] = ()) -> Table:
    """Return an empty table with these columns, those in `right` aligned to the right."""
    table = Table(box=box.SIMPLE_HEAD, header_style="bold", pad_edge=False, collapse_padding=True)
    for column in columns:
        table.add_column(column, justify="right" if column in right else "left", no_wrap=column != "why")
    return table


def orders_table(orders: Sequence[Form], width: int = PIPE_WIDTH) -> RenderableType:
    """Show orders, newest first; on a narrow screen each in two lines."""
    if not orders:
        return Text("No orders.")
    if width < WIDE:
        return _narrow_orders_table(orders)
    table = table_of(
        *("time", "order", "strategy", "side", "qty", "symbol", "type", "state", "status"),
        *("filled", "broker order", "why"),
        right=("qty", "filled"),
    )
    names = short_ids(order["command_id"] for order in orders)
    for order in orders:
        table.add_row(
            day_and_time(order["created_at"]),
            names[order["command_id"]],
            word(order["strategy"]),
            word(order["side"]),
            str(order["quantity"]),
            order["symbol"],
            _kind(order),
            _state(order),
            word(order["status"]),
            filled_at(order),
            order["broker_order_id"] or "",
            order["tag"] or "",
        )
    return table


def _narrow_orders_table(orders: Sequence[Form]) -> Table:
    table = Table(box=None, header_style="bold", pad_edge=False, padding=(0, 1, 0, 0))
    for name in ("time", "order"):
        table.add_column(name, no_wrap=True)
    table.add_column("what", overflow="fold")
    table.add_column("state", overflow="fold")
    table.add_column("filled", justify="right", no_wrap=True)
    names = short_ids(order["command_id"] for order in orders)
    for order in orders:
        about = (_kind(order), order["strategy"], order["tag"] or "", order["broker_order_id"] or "")
        what = Text("\n").join([_what(order), Text(" ".join(filter(None, about)), style="dim")])
        at = "\n".join(reversed(day_and_time(order["created_at"]).rsplit(" ", 1)))
        table.add_row(at, names[order["command_id"]], what, _state(order), filled_at(order))
    return table


def _kind(order: Form) -> str:
    """Write how an order is priced: its type, and where it works the limit that it stands at."""
    limit = price_text(order["limit_price"]) if order["state"] in _AT_WORK and order["limit_price"] else ""
    return " ".join(filter(None, (order["order_type"], "AMO" if order["amo"] else "", limit)))


def _state(order: Form) -> Text:
    """Write where an order stands, and the change of it that is not resolved yet."""
    change = change_text(order["change"])
    return Text.assemble(word(order["state"]), (f", {change}" if change else "", "yellow"))


def change_text(change: Form | None) -> str:
    """Write how far a cancel or modify has come: requested, accepted (not yet done), or unconfirmed."""
    stages = {"REQUESTED": "requested", "ACCEPTED": "accepted", "REPLY_LOST": "unconfirmed"}
    return "" if change is None else f"{change['kind'].lower()} {stages[change['stage']]}"


def steps_table(timelines: Sequence[Form], width: int) -> RenderableType:
    """Show orders with how long their steps took since they were registered; on a narrow screen only what matters."""
    if width < WIDE:
        return _narrow_steps_table(timelines)
    table = table_of(
        *("registered", "order", "strategy", "what", "type", "state", "status"),
        *("filled", "sent", "answered", "done", "tag"),
        right=("filled", "sent", "answered", "done"),
    )
    for timeline in timelines:
        order, steps = timeline["order"], timeline["steps"]
        table.add_row(
            time_of_day(order["created_at"]),
            short_id(order["command_id"]),
            order["strategy"],
            _what(order),
            order["order_type"],
            word(order["state"]),
            word(order["status"]),
            filled_at(order),
            *(after(steps[name]) for name in STEPS),
            order["tag"] or "",
        )
    return table


def _narrow_steps_table(timelines: Sequence[Form]) -> Table:
    table = Table(box=None, header_style="bold", pad_edge=False, padding=(0, 1, 0, 0))
    for name in ("order", "what", "state"):
        table.add_column(name, no_wrap=name != "state", overflow="fold")
    for name in ("filled", "sent ms", "answered", "done"):
        table.add_column(name, justify="right", no_wrap=True)
    for timeline in timelines:
        order, steps = timeline["order"], timeline["steps"]
        what = Text("\n").join([_what(order), *([Text(order["tag"], style="dim")] if order["tag"] else [])])
        times = (after(steps[name]).removesuffix(" ms") for name in STEPS)
        table.add_row(short_id(order["command_id"]), what, word(order["state"]), filled_at(order), *times)
    return table


def _what(order: Form) -> Text:
    return Text.assemble(word(order["side"]), f" {order['quantity']} {order['symbol']}")


def steps_line(timeline: Form) -> str:
    """Tell an order in one plain line, for an output that is no terminal."""
    order, steps = timeline["order"], timeline["steps"]
    what = f"{order['side']} {order['quantity']} {order['symbol']} {order['order_type']}"
    times = ", ".join(
        f"{name} {after(steps[key])}"
        for name, key in (("sent", "sent_ms"), ("answered", "answered_ms"), ("filled", "filled_ms"))
        if steps[key] is not None
    )
    parts = [
        time_of_day(order["created_at"]),
        f"{short_id(order['command_id']):<8}",
        f"{order['strategy']:<10}",
        f"{what:<34}",
        f"{order['state']} ({order['status']})",
        filled_at(order),
        order["tag"] or "",
        f"[{times}]" if times else "",
    ]
    return "  ".join(part for part in parts if part)


def after(milliseconds: float | None) -> str:
    """Write how long after its registration a step came."""
    if milliseconds is None:
        return ""
    return f"+{milliseconds:.1f} ms" if milliseconds < 100 else f"+{milliseconds:,.0f} ms"  # noqa: PLR2004  three digits say enough


def filled_at(order: Mapping[str, Any]) -> str:
    """Write what traded, and at what price on average."""
    filled, average = order["filled_quantity"], order["average_price"]
    if not filled:
        return ""
    amount = str(filled) if filled == order["quantity"] else f"{filled}/{order['quantity']}"
    return amount if average is None else f"{amount} @ {price_text(average)}"


def time_of_day(moment: str) -> str:
    """Write a stored moment as the exchange's time of day."""
    return clock_time(datetime.fromisoformat(moment))


def day_and_time(moment: str) -> str:
    """Write a stored moment as the exchange's day and time."""
    return datetime.fromisoformat(moment).astimezone(IST).strftime("%d %b %H:%M:%S")


def timeline_view(timeline: Form) -> RenderableType:
    """Show why an order stands where it stands."""
    order = timeline["order"]
    asked = f"{order['intent']} {order['side']} {order['requested_quantity']} {order['symbol']}"
    head = Text.assemble((asked, "bold"), f"  {order['exchange']} {order['product']} {order['order_type']}")
    change = change_text(order["change"])
    asked_for = ", as asked" if order["tag"] == Reason.CANCELED_AS_ASKED else ""
    stands = Text.assemble(word(order["status"]), f" ({order['state']}{asked_for})  ", filled_at(order))
    facts = [
        ("order", order["command_id"]),
        ("strategy", order["strategy"]),
        ("asked by", _ASKED_BY.get(order["origin"], order["origin"])),
        ("broker order", order["broker_order_id"] or "none"),
        ("found by tag", order["remarks_tag"] or "none"),
        ("day", datetime.fromisoformat(order["created_at"]).astimezone(IST).strftime("%a %d %b %Y, times in IST")),
    ]
    facts += [("session of", f"{order['day']} (after-market)")] if order["amo"] else []
    facts += [("not resolved", f"{change}; its change id is {order['change']['change_id']}")] if change else []
    details = Table.grid(padding=(0, 2))
    for name, value in facts:
        details.add_row(Text(name, style="dim"), value)
    return Group(head, stands, details, Text(), _journal(timeline["lines"]))


def _journal(lines: Sequence[Form]) -> Table:
    table = Table.grid(padding=(0, 2))
    table.add_column(no_wrap=True)
    table.add_column(no_wrap=True, justify="right")
    table.add_column(no_wrap=True)
    table.add_column(overflow="fold", max_width=100)
    first = datetime.fromisoformat(lines[0]["at"]) if lines else None
    for line in lines:
        at = datetime.fromisoformat(line["at"])
        since = (at - first).total_seconds() * 1000 if first else 0.0
        message = Text(line["sentence"])
        if line["decided_from"]:
            message.append(f"\nfrom: {line['decided_from']}", style="dim")
        table.add_row(clock_time(at), Text(after(since), style="dim"), word(line["state_after"]), message)
    return table
