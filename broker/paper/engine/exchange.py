"""Orders and how they live: acceptance, matching against the market, change, cancel, rejection.

Pure but for its own state: every method is told the moment, randomness is not needed, and nothing is published from
here. What happened waits in `take_changes`, what has to happen later in `next_due` and `advance`. The sequence of
events is that of docs/protocol.md, event sequences.
"""

import heapq
from collections.abc import Callable, Iterable
from dataclasses import replace
from datetime import date, datetime
from decimal import Decimal
from typing import Final, TypeAlias

from broker.paper.clock import IST, Moment, next_opening
from broker.paper.engine import steps
from broker.paper.engine.checks import Rejection, check
from broker.paper.engine.market import Market, Quote
from broker.paper.engine.orders import WORKING, Behaviour, Change, Event, Fill, Order, Report, Status, Terms, Ticket
from broker.paper.engine.positions import DELIVERY, INTRADAY, Heir, Position, Positions, carried_into, closing_ticket
from broker.paper.settings import PaperSettings

_FIRST_FILL_NUMBER: Final = 380_000_001
_BROKERS_OWN: Final = "RMS"
"""Assumption: what `ordersource` says of an order that the broker placed to square off."""

Later: TypeAlias = Callable[[Moment], None]


class Exchange:
    """Owns the day's orders, their fills and the positions that follow."""

    def __init__(self, market: Market, settings: PaperSettings, day: date) -> None:
        self._market = market
        self.settings = settings
        self._fill_delay_s = settings.fill_delay_s / settings.speed
        self.day = day
        self.orders: dict[str, Order] = {}
        self.positions = Positions()
        self._working: dict[str, Order] = {}
        self._after_hours: dict[str, Order] = {}
        self._changes: list[Change] = []
        self._later: list[tuple[float, int, Later]] = []
        self._later_count = 0
        self._next_number = 1
        self._next_fill = _FIRST_FILL_NUMBER

    # The day

    def end_day(self, moment: Moment) -> None:
        """Close the books: MIS is squared off, and what is still open is cancelled. Assumption: as DAY orders are."""
        self.square_off(moment)
        for order in list(self._working.values()):
            self.cancel(order, moment)

    def begin_day(self, day: date, heir: Heir = lambda one: (one, Decimal(1))) -> tuple[list[Position], list[Order]]:
        """Begin with empty books; return what they begin with: positions carried over, and orders for the opening."""
        carried = carried_into(day, self.positions.overnight(), heir)
        waiting = list(self._after_hours.values())
        self.day = day
        self.positions = Positions()
        for one in carried:
            self.positions.carry(one.instrument, one.product, one.net, one.net_average)
        self.orders = {one.terms.number: one for one in waiting}
        self._working.clear()
        self._later.clear()
        self._next_number, self._next_fill = 1, _FIRST_FILL_NUMBER
        return carried, waiting

    def restore(self, order: Order) -> None:
        """Take back an order from the ledger, without its events; an older day's number keeps its date."""
        self.orders[order.terms.number] = order
        if order.terms.number.startswith(f"{self.day:%y%m%d}"):
            self._next_number = max(self._next_number, int(order.terms.number[6:]) + 1)

    def replay(self, order: Order, event: Event) -> None:
        """Take back one event from the ledger; nothing is published again."""
        self._apply(order, event)
        if event.fill:
            self._next_fill = max(self._next_fill, int(event.fill.number) + 1)

    def positions_after(self, orders: Iterable[Order]) -> Positions:
        """Return the positions that these orders' fills make of what was carried into the day."""
        found = Positions()
        for one in self.positions.all():
            if one.carried:
                found.carry(one.instrument, one.product, one.carried, one.carried_price)
        for order in orders:
            for event in order.events:
                if event.fill:
                    found.take_fill(order.terms, event.fill)
        return found

    # What is asked of the exchange

    def place(self, ticket: Ticket, moment: Moment, behaviour: Behaviour | None = None) -> Order:
        """Accept an order; it may be rejected by the time this returns, and fills come later."""
        behaviour = behaviour or Behaviour()
        order = self._enter(ticket, moment, behaviour)
        if ticket.amo:
            self._record(order, steps.put_aside(order.state, moment.at))
            return order
        if behaviour.refusal:
            self._reject(order, Rejection(behaviour.refusal, "RED"), moment)
            return order
        if not self._send_on(order, ticket, moment):
            return order
        if behaviour.reject_after_s is not None:
            later = Rejection(behaviour.reject_text, "RED")
            self.after(behaviour.reject_after_s, moment, lambda then: self._reject(order, later, then))
        return order

    def modify(self, order: Order, wanted: Ticket, moment: Moment) -> None:
        """Change quantity (the total), price, trigger or price type; what can't be changed is answered by an event."""
        state = order.state
        if state.triggered:
            # A stop that was triggered is a limit order by now.
            wanted = replace(wanted, price_type="LMT", trigger=None)
        rejection = self._check(order, wanted, moment)
        if order.awaits_opening and rejection and not rejection.by:
            # The exchange has not seen it yet.
            rejection = None
        if not order.can_change or wanted.quantity <= state.filled:
            rejection = Rejection(steps.NOT_OPEN_TO_MODIFY, "")
        if rejection:
            self.refuse_change(order, Report.REPLACE_REJECTED, rejection, moment)
            return
        for event in steps.replaced(state, wanted, moment.at):
            self._record(order, event)
        self._ready(order, moment)

    def refuse_change(self, order: Order, report: Report, rejection: Rejection, moment: Moment) -> None:
        """Answer a change by an event that leaves the order as it was."""
        self._record(order, steps.change_refused(order.state, report, rejection.text, rejection.by, moment.at))

    def cancel(self, order: Order, moment: Moment) -> None:
        """Cancel what is open; an order that is not open answers with a CancelRejected event."""
        if not order.can_change:
            self.refuse_change(order, Report.CANCEL_REJECTED, Rejection(steps.NOT_OPEN_TO_CANCEL, ""), moment)
            return
        for event in steps.cancelling(order.state, moment.at):
            self._record(order, event)
        self._record(order, steps.cancelled(order.state, moment.at))

    def force_fill(self, order: Order, quantity: int, price: Decimal, moment: Moment) -> None:
        """Trade as told, whatever the order's status: also after it was cancelled. The quantity must fit."""
        assert 0 < quantity <= order.state.quantity - order.state.filled
        self._fill(order, quantity, price, moment)

    def square_off(self, moment: Moment) -> list[Order]:
        """Close MIS the way the broker does at its cut-off: what is open first, then by orders of its own."""
        for order in list(self._working.values()):
            if order.terms.product == INTRADAY:
                self.cancel(order, moment)
        return [self._close(one, moment) for one in self.positions.all() if one.product == INTRADAY and one.net]

    # Time

    def open_market(self, moment: Moment, *, for_all: bool = False) -> None:
        """Send on what was placed after hours and has seen an opening since; or everything that waits for one."""
        for order in list(self._after_hours.values()):
            arrived = datetime.fromtimestamp(order.terms.arrived_wall, IST)
            if for_all or next_opening(arrived) <= moment.at:
                self._send_on(order, order.ticket, moment)

    def match(self, moment: Moment) -> None:
        """Hold every working order against the market."""
        for order in list(self._working.values()):
            self._try(order, moment)

    def after(self, delay_s: float, moment: Moment, what: Later) -> None:
        """Do `what` when `delay_s` has passed."""
        self._later_count += 1
        heapq.heappush(self._later, (moment.monotonic + delay_s, self._later_count, what))

    @property
    def next_due(self) -> float | None:
        """Return the monotonic second of the next thing to do, None when nothing waits."""
        return self._later[0][0] if self._later else None

    def advance(self, moment: Moment) -> None:
        """Do what is due."""
        while self._later and self._later[0][0] <= moment.monotonic:
            heapq.heappop(self._later)[2](moment)

    def take_changes(self) -> list[Change]:
        """Hand over what happened since the last time, in order."""
        changes, self._changes = self._changes, []
        return changes

    # Inside

    def _enter(self, ticket: Ticket, moment: Moment, behaviour: Behaviour) -> Order:
        bound = behaviour.fill_quantity_max
        if behaviour.fill_fraction is not None:
            bound = ticket.instrument.part(ticket.quantity, behaviour.fill_fraction)
        terms = Terms(
            number=f"{moment.day:%y%m%d}{self._next_number:08d}",
            instrument=ticket.instrument,
            side=ticket.side,
            product=ticket.product,
            retention=ticket.retention,
            disclosed=ticket.disclosed,
            remarks=ticket.remarks,
            source=ticket.source,
            arrived_wall=moment.wall,
            arrived_monotonic=moment.monotonic,
            fill_quantity_max=bound,
            amo=ticket.amo,
        )
        self._next_number += 1
        order = self.orders[terms.number] = Order(terms)
        self._record(order, steps.acknowledged(ticket, moment.at))
        return order

    def _send_on(self, order: Order, ticket: Ticket, moment: Moment) -> bool:
        """Bring an order before the risk engine and the exchange; say whether it stands in the book."""
        rejection = self._check(order, ticket, moment)
        if rejection and rejection.by:
            self._reject(order, rejection, moment)
            return False
        self._record(order, steps.sent_on(order.state, moment.at))
        if rejection:
            self._reject(order, rejection, moment)
            return False
        self._record(order, steps.working(order.state, _exchange_number(order), moment.at))
        self._ready(order, moment)
        return True

    def _check(self, order: Order, wanted: Ticket, moment: Moment) -> Rejection | None:
        """Hold an order's terms, the first or changed ones, against everything; its own units wait for nothing."""
        others = [
            one
            for one in self._working.values()
            if one is not order
            and (one.terms.instrument.key, one.terms.product, one.terms.side) == (wanted.instrument.key, DELIVERY, "S")
        ]
        waiting = sum(one.open_quantity for one in others) - order.state.filled
        return check(wanted, self._quote(order), self.positions, self.settings, moment.at, waiting)

    def _close(self, position: Position, moment: Moment) -> Order:
        ticket = closing_ticket(position, _BROKERS_OWN)
        order = self._enter(ticket, moment, Behaviour())
        self._record(order, steps.sent_on(order.state, moment.at))
        self._record(order, steps.working(order.state, _exchange_number(order), moment.at))
        self._fill(order, ticket.quantity, self._market.quote(position.instrument).last, moment)
        return order

    def _quote(self, order: Order) -> Quote:
        return self._market.quote(order.terms.instrument)

    def _record(self, order: Order, event: Event) -> None:
        self._changes.append(Change(order, event, is_first=not order.events))
        self._apply(order, event)

    def _apply(self, order: Order, event: Event) -> None:
        order.events.append(event)
        for group, belongs in ((self._working, event.status in WORKING), (self._after_hours, order.awaits_opening)):
            if belongs:
                group[order.terms.number] = order
            else:
                group.pop(order.terms.number, None)
        if event.fill:
            self.positions.take_fill(order.terms, event.fill)

    def _reject(self, order: Order, rejection: Rejection, moment: Moment) -> None:
        if order.state.status in WORKING or order.state.status is Status.PENDING:
            self._record(order, steps.rejected(order.state, rejection, _exchange_number(order), moment.at))

    def _ready(self, order: Order, moment: Moment) -> None:
        order.ready_at = moment.monotonic + self._fill_delay_s
        self.after(self._fill_delay_s, moment, lambda then: self._try(order, then, is_first_chance=True))

    def _try(self, order: Order, moment: Moment, *, is_first_chance: bool = False) -> None:
        """Trigger and fill as the market allows; the rest of an IOC order goes after its first chance."""
        if order.state.status not in WORKING or moment.monotonic < order.ready_at:
            return
        quote, sign = self._quote(order), order.terms.sign
        if order.state.status is Status.TRIGGER_PENDING:
            if not steps.is_triggered(order.state, sign, quote):
                return
            self._record(order, steps.triggered(order.state, moment.at))
        price = steps.price_now(order.state, sign, quote)
        quantity = order.fillable
        if price is not None and quantity > 0:
            depth = self.settings.depth_units or order.terms.instrument.depth_units
            self._fill(order, min(quantity, depth), price, moment)
            if order.fillable and order.terms.retention != "IOC":
                self._ready(order, moment)
        if order.terms.retention == "IOC" and is_first_chance and order.state.status in WORKING:
            self._record(order, steps.cancelled(order.state, moment.at))

    def _fill(self, order: Order, quantity: int, price: Decimal, moment: Moment) -> None:
        fill = Fill(str(self._next_fill), quantity, price, moment.at)
        self._next_fill += 1
        self._record(order, steps.filled(order.state, fill))


def _exchange_number(order: Order) -> str:
    return f"12{int(order.terms.number[6:]):014d}"
