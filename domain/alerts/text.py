"""What a person is told about orders, the broker and the desk. Each says what happened, what it means, what to do."""

from collections.abc import Mapping, Sequence
from typing import Final

from domain.alerts.alert import Alert, ChannelState, Level
from domain.broker.session import SessionState
from domain.exits.flatten import FlattenRequest, SharesMissing
from domain.market.expiry import LAST_DAY
from domain.orders.lifecycle import Event, State
from domain.orders.order import Intent, Order, OrderEvent, Side
from domain.orders.reasons import Reason
from domain.orders.text import meaning_of, said_by_the_broker, way_out_of
from domain.ports import IST
from domain.positions.pnl import Pnl
from domain.reconciliation.vanishing import HEIR
from domain.risk.text import rupees
from domain.texts import counted

STUCK_S: Final = 60.0
"""A part of an order that waits for so long is told."""
_NO: Final = {State.REFUSED, State.REJECTED}
_CHANGE_CAME_TO_NOTHING: Final = {
    Event.CHANGE_REFUSED,
    Event.CHANGE_REJECTED,
    Event.CHANGE_LAPSED,
    Event.CHANGE_REPLY_LOST,
}


def order_alert(order: Order, event: OrderEvent, *, late: bool) -> Alert | None:
    """Return what to tell about what has become of an order; None for what is no outcome."""
    name, command = order.command.command_id, order.command
    topic = f"order:{name}"
    what = f"{command.strategy}: {command.side} {order.quantity} {command.symbol}"
    price = "" if order.average_price is None else f" at {order.average_price:f}"
    if late:
        return Alert(
            topic=topic,
            level=Level.CRITICAL,
            what=(
                f"LATE {'FILL' if order.filled_quantity else 'UPDATE'}: {what} was recorded as over, "
                f"the broker now reports {order.state}, {order.filled_quantity} filled{price}."
            ),
            means=(
                "It is not in the market, and nothing of it has traded."
                if order.is_terminal and not order.filled_quantity
                else "The position may be another one than was thought; guard, stops and risk count it from now on."
            ),
            do=f"Look at the position at the broker; `why {name}` tells the story.",
        )
    return _fill_alert(order, event, topic, what, price) or _trouble_alert(order, event, topic, what, price)


def _fill_alert(order: Order, event: OrderEvent, topic: str, what: str, price: str) -> Alert | None:
    """Return what to tell about what has traded, or won't."""
    name = order.command.command_id
    if event.kind is Event.FILLED and order.state is State.FILLED:
        command = order.command
        means = "So much of the position is out." if command.intent is Intent.EXIT else "The position is taken."
        if command.product.is_delivery and command.side is Side.SELL:
            means = "The shares are sold: what the desk had bought first, and the rest out of the holdings."
        return Alert(
            topic=topic,
            level=Level.INFO,
            what=f"{what} has filled{price}.",
            means=means,
        )
    if order.state is State.CANCELED and event.tag is Reason.DAY_ENDED_UNKNOWN:
        return _day_ended_alert(order, topic, what, event.inputs)
    if order.state is State.CANCELED and event.kind is Event.CANCELED:
        held = f"{order.filled_quantity} units had traded{price} and are held." if order.filled_quantity else ""
        return Alert(
            topic=topic,
            level=Level.INFO,
            what=f"{what} was canceled.",
            means=held or "Nothing of it has traded.",
        )
    if event.kind is Event.PARTIALLY_FILLED:
        return Alert(
            topic=topic,
            level=Level.WARNING,
            what=f"{what} has been filled in part for {STUCK_S:.0f} s: {order.filled_quantity}{price}.",
            means=f"{order.open_quantity} units still wait in the market.",
            do=f"Wait, or `cancel {name}` to keep what has traded.",
            wait_s=STUCK_S,
        )
    return None


def _day_ended_alert(order: Order, topic: str, what: str, inputs: Mapping[str, str]) -> Alert:
    """Say that nobody knows what an order of a past day traded last, and what that does to the position."""
    product = order.command.product
    means = (
        "Another order of that day on the other side may have traded as much: the account holds the same either way. "
        "This desk counts what it has seen."
    )
    if product.ends_with_its_day:
        means = "It is not in the market, and an intraday position was squared off with its day."
    elif LAST_DAY in inputs:
        last_day = inputs[LAST_DAY]
        means = (
            f"Its contract had its last day on {last_day}: its trades are settled by the clearing house, in no book."
        )
    elif HEIR in inputs:
        means = (
            f"The account holds {inputs[HEIR]}, which no order explains: it may be what it traded, under a new name."
        )
    elif product.is_delivery:
        means = "It is not in the market; what it traded for delivery is in the holdings, or gone from them."
    name = order.command.command_id
    return Alert(
        topic=topic,
        level=Level.INFO if product.ends_with_its_day else Level.WARNING,
        what=f"{what} ended with its day, {order.day}: {order.filled_quantity} traded as far as known, maybe more.",
        means=means,
        do=f"Look at the broker's statement; if it traded, `resolve {name} --placed NUMBER --filled … --reason …`.",
    )


def _trouble_alert(order: Order, event: OrderEvent, topic: str, what: str, price: str) -> Alert | None:
    """Return what to tell about a no, a fate that is not known, or a change that was not taken."""
    name = order.command.command_id
    if order.state in _NO and event.kind in {Event.REFUSED, Event.REJECTED}:
        return _refusal_alert(order, topic, what, price)
    if order.state is State.UNCONFIRMED and event.kind in {Event.REPLY_LOST, Event.RESTARTED}:
        stopped = event.kind is Event.RESTARTED
        cause = "the desk stopped while it was on its way" if stopped else "the broker's reply was lost"
        return Alert(
            topic=topic,
            level=Level.WARNING,
            what=f"{what} is unconfirmed: {cause}.",
            means="It may be in the market. It is being searched for and is never sent again.",
            do=f"Wait: the books tell. `why {name}` shows how far the search is.",
        )
    if order.state is State.NOT_PLACED:
        by_hand = order.tag is Reason.RESOLVED_BY_HAND
        how = "a person has said" if by_hand else "the books prove"
        return Alert(
            topic=topic,
            level=Level.WARNING,
            what=f"{what} never reached the broker, as {how}.",
            means="It is not in the market and has no position.",
            do="Send a new order if it is still wanted.",
        )
    return _change_alert(order, event, what)


def _refusal_alert(order: Order, topic: str, what: str, price: str) -> Alert:
    """Say who said no to an order, and what to do: where nobody was reached there is nothing to fix at the broker."""
    name = order.command.command_id
    held = f" {order.filled_quantity} units had traded{price}." if order.filled_quantity else ""
    by_the_broker = order.state is State.REJECTED or said_by_the_broker(order.tag)
    said = order.state.lower() if by_the_broker else "not sent"
    again = "Fix what the broker names, and send a new order" if by_the_broker else "Send a new order when it can leave"
    return Alert(
        topic=topic,
        level=Level.WARNING,
        what=f'{what} was {said}: "{order.note or order.tag}".',
        means=f"What is left of it is not in the market.{held}",
        do=f"{way_out_of(order) or f'{again};'} `why {name}` tells the story.",
    )


def _change_alert(order: Order, event: OrderEvent, what: str) -> Alert | None:
    """Return what to tell about a change that came to nothing, or whose reply was lost."""
    if event.kind not in _CHANGE_CAME_TO_NOTHING or order.is_terminal:
        return None
    lost = event.kind is Event.CHANGE_REPLY_LOST
    if lost and order.change is None:
        return None
    said = meaning_of(order) or "The change did not take effect."
    if event.note and event.kind in {Event.CHANGE_REFUSED, Event.CHANGE_REJECTED}:
        said = f'{said} The broker says: "{event.note}".'
    return Alert(
        topic=f"change:{order.command.command_id}",
        level=Level.WARNING,
        what=f"{what}: {'a change may be done or not' if lost else 'a change was not made'}. {said}",
        means=f"The order is {order.state}{', on its old terms or its new ones' if lost else ', on its old terms'}.",
        do=f"{'Wait for the books' if lost else 'Ask again'}, or look at it with `why {order.command.command_id}`.",
    )


def session_alert(state: SessionState, message: str) -> Alert | None:
    """Return what to tell about the broker's session."""
    match state:
        case SessionState.LOGGED_IN:
            return Alert(
                topic="session",
                level=Level.INFO,
                what="The broker's session is open.",
                means="Orders can be sent once the books have been compared.",
                ends=True,
            )
        case SessionState.REFUSED:
            return Alert(
                topic="session",
                level=Level.CRITICAL,
                what=f"The broker refuses the login: {message}.",
                means="No order, exit or cancel can be sent; what is held stays as it is at the broker.",
                do="Fix the credentials, then `login`. Until then act in the broker's own app.",
            )
        case SessionState.EXPIRED:
            return Alert(
                topic="session",
                level=Level.WARNING,
                what=f"The broker's session is over: {message}.",
                means=(
                    "No entries are taken; the desk logs in again by itself, and flattens and stops leave with it. "
                    "An exit sent by hand now is refused."
                ),
                do="Nothing needs to be done, unless this is told again; `flatten` gets out once there is a session.",
            )
        case _:
            return None


def books_unavailable_alert(cause: str) -> Alert:
    """Say that the broker's books can't be read."""
    return Alert(
        topic="sight",
        level=Level.WARNING,
        what=f"The broker's books can't be read: {cause}.",
        means="No entries are taken; exits go on, and nothing is taken for flat or failed.",
        do="Nothing needs to be done at first; `status` tells since when.",
    )


def books_available_alert() -> Alert:
    """Say that the books are read again."""
    return Alert(
        topic="sight",
        level=Level.INFO,
        what="The broker's books are read and compared again.",
        means="Entries are taken again, where nothing else speaks against them.",
        ends=True,
    )


def break_alert(name: str, sentence: str, *, stops_entries: bool, do: str = "") -> Alert:
    """Say that the books differ, and what ends it."""
    return Alert(
        topic=f"books:{name}",
        level=Level.CRITICAL if stops_entries else Level.WARNING,
        what=f"The books differ: {sentence}.",
        means="No entries are taken until it is resolved; exits go on." if stops_entries else "Entries go on.",
        do=f"{do[:1].upper()}{do[1:] or 'Look at the broker'}; `status` says more.",
    )


def break_over_alert(name: str) -> Alert:
    """Say that the books agree again."""
    return Alert(
        topic=f"books:{name}",
        level=Level.INFO,
        what=f"The books agree again about {name}.",
        means="Entries are taken again, where nothing else speaks against them.",
        ends=True,
    )


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


def exit_alert(position_key: str, reason: str, number: int, unfilled: int, *, loud: bool) -> Alert:
    """Say that another exit was needed. `unfilled` of the earlier ones were in the market and did not fill."""
    earlier, others = number - 1, number - 1 - unfilled
    said = (
        [f"{unfilled} of {earlier} earlier exits did not fill in time, so the price may be worse now"]
        if unfilled
        else []
    )
    if others:
        ends = "blocked, refused or canceled, or filled for less than is held by now"
        said.append(f"{others} of {earlier} were {ends} (`orders` tells)")
    return Alert(
        topic=f"exit:{position_key}",
        level=Level.CRITICAL if loud else Level.WARNING,
        what=f"{position_key} is not flat yet; exit {number} leaves now ({reason}).",
        means=f"{'; '.join(said) or 'The earlier ones are over'}.",
        do="Look at the broker's own app; the desk goes on until nothing is held.",
    )


def exit_begins_alert(position_key: str, reason: str) -> Alert:
    """Say that a position is being made flat."""
    return Alert(
        topic=f"exit:{position_key}",
        level=Level.INFO,
        what=f"{position_key} is being made flat: {reason}.",
        means="Working orders of it are taken back, then exits are sent until nothing is held.",
    )


def flat_alert(position_key: str, reason: str, exits: int) -> Alert:
    """Say that a position is flat."""
    return Alert(
        topic=f"exit:{position_key}",
        level=Level.INFO,
        what=f"{position_key} is flat after {counted(exits, 'exit')} ({reason}).",
        means="Nothing of it is held or can trade.",
        ends=True,
    )


def shares_missing_alert(request: FlattenRequest, missing: SharesMissing) -> Alert:
    """Say that a way out has ended because the broker has no shares to sell, and how a person decides."""
    strategy, key = request.position_key.strategy, request.position_key.key
    return Alert(
        topic=f"exit:{request.position_key}",
        level=Level.CRITICAL,
        what=f'The broker refuses to sell {missing.held} {key.symbol}: "{missing.message}". '
        f"By this desk's fills {strategy} holds {missing.held} of it ({key.exchange} {key.product}).",
        means=f"The shares are not in the demat account, or fewer are. This exit ({request.reason}) has ended and is "
        "not begun again by itself; a stop that asked for it is over too.",
        do=f"Look at the holdings in the broker's own app. `flatten --strategy {strategy}` tries again once they are "
        f"there; `submit --intent exit` sells a part; `write-off {key.symbol} --strategy {strategy} "
        f"--exchange {key.exchange} --product {key.product} --reason …` takes what is gone out of our books.",
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


def stopped_alert(in_flight: tuple[str, ...]) -> Alert:
    """Say that the desk has stopped."""
    if not in_flight:
        return Alert(
            topic="desk",
            level=Level.WARNING,
            what="The desk has stopped.",
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
