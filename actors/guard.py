"""Steps 2B and 2C: owns what each strategy holds, works, and may still be holding."""

from typing import assert_never

from actors.messages.books import ExpiryLearnt
from actors.messages.changes import ChangeBlocked, ChangeReserved, ReserveChange
from actors.messages.guard import (
    AskForExposures,
    AskForHolders,
    BasketReserved,
    BeginDay,
    CountExternal,
    ExpiredStillHeld,
    ExposureMoved,
    ExposureRefused,
    ExposureReserved,
    ExposuresTold,
    FindExposures,
    FindHoldings,
    HoldersTold,
    Holdings,
    PastDayApart,
    ReleaseReservation,
    ReserveBasket,
    ReserveExposure,
    WriteOffPosition,
)
from actors.messages.inboxes import GuardInbox
from actors.runtime.address import post
from actors.runtime.mailboxes import Mailboxes, Runtime
from actors.runtime.shared_thread import SharedThreadActor
from domain.exits.flatten import PositionKey
from domain.positions.ledger import GuardLedger, GuardRefused, Reserved
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
        self._ledger = ledger

    def on_receive(self, message: GuardInbox) -> Holdings | ExposuresTold | int | None:
        """Reserve, or take over what an order has become."""
        self._ledger.see_time(self._clock.now())
        match message:
            case ReserveExposure():
                self._reserve(message)
            case ReserveChange():
                self._reserve_change(message)
            case ReserveBasket():
                self._reserve_basket(message)
            case ReleaseReservation():
                self._ledger.release(message.command)
            case WriteOffPosition():
                return self._ledger.write_off(message.position_key)
            case ExposureMoved():
                self._ledger.observe(message.order)
            case CountExternal():
                for strategy, units in message.ended:
                    self._ledger.shift(PositionKey(strategy, message.key), units)
                self._ledger.move(message.key, message.quantity)
            case PastDayApart():
                self._ledger.be_apart(message.key, message.difference)
            case AskForHolders():
                self._tell_holders(message.recon_break)
            case BeginDay():
                self._ledger.begin_day(message.day)
            case ExpiryLearnt():
                self._ledger.learn_last_day(message.exchange, message.symbol, message.expires_on)
            case ExpiredStillHeld():
                self._ledger.show(message.keys)
            case AskForExposures():
                post(message.reply_to, self._exposures(message.question))
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
        return None

    def _exposures(self, question: int = 0) -> ExposuresTold:
        ledger = self._ledger
        return ExposuresTold(
            exposures=ledger.exposures(), question=question, over=ledger.over(), awaited=ledger.awaited()
        )

    def _tell_holders(self, about: Break) -> None:
        assert about.key is not None, "only a position has holders"
        holders = self._ledger.holders(about.key, about.difference)
        post(self._command, HoldersTold(recon_break=about, holders=holders))

    def _reserve(self, message: ReserveExposure) -> None:
        name = message.command.command_id
        verdict = self._ledger.reserve(message.command, from_position_only=message.from_position_only)
        match verdict:
            case Reserved():
                quantity, inputs = verdict.quantity, verdict.inputs
                post(self._command, ExposureReserved(command_id=name, quantity=quantity, inputs=inputs))
            case GuardRefused():
                refused = ExposureRefused(
                    command_id=name, reason=verdict.reason, inputs=verdict.inputs, why=verdict.why
                )
                post(self._command, refused)

    def _reserve_basket(self, message: ReserveBasket) -> None:
        verdict = self._ledger.reserve_basket(message.legs)
        refused = verdict.reason if isinstance(verdict, GuardRefused) else None
        post(message.reply_to, BasketReserved(basket_id=message.basket_id, refused=refused))

    def _reserve_change(self, message: ReserveChange) -> None:
        name = message.change_id
        verdict = self._ledger.reserve_change(message.order, message.quantity)
        match verdict:
            case Reserved():
                reserved = ChangeReserved(change_id=name, quantity=verdict.quantity, inputs=verdict.inputs)
                post(self._command, reserved)
            case GuardRefused():
                post(self._command, ChangeBlocked(change_id=name, reason=verdict.reason, inputs=verdict.inputs))
