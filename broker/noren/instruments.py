"""What the broker says of an instrument: search, security info, quote (docs/protocol.md, SearchScrip and GetQuotes)."""

from datetime import datetime
from typing import Any, Final

from broker.noren.row_fields import (
    Raw,
    UnreadableRowError,
    decimal_in,
    price_if_told,
    price_or_none,
    text_in,
    text_or_nothing,
    whole_in,
    word_if_told,
)
from domain.broker.snapshots import Tick
from domain.market.expiry import parse_expiry
from domain.market.instrument import Instrument
from domain.orders.types import Exchange

SIMILAR_MAX: Final = 3
"""So many symbols are offered in place of one that is not known."""


class WrongInstrumentError(UnreadableRowError):
    """The reply is about another instrument than was asked for."""


def find_in_search(body: Any, exchange: Exchange, symbol: str) -> Raw | None:  # noqa: ANN401  as it came off the wire
    """Return the search result whose trading symbol is exactly `symbol`, or None: a search matches words."""
    values = body.get("values")
    if not isinstance(values, list):
        raise UnreadableRowError(f"values is {values!r}")
    exact = [
        value
        for value in values
        if isinstance(value, dict) and value.get("tsym") == symbol and value.get("exch", exchange) == exchange
    ]
    if len({text_in(value, "token") for value in exact}) > 1:
        raise UnreadableRowError("token is not unique")
    return exact[0] if exact else None


def similar_in_search(body: Any, exchange: Exchange) -> tuple[str, ...]:  # noqa: ANN401  as it came off the wire
    """Return the trading symbols that a search found: a share first, then the shortest."""
    values = body.get("values")
    found = {
        str(value["tsym"])
        for value in (values if isinstance(values, list) else ())
        if isinstance(value, dict) and value.get("tsym") and value.get("exch", exchange) == exchange
    }
    return tuple(sorted(found, key=lambda symbol: (not symbol.endswith("-EQ"), len(symbol), symbol))[:SIMILAR_MAX])


def instrument_from(found: Raw, info: Any, exchange: Exchange, symbol: str) -> Instrument:  # noqa: ANN401  as above
    """Read the security info of what was found; raise `UnreadableRowError` naming the field at fault.

    Assumption (docs/protocol.md): an absent or zero freeze quantity or circuit limit means that there is none.
    """
    token = text_in(found, "token")
    _same(info, "token", token)
    _same(info, "tsym", symbol)
    lot, tick = whole_in(info, "ls"), decimal_in(info, "ti")
    if lot <= 0:
        raise UnreadableRowError(f"ls is {lot}")
    if tick <= 0:
        raise UnreadableRowError(f"ti is {tick}")
    freeze = price_or_none(info, "frzqty")
    if freeze is not None and (freeze < 0 or freeze != int(freeze)):
        raise UnreadableRowError(f"frzqty is {freeze}")
    lower, upper = price_or_none(info, "lc"), price_or_none(info, "uc")
    if (lower or 0) < 0 or (upper or 0) < 0 or (lower and upper and lower > upper):
        raise UnreadableRowError(f"lc is {lower} and uc is {upper}")
    return Instrument(
        exchange=exchange,
        symbol=symbol,
        token=token,
        kind=text_or_nothing(info, "instname") or text_or_nothing(found, "instname"),
        tick=tick,
        lot=lot,
        freeze_quantity=None if freeze is None else int(freeze),
        lower_circuit=lower,
        upper_circuit=upper,
        expires_on=parse_expiry(word_if_told(info, "exd") or word_if_told(found, "exd")),
    )


def last_price_in(quote: Any, instrument: Instrument, asked_at: datetime) -> Tick:  # noqa: ANN401  as above
    """Read the last traded price; an instrument that never traded has none (`lp` absent or zero).

    A reply of another instrument raises `WrongInstrumentError` (docs/protocol.md, GetQuotes: seen on the wire).
    """
    for key, expected in (("token", instrument.token), ("tsym", instrument.symbol), ("exch", instrument.exchange)):
        if quote.get(key) is not None and str(quote[key]) != expected:
            raise WrongInstrumentError(f"{key} is {quote[key]!r}, not {str(expected)!r}")
    price = price_or_none(quote, "lp")
    if price is None or price < 0:
        raise UnreadableRowError(f"lp is {quote.get('lp')!r} (last trade at {quote.get('ltt')!r}): no price to go by")
    return Tick(
        exchange=instrument.exchange,
        symbol=instrument.symbol,
        last_price=price,
        seen_at=asked_at,
        token=instrument.token,
        previous_close=price_if_told(quote, "c"),
    )


def _same(raw: Raw, key: str, expected: str) -> None:
    """Refuse a reply that speaks of something else than was asked for."""
    value = raw.get(key)
    if value is not None and str(value) != expected:
        raise UnreadableRowError(f"{key} is {value!r}, not {expected!r}")
