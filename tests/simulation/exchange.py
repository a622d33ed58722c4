"""An exchange and a broker's back office, written from the rules alone: the truth that the desk is judged by.

It shares nothing with the paper broker but the port's types. What it did stands in its ledger and is never wrong; what
it tells of it may be late, lost, doubled or stale (`port.py`).
"""

import random
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from typing import Final

from domain.broker.snapshots import BrokerStatus, OrderRow, OrderUpdate, PositionRow, ReportType, TradeRow
from domain.orders.types import Side
from tests.simulation.back_office import BackOffice, Checks
from tests.simulation.contracts import TICK, Contracts, Customs, Place
from tests.simulation.scheduler import Scheduler

CARRIED: Final = frozenset({"M"})
"""Delivery is no position of the next day: it lies in the demat then, or is gone from it."""
INTRADAY: Final = "I"
KEPT_PRICES: Final = 400
"""The prices of the last fifty seconds where they move eight times a second: rules look back for half a minute."""
PRICE_TOLD_S: Final = 0.25
LIVE: Final = frozenset({BrokerStatus.PENDING, BrokerStatus.OPEN, BrokerStatus.TRIGGER_PENDING})
Key = tuple[str, str, str]
"""Exchange, symbol and the broker's letter of the product."""


@dataclass(slots=True)
class Fill:
    """A trade: so many units at a price."""

    fill_id: str
    quantity: int
    price: Decimal
    at: datetime


@dataclass(slots=True)
class Placed:
    """An order as the exchange has it."""

    number: str
    tag: str
    key: Key
    side: Side
    quantity: int
    price: Decimal
    trigger: Decimal | None
    day: str
    source: str
    status: BrokerStatus
    entered_at: datetime
    accepted_s: float
    changed_s: float = 0.0
    filled: int = 0
    fills: list[Fill] = field(default_factory=list)
    reason: str = ""
    holds: bool = False
    """Nothing trades it for now."""
    hidden_until_s: float = -1.0
    """Until then the broker's order book has no row for it."""

    @property
    def is_live(self) -> bool:
        return self.status in LIVE

    @property
    def open_quantity(self) -> int:
        return self.quantity - self.filled if self.is_live else 0

    @property
    def average(self) -> Decimal | None:
        if not self.filled:
            return None
        return sum((one.price * one.quantity for one in self.fills), Decimal(0)) / self.filled


@dataclass(frozen=True, slots=True)
class Habits:
    """How the market behaves in a story: shares of orders, and seconds."""

    fill_share: float = 0.9
    fill_s_max: float = 0.6
    partial_share: float = 0.2
    reject_later_share: float = 0.0
    fill_after_cancel_share: float = 0.0
    cancel_s_max: float = 0.2
    cancel_refused_share: float = 0.0
    walk_ticks: int = 4
    drift_ticks: int = 0
    """How far a day's prices go one way at each step, beside what they walk."""
    rest_share: float = 0.0
    """Orders that nobody trades with, whatever the price, until they are changed."""
    hide_share: float = 0.0
    """Orders that trade at once and that the order book lacks for a while; the trade book and the positions do not."""
    hide_s_max: float = 12.0
    tags_trades: bool = True
    """Whether the trade book carries the tags of orders; not every deployment's does."""
    tells_profit: bool = False
    """Whether positions carry the profit and loss they have made."""


class Ledger:
    """Owns every order that ever arrived, all that traded, prices, and what the account holds."""

    def __init__(
        self,
        scheduler: Scheduler,
        seed: int,
        habits: Habits,
        customs: Customs = Customs(),  # noqa: B008  frozen
        checks: Checks = Checks(),  # noqa: B008  frozen
    ) -> None:
        self._scheduler = scheduler
        self._chance = random.Random(f"{seed} market")  # noqa: S311  a seed has to bring the same again
        self.habits = habits
        self.contracts = Contracts(customs, random.Random(f"{seed} contracts"))  # noqa: S311  as above
        self.prices: dict[Place, Decimal] = {place: Decimal(100) for place in self.contracts.today}
        self.seen: dict[Place, deque[tuple[float, Decimal]]] = {}
        self.ever: dict[Place, set[Decimal]] = {place: {price} for place, price in self.prices.items()}
        """Each price there has ever been."""
        self.spent: dict[Key, Decimal] = {}
        self.orders: dict[str, Placed] = {}
        self.today: list[Placed] = []
        self.by_tag: dict[str, list[Placed]] = {}
        self.carried: dict[Key, int] = {}
        self.net: dict[Key, int] = {}
        self.back_office = BackOffice(checks, self)
        self._drift = 0
        self.day = ""
        self.is_open = True
        self.quiet = False
        self.trades = 0
        self.tell: Callable[[OrderUpdate], None] = lambda _: None
        self.on_fill: Callable[[Placed], None] = lambda _: None
        self.on_late_fill: Callable[[Placed], None] = lambda _: None
        self.lines: list[str] = []

    # days

    def begin_day(self, day: str) -> None:
        """Empty the books; what is carried stays."""
        self.day, self.is_open = day, True
        self.today = []
        self.contracts.begin_day(self.prices)
        self.back_office.settle_delivery()
        held = {key: units for key, units in self.net.items() if key[2] in CARRIED and units}
        heirs = self.contracts.heirs
        renamed = {(*heirs.get(key[:2], key[:2]), key[2]): units for key, units in held.items()}
        self.carried = {key: units for key, units in renamed.items() if key[:2] in self.prices}
        self.net = dict(self.carried)
        self.spent = {key: units * self.prices[key[:2]] for key, units in self.carried.items()}
        if self.habits.drift_ticks:
            self._drift = self._chance.choice((-1, 1)) * self.habits.drift_ticks

    def end_day(self) -> None:
        """Square off what may not be carried, and let every order of the day end."""
        for order in list(self.today):
            if order.is_live:
                self._end(order, BrokerStatus.CANCELED, "", ReportType.CANCELED)
        for key, units in list(self.net.items()):
            if units and key[2] == INTRADAY:
                self.phone(key, Side.SELL if units > 0 else Side.BUY, abs(units), source="AUTO")
        self.is_open = False

    def walk(self) -> None:
        """Let prices move, and see what that trades."""
        customs = self.contracts.customs
        for place in self.prices:
            step = self._drift + self._chance.randint(-self.habits.walk_ticks, self.habits.walk_ticks)
            low, high = Decimal(60), Decimal(140)
            if customs.band_rupees or customs.band_narrows:
                low, high = self.contracts.band_of(place)
            self.prices[place] = min(max(self.prices[place] + TICK * step, low), high)
            self.contracts.touch(place, self.prices[place])
            self.note_price(place)
        for order in self.today:
            if order.is_live and not order.holds:
                self._trigger(order)
                if self._is_marketable(order) and self._chance.random() < self.habits.fill_share:
                    self._trade(order)

    # requests

    def place(
        self,
        key: Key,
        side: Side,
        quantity: int,
        price: Decimal,
        trigger: Decimal | None,
        tag: str,
        source: str = "API",
    ) -> Placed:
        """Take an order: from here on it exists."""
        now = self._scheduler.clock.true_now()
        order = Placed(
            number=f"{self.day.replace('-', '')[2:]}{len(self.orders) + 1:08}",
            tag=tag,
            key=key,
            side=side,
            quantity=quantity,
            price=price,
            trigger=trigger,
            day=self.day,
            source=source,
            status=BrokerStatus.TRIGGER_PENDING if trigger is not None else BrokerStatus.OPEN,
            entered_at=now,
            accepted_s=self._scheduler.clock.seconds,
        )
        self.orders[order.number] = order
        self.today.append(order)
        if tag:
            self.by_tag.setdefault(tag, []).append(order)
        self._note(f"takes {order.number} {side} {quantity} {key[1]} at {price} ({tag or source})")
        if not self.is_open:
            self._end(order, BrokerStatus.REJECTED, "market is closed", ReportType.REJECTED)
            return order
        low, high = self.contracts.band_of(key[:2])
        if not low <= price <= high:
            self._end(order, BrokerStatus.REJECTED, f"17070 : price is outside {low} to {high}", ReportType.REJECTED)
            return order
        self._mark(order)
        self._say(order, ReportType.NEW)
        if order.hidden_until_s > 0:
            self._fill(order, order.quantity)
            return order
        if self._chance.random() < self.habits.reject_later_share and not self.quiet:
            self._scheduler.after(self._chance.random() * 1.2, lambda: self._reject(order))
        elif trigger is None:
            self._look_later(order)
        return order

    def _mark(self, order: Placed) -> None:
        """Let nobody trade with it, or the order book lack it, where the story has such orders."""
        habits = self.habits
        if self.quiet or not order.tag:
            return
        if habits.rest_share and self._chance.random() < habits.rest_share:
            order.holds = True
        hides = bool(habits.hide_share) and self._chance.random() < habits.hide_share
        if hides and self._is_marketable(order):
            order.hidden_until_s = self._scheduler.clock.seconds + self._chance.random() * habits.hide_s_max

    def cancel(self, number: str) -> str:
        """Take the request to cancel; return the refusal, or an empty text."""
        order = self.orders.get(number)
        if order is None or not order.is_live:
            return "order is not open"
        delay = self._chance.random() * self.habits.cancel_s_max
        refused = self._chance.random() < self.habits.cancel_refused_share and not self.quiet
        self._scheduler.after(delay, lambda: self._cancel(order, refused=refused))
        return ""

    def modify(self, number: str, quantity: int, price: Decimal, trigger: Decimal | None) -> str:
        """Take new terms; return the refusal, or an empty text."""
        order = self.orders.get(number)
        if order is None or not order.is_live:
            return "order is not open"
        delay = self._chance.random() * self.habits.cancel_s_max
        refused = self._chance.random() < self.habits.cancel_refused_share and not self.quiet
        self._scheduler.after(delay, lambda: self._replace(order, (quantity, price, trigger), refused=refused))
        return ""

    def phone(self, key: Key, side: Side, quantity: int, source: str = "MOB", ticks_away: int = 0) -> Placed:
        """Trade from the phone: at once, at any price; or rest in the market, so many ticks away."""
        price = self.prices[key[:2]] - ticks_away * TICK * side.sign
        order = self.place(key, side, quantity, price, None, "", source)
        if order.is_live and not ticks_away:
            self._fill(order, order.open_quantity)
        return order

    # what happens to orders

    def _look_later(self, order: Placed) -> None:
        self._scheduler.after(self._chance.random() * self.habits.fill_s_max, lambda: self._look(order))

    def _look(self, order: Placed) -> None:
        if order.is_live and not order.holds and self._is_marketable(order):
            if self._chance.random() < self.habits.fill_share:
                self._trade(order)
            if order.is_live:
                self._look_later(order)

    def _is_marketable(self, order: Placed) -> bool:
        if order.status is not BrokerStatus.OPEN or not self.is_open:
            return False
        last = self.prices[order.key[:2]]
        return order.price >= last if order.side is Side.BUY else order.price <= last

    def _trigger(self, order: Placed) -> None:
        if order.status is BrokerStatus.TRIGGER_PENDING and order.trigger is not None:
            last = self.prices[order.key[:2]]
            if (last - order.trigger) * order.side.sign >= 0:
                order.status = BrokerStatus.OPEN
                self._say(order, ReportType.NEW)

    def _trade(self, order: Placed) -> None:
        lot = self.contracts.today[order.key[:2]].lot
        units = order.open_quantity
        if units > lot and self._chance.random() < self.habits.partial_share:
            units = lot * self._chance.randint(1, units // lot - 1)
        self._fill(order, units)

    def _fill(self, order: Placed, units: int) -> None:
        self.trades += 1
        now = self._scheduler.clock.true_now()
        order.fills.append(Fill(str(self.trades), units, self.prices[order.key[:2]], now))
        order.filled += units
        if order.filled == order.quantity:
            order.status = BrokerStatus.COMPLETE
        signed = units * order.side.sign
        self.net[order.key] = self.net.get(order.key, 0) + signed
        self.spent[order.key] = self.spent.get(order.key, Decimal(0)) + signed * self.prices[order.key[:2]]
        self._note(f"trades {units} of {order.number} ({order.filled} of {order.quantity})")
        self.on_fill(order)
        self._say(order, ReportType.FILL)

    def _reject(self, order: Placed) -> None:
        if order.is_live and not order.filled:
            self._end(order, BrokerStatus.REJECTED, "RMS:margin exceeds", ReportType.REJECTED)

    def _cancel(self, order: Placed, *, refused: bool) -> None:
        if not order.is_live or refused:
            self._say(order, ReportType.CANCEL_REJECTED)
            return
        self._end(order, BrokerStatus.CANCELED, "", ReportType.CANCELED)
        if self._chance.random() < self.habits.fill_after_cancel_share and not self.quiet:
            self._scheduler.after(self._chance.random(), lambda: self._fill_late(order))

    def _fill_late(self, order: Placed) -> None:
        """Trade an order after its cancel was told: the exchange's truth came late to the broker."""
        left = order.quantity - order.filled
        if order.status is BrokerStatus.CANCELED and left and order.day == self.day:
            lot = self.contracts.today[order.key[:2]].lot
            self.on_late_fill(order)
            self._fill(order, left if self._chance.random() < 0.5 else lot * self._chance.randint(1, left // lot))
            if order.filled < order.quantity:
                order.status = BrokerStatus.CANCELED

    def _replace(self, order: Placed, terms: tuple[int, Decimal, Decimal | None], *, refused: bool) -> None:
        quantity, price, trigger = terms
        if not order.is_live or refused or quantity <= order.filled:
            self._say(order, ReportType.REPLACE_REJECTED)
            return
        order.quantity, order.price, order.holds = quantity, price, False
        if order.status is BrokerStatus.TRIGGER_PENDING:
            order.trigger = trigger
        order.entered_at = self._scheduler.clock.true_now()
        order.changed_s = self._scheduler.clock.seconds
        self._note(f"changes {order.number} to {quantity} at {price}")
        self._say(order, ReportType.REPLACED)
        self._look_later(order)

    def _end(self, order: Placed, status: BrokerStatus, reason: str, report: ReportType) -> None:
        order.status, order.reason = status, reason
        order.changed_s = self._scheduler.clock.seconds
        self._note(f"ends {order.number} {status} {reason}")
        self._say(order, report)

    def _say(self, order: Placed, report: ReportType) -> None:
        self.tell(OrderUpdate(report, row_of(order), self._scheduler.clock.true_now()))

    def _note(self, line: str) -> None:
        self.lines.append(f"{self._scheduler.clock.seconds:.6f} {line}")

    # the books as they truly are

    def order_rows(self) -> tuple[OrderRow, ...]:
        now = self._scheduler.clock.seconds
        return tuple(row_of(one) for one in self.today if self.quiet or one.hidden_until_s <= now)

    def trade_rows(self) -> tuple[TradeRow, ...]:
        return tuple(
            TradeRow(
                broker_order_id=one.number,
                fill_id=fill.fill_id,
                exchange=one.key[0],
                symbol=one.key[1],
                side=one.side,
                quantity=fill.quantity,
                price=fill.price,
                remarks=one.tag if self.habits.tags_trades else "",
                traded_at=fill.at.strftime("%d-%m-%Y %H:%M:%S"),
            )
            for one in self.today
            for fill in one.fills
        )

    def position_rows(self) -> tuple[PositionRow, ...]:
        return tuple(
            PositionRow(
                exchange=key[0],
                symbol=key[1],
                product=key[2],
                net_quantity=units,
                carried_quantity=self.carried.get(key, 0),
                net_average_price=self.prices[key[:2]],
                last_price=self.prices[key[:2]],
                realised=Decimal(0),
                unrealised=self.profit_of(key) if self.habits.tells_profit else Decimal(0),
                token=self.contracts.today[key[:2]].token,
                tick=self.contracts.today[key[:2]].tick,
                lot=self.contracts.today[key[:2]].lot,
            )
            for key, units in self.net.items()
        )

    def profit_of(self, key: Key) -> Decimal:
        """Return what the position has made today, at the price of now."""
        return self.net.get(key, 0) * self.prices[key[:2]] - self.spent.get(key, Decimal(0))

    # prices as they truly were

    def note_price(self, place: Place) -> None:
        self.ever.setdefault(place, set()).add(self.prices[place])
        self.seen.setdefault(place, deque(maxlen=KEPT_PRICES)).append(
            (self._scheduler.clock.seconds, self.prices[place])
        )

    def range_of(self, place: Place, since_s: float) -> tuple[Decimal, Decimal]:
        """Return the lowest and highest true price since this second."""
        prices = [price for at_s, price in self.seen.get(place, ()) if at_s >= since_s - PRICE_TOLD_S]
        prices.append(self.prices[place])
        return min(prices), max(prices)

    def is_gone(self, place: Place) -> bool:
        """Say whether the contract has ended, or bears another name today."""
        return place in self.contracts.gone


def row_of(order: Placed) -> OrderRow:
    """Return an order as a book shows it."""
    return OrderRow(
        broker_order_id=order.number,
        status=order.status,
        status_text=order.status.value,
        remarks=order.tag,
        exchange=order.key[0],
        symbol=order.key[1],
        side=order.side,
        product=order.key[2],
        quantity=order.quantity,
        filled_quantity=order.filled,
        average_price=order.average,
        reject_reason=order.reason,
        price=order.price,
        trigger_price=order.trigger,
        price_type="SL-LMT" if order.trigger is not None else "LMT",
        source=order.source,
        entered_at=order.entered_at,
    )
