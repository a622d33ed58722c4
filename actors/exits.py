"""Exits: sees each position that somebody wants flat through to evidence that it is (`domain/exits.py`).

While an episode is open, a clock asks the guard what is held, and each episode says what follows: take orders back, or
send the next exit. Both leave by the way of every other order. What an order's answer was only says that the guard
knows by now; it is never what is decided by.
"""

from typing import Final, assert_never

from loguru import logger

from actors.address import Address, post
from actors.loop import LoopActor
from actors.messages import (
    ActorDied,
    AskForExposures,
    ChangeOrder,
    CommandInbox,
    ExitsInbox,
    ExitsNow,
    ExposuresTold,
    FindExits,
    GuardInbox,
    LookAtExits,
    MakeAllFlat,
    MakeFlat,
    MarketInbox,
    OrderAnswered,
    OrderDeclined,
    OrderPriced,
    PriceOrder,
    RecordFlat,
    RecordWish,
    RepoInbox,
    SubmitOrder,
)
from actors.timer import Timer
from domain.calendar import Calendar
from domain.change import ChangeKind
from domain.change_command import ChangeCommand
from domain.exits import LOUD_FROM, Episode, ExitWish, Exposure, Flat, Scope, SendExit, TakeBack, Wait, exit_price
from domain.instrument import Instrument
from domain.order import Intent, OrderCommand, OrderType, Origin
from domain.seams import Clock, Ids
from domain.settings import ExitSettings

_NAME_CHARACTERS: Final = 12
_NOTHING: Final = Exposure()


class ExitsActor(LoopActor):
    """Owns the episodes under way, and which of their exits wait for a price."""

    def __init__(
        self,
        *,
        supervisor: Address[ActorDied],
        command: Address[CommandInbox],
        guard: Address[GuardInbox],
        market: Address[MarketInbox],
        repo: Address[RepoInbox],
        client_id: str,
        settings: ExitSettings,
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
        self._client_id = client_id
        self._settings = settings
        self._calendar = calendar
        self._clock = clock
        self._ids = ids
        self._timer = timer
        self._episodes: dict[Scope, Episode] = {}
        self._unpriced: dict[str, tuple[Episode, SendExit]] = {}
        self._all_flat: list[MakeAllFlat] = []
        self._looking = False

    def on_receive(self, message: ExitsInbox | OrderAnswered | OrderDeclined | OrderPriced) -> ExitsNow | None:
        """Begin, look, decide."""
        match message:
            case MakeFlat():
                self._begin(message.wishes)
            case MakeAllFlat():
                self._all_flat.append(message)
                self._look()
            case LookAtExits():
                post(self._guard, AskForExposures(reply_to=self.actor_ref))
            case ExposuresTold():
                self._widen(message)
                self._decide(message)
            case OrderPriced():
                self._send_priced(message)
            case OrderAnswered():
                self._hear(message.order.command.command_id, f"{message.order.state} {message.order.note}".strip())
            case OrderDeclined():
                self._hear(message.command_id, message.words)
            case FindExits():
                return ExitsNow(under_way={scope: one.tries for scope, one in self._episodes.items()})
            case _:
                assert_never(message)
        return None

    def _begin(self, wishes: tuple[ExitWish, ...]) -> None:
        for wish in wishes:
            if wish.scope in self._episodes:
                continue
            logger.warning("{} is to be flat: {}", wish.scope, wish.because)
            name = f"exit-{self._ids.new()[:_NAME_CHARACTERS]}"
            self._episodes[wish.scope] = Episode(wish, name, self._clock.monotonic(), self._settings)
            post(self._repo, RecordWish(wish=wish))
        if self._episodes:
            self._look()

    def _look(self) -> None:
        """See to it that one clock runs: it ends by itself when there is nothing to look at."""
        if not self._looking:
            self._looking = True
            self.actor_ref.tell(LookAtExits())

    def _widen(self, message: ExposuresTold) -> None:
        """Begin an episode for every position that is asked to be flat with all others."""
        asked, self._all_flat = self._all_flat, []
        for one in asked:
            scopes = [scope for scope in message.exposures if one.strategy in {None, scope.strategy}]
            self._begin(tuple(self._wish(scope, one.because) for scope in scopes))

    def _wish(self, scope: Scope, because: str) -> ExitWish:
        now = self._clock.now()
        return ExitWish(wish_id=self._ids.new(), scope=scope, because=because, origin=Origin.DESK, asked_at=now)

    def _decide(self, message: ExposuresTold) -> None:
        """Let each episode take its next step, and wind the clock as long as one is open."""
        for episode in list(self._episodes.values()):
            exposure = message.exposures.get(episode.wish.scope, _NOTHING)
            step = episode.next_step(exposure, self._clock.monotonic(), is_open=self._is_open(episode.wish.scope))
            match step:
                case Wait():
                    pass
                case TakeBack():
                    self._take_back(episode, step)
                case SendExit():
                    self._price(episode, step)
                case Flat():
                    self._end(episode)
                case _:
                    assert_never(step)
        self._looking = bool(self._episodes)
        if self._looking:
            self._timer.tell_after(self._settings.look_s, self.actor_ref, LookAtExits())

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
            reply_to=self.actor_ref,
        )
        post(self._market, question)

    def _send_priced(self, message: OrderPriced) -> None:
        """Send the exit; where no price is known, the desk's own pricing has the last word."""
        episode, step = self._unpriced.pop(message.command_id)
        scope, instrument = episode.wish.scope, message.instrument
        price = None
        if isinstance(instrument, Instrument) and message.last_price is not None:
            price = exit_price(step.side, message.last_price, instrument, step.number)
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
        logger.log(
            "CRITICAL" if step.number >= LOUD_FROM else "WARNING",
            "exit {} of {}: {} {} at {}",
            step.number,
            scope,
            step.side,
            step.quantity,
            price or "market",
        )
        post(self._command, SubmitOrder(command=command, reply_to=self.actor_ref))

    def _hear(self, command_id: str, words: str) -> None:
        for episode in self._episodes.values():
            episode.answered(command_id)
            if episode.current == command_id:
                logger.info("{}: {}", command_id, words)

    def _end(self, episode: Episode) -> None:
        wish = episode.wish
        del self._episodes[wish.scope]
        post(self._repo, RecordFlat(wish_id=wish.wish_id, at=self._clock.now()))
        logger.warning("{} is flat after {} exits: {}", wish.scope, episode.tries, wish.because)
