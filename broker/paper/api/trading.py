"""PlaceOrder, ModifyOrder and CancelOrder (docs/protocol.md, REST endpoints)."""

from dataclasses import replace
from decimal import Decimal
from typing import Final

from broker.paper.api.request import Asked
from broker.paper.api.wire import HTTP_BAD, INVALID_INPUT, Fields, RefusalError, Reply, ok
from broker.paper.clock import is_open
from broker.paper.engine.checks import Rejection
from broker.paper.engine.exchange import Later
from broker.paper.engine.instruments import Catalogue
from broker.paper.engine.orders import MARKET_TYPES, STOP_TYPES, Order, Report, Ticket
from broker.paper.engine.venue import Venue

NOT_FOUND: Final = "Rejected : ORA:Order not found"
NOT_FOUND_TO_CANCEL: Final = "Rejected : ORA:Order not found to Cancel"
PRICE_ZERO: Final = "Order price cannot be zero"
TRIGGER_ZERO: Final = "Trigger price invalid - 0.00"
_PRICE_TYPES: Final = ("LMT", "MKT", "SL-LMT", "SL-MKT")
_PRODUCTS: Final = {"NSE": ("C", "I"), "NFO": ("M", "I")}
_RETENTIONS: Final = ("DAY", "IOC")


def place_order(venue: Venue, asked: Asked) -> Reply:
    """Accept an order at the front. What the risk engine and the exchange make of it shows in the book."""
    ticket = read_ticket(asked.fields, venue.catalogue)
    _no_market_orders(venue, ticket.price_type)
    if ticket.amo and venue.settings.exchange_hours and is_open(asked.moment.at):
        raise RefusalError("Invalid AMO")
    order = venue.exchange.place(ticket, asked.moment, asked.behaviour)
    return ok(asked.moment.at, norenordno=order.terms.number)


def modify_order(venue: Venue, asked: Asked) -> Reply:
    """Accept a change. `qty` is the total; `ret` is that of the order, as the library never sends it."""
    fields = asked.fields
    fields.need("uid", "exch", "norenordno", "tsym", "qty", "prctyp", "prc")
    order = venue.exchange.orders.get(fields.get("norenordno") or "")
    if order is None or order.terms.instrument.symbol != fields.get("tsym"):
        raise RefusalError(NOT_FOUND)
    price_type, price, trigger, quantity = _prices(fields)
    _no_market_orders(venue, price_type)
    wanted = replace(
        order.ticket,
        instrument=venue.catalogue.current(order.terms.instrument),
        price_type=price_type,
        price=price,
        trigger=trigger,
        quantity=quantity,
    )
    _change(venue, order, asked, Report.REPLACE_REJECTED, lambda then: venue.exchange.modify(order, wanted, then))
    return ok(asked.moment.at, result=order.terms.number)


def cancel_order(venue: Venue, asked: Asked) -> Reply:
    """Accept a cancel; Ok says that it was asked for, not that the order is cancelled."""
    asked.fields.need("uid", "norenordno")
    order = venue.exchange.orders.get(asked.fields.get("norenordno") or "")
    if order is None:
        raise RefusalError(NOT_FOUND_TO_CANCEL)
    _change(venue, order, asked, Report.CANCEL_REJECTED, lambda then: venue.exchange.cancel(order, then))
    return ok(asked.moment.at, result=order.terms.number)


def read_ticket(fields: Fields, catalogue: Catalogue, source: str = "API") -> Ticket:
    """Read an order request, or refuse it in the broker's words. Anything but "Yes" in `amo` is a regular order."""
    fields.need("uid", "actid", "exch", "tsym", "qty", "prc", "prd", "trantype", "prctyp", "ret")
    exchange = fields.one_of("exch", tuple(_PRODUCTS))
    side = fields.one_of("trantype", ("B", "S"))
    product = fields.one_of("prd", _PRODUCTS[exchange])
    retention = fields.one_of("ret", _RETENTIONS)
    price_type, price, trigger, quantity = _prices(fields)
    disclosed = fields.whole("dscqty") if fields.get("dscqty") else 0
    symbol = fields.get("tsym") or ""
    instrument = catalogue.by_symbol(exchange, symbol)
    if instrument is None or not instrument.tradable:
        raise RefusalError(f'"{symbol}" is Invalid Trading Symbol')
    return Ticket(
        instrument=instrument,
        side=side,
        product=product,
        price_type=price_type,
        price=price,
        trigger=trigger,
        quantity=quantity,
        disclosed=disclosed,
        retention=retention,
        remarks=fields.get("remarks"),
        source=source,
        amo=fields.get("amo") == "Yes",
    )


def find_order(venue: Venue, number: str) -> Order:
    """Return today's order of this number, or refuse."""
    order = venue.exchange.orders.get(number)
    if order is None:
        raise RefusalError(NOT_FOUND)
    return order


def _change(venue: Venue, order: Order, asked: Asked, refusal: Report, change: Later) -> None:
    """Carry out a change that was accepted, the way a fault on it would have it."""
    fault, exchange, moment = asked.on_change, venue.exchange, asked.moment
    if fault is None:
        change(moment)
    elif fault.kind == "change_later":
        exchange.after(fault.seconds, moment, change)
    elif fault.kind == "reject_change_later":
        rejection = Rejection(fault.text, "")
        exchange.after(fault.seconds, moment, lambda then: exchange.refuse_change(order, refusal, rejection, then))
    else:
        if order.open_quantity:
            part = order.open_quantity if fault.kind == "fill_wins" else order.part_of(fault.fraction)
            exchange.force_fill(order, part, order.state.price, moment)
        change(moment)


def _no_market_orders(venue: Venue, price_type: str) -> None:
    """Refuse as the compliance check does. Assumption: SL-MKT is refused in the same words."""
    if price_type in MARKET_TYPES and not venue.settings.market_orders:
        raise RefusalError("Rejected : ALGO_CHK: MKT Order type not allowed for API order")


def _prices(fields: Fields) -> tuple[str, Decimal, Decimal | None, int]:
    price_type = fields.one_of("prctyp", _PRICE_TYPES)
    quantity = fields.whole("qty")
    if quantity <= 0:
        raise RefusalError(INVALID_INPUT, HTTP_BAD)
    price = Decimal(0) if price_type in MARKET_TYPES else fields.number("prc")
    if price_type not in MARKET_TYPES and price <= 0:
        raise RefusalError(PRICE_ZERO)
    trigger = fields.trigger() if price_type in STOP_TYPES else None
    if price_type in STOP_TYPES and (trigger is None or trigger <= 0):
        raise RefusalError(TRIGGER_ZERO)
    return price_type, price, trigger, quantity
