"""Steps 2B and 2C: owns what each strategy holds, works, and may still be holding.

The exits go by what it holds (`actors/exits/knowledge.py`). They are told at once when they ask, and where they
follow once of the next change: so at most one change waits in their mailbox, however many orders move.
"""

from dataclasses import replace
from typing import assert_never

from actors.messages.books import BooksChecked, BreakResolved, DayBegan, ExpiryLearnt
from actors.messages.guard import (
    AskForExposures,
    AskForHolders,
    BasketReserved,
    ExposureReserved,
    ExposuresTold,
    FindExposures,
    FindHoldings,
    HoldersTold,
    ReleaseReservation,
    ReserveBasket,
    ReserveExposure,
    WriteOffPosition,
)
from actors.messages.inboxes import GuardInbox
from actors.messages.orders import OrderChanged
from actors.messages.risk import CheckRefused
from actors.runtime.address import post
from actors.runtime.mailboxes import Mailboxes, Runtime
from actors.runtime.shared_thread import SharedThreadActor
from domain.exits.flatten import PositionKey
from domain.positions.ledger import GuardLedger
from domain.positions.verdicts import GuardRefused, Reserved
from domain.read_models import Holdings
from domain.reconciliation.breaks import Break


class GuardActor(SharedThreadActor):
    """Owns the guard's ledger."""

    def __init__(
        self,
        *,
        mail: Mailboxes,
        runtime: Runtime,
        ledger: GuardLedger,
    ) -> None:
        super().__init__(mail.supervisor)
        self._clock = runtime.clock
        self._command = mail.command
        self._exits = mail.exits
        self._ledger = ledger
        self._told: ExposuresTold | None = None
        """What the exits know."""
        self._is_followed = False
        """The exits are to be told of the next change."""

    def on_receive(self, message: GuardInbox) -> Holdings | ExposuresTold | int | None:
        """Reserve, or take over what an order has become; then let the exits know of it."""
        self._ledger.see_time(self._clock.now())
        answer: int | None = None
        match message:
            case ReserveExposure():
                self._reserve(message)
            case ReserveBasket():
                self._reserve_basket(message)
            case ReleaseReservation():
                self._ledger.release(message.command)
            case WriteOffPosition():
                answer = self._ledger.write_off(message.position_key)
            case OrderChanged():
                self._ledger.observe(message.order)
            case BreakResolved():
                self._move(message)
            case BooksChecked():
                for key, difference in message.checked.apart.items():
                    self._ledger.be_apart(key, difference)
                self._ledger.show(message.checked.living)
            case AskForHolders():
                self._tell_holders(message.recon_break)
            case DayBegan():
                self._ledger.begin_day(message.day)
            case ExpiryLearnt():
                self._ledger.learn_last_day(message.exchange, message.symbol, message.expires_on)
            case AskForExposures():
                self._is_followed = self._is_followed or message.follows
                if message.answers:
                    self._tell_exits(self._exposures(), answers=True)
            case FindExposures():
                return self._exposures()
            case FindHoldings():
                return Holdings(
                    positions=self._ledger.positions(),
                    sold_from_holdings=self._ledger.sold_from_holdings(),
                    delivery_today=self._ledger.delivery_today(),
                )
            case _:
                assert_never(message)
        if self._is_followed:
            self._tell_change()
        return answer

    def _exposures(self) -> ExposuresTold:
        exposures, over = self._ledger.exposures_and_over()
        awaited, begun_by = self._ledger.awaited(), self._ledger.begun_by()
        return ExposuresTold(exposures=exposures, over=over, awaited=awaited, begun_by=begun_by)

    def _tell_change(self) -> None:
        """Tell the exits once, where something differs from what they know: they ask for the next change."""
        now = self._exposures()
        if now != self._told:
            self._is_followed = False
            self._tell_exits(now, answers=False)

    def _tell_exits(self, now: ExposuresTold, *, answers: bool) -> None:
        self._told = now
        post(self._exits, replace(now, answers=answers))

    def _move(self, message: BreakResolved) -> None:
        """Count units that the account holds by nobody's order, and what strategies hold no more."""
        resolved = message.recon_break
        if resolved.key is not None:
            for strategy, units in message.ended:
                self._ledger.shift(PositionKey(strategy, resolved.key), units)
            self._ledger.move(resolved.key, resolved.difference)

    def _tell_holders(self, about: Break) -> None:
        assert about.key is not None, "only a position has holders"
        holders = self._ledger.holders(about.key, about.difference)
        post(self._command, HoldersTold(recon_break=about, holders=holders))

    def _reserve(self, message: ReserveExposure) -> None:
        """Hold what the order may trade, or what it may trade more after a change."""
        command, name, change = message.command, message.command.command_id, message.change_id
        if message.order is None:
            verdict = self._ledger.reserve(command, from_position_only=message.from_position_only)
        else:
            verdict = self._ledger.reserve_change(message.order, command.quantity)
        match verdict:
            case Reserved():
                quantity, inputs = verdict.quantity, verdict.inputs
                reserved = ExposureReserved(command_id=name, change_id=change, quantity=quantity, inputs=inputs)
                post(self._command, reserved)
            case GuardRefused():
                reason, inputs, why = verdict.reason, verdict.inputs, verdict.why
                refused = CheckRefused(command_id=name, change_id=change, reason=reason, inputs=inputs, why=why)
                post(self._command, refused)

    def _reserve_basket(self, message: ReserveBasket) -> None:
        verdict = self._ledger.reserve_basket(message.legs)
        refused = verdict.reason if isinstance(verdict, GuardRefused) else None
        post(message.reply_to, BasketReserved(basket_id=message.basket_id, refused=refused))
