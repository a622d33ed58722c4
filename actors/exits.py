"""Exits: keeps positions under their stops, and sees what somebody wants flat through to evidence that it is.

A clock asks the guard what is held, oftener while an episode is open (`domain/exits.py`). Each episode says what
follows: take orders back, or send the next exit. Both leave by the way of every other order. What an order's answer was
only says that the guard knows by now; it is never what is decided by. Stops (`actors/stops.py`), the time square-off,
limits and people only say what is to be flat.
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace
from typing import Final, TypeAlias, TypeVar, assert_never

from loguru import logger

from actors.address import Address, post
from actors.entries_back import EntriesTakenBack
from actors.loop import LoopActor
from actors.messages import (
    ActorDied,
    AskForExposures,
    BasketsInbox,
    ChangeOrder,
    CommandInbox,
    EntryMoved,
    ExitCut,
    ExitsInbox,
    ExitsNow,
    ExposuresTold,
    FindExits,
    FindStops,
    GuardInbox,
    LegMoved,
    LookAtExits,
    MakeAllFlat,
    MakeFlat,
    MarketInbox,
    MarketOrderMoved,
    NotifierInbox,
    OrderAnswered,
    OrderDeclined,
    OrderPriced,
    PositionVanished,
    PriceOrder,
    PriceTicked,
    RaiseAlert,
    RecordFlat,
    RecordWish,
    RepoInbox,
    ResumeExits,
    SaleRefused,
    SetStops,
    StopBaskets,
    StopsNow,
    SubmitOrder,
    TakeUpStops,
    VanishingSettled,
    WayOutEnded,
)
from actors.nets import Nets, is_net
from actors.openings import CarriedStops
from actors.resting import RestingMarketOrders
from actors.stops import Stops
from actors.timer import Timer
from domain.alert import Alert
from domain.alert_words import exit_alert, exit_begins_alert, flat_alert, shares_missing_alert
from domain.book_words import over_alert, vanished_alert
from domain.calendar import Calendar
from domain.change import ChangeKind
from domain.change_command import ChangeCommand
from domain.exit_order import ExitOrder
from domain.exit_terms import ExitShape
from domain.exit_words import exit_order_alert
from domain.exits import (
    EndedWish,
    Episode,
    ExitWish,
    Exposure,
    Flat,
    Scope,
    SendExit,
    SharesMissing,
    TakeBack,
    Wait,
    exit_price,
)
from domain.instrument import Instrument
from domain.order import Intent, InvalidOrderError, OrderCommand, OrderType, Origin
from domain.price_words import odd_lot_alert
from domain.seams import Clock, Ids, trading_day
from domain.settings import ExitSettings, StopSettings
from domain.square_off import SquareOff

_NAME_CHARACTERS: Final = 12
_NOTHING: Final = Exposure()

Word = TypeVar("Word")
After: TypeAlias = tuple[int, Word]
"""A word, and the last question to the guard that had left when it came."""


class ExitsActor(LoopActor):
    """Owns the episodes under way, which of their exits wait for a price, and the stops."""

    def __init__(
        self,
        *,
        supervisor: Address[ActorDied],
        command: Address[CommandInbox],
        guard: Address[GuardInbox],
        market: Address[MarketInbox],
        repo: Address[RepoInbox],
        notifier: Address[NotifierInbox],
        baskets: Address[BasketsInbox],
        client_id: str,
        settings: ExitSettings,
        stops: StopSettings,
        square_off: SquareOff,
        calendar: Calendar | None,
        clock: Clock,
        ids: Ids,
        timer: Timer,
    ) -> None:
        super().__init__(supervisor)
        self._command = command
        self._guard = guard
        self._market = market
        self._repo = repo
        self._baskets = baskets
        self._notifier = notifier
        self._client_id = client_id
        self._settings = settings
        self._calendar = calendar
        self._clock = clock
        self._ids = ids
        self._timer = timer
        self._episodes: dict[Scope, Episode] = {}
        self._over: set[Scope] = set()
        """Those whose contract is over, and which wait for the books to end it."""
        self._odd: dict[Scope, int] = {}
        """Signed units that are held, make no whole lot, and were told of."""
        self._ended: dict[Scope, EndedWish] = {}
        """Ways out of `_ended_on`, a trading day, that the broker had no shares for; their positions are unchanged."""
        self._ended_on = ""
        self._unpriced: dict[str, tuple[Episode, SendExit]] = {}
        self._question = 0
        self._all_flat: list[After[MakeAllFlat]] = []
        self._asked: list[After[SetStops]] = []
        self._cut: list[After[OrderCommand]] = []
        self._turn = 0
        self._idle_look_s = stops.look_s
        self._square_off = square_off
        self._carried = CarriedStops(command=command, notifier=notifier, calendar=calendar, clock=clock)
        self._stops = Stops(
            carried=self._carried,
            market=market,
            repo=repo,
            notifier=notifier,
            subscriber=self.actor_ref,
            get_out=self._get_out,
            settings=stops,
            calendar=calendar,
            clock=clock,
            ids=ids,
        )
        self._resting = RestingMarketOrders(
            command=command,
            market=market,
            notifier=notifier,
            asker=self.actor_ref,
            client_id=client_id,
            settings=settings,
            calendar=calendar,
            clock=clock,
            ids=ids,
        )
        self._order = ExitOrder(settings)
        self._entries_back = EntriesTakenBack(
            command=command, client_id=client_id, again_s=settings.cancel_again_s, clock=clock, ids=ids
        )
        self._nets = Nets(
            command=command,
            caller=self.actor_ref,
            client_id=client_id,
            settings=stops,
            calendar=calendar,
            clock=clock,
            ids=ids,
        )

    def on_start(self) -> None:
        """Begin to look."""
        self._look_in(self._idle_look_s)

    def on_receive(
        self, message: ExitsInbox | OrderAnswered | OrderDeclined | OrderPriced | PriceTicked | LegMoved
    ) -> ExitsNow | StopsNow | None:
        """Begin, look, decide."""
        match message:
            case MakeFlat():
                self._begin(message.wishes, in_order=True)
            case ResumeExits():
                self._ended_on = trading_day(self._clock.now())
                self._ended = {one.scope: one for one in message.ended}
                self._begin(message.wishes, in_order=True)
            case SaleRefused():
                for episode in self._episodes.values():
                    episode.refused_for_shares(message.order.command.command_id, message.order.note or "")
            case MakeAllFlat():
                self._all_flat.append((self._question, message))
                self._look_in(0)
            case LookAtExits():
                if message.turn == self._turn:
                    self._question += 1
                    post(self._guard, AskForExposures(reply_to=self.actor_ref, question=self._question))
            case ExposuresTold():
                self._take(message)
            case PriceTicked():
                self._carried.see_close(message.tick)
                self._stops.see(message.tick.exchange, message.tick.symbol, message.tick.last_price)
            case EntryMoved():
                self._stops.arm(message.order, self._question)
            case MarketOrderMoved():
                self._resting.follow(message.order)
            case ExitCut():
                self._cut.append((self._question, message.command))
                self._look_in(0)
            case TakeUpStops():
                self._stops.suspend(message.vanished)
                self._stops.take_up(message.protections, message.unarmed, self._question)
                self._nets.begin()
            case PositionVanished():
                self._wait_for(message)
            case VanishingSettled():
                self._stops.release(message, self._question)
                self._end_over(message)
            case SetStops():
                self._asked.append((self._question, message))
                self._look_in(0)
            case FindStops():
                return self._stops.now()
            case OrderPriced() if self._resting.is_about_one(message):
                self._resting.price(message)
            case OrderPriced():
                self._send_priced(message)
            case OrderAnswered():
                order = message.order
                self._nets.answered(order.command.command_id)
                self._hear(order.command.command_id, f"{order.state} {order.note}".strip(), order.quantity)
            case LegMoved():
                self._nets.follow(message.order)
            case OrderDeclined():
                self._nets.declined(message.command_id)
                self._hear(message.command_id, message.words)
            case FindExits():
                return self._now()
            case _:
                assert_never(message)
        return None

    def _now(self) -> ExitsNow:
        stays = {**self._odd, **{scope: one.held for scope, one in self._ended.items()}}
        return ExitsNow(
            under_way={scope: one.sent for scope, one in self._episodes.items()},
            stays={scope: units for scope, units in stays.items() if scope not in self._episodes},
        )

    def _wait_for(self, message: PositionVanished) -> None:
        """Let the stops of a position that is gone wait, and tell of both."""
        gone = message.disagreement
        assert gone.key is not None, "only a position vanishes"
        self._tell(vanished_alert(gone, message.holders, self._stops.suspend([gone.key])))

    def _begin(self, wishes: Sequence[ExitWish], *, in_order: bool) -> None:
        """Begin the episodes of what is not under way yet; `in_order` says that they depend on each other.

        The desk itself begins none where only units are held that make no lot: those were told of.
        """
        new: dict[Scope, ExitWish] = {}
        for wish in wishes:
            is_odd = wish.scope in self._odd and wish.origin is Origin.DESK
            if wish.scope not in self._episodes and not is_odd:
                new.setdefault(wish.scope, wish)
        now = self._clock.monotonic()
        self._forget([self._ended[scope] for scope in new if scope in self._ended])
        if new:
            because = next(iter(new.values())).because
            self._order.begin(self._ids.new()[:_NAME_CHARACTERS], tuple(new), because, now, in_order=in_order)
        for wish in new.values():
            self._tell(exit_begins_alert(str(wish.scope), wish.because))
            name = f"exit-{self._ids.new()[:_NAME_CHARACTERS]}"
            self._episodes[wish.scope] = Episode(wish, name, now, self._settings)
            post(self._repo, RecordWish(wish=wish))
            post(self._baskets, StopBaskets(scope=wish.scope, because=f"made flat: {wish.because}"))
        if wishes:
            self._look_in(0)

    def _get_out(self, scope: Scope, because: str) -> None:
        """Begin an episode by the desk's own wish, which waits for no other."""
        self._begin((self._wish(scope, because),), in_order=False)

    def _wish(self, scope: Scope, because: str) -> ExitWish:
        now = self._clock.now()
        return ExitWish(wish_id=self._ids.new(), scope=scope, because=because, origin=Origin.DESK, asked_at=now)

    def _look_in(self, delay_s: float) -> None:
        """Look then: the clock that was wound last is the only one that counts."""
        self._turn += 1
        self._timer.tell_after(delay_s, self.actor_ref, LookAtExits(turn=self._turn))

    def _take(self, told: ExposuresTold) -> None:
        """Go by what the guard holds: first what is newly to be flat, then what has waited for this look.

        What came after the question had left waits for the next: the guard may have been told of an order just then.
        """
        exposures, question = told.exposures, told.question
        self._let_wait(told)
        self._odd = {scope: units for scope, units in self._odd.items() if _held(exposures, scope) == units}
        self._forget_ended(exposures)
        for one in _from_before(question, self._all_flat):
            meant = [scope for scope in exposures if one.is_about(scope)]
            for scope in filter(one.leaves, meant):
                self._entries_back.want(scope, one.because)
            out = (scope for scope in meant if not one.leaves(scope) and scope not in self._ended)
            flat = [self._wish(scope, one.because) for scope in out]
            self._begin(flat, in_order=True)
        self._entries_back.look(exposures)
        now = self._clock.now()
        dues = ((scope, self._square_off.due(scope.strategy, scope.key, now)) for scope in exposures)
        known = {*self._episodes, *self._ended}
        due = [self._wish(scope, why) for scope, why in dues if why is not None and scope not in known]
        self._begin(due, in_order=True)
        for scope, leg in self._order.joining(told.awaited).items():
            along = replace(self._episodes[leg].wish, wish_id=self._ids.new(), scope=scope)
            self._begin((along,), in_order=True)
        self._free(exposures, question)
        for word in _from_before(question, self._asked):
            self._stops.set(word, exposures, question)
        self._stops.look(exposures, self._episodes, question)
        self._resting.look()
        armed, unopened = self._carried.sorted_out(self._stops.armed)
        self._nets.look(armed, exposures, self._stops.instruments, self._episodes, unopened)
        self._decide(exposures, told.awaited)
        look_s = self._settings.look_s if self._episodes else self._idle_look_s
        self._look_in(0 if self._all_flat or self._asked or self._cut else look_s)

    def _decide(self, exposures: Mapping[Scope, Exposure], awaited: Collection[Scope]) -> None:
        """Let each episode take its next step: where they depend on each other, shorts before longs, to one end.

        None ends while a basket's leg of it is `awaited`: that one is sent soon, or given back.
        """
        now = self._clock.monotonic()
        waiting, news = self._order.look(exposures, now, self._is_open)
        for one in news:
            self._tell(exit_order_alert(one))
        flat: list[Scope] = []
        for scope, episode in [(one, self._episodes[one]) for one in self._episodes if one not in self._over]:
            exposure = exposures.get(scope, _NOTHING)
            step = episode.next_step(exposure, now, is_open=self._is_open(scope), waits=scope in waiting)
            match step:
                case Wait():
                    pass
                case TakeBack():
                    self._take_back(episode, step)
                case SendExit():
                    self._price(episode, step)
                case Flat():
                    flat.append(scope)
                case SharesMissing():
                    self._end_without_shares(episode, step)
                case _:
                    assert_never(step)
        ending = self._order.ending([one for one in flat if one not in awaited])
        for scope in [one for one in flat if one in ending]:
            self._end(self._episodes[scope])

    def _let_wait(self, told: ExposuresTold) -> None:
        """Send nothing in a contract that is over: its way out and its stops wait for the books to end it.

        Should the books show that it lives, the guard tells of it again, and its way out goes on.
        """
        self._stops.let_wait(told.over)
        before, self._over = self._over, {scope for scope in self._episodes if scope.key in told.over}
        for scope in sorted(self._over - before, key=str):
            self._order.leave(scope)
            self._tell(over_alert(str(scope), self._episodes[scope].wish.because))

    def _end_over(self, message: VanishingSettled) -> None:
        """End the way out of a contract that the books have ended."""
        for scope in [one for one in self._over if one.key == message.key and message.ended]:
            self._over.discard(scope)
            wish = self._episodes.pop(scope).wish
            post(self._repo, RecordFlat(wish_id=wish.wish_id, at=self._clock.now()))
            post(self._baskets, WayOutEnded(scope=scope))

    def _is_open(self, scope: Scope) -> bool:
        return self._calendar is None or self._calendar.is_open(scope.key.exchange, self._clock.now())

    def _take_back(self, episode: Episode, step: TakeBack) -> None:
        for command_id in step.command_ids:
            cancel = ChangeCommand(
                change_id=self._ids.new()[:32],
                client_id=self._client_id,
                command_id=command_id,
                kind=ChangeKind.CANCEL,
                because=f"exit: {episode.wish.because}"[:200],
                origin=episode.wish.origin,
            )
            post(self._command, ChangeOrder(command=cancel))

    def _price(self, episode: Episode, step: SendExit) -> None:
        """Ask where the market is: each try may give away more than the one before."""
        key = episode.wish.scope.key
        self._unpriced[step.command_id] = (episode, step)
        question = PriceOrder(
            command_id=step.command_id,
            exchange=key.exchange,
            symbol=key.symbol,
            needs_price=True,
            exit=ExitShape(side=step.side, quantity=step.quantity, unfilled=step.unfilled, refused=episode.refused),
            reply_to=self.actor_ref,
        )
        post(self._market, question)

    def _send_priced(self, message: OrderPriced) -> None:
        """Send the exit; where no price is known, the desk's own pricing has the last word."""
        if message.command_id not in self._unpriced:
            self._stops.see_answer(message)
            return
        episode, step = self._unpriced.pop(message.command_id)
        scope, instrument, reference = episode.wish.scope, message.instrument, message.reference
        if isinstance(instrument, Instrument) and step.quantity < instrument.lot:
            self._leave_odd_lot(episode, step, instrument.lot)
            return
        price = None
        if isinstance(instrument, Instrument) and reference is not None:
            price = exit_price(step.side, reference.price, instrument, step.unfilled + 1, reference.age_s)
        try:
            command = OrderCommand(
                command_id=step.command_id,
                client_id=self._client_id,
                strategy=scope.strategy,
                intent=Intent.EXIT,
                exchange=scope.key.exchange,
                symbol=scope.key.symbol,
                side=step.side,
                quantity=step.quantity,
                product=scope.key.product,
                order_type=OrderType.MARKET if price is None else OrderType.LIMIT,
                price=price,
                origin=Origin.HUMAN if episode.wish.origin is Origin.HUMAN else Origin.DESK,
                comment=episode.wish.because[:200],
            )
        except InvalidOrderError as error:
            # A price or a tick that makes no sense: the next try asks for both anew.
            logger.error("{} was not sent: {}", step.command_id, error)
            episode.answered(step.command_id)
            return
        logger.info("exit {} of {}: {} {} at {} by {}", step.number, scope, step.side, step.quantity, price, reference)
        if step.number > 1:
            loud = episode.is_loud(self._clock.monotonic())
            self._tell(exit_alert(str(scope), episode.wish.because, step.number, step.unfilled, loud=loud))
        post(self._command, SubmitOrder(command=command, reply_to=self.actor_ref, from_position_only=True, is_new=True))

    def _leave_odd_lot(self, episode: Episode, step: SendExit, lot: int) -> None:
        """End an episode of which only units are left that make no lot, and say what a person can do."""
        wish = episode.wish
        del self._episodes[wish.scope]
        self._order.leave(wish.scope)
        self._odd[wish.scope] = -step.side.sign * step.quantity
        post(self._repo, RecordFlat(wish_id=wish.wish_id, at=self._clock.now()))
        post(self._baskets, WayOutEnded(scope=wish.scope))
        self._tell(odd_lot_alert(str(wish.scope), step.quantity, lot))

    def _end_without_shares(self, episode: Episode, step: SharesMissing) -> None:
        """End an episode that the broker has no shares for; a person decides what becomes of the position."""
        wish = episode.wish
        del self._episodes[wish.scope]
        self._order.leave(wish.scope)
        self._ended_on = trading_day(self._clock.now())
        self._ended[wish.scope] = EndedWish(wish.wish_id, wish.scope, step.held)
        post(self._repo, RecordFlat(wish_id=wish.wish_id, at=self._clock.now(), missing=step.held))
        post(self._baskets, WayOutEnded(scope=wish.scope))
        self._tell(shares_missing_alert(wish, step))

    def _forget_ended(self, exposures: Mapping[Scope, Exposure]) -> None:
        """Let the desk's own limits and times try again where the position is another one, or the day is."""
        if trading_day(self._clock.now()) != self._ended_on:
            self._ended.clear()
        self._forget([one for one in self._ended.values() if _held(exposures, one.scope) != one.held])

    def _forget(self, ended: Sequence[EndedWish]) -> None:
        for one in ended:
            del self._ended[one.scope]
            post(self._repo, RecordFlat(wish_id=one.wish_id, at=self._clock.now()))

    def _free(self, exposures: Mapping[Scope, Exposure], question: int) -> None:
        """Let an exit that a safety net stands in the way of get out all the same: an episode takes the net back."""
        for command in _from_before(question, self._cut):
            scope = Scope(command.strategy, command.key)
            netted = any(is_net(one.command_id) for one in exposures.get(scope, _NOTHING).open)
            if netted and not is_net(command.command_id):
                self._get_out(scope, f"exit {command.command_id} was asked for while the stop's safety net works")

    def _hear(self, command_id: str, words: str, quantity: int = 0) -> None:
        for episode in self._episodes.values():
            episode.answered(command_id, quantity)
            if episode.current == command_id:
                logger.info("{}: {}", command_id, words)

    def _end(self, episode: Episode) -> None:
        wish = episode.wish
        del self._episodes[wish.scope]
        post(self._repo, RecordFlat(wish_id=wish.wish_id, at=self._clock.now()))
        post(self._baskets, WayOutEnded(scope=wish.scope))
        self._tell(flat_alert(str(wish.scope), wish.because, episode.sent))
        together = self._order.end(wish.scope)
        if together is not None and (together.all > 1 or together.is_told):
            self._tell(exit_order_alert(together))

    def _tell(self, alert: Alert) -> None:
        post(self._notifier, RaiseAlert(alert=alert))


def _held(exposures: Mapping[Scope, Exposure], scope: Scope) -> int:
    return exposures.get(scope, _NOTHING).held


def _from_before(question: int, waiting: list[After[Word]]) -> list[Word]:
    """Take out what had come before this question left."""
    due = [one for after, one in waiting if after < question]
    waiting[:] = [(after, one) for after, one in waiting if after >= question]
    return due
