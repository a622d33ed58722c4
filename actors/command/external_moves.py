"""Units of the account that no order explains: counted, accepted, undone, ended. A part of CommandActor, in its thread.

What the night did to a position is first held against who holds it, and only then recorded: units of ours that are gone
are an alarm and wait for a person; those of a contract that is over end by themselves; what others carried is theirs.
"""

from collections.abc import Callable
from typing import Final, assert_never

from loguru import logger

from actors.command.entry_gate import EntryGate
from actors.command.followers import Followers
from actors.messages.books import (
    BooksChecked,
    BreakResolved,
    PositionVanished,
    PositionWrittenOff,
    VanishingResolved,
)
from actors.messages.guard import AskForHolders, HoldersTold
from actors.messages.persistence import RecordExternalMove, UndoRecorded
from actors.runtime.address import post
from actors.runtime.mailboxes import Mailboxes, Runtime
from domain.alerts.alert import Alert
from domain.alerts.text.breaks import (
    acceptance_undone_alert,
    expired_alert,
    returned_alert,
    squared_off_alert,
    still_held_alert,
)
from domain.exits.flatten import PositionKey
from domain.orders.types import InstrumentKey
from domain.reconciliation.breaks import Break, BreakKind
from domain.reconciliation.broker_square_off import closed_by
from domain.reconciliation.moves import MoveKind
from domain.reconciliation.reconciler import Checked
from domain.reconciliation.vanishing import Holders, kind_of_carried, vanished_name, vanished_of, where
from domain.reconciliation.write_off import WriteOff

HELD_BY_OTHERS: Final = "held when the day began, by no order that this desk has seen"


class ExternalMoves:
    """Owns the moves on their way to the disk, and the words by which a person decided some of them."""

    def __init__(
        self,
        *,
        mail: Mailboxes,
        runtime: Runtime,
        followers: Followers,
        gate: EntryGate,
        tell: Callable[[Alert], None],
    ) -> None:
        self._repo = mail.repo
        self._guard = mail.guard
        self._risk = mail.risk
        self._exits = mail.exits
        self._watcher = mail.watcher
        self._followers = followers
        self._gate = gate
        self._tell = tell
        self._clock = runtime.clock
        self._under_way: set[str] = set()
        self._living: frozenset[InstrumentKey] = frozenset()
        self._decisions: dict[str, str] = {}

    def receive(self, message: BreakResolved | HoldersTold | UndoRecorded) -> None:
        """Take a move one step further."""
        match message:
            case BreakResolved():
                self._count(message)
            case HoldersTold():
                self._judge(message)
            case UndoRecorded():
                self._undo(message)
            case _:
                assert_never(message)

    def take(self, checked: Checked) -> None:
        """Take what the books tell of positions: what the night did is held against who holds them."""
        for one in (*checked.carried, *checked.ended):
            self._ask(one)
        if checked.apart or checked.living != self._living:
            post(self._guard, BooksChecked(checked=checked))
        if checked.living != self._living:
            for key in sorted(checked.living - self._living, key=where):
                self._tell(still_held_alert(key))
            self._living = checked.living
        for one in checked.undone:
            self._resolve(one, f"explained since by {', '.join(one.explained_by)}", MoveKind.UNDONE)

    def accept(self, name: str, reason: str) -> Break | None:
        """Accept what the books differ about, where that can't make it worse; return it, or None."""
        found = self._gate.find(name)
        if found is None or not found.may_be_accepted:
            return found
        if found.kind is BreakKind.VANISHED:
            self._decisions[name] = reason
            self._ask(found)
        else:
            self._resolve(found, reason, MoveKind.ACCEPTED)
        return found

    def _ask(self, about: Break) -> None:
        if about.name not in self._under_way:
            self._under_way.add(about.name)
            post(self._guard, AskForHolders(recon_break=about))

    def _judge(self, message: HoldersTold) -> None:
        """Record what a move is, now that it is known who holds the position."""
        one, holders = message.recon_break, message.holders
        self._under_way.discard(one.name)
        assert one.key is not None, "only a position has holders"
        match one.kind:
            case BreakKind.EXPIRED:
                self._end(one, holders)
            case BreakKind.SQUARED_OFF:
                self._close(one, holders)
            case BreakKind.VANISHED:
                decided = Break(name=one.name, kind=one.kind, sentence=one.sentence, key=one.key)
                ended = holders.shares_of(abs(one.difference))
                self._resolve(decided, self._decisions.pop(one.name, ""), MoveKind.DECIDED, ended)
            case _:
                gone_before = self._gate.find(vanished_name(one.key)) is not None
                kind = kind_of_carried(holders, vanished_before=gone_before)
                if kind is MoveKind.VANISHED:
                    post(
                        self._exits,
                        PositionVanished(recon_break=vanished_of(one.key, one.difference, one.heir), holders=holders),
                    )
                self._resolve(one, HELD_BY_OTHERS, kind)

    def _end(self, one: Break, holders: Holders) -> None:
        """End what is held of a contract that is over; where nobody holds it, the watcher need not ask again."""
        assert one.key is not None, "only a position has holders"
        if holders.are_none:
            post(self._watcher, BreakResolved(recon_break=one, kind=MoveKind.EXPIRED))
            return
        ends = Break(name=one.name, kind=one.kind, sentence=one.sentence, difference=-holders.total, key=one.key)
        self._resolve(ends, one.sentence, MoveKind.EXPIRED, holders.strategies)

    def _close(self, one: Break, holders: Holders) -> None:
        """Close what the broker has squared off, where it is plain whose; else some orders may be missing yet."""
        ended = closed_by(holders)
        if ended:
            self._resolve(one, one.sentence, MoveKind.SQUARED_OFF, ended)
        elif not holders.strategies:
            post(self._watcher, BreakResolved(recon_break=one, kind=MoveKind.SQUARED_OFF))

    def _resolve(self, resolved: Break, reason: str, kind: MoveKind, ended: tuple[tuple[str, int], ...] = ()) -> None:
        if resolved.name not in self._under_way:
            self._under_way.add(resolved.name)
            record = RecordExternalMove(
                recon_break=resolved, reason=reason, at=self._clock.now(), kind=kind, ended=ended
            )
            post(self._repo, record)

    def _count(self, message: BreakResolved) -> None:
        """Count what is on disk: guard, risk, watcher and the strategies follow."""
        resolved = message.recon_break
        self._under_way.discard(resolved.name)
        self._gate.resolve(resolved.name)
        key = resolved.key
        if key is not None:
            post(self._guard, message)
            post(self._risk, message)
            for strategy, units in message.ended:
                gone = WriteOff(
                    position_key=PositionKey(strategy, key),
                    units=units,
                    reason=message.reason,
                    at=self._clock.now(),
                    price=resolved.price,
                )
                self._followers.tell_strategy(strategy, PositionWrittenOff(write_off=gone))
        post(self._watcher, message)
        self._tell_of(message)

    def _tell_of(self, message: BreakResolved) -> None:
        """Let exits and people know what became of a position."""
        resolved, key = message.recon_break, message.recon_break.key
        if resolved.explained_by:
            self._tell(acceptance_undone_alert(resolved))
        if key is None:
            return
        match message.kind:
            case MoveKind.EXPIRED:
                self._tell(expired_alert(resolved, message.ended))
                post(self._exits, VanishingResolved(key=key, ended=message.reason))
                self._gate.resolve_vanished(vanished_name(key))
            case MoveKind.SQUARED_OFF:
                self._tell(squared_off_alert(resolved, message.ended))
            case MoveKind.VANISHED:
                self._gate.vanish(vanished_of(key, resolved.difference, resolved.heir))
            case MoveKind.RETURNED:
                self._cancel_orders(key, resolved)
            case MoveKind.DECIDED:
                post(self._exits, VanishingResolved(key=key, ended=f"the position is gone: {message.reason}"))
                self._gate.resolve_vanished(resolved.name)
            case _:
                pass

    def _cancel_orders(self, key: InstrumentKey, resolved: Break) -> None:
        """Count units that are there again; what is still gone goes on waiting."""
        gone = self._gate.find(vanished_name(key))
        left = resolved.difference + (0 if gone is None else gone.difference)
        if gone is not None and left * gone.difference > 0:
            self._gate.vanish(vanished_of(key, left, gone.heir))
            return
        post(self._exits, VanishingResolved(key=key))
        self._gate.resolve_vanished(vanished_name(key))
        self._tell(returned_alert(resolved))

    def _undo(self, message: UndoRecorded) -> None:
        """Count what was accepted no more, and let whoever asked know."""
        undone = message.answer.undone
        if undone is not None:
            logger.warning("what was accepted of {} is undone: {:+d} units", undone.name, undone.difference)
            self._count(BreakResolved(recon_break=undone, kind=MoveKind.UNDONE))
        post(message.reply_to, message.answer)
