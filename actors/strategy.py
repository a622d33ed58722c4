"""StrategyActor: the base class of a user's strategy.

A strategy says `buy`, `sell` and `exit`, and hears `on_tick` and `on_order`. It runs in a thread of its own with a
mailbox of its own. One that raises, floods, or never returns hurts only itself: exceptions are caught and counted, its
orders are bounded in flight and per minute, and its ticks are dropped while its mailbox is full.
"""

from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from types import TracebackType
from typing import Any, Final, assert_never

from loguru import logger

from actors.messages.baskets import BasketAnswered, SubmitBasket
from actors.messages.books import PositionWrittenOff
from actors.messages.desk import ActorDied, JoinStrategy
from actors.messages.exits import Flatten
from actors.messages.inboxes import BasketsInbox, CommandInbox, ExitsInbox, MarketInbox, StrategyInbox
from actors.messages.market import PriceTicked, WatchPrice, WatchUnheard
from actors.messages.orders import OrderChanged, OrderDeclined, SubmitOrder
from actors.messages.risk import TradingStateChanged
from actors.runtime.actor import DeskActor
from actors.runtime.address import Address, post
from domain.baskets import LEG_WAIT_S, Basket, BasketRecord, OnFailure, Pace
from domain.broker.snapshots import Tick
from domain.exits.flatten import FlattenRequest, PositionKey
from domain.orders.command import OrderCommand
from domain.orders.order import Order, OrderEvent
from domain.orders.parsing import parse_word
from domain.orders.types import Exchange, InstrumentKey, Intent, Origin, Product, Side
from domain.orders.validation import InvalidOrderError
from domain.ports import Clock, Ids
from domain.risk.checks import TradingState
from domain.settings import StrategySettings
from domain.snapshot import DeskSnapshot

ERRORS_MAX: Final = 10
"""After so many exceptions in its hooks a strategy is stopped: it no longer hears ticks and can no longer order."""

MINUTE_S: Final = 60.0


@dataclass(frozen=True, slots=True)
class StrategyPorts:
    """What the desk gives every strategy: where to send, and where time and names come from."""

    supervisor: Address[ActorDied]
    command: Address[CommandInbox]
    market: Address[MarketInbox]
    exits: Address[ExitsInbox]
    baskets: Address[BasketsInbox]
    client_id: str
    clock: Clock
    ids: Ids
    snapshot: DeskSnapshot


class StrategyActor(DeskActor):
    """Subclass this. Owns what the strategy knows of its own orders and position.

    Override `on_start`, `on_tick`, `on_order` and, if needed, `on_declined`. Parameters of the `[[strategies]]` table
    come as keyword arguments of `__init__`, which must pass `ports` and `settings` on.
    """

    def __init__(self, ports: StrategyPorts, settings: StrategySettings) -> None:
        super().__init__(ports.supervisor)
        self.name = settings.name
        self._ports = ports
        self._settings = settings
        self._orders: dict[str, OrderCommand] = {}
        self._ordered_at: deque[float] = deque()
        self._counted: dict[str, int] = {}
        self._held: dict[InstrumentKey, int] = dict(ports.snapshot.positions.get(self.name, {}))
        self._errors = 0
        for order in ports.snapshot.orders:
            if order.command.strategy == self.name:
                self._keep(order)
        for position_key, units in ports.snapshot.written_off.items():
            if position_key.strategy == self.name:
                self._let_go(position_key.key, units)
        post(ports.command, JoinStrategy(strategy=self.name, address=self.actor_ref))

    # What a strategy overrides.

    def on_start(self) -> None:
        """Begin: the desk takes orders. Called once, in the strategy's own thread."""

    def on_tick(self, tick: Tick) -> None:
        """See a price of a watched symbol."""

    def on_order(self, order: Order, event: OrderEvent) -> None:
        """See one of this strategy's orders move."""

    def on_fill(self, order: Order, quantity: int) -> None:
        """See `quantity` more units of one of this strategy's orders trade; `on_order` is told the same."""

    def on_basket(self, record: BasketRecord) -> None:
        """See how one of this strategy's baskets ended."""

    def on_risk(self, state: TradingState, reason: str) -> None:
        """See what may be sent change: ACTIVE, EXITS_ONLY or HALTED."""

    def on_declined(self, declined: OrderDeclined) -> None:
        """See an order that the desk did not take; nothing was registered or sent."""

    def on_unwatched(self, exchange: str, symbol: str, why: str) -> None:
        """See that a watched symbol brings no prices so far; the desk goes on trying, and `on_tick` tells its end."""

    # What a strategy says.

    def watch(self, exchange: str, symbol: str) -> None:
        """Ask for every price of a symbol from now on; where none can come, `on_unwatched` is told and a person too."""
        where, own = parse_word(Exchange, "exchange", exchange), self.actor_ref
        watch = WatchPrice(exchange=where, symbol=symbol, subscriber=own, strategy=self.name, unheard=own)
        post(self._ports.market, watch)

    def buy(self, exchange: str, symbol: str, quantity: int, **terms: Any) -> str | None:  # noqa: ANN401  see _order
        """Enter long: see `_order` for the terms. Returns the command id, or None when it was not sent."""
        return self._order(Side.BUY, exchange, symbol, quantity, {"intent": Intent.ENTRY, **terms})

    def sell(self, exchange: str, symbol: str, quantity: int, **terms: Any) -> str | None:  # noqa: ANN401  see _order
        """Enter short: see `_order` for the terms. Returns the command id, or None when it was not sent."""
        return self._order(Side.SELL, exchange, symbol, quantity, {"intent": Intent.ENTRY, **terms})

    def exit(self, exchange: str, symbol: str, product: str = "MIS", **terms: Any) -> str | None:  # noqa: ANN401  see _order
        """Give up what this strategy holds of a symbol; None when it holds none, or an exit of it is under way.

        Of CNC it sells `quantity` shares out of the holdings, where that is given and it holds none: the broker judges.
        """
        key = InstrumentKey(parse_word(Exchange, "exchange", exchange), symbol, parse_word(Product, "product", product))
        held = self._held.get(key, 0)
        from_holdings = key.product.is_delivery and "quantity" in terms
        if (held == 0 and not from_holdings) or any(
            one.intent is Intent.EXIT and one.key == key for one in self._orders.values()
        ):
            return None
        side = Side.SELL if held > 0 or from_holdings else Side.BUY
        return self._order(side, exchange, symbol, abs(held), {"intent": Intent.EXIT, "product": product, **terms})

    def leg(self, side: str, exchange: str, symbol: str, quantity: int, **terms: Any) -> OrderCommand:  # noqa: ANN401  see _order
        """Return a leg for `basket`; the terms are those of `buy` and `sell`, `stop_loss` and the like among them."""
        return self._command(parse_word(Side, "side", side), exchange, symbol, quantity, {"intent": "ENTRY", **terms})

    def basket(
        self,
        *legs: OrderCommand,
        pace: str = "SEQUENTIAL",
        on_failure: str = "COMPENSATE",
        hedge_first: bool = True,
        leg_wait_s: float = LEG_WAIT_S,
        reason: str = "",
    ) -> str | None:
        """Enter with several orders that belong together; return the basket's id, or None at the strategy's bounds.

        SEQUENTIAL sends each leg when the one before has filled. When a leg fails, COMPENSATE makes flat what has
        filled, STOP keeps it and raises an alarm. How it ended comes to `on_basket`.
        """
        if not all(self._may_order(is_exit=False) for _ in legs):
            return None
        basket = Basket(
            basket_id=f"{self.name}.{self._ports.ids.new()}"[-64:],
            strategy=self.name,
            legs=legs,
            pace=parse_word(Pace, "pace", pace),
            on_failure=parse_word(OnFailure, "on_failure", on_failure),
            hedge_first=hedge_first,
            leg_wait_s=leg_wait_s,
            reason=reason,
        )
        for leg in legs:
            self._orders[leg.command_id] = leg
            self._ordered_at.append(self._ports.clock.monotonic())
        post(self._ports.baskets, SubmitBasket(basket=basket, reply_to=self.actor_ref))
        return basket.basket_id

    def exit_all(self, reason: str = "the strategy wants out") -> int:
        """See all that this strategy holds or works through to flat; return how many positions that is.

        The desk takes it from here: working orders are taken back, exits are sent until nothing is held, however long
        it takes and over a restart. What each of its orders becomes comes to `on_order` as ever.
        """
        held = {key for key, units in self._held.items() if units}
        keys = held | {one.key for one in self._orders.values()}
        requests = tuple(
            FlattenRequest(
                request_id=self._ports.ids.new(),
                position_key=PositionKey(self.name, key),
                reason=reason,
                origin=Origin.STRATEGY,
                asked_at=self._ports.clock.now(),
            )
            for key in keys
        )
        if requests:
            post(self._ports.exits, Flatten(requests=requests))
        return len(requests)

    def position(self, exchange: str, symbol: str, product: str = "MIS") -> int:
        """Return the signed units this strategy holds, from its fills."""
        key = InstrumentKey(parse_word(Exchange, "exchange", exchange), symbol, parse_word(Product, "product", product))
        return self._held.get(key, 0)

    def _order(self, side: Side, exchange: str, symbol: str, quantity: int, terms: dict[str, Any]) -> str | None:
        """Send one order. Terms: order_type (MARKET), product (MIS), price, trigger_price, stop_loss, target, ….

        Raises `InvalidOrderError` for an order that cannot be. Within its bounds a strategy sends at most
        `orders_in_flight_max` unfinished orders and `orders_per_minute_max`; beyond them nothing is sent.
        """
        if not self._may_order(is_exit=terms["intent"] is Intent.EXIT):
            return None
        command = self._command(side, exchange, symbol, quantity, terms)
        self._orders[command.command_id] = command
        self._ordered_at.append(self._ports.clock.monotonic())
        post(self._ports.command, SubmitOrder(command=command))
        return command.command_id

    def _command(self, side: Side, exchange: str, symbol: str, quantity: int, terms: dict[str, Any]) -> OrderCommand:
        given = {
            "command_id": f"{self.name}.{self._ports.ids.new()}"[-64:],
            "client_id": self._ports.client_id,
            "strategy": self.name,
            "side": side,
            "exchange": exchange,
            "symbol": symbol,
            "quantity": quantity,
            "order_type": "MARKET",
            "product": "MIS",
            **terms,
        }
        return OrderCommand.parse(given)

    def _may_order(self, *, is_exit: bool) -> bool:
        """Bound a flood: a strategy that has lost its mind must not take the desk with it."""
        now = self._ports.clock.monotonic()
        while self._ordered_at and now - self._ordered_at[0] > MINUTE_S:
            self._ordered_at.popleft()
        many = len(self._orders) >= self._settings.orders_in_flight_max
        often = len(self._ordered_at) >= self._settings.orders_per_minute_max
        if self._errors >= ERRORS_MAX or ((many or often) and not is_exit):
            logger.warning("{}: an order was not sent, the strategy is at its bounds", self.name)
            return False
        return True

    # How messages reach it, and how it ends.

    def on_failure(
        self,
        exception_type: type[BaseException] | None,
        exception_value: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        """End alone: the supervisor, who would end the desk, is not told."""
        died = logger.opt(exception=(exception_type, exception_value, traceback))
        died.critical("{} died; its positions stay as they are", self.name)

    def on_receive(self, message: StrategyInbox) -> None:
        """Keep the strategy's own books, then let it speak."""
        match message:
            case PriceTicked():
                self._run(lambda: self.on_tick(message.tick))
            case WatchUnheard():
                logger.warning("{}: no prices: {}", self.name, message.why)
                self._run(lambda: self.on_unwatched(message.exchange.value, message.symbol, message.why))
            case OrderChanged():
                grown, event = self._keep(message.order), message.event
                assert event is not None, "a strategy hears of changes alone"
                self._run(lambda: self.on_order(message.order, event))
                if grown:
                    self._run(lambda: self.on_fill(message.order, grown))
            case BasketAnswered():
                for leg in message.record.basket.legs:
                    if leg.command_id not in self._counted:
                        self._orders.pop(leg.command_id, None)
                self._run(lambda: self.on_basket(message.record))
            case PositionWrittenOff():
                self._let_go(message.write_off.position_key.key, message.write_off.units)
            case TradingStateChanged():
                self._run(lambda: self.on_risk(message.state, message.reason))
            case OrderDeclined():
                self._orders.pop(message.command_id, None)
                self._run(lambda: self.on_declined(message))
            case _:
                assert_never(message)

    def _keep(self, order: Order) -> int:
        """Take over what an order has become; return how many units more of it have traded."""
        name, key = order.command.command_id, order.command.key
        filled = order.filled_quantity * order.command.side.sign
        grown = filled - self._counted.get(name, 0)
        self._let_go(key, -grown)
        self._counted[name] = filled
        if order.is_terminal:
            self._orders.pop(name, None)
        else:
            self._orders[name] = order.command
        return abs(grown)

    def _let_go(self, key: InstrumentKey, units: int) -> None:
        """Hold so many units less; what is sold in delivery beyond a position came out of the holdings."""
        held = self._held.get(key, 0) - units
        self._held[key] = max(0, held) if key.product.is_delivery else held

    def _run(self, hook: Callable[[], None]) -> None:
        """Run the user's code; whatever it raises ends with it (an exit from the process too)."""
        if self._errors >= ERRORS_MAX:
            return
        try:
            hook()
        except InvalidOrderError as error:
            self._errors += 1
            logger.error("{}: {}", self.name, error)
        except BaseException:  # noqa: BLE001  a strategy's own end must not be the desk's
            self._errors += 1
            logger.exception("{} raised; it goes on", self.name)
        if self._errors >= ERRORS_MAX:
            logger.critical("{} failed {} times and is stopped; its positions stay as they are", self.name, ERRORS_MAX)
