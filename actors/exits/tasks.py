"""The flatten tasks: each sees one position through to evidence that it is flat (`domain/exits/flatten.py` decides).

A part of ExitsActor, in its thread. A task says what follows: take orders back, or send the next exit, for which the
market is asked where it is. What an order's answer was only says that the guard knows of it by now; it is never what
is decided by.
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace
from typing import Final, assert_never

from loguru import logger

from actors.exits.order_sender import OrderSender
from actors.messages.alerts import RaiseAlert
from actors.messages.baskets import PositionLeaving
from actors.messages.books import VanishingResolved
from actors.messages.guard import ExposuresTold
from actors.messages.market import OrderPriced, PriceOrder, PriceQuestion
from actors.messages.persistence import Record
from actors.runtime.address import Address, post
from actors.runtime.mailboxes import Mailboxes, Runtime
from domain.alerts.alert import Alert
from domain.alerts.text.breaks import over_alert
from domain.alerts.text.exits import exit_alert, exit_begins_alert, flat_alert, shares_missing_alert
from domain.alerts.text.flatten_sequence import exit_order_alert
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
)
from domain.exits.flatten_sequence import FlattenSequence
from domain.exits.left_behind import LeftBehind
from domain.exits.pricing import exit_command, shape_of_step
from domain.market.calendar import Calendar
from domain.market.instrument import Instrument
from domain.orders.order import Order
from domain.orders.types import Origin
from domain.orders.validation import InvalidOrderError
from domain.ports import trading_day
from domain.read_models import ExitsNow
from domain.settings import ExitSettings

_NAME_CHARACTERS: Final = 12
_NOTHING: Final = Exposure()


class FlattenTasks:
    """Owns the tasks under way, which of their exits wait for a price, and what ended without being flat."""

    def __init__(
        self,
        *,
        mail: Mailboxes,
        runtime: Runtime,
        asker: "Address[OrderPriced]",
        sender: OrderSender,
        settings: ExitSettings,
        calendar: Calendar | None,
    ) -> None:
        self._market = mail.market
        self._repo = mail.repo
        self._baskets = mail.baskets
        self._notifier = mail.notifier
        self._clock = runtime.clock
        self._ids = runtime.ids
        self._asker = asker
        self._sender = sender
        self._settings = settings
        self._calendar = calendar
        self._order = FlattenSequence(settings)
        self.under_way: dict[PositionKey, FlattenTask] = {}
        self._over: set[PositionKey] = set()
        """Those whose contract is over, and which wait for the books to end it."""
        self._left = LeftBehind()
        self._unpriced: dict[str, tuple[FlattenTask, SendExit]] = {}

    def now(self) -> ExitsNow:
        """Return what is under way, and what stays."""
        stays = self._left.stays
        return ExitsNow(
            under_way={position_key: one.sent for position_key, one in self.under_way.items()},
            stays={position_key: units for position_key, units in stays.items() if position_key not in self.under_way},
        )

    @property
    def known(self) -> Collection[PositionKey]:
        """Return what the desk itself begins no task for: it is on its way out, or its way out has ended today."""
        return {*self.under_way, *self._left.ended}

    @property
    def are_listening(self) -> bool:
        """Say whether news of the guard may bring a step: one whose exit is on its way goes by nothing else first."""
        return any(not one.unanswered for one in self.under_way.values())

    def due_at(self, now: float) -> float:
        """Return when a task may take a step although the guard tells nothing new (monotonic seconds)."""
        return min([self._order.due_at(now), *(one.due_at(now) for one in self.under_way.values())])

    # how they begin

    def still_wanted(self, requests: Sequence[FlattenRequest]) -> tuple[FlattenRequest, ...]:
        """Return what an earlier run left to be made flat, and end what was over with its day."""
        over = [one for one in requests if one.is_over(self._today())]
        for one in over:
            post(self._repo, Record(item=FlattenEnd(request_id=one.request_id, at=self._clock.now())))
        return tuple(one for one in requests if one not in over)

    def remember(self, ended: Sequence[EndedRequest]) -> None:
        """Take up what has ended today because the shares are missing."""
        self._left.remember(ended, self._today())

    def begin(self, requests: Sequence[FlattenRequest], *, in_order: bool) -> None:
        """Begin the tasks of what is not under way yet; `in_order` says that they depend on each other.

        The desk itself begins none where only units are held that make no lot: those were told of.
        """
        new: dict[PositionKey, FlattenRequest] = {}
        for request in requests:
            is_odd = self._left.makes_no_lot(request.position_key) and request.origin is Origin.DESK
            if request.position_key not in self.under_way and not is_odd:
                new.setdefault(request.position_key, request)
        now = self._clock.monotonic()
        self._forget(self._left.begin_anew(new))
        if new:
            reason = next(iter(new.values())).reason
            self._order.begin(self._name(), tuple(new), reason, now, in_order=in_order)
        for position_key, request in new.items():
            self._tell(exit_begins_alert(str(position_key), request.reason))
            self.under_way[position_key] = FlattenTask(request, f"exit-{self._name()}", now, self._settings)
            post(self._repo, Record(item=request))
            post(self._baskets, PositionLeaving(position_key=position_key, reason=f"made flat: {request.reason}"))

    def begin_own(self, position_keys: Mapping[PositionKey, str], *, in_order: bool = True) -> None:
        """Begin tasks by the desk's own request, each for its reason."""
        now = self._clock.now()
        requests = [
            FlattenRequest(
                request_id=self._ids.new(), position_key=one, reason=reason, origin=Origin.DESK, asked_at=now
            )
            for one, reason in position_keys.items()
        ]
        self.begin(requests, in_order=in_order)

    def begin_joining(self, awaited: Collection[PositionKey]) -> None:
        """Let a basket's leg go along with the leg of its spread that gets out."""
        for position_key, leg in self._order.joining(awaited).items():
            request = self.under_way[leg].request
            self.begin((replace(request, request_id=self._ids.new(), position_key=position_key),), in_order=True)

    def _name(self) -> str:
        return self._ids.new()[:_NAME_CHARACTERS]

    # what they hear

    def hear(self, command_id: str, message: str, quantity: int = 0) -> PositionKey | None:
        """Hear that an order's steps 1 to 5 are over; return the position of the task whose exit it is."""
        for position_key, task in self.under_way.items():
            if task.current == command_id:
                logger.info("{}: {}", command_id, message)
                task.answered(command_id, quantity)
                return position_key
        return None

    def hear_refused(self, order: Order) -> None:
        """Hear that the broker has no shares for a sale."""
        for task in self.under_way.values():
            task.refused_for_shares(order.command.command_id, order.note or "")

    def see(self, told: ExposuresTold) -> None:
        """Forget what has ended where the position is another one by now, and let wait what is over.

        Nothing is sent in a contract that is over: the books shall end it. Should they show that it lives, the guard
        tells of it again, and its way out goes on.
        """
        self._forget(self._left.see(told.exposures, self._today()))
        before, self._over = self._over, {one for one in self.under_way if one.key in told.over}
        for position_key in sorted(self._over - before, key=str):
            self._order.leave(position_key)
            self._tell(over_alert(str(position_key), self.under_way[position_key].request.reason))

    def _today(self) -> str:
        return trading_day(self._clock.now())

    def _forget(self, ended: Sequence[EndedRequest]) -> None:
        for one in ended:
            post(self._repo, Record(item=FlattenEnd(request_id=one.request_id, at=self._clock.now())))

    # how they go on

    def decide(self, told: ExposuresTold, stale: Collection[PositionKey]) -> None:
        """Let each task take its next step: where they depend on each other, shorts before longs, to one end.

        None that is `stale` takes one: the guard may not have told yet of what was heard about it. And none ends while
        a basket's leg of it is awaited: that one is sent soon, or given back.
        """
        now = self._clock.monotonic()
        waiting, news = self._order.look(told.exposures, now, self._is_open)
        for one in news:
            self._tell(exit_order_alert(one))
        deciding = [one for one in self.under_way if one not in self._over and one not in stale]
        flat = [one for one in deciding if self._step(one, told, now, waits=one in waiting)]
        ending = self._order.ending([one for one in flat if one not in told.awaited])
        for position_key in [one for one in flat if one in ending]:
            self._end(self.under_way[position_key])

    def _step(self, position_key: PositionKey, told: ExposuresTold, now: float, *, waits: bool) -> bool:
        """Take a task's next step; say whether it is flat."""
        task, exposure = self.under_way[position_key], told.exposures.get(position_key, _NOTHING)
        begun_by = told.begun_by.get(position_key, "")
        step = task.next_step(exposure, now, is_open=self._is_open(position_key), waits=waits, begun_by=begun_by)
        match step:
            case Wait():
                pass
            case CancelOrders():
                for command_id in step.command_ids:
                    self._sender.cancel(command_id, f"exit: {task.request.reason}", task.request.origin)
            case SendExit():
                self._price(task, step)
            case Flat():
                return True
            case SharesMissing():
                self._end_without_shares(task, step)
            case _:
                assert_never(step)
        return False

    def _is_open(self, position_key: PositionKey) -> bool:
        return self._calendar is None or self._calendar.is_open(position_key.key.exchange, self._clock.now())

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
            exit=shape_of_step(step, refused=task.refused),
            reply_to=self._asker,
        )
        post(self._market, question)

    def send_priced(self, message: OrderPriced) -> None:
        """Send the exit; where no price is known, the desk's own pricing has the last word."""
        if message.command_id not in self._unpriced:
            return
        task, step = self._unpriced.pop(message.command_id)
        position_key, instrument, reference = task.request.position_key, message.instrument, message.reference
        if isinstance(instrument, Instrument) and step.makes_no_lot(instrument):
            self._leave_odd_lot(task, step, instrument.lot)
            return
        try:
            command = exit_command(task.request, step, self._sender.client_id, instrument, reference)
        except InvalidOrderError as error:
            # A price or a tick that makes no sense: the next try asks for both anew.
            logger.error("{} was not sent: {}", step.command_id, error)
            task.answered(step.command_id)
            return
        what = f"{position_key}: {step.side} {step.quantity} at {command.price} by {reference}"
        logger.info("exit {} of {}", step.number, what)
        if step.number > 1:
            loud = task.is_loud(self._clock.monotonic())
            self._tell(exit_alert(str(position_key), task.request.reason, step.number, step.unfilled, loud=loud))
        self._sender.submit(command)

    # how they end

    def end_over(self, message: VanishingResolved) -> None:
        """End the way out of a contract that the books have ended."""
        for position_key in [one for one in self._over if one.key == message.key and message.ended]:
            self._over.discard(position_key)
            self._close(self.under_way[position_key].request)

    def _end(self, task: FlattenTask) -> None:
        request = task.request
        self._close(request)
        self._tell(flat_alert(str(request.position_key), request.reason, task.sent))
        together = self._order.end(request.position_key)
        if together is not None and (together.all > 1 or together.is_told):
            self._tell(exit_order_alert(together))

    def _leave_odd_lot(self, task: FlattenTask, step: SendExit, lot: int) -> None:
        """End a task of which only units are left that make no lot, and say what a person can do."""
        position_key = task.request.position_key
        self._order.leave(position_key)
        self._left.leave_odd(position_key, -step.side.sign * step.quantity)
        self._close(task.request)
        self._tell(odd_lot_alert(str(position_key), step.quantity, lot))

    def _end_without_shares(self, task: FlattenTask, step: SharesMissing) -> None:
        """End a task that the broker has no shares for; a person decides what becomes of the position."""
        request = task.request
        self._order.leave(request.position_key)
        ended = EndedRequest(request.request_id, request.position_key, step.held)
        self._left.leave_missing(ended, self._today())
        self._close(request, missing=step.held)
        self._tell(shares_missing_alert(request, step))

    def _close(self, request: FlattenRequest, missing: int = 0) -> None:
        del self.under_way[request.position_key]
        post(self._repo, Record(item=FlattenEnd(request_id=request.request_id, at=self._clock.now(), missing=missing)))
        post(self._baskets, PositionLeaving(position_key=request.position_key, reason=""))

    def _tell(self, alert: Alert) -> None:
        post(self._notifier, RaiseAlert(alert=alert))
