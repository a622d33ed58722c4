"""What a person is told about stops."""

from collections.abc import Sequence
from decimal import Decimal
from typing import TypeAlias

from domain.alert import Alert, Level
from domain.exits import Scope
from domain.order import Exchange
from domain.stops import Hit, Protection

Symbol: TypeAlias = tuple[Exchange, str]


def armed_alert(protection: Protection, beware: str = "") -> Alert:
    """Say that a position is under stops, and of what to beware."""
    return Alert(
        topic=f"stops:{protection.scope}",
        level=Level.NEWS,
        what=f"{protection.scope} is under stops: {protection}.{f' Beware: {beware}.' if beware else ''}",
        means="The desk gets all of it out when a level is reached, for as long as the desk runs.",
        do="Say `stops` to list them, `protect` to change them, `unprotect` to remove them.",
    )


def hit_alert(protection: Protection, hit: Hit) -> Alert:
    """Say that a level was reached."""
    return Alert(
        topic=f"stops:{protection.scope}",
        level=Level.WARNING,
        what=f"{protection.scope}: {hit}.",
        means="The desk takes back what is working and gets out of all that is held; `alerts` says when it is flat.",
        do="Nothing needs to be done; `status` shows how far it is.",
    )


def turned_alert(protection: Protection) -> Alert:
    """Say that the position is no longer the one that was protected."""
    return Alert(
        topic=f"stops:{protection.scope}",
        level=Level.WARNING,
        what=f"{protection.scope} was turned round, so its stops ({protection}) were removed.",
        means="What is held now is under no stop.",
        do="Say `protect` to put it under new ones, or `flatten --strategy` to get out.",
    )


def adjusted_before(protection: Protection, close: Decimal) -> str:
    """Say why no entries are taken in the symbol."""
    symbol = protection.scope.key.symbol
    return f"{symbol}'s previous close is {close:f} now, as after a bonus or a split; a stop in it is held (`stops`)"


def adjusted_alert(protection: Protection, price: Decimal, close: Decimal) -> Alert:
    """Say that a carried stop is held, since the exchange seems to have adjusted its prices."""
    key = protection.scope.key
    return Alert(
        topic=f"adjusted:{protection.scope}",
        level=Level.ALARM,
        what=f"{protection.scope} opens at {price:f}, and its previous close is {close:f} now: far from what it was, "
        f"as after a bonus, a split or a merger. Its stops are held and not fired: {protection}.",
        means=f"No stop watches this position until you set it anew, and no entries are taken in {key.symbol}.",
        do="Look up the corporate action and the quantity you hold. Then `unprotect` and `protect` with new levels, or "
        "`flatten --strategy` to get out.",
    )


def counts_again_alert(scope: Scope) -> Alert:
    """Say that a stop is held no more."""
    return Alert(
        topic=f"adjusted:{scope}",
        level=Level.WARNING,
        what=f"The old stops of {scope} are held no more: they were set anew, removed, or the price is back.",
        means=f"Entries in {scope.key.symbol} are taken again, where no other stop in it is held.",
        do="Say `stops` to see what watches it now.",
        ends=True,
    )


def blind_alert(symbol: Symbol, age_s: float, stops: Sequence[Protection]) -> Alert:
    """Say that stops see no price."""
    which = "; ".join(f"{one.scope}: {one}" for one in stops)
    return Alert(
        topic=f"prices:{symbol[0]}:{symbol[1]}",
        level=Level.ALARM,
        what=f"No price of {symbol[1]} has come for {age_s:.0f} s, neither by the feed nor by the broker's books.",
        means=f"Its stops are blind and would not notice their levels: {which}.",
        do="Watch the price yourself; `flatten --strategy` gets out. `status` says how the feed and the session stand.",
    )


def seeing_alert(symbol: Symbol) -> Alert:
    """Say that prices come again."""
    return Alert(
        topic=f"prices:{symbol[0]}:{symbol[1]}",
        level=Level.WARNING,
        what=f"Prices of {symbol[1]} come again, or no stop needs them any more.",
        means="No stop in it is blind.",
        do="Nothing needs to be done.",
        ends=True,
    )
