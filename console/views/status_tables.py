"""What is held, and how the desk stands, for people."""

from collections.abc import Sequence
from datetime import datetime
from typing import Final

from rich.console import Group, RenderableType
from rich.text import Text

from console.views.form import Form, short_id
from console.views.render import PIPE_WIDTH, WIDE, table_of, word
from console.views.text import clock_time, price_text, taken_text
from domain.texts import counted

LIVE: Final = "live"
"""As `domain.settings.Mode` spells it, which is more than a command loads."""
ACCOUNT_MONEY: Final = ("average_price", "last_price", "realised", "unrealised")


def positions_view(positions: Form, width: int = PIPE_WIDTH) -> RenderableType:
    """Show the day, what each strategy holds by our fills, and what the account holds at the broker."""
    pnl = positions["pnl"]
    shown = {(row["strategy"], row["symbol"], row["product"], row["quantity"]) for row in pnl["rows"]}
    apart = [
        Text(f"{one['strategy']} holds {_units(one['quantity'])} {one['symbol']} ({one['exchange']} {one['product']}).")
        for one in positions["strategies"]
        if (one["strategy"], one["symbol"], one["product"], one["quantity"]) not in shown
    ]
    sold = [
        Text(f"{one['strategy']} sold {one['quantity']} {one['symbol']} ({one['product']}) from holdings today.")
        for one in positions.get("sold_from_holdings", [])
    ]
    day, *table = pnl_lines(pnl, width)
    ours = [*table, *apart] or [Text("Nothing.")]
    return Group(
        *(day, Text(), Text("Strategies, from our fills", style="bold"), *ours, *sold, Text()),
        *(Text("The account, as the broker has it (of the whole day)", style="bold"), _account_view(positions, width)),
    )


def _account_view(positions: Form, width: int) -> RenderableType:
    account = positions["account"]
    if account is None:
        unread = f"could not be read: {positions['account_unavailable']}. That does not mean flat."
        return Text(unread, style="yellow")
    rows = [
        (
            (row["symbol"], row["product"], row["exchange"]),
            (_units(row["quantity"]), *(_money(row[name]) for name in ACCOUNT_MONEY)),
        )
        for row in account
    ]
    return _figures(("symbol", "product", "exchange"), "average", rows, width) if rows else Text("Nothing.")


def pnl_lines(pnl: Form, width: int = PIPE_WIDTH) -> list[RenderableType]:
    """Show the day in rupees and where its limit breaks; then, where there is any, each strategy's positions."""
    rows = [
        (
            (row["symbol"], row["product"], row["strategy"]),
            (
                _units(row["quantity"]),
                _money(row["average_price"]) if row["quantity"] else "-",
                _money(row["last_price"]),
                row["realised"],
                row["open"] or "no price",
            ),
        )
        for row in pnl["rows"]
    ]
    limit = "no loss limit" if pnl["limit_breaks_at"] is None else f"loss limit {pnl['limit_breaks_at']}"
    theirs = "has not been read yet"
    if pnl["account"] is not None:
        theirs = f"said {pnl['account']} {pnl['account_age_s']:.0f} s ago"
    message = f"Today: {pnl['total']} rupees (realised {pnl['realised']}, open {pnl['open']}; the broker {theirs}); "
    broken = f" BROKEN: {pnl['breach']}." if pnl["breach"] else ""
    table = [_figures(("symbol", "product", "strategy"), "paid", rows, width)] if rows else []
    return [Text(f"{message}{limit}.{broken}", style="bold"), *table]


def _figures(
    names: tuple[str, str, str], price: str, rows: Sequence[tuple[tuple[str, str, str], tuple[str, ...]]], width: int
) -> RenderableType:
    """Show positions with their units and rupees; on a narrow screen each in two lines."""
    figures = ("units", price, "last", "realised", "open")
    if width >= WIDE:
        table = table_of(*names, *figures, right=figures)
        for position, amounts in rows:
            table.add_row(*position, *amounts)
        return table
    table = table_of("position", *figures, right=figures)
    for (symbol, product, whose), amounts in rows:
        table.add_row(Text(f"{symbol}\n").append(f"{product} {whose}", style="dim"), *amounts)
    return table


def _money(amount: object) -> str:
    return "-" if amount is None else price_text(amount)


def _units(quantity: int) -> str:
    return f"{quantity:+,d}" if quantity else "0"


UNSTORED: Final = "The database does not take it: a restart would not know of it. See `alerts`, then say it again."


ADDRESS_REFUSED: Final = (
    "The broker refuses orders for the address they come from, exits included: register it there, or send from the one"
    " that is, then say `login`."
)


def trading_line(trading: Form) -> Text:
    """Say what may be sent."""
    reason = f" ({trading['reason']})" if trading["reason"] else ""
    line = Text.assemble(
        "Trading is ", word(trading["state"]), reason, f", {counted(trading['orders_today'], 'order')} today."
    )
    return line if trading["stored"] else line.append(f" {UNSTORED}", style="red")


def status_view(status: Form) -> RenderableType:
    """Show the desk at a glance: what is taken, why not, and what a person can do about it."""
    takes = taken_text(status["trading"]["state"])
    ready = (
        f"Ready: {takes}."
        if status["ready"]
        else "Not ready: " + "; ".join(one["detail"] for one in status["blockers"]) + "."
    )
    lines = [
        Text(f"{status['client_id']} ({status['mode']})", style="bold"),
        Text(ready, style="green" if status["ready"] else "yellow"),
        trading_line(status["trading"]),
    ]
    if status["trading"]["state"] == "ACTIVE" and not status["ready"]:
        again = "entries are taken again by themselves when nothing speaks against them."
        lines.append(Text.assemble("In effect it is ", word("EXITS_ONLY"), f" for now: {again}"))
    lines.append(_broker_line(status["broker"]))
    if refused := status["broker"]["address_refused"]:
        lines.append(Text(f"{ADDRESS_REFUSED} Its words: {refused}.", style="red"))
    for one in status["breaks"]:
        what = "stops entries" if one["stops_entries"] else "entries go on"
        message = f"{one['name']} ({what}): {one['sentence']}. To end it: {one['fix']}."
        lines.append(Text(message, style="red" if one["stops_entries"] else "yellow"))
    on_their_way = (
        f"On its way to flat: {one['position']}, {counted(one['tries'], 'exit')} sent." for one in status["exits"]
    )
    lines.extend(Text(message, style="yellow") for message in on_their_way)
    stays = (f"Not flat: {one['position']}, {one['units']} units; its way out has ended." for one in status["stays"])
    lines.extend(Text(f"{message} `alerts` says why.", style="red") for message in stays)
    lines.extend(Text(f"{message}.", style="yellow") for message in status["unwatched"])
    if status["unprotected"]:
        lines.append(Text(f"Beware: {status['unprotected']}.", style="yellow"))
    lines.extend(alert_lines(status["alerts"], is_told=status["mode"] == LIVE))
    if status["in_flight"]:
        lines.append(Text(f"In flight: {', '.join(short_id(one) for one in status['in_flight'])}."))
    return Group(*lines)


def alert_lines(alerts: Form, *, is_told: bool = True) -> list[Text]:
    """Say which alarms are open, which channels fail, and with `is_told` that there is none; mostly nothing."""
    lines = []
    if alerts["open"]:
        message = f"Open alarms: {', '.join(alerts['open'])}. `alerts` tells them, `ack` takes them as seen."
        lines.append(Text(message, style="bold red"))
    for one in alerts["channels"]:
        if one["failing_since"]:
            since = clock_time(datetime.fromisoformat(one["failing_since"]))
            message = f"Alerts do not arrive by {one['channel']} since {since}: {one['why']} ({one['waiting']} wait)."
            lines.append(Text(message, style="red"))
    if alerts["trouble"] and is_told:
        lines.append(Text(f"Nobody is told: {alerts['trouble']}.", style="yellow"))
    return lines


def _broker_line(broker: Form) -> Text:
    is_busy = broker["session_state"] is None
    state = "" if is_busy else f"{broker['session_state']} ({broker['session']}); "
    queue = (
        "busy with a request" if is_busy else f"{broker['waiting']} waiting, {broker['placed']} placed since the start"
    )
    age = broker["book_age_s"]
    read = "no whole order book read yet" if age is None else f"last whole order book {age:,.1f} s ago"
    return Text(f"Broker: {state}{queue}; feed {broker['feed']}; {read}.")
