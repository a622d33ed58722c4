"""What a person is told about the desk itself: its database, threads, channels, days."""

from collections.abc import Mapping, Sequence

from domain.alerts.alert import Alert, ChannelState, Level
from domain.alerts.text.risk import rupees
from domain.ports import IST
from domain.positions.pnl import Pnl


def database_alert(cause: str) -> Alert:
    """Say that the database does not write."""
    return Alert(
        topic="database",
        level=Level.CRITICAL,
        what=f"The database does not take what happens: {cause}.",
        means="No entries are taken. Exits, cancels and halts go on; what happens is kept and written later.",
        do="Make room on the disk, or end what locks the file; the desk goes on by itself.",
    )


def database_back_alert() -> Alert:
    """Say that the database writes again."""
    return Alert(
        topic="database",
        level=Level.WARNING,
        what="The database writes again, and has all that happened meanwhile.",
        means="Entries are taken again, where nothing else speaks against them.",
        do="Nothing needs to be done.",
        ends=True,
    )


def ending_alert(cause: str) -> Alert:
    """Say that the desk can't go on."""
    return Alert(
        topic="desk",
        level=Level.CRITICAL,
        what=f"The desk ends: {cause}.",
        means="Nothing watches orders and stops until it is started again; what is at the broker stays there.",
        do="See the log, start the desk again, and look at `status`.",
    )


def watcher_alert(cause: str) -> Alert:
    """Say that the watcher is replaced."""
    return Alert(
        topic="watcher",
        level=Level.WARNING,
        what=f"The watcher is replaced: {cause}.",
        means="Orders went on; what the books tell came a moment later.",
        do="Nothing needs to be done, unless this is told again and again.",
    )


def started_alert(held: int, open_orders: int) -> Alert:
    """Say that the desk runs."""
    return Alert(
        topic="desk",
        level=Level.INFO,
        what=f"The desk has started with {held} positions and {open_orders} open orders.",
        means="Stops and exits of the earlier run are taken up again.",
        ends=True,
    )


def stopped_alert(in_flight: tuple[str, ...], left: str = "") -> Alert:
    """Say that the desk has stopped; a warning only where something is left (`left`, in words) that it watched."""
    if not in_flight and not left:
        return Alert(
            topic="desk",
            level=Level.INFO,
            what="The desk has stopped.",
            means="Nothing is held, open or under stops.",
        )
    if not in_flight:
        return Alert(
            topic="desk",
            level=Level.WARNING,
            what=f"The desk has stopped with {left}.",
            means="Nothing watches stops until it is started again; what is at the broker stays there.",
            do="Start it again with `run` when it is to watch.",
        )
    return Alert(
        topic="desk",
        level=Level.CRITICAL,
        what=f"The desk has stopped with orders in flight: {', '.join(in_flight)}.",
        means="Their fate is not known; the next start finds it in the broker's books.",
        do="Start the desk again, or look at the broker.",
    )


def thread_alert(name: str) -> Alert:
    """Say that a thread to people had died."""
    return Alert(
        topic=f"thread:{name}",
        level=Level.WARNING,
        what=f"The desk's thread {name!r} had died, and was started again.",
        means="What waited for it goes on; what it was doing may have been done twice, or not at all.",
        do="Send the log with the next report of a fault.",
    )


def channel_failing_alert(state: ChannelState) -> Alert:
    """Say that a channel takes nothing; the others tell it."""
    since = "" if state.failing_since is None else f" since {state.failing_since.astimezone(IST):%H:%M:%S}"
    return Alert(
        topic=f"channel:{state.name}",
        level=Level.WARNING,
        what=f"Alerts do not arrive by {state.name}{since}: {state.why}.",
        means=f"{state.waiting} texts wait for it; every other channel goes on.",
        do="Look at the channel; `alert-test` tries each of them.",
    )


def channel_back_alert(state: ChannelState) -> Alert:
    """Say that a channel takes texts again."""
    return Alert(
        topic=f"channel:{state.name}",
        level=Level.INFO,
        what=f"Alerts arrive by {state.name} again.",
        means="It has been told what waited for it.",
        ends=True,
    )


def stranger_alert(chat_id: str, earlier: int) -> Alert:
    """Say that somebody else talks to the bot, and how often that was on the last day it happened, after the first."""
    more = f" After the last such word there were {earlier} more on that day." if earlier else ""
    return Alert(
        topic="chat",
        level=Level.WARNING,
        what=f"Chat {chat_id} talks to the desk's bot and is not the one in the settings.",
        means=f"Nothing it says is done or answered, and it is told once a day.{more}",
        do="If it is yours, set alerts.telegram_chat_id to it; else make a new token with @BotFather.",
    )


def calendar_alert(doubts: Sequence[str]) -> Alert:
    """Say which holidays of the calendar are not known for sure."""
    return Alert(
        topic="calendar",
        level=Level.WARNING,
        what=f"The trading calendar is not sure: {'; '.join(doubts)}.",
        means="Entries are sent on a holiday that it does not know, and blocked on a trading day it takes for one.",
        do="Correct [calendar] in the settings and start the desk again (docs/operations.md, Hours).",
    )


def summary_alert(day: str, fates: Mapping[str, int], held: Sequence[str], total: Pnl) -> Alert:
    """Sum a day up: orders by their status, what is held, and the day in rupees."""
    orders = ", ".join(f"{count} {status.lower()}" for status, count in sorted(fates.items())) or "none"
    unknown = f" (no price of {len(total.unpriced)} positions)" if total.unpriced else ""
    money = f"{rupees(total.total)} rupees, {rupees(total.realised)} of it realised{unknown}"
    return Alert(
        topic=f"summary:{day}",
        level=Level.INFO,
        what=f"The day {day}: {money}; orders: {orders}; held: {', '.join(held) or 'nothing'}.",
        means="Costs and taxes are not in it.",
    )
