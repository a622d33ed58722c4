"""Books, instruments and prices (docs/protocol.md, REST endpoints)."""

import math
from dataclasses import replace
from decimal import Decimal
from typing import Final

from broker.paper.api import scrips
from broker.paper.api.request import Asked
from broker.paper.api.rows import working_by_position
from broker.paper.api.wire import (
    HTTP_BAD,
    HTTP_NOT_FOUND,
    INVALID_INPUT,
    NO_DATA,
    NO_SCRIP,
    RefusalError,
    Reply,
    encoded,
    money,
    ok,
    rows,
)
from broker.paper.engine.instruments import Instrument
from broker.paper.engine.margin import margin_used
from broker.paper.engine.orders import Order
from broker.paper.engine.positions import DELIVERY
from broker.paper.engine.venue import Venue

_MINUTES: Final = (1, 3, 5, 10, 15, 30, 60, 120, 240)


def order_book(venue: Venue, asked: Asked) -> Reply:
    """Answer the day's orders, foreign ones included; an optional `prd` picks a product."""
    asked.fields.need("uid")
    product = asked.fields.get("prd")
    found = [venue.speller.order_text(one) for one in _orders(venue, asked) if product in {None, one.terms.product}]
    return Reply(b"[" + b",".join(found) + b"]") if found else rows([], asked.moment.at)


def trade_book(venue: Venue, asked: Asked) -> Reply:
    """Answer the day's fills."""
    asked.fields.need("uid", "actid")
    return rows([row for order in _orders(venue, asked) for row in venue.speller.trades(order)], asked.moment.at)


def position_book(venue: Venue, asked: Asked) -> Reply:
    """Answer the day's positions, flat ones included."""
    asked.fields.need("uid", "actid")
    orders = _orders(venue, asked)
    positions = venue.exchange.positions if asked.as_of is None else venue.exchange.positions_after(orders)
    working = working_by_position(orders)
    waiting = [(one[0].terms.instrument, product) for (_, product), one in working.items()]
    found = [
        venue.speller.position(
            replace(one, instrument=venue.catalogue.current(one.instrument)),
            venue.market.quote(one.instrument).last,
            working.get((one.instrument.key, one.product), []),
        )
        for one in positions.with_working(waiting)
    ]
    if not found and venue.settings.empty_positions_as_list:
        return Reply(encoded([]))
    return rows(found, asked.moment.at)


def holdings(venue: Venue, asked: Asked) -> Reply:
    """Answer what was delivered on earlier days."""
    asked.fields.need("uid", "actid", "prd")
    found = [
        venue.speller.holding(one, sold=max(0, -venue.exchange.positions.net(one.instrument, DELIVERY)))
        for one in venue.exchange.positions.held.values()
        if one.net
    ]
    return rows(found, asked.moment.at)


def limits(venue: Venue, asked: Asked) -> Reply:
    """Answer the account's money; never empty."""
    asked.fields.need("uid", "actid")
    positions = venue.exchange.positions.all()
    open_profit = sum((one.unrealised(venue.market.quote(one.instrument).last) for one in positions), Decimal(0))
    realised = sum((one.realised for one in positions), Decimal(0))
    zero = money(Decimal(0))
    return ok(
        asked.moment.at,
        actid=venue.settings.user_id,
        prfname="DEFAULT",
        cash=money(venue.settings.cash),
        payin=zero,
        payout=zero,
        brkcollamt=zero,
        unclearedcash=zero,
        daycash=zero,
        marginused=money(margin_used(positions, venue.settings)),
        rpnl=money(realised),
        urmtom=money(open_profit),
    )


def single_order_history(venue: Venue, asked: Asked) -> Reply:
    """Answer one order's events, newest first."""
    asked.fields.need("uid", "norenordno")
    order = venue.exchange.orders.get(asked.fields.get("norenordno") or "")
    return rows(venue.speller.history(order) if order else [], asked.moment.at)


def single_order_status(venue: Venue, asked: Asked) -> Reply:
    """Answer one order as it stands."""
    asked.fields.need("uid", "norenordno")
    order = venue.exchange.orders.get(asked.fields.get("norenordno") or "")
    return rows(venue.speller.history(order)[:1] if order else [], asked.moment.at)


def search_scrip(venue: Venue, asked: Asked) -> Reply:
    """Answer what contains every word; nothing found is HTTP 404."""
    asked.fields.need("uid", "exch", "stext")
    found = venue.catalogue.search(asked.fields.get("exch") or "", asked.fields.get("stext") or "")
    if not found:
        raise RefusalError(NO_SCRIP, HTTP_NOT_FOUND)
    return ok(asked.moment.at, values=[scrips.search_row(one) for one in found])


def security_info(venue: Venue, asked: Asked) -> Reply:
    """Answer an instrument's lot, tick, freeze quantity and circuit limits."""
    return ok(asked.moment.at, **scrips.security_info(_scrip(venue, asked)))


def quotes(venue: Venue, asked: Asked) -> Reply:
    """Answer where an instrument stands."""
    scrip = _scrip(venue, asked)
    return ok(asked.moment.at, **scrips.quote_row(scrip, venue.market.quote(scrip)))


def time_price_series(venue: Venue, asked: Asked) -> Reply:
    """Answer candles of the market's own history, which begins with the server; times may be float text."""
    fields = asked.fields
    scrip = _scrip(venue, asked)
    start = float(fields.number("st")) if fields.get("st") else 0.0
    end = float(fields.number("et")) if fields.get("et") else math.inf
    minutes = fields.whole("intrv") if fields.get("intrv") else 1
    if minutes not in _MINUTES:
        raise RefusalError(INVALID_INPUT, HTTP_BAD)
    return rows(scrips.bars(venue.market.quote(scrip), start, end, minutes), asked.moment.at)


def _orders(venue: Venue, asked: Asked) -> list[Order]:
    """Return the day's orders, as they stood at the moment that is asked for."""
    orders = list(venue.exchange.orders.values())
    if asked.as_of is None:
        return orders
    return [then for one in orders if (then := one.until(asked.as_of))]


def _scrip(venue: Venue, asked: Asked) -> Instrument:
    asked.fields.need("uid", "exch", "token")
    scrip = venue.on_the_wire(f"{asked.fields.get('exch')}|{asked.fields.get('token')}", asked.moment)
    if scrip is None:
        raise RefusalError(NO_DATA)
    return scrip
