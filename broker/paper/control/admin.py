"""The tester's side: trouble on request, the truth about what arrived, and a phone to trade from. Loopback only."""

import json
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import replace
from datetime import datetime, time
from decimal import Decimal, InvalidOperation
from typing import Any, Final

from aiohttp import web

from broker.paper.api.routes import book_now
from broker.paper.api.sockets import Sockets
from broker.paper.api.trading import find_order, read_ticket
from broker.paper.api.wire import HTTP_BAD, HTTP_NOT_FOUND, Fields, RefusalError, money
from broker.paper.clock import IST, next_opening
from broker.paper.control.faults import FaultError
from broker.paper.engine.orders import STOP_TYPES, Order, Report
from broker.paper.engine.venue import Venue
from broker.paper.engine.world import World

_PHONE: Final = "MOB"
_ORDER_DEFAULTS: Final = {"prctyp": "LMT", "ret": "DAY", "dscqty": "0"}

Given = Mapping[str, Any]
Shown = dict[str, object]


class Admin:
    """Owns the table of what may be asked for; every answer is a JSON object."""

    def __init__(self, venue: Venue, sockets: Sockets) -> None:
        self._venue = venue
        self._sockets = sockets
        self._world = World(venue)
        self._table: dict[tuple[str, str], Callable[[Given], Shown | Awaitable[Shown]]] = {
            ("GET", "health"): self._health,
            ("GET", "ledger"): self._ledger,
            ("GET", "faults"): self._faults,
            ("POST", "faults"): self._post_fault,
            ("DELETE", "faults"): self._clear_faults,
            ("POST", "orders"): self._place,
            ("POST", "cancel"): self._cancel,
            ("POST", "modify"): self._modify,
            ("POST", "fill"): self._fill,
            ("POST", "convert"): self._convert,
            ("POST", "square_off"): self._square_off,
            ("POST", "market"): self._market,
            ("POST", "instruments"): self._world.instruments,
            ("POST", "holdings"): self._world.holdings,
            ("POST", "rules"): self._world.rules,
            ("POST", "open_market"): self._open_market,
            ("POST", "clock"): self._clock,
            ("POST", "words"): self._words,
            ("POST", "sessions"): self._sessions,
            ("POST", "sockets"): self._close_sockets,
        }

    async def answer(self, method: str, what: str, body: str) -> web.Response:
        """Do what is asked; a request that makes no sense is answered by HTTP 400 and a sentence."""
        handler = self._table.get((method, what))
        if handler is None:
            return web.json_response({"error": f"{method} /admin/{what} is not known."}, status=HTTP_NOT_FOUND)
        try:
            given = json.loads(body) if body else {}
            if not isinstance(given, dict):
                raise FaultError("the body has to be a JSON object.")
            shown = handler(given)
        except RefusalError as error:
            return web.json_response({"error": error.text}, status=HTTP_BAD)
        except (KeyError, ValueError, InvalidOperation) as error:
            return web.json_response({"error": f"{type(error).__name__}: {error}"}, status=HTTP_BAD)
        return web.json_response(shown if isinstance(shown, dict) else await shown)

    def _health(self, _: Given) -> Shown:
        return {"ok": True, "day": self._venue.moment().day.isoformat(), "orders": len(self._venue.exchange.orders)}

    def _ledger(self, given: Given) -> Shown:
        """Show what happened today, or with `"day": "all"` since the ledger began."""
        venue = self._venue
        orders = venue.all_orders() if given.get("day") == "all" else list(venue.exchange.orders.values())
        return {
            "orders": [_order_shown(order) for order in orders],
            "fills": [
                {
                    "norenordno": order.terms.number,
                    "flid": event.fill.number,
                    "flqty": event.fill.quantity,
                    "flprc": money(event.fill.price),
                    "wall": event.fill.at.timestamp(),
                }
                for order in orders
                for event in order.events
                if event.fill
            ],
            "requests": dict(venue.requests),
            "place_arrivals": [
                {"monotonic": one.monotonic, "wall": one.wall, "remarks": one.remarks}
                for one in venue.arrivals
                if one.route == "PlaceOrder"
            ],
            "change_arrivals": [
                {"monotonic": one.monotonic, "wall": one.wall, "route": one.route, "norenordno": one.number}
                for one in venue.arrivals
                if one.route != "PlaceOrder"
            ],
        }

    def _faults(self, _: Given) -> Shown:
        return {"faults": [one.shown() for one in self._venue.faults.list()]}

    def _post_fault(self, given: Given) -> Shown:
        if given.get("other") and self._venue.catalogue.by_key(str(given["other"])) is None:
            raise FaultError(f"{given['other']} is not listed.")
        fault = self._venue.faults.post(given)
        if fault.kind == "stale_book":
            fault.snapshot = book_now(self._venue, fault.route, self._venue.moment())
        return {"id": fault.number}

    def _clear_faults(self, given: Given) -> Shown:
        """End all faults, or the one with this `id`."""
        self._venue.faults.clear(int(given["id"]) if "id" in given else None)
        return {"ok": True}

    def _place(self, given: Given) -> Shown:
        """Place an order from the phone: it counts for no limit and carries no remarks."""
        user = self._venue.settings.user_id
        values = {"uid": user, "actid": user, **_ORDER_DEFAULTS} | {name: str(value) for name, value in given.items()}
        values.pop("remarks", None)
        now = self._venue.moment()
        order = self._venue.exchange.place(read_ticket(Fields(values), self._venue.catalogue, _PHONE), now)
        self._venue.catch_up(now)
        return {"norenordno": order.terms.number}

    def _cancel(self, given: Given) -> Shown:
        order = find_order(self._venue, str(given["norenordno"]))
        now = self._venue.moment()
        self._venue.exchange.cancel(order, now)
        self._venue.catch_up(now)
        return _order_shown(order)

    def _fill(self, given: Given) -> Shown:
        """Force a trade, also on an order that is cancelled already."""
        order = find_order(self._venue, str(given["norenordno"]))
        left = order.state.quantity - order.state.filled
        quantity = int(given.get("qty", left))
        if not 0 < quantity <= left:
            raise FaultError(f"qty has to be between 1 and {left}.")
        now = self._venue.moment()
        price = Decimal(str(given.get("prc", order.state.price)))
        self._venue.exchange.force_fill(order, quantity, price, now)
        self._venue.catch_up(now)
        return _order_shown(order)

    def _modify(self, given: Given) -> Shown:
        """Change quantity (the total) or price of an order from the phone."""
        order = find_order(self._venue, str(given["norenordno"]))
        wanted = replace(
            order.ticket,
            instrument=self._venue.catalogue.current(order.terms.instrument),
            quantity=int(given.get("qty", order.state.quantity)),
            price=Decimal(str(given.get("prc", order.state.price))),
        )
        now = self._venue.moment()
        self._venue.exchange.modify(order, wanted, now)
        self._venue.catch_up(now)
        return _order_shown(order)

    def _convert(self, given: Given) -> Shown:
        """Move today's quantity of a position, signed as it, from product `prevprd` to `prd`."""
        scrip, quantity = self._world.scrip(given), int(given["qty"])
        self._venue.convert(scrip, str(given["prevprd"]), str(given["prd"]), quantity)
        return {"ok": True}

    def _square_off(self, _: Given) -> Shown:
        now = self._venue.moment()
        closing = self._venue.exchange.square_off(now)
        self._venue.catch_up(now)
        return {"norenordnos": [one.terms.number for one in closing]}

    def _open_market(self, _: Given) -> Shown:
        """Send on every order placed after hours."""
        now = self._venue.moment()
        self._venue.exchange.open_market(now, for_all=True)
        self._venue.catch_up(now)
        return {"ok": True}

    def _clock(self, given: Given) -> Shown:
        """Put the wall clock on by `advance_s`, or to the next day's opening; say how far ahead it is then."""
        venue = self._venue
        now = venue.moment()
        if given.get("next_day") is True:
            end_of_day = datetime.combine(now.day, time.max, IST)
            venue.clock.offset_s += (next_opening(end_of_day) - now.at).total_seconds()
        venue.clock.offset_s += float(given.get("advance_s", 0.0))
        venue.step()
        return {"offset_s": venue.clock.offset_s, "day": venue.moment().day.isoformat()}

    def _market(self, given: Given) -> Shown:
        """Set and freeze one price, or freeze and release everything."""
        frozen = given.get("frozen", True) is True
        now, market = self._venue.moment(), self._venue.market
        if "tsym" not in given:
            market.all_frozen = frozen
            if not frozen:
                market.freeze(self._venue.catalogue.listed(), frozen=False)
            return {"frozen": frozen}
        scrip = self._world.scrip(given)
        market.freeze([scrip], frozen=frozen)
        if "price" in given:
            price = Decimal(str(given["price"]))
            if price <= 0 or price % scrip.tick:
                raise FaultError(f"price has to be above zero and a multiple of the tick of {scrip.tick}.")
            market.set_price(scrip, price, now.at)
        self._venue.exchange.match(now)
        self._venue.catch_up(now)
        self._sockets.tick()
        return {"frozen": frozen, "last": money(market.quote(scrip).last)}

    def _words(self, given: Given) -> Shown:
        self._venue.speller.use_words({name: str(word) for name, word in given.items()})
        return {"ok": True}

    def _sessions(self, given: Given) -> Shown:
        """End every session, its WebSocket going mute; with `"sockets": true` they are closed besides."""
        if given.get("expire") is True:
            self._venue.sessions.expire_all()
        if given.get("sockets") is True:
            self._sockets.evict()
        return {"ok": True}

    async def _close_sockets(self, given: Given) -> Shown:
        if given.get("close") is True:
            await self._sockets.close()
        return {"ok": True}


def _order_shown(order: Order) -> Shown:
    terms, state = order.terms, order.state
    shown: Shown = {
        "norenordno": terms.number,
        "remarks": terms.remarks,
        "exch": terms.instrument.exchange,
        "tsym": terms.instrument.symbol,
        "trantype": terms.side,
        "prd": terms.product,
        "qty": state.quantity,
        "prc": money(state.price),
        "prctyp": state.price_type,
        "trgprc": money(state.trigger) if state.trigger is not None and state.price_type in STOP_TYPES else None,
        "ordersource": terms.source,
        "arrived_at": terms.arrived_monotonic,
        "arrived_wall": terms.arrived_wall,
        "status": state.status.value,
        "reporttypes": [event.report.value for event in order.events],
        "fillshares": state.filled,
        "avgprc": None if state.average is None else money(state.average),
        "cancelqty": state.cancelled,
        "rejreason": state.reject_reason if any(event.report is Report.REJECTED for event in order.events) else "",
    }
    return shown
