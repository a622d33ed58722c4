"""What each strategy holds, works, and may still be holding: checks 2B and 2C, and the exit clamp.

Exposure is filled + working + unconfirmed. A yes *reserves* at once, so no window stays open between the check and
the send. Only evidence clears: an order that is over releases just what did not trade. What others did with the
account stands under EXTERNAL (`domain/positions/closed_by_others.py`).

Delivery (`domain/positions/delivery.py`) is never short: what is sold beyond a position came out of the holdings. It is
no exposure, nothing buys it back, and nothing of it is carried.

A contract whose last day is over (`domain/market/expiry.py`) is no exposure either: nothing can be ordered in it, and
what was held stays in the book only until the broker's books end it.
"""

from collections.abc import Iterable, Mapping
from collections.abc import Set as AbstractSet
from dataclasses import replace
from datetime import date, datetime

from domain.exits.flatten import Exposure, PositionKey
from domain.market.expiry import ContractOver, Contracts
from domain.orders.command import OrderCommand
from domain.orders.lifecycle import State
from domain.orders.order import Order
from domain.orders.reasons import Reason
from domain.orders.types import EXTERNAL, Exchange, InstrumentKey, Intent, Origin, Side
from domain.positions.books import Books, Reservation, StrategyBook
from domain.positions.closed_by_others import ClosedByOthers
from domain.positions.delivery import Delivered, Deliveries
from domain.positions.exposures import Exposures
from domain.positions.past_orders import PastOrders
from domain.positions.verdicts import (
    GuardRefused,
    Reserved,
    already_exposed,
    contract_over,
    duplicate_or_exposed,
    nothing_to_exit,
)
from domain.reconciliation.vanishing import Holders


class GuardLedger:
    """Every strategy's book, and each order's part of it.

    `positions` are what days before `day` left, `orders` those that are open or of `day`, `contracts` the last days.
    `trades` are command ids of these orders with the units each had filled by then, oldest first: whether others closed
    a position of ours depends on who traded first, and the orders are in the order of their rows. Units by nobody's
    order and those written off (`move`, `shift`) come after all of them.
    """

    def __init__(
        self,
        positions: Mapping[str, Mapping[InstrumentKey, int]] | None = None,
        orders: Iterable[Order] = (),
        day: str = "",
        contracts: Contracts | None = None,
        trades: Iterable[tuple[str, int]] = (),
    ) -> None:
        carried = {
            strategy: {key: _carried(strategy, key, units) for key, units in held.items()}
            for strategy, held in (positions or {}).items()
        }
        self._books = Books(carried, day)
        self._contracts = contracts or Contracts({})
        self._now: datetime | None = None
        self._past = PastOrders(self._books)
        self._closed = ClosedByOthers(self._books, self._past)
        self._exposures = Exposures(self._books, self._past, self._closed)
        self._deliveries = Deliveries()
        self._counted: dict[str, int] = {}
        self._begun_by: dict[PositionKey, str] = {}
        for key, units in list(self.book(EXTERNAL).positions.items()):
            # Of earlier days nobody knows the order any more: what could have been closed for us was.
            counted = self._closed.count(key, units, before=0)
            self._books.put(PositionKey(EXTERNAL, key), counted if key.product.is_delivery else units)
        known = {order.command.command_id: order for order in orders}
        for command_id, filled in trades:
            self.observe(replace(known[command_id], filled_quantity=filled))
        for order in known.values():
            self.observe(order)

    def book(self, strategy: str) -> StrategyBook:
        """Return the strategy's book; an unknown strategy holds nothing."""
        return self._books.of(strategy)

    def has_strategy(self, strategy: str) -> bool:
        """Say whether the strategy has any exposure (guide, check 2B)."""
        return self._living(self.book(strategy)).has_exposure

    # contracts that are over

    def see_time(self, now: datetime) -> None:
        """Know what time it is: from the midnight after its last day a contract is over."""
        self._now = now

    def learn_last_day(self, exchange: Exchange, symbol: str, last_day: date) -> None:
        """Take over the broker's word on a contract."""
        self._contracts.learn(exchange, symbol, last_day)

    def show(self, keys: AbstractSet[InstrumentKey]) -> None:
        """Count again what the account holds although its contract should be over, and nothing else of the kind."""
        self._contracts.show(keys)

    def _why_over(self, key: InstrumentKey) -> ContractOver | None:
        return None if self._now is None else self._contracts.why_over(key, self._now)

    def _living(self, book: StrategyBook) -> StrategyBook:
        """Return the book without what is over, a contract or an intraday order's day: nobody is blocked by it."""
        keys = {*book.positions, *(one.key for one in book.reservations.values())}
        over = {key for key in keys if self._why_over(key)}
        reservations = ((name, one) for name, one in book.reservations.items() if one.key not in over)
        return StrategyBook(
            {key: units for key, units in book.positions.items() if key not in over},
            {name: one for name, one in reservations if not one.is_gone(self._books.day)},
        )

    # what is held

    def exposures(self) -> dict[PositionKey, Exposure]:
        """Return what every strategy holds and may still trade, by instrument. What is over is not there."""
        return self.exposures_and_over()[0]

    def over(self) -> frozenset[InstrumentKey]:
        """Return the contracts that are over and of which something stands in a strategy's book."""
        return self.exposures_and_over()[1]

    def exposures_and_over(self) -> tuple[dict[PositionKey, Exposure], frozenset[InstrumentKey]]:
        """Return both, in one pass over the books."""
        exposures: dict[PositionKey, Exposure] = {}
        over: set[InstrumentKey] = set()
        for position_key, exposure in self._exposures:
            if self._why_over(position_key.key) is None:
                exposures[position_key] = exposure
            else:
                over.add(position_key.key)
        return exposures, frozenset(over)

    def awaited(self) -> frozenset[PositionKey]:
        """Return the positions of which a basket's leg is reserved and has not come to be sent yet."""
        return self._exposures.awaited()

    def begun_by(self) -> dict[PositionKey, str]:
        """Return the newest entry of this run and day for each position, by its id; a basket's legs are none."""
        return dict(self._begun_by)

    def positions(self) -> dict[str, dict[InstrumentKey, int]]:
        """Return every strategy's non-zero positions in signed units."""
        return {
            strategy: {key: held for key, held in book.positions.items() if held}
            for strategy, book in self._books
            if any(book.positions.values())
        }

    def sold_from_holdings(self) -> dict[str, dict[InstrumentKey, int]]:
        """Return the units of delivery that each strategy sold today beyond what it had bought."""
        return self._deliveries.sold_from_holdings()

    def delivery_today(self) -> dict[InstrumentKey, int]:
        """Return the signed units of delivery that today's orders moved, all together: what a position book shows."""
        return self._deliveries.moved_today

    def holders(self, key: InstrumentKey, quantity: int) -> Holders:
        """Return who holds an instrument, and how many units of ours a move by nobody's order would close."""
        return self._closed.holders(key, quantity)

    # before an order leaves

    def reserve(self, command: OrderCommand, *, from_position_only: bool = False) -> Reserved | GuardRefused:
        """Check 2B and 2C, or clamp an exit, and hold the quantity. Asking twice for one order reserves once.

        `from_position_only`: the desk sized this exit by a position, so it sells nothing out of the holdings.
        """
        book = self.book(command.strategy)
        inputs = {"held": str(book.positions.get(command.key, 0)), "open_orders": str(len(book.reservations))}
        known = book.reservations.get(command.command_id)
        if known is not None:
            if known.held_back:
                self._books.reserve(command.strategy, {command.command_id: replace(known, held_back=False)})
            return Reserved(known.open_quantity, inputs)
        over = self._why_over(command.key)
        if over is not None:
            return contract_over(command, over, inputs)
        quantity = command.quantity
        if command.intent is Intent.EXIT:
            clamped = self._clamp(command, inputs, from_position_only=from_position_only)
            if isinstance(clamped, GuardRefused):
                return clamped
            quantity = clamped
        else:
            refusal = duplicate_or_exposed(self._living(book), command, inputs)
            if refusal is not None:
                return refusal
            self._begun_by[PositionKey(command.strategy, command.key)] = command.command_id
        reservation = Reservation(command.key, command.side, quantity, day=self._day_of(command))
        self._books.reserve(command.strategy, {command.command_id: reservation})
        return Reserved(quantity, inputs)

    def _clamp(self, command: OrderCommand, inputs: dict[str, str], *, from_position_only: bool) -> int | GuardRefused:
        """Return how many units an exit may have: no more than is held, and not closed or being closed already."""
        book, quantity = self.book(command.strategy), command.quantity
        held = book.positions.get(command.key, 0)
        closing = self._past.being_reduced(command.strategy, command.key, command.side)
        inputs["already_closing"] = str(closing)
        reducible = abs(held) - closing if held * command.side.sign < 0 else 0
        left = self._closed.left(command.key, command.side)
        closed = max(0, reducible - left)
        if closed:
            inputs["left_by_others"] = str(left)
            reducible = left
        if not from_position_only and self._may_sell_holdings(command):
            inputs["from_holdings"] = str(quantity)
            reducible = quantity
        if reducible <= 0:
            why = nothing_to_exit(book, command, held, closed, self._books.day)
            return GuardRefused(Reason.NOTHING_TO_EXIT, inputs, why)
        return min(quantity, reducible)

    def _may_sell_holdings(self, command: OrderCommand) -> bool:
        """Say whether an exit may go to the broker without a position: he knows what lies in the demat account.

        Only a person's or a strategy's sale of delivery, of which the strategy holds and works nothing, and while no
        other such sale of the symbol works: two of them could be meant for the same shares.
        """
        key, own = command.key, self.book(command.strategy)
        if not key.product.is_delivery or command.side is Side.BUY or command.origin is Origin.DESK:
            return False
        if own.positions.get(key, 0) or any(one.key == key for one in own.reservations.values()):
            return False
        others = ((name, book) for name, book in self._books if name not in {EXTERNAL, command.strategy})
        return all(
            self._past.being_reduced(name, key, Side.SELL) <= book.positions.get(key, 0) for name, book in others
        )

    def reserve_basket(self, legs: tuple[OrderCommand, ...]) -> Reserved | GuardRefused:
        """Hold all legs of a basket at once, or none: between them checks 2B and 2C do not count."""
        strategy = legs[0].strategy
        book = self.book(strategy)
        inputs = {"open_orders": str(len(book.reservations)), "legs": str(len(legs))}
        over = next((why for leg in legs if (why := self._why_over(leg.key)) is not None), None)
        if over is not None:
            return contract_over(legs[0], over, inputs)
        living = self._living(book)
        if living.has_exposure:
            return GuardRefused(Reason.EXECUTION_GUARD_BLOCKED, inputs, already_exposed(strategy, living))
        reservations = {
            leg.command_id: Reservation(leg.key, leg.side, leg.quantity, held_back=True, day=self._day_of(leg))
            for leg in legs
        }
        self._books.reserve(strategy, reservations)
        return Reserved(sum(leg.quantity for leg in legs), inputs)

    def reserve_change(self, order: Order, quantity: int) -> Reserved | GuardRefused:
        """Hold what `order` may trade once its total is `quantity`; an exit's growth is cut to what is left to reduce.

        Shrinking releases nothing yet: only evidence does.
        """
        command, book = order.command, self.book(order.command.strategy)
        reservation = book.reservations.get(command.command_id)
        if reservation is None:
            return GuardRefused(Reason.NOT_CHANGEABLE, {"open_orders": str(len(book.reservations))})
        wanted = quantity - order.filled_quantity
        growth = wanted - reservation.open_quantity
        inputs = {"open": str(reservation.open_quantity), "wanted_open": str(wanted)}
        if growth > 0 and command.intent is Intent.EXIT:
            held = book.positions.get(command.key, 0)
            closing = self._past.being_reduced(command.strategy, command.key, command.side)
            own = abs(held) - closing if held * command.side.sign < 0 else 0
            growth = max(0, min(growth, own, self._closed.left(command.key, command.side)))
            quantity = order.filled_quantity + reservation.open_quantity + growth
        if growth > 0:
            grown = replace(reservation, open_quantity=reservation.open_quantity + growth)
            self._books.reserve(command.strategy, {command.command_id: grown})
        return Reserved(quantity, inputs)

    def release(self, command: OrderCommand) -> None:
        """Give back a reservation whose order was never sent."""
        self._books.release(command.strategy, command.command_id)

    def _day_of(self, command: OrderCommand, day: str = "") -> str:
        """Return the day an order is good for, or today; none for an after-market one: its day may be a later one."""
        return "" if command.amo else day or self._books.day

    # what orders become

    def observe(self, order: Order) -> None:
        """Take over what an order has become: its fills into the position, its open rest into the reservations.

        Fills of an earlier day in a product that does not outlive it are over.
        """
        command, today = order.command, self._books.day
        filled = order.filled_quantity * command.side.sign
        moved = filled - self._counted.get(command.command_id, 0)
        if moved and not (command.product.ends_with_its_day and order.day < today):
            self._books.put(PositionKey(command.strategy, command.key), self._position_after(order, moved))
        self._books.release(command.strategy, command.command_id)
        if not order.is_terminal:
            reservation = Reservation(
                command.key,
                command.side,
                order.open_quantity,
                order.state in {State.SENDING, State.UNCONFIRMED},
                limit_price=order.limit_price,
                day=self._day_of(command, order.day),
            )
            self._books.reserve(command.strategy, {command.command_id: reservation})
        if moved:
            self._counted[command.command_id] = filled
        if order.day < today:
            self._past.come_nearer(command.key, moved)
            if moved and command.strategy != EXTERNAL and not command.product.ends_with_its_day:
                self._closed.look_back(command.key)

    def _position_after(self, order: Order, moved: int) -> int:
        """Return what a strategy, or EXTERNAL, holds after one of its orders has traded `moved` units more."""
        command, key = order.command, order.command.key
        position_key = PositionKey(command.strategy, key)
        held = self._books.held(position_key)
        if key.product.is_delivery and order.day >= self._books.day:
            self._deliveries.move(key, moved)
        if command.strategy == EXTERNAL:
            return held + self._closed.count(key, moved, held)
        if not key.product.is_delivery:
            return held + moved
        delivered = self._delivered_of(position_key)
        delivered.trade(command.command_id, order.created_at, moved)
        return delivered.held

    def _delivered_of(self, position_key: PositionKey) -> Delivered:
        return self._deliveries.of(position_key, self._books.held(position_key))

    # what comes by nobody's order

    def be_apart(self, key: InstrumentKey, difference: int) -> None:
        """Learn by how many signed units the account differs from our books, orders of a past day being unresolved."""
        self._past.be_apart(key, difference)

    def move(self, key: InstrumentKey, quantity: int) -> None:
        """Count units under EXTERNAL that the account holds by nobody's order."""
        position_key = PositionKey(EXTERNAL, key)
        before = self._books.held(position_key)
        counted = self._closed.count(key, quantity, before)
        if key.product.is_delivery:
            self._deliveries.move(key, quantity)
        self._books.put(position_key, before + counted)
        self._past.come_nearer(key, quantity)

    def write_off(self, position_key: PositionKey) -> int | None:
        """Take a strategy's position out of its book, and count it under EXTERNAL; return its signed units.

        None while orders of it may still trade: their fate comes first. The account's sum stays as it is.
        """
        if self._books.living(position_key.key, self.book(position_key.strategy)):
            return None
        units = self._books.held(position_key)
        self.shift(position_key, units)
        return units

    def shift(self, position_key: PositionKey, units: int) -> None:
        """Count these units of a strategy under EXTERNAL from now on; of delivery no more than are held."""
        key, held, external = position_key.key, self._books.held(position_key), PositionKey(EXTERNAL, position_key.key)
        if key.product.is_delivery:
            units = max(0, min(units, held))
            self._delivered_of(position_key).put(held - units)
        self._books.put(position_key, held - units)
        self._books.put(external, self._books.held(external) + units)
        self._closed.shift(key, units)

    def begin_day(self, day: str) -> None:
        """Forget what does not outlive its day: the broker squares MIS off."""
        if day == self._books.day:
            return
        self._books.begin_day(day)
        self._closed.begin_day()
        self._deliveries.begin_day()
        self._past.begin_day()
        self._begun_by.clear()


def _carried(strategy: str, key: InstrumentKey, units: int) -> int:
    """Return what outlives its day of a position; less than nothing of delivery can't be carried."""
    if key.product.ends_with_its_day:
        return 0
    # Where others sold delivery, the sum still tells what they may have closed for us: `_closed` judges it.
    return max(0, units) if key.product.is_delivery and strategy != EXTERNAL else units
