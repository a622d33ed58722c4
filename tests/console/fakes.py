"""A desk of a few lines that behaves: it keeps orders, repeats outcomes, and can be told what to answer."""

from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any, Final

from actors.desk_interface import Status
from actors.messages.baskets import BasketAnswered
from actors.messages.books import AcceptanceUndone, PositionsRead
from actors.messages.orders import OrderAnswered, OrderDeclined
from actors.messages.stops import StopsAnswered
from domain.alerts.alert import AlertRecord, ChannelState
from domain.baskets import Basket, BasketRecord, BasketState
from domain.blocker import Blocker
from domain.broker.session import SessionState
from domain.broker.snapshots import Book
from domain.exits.flatten import PositionKey
from domain.exits.stops import ArmedStop
from domain.market.watching import Unwatched
from domain.orders.change_command import ChangeCommand
from domain.orders.command import OrderCommand
from domain.orders.lifecycle import Event
from domain.orders.order import JournalLine, Order, OrderEvent
from domain.orders.reasons import Reason, explain
from domain.orders.reference import is_named
from domain.orders.resolution import Resolution
from domain.orders.stop_terms import StopTerms
from domain.orders.types import Exchange, InstrumentKey, Product
from domain.ports import IST
from domain.positions.pnl import Pnl, PnlRow
from domain.read_models import (
    AlarmsAcknowledged,
    AlertsNow,
    BasketsNow,
    BrokerState,
    ExitsNow,
    Holdings,
    PnlNow,
    Readiness,
    StopsNow,
    Timeline,
    TradingStateNow,
    WatchState,
)
from domain.reconciliation.breaks import Break
from domain.reconciliation.write_off import Difference
from domain.risk.checks import TradingState
from domain.risk.loss_limit import RiskDay
from storage.rows import CHANGING_COLUMNS, changing_values

TEN_O_CLOCK: Final = datetime(2026, 10, 5, 10, 0, 0, tzinfo=IST)
SENT: Final = OrderEvent(kind=Event.SENT, limit_price=Decimal("2461.60"), inputs={"held": "0", "last_price": "2450.35"})
ACCEPTED: Final = OrderEvent(kind=Event.ACCEPTED, broker_order_id="26100500000001")
FILLED: Final = OrderEvent(kind=Event.FILLED, filled_quantity=10, average_price=Decimal("2450.35"))
LOST: Final = OrderEvent(kind=Event.REPLY_LOST, tag=Reason.REPLY_LOST, note="no answer within 7 s")
REFUSED: Final = OrderEvent(kind=Event.REFUSED, tag=Reason.BROKER_REFUSED, note="RED:Margin Shortfall")


def blocked(reason: Reason, note: str = "") -> OrderEvent:
    """Return the event of an order that the desk blocked."""
    return OrderEvent(kind=Event.BLOCKED, tag=reason, note=note or explain(reason), inputs={"trading_state": "HALTED"})


def order_of(**changes: object) -> OrderCommand:
    given: dict[str, Any] = {
        "command_id": "manual.0123456789abcdef",
        "client_id": "PAPER",
        "strategy": "manual",
        "intent": "ENTRY",
        "exchange": "NSE",
        "symbol": "RELIANCE-EQ",
        "side": "BUY",
        "quantity": 10,
        "product": "MIS",
        "order_type": "MARKET",
    }
    return OrderCommand.parse(given | changes)


def lived(command: OrderCommand, *events: OrderEvent) -> Timeline:
    """Return an order to which these events happened, two milliseconds apart, and its journal."""
    order = Order(
        command=command,
        remarks_tag="SD0123456789",
        quantity=command.quantity,
        created_at=TEN_O_CLOCK,
        updated_at=TEN_O_CLOCK,
    )
    lines = [JournalLine(command.command_id, TEN_O_CLOCK, "REGISTERED", None, "CREATED", None, "", row_of(order), {})]
    for number, event in enumerate(events, start=1):
        at = TEN_O_CLOCK + timedelta(milliseconds=2 * number)
        before, order = order, order.after(event, at)
        changes = {name: value for name, value in row_of(order).items() if value != row_of(before)[name]}
        tag = order.tag.value if order.tag else None
        states = (before.state.value, order.state.value)
        lines.append(
            JournalLine(command.command_id, at, event.kind.value, *states, tag, order.note, changes, event.inputs)
        )
    return Timeline(order=order, lines=tuple(lines))


def row_of(order: Order) -> dict[str, object]:
    return dict(zip(CHANGING_COLUMNS, changing_values(order), strict=True))


class FakeDesk:
    """Owns a few orders and what to say next."""

    def __init__(self) -> None:
        self.begin_anew()

    def begin_anew(self) -> None:
        self.taken: dict[str, Timeline] = {}
        self.fate: tuple[OrderEvent, ...] = (SENT, ACCEPTED)
        self.declines: Reason | None = None
        self.is_silent = False
        self.blockers: tuple[Blocker, ...] = ()
        self.breaks: tuple[Break, ...] = ()
        self.changes: list[ChangeCommand] = []
        self.resolutions: list[tuple[str, Resolution]] = []
        self.change_answer: OrderAnswered | OrderDeclined | None = None
        self.logins = 0
        self.undone: Callable[[str], AcceptanceUndone] | None = None
        self.flattened: list[tuple[str, str | None]] = []
        self.seen_to_flat: list[tuple[tuple[PositionKey, ...], str]] = []
        self.under_way: list[dict[PositionKey, int]] = []
        self.stays: dict[PositionKey, int] = {}
        self.unwatched: tuple[Unwatched, ...] = ()
        self.channels: tuple[ChannelState, ...] = ()
        self.address_refused = ""
        self.stored = True
        self.protected: dict[PositionKey, ArmedStop] = {}
        self.knew: list[bool] = []
        self.told: list[AlertRecord] = []
        self.sent_baskets: list[BasketRecord] = []
        self.basket_ends: tuple[BasketState, str] | None = None
        self.written_off: list[tuple[PositionKey, str, bool]] = []
        self.reconciled: tuple[Difference, ...] | str = ()
        self.refuses_to_resume = ""
        self.trading = TradingStateNow(state=TradingState.ACTIVE, reason="", orders_today=3)
        self.account: PositionsRead | None = PositionsRead(book=Book((), TEN_O_CLOCK))

    def submit(self, command: OrderCommand, wait_s: float) -> OrderAnswered | OrderDeclined | None:
        del wait_s
        known = self.taken.get(command.command_id)
        if known is not None:
            return OrderAnswered(order=known.order, repeated=True)
        if self.declines is not None:
            return OrderDeclined(command_id=command.command_id, reason=self.declines, message=explain(self.declines))
        kept = self.taken[command.command_id] = lived(command, *self.fate)
        return None if self.is_silent else OrderAnswered(order=kept.order)

    def orders(
        self,
        limit: int,
        *,
        open_only: bool = False,
        reference: str | None = None,
        between: Callable[[], None] = lambda: None,
    ) -> tuple[Order, ...]:
        between()
        newest = [kept.order for kept in reversed(self.taken.values())]
        newest = [one for one in newest if reference is None or is_named(one, reference)]
        return tuple([order for order in newest if not (open_only and order.is_terminal)][:limit])

    def timeline(self, command_id: str) -> Timeline | None:
        return self.taken.get(command_id)

    def is_stored(self) -> bool:
        return self.stored

    def flatten(self, reason: str, strategy: str | None = None) -> tuple[PositionKey, ...]:
        self.flattened.append((reason, strategy))
        return tuple(self.under_way[0]) if self.under_way else ()

    def see_to_flat(self, position_keys: Sequence[PositionKey], reason: str) -> None:
        self.seen_to_flat.append((tuple(position_keys), reason))

    def exits(self) -> ExitsNow:
        return ExitsNow(under_way=self.under_way.pop(0) if self.under_way else {}, stays=self.stays)

    def stops(self) -> StopsNow:
        return StopsNow(armed=tuple((one, Decimal("1495.50"), 2.0) for one in self.protected.values()))

    def protect(self, position_key: PositionKey, terms: StopTerms | None, reason: str) -> StopsAnswered:
        del reason
        if position_key.key.symbol != "RELIANCE-EQ":
            return StopsAnswered(armed_stop=None, refused=f"nothing is held of {position_key}")
        if terms is None:
            self.protected.clear()
            return StopsAnswered(armed_stop=None)
        beware = "no price of today gets there" if terms.stop_loss == 1 else ""
        made = ArmedStop(
            stop_id="hand-1",
            position_key=position_key,
            terms=terms,
            is_long=True,
            entry_price=Decimal(1500),
            best_price=Decimal(1510),
            armed_at=TEN_O_CLOCK,
        )
        self.protected[position_key] = made
        return StopsAnswered(armed_stop=made, beware=beware)

    def holdings(self) -> Holdings:
        key = InstrumentKey(Exchange.NSE, "RELIANCE-EQ", Product.MIS)
        return Holdings(positions={"manual": {key: 10}})

    def broker_positions(self) -> PositionsRead | None:
        return self.account

    def submit_basket(self, basket: Basket, wait_s: float) -> BasketAnswered | None:
        del wait_s
        if self.basket_ends is None:
            return None
        state, message = self.basket_ends
        record = BasketRecord(basket=basket, state=state, message=message, asked_at=TEN_O_CLOCK)
        self.sent_baskets.append(record)
        return BasketAnswered(record=record)

    def baskets(self) -> BasketsNow:
        return BasketsNow(baskets=tuple(self.sent_baskets))

    def write_off(self, position_key: PositionKey, reason: str, *, force: bool = False) -> str:
        self.written_off.append((position_key, reason, force))
        return "" if force else "the broker shows +10 RELIANCE-EQ (MIS); get out of it, or say --force"

    def reconcile(self) -> tuple[Difference, ...] | str:
        return self.reconciled

    def alerts(self) -> AlertsNow:
        return AlertsNow(
            records=tuple(self.told),
            open=tuple(one.alert.topic for one in self.told),
            trouble="",
            channels=self.channels,
        )

    def acknowledge(self, topic: str | None) -> AlarmsAcknowledged:
        seen = tuple(one.alert.topic for one in self.told if topic in {None, one.alert.topic})
        self.told = [one for one in self.told if one.alert.topic not in seen]
        return AlarmsAcknowledged(topics=seen)

    def trading_state(self) -> TradingStateNow:
        return self.trading

    def pnl(self) -> PnlNow:
        key = InstrumentKey(Exchange.NSE, "RELIANCE-EQ", Product.MIS)
        row = PnlRow(PositionKey("manual", key), 10, Decimal("2450.35"), Decimal(0), Decimal("-120.50"))
        return PnlNow(
            rows=(row,),
            total=Pnl(Decimal(0), Decimal("-120.50")),
            account=Decimal("-130.00"),
            account_age_s=0.8,
            risk_day=RiskDay(day="2026-10-05"),
            level=Decimal(-5000),
        )

    def set_trading_state(self, state: TradingState, reason: str, *, force: bool = False) -> TradingStateNow:
        self.knew.append(force)
        if self.refuses_to_resume and not force:
            return replace(self.trading, refused=self.refuses_to_resume)
        self.trading = replace(self.trading, state=state, reason=reason)
        return self.trading

    def change(self, command: ChangeCommand, wait_s: float) -> OrderAnswered | OrderDeclined | None:
        del wait_s
        self.changes.append(command)
        return self.change_answer

    def resolve(self, command_id: str, resolution: Resolution) -> OrderAnswered | OrderDeclined | None:
        self.resolutions.append((command_id, resolution))
        return self.change_answer

    def accept(self, name: str, reason: str) -> Break | None:
        del reason
        return next((one for one in self.breaks if one.name == name), None)

    def undo_acceptance(self, name: str, reason: str) -> AcceptanceUndone | None:
        del reason
        return self.undone(name) if self.undone is not None else None

    def log_in(self) -> None:
        self.logins += 1

    def readiness(self) -> Readiness:
        return Readiness(blockers=self.blockers, in_flight=(), breaks=self.breaks)

    def status(self) -> Status:
        broker = BrokerState(
            session="logged in",
            session_state=SessionState.LOGGED_IN,
            waiting=0,
            placed=1,
            idle_s=1.5,
            address_refused=self.address_refused,
        )
        return Status(
            trading=self.trading,
            readiness=self.readiness(),
            broker=broker,
            watch=WatchState(book_asked_at=TEN_O_CLOCK),
            feed="logged in",
            exits=self.exits(),
            unwatched=self.unwatched,
            alerts=AlertsNow(records=(), open=(), trouble="", channels=self.channels),
        )
