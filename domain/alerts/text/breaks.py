"""What a person is told about the broker's books: one that stays away, and positions that others or the night moved."""

from collections.abc import Sequence
from typing import Final

from domain.alerts.alert import Alert, Level
from domain.broker.book_outages import Sighting
from domain.exits.stops import ArmedStop
from domain.orders.resolution import resolve_command
from domain.orders.types import InstrumentKey
from domain.reconciliation.breaks import Break, BreakKind
from domain.reconciliation.vanishing import Holders, where

PAST_PREFIX: Final = "past:"
"""Begins the name of a break about an order of a past day; its command id follows."""
_TOPIC: Final = "witnesses"
_NAMED_MAX: Final = 5
"""So many orders are named in one sentence; `orders --open` has them all."""


def books_away_alert(sighting: Sighting, away_s_max: float) -> Alert:
    """Say that books have been away for long, and how a person decides what waits for them."""
    books = " and the ".join(kind for kind, _ in sighting.away)
    causes = "; ".join(dict.fromkeys(cause for _, cause in sighting.away))
    what = f"The {books} could not be read for {away_s_max / 60:.0f} minutes: {causes}."
    if not sighting.waiting:
        return Alert(
            topic=_TOPIC,
            level=Level.WARNING,
            what=what,
            means="Our books are not held against the broker's meanwhile; orders go on.",
            do="Nothing needs to be done at first; ask the broker if it stays so.",
        )
    orders = named(sighting.waiting)
    return Alert(
        topic=_TOPIC,
        level=Level.CRITICAL,
        what=what,
        means=f"What became of {orders} is not proved without it; it may be in the market.",
        do=f"Look in the broker's app, then `{resolve_command(sighting.waiting[0])}` decides.",
    )


def books_back_alert() -> Alert:
    """Say that all three books are read again."""
    return Alert(
        topic=_TOPIC,
        level=Level.INFO,
        what="Order book, trade book and positions are all read again.",
        means="What waited for them is decided by them.",
        ends=True,
    )


def named(names: Sequence[str]) -> str:
    """Name a few, and say how many more there are."""
    more = len(names) - _NAMED_MAX
    return ", ".join(names[:_NAMED_MAX]) + (f" and {more} more" if more > 0 else "")


def fix_of(one: Break) -> str:
    """Say how a person ends a break: by what can't make it worse."""
    if one.kind is BreakKind.PAST:
        return f"look at the broker, then `{resolve_command(one.name.removeprefix(PAST_PREFIX))}`"
    if one.unresolved:
        return (
            f"don't accept it: {named(one.unresolved)} may explain it. Wait until its fate is known, or look at the "
            f"broker and `{resolve_command(one.unresolved[0])}`"
        )
    accept = f"`accept '{one.name}' --reason …` if it is right"
    if one.absent:
        return (
            f"look at the broker; if {named(one.absent)} has traded after all, `{resolve_command(one.absent[0])}` "
            f"with --placed; else {accept}"
        )
    return f"look at the broker; {accept}"


def acceptance_undone_alert(undone: Break) -> Alert:
    """Say that units a person had accepted count no more, because an order found since explains them."""
    orders = named(undone.explained_by)
    return Alert(
        topic=f"books:{undone.name}",
        level=Level.INFO,
        what=f"What was accepted of {undone.name} is undone ({undone.difference:+d} units): {orders} explains it.",
        means="The units count once, under the strategy that they belong to; our sums are the account's again.",
        ends=True,
    )


def vanished_alert(gone: Break, holders: Holders, stops: Sequence[ArmedStop]) -> Alert:
    """Say that a carried position is gone, with the stops that wait, and what it may have become."""
    assert gone.key is not None, "only a position vanishes"
    held = ", ".join(f"{name} {units:+d}" for name, units in holders.strategies)
    heir = "" if gone.heir is None else f" It may be {where(gone.heir)} now, which no order explains."
    levels = ", ".join(map(str, stops))
    waiting = f" Its stops ({levels}) wait and send nothing." if stops else ""
    return Alert(
        topic=f"books:{gone.name}",
        level=Level.CRITICAL,
        what=f"A position is gone overnight: {where(gone.key)}, held by {held}.{heir}",
        means=f"No entries are taken until it is decided; exits of it would find nothing.{waiting}",
        do=f"Look at the broker; `accept '{gone.name}' --reason …` ends it in our books, if it is right.",
    )


def returned_alert(back: Break) -> Alert:
    """Say that a position that was gone is there again."""
    assert back.key is not None, "only a position returns"
    return Alert(
        topic=f"returned:{back.name}",
        level=Level.WARNING,
        what=f"A position that was gone is in the account again: {where(back.key)}, {back.difference:+d}.",
        means="It is the strategy's as before, and its stops watch again.",
        do="Nothing needs to be done; `stops` shows what is armed.",
    )


def expired_alert(ended: Break, holders: Sequence[tuple[str, int]]) -> Alert:
    """Say that a contract has expired, and whose positions ended with it."""
    assert ended.key is not None, "only a position expires"
    held = ", ".join(f"{name} {units:+d}" for name, units in holders) or "nobody of ours"
    return Alert(
        topic=f"books:{ended.name}",
        level=Level.INFO,
        what=f"A contract has expired: {where(ended.key)}, held by {held}.",
        means="The positions have ended in our books, and their stops with them; they are settled by the broker.",
        ends=True,
    )


def still_held_alert(key: InstrumentKey) -> Alert:
    """Say that the account holds units of a contract that should be over."""
    return Alert(
        topic=f"over:{where(key)}",
        level=Level.WARNING,
        what=f"The account holds units of {where(key)}, whose last day is over by all that is known of it.",
        means="They count as held as long as the position book shows them, and exits of them are sent.",
        do="Look at the broker; where they are to be settled in cash or shares, nothing needs to be done.",
    )


def over_alert(position_key: str, reason: str) -> Alert:
    """Say that a position is not made flat any more: its contract is over, and the books are still to end it."""
    return Alert(
        topic=f"exit:{position_key}",
        level=Level.INFO,
        what=f"No exit of {position_key} is sent ({reason}): the contract's last day is over.",
        means="Nothing can be ordered in it any more, and what was held is settled by the broker. Should the position "
        "book show it all the same, exits go on.",
        ends=True,
    )


def squared_off_alert(closed: Break, holders: Sequence[tuple[str, int]]) -> Alert:
    """Say that the broker has squared positions off, and whose."""
    assert closed.key is not None, "only a position is squared off"
    held = ", ".join(f"{name} {units:+d}" for name, units in holders)
    price = "" if closed.price is None else f" at {closed.price.normalize():f}"
    return Alert(
        topic=f"books:{closed.name}",
        level=Level.WARNING,
        what=f"The broker has squared off {where(closed.key)}{price}: {held}.",
        means="These positions are closed in our books too, at that price; brokers charge a fee for it.",
        do="Let exits leave earlier: stops.square_off_before_close_min, or the strategy's square_off.",
    )
