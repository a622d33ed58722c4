"""Strategies and a person who do everything that is allowed, at the worst moments.

They live outside the process: they remember what they asked through every crash, and ask again under the same id.
"""

import random
from collections.abc import Callable
from dataclasses import dataclass, field
from decimal import Decimal
from functools import partial
from typing import Any, Final, TypeVar

from actors.desk import Desk
from actors.errors import DeskUnavailableError
from actors.messages.baskets import SubmitBasket
from actors.messages.changes import ChangeOrder, ResolveOrder
from actors.messages.orders import OrderAnswered
from actors.messages.stops import SetStops
from actors.runtime.address import post
from domain.alerts.text.breaks import PAST_PREFIX
from domain.baskets import Basket, OnFailure, Pace
from domain.exits.flatten import PositionKey
from domain.orders.change import ChangeKind
from domain.orders.change_command import ChangeCommand
from domain.orders.command import OrderCommand
from domain.orders.resolution import Resolution
from domain.orders.stop_terms import StopTerms
from domain.orders.types import Exchange, InstrumentKey, Intent, OrderType, Origin, Product, Side, TrailingType
from domain.reconciliation.breaks import BreakKind
from domain.reconciliation.order_rows import remarks_tag_of
from domain.risk.checks import TradingState
from tests.simulation.contracts import FAR, NEAR, TICK
from tests.simulation.exchange import Ledger
from tests.simulation.judge import Caller, Judge
from tests.simulation.scheduler import Scheduler

CLIENT: Final = "FA1"
Answer = TypeVar("Answer")


@dataclass(frozen=True, slots=True)
class Manners:
    """How the crowd behaves in a story: shares of deeds, and how many strategies there are."""

    strategies: int = 8
    deeds_per_s: float = 8.0
    market_share: float = 0.2
    stops_share: float = 0.0
    repeat_share: float = 0.05
    twice_share: float = 0.05
    cancel_share: float = 0.05
    modify_share: float = 0.05
    basket_share: float = 0.0
    phone_share: float = 0.0
    phone_rest_share: float = 0.0
    """How many of the phone's orders rest in the market, some ticks away."""
    phone_cancel_share: float = 0.0
    halt_share: float = 0.0
    flatten_share: float = 0.0
    protect_share: float = 0.0
    oversize_share: float = 0.2
    stray_share: float = 0.0
    delivery: int = 0
    """So many of the strategies trade shares for delivery."""
    sell_shares_share: float = 0.0
    """How often who trades for delivery sells what lies in the demat."""
    spreads: int = 0
    """So many more strategies sell an option and hedge it with another."""
    hand_share: float = 0.0
    """How many of the exits a person sends, by hand."""
    exit_share: float = 0.75
    """How likely who holds something gets out of it at the next deed."""
    turn_share: float = 0.0
    """How likely who holds nothing takes the other side at its next entry."""
    change_again_share: float = 0.0
    """How many of the changes are asked for again as soon as they are answered."""


@dataclass(slots=True)
class Strategy:
    """What one strategy believes, by what it was told: that is not always so."""

    name: str
    position_key: tuple[Any, str, Product]
    side: Side
    held: int = 0
    known: list[OrderCommand] = field(default_factory=list)
    filled: dict[str, int] = field(default_factory=dict)
    spread: bool = False

    @property
    def places(self) -> tuple[tuple[Any, str, Product], ...]:
        """Return all that it trades in."""
        hedge = (Exchange(FAR[0]), FAR[1], Product.NRML)
        return (self.position_key, hedge) if self.spread else (self.position_key,)

    def tell(self, message: Any) -> None:  # noqa: ANN401  what the desk tells a strategy
        order = getattr(message, "order", None)
        if order is None or (order.command.exchange, order.command.symbol, order.command.product) != self.position_key:
            return
        name = order.command.command_id
        grown = order.filled_quantity - self.filled.get(name, 0)
        if grown > 0:
            self.filled[name] = order.filled_quantity
            self.held += grown * order.command.side.sign
            if self.position_key[2] is Product.CNC:
                self.held = max(0, self.held)


class Crowd:
    """Owns the strategies and the person; each deed is drawn from the seed."""

    def __init__(self, scheduler: Scheduler, ledger: Ledger, judge: Judge, seed: int, manners: Manners) -> None:
        self._scheduler = scheduler
        self._ledger = ledger
        self._judge = judge
        self._chance = random.Random(f"{seed} crowd")  # noqa: S311  a seed has to bring the same again
        self._turns = random.Random(f"{seed} turns")  # noqa: S311  as above
        self._again = random.Random(f"{seed} changes again")  # noqa: S311  as above
        self.manners = manners
        self._count = 0
        self.desk: Desk | None = None
        self.quiet = False
        self.busy = False
        self.orders = 0
        self.orders_max = 1_000_000
        self._sold: dict[tuple[str, str], int] = {}
        """What was sold of the shares that lay in the demat when the story began: nobody's of those who trade here."""
        self._unanswered: list[OrderCommand] = []
        places = [(one.exchange, one.symbol) for one in ledger.contracts.today.values() if not one.is_option]
        self.strategies = []
        for number in range(manners.strategies):
            exchange, symbol = places[number % len(places)]
            carried = exchange.value == "NFO"
            product = Product.NRML if carried and number % 2 else Product.MIS
            side = Side.BUY if number % 4 else Side.SELL
            if not carried and number < manners.delivery:
                product, side = Product.CNC, Side.BUY
            self.strategies.append(Strategy(f"s{number}", (exchange, symbol, product), side))
        near = (Exchange(NEAR[0]), NEAR[1], Product.NRML)
        self.strategies += [Strategy(f"v{number}", near, Side.SELL, spread=True) for number in range(manners.spreads)]

    def _lot(self, symbol: str) -> int:
        return next(one.lot for one in self._ledger.contracts.today.values() if one.symbol == symbol)

    def begin_day(self) -> None:
        """Go on in another share where the contract has ended: what was held of it is cash."""
        for one in self.strategies:
            exchange, symbol, product = one.position_key
            place = (exchange.value, symbol)
            if self._ledger.is_gone(place):
                heir = self._ledger.contracts.heirs.get(place)
                one.position_key = (
                    (Exchange.NSE, "BBB-EQ", Product.MIS) if heir is None else (exchange, heir[1], product)
                )
                one.known.clear()
                one.held = 0
            elif product is Product.CNC:
                one.held = 0

    def meet(self, desk: Desk) -> None:
        """A desk has started: join it, and ask again what was never answered."""
        self.desk = desk
        for one in self.strategies:
            desk.join(one.name, one)
        again, self._unanswered = self._unanswered, []
        for command in again:
            if self._chance.random() < 0.7:
                self._scheduler.after(self._chance.random() * self._chance.random(), partial(self._send, command))

    def lose(self) -> None:
        """The desk is gone."""
        self.desk = None

    def begin(self) -> None:
        """Do something, now and then, until it is quiet."""
        gap = self._chance.expovariate(self.manners.deeds_per_s)
        self._scheduler.after(gap, self._do)

    def _do(self) -> None:
        if self.quiet or self.orders >= self.orders_max:
            return
        if self.desk is not None:
            self._deed(self._chance.choice(self.strategies))
        self.begin()

    def _deed(self, one: Strategy) -> None:
        if one.spread:
            self._trade_spread(one)
            return
        if one.position_key[2] is Product.CNC and self._chance.random() < self.manners.sell_shares_share:
            self._sell_shares(one)
            return
        draw, manners = self._chance.random(), self.manners
        for share, deed in (
            (manners.cancel_share, self._cancel),
            (manners.modify_share, self._modify),
            (manners.repeat_share, self._repeat),
            (manners.basket_share, self._basket),
            (manners.phone_share, self._phone),
            (manners.phone_cancel_share, self._cancel_by_phone),
            (manners.halt_share, self._halt),
            (manners.flatten_share, self._flatten),
            (manners.protect_share, self._protect),
        ):
            if draw < share:
                deed(one)
                return
            draw -= share
        twice = 1 + (self._chance.random() < manners.twice_share)
        for _ in range(twice):
            if one.held and self._chance.random() < self.manners.exit_share:
                self._exit(one)
            else:
                self._enter(one)

    # orders

    def _name(self) -> str:
        self._count += 1
        return f"k{self._count}"

    def _price(self, symbol: tuple[str, str], side: Side, ticks: int) -> Decimal:
        return self._ledger.prices[symbol] + TICK * ticks * side.sign

    def _enter(self, one: Strategy) -> None:
        exchange, symbol, product = one.position_key
        if self._chance.random() < self.manners.stray_share:
            # What it takes elsewhere it forgets: the guard does not, and `flatten` finds it.
            exchange, symbol, product = self._chance.choice(self.strategies).position_key
        can_turn = self.manners.turn_share and not one.held and product is not Product.CNC
        if can_turn and self._turns.random() < self.manners.turn_share:
            one.side = Side.SELL if one.side is Side.BUY else Side.BUY
        is_market = self._chance.random() < self.manners.market_share
        quantity = self._lot(symbol) * self._chance.randint(1, 20)
        price = self._price((exchange.value, symbol), one.side, self._chance.choice((8, 8, 8, 0, -6)))
        terms: dict[str, Any] = {}
        if self._chance.random() < self.manners.stops_share:
            far = TICK * self._chance.randint(4, 60)
            terms["stop_loss"] = price - one.side.sign * far
            if self._chance.random() < 0.5:
                terms["target"] = price + one.side.sign * far
            if self._chance.random() < 0.5:
                terms |= {"trailing_type": TrailingType.POINTS, "trailing_value": Decimal(1)}
        self._send(
            OrderCommand(
                command_id=self._name(),
                client_id=CLIENT,
                strategy=one.name,
                intent=Intent.ENTRY,
                exchange=exchange,
                symbol=symbol,
                side=one.side,
                quantity=quantity,
                product=product,
                order_type=OrderType.MARKET if is_market else OrderType.LIMIT,
                price=None if is_market else price,
                stops=StopTerms(**terms) if terms else None,
            )
        )

    def _exit(self, one: Strategy) -> None:
        exchange, symbol, product = one.position_key
        held, lot = abs(one.held), self._lot(symbol)
        if product is Product.CNC:
            # Beyond what it holds an exit would sell what others have in the demat.
            held = min(held, self._free_shares(one))
            if not held:
                return
        quantity = held
        if self._chance.random() < self.manners.oversize_share:
            quantity = held * 2
        elif held > lot and self._chance.random() < 0.3:
            quantity = self._chance.randint(1, held // lot) * lot
        side = Side.SELL if one.held > 0 else Side.BUY
        by_hand = bool(self.manners.hand_share) and self._chance.random() < self.manners.hand_share
        origin = Origin.HUMAN if by_hand else Origin.STRATEGY
        is_market = self._chance.random() < self.manners.market_share
        price = self._price((exchange.value, symbol), side, self._chance.choice((8, 8, 0)))
        self._send(
            OrderCommand(
                command_id=self._name(),
                client_id=CLIENT,
                strategy=one.name,
                intent=Intent.EXIT,
                exchange=exchange,
                symbol=symbol,
                side=side,
                quantity=quantity,
                product=product,
                order_type=OrderType.MARKET if is_market else OrderType.LIMIT,
                price=None if is_market else price,
                origin=origin,
            )
        )

    def _free_shares(self, one: Strategy) -> int:
        """Return what it truly holds for delivery, and is not selling already."""
        key = key_of_scope(one.position_key[0].value, one.position_key[1], Product.CNC)
        orders = [order for order in self._judge.of_strategy(one.name) if order.key == key]
        selling = sum(order.open_quantity for order in orders if order.side is Side.SELL)
        return max(0, self._judge.held(one.name, key) - selling)

    def _sell_shares(self, one: Strategy) -> None:
        """Sell for delivery what lies in the demat, as an exit or as an order like any other."""
        exchange, symbol, product = one.position_key
        place, quantity = (exchange.value, symbol), self._chance.randint(1, 10)
        sold = self._sold.get(place, 0) + quantity
        if sold > self._ledger.back_office.checks.holdings:
            return
        self._sold[place] = sold
        self._send(
            OrderCommand(
                command_id=self._name(),
                client_id=CLIENT,
                strategy=one.name,
                intent=self._chance.choice((Intent.EXIT, Intent.ENTRY)),
                exchange=exchange,
                symbol=symbol,
                side=Side.SELL,
                quantity=quantity,
                product=product,
                order_type=OrderType.LIMIT,
                price=self._price((exchange.value, symbol), Side.SELL, 8),
            )
        )

    def _trade_spread(self, one: Strategy) -> None:
        """Sell the near option behind its hedge; now and then get out of what is held, whole or half, or on its way."""
        held = [
            self._judge.held(one.name, key_of_scope(exchange.value, symbol, product))
            for exchange, symbol, product in one.places
        ]
        if any(held) or any(order.is_live for order in self._judge.of_strategy(one.name)):
            if self._chance.random() < self.manners.flatten_share:
                self._flatten(one)
            return
        quantity = self._lot(NEAR[1]) * self._chance.randint(1, 5)
        self._send_basket(one, [(FAR[1], Side.BUY, quantity), (NEAR[1], Side.SELL, quantity)], Pace.SEQUENTIAL)

    def _send(self, command: OrderCommand) -> None:
        desk = self.desk
        if desk is None:
            self._unanswered.append(command)
            return
        judge = self._judge
        self.orders += 1
        judge.commands.setdefault(remarks_tag_of(command), command)
        judge.submitted_s.setdefault(command.command_id, self._scheduler.clock.seconds)
        caller = Caller(command.command_id, judge.life, about="the order", judge=judge)
        judge.callers.append(caller)
        judge.rules.see_exit_asked(command)
        self._unanswered.append(command)
        known = self._strategy(command.strategy).known
        known.append(command)
        del known[:-12]

        def heard(answer: Any) -> None:  # noqa: ANN401  an answer
            if command in self._unanswered:
                self._unanswered.remove(command)
            judge.rules.see_answer(command, answer)
            if isinstance(answer, OrderAnswered):
                self._strategy(command.strategy).tell(answer)

        caller.on_answer = heard
        desk.send(command, caller)

    def _strategy(self, name: str) -> Strategy:
        return next(one for one in self.strategies if one.name == name)

    def _repeat(self, one: Strategy) -> None:
        """Ask the same again: after an answer, or long before."""
        if one.known:
            self._send(self._chance.choice(one.known))

    def _change(self, one: Strategy, kind: ChangeKind) -> None:
        if not one.known or self.desk is None:
            return
        command = self._chance.choice(one.known[-3:])
        terms: dict[str, Any] = {}
        if kind is ChangeKind.MODIFY:
            lot = self._lot(command.symbol)
            terms["quantity"] = max(lot, command.quantity + lot * self._chance.randint(-3, 6))
            if command.price is not None:
                terms["price"] = self._price((command.exchange.value, command.symbol), command.side, 2)
        self._count += 1
        change = ChangeCommand(
            change_id=f"c{self._count}", client_id=CLIENT, command_id=command.command_id, kind=kind, **terms
        )
        self._ask_for(self.desk, change)

    def _ask_for(self, desk: Desk, change: ChangeCommand) -> None:
        """Ask for a change, and maybe again and again: each time as soon as it was answered."""
        caller = Caller(change.change_id, self._judge.life, about="the change", judge=self._judge)
        self._judge.callers.append(caller)
        if self._again.random() < self.manners.change_again_share:
            caller.on_answer = lambda _: self._ask_for(desk, change)
        self._submit_change(desk, change, caller)

    @staticmethod
    def _submit_change(desk: Desk, change: ChangeCommand, caller: Caller) -> None:
        post(desk._wiring.command, ChangeOrder(command=change, reply_to=caller))

    def _cancel(self, one: Strategy) -> None:
        self._change(one, ChangeKind.CANCEL)

    def _modify(self, one: Strategy) -> None:
        self._change(one, ChangeKind.MODIFY)

    def _basket(self, one: Strategy) -> None:
        """Two legs that belong together."""
        if self.desk is None:
            return
        _, symbol, _ = one.position_key
        lot = self._lot(symbol)
        self._send_basket(one, [(symbol, one.side, lot * self._chance.randint(1, 5)) for _ in range(2)])

    def _send_basket(self, one: Strategy, wanted: list[tuple[str, Side, int]], pace: Pace | None = None) -> None:
        exchange, _, product = one.position_key
        desk = self.desk
        if desk is None:
            return
        legs = []
        for symbol, side, quantity in wanted:
            name = self._name()
            legs.append(
                OrderCommand(
                    command_id=name,
                    client_id=CLIENT,
                    strategy=one.name,
                    intent=Intent.ENTRY,
                    exchange=exchange,
                    symbol=symbol,
                    side=side,
                    quantity=quantity,
                    product=product,
                    order_type=OrderType.LIMIT,
                    price=self._price((exchange.value, symbol), side, 8),
                )
            )
            self._judge.basket_legs.add(name)
            self._judge.commands[remarks_tag_of(legs[-1])] = legs[-1]
        basket = Basket(
            basket_id=self._name(),
            strategy=one.name,
            legs=tuple(legs),
            pace=pace or self._chance.choice((Pace.SEQUENTIAL, Pace.TOGETHER)),
            on_failure=self._chance.choice((OnFailure.STOP, OnFailure.COMPENSATE)),
            leg_wait_s=3.0,
        )
        caller = Caller(basket.basket_id, self._judge.life, about="the basket", judge=self._judge)
        self._judge.callers.append(caller)
        post(desk._wiring.baskets, SubmitBasket(basket=basket, reply_to=caller))

    # others, and a person

    def _phone(self, one: Strategy) -> None:
        exchange, symbol, product = one.position_key
        self._judge.phone_traded = True
        letter = key_of_scope(exchange.value, symbol, product)
        side, lots = self._chance.choice((Side.BUY, Side.SELL)), 2
        away = 0
        if self.manners.phone_rest_share:
            lots = self._chance.randint(1, 4)
            away = self._chance.randint(1, 12) if self._chance.random() < self.manners.phone_rest_share else 0
        self._ledger.phone(letter, side, self._lot(symbol) * lots, ticks_away=away)

    def _cancel_by_phone(self, one: Strategy) -> None:
        alive = [order for order in self._judge.of_strategy(one.name) if order.is_live]
        if alive:
            self._ledger.cancel(self._chance.choice(alive).number)

    def _ask(self, ask: Callable[[Desk], Answer]) -> Answer | None:
        """Let the person ask the desk one thing at a time; a desk that is too slow is left alone."""
        if self.busy or self.desk is None:
            return None
        self.busy = True
        try:
            return ask(self.desk)
        except DeskUnavailableError:
            return None
        finally:
            self.busy = False

    def _halt(self, one: Strategy) -> None:
        del one
        state = self._chance.choice((TradingState.HALTED, TradingState.EXITS_ONLY))
        now = self._ask(lambda desk: desk.set_trading_state(state, "a person"))
        if now is not None:
            self._judge.entries_stopped_s = self._scheduler.clock.seconds
            self._judge.see_halt(stored=now.stored)
            self._scheduler.after(self._chance.random() * 12, self._resume)

    def _resume(self) -> None:
        self._judge.entries_stopped_s = None
        if self._ask(lambda desk: desk.set_trading_state(TradingState.ACTIVE, "a person", force=True)) is None:
            self._scheduler.after(0.5, self._resume)

    def settle_what_nobody_knows(self) -> None:
        """Let the person look at the broker, and say what became of an order of a past day."""
        readiness = self._ask(lambda desk: desk.readiness())
        for one in readiness.breaks if readiness is not None else ():
            if one.kind is not BreakKind.PAST or self.desk is None:
                continue
            name = one.name.removeprefix(PAST_PREFIX)
            command = next(each for each in self._judge.commands.values() if each.command_id == name)
            there = self._ledger.by_tag.get(remarks_tag_of(command), [])
            truth = Resolution(
                placed=bool(there) and there[0].filled == there[0].quantity,
                reason="seen at the broker",
                broker_order_id=there[0].number if there else None,
                filled_quantity=there[0].filled if there else 0,
                average_price=there[0].average if there else None,
            )
            caller = Caller(name, self._judge.life, about="the resolution of", judge=self._judge)
            self._judge.callers.append(caller)
            post(self.desk._wiring.command, ResolveOrder(command_id=name, resolution=truth, reply_to=caller))

    def _flatten(self, one: Strategy) -> None:
        position_keys = self._ask(lambda desk: desk.flatten("a person", one.name))
        if not self._ask(lambda desk: desk.is_stored()):
            return  # told so: a restart does not know of it
        for position_key in position_keys or ():
            place = (
                one.name,
                key_of_scope(position_key.key.exchange.value, position_key.key.symbol, position_key.key.product),
            )
            if not self._judge.is_out(*place):
                self._judge.to_be_flat.add(place)
                self._judge.rules.see_wish(place, "flatten")

    def _protect(self, one: Strategy) -> None:
        exchange, symbol, product = one.position_key
        if self.desk is None or not one.held:
            return
        last = self._ledger.prices[exchange.value, symbol]
        sign = 1 if one.held > 0 else -1
        position_key = PositionKey(one.name, InstrumentKey(exchange, symbol, product))
        level = last - sign * TICK * self._chance.randint(5, 40)
        terms = StopTerms(stop_loss=level)
        place = (one.name, key_of_scope(exchange.value, symbol, product))
        self._judge.stops_of_people.setdefault(place, []).append(level)
        caller = Caller(one.name, self._judge.life, about="the stops of", judge=self._judge)
        self._judge.callers.append(caller)
        post(
            self.desk._wiring.exits,
            SetStops(position_key=position_key, terms=terms, reason="a person", reply_to=caller),
        )


def key_of_scope(exchange: str, symbol: str, product: Product) -> tuple[str, str, str]:
    """Return the exchange's key of a scope."""
    return exchange, symbol, {Product.MIS: "I", Product.NRML: "M", Product.CNC: "C"}[product]
