"""What is untrue in an answer or a tick: rows left out, prices nobody traded at, another instrument's words."""

import json
from collections.abc import Mapping
from decimal import Decimal, InvalidOperation
from typing import Any, Final

from broker.paper.api import scrips
from broker.paper.api.wire import Reply, encoded, money, rows
from broker.paper.clock import Moment
from broker.paper.control.faults import TICK, Fault, FaultError
from broker.paper.engine.instruments import Instrument
from broker.paper.engine.venue import Venue

_PRICES: Final = frozenset(
    {"lp", "o", "h", "l", "c", "ap", *(f"{side}{level}" for side in ("bp", "sp") for level in range(1, 6))}
)
_OWN: Final = frozenset({"t", "e", "tk", "ft"})
"""What a tick of another instrument keeps of the one that was asked for."""


def with_wrong_data(venue: Venue, route: str, reply: Reply, moment: Moment) -> Reply:
    """Return an answer as the faults on its truth would have it; a refusal stays as it is."""
    faults = venue.faults.wrong_data(route)
    if not faults:
        return reply
    body: Any = json.loads(reply.body)
    if not body or (isinstance(body, dict) and body.get("stat") != "Ok"):
        return reply
    for fault in faults:
        body = _changed(venue, fault, route, body)
    if isinstance(body, list):
        return rows(body, moment.at)
    return Reply(encoded(body), reply.http_status)


def wrong_tick(venue: Venue, frame: Mapping[str, str], moment: Moment) -> dict[str, str] | None:
    """Return what is pushed in the place of a tick, None where no fault is meant for it."""
    faults = venue.faults.wrong_data(TICK)
    if not faults:
        return None
    shown = dict(frame)
    told = {"exch": frame["e"], "token": frame["tk"], "tsym": frame["ts"]}
    fault = next((one for one in faults if one.suits(told)), None)
    if fault is None or not venue.faults.count(fault, TICK):
        return None
    if fault.kind == "wrong_price" and not fault.other:
        return _with_price(shown, fault.price or "")
    other = _other(venue, fault)
    external = scrips.touchline(other, venue.market.quote(other), moment.at)
    if fault.kind == "wrong_price":
        return shown | {name: value for name, value in external.items() if name in _PRICES & shown.keys()}
    return shown | {name: value for name, value in external.items() if name not in _OWN}


def _changed(venue: Venue, fault: Fault, route: str, body: Any) -> Any:  # noqa: ANN401  JSON has any
    """Carry out one fault on a body that was parsed, and count it where it found something."""
    listed = body if isinstance(body, list) else body.get("values", [body])
    meant = [one for one in listed if fault.suits(one)]
    if not meant or not venue.faults.count(fault, route):
        return body
    if fault.kind == "missing_rows":
        return [one for one in listed if one not in meant]
    changed = [_untrue(venue, fault, route, one) if one in meant else one for one in listed]
    if isinstance(body, list):
        return changed
    return {**body, "values": changed} if "values" in body else changed[0]


def _untrue(venue: Venue, fault: Fault, route: str, row: dict[str, str]) -> dict[str, str]:
    if fault.kind == "wrong_price" and not fault.other:
        return _with_price(row, fault.price or "")
    other = _other(venue, fault)
    quote = venue.market.quote(other)
    if fault.kind == "wrong_price":
        if "netqty" in row:
            return _with_price(row, money(quote.last))
        return row | {name: value for name, value in scrips.quote_row(other, quote).items() if name in _PRICES}
    match route:
        case "GetQuotes":
            external = scrips.quote_row(other, quote)
        case "GetSecurityInfo":
            external = scrips.security_info(other)
        case _:
            return scrips.search_row(other)
    return {name: row[name] for name in ("request_time", "stat") if name in row} | external


def _with_price(row: dict[str, str], price: str) -> dict[str, str]:
    """Return a row or frame with this last price, without one where it is empty; a position's profit goes along."""
    shown = {name: value for name, value in row.items() if name != "lp"}
    if not price:
        return shown
    shown["lp"] = price
    if "netqty" in row and (number := _number(price)) is not None:
        shown["urmtom"] = money(int(row["netqty"]) * (number - Decimal(row["netavgprc"])))
    return shown


def _number(text: str) -> Decimal | None:
    try:
        number = Decimal(text)
    except InvalidOperation:
        return None
    return number if number.is_finite() else None


def _other(venue: Venue, fault: Fault) -> Instrument:
    other = venue.catalogue.by_key(fault.other)
    if other is None:
        raise FaultError(f"{fault.other} is not listed.")
    return other
