"""Exits: keeps positions under their stops, and sees what somebody wants flat through to evidence that it is.

A clock asks the guard what is held, oftener while a flatten task is open (`domain/exits/flatten.py`). Each flatten task
says what follows: take orders back, or send the next exit. Both leave by the way of every other order. What an order's
answer was only says that the guard knows by now; it is never what is decided by. Stops (`actors/exits/stops.py`), the
time square-off, limits and people only say what is to be flat.
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace
from typing import Final, TypeAlias, TypeVar, assert_never

from loguru import logger

from actors.exits.broker_stops import BrokerStops, is_broker_stop
from actors.exits.entry_canceler import EntryCanceler
from actors.exits.openings import CarriedStops
from actors.exits.resting import RestingMarketOrders
from actors.exits.stops import Stops
from actors.messages.alerts import RaiseAlert
from actors.messages.baskets import StopBaskets, WayOutEnded
from actors.messages.books import PositionVanished, VanishingResolved
from actors.messages.changes import ChangeOrder
from actors.messages.exits import (
    ExitCut,
    ExitsNow,
    ExitsTick,
    FindExits,
    Flatten,
    FlattenAll,
    ResumeExits,
)
from actors.messages.guard import AskForExposures, ExposuresTold
from actors.messages.inboxes import (
    ExitsInbox,
)
from actors.messages.market import OrderPriced, PriceOrder, PriceQuestion, PriceTicked
from actors.messages.orders import OrderAnswered, OrderChanged, OrderDeclined, SubmitOrder
from actors.messages.persistence import Record
from actors.messages.stops import FindStops, SetStops, StopsNow, TakeUpStops
from actors.runtime.address import post
from actors.runtime.mailboxes import Mailboxes, Runtime
from actors.runtime.shared_thread import SharedThreadActor
from domain.alerts.alert import Alert
from domain.alerts.text.breaks import over_alert, vanished_alert
from domain.alerts.text.exits import exit_alert, exit_begins_alert, flat_alert, shares_missing_alert
from domain.alerts.text.leg_order import exit_order_alert
from domain.alerts.text.prices import odd_lot_alert
from domain.exits.flatten import (
    CancelOrders,
    EndedRequest,
    Exposure,
    Flat,
    FlattenEnd,
    FlattenRequest,
    FlattenTask,
    PositionKey,
    SendExit,
    SharesMissing,
    Wait,
    exit_price,
)
from domain.exits.leg_order import ExitOrder
from domain.exits.pricing import ExitShape
from domain.exits.square_off import SquareOff
from domain.market.calendar import Calendar
from domain.market.instrument import Instrument
from domain.orders.change import ChangeKind
from domain.orders.change_command import ChangeCommand
from domain.orders.command import OrderCommand
from domain.orders.order import Order, OrderEvent
from domain.orders.types import Intent, OrderType, Origin
from domain.orders.validation import InvalidOrderError
from domain.ports import trading_day
from domain.positions.delivery import is_refused_for_shares
from domain.settings import ExitSettings, StopSettings

_NAME_CHARACTERS: Final = 12
_NOTHING: Final = Exposure()

Word = TypeVar("Word")
After: TypeAlias = tuple[int, Word]
"""A word, and the last question to the guard that had left when it came."""


class ExitsActor(SharedThreadActor):
    """Owns the flatten tasks under way, which of their exits wait for a price, and the stops."""

    def __init__(
        self,
        *,
        mail: Mailboxes,
        runtime: Runtime,
        client_id: str,
        settings: ExitSettings,
        stops: StopSettings,
        square_off: SquareOff,
        calendar: Calendar | None,
    ) -> None:
        super().__init__(mail.supervisor)
        self._command = mail.command
        self._guard = mail.guard
        self._market = mail.market
        self._repo = mail.repo
        self._baskets = mail.baskets
        self._notifier = mail.notifier
        self._client_id = client_id
        self._settings = settings
        self._calendar = calendar
        self._clock = runtime.clock
        self._ids = runtime.ids
        self._timer = runtime.timer
        self._tasks: dict[PositionKey, FlattenTask] = {}
        self._over: set[PositionKey] = set()
        """Those whose contract is over, and which wait for the books to end it."""
        self._odd: dict[PositionKey, int] = {}
        """Signed units that are held, make no whole lot, and were told of."""
        self._ended: dict[PositionKey, EndedRequest] = {}
        """Ways out of `_ended_on`, a trading day, that the broker had no shares for; their positions are unchanged."""
        self._ended_on = ""
        self._unpriced: dict[str, tuple[FlattenTask, SendExit]] = {}
        self._question = 0
        self._all_flat: list[After[FlattenAll]] = []
        self._asked: list[After[SetStops]] = []
        self._cut: list[After[OrderCommand]] = []
        self._turn = 0
        self._idle_look_s = stops.look_s
        self._square_off = square_off
        self._carried = CarriedStops(mail=mail, runtime=runtime, calendar=calendar)
        self._stops = Stops(
            mail=mail,
            runtime=runtime,
            carried=self._carried,
            subscriber=self.actor_ref,
            get_out=self._get_out,
            settings=stops,
            calendar=calendar,
        )
        self._resting = RestingMarketOrders(
            mail=mail,
            runtime=runtime,
            asker=self.actor_ref,
            client_id=client_id,
            settings=settings,
            calendar=calendar,
        )
        self._order = ExitOrder(settings)
        self._entries_back = EntryCanceler(
            mail=mail, runtime=runtime, client_id=client_id, again_s=settings.cancel_again_s
        )
        self._broker_stops = BrokerStops(
            mail=mail,
            runtime=runtime,
            caller=self.actor_ref,
            client_id=client_id,
            settings=stops,
            calendar=calendar,
        )

    def on_start(self) -> None:
        """Begin to look."""
        self._look_in(self._idle_look_s)

    def on_receive(
        self, message: ExitsInbox | OrderAnswered | OrderDeclined | OrderPriced | PriceTicked
    ) -> ExitsNow | StopsNow | None:
        """Begin, look, decide."""
        match message:
            case Flatten():
                self._begin(message.requests, in_order=True)
            case ResumeExits():
                self._ended_on = trading_day(self._clock.now())
                self._ended = {one.position_key: one for one in message.ended}
                self._begin(message.requests, in_order=True)
                for order in message.resting:
                    self._resting.follow(order)
            case FlattenAll():
                self._all_flat.append((self._question, message))
                self._look_in(0)
            case ExitsTick():
                if message.turn == self._turn:
                    self._question += 1
                    post(self._guard, AskForExposures(reply_to=self.actor_ref, question=self._question))
            case ExposuresTold():
                self._take(message)
            case PriceTicked():
                self._carried.see_close(message.tick)
                self._stops.see(message.tick.exchange, message.tick.symbol, message.tick.last_price)
            case OrderChanged():
                self._follow(message.order, message.event)
            case ExitCut():
                self._cut.append((self._question, message.command))
                self._look_in(0)
            case TakeUpStops():
                self._stops.suspend(message.vanished)
                self._stops.take_up(message.armed_stops, message.unarmed, self._question)
                self._broker_stops.begin()
            case PositionVanished():
                self._wait_for(message)
            case VanishingResolved():
                self._stops.release(message, self._question)
                self._end_over(message)
            case SetStops():
                self._asked.append((self._question, message))
                self._look_in(0)
            case FindStops():
                return self._stops.now()
            case OrderPriced(about=PriceQuestion.RESTING):
                self._resting.price(message)
            case OrderPriced(about=PriceQuestion.STOPS):
                self._stops.see_answer(message)
            case OrderPriced():
                self._send_priced(message)
            case OrderAnswered():
                order = message.order
                self._broker_stops.answered(order.command.command_id)
                self._hear(order.command.command_id, f"{order.state} {order.note}".strip(), order.quantity)
            case OrderDeclined():
                self._broker_stops.declined(message.command_id)
                self._hear(message.command_id, message.message)
            case FindExits():
                return self._now()
            case _:
                assert_never(message)
        return None

    def _follow(self, order: Order, event: OrderEvent | None) -> None:
        """Arm an entry's stops when it trades, chase what rests at the market's price, give up on missing shares."""
        if event is not None and event.filled_quantity:
            self._stops.arm(order, self._question)
        if order.command.order_type is OrderType.MARKET:
            self._resting.follow(order)
        if is_refused_for_shares(order):
            for task in self._tasks.values():
                task.refused_for_shares(order.command.command_id, order.note or "")
        self._broker_stops.follow(order)

    def _now(self) -> ExitsNow:
        stays = {**self._odd, **{position_key: one.held for position_key, one in self._ended.items()}}
        return ExitsNow(
            under_way={position_key: one.sent for position_key, one in self._tasks.items()},
            stays={position_key: units for position_key, units in stays.items() if position_key not in self._tasks},
        )

    def _wait_for(self, message: PositionVanished) -> None:
        """Let the stops of a position that is gone wait, and tell of both."""
        gone = message.recon_break
        assert gone.key is not None, "only a position vanishes"
        self._tell(vanished_alert(gone, message.holders, self._stops.suspend([gone.key])))

    def _begin(self, requests: Sequence[FlattenRequest], *, in_order: bool) -> None:
        """Begin the flatten tasks of what is not under way yet; `in_order` says that they depend on each other.

        The desk itself begins none where only units are held that make no lot: those were told of.
        """
        new: dict[PositionKey, FlattenRequest] = {}
        for request in requests:
            is_odd = request.position_key in self._odd and request.origin is Origin.DESK
            if request.position_key not in self._tasks and not is_odd:
                new.setdefault(request.position_key, request)
        now = self._clock.monotonic()
        self._forget([self._ended[position_key] for position_key in new if position_key in self._ended])
        if new:
            reason = next(iter(new.values())).reason
            self._order.begin(self._ids.new()[:_NAME_CHARACTERS], tuple(new), reason, now, in_order=in_order)
        for request in new.values():
            self._tell(exit_begins_alert(str(request.position_key), request.reason))
            name = f"exit-{self._ids.new()[:_NAME_CHARACTERS]}"
            self._tasks[request.position_key] = FlattenTask(request, name, now, self._settings)
            post(self._repo, Record(item=request))
            post(self._baskets, StopBaskets(position_key=request.position_key, reason=f"made flat: {request.reason}"))
        if requests:
            self._look_in(0)

    def _get_out(self, position_key: PositionKey, reason: str) -> None:
        """Begin a flatten task by the desk's own request, which waits for no other."""
        self._begin((self._request(position_key, reason),), in_order=False)

    def _request(self, position_key: PositionKey, reason: str) -> FlattenRequest:
        now = self._clock.now()
        return FlattenRequest(
            request_id=self._ids.new(), position_key=position_key, reason=reason, origin=Origin.DESK, asked_at=now
        )

    def _look_in(self, delay_s: float) -> None:
        """Look then: the clock that was wound last is the only one that counts."""
        self._turn += 1
        self._timer.tell_after(delay_s, self.actor_ref, ExitsTick(turn=self._turn))

    def _take(self, told: ExposuresTold) -> None:
        """Go by what the guard holds: first what is newly to be flat, then what has waited for this look.

        What came after the question had left waits for the next: the guard may have been told of an order just then.
        """
        exposures, question = told.exposures, told.question
        self._let_wait(told)
        self._odd = {
            position_key: units for position_key, units in self._odd.items() if _held(exposures, position_key) == units
        }
        self._forget_ended(exposures)
        for one in _from_before(question, self._all_flat):
            meant = [position_key for position_key in exposures if one.is_about(position_key)]
            for position_key in filter(one.leaves, meant):
                self._entries_back.want(position_key, one.reason)
            out = (
                position_key
                for position_key in meant
                if not one.leaves(position_key) and position_key not in self._ended
            )
            flat = [self._request(position_key, one.reason) for position_key in out]
            self._begin(flat, in_order=True)
        self._entries_back.look(exposures)
        now = self._clock.now()
        dues = (
            (position_key, self._square_off.due(position_key.strategy, position_key.key, now))
            for position_key in exposures
        )
        known = {*self._tasks, *self._ended}
        due = [
            self._request(position_key, why)
            for position_key, why in dues
            if why is not None and position_key not in known
        ]
        self._begin(due, in_order=True)
        for position_key, leg in self._order.joining(told.awaited).items():
            along = replace(self._tasks[leg].request, request_id=self._ids.new(), position_key=position_key)
            self._begin((along,), in_order=True)
        self._free(exposures, question)
        for word in _from_before(question, self._asked):
            self._stops.set(word, exposures, question)
        self._stops.look(exposures, self._tasks, question)
        self._resting.look()
        armed, unopened = self._carried.sorted_out(self._stops.armed)
        self._broker_stops.look(armed, exposures, self._stops.instruments, self._tasks, unopened)
        self._decide(exposures, told.awaited)
        look_s = self._settings.look_s if self._tasks else self._idle_look_s
        self._look_in(0 if self._all_flat or self._asked or self._cut else look_s)

    def _decide(self, exposures: Mapping[PositionKey, Exposure], awaited: Collection[PositionKey]) -> None:
        """Let each flatten task take its next step: where they depend on each other, shorts before longs, to one end.

        None ends while a basket's leg of it is `awaited`: that one is sent soon, or given back.
        """
        now = self._clock.monotonic()
        waiting, news = self._order.look(exposures, now, self._is_open)
        for one in news:
            self._tell(exit_order_alert(one))
        flat: list[PositionKey] = []
        for position_key, task in [(one, self._tasks[one]) for one in self._tasks if one not in self._over]:
            exposure = exposures.get(position_key, _NOTHING)
            step = task.next_step(exposure, now, is_open=self._is_open(position_key), waits=position_key in waiting)
            match step:
                case Wait():
                    pass
                case CancelOrders():
                    self._cancel_orders(task, step)
                case SendExit():
                    self._price(task, step)
                case Flat():
                    flat.append(position_key)
                case SharesMissing():
                    self._end_without_shares(task, step)
                case _:
                    assert_never(step)
        ending = self._order.ending([one for one in flat if one not in awaited])
        for position_key in [one for one in flat if one in ending]:
            self._end(self._tasks[position_key])

    def _let_wait(self, told: ExposuresTold) -> None:
        """Send nothing in a contract that is over: its way out and its stops wait for the books to end it.

        Should the books show that it lives, the guard tells of it again, and its way out goes on.
        """
        self._stops.let_wait(told.over)
        before, self._over = self._over, {position_key for position_key in self._tasks if position_key.key in told.over}
        for position_key in sorted(self._over - before, key=str):
            self._order.leave(position_key)
            self._tell(over_alert(str(position_key), self._tasks[position_key].request.reason))

    def _end_over(self, message: VanishingResolved) -> None:
        """End the way out of a contract that the books have ended."""
        for position_key in [one for one in self._over if one.key == message.key and message.ended]:
            self._over.discard(position_key)
            request = self._tasks.pop(position_key).request
            post(self._repo, Record(item=FlattenEnd(request_id=request.request_id, at=self._clock.now())))
            post(self._baskets, WayOutEnded(position_key=position_key))

    def _is_open(self, position_key: PositionKey) -> bool:
        return self._calendar is None or self._calendar.is_open(position_key.key.exchange, self._clock.now())

    def _cancel_orders(self, task: FlattenTask, step: CancelOrders) -> None:
        for command_id in step.command_ids:
            cancel = ChangeCommand(
                change_id=self._ids.new()[:32],
                client_id=self._client_id,
                command_id=command_id,
                kind=ChangeKind.CANCEL,
                reason=f"exit: {task.request.reason}"[:200],
                origin=task.request.origin,
            )
            post(self._command, ChangeOrder(command=cancel))

    def _price(self, task: FlattenTask, step: SendExit) -> None:
        """Ask where the market is: each try may give away more than the one before."""
        key = task.request.position_key.key
        self._unpriced[step.command_id] = (task, step)
        question = PriceOrder(
            about=PriceQuestion.EXIT,
            command_id=step.command_id,
            exchange=key.exchange,
            symbol=key.symbol,
            needs_price=True,
            exit=ExitShape(side=step.side, quantity=step.quantity, unfilled=step.unfilled, refused=task.refused),
            reply_to=self.actor_ref,
        )
        post(self._market, question)

    def _send_priced(self, message: OrderPriced) -> None:
        """Send the exit; where no price is known, the desk's own pricing has the last word."""
        if message.command_id not in self._unpriced:
            return
        task, step = self._unpriced.pop(message.command_id)
        position_key, instrument, reference = task.request.position_key, message.instrument, message.reference
        if isinstance(instrument, Instrument) and step.quantity < instrument.lot:
            self._leave_odd_lot(task, step, instrument.lot)
            return
        price = None
        if isinstance(instrument, Instrument) and reference is not None:
            price = exit_price(step.side, reference.price, instrument, step.unfilled + 1, reference.age_s)
        try:
            command = OrderCommand(
                command_id=step.command_id,
                client_id=self._client_id,
                strategy=position_key.strategy,
                intent=Intent.EXIT,
                exchange=position_key.key.exchange,
                symbol=position_key.key.symbol,
                side=step.side,
                quantity=step.quantity,
                product=position_key.key.product,
                order_type=OrderType.MARKET if price is None else OrderType.LIMIT,
                price=price,
                origin=Origin.HUMAN if task.request.origin is Origin.HUMAN else Origin.DESK,
                comment=task.request.reason[:200],
            )
        except InvalidOrderError as error:
            # A price or a tick that makes no sense: the next try asks for both anew.
            logger.error("{} was not sent: {}", step.command_id, error)
            task.answered(step.command_id)
            return
        logger.info(
            "exit {} of {}: {} {} at {} by {}", step.number, position_key, step.side, step.quantity, price, reference
        )
        if step.number > 1:
            loud = task.is_loud(self._clock.monotonic())
            self._tell(exit_alert(str(position_key), task.request.reason, step.number, step.unfilled, loud=loud))
        post(self._command, SubmitOrder(command=command, reply_to=self.actor_ref, from_position_only=True, is_new=True))

    def _leave_odd_lot(self, task: FlattenTask, step: SendExit, lot: int) -> None:
        """End a flatten task of which only units are left that make no lot, and say what a person can do."""
        request = task.request
        del self._tasks[request.position_key]
        self._order.leave(request.position_key)
        self._odd[request.position_key] = -step.side.sign * step.quantity
        post(self._repo, Record(item=FlattenEnd(request_id=request.request_id, at=self._clock.now())))
        post(self._baskets, WayOutEnded(position_key=request.position_key))
        self._tell(odd_lot_alert(str(request.position_key), step.quantity, lot))

    def _end_without_shares(self, task: FlattenTask, step: SharesMissing) -> None:
        """End a flatten task that the broker has no shares for; a person decides what becomes of the position."""
        request = task.request
        del self._tasks[request.position_key]
        self._order.leave(request.position_key)
        self._ended_on = trading_day(self._clock.now())
        self._ended[request.position_key] = EndedRequest(request.request_id, request.position_key, step.held)
        post(
            self._repo, Record(item=FlattenEnd(request_id=request.request_id, at=self._clock.now(), missing=step.held))
        )
        post(self._baskets, WayOutEnded(position_key=request.position_key))
        self._tell(shares_missing_alert(request, step))

    def _forget_ended(self, exposures: Mapping[PositionKey, Exposure]) -> None:
        """Let the desk's own limits and times try again where the position is another one, or the day is."""
        if trading_day(self._clock.now()) != self._ended_on:
            self._ended.clear()
        self._forget([one for one in self._ended.values() if _held(exposures, one.position_key) != one.held])

    def _forget(self, ended: Sequence[EndedRequest]) -> None:
        for one in ended:
            del self._ended[one.position_key]
            post(self._repo, Record(item=FlattenEnd(request_id=one.request_id, at=self._clock.now())))

    def _free(self, exposures: Mapping[PositionKey, Exposure], question: int) -> None:
        """Let an exit get out though a stop at the broker stands in its way: a flatten task cancels that."""
        for command in _from_before(question, self._cut):
            position_key = PositionKey(command.strategy, command.key)
            netted = any(is_broker_stop(one.command_id) for one in exposures.get(position_key, _NOTHING).open)
            if netted and not is_broker_stop(command.command_id):
                self._get_out(
                    position_key, f"exit {command.command_id} was asked for while the stop at the broker works"
                )

    def _hear(self, command_id: str, message: str, quantity: int = 0) -> None:
        for task in self._tasks.values():
            task.answered(command_id, quantity)
            if task.current == command_id:
                logger.info("{}: {}", command_id, message)

    def _end(self, task: FlattenTask) -> None:
        request = task.request
        del self._tasks[request.position_key]
        post(self._repo, Record(item=FlattenEnd(request_id=request.request_id, at=self._clock.now())))
        post(self._baskets, WayOutEnded(position_key=request.position_key))
        self._tell(flat_alert(str(request.position_key), request.reason, task.sent))
        together = self._order.end(request.position_key)
        if together is not None and (together.all > 1 or together.is_told):
            self._tell(exit_order_alert(together))

    def _tell(self, alert: Alert) -> None:
        post(self._notifier, RaiseAlert(alert=alert))


def _held(exposures: Mapping[PositionKey, Exposure], position_key: PositionKey) -> int:
    return exposures.get(position_key, _NOTHING).held


def _from_before(question: int, waiting: list[After[Word]]) -> list[Word]:
    """Take out what had come before this question left."""
    due = [one for after, one in waiting if after < question]
    waiting[:] = [(after, one) for after, one in waiting if after >= question]
    return due
