"""What each strategy holds, works, and may still be holding: checks 2B and 2C, and the exit clamp.

Exposure is filled + working + unconfirmed. A yes *reserves* at once, so no window stays open between the check and
the send. Only evidence clears: an order that is over releases just what did not trade. What others did with the
account stands under EXTERNAL: where they closed a position for us, our exits must not close it again. A trade of theirs
closes what they hold themselves first, then ours, and what is left opens a position of theirs.

Delivery (`domain/positions/delivery.py`) is never short: what is sold beyond a position came out of the holdings. It is
no exposure, nothing buys it back, and nothing of it is carried.

A contract whose last day is over (`domain/market/expiry.py`) is no exposure either: nothing can be ordered in it, and
what was held stays in the book only until the broker's books end it.
"""

from collections.abc import Iterable, Iterator, Mapping
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, field, replace
from datetime import date, datetime
from decimal import Decimal
from typing import Final

from domain.exits.flatten import Exposure, OpenOrder, PositionKey
from domain.market.expiry import ContractOver, Contracts
from domain.orders.command import OrderCommand
from domain.orders.lifecycle import State
from domain.orders.order import Order
from domain.orders.reasons import Reason
from domain.orders.types import EXTERNAL, Exchange, InstrumentKey, Intent, Origin, Side
from domain.positions.already_exposed import AlreadyExposed
from domain.positions.delivery import Delivered
from domain.positions.nothing_to_exit import NothingToExit, OrderAtWork
from domain.reconciliation.vanishing import Holders


@dataclass(frozen=True, slots=True)
class Reservation:
    """An order that is reserved, on its way, or working: what may still trade of it."""

    key: InstrumentKey
    side: Side
    open_quantity: int
    unconfirmed: bool = False
    held_back: bool = False
    """A leg of a basket that has not been sent yet."""
    limit_price: Decimal | None = None
    day: str = ""
    """The trading day that it is good for; empty where that is not known for sure."""

    def is_past(self, today: str) -> bool:
        """Say whether its day is over: it can't trade any more, and may have traded unseen."""
        return bool(self.day) and self.day < today

    def is_gone(self, today: str) -> bool:
        """Say whether it can't matter any more: what a past day traded of it was squared off with that day."""
        return self.is_past(today) and self.key.product.ends_with_its_day

    @property
    def may_take_a_position(self) -> bool:
        """Say whether trading it may leave something held: a sale of delivery never does."""
        return not (self.key.product.is_delivery and self.side is Side.SELL)


@dataclass(frozen=True, slots=True)
class StrategyBook:
    """One strategy's exposure. `positions` are signed units from fills."""

    positions: Mapping[InstrumentKey, int] = field(default_factory=dict)
    reservations: Mapping[str, Reservation] = field(default_factory=dict)

    @property
    def has_exposure(self) -> bool:
        """Say whether anything is held, working or unconfirmed."""
        return any(one.may_take_a_position for one in self.reservations.values()) or any(self.positions.values())


@dataclass(frozen=True, slots=True)
class Reserved:
    """The guard's yes: this many units are now held for the order."""

    quantity: int
    inputs: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class GuardRefused:
    """The guard's no. `why` tells what stands in the way of an entry, or what there is instead of units to exit."""

    reason: Reason
    inputs: Mapping[str, str]
    why: AlreadyExposed | NothingToExit | ContractOver | None = None


class GuardLedger:
    """Every strategy's book, and each order's part of it. Each operation replaces one frozen book whole, or nothing.

    `positions` are what days before `day` left, `orders` those that are open or of `day`, `contracts` the last days.
    """

    def __init__(
        self,
        positions: Mapping[str, Mapping[InstrumentKey, int]] | None = None,
        orders: Iterable[Order] = (),
        day: str = "",
        contracts: Contracts | None = None,
    ) -> None:
        self._day = day
        self._contracts = contracts or Contracts({})
        self._now: datetime | None = None
        self._closed_for_us: dict[InstrumentKey, int] = {}
        self._apart: dict[InstrumentKey, int] = {}
        self._counted: dict[str, int] = {}
        self._delivered: dict[tuple[str, InstrumentKey], Delivered] = {}
        self._delivery_today: dict[InstrumentKey, int] = {}
        self._books = {
            strategy: StrategyBook({key: _carried(strategy, key, units) for key, units in held.items()})
            for strategy, held in (positions or {}).items()
        }
        for key, units in list(self.book(EXTERNAL).positions.items()):
            # Of earlier days nobody knows the order any more: what could have been closed for us was.
            counted = self._count_closed(key, units, before=0)
            self._put(PositionKey(EXTERNAL, key), counted if key.product.is_delivery else units)
        for order in orders:
            self.observe(order)

    def book(self, strategy: str) -> StrategyBook:
        """Return the strategy's book; an unknown strategy holds nothing."""
        return self._books.get(strategy, _EMPTY)

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

    def over(self) -> frozenset[InstrumentKey]:
        """Return the contracts that are over and of which something stands in a strategy's book."""
        return frozenset(
            position_key.key for position_key, _ in self._all_exposures() if self._why_over(position_key.key)
        )

    def _why_over(self, key: InstrumentKey) -> ContractOver | None:
        return None if self._now is None else self._contracts.why_over(key, self._now)

    def _living(self, book: StrategyBook) -> StrategyBook:
        """Return the book without what is over, a contract or an intraday order's day: nobody is blocked by it."""
        keys = {*book.positions, *(one.key for one in book.reservations.values())}
        over = {key for key in keys if self._why_over(key)}
        reservations = ((name, one) for name, one in book.reservations.items() if one.key not in over)
        return StrategyBook(
            {key: units for key, units in book.positions.items() if key not in over},
            {name: one for name, one in reservations if not one.is_gone(self._day)},
        )

    # what is held

    def exposures(self) -> dict[PositionKey, Exposure]:
        """Return what every strategy holds and may still trade, by instrument; EXTERNAL is nobody's to exit.

        What others have closed for us is held no more: no more is told than the account still has. What is over is not
        there.
        """
        return {
            position_key: one for position_key, one in self._all_exposures() if self._why_over(position_key.key) is None
        }

    def _all_exposures(self) -> Iterator[tuple[PositionKey, Exposure]]:
        for strategy, book in self._books.items():
            if strategy == EXTERNAL:
                continue
            for key in dict.fromkeys((*book.positions, *(one.key for one in book.reservations.values()))):
                same = ((name, one) for name, one in book.reservations.items() if one.key == key)
                reservations = [(name, one) for name, one in same if not one.held_back and not one.is_gone(self._day)]
                waiting = tuple(
                    OpenOrder(name, one.side, one.open_quantity, one.is_past(self._day)) for name, one in reservations
                )
                held, beside = self._still_held(key, book.positions.get(key, 0)), self._sold_beside(strategy, key)
                exposure = Exposure(held, waiting, beside)
                if not exposure.is_flat:
                    yield PositionKey(strategy, key), exposure

    def _sold_beside(self, strategy: str, key: InstrumentKey) -> int:
        """Return the units of delivery that orders of everybody else may still sell."""
        if not key.product.is_delivery:
            return 0
        return sum(self._being_reduced(name, key, Side.SELL) for name in self._books if name != strategy)

    def awaited(self) -> frozenset[PositionKey]:
        """Return the positions of which a basket's leg is reserved and has not come to be sent yet."""
        books = ((strategy, one) for strategy, book in self._books.items() for one in book.reservations.values())
        return frozenset(PositionKey(strategy, one.key) for strategy, one in books if one.held_back)

    def _still_held(self, key: InstrumentKey, held: int) -> int:
        """Return the part of a strategy's position that others have not closed."""
        closed = self._closed_for_us.get(key, 0)
        if held * closed >= 0:
            return held
        sign = 1 if held > 0 else -1
        ours = sum(max(0, one.positions.get(key, 0) * sign) for name, one in self._books.items() if name != EXTERNAL)
        return sign * min(abs(held), max(0, ours - abs(closed)))

    def positions(self) -> dict[str, dict[InstrumentKey, int]]:
        """Return every strategy's non-zero positions in signed units."""
        return {
            strategy: {key: held for key, held in book.positions.items() if held}
            for strategy, book in self._books.items()
            if any(book.positions.values())
        }

    def sold_from_holdings(self) -> dict[str, dict[InstrumentKey, int]]:
        """Return the units of delivery that each strategy sold today beyond what it had bought."""
        sold: dict[str, dict[InstrumentKey, int]] = {}
        for (strategy, key), delivered in self._delivered.items():
            if delivered.sold:
                sold.setdefault(strategy, {})[key] = delivered.sold
        return sold

    def delivery_today(self) -> dict[InstrumentKey, int]:
        """Return the signed units of delivery that today's orders moved, all together: what a position book shows."""
        return dict(self._delivery_today)

    def reserve(self, command: OrderCommand, *, from_position_only: bool = False) -> Reserved | GuardRefused:
        """Check 2B and 2C, or clamp an exit, and hold the quantity. Asking twice for one order reserves once.

        `from_position_only`: the desk sized this exit by a position, so it sells nothing out of the holdings.
        """
        book = self.book(command.strategy)
        held = book.positions.get(command.key, 0)
        inputs = {"held": str(held), "open_orders": str(len(book.reservations))}
        known = book.reservations.get(command.command_id)
        if known is not None:
            if known.held_back:
                sent = {**book.reservations, command.command_id: replace(known, held_back=False)}
                self._books[command.strategy] = replace(book, reservations=sent)
            return Reserved(known.open_quantity, inputs)
        over = self._why_over(command.key)
        if over is not None:
            return _contract_over(command, over, inputs)
        quantity = command.quantity
        if command.intent is Intent.EXIT:
            closing = self._being_reduced(command.strategy, command.key, command.side)
            inputs["already_closing"] = str(closing)
            reducible = abs(held) - closing if held * command.side.sign < 0 else 0
            left = self._left_by_others(command.key, command.side)
            closed = max(0, reducible - left)
            if closed:
                inputs["left_by_others"] = str(left)
                reducible = left
            if not from_position_only and self._may_sell_holdings(command):
                inputs["from_holdings"] = str(quantity)
                reducible = quantity
            if reducible <= 0:
                return GuardRefused(Reason.NOTHING_TO_EXIT, inputs, self._nothing_to_exit(book, command, held, closed))
            quantity = min(quantity, reducible)
        else:
            refusal = _duplicate_or_exposed(self._living(book), command, inputs)
            if refusal is not None:
                return refusal
        reservation = Reservation(command.key, command.side, quantity, day=self._day_of(command))
        self._books[command.strategy] = replace(
            book, reservations={**book.reservations, command.command_id: reservation}
        )
        return Reserved(quantity, inputs)

    def reserve_basket(self, legs: tuple[OrderCommand, ...]) -> Reserved | GuardRefused:
        """Hold all legs of a basket at once, or none: between them checks 2B and 2C do not count."""
        book = self.book(legs[0].strategy)
        inputs = {"open_orders": str(len(book.reservations)), "legs": str(len(legs))}
        over = next((why for leg in legs if (why := self._why_over(leg.key)) is not None), None)
        if over is not None:
            return _contract_over(legs[0], over, inputs)
        if self._living(book).has_exposure:
            exposed = _already_exposed(legs[0].strategy, self._living(book))
            return GuardRefused(Reason.EXECUTION_GUARD_BLOCKED, inputs, exposed)
        reservations = {
            leg.command_id: Reservation(leg.key, leg.side, leg.quantity, held_back=True, day=self._day_of(leg))
            for leg in legs
        }
        self._books[legs[0].strategy] = replace(book, reservations={**book.reservations, **reservations})
        return Reserved(sum(leg.quantity for leg in legs), inputs)

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
        others = ((name, book) for name, book in self._books.items() if name not in {EXTERNAL, command.strategy})
        return all(self._being_reduced(name, key, Side.SELL) <= book.positions.get(key, 0) for name, book in others)

    def _day_of(self, command: OrderCommand, day: str = "") -> str:
        """Return the day an order is good for, or today; none for an after-market one: its day may be a later one."""
        return "" if command.amo else day or self._day

    def _nothing_to_exit(
        self, book: StrategyBook, command: OrderCommand, held: int, closed_by_others: int
    ) -> NothingToExit:
        orders = tuple(
            OrderAtWork(
                name,
                reservation.side,
                reservation.open_quantity,
                reservation.limit_price,
                reservation.unconfirmed,
                past_day=reservation.day if reservation.is_past(self._day) else "",
            )
            for name, reservation in book.reservations.items()
            if reservation.key == command.key and not reservation.is_gone(self._day)
        )
        return NothingToExit(
            strategy=command.strategy,
            key=command.key,
            side=command.side,
            held=held,
            orders=orders,
            closed_by_others=closed_by_others,
        )

    def _being_reduced(self, strategy: str, key: InstrumentKey, side: Side) -> int:
        """Return the units that open orders on `side` may still take off, or may have taken off on a past day."""
        reservations = self._reservations(strategy, key, side)
        past = sum(one.open_quantity for one in reservations if one.is_past(self._day))
        working = sum(one.open_quantity for one in reservations) - past
        return working + min(past, self._reduced_unseen_max(strategy, key, side, past))

    def _reduced_unseen_max(self, strategy: str, key: InstrumentKey, side: Side, past: int) -> int:
        """Return how many units past days' orders of a strategy on `side` took off at most, by what the account holds.

        It is known what all of them together did: so many units as the account is apart from our books. Those of others
        on the other side may have made up for more. `past` where the account does not tell, or orders can't explain it.
        """
        if key not in self._apart:
            return past
        apart = self._apart[key] * side.sign
        same, opposite = (self._past_units(key, one) for one in (side, side.opposite))
        if not -sum(opposite.values()) <= apart <= sum(same.values()):
            return past
        return max(0, apart + sum(units for name, units in opposite.items() if name != strategy))

    def _past_units(self, key: InstrumentKey, side: Side) -> dict[str, int]:
        """Return by strategy the units of past days' orders on `side` that may have traded unseen."""
        reservations = ((name, one) for name in self._books for one in self._reservations(name, key, side))
        units: dict[str, int] = {}
        for name, one in reservations:
            units[name] = units.get(name, 0) + (one.open_quantity if one.is_past(self._day) else 0)
        return units

    def _reservations(self, strategy: str, key: InstrumentKey, side: Side) -> list[Reservation]:
        """Return a strategy's open orders on one side of an instrument that can matter today."""
        reservations = self.book(strategy).reservations.values()
        return [one for one in reservations if one.key == key and one.side is side and not one.is_gone(self._day)]

    def be_apart(self, key: InstrumentKey, difference: int) -> None:
        """Learn by how many signed units the account differs from our books, orders of a past day being unsettled."""
        self._apart[key] = difference

    def _left_by_others(self, key: InstrumentKey, side: Side) -> int:
        """Return the units that orders on `side` may still take off, after what EXTERNAL took.

        Orders that others have working hold no exit back: nobody knows whose position they are meant for, and exits get
        out. Strategies that hold the same way share what is left: together they never sell more than the account has.
        """
        pool = 0
        for strategy, book in self._books.items():
            held = book.positions.get(key, 0)
            if strategy == EXTERNAL:
                pool -= max(0, self._closed_for_us.get(key, 0) * side.sign)
            elif held * side.sign < 0:
                pool += abs(held) - self._being_reduced(strategy, key, side)
        return max(0, pool)

    def _count_closed(self, key: InstrumentKey, moved: int, before: int) -> int:
        """Share a trade of others out: undo what they closed for us, close their own (`before` it), then close ours.

        Return what it moves their position by: all of it, but of delivery nothing that came out of the holdings.
        """
        self._closed_for_us[key], left = self._closed_after(key, moved, before)
        return moved + (left if key.product.is_delivery and moved < 0 else 0)

    def _closed_after(self, key: InstrumentKey, moved: int, before: int) -> tuple[int, int]:
        """Return what others have closed for us once they moved so many units, and how many of these closed nothing."""
        closed = self._closed_for_us.get(key, 0)
        sign = 1 if moved > 0 else -1
        theirs = before - closed
        left = abs(moved)
        undone = min(left, max(0, -closed * sign))
        left -= undone
        left -= min(left, max(0, -theirs * sign))
        ours = sum(max(0, -book.positions.get(key, 0) * sign) for name, book in self._books.items() if name != EXTERNAL)
        taken = min(left, max(0, ours - max(0, closed * sign)))
        return closed + sign * (undone + taken), left - taken

    def holders(self, key: InstrumentKey, quantity: int) -> Holders:
        """Return who holds an instrument, and how many units of ours a move by nobody's order would close."""
        held = ((name, book.positions.get(key, 0)) for name, book in self._books.items() if name != EXTERNAL)
        external = self.book(EXTERNAL).positions.get(key, 0)
        grown = abs(self._closed_after(key, quantity, external)[0]) - abs(self._closed_for_us.get(key, 0))
        strategies = tuple(sorted((name, units) for name, units in held if units))
        return Holders(strategies=strategies, external=external, closes=max(0, grown) if quantity else 0)

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
            closing = self._being_reduced(command.strategy, command.key, command.side)
            own = abs(held) - closing if held * command.side.sign < 0 else 0
            growth = max(0, min(growth, own, self._left_by_others(command.key, command.side)))
            quantity = order.filled_quantity + reservation.open_quantity + growth
        if growth > 0:
            grown = replace(reservation, open_quantity=reservation.open_quantity + growth)
            self._books[command.strategy] = replace(book, reservations={**book.reservations, command.command_id: grown})
        return Reserved(quantity, inputs)

    def move(self, key: InstrumentKey, quantity: int) -> None:
        """Count units under EXTERNAL that the account holds by nobody's order."""
        before = self.book(EXTERNAL).positions.get(key, 0)
        counted = self._count_closed(key, quantity, before)
        if key.product.is_delivery:
            self._delivery_today[key] = self._delivery_today.get(key, 0) + quantity
        self._put(PositionKey(EXTERNAL, key), before + counted)
        self._come_nearer(key, quantity)

    def _come_nearer(self, key: InstrumentKey, moved: int) -> None:
        """Count units that the account had all the time, and our books have now."""
        if key in self._apart:
            self._apart[key] -= moved

    def _put(self, position_key: PositionKey, units: int) -> None:
        book = self.book(position_key.strategy)
        self._books[position_key.strategy] = replace(book, positions={**book.positions, position_key.key: units})

    def write_off(self, position_key: PositionKey) -> int | None:
        """Take a strategy's position out of its book, and count it under EXTERNAL; return its signed units.

        None while orders of it may still trade: their fate comes first. The account's sum stays as it is.
        """
        reservations = self.book(position_key.strategy).reservations.values()
        if any(one.key == position_key.key and not one.is_gone(self._day) for one in reservations):
            return None
        units = self.book(position_key.strategy).positions.get(position_key.key, 0)
        self.shift(position_key, units)
        return units

    def shift(self, position_key: PositionKey, units: int) -> None:
        """Count these units of a strategy under EXTERNAL from now on; of delivery no more than are held."""
        key, held = position_key.key, self.book(position_key.strategy).positions.get(position_key.key, 0)
        if key.product.is_delivery:
            units = max(0, min(units, held))
            self._delivered_of(position_key).put(held - units)
        self._put(position_key, held - units)
        self._put(PositionKey(EXTERNAL, key), self.book(EXTERNAL).positions.get(key, 0) + units)
        closed = self._closed_for_us.get(key, 0)
        if closed * units < 0:
            # What others had closed for the strategy is closed in their own book now.
            self._closed_for_us[key] = closed + min(abs(closed), abs(units)) * (1 if units > 0 else -1)

    def begin_day(self, day: str) -> None:
        """Forget what does not outlive its day: the broker squares MIS off."""
        if day == self._day:
            return
        self._day = day
        self._closed_for_us = {k: n for k, n in self._closed_for_us.items() if not k.product.ends_with_its_day}
        for strategy, book in self._books.items():
            kept = {key: held for key, held in book.positions.items() if not key.product.ends_with_its_day}
            self._books[strategy] = replace(book, positions=kept)
        self._delivered.clear()
        self._delivery_today.clear()
        self._apart.clear()

    def observe(self, order: Order) -> None:
        """Take over what an order has become: its fills into the position, its open rest into the stakes.

        Fills of an earlier day in a product that does not outlive it are over.
        """
        command = order.command
        book = self.book(command.strategy)
        filled = order.filled_quantity * command.side.sign
        moved = filled - self._counted.get(command.command_id, 0)
        positions = book.positions
        if moved and not (command.product.ends_with_its_day and order.day < self._day):
            positions = {**positions, command.key: self._position_after(order, moved)}
        reservations = {
            name: reservation for name, reservation in book.reservations.items() if name != command.command_id
        }
        if not order.is_terminal:
            unconfirmed = order.state in {State.SENDING, State.UNCONFIRMED}
            reservations[command.command_id] = Reservation(
                command.key,
                command.side,
                order.open_quantity,
                unconfirmed,
                limit_price=order.limit_price,
                day=self._day_of(command, order.day),
            )
        self._books[command.strategy] = StrategyBook(positions, reservations)
        if moved:
            self._counted[command.command_id] = filled
        if order.day < self._day:
            self._come_nearer(command.key, moved)

    def _position_after(self, order: Order, moved: int) -> int:
        """Return what a strategy, or EXTERNAL, holds after one of its orders has traded `moved` units more."""
        command, key = order.command, order.command.key
        held = self.book(command.strategy).positions.get(key, 0)
        if key.product.is_delivery and order.day >= self._day:
            self._delivery_today[key] = self._delivery_today.get(key, 0) + moved
        if command.strategy == EXTERNAL:
            return held + self._count_closed(key, moved, held)
        if not key.product.is_delivery:
            return held + moved
        delivered = self._delivered_of(PositionKey(command.strategy, key))
        delivered.trade(command.command_id, order.created_at, moved)
        return delivered.held

    def _delivered_of(self, position_key: PositionKey) -> Delivered:
        held = self.book(position_key.strategy).positions.get(position_key.key, 0)
        return self._delivered.setdefault((position_key.strategy, position_key.key), Delivered(held))

    def release(self, command: OrderCommand) -> None:
        """Give back a reservation whose order was never sent."""
        book = self.book(command.strategy)
        reservations = {
            name: reservation for name, reservation in book.reservations.items() if name != command.command_id
        }
        self._books[command.strategy] = replace(book, reservations=reservations)


_EMPTY: Final = StrategyBook()


def _carried(strategy: str, key: InstrumentKey, units: int) -> int:
    """Return what outlives its day of a position; less than nothing of delivery can't be carried."""
    if key.product.ends_with_its_day:
        return 0
    # Where others sold delivery, the sum still tells what they may have closed for us: `_count_closed` judges it.
    return max(0, units) if key.product.is_delivery and strategy != EXTERNAL else units


def _contract_over(command: OrderCommand, over: ContractOver, inputs: dict[str, str]) -> GuardRefused:
    """Refuse what can't be ordered any more; of an exit there is nothing left that it could close."""
    inputs |= {"last_day": over.last_day.isoformat()}
    if command.intent is Intent.EXIT:
        return GuardRefused(Reason.NOTHING_TO_EXIT, inputs, over)
    return GuardRefused(Reason.CONTRACT_EXPIRED, inputs)


def _already_exposed(strategy: str, book: StrategyBook) -> AlreadyExposed:
    held = tuple((key, units) for key, units in book.positions.items() if units)
    return AlreadyExposed(strategy=strategy, held=held, working=tuple(book.reservations))


def _duplicate_or_exposed(book: StrategyBook, command: OrderCommand, inputs: dict[str, str]) -> GuardRefused | None:
    if command.intent is Intent.ENTRY and book.has_exposure:
        unconfirmed = sum(reservation.unconfirmed for reservation in book.reservations.values())
        exposure = {"unconfirmed_orders": str(unconfirmed)}
        why = _already_exposed(command.strategy, book)
        return GuardRefused(Reason.EXECUTION_GUARD_BLOCKED, inputs | exposure, why)
    for other, reservation in book.reservations.items():
        same_symbol = (reservation.key.exchange, reservation.key.symbol) == (command.exchange, command.symbol)
        if same_symbol and reservation.side is command.side:
            return GuardRefused(Reason.DUPLICATE_ORDER_BLOCKED, inputs | {"other_order": other})
    return None
