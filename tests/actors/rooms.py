"""Actors without threads: built beside probes, told one message at a time."""

import queue
from dataclasses import replace
from decimal import Decimal
from typing import Any

from actors.command.actor import CommandActor, CommandLimits
from actors.exits.order_sender import OrderSender
from actors.messages.books import BooksReconciled
from actors.messages.broker import BrokerAnswered, ChangeAtBroker, PlaceOrder, SessionChanged
from actors.messages.changes import (
    ChangeOrder,
)
from actors.messages.desk import FindReadiness
from actors.messages.guard import AskForExposures, ExposureReserved, ReserveExposure
from actors.messages.market import OrderPriced, PriceOrder
from actors.messages.orders import OrderAnswered, OrderDeclined, SubmitOrder
from actors.messages.persistence import (
    EventIllegal,
    EventRecorded,
    EventUnrecorded,
    LookUpOrder,
    OrderLookedUp,
    OrderRegistered,
    RecordEvent,
    RegisterOrder,
)
from actors.messages.risk import CheckRisk, RiskApproved
from actors.runtime.actor import DeskActor
from domain.broker.reply_types import Accepted, ChangeReply, InstrumentReply, PlaceReply
from domain.broker.session import SessionState
from domain.market.calendar import Calendar
from domain.orders.change import ChangeKind
from domain.orders.change_command import ChangeCommand
from domain.orders.command import OrderCommand
from domain.orders.lifecycle import Event, IllegalTransitionError, State
from domain.orders.order import Order
from domain.orders.types import Intent, Side
from domain.read_models import Readiness
from tests.fakes import FakeClock, FakeIds, ManualTimer, Probe, command, instrument, mailboxes, runtime
from tests.fakes import order as an_order


def order_sender(command: Probe, caller: Probe | None = None) -> OrderSender:
    """Return what the exits' parts send their orders with."""
    own = mailboxes(command=command)
    return OrderSender(mail=own, runtime=runtime(FakeClock(), ids=FakeIds()), client_id="FA1", caller=caller or Probe())


def is_asked(guard: Probe) -> bool:
    """Say whether the exits wait for an answer of the guard, and take the question."""
    return any(isinstance(one, AskForExposures) and one.answers for one in guard.take())


class Busy(queue.SimpleQueue[Any]):
    """A mailbox in which something else always waits: whoever goes on when it is empty has to tell itself."""

    def empty(self) -> bool:
        return False


class ReadFrom(queue.SimpleQueue[Any]):
    """A mailbox that is empty when this probe is."""

    def __init__(self, mailbox: Probe) -> None:
        self._mailbox = mailbox

    def empty(self) -> bool:
        return not self._mailbox.messages

    def qsize(self) -> int:
        return len(self._mailbox.messages)


def own_mailbox(actor: DeskActor, *, is_busy: bool = True) -> Probe:
    """Let what the actor tells itself, now or through a timer, come to a probe; `is_busy`: more waits all the time."""
    mailbox = Probe()
    actor.actor_inbox = Busy() if is_busy else ReadFrom(mailbox)
    actor._actor_ref = mailbox  # type: ignore[assignment]
    return mailbox


def resolve(actor: DeskActor, mailbox: Probe) -> None:
    """Hand the actor what it told itself, until it has nothing more to say."""
    while mailbox.messages:
        actor.on_receive(mailbox.messages.pop(0))


class CommandRoom:
    """A CommandActor that is ready, with a probe at each of its doors. Plays the other actors' parts when asked to."""

    def __init__(
        self,
        *,
        orders_waiting_max: int = 1_000,
        books_unavailable_s_max: float = 5.0,
        silence_s_max: float = 3_600.0,
        ready: bool = True,
        calendar: Calendar | None = None,
    ) -> None:
        self.clock = FakeClock()
        self.timer = ManualTimer(self.clock)
        self.supervisor, self.repo, self.market, self.risk = Probe(), Probe(), Probe(), Probe()
        self.guard, self.broker, self.watcher, self.exits, self.notifier = (Probe() for _ in range(5))
        self.own = Probe()
        self.actor = CommandActor(
            mail=mailboxes(
                command=self.own,
                supervisor=self.supervisor,
                repo=self.repo,
                market=self.market,
                risk=self.risk,
                guard=self.guard,
                broker=self.broker,
                watcher=self.watcher,
                exits=self.exits,
                notifier=self.notifier,
            ),
            runtime=runtime(self.clock, timer=self.timer),
            limits=CommandLimits(orders_waiting_max, books_unavailable_s_max, silence_s_max),
            calendar=calendar,
        )
        self.orders: dict[str, Order] = {}
        self.changes_asked: set[tuple[str, str]] = set()
        if ready:
            self.tell(SessionChanged(state=SessionState.LOGGED_IN, message="logged in"))
            self.tell(BooksReconciled(reports=(), asked_at=self.clock.now()))

    def tell(self, message: Any) -> Any:  # noqa: ANN401  any message of the inbox
        """Hand the actor one message, and then what it told itself."""
        answer = self.actor.on_receive(message)
        resolve(self.actor, self.own)
        return answer

    def wait(self, seconds: float) -> None:
        """Let time pass, and what is due be told."""
        self.clock.advance(seconds)
        self.timer.fire_due()
        resolve(self.actor, self.own)

    def submit(self, command: OrderCommand) -> Probe:
        """Submit a command; return the address at which its answers come."""
        caller = Probe()
        self.tell(SubmitOrder(command=command, reply_to=caller))
        return caller

    @property
    def readiness(self) -> Readiness:
        found = self.actor.on_receive(FindReadiness())
        assert isinstance(found, Readiness)
        return found

    # The other actors' parts, one step each.

    def register(self) -> None:
        """Step 1, repository: store what was asked to be registered."""
        for message in _taken(self.repo, RegisterOrder):
            made = an_order(
                command=message.command, remarks_tag=message.remarks_tag, limit_price=None, created_at=self.clock.now()
            )
            self.orders[message.command.command_id] = made
            self.tell(OrderRegistered(order=made))

    def price(self, reply: InstrumentReply | None = None, last_price: Decimal | None = Decimal(100)) -> None:
        """Step 2, market: say what the exchange demands."""
        for message in _taken(self.market, PriceOrder):
            found = reply or instrument(exchange=message.exchange, symbol=message.symbol)
            priced = OrderPriced(
                about=message.about, command_id=message.command_id, instrument=found, last_price=last_price
            )
            self.tell(priced)

    def clear(self) -> None:
        """Step 2A: risk says yes."""
        for message in _taken(self.risk, CheckRisk):
            name, change = message.command.command_id, message.change_id
            self.tell(RiskApproved(command_id=name, change_id=change, inputs={"trading_state": "ACTIVE"}))

    def reserve(self, quantity: int | None = None) -> None:
        """Steps 2B and 2C: the guard says yes."""
        for message in _taken(self.guard, ReserveExposure):
            units = message.command.quantity if quantity is None else quantity
            self.tell(ExposureReserved(command_id=message.command.command_id, quantity=units, inputs={"held": "0"}))

    def record(self) -> None:
        """Steps 3 and 5, repository: write what was asked to be written."""
        for message in _taken(self.repo, RecordEvent):
            name = message.command_id
            before = self.orders[name]
            try:
                after = before.after(message.event, self.clock.now())
            except IllegalTransitionError as error:
                self.tell(EventIllegal(command_id=name, event=message.event, cause=str(error)))
                continue
            self.orders[name] = after
            if message.event.kind is Event.CHANGE_REQUESTED and message.event.change is not None:
                self.changes_asked.add((name, message.event.change.change_id))
            late, late_quantity = before.is_late(message.event), before.late_quantity(message.event)
            self.tell(EventRecorded(order=after, event=message.event, late=late, late_quantity=late_quantity))

    def fail_to_record(self, cause: str = "database is locked") -> None:
        """Steps 3 and 5, repository: the database takes nothing."""
        for message in _taken(self.repo, RecordEvent):
            facts = {name: getattr(message, name) for name in ("command_id", "event", "at")}
            self.tell(EventUnrecorded(**facts, cause=cause))

    def place(self, reply: PlaceReply | None = None) -> list[Order]:
        """Step 4, broker: answer what was asked to be placed; return it."""
        placed = [one.order for one in _taken(self.broker, PlaceOrder)]
        for one in placed:
            name = one.command.command_id
            self.tell(BrokerAnswered(command_id=name, reply=reply or Accepted(f"B-{name}")))
        return placed

    # The same for a change.

    def has(self, **fields: Any) -> Order:  # noqa: ANN401  any field of an order
        """Let the database have this order: WORKING at the broker, unless told otherwise."""
        made = an_order(**({"state": State.WORKING, "broker_order_id": "B1"} | fields))
        self.orders[made.command.command_id] = made
        return made

    def change(self, asked: ChangeCommand) -> Probe:
        """Ask for a change; return the address at which its answer comes."""
        caller = Probe()
        self.tell(ChangeOrder(command=asked, reply_to=caller))
        return caller

    def look_up(self) -> None:
        """Step 1, repository: say how the order stands, and whether the change's id was seen before."""
        for message in _taken(self.repo, LookUpOrder):
            name, change = message.command_id, "" if message.change is None else message.change.change_id
            told = OrderLookedUp(
                command_id=name,
                order=self.orders.get(name),
                about=message.about,
                change_id=change,
                outcome=Event.CHANGE_REQUESTED if (name, change) in self.changes_asked else None,
            )
            self.tell(told)

    def reserve_change(self, quantity: int | None = None) -> None:
        """Steps 2B and 2C: the guard says yes, to all of it or to this total."""
        for message in _taken(self.guard, ReserveExposure):
            name, change = message.command.command_id, message.change_id
            total = message.command.quantity if quantity is None else quantity
            held = ExposureReserved(command_id=name, change_id=change, quantity=total, inputs={"open": "10"})
            self.tell(held)

    def ask_broker_to(self, asked: ChangeCommand) -> Probe:
        """Lead a change through steps 1 to 3; it waits at the broker then."""
        caller = self.change(asked)
        self.look_up()
        if asked.kind is ChangeKind.MODIFY:
            self.price()
            self.clear()
            self.reserve_change()
        self.record()
        return caller

    def answer_change(self, reply: ChangeReply | None = None) -> list[ChangeAtBroker]:
        """Step 4, broker: answer what was asked to be changed; return it."""
        asked = _taken(self.broker, ChangeAtBroker)
        for one in asked:
            name, told = one.order.command.command_id, reply or Accepted(one.order.broker_order_id or "")
            self.tell(BrokerAnswered(command_id=name, change=one.change, reply=told))
        return asked

    def go_to_the_broker(self, command: OrderCommand) -> Probe:
        """Lead a command through steps 1 to 3; it waits at the broker then."""
        caller = self.submit(command)
        self.register()
        self.price()
        self.clear()
        self.reserve()
        self.record()
        return caller


def _taken(probe: Probe, kind: type[Any]) -> list[Any]:
    found = probe.of(kind)
    probe.messages = [one for one in probe.messages if not isinstance(one, kind)]
    return found


def answered(caller: Probe) -> Order:
    """Return the order of the caller's one answer."""
    return caller.only(OrderAnswered).order


def declined(caller: Probe) -> OrderDeclined:
    """Return the caller's one decline."""
    return caller.only(OrderDeclined)


def moved(order: Order, **changes: Any) -> Order:  # noqa: ANN401  any field of an order
    """Return the order with these fields changed."""
    return replace(order, **changes)


def recorded(room: CommandRoom) -> list[Event]:
    """Return the events that were asked to be written, oldest first."""
    return [one.event.kind for one in room.repo.of(RecordEvent)]


def way_out(**overrides: object) -> OrderCommand:
    """Return an exit that sells."""
    return command(**({"command_id": "x1", "intent": Intent.EXIT, "side": Side.SELL} | overrides))


def looked_up(found: Order) -> OrderLookedUp:
    """Return the repository's word that the command id of this order was seen before."""
    return OrderLookedUp(command_id=found.command.command_id, order=found)
