"""What a person is told about stops."""

from collections.abc import Sequence
from decimal import Decimal
from typing import TypeAlias

from domain.alerts.alert import Alert, Level
from domain.exits.flatten import PositionKey
from domain.exits.stops import ArmedStop, StopTrigger
from domain.orders.types import Exchange

Symbol: TypeAlias = tuple[Exchange, str]


def armed_alert(armed_stop: ArmedStop, beware: str = "") -> Alert:
    """Say that a position is under stops, and of what to beware."""
    return Alert(
        topic=f"stops:{armed_stop.position_key}",
        level=Level.INFO,
        what=f"{armed_stop.position_key} is under stops: {armed_stop}.{f' Beware: {beware}.' if beware else ''}",
        means="The desk gets all of it out when a level is reached, for as long as the desk runs.",
        do="Say `stops` to list them, `protect` to change them, `unprotect` to remove them.",
    )


def triggered_alert(armed_stop: ArmedStop, trigger: StopTrigger) -> Alert:
    """Say that a level was reached."""
    return Alert(
        topic=f"stops:{armed_stop.position_key}",
        level=Level.WARNING,
        what=f"{armed_stop.position_key}: {trigger}.",
        means="The desk takes back what is working and gets out of all that is held; `alerts` says when it is flat.",
        do="Nothing needs to be done; `status` shows how far it is.",
    )


def turned_alert(armed_stop: ArmedStop) -> Alert:
    """Say that the position is no longer the one that was protected."""
    return Alert(
        topic=f"stops:{armed_stop.position_key}",
        level=Level.WARNING,
        what=f"{armed_stop.position_key} was reversed, so its stops ({armed_stop}) were removed.",
        means="What is held now is under no stop.",
        do="Say `protect` to put it under new ones, or `flatten --strategy` to get out.",
    )


def adjusted_before(armed_stop: ArmedStop, close: Decimal) -> str:
    """Say why no entries are taken in the symbol."""
    symbol = armed_stop.position_key.key.symbol
    return f"{symbol}'s previous close is {close:f} now, as after a bonus or a split; a stop in it is held (`stops`)"


def adjusted_alert(armed_stop: ArmedStop, price: Decimal, close: Decimal) -> Alert:
    """Say that a carried stop is held, since the exchange seems to have adjusted its prices."""
    key = armed_stop.position_key.key
    return Alert(
        topic=f"adjusted:{armed_stop.position_key}",
        level=Level.CRITICAL,
        what=f"{armed_stop.position_key} opens at {price:f}, and its previous close is {close:f} now: far from what "
        f"it was, as after a bonus, a split or a merger. Its stops are held and not fired: {armed_stop}.",
        means=f"No stop watches this position until you set it anew, and no entries are taken in {key.symbol}.",
        do="Look up the corporate action and the quantity you hold. Then `unprotect` and `protect` with new levels, or "
        "`flatten --strategy` to get out.",
    )


def counts_again_alert(position_key: PositionKey) -> Alert:
    """Say that a stop is held no more."""
    return Alert(
        topic=f"adjusted:{position_key}",
        level=Level.WARNING,
        what=f"The old stops of {position_key} are held no more: they were set anew, removed, or the price is back.",
        means=f"Entries in {position_key.key.symbol} are taken again, where no other stop in it is held.",
        do="Say `stops` to see what watches it now.",
        ends=True,
    )


def price_stale_alert(symbol: Symbol, age_s: float, stops: Sequence[ArmedStop]) -> Alert:
    """Say that stops see no price."""
    which = "; ".join(f"{one.position_key}: {one}" for one in stops)
    return Alert(
        topic=f"prices:{symbol[0]}:{symbol[1]}",
        level=Level.CRITICAL,
        what=f"No price of {symbol[1]} has come for {age_s:.0f} s, neither by the feed nor by the broker's books.",
        means=f"Its stops are blind and would not notice their levels: {which}.",
        do="Watch the price yourself; `flatten --strategy` gets out. `status` says how the feed and the session stand.",
    )


def price_back_alert(symbol: Symbol) -> Alert:
    """Say that prices come again."""
    return Alert(
        topic=f"prices:{symbol[0]}:{symbol[1]}",
        level=Level.WARNING,
        what=f"Prices of {symbol[1]} come again, or no stop needs them any more.",
        means="No stop in it is blind.",
        do="Nothing needs to be done.",
        ends=True,
    )
