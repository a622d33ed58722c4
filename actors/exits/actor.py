"""Exits: keeps positions under their stops, and sees what somebody wants flat through to evidence that it is.

What is held is the guard's to say, and while something gets out it says so when that changes
(`actors/exits/knowledge.py`). Each news of it is a look, and so is each tick of a clock that is wound for what only
time brings: a price that did not fill, a pause that is over, a square-off. Stops (`actors/exits/stops.py`), the time
square-off, limits and people say what is to be flat; the flatten tasks (`actors/exits/tasks.py`) make it so.
"""

from collections.abc import Sequence
from math import inf
from typing import Final, assert_never

from actors.exits.broker_stops import BrokerStops
from actors.exits.entry_canceler import EntryCanceler
from actors.exits.knowledge import GuardKnowledge, Word
from actors.exits.openings import CarriedStops
from actors.exits.order_sender import OrderSender
from actors.exits.resting import RestingMarketOrders
from actors.exits.stops import Stops
from actors.exits.tasks import FlattenTasks
from actors.messages.alerts import RaiseAlert
from actors.messages.books import PositionVanished, VanishingResolved
from actors.messages.desk import SnapshotLoaded
from actors.messages.exits import ExitCut, FindExits, Flatten, FlattenAll
from actors.messages.guard import ExposuresTold
from actors.messages.inboxes import (
    ExitsInbox,
)
from actors.messages.market import OrderPriced, PriceQuestion, PriceTicked
from actors.messages.orders import OrderAnswered, OrderChanged, OrderDeclined
from actors.messages.stops import FindStops, SetStops
from actors.messages.timer import TimerFired
from actors.runtime.address import post
from actors.runtime.mailboxes import Mailboxes, Runtime
from actors.runtime.shared_thread import SharedThreadActor
from domain.alerts.text.breaks import vanished_alert
from domain.exits.broker_stop import stands_in_the_way
from domain.exits.flatten import Exposure, FlattenRequest, PositionKey
from domain.exits.late_exits import LateExits, may_open_a_position
from domain.exits.resting import resting_in
from domain.exits.square_off import SquareOff
from domain.market.calendar import Calendar
from domain.orders.command import OrderCommand
from domain.orders.order import Order
from domain.orders.types import OrderType
from domain.positions.delivery import is_refused_for_shares
from domain.read_models import ExitsNow, StopsNow
from domain.settings import ExitSettings, StopSettings
from domain.snapshot import DeskSnapshot

TASK_LOOK_S_MAX: Final = 1.0
"""While something gets out, what the calendar brings is seen as soon as this."""
_NOTHING: Final = Exposure()


class ExitsActor(SharedThreadActor):
    """Owns the clock by which the exits look, and what they look at: flatten tasks, stops, orders that rest."""

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
        me = self.actor_ref
        self._notifier = mail.notifier
        self._clock = runtime.clock
        self._timer = runtime.timer
        self._square_off = square_off
        self._look_s_max = stops.look_s
        self._turn = 0
        self._wound_for = inf
        """When the last tick that was wound comes due (monotonic seconds)."""
        self._knowledge = GuardKnowledge(mail.guard)
        sender = OrderSender(mail=mail, runtime=runtime, client_id=client_id, caller=me)
        self._tasks = FlattenTasks(
            mail=mail, runtime=runtime, asker=me, sender=sender, settings=settings, calendar=calendar
        )
        self._resting = RestingMarketOrders(
            mail=mail, runtime=runtime, asker=me, sender=sender, settings=settings, calendar=calendar
        )
        self._late_exits = LateExits()
        self._entries_back = EntryCanceler(sender=sender, clock=runtime.clock, again_s=settings.cancel_again_s)
        self._carried = CarriedStops(mail=mail, runtime=runtime, calendar=calendar)
        self._stops = Stops(
            mail=mail,
            runtime=runtime,
            subscriber=me,
            get_out=self._get_out,
            doubt=self._knowledge.note,
            settings=stops,
            calendar=calendar,
            carried=self._carried,
        )
        self._broker_stops = BrokerStops(mail=mail, runtime=runtime, sender=sender, settings=stops, calendar=calendar)

    def on_start(self) -> None:
        """Begin to look."""
        self._wind(self._look_s_max)

    def on_receive(
        self, message: ExitsInbox | OrderAnswered | OrderDeclined | OrderPriced | PriceTicked
    ) -> ExitsNow | StopsNow | None:
        """Hear what is wanted and what has become of it; look where that is news."""
        match message:
            case ExposuresTold():
                self._look(self._knowledge.take(message))
            case TimerFired():
                if message.turn == self._turn:
                    self._tick()
            case Flatten():
                self._begin(message.requests)
                return self._tasks.now()
            case FlattenAll() | SetStops() | ExitCut():
                self._knowledge.renew(message)
            case PriceTicked():
                self._carried.see_close(message.tick)
                self._stops.see(message.tick.exchange, message.tick.symbol, message.tick.last_price)
            case OrderPriced():
                self._price(message)
            case OrderChanged():
                self._follow(message)
            case OrderAnswered():
                order = message.order
                name, outcome = order.command.command_id, f"{order.state} {order.note}".strip()
                self._hear(self._broker_stops.answered(name), self._tasks.hear(name, outcome, order.quantity))
            case OrderDeclined():
                name = message.command_id
                self._hear(self._broker_stops.declined(name), self._tasks.hear(name, message.message))
            case SnapshotLoaded():
                self._take_up(message.snapshot)
            case PositionVanished():
                self._wait_for(message)
            case VanishingResolved():
                self._stops.release(message)
                self._tasks.end_over(message)
            case FindStops():
                return self._stops.now()
            case FindExits():
                return self._tasks.now()
            case _:
                assert_never(message)
        return None

    # what they hear

    def _begin(self, requests: tuple[FlattenRequest, ...]) -> None:
        """Begin the tasks of what somebody wants flat; they decide by what the guard holds after that was said."""
        self._tasks.begin(requests, in_order=True)
        self._knowledge.renew(*(one.position_key for one in requests))

    def _take_up(self, snapshot: DeskSnapshot) -> None:
        """Go on with the stops, the tasks and the resting orders of earlier runs."""
        self._stops.suspend(tuple(one.key for one in snapshot.vanished if one.key is not None))
        self._stops.take_up(snapshot.armed_stops, snapshot.unarmed)
        self._broker_stops.begin()
        self._tasks.remember(snapshot.ended_requests)
        self._begin(self._tasks.still_wanted(snapshot.requests))
        for order in resting_in(snapshot.orders):
            self._resting.follow(order)

    def _follow(self, message: OrderChanged) -> None:
        """Arm an entry's stops when it trades, chase what rests at the market's price, give up on missing shares."""
        order, event = message.order, message.event
        if event is not None and event.filled_quantity:
            self._stops.arm(order)
        if may_open_a_position(order, message.late_quantity):
            self._late_exits.note(order, message.late_quantity)
            self._knowledge.renew(order)
        if order.command.order_type is OrderType.MARKET:
            self._resting.follow(order)
        if is_refused_for_shares(order):
            self._tasks.hear_refused(order)
        self._broker_stops.follow(order)

    def _get_out(self, position_key: PositionKey, reason: str) -> None:
        """Begin a task by the desk's own request, which waits for no other."""
        self._tasks.begin_own({position_key: reason}, in_order=False)
        self._knowledge.renew(position_key)

    def _hear(self, *position_keys: PositionKey | None) -> None:
        """Let the guard tell what an order has done to a position, now that its steps 1 to 5 are over."""
        for position_key in position_keys:
            if position_key is not None:
                self._knowledge.renew(position_key, follows=self._tasks.are_listening)

    def _price(self, message: OrderPriced) -> None:
        match message.about:
            case PriceQuestion.EXIT:
                self._tasks.send_priced(message)
            case PriceQuestion.RESTING:
                self._resting.price(message)
            case _:
                self._stops.see_answer(message)

    def _close_again(self, order: Order) -> None:
        """Close what an exit has opened that traded after it was over."""
        command = order.command
        position_key = PositionKey(command.strategy, command.key)
        told = self._knowledge.told
        exposure, begun_by = told.exposures.get(position_key, _NOTHING), told.begun_by.get(position_key, "")
        if self._late_exits.has_opened(order, exposure, begun_by) and position_key not in self._tasks.known:
            self._late_exits.forget(order)
            self._get_out(position_key, f"exit {command.command_id} traded after it was over")

    def _wait_for(self, message: PositionVanished) -> None:
        """Let the stops of a position that is gone wait, and tell of both."""
        gone = message.recon_break
        assert gone.key is not None, "only a position vanishes"
        alert = vanished_alert(gone, message.holders, self._stops.suspend([gone.key]))
        post(self._notifier, RaiseAlert(alert=alert))

    # when they look

    def _tick(self) -> None:
        """Look at what time has brought; where the guard may hold more than it told, by its answer."""
        self._wound_for = inf
        if self._knowledge.is_current:
            self._look([])
        else:
            self._knowledge.renew(follows=self._tasks.are_listening)
            self._wind(self._look_s_max)

    def _wind(self, delay_s: float) -> None:
        """Look by then at the latest: an earlier tick stays, a later one is passed over."""
        due = self._clock.monotonic() + delay_s
        if due < self._wound_for:
            self._turn, self._wound_for = self._turn + 1, due
            self._timer.tell_after(delay_s, self.actor_ref, TimerFired(turn=self._turn))

    def _look(self, words: Sequence[Word]) -> None:
        """Go by what the guard holds: first what is newly to be flat, then the stops, then the tasks."""
        told, stale = self._knowledge.told, self._knowledge.stale
        self._stops.let_wait(told.over)
        self._tasks.see(told)
        self._take_words(words)
        self._entries_back.look(told.exposures)
        self._square_off_due()
        self._tasks.begin_joining(told.awaited)
        self._stops.look(told.exposures, self._tasks.under_way, stale)
        self._resting.look()
        armed, unopened = self._carried.sorted_out(self._stops.armed)
        left_alone = {*self._tasks.under_way, *stale}
        self._broker_stops.look(armed, told.exposures, self._stops.prices.instruments, left_alone, unopened)
        self._tasks.decide(told, self._knowledge.stale)
        now = self._clock.monotonic()
        if self._tasks.are_listening:
            self._knowledge.follow()
        longest_s = min(self._look_s_max, TASK_LOOK_S_MAX) if self._tasks.under_way else self._look_s_max
        self._wind(min(longest_s, self._tasks.due_at(now) - now))

    def _take_words(self, words: Sequence[Word]) -> None:
        """Do what was asked for, by an answer that knows what came before it."""
        for word in words:
            match word:
                case FlattenAll():
                    self._flatten_all(word)
                case SetStops():
                    self._stops.set(word, self._knowledge.told.exposures)
                case ExitCut():
                    self._free(word.command)
                case Order():
                    self._close_again(word)
                case PositionKey():
                    pass  # it is not stale any more
                case _:
                    assert_never(word)

    def _flatten_all(self, message: FlattenAll) -> None:
        meant = [one for one in self._knowledge.told.exposures if message.is_about(one)]
        for position_key in filter(message.leaves, meant):
            self._entries_back.want(position_key, message.reason)
        known = self._tasks.known
        out = [one for one in meant if not message.leaves(one) and one not in known]
        self._tasks.begin_own(dict.fromkeys(out, message.reason))

    def _square_off_due(self) -> None:
        now = self._clock.now()
        held = self._knowledge.told.exposures
        dues = {one: why for one in held if (why := self._square_off.due(one.strategy, one.key, now)) is not None}
        known = self._tasks.known
        self._tasks.begin_own({one: why for one, why in dues.items() if one not in known})

    def _free(self, command: OrderCommand) -> None:
        """Let an exit get out though a stop at the broker stands in its way: a flatten task cancels that."""
        position_key = PositionKey(command.strategy, command.key)
        if stands_in_the_way(command.command_id, self._knowledge.told.exposures.get(position_key, _NOTHING)):
            reason = f"exit {command.command_id} was asked for while the stop at the broker works"
            self._get_out(position_key, reason)
