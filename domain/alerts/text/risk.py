"""What a person is told about the day's profit and loss."""

from collections.abc import Sequence
from decimal import Decimal
from typing import Final

from domain.alerts.alert import Alert, Level
from domain.risk.loss_limit import RiskDay
from domain.settings import RiskSettings

TOPIC: Final = "risk"


def rupees(amount: Decimal) -> str:
    """Write rupees for people: two decimals, thousands apart, the sign in front."""
    return f"{amount:+,.2f}"


def near_alert(day: RiskDay, level: Decimal) -> Alert:
    """Say that the limit is near."""
    return Alert(
        topic=TOPIC,
        level=Level.WARNING,
        what=f"Day P&L {rupees(day.pnl)} of {rupees(level)} limit ({abs(day.pnl - level):,.2f} left).",
        means="At the limit everything is flattened for today.",
        do="See `positions`; `flatten --strategy` closes a part before the limit closes all.",
    )


def breach_message(day: RiskDay, limits: RiskSettings) -> str:
    """Say where the day stands, and at which level its limit breaks."""
    return f"{rupees(day.pnl)} rupees, at or below {rupees(day.level(limits) or Decimal(0))}"


def breach_alert(day: RiskDay, left: Sequence[str] = ()) -> Alert:
    """Say that the limit is broken, what follows, and which delivery is left as it is."""
    return Alert(
        topic=TOPIC,
        level=Level.CRITICAL,
        what=f"The day's loss limit is broken: {day.breach}.",
        means=f"No entries are sent today. Working orders are taken back, and {_made_flat('every position', left)}",
        do="Say `status` to watch it. Don't enter by phone: the desk would get out of it again, or tell you to.",
    )


def _made_flat(what: str, left: Sequence[str]) -> str:
    if not left:
        return f"{what} is being made flat."
    stays = f"Delivery does not count in the sum and stays: {', '.join(left)}; `flatten` sells it too."
    return f"{what} that the sum counts (MIS, NRML) is being made flat. {stays}"


def flat_alert(day: RiskDay, left: Sequence[str] = ()) -> Alert:
    """Say that after a breach nothing that its sum counts is held any more."""
    what = "no strategy holds anything" if not left else "no strategy holds anything in MIS or NRML"
    stays = f" Delivery is left as it is: {', '.join(left)}." if left else ""
    return Alert(
        topic=TOPIC,
        level=Level.WARNING,
        what=f"After the loss limit's breach {what}; the day stands at {rupees(day.pnl)}.",
        means=f"Nothing that the limit counts can lose more today; no entries are taken until tomorrow.{stays}",
        do="Nothing needs to be done. `resume --force --reason …` trades on, after the cool-off.",
        ends=True,
    )


def again_alert(what: str) -> Alert:
    """Say that a position came up after the breach."""
    return Alert(
        topic=TOPIC,
        level=Level.CRITICAL,
        what=f"After the breach of the loss limit there is a position again: {what}.",
        means="The limit of the day holds: the desk gets out of what is a strategy's own.",
        do="Find out who entered. Close by phone what was opened by phone: the desk sells nothing that it did not buy.",
    )


def resumed_alert(day: RiskDay) -> Alert:
    """Say that a person trades on after the breach: its story is over, and its alarms are told no more."""
    return Alert(
        topic=TOPIC,
        level=Level.WARNING,
        what=f"Trading was resumed by hand after the loss limit's breach, at {rupees(day.pnl)}.",
        means="Entries are taken again, and the day may lose as much again from here.",
        do="Nothing needs to be done. `exits-only` blocks entries again.",
        ends=True,
    )


def strategy_alert(strategy: str, lost: Decimal, limit: Decimal, left: Sequence[str] = ()) -> Alert:
    """Say that a strategy has used up its budget, and which delivery of it is left as it is."""
    return Alert(
        topic=f"{TOPIC}:{strategy}",
        level=Level.CRITICAL,
        what=f"Strategy {strategy} stands at {rupees(lost)} rupees today; it may lose {limit:,.2f}.",
        means=f"It takes nothing new today, and {_made_flat('what it holds', left)} The other strategies go on.",
        do="Say `positions` to see how it ended; its loss_max is in its table of the settings.",
    )


def prices_stale_alert(which: str, seconds: float) -> Alert:
    """Say that the day's loss is not known."""
    return Alert(
        topic=f"{TOPIC}:blind",
        level=Level.CRITICAL,
        what=f"No price and no position book for {seconds:.0f} s, while this is held: {which}.",
        means="The day's loss is not known and may be growing; no entries are sent. Stops in it are blind too.",
        do="Look at the broker's own app. `flatten` gets out; `status` says how session and feed stand.",
    )


def prices_back_alert() -> Alert:
    """Say that the day's loss is known again."""
    return Alert(
        topic=f"{TOPIC}:blind",
        level=Level.WARNING,
        what="Every held position has a price again.",
        means="The day's profit and loss is known, and the loss limit watches it.",
        do="Nothing needs to be done.",
        ends=True,
    )


def differs_alert(ours: Decimal, theirs: Decimal) -> Alert:
    """Say that the broker counts otherwise."""
    return Alert(
        topic=f"{TOPIC}:difference",
        level=Level.WARNING,
        what=f"Day P&L {rupees(ours)} by our fills, {rupees(theirs)} by the broker's position book.",
        means="The worse of the two counts against the loss limit.",
        do="Say `positions` to compare them line by line; what was carried overnight counts from its close there.",
    )


def self_trade_alert(command_id: str, other: str, symbol: str) -> Alert:
    """Say that two orders of ours could meet."""
    return Alert(
        topic=f"self-trade:{symbol}",
        level=Level.WARNING,
        what=f"Order {command_id} could trade with our own order {other} in {symbol}.",
        means="A trade with oneself costs twice and the exchange may ask about it; the order was sent all the same.",
        do="Cancel one of the two, or let the strategies trade different instruments.",
    )
