"""What is held, and how the desk stands, for people."""

from datetime import datetime

from rich.console import Group, RenderableType
from rich.text import Text

from console.forms import Form, short_id
from console.render import table_of, word
from console.words import clock_time, price_words

MONEY = ("average_price", "last_price", "realised", "unrealised")


def positions_view(positions: Form) -> RenderableType:
    """Show what each strategy holds, and what the account holds at the broker."""
    ours = table_of("strategy", "exchange", "symbol", "product", "units", right=("units",))
    for held in positions["strategies"]:
        ours.add_row(held["strategy"], held["exchange"], held["symbol"], held["product"], _units(held["quantity"]))
    account = positions["account"]
    theirs: RenderableType
    if account is None:
        unread = f"could not be read: {positions['account_unavailable']}. That does not mean flat."
        theirs = Text(unread, style="yellow")
    elif not account:
        theirs = Text("Nothing.")
    else:
        amounts = ("units", *(name.replace("_", " ") for name in MONEY))
        theirs = table_of("exchange", "symbol", "product", *amounts, right=amounts)
        for row in account:
            money = (_money(row[name]) for name in MONEY)
            theirs.add_row(row["exchange"], row["symbol"], row["product"], _units(row["quantity"]), *money)
    held_by_us: RenderableType = ours if positions["strategies"] else Text("Nothing.")
    return Group(
        *(Text("Strategies, from our fills", style="bold"), held_by_us, Text()),
        *(Text("The account, as the broker has it", style="bold"), theirs),
    )


def _money(amount: object) -> str:
    return "-" if amount is None else price_words(amount)


def _units(quantity: int) -> str:
    return f"{quantity:+,d}" if quantity else "0"


def trading_line(trading: Form) -> Text:
    """Say what may be sent."""
    because = f" ({trading['because']})" if trading["because"] else ""
    return Text.assemble("Trading is ", word(trading["state"]), because, f", {trading['orders_today']} orders today.")


def status_view(status: Form) -> RenderableType:
    """Show the desk at a glance."""
    broker = status["broker"]
    ready = "Ready: takes orders." if status["ready"] else "Not ready: " + "; ".join(status["reasons"]) + "."
    waiting = (
        "busy with a request" if broker["waiting"] < 0 else f"{broker['waiting']} waiting, {broker['placed']} placed"
    )
    lines = [
        Text(f"{status['client_id']} ({status['mode']})", style="bold"),
        Text(ready, style="green" if status["ready"] else "yellow"),
        trading_line(status["trading"]),
    ]
    if status["trading"]["state"] == "ACTIVE" and not status["ready"]:
        lines.append(Text("For now only exits are sent; entries are taken again by themselves when all is well."))
    book = status["broker"]["book_asked_at"]
    read = f"order book of {clock_time(datetime.fromisoformat(book))}" if book else "no order book read yet"
    lines.append(Text(f"Broker: {broker['session']}; {waiting}; feed {broker['feed']}; {read}."))
    for one in status["disagreements"]:
        fix = "accept it with" if one["stops_entries"] else "settle it with"
        words = (
            f"accept '{one['name']}' --because …" if one["stops_entries"] else "settle ORDER found|absent --because …"
        )
        lines.append(Text(f"{one['sentence']}. Look at the broker; if it is right, {fix} `{words}`.", style="red"))
    if status["in_flight"]:
        lines.append(Text(f"In flight: {', '.join(short_id(one) for one in status['in_flight'])}."))
    return Group(*lines)
