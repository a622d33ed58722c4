"""From a raw body to a reply: which route, who asks, is it too often, and what is answered."""

import json
from collections.abc import Mapping
from datetime import timedelta
from decimal import Decimal
from typing import Final

from broker.paper.api import logins, reading, trading
from broker.paper.api.request import Asked, Route
from broker.paper.api.wire import (
    HTTP_BAD,
    HTTP_NOT_FOUND,
    SESSION_EXPIRED,
    Fields,
    RefusalError,
    Reply,
    encoded,
    parse_body,
    refusal,
    rows,
)
from broker.paper.clock import Moment
from broker.paper.control.faults import Fault, Met
from broker.paper.control.wrong_data import with_wrong_data
from broker.paper.engine.orders import Behaviour
from broker.paper.engine.venue import Arrival, Venue

_OPEN_TO_ALL: Final[Mapping[str, Route]] = {"QuickAuth": logins.quick_auth, "GenAcsTok": logins.access_token}
_WITH_SESSION: Final[Mapping[str, Route]] = {
    "Logout": logins.logout,
    "PlaceOrder": trading.place_order,
    "ModifyOrder": trading.modify_order,
    "CancelOrder": trading.cancel_order,
    "OrderBook": reading.order_book,
    "TradeBook": reading.trade_book,
    "PositionBook": reading.position_book,
    "Holdings": reading.holdings,
    "Limits": reading.limits,
    "SingleOrdHist": reading.single_order_history,
    "SingleOrdStatus": reading.single_order_status,
    "SearchScrip": reading.search_scrip,
    "GetSecurityInfo": reading.security_info,
    "GetQuotes": reading.quotes,
    "TPSeries": reading.time_price_series,
}
_RATED: Final = frozenset({"PlaceOrder", "ModifyOrder", "CancelOrder"})
_OF_THE_DAY: Final = {
    "OrderBook": reading.order_book,
    "TradeBook": reading.trade_book,
    "PositionBook": reading.position_book,
}
_BEARER: Final = "Bearer "


def count_arrival(venue: Venue, route: str, raw: str, moment: Moment) -> Fields:
    """Write down that a request arrived, whatever becomes of it; return its fields, none where it can't be read."""
    venue.requests[route] += 1
    try:
        fields, _ = parse_body(raw)
    except RefusalError:
        fields = Fields({})
    if route not in _RATED:
        return fields
    remarks, number = fields.get("remarks"), fields.get("norenordno")
    venue.arrivals.append(Arrival(route, moment.monotonic, moment.wall, remarks, number))
    return fields


def answer(venue: Venue, route: str, raw: str, authorization: str, met: Met) -> Reply:
    """Process a request wholly: decide, make durable, publish, and return the reply."""
    moment = venue.moment()
    try:
        reply = _answer(venue, route, raw, authorization, moment, met)
    except RefusalError as error:
        reply = refusal(moment.at, error.text, error.http_status)
    venue.catch_up(moment)
    return with_wrong_data(venue, route, _read_otherwise(reply, met.reading, moment), moment)


def expired(venue: Venue, moment: Moment) -> Reply:
    """Answer that the session is over."""
    return refusal(moment.at, SESSION_EXPIRED, venue.settings.session_expired_http_status)


def book_now(venue: Venue, route: str, moment: Moment) -> bytes:
    """Return a book as it would be answered now, for a fault that answers it later."""
    fields, _ = parse_body(f'jData={{"uid":"{venue.settings.user_id}","actid":"{venue.settings.user_id}"}}')
    return _OF_THE_DAY[route](venue, Asked(fields, None, moment)).body


def _answer(venue: Venue, route: str, raw: str, authorization: str, moment: Moment, met: Met) -> Reply:
    fields, key = parse_body(raw)
    if route in _OPEN_TO_ALL:
        return _OPEN_TO_ALL[route](venue, Asked(fields, None, moment))
    if route not in _WITH_SESSION:
        raise RefusalError(f"{route} is not known to the paper broker", HTTP_NOT_FOUND)
    token = authorization.removeprefix(_BEARER) if authorization.startswith(_BEARER) else key
    if not venue.sessions.is_valid(token, moment) or fields.get("uid") not in {None, venue.settings.user_id}:
        return expired(venue, moment)
    if (text := venue.request_limiter.refusal(moment)) or (route in _RATED and (text := venue.limiter.refusal(moment))):
        raise RefusalError(text, HTTP_BAD)
    late = met.reading if met.reading and met.reading.kind == "late_book" else None
    as_of = moment.at - timedelta(seconds=late.seconds) if late else None
    return _WITH_SESSION[route](venue, Asked(fields, token, moment, _behaviour(met.behaviour), met.change, as_of))


def _behaviour(fault: Fault | None) -> Behaviour | None:
    if fault is None:
        return None
    if fault.kind == "reject_later":
        return Behaviour(reject_after_s=fault.seconds, reject_text=fault.text, fill_quantity_max=0)
    if fault.kind == "partial_fill":
        return Behaviour(fill_fraction=Decimal(fault.fraction))
    if fault.kind in {"margin_refused", "product_refused"}:
        return Behaviour(refusal=fault.text)
    return Behaviour(fill_quantity_max=0)


def _read_otherwise(reply: Reply, fault: Fault | None, moment: Moment) -> Reply:
    """Return a book as a fault would have it read; an answer that is no book stays as it is."""
    if fault is None or not reply.body.startswith(b"["):
        return reply
    match fault.kind:
        case "stale_book":
            return Reply(fault.snapshot)
        case "shrunk_book":
            return rows(json.loads(reply.body)[:-1], moment.at)
        case "empty_book":
            return rows([], moment.at)
        case "ghost_row":
            book = json.loads(reply.body)
            return Reply(encoded([*book, _ghost_of(book[-1])]))
        case _:
            return reply


def _ghost_of(row: dict[str, str]) -> dict[str, str]:
    """Return a row of an order that was wholly filled by its own word, and that no other book knows."""
    ghost = {name: value for name, value in row.items() if name not in {"remarks", "cancelqty"}}
    filled = {"status": "COMPLETE", "st_intrn": "COMPLETE", "fillshares": row["qty"], "avgprc": row["prc"]}
    return {**ghost, "norenordno": row["norenordno"][:6] + "99999999", **filled}
