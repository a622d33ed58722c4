"""The proof of absence: what enough healthy rounds of books, over a long enough time, did not show.

It ends an UNCONFIRMED order that never arrived, and a cancel or modify that never took effect. One round proves
nothing: an order may enter a book late, and a book may be stale. One witness proves nothing either: in each round the
order book, the trade book and the positions must all be silent about it.
"""

from collections.abc import Iterator, Mapping
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from domain.orders.change import ChangeStage
from domain.orders.lifecycle import Event, State
from domain.orders.order import Order, OrderEvent
from domain.orders.reasons import Reason
from domain.orders.types import InstrumentKey
from domain.ports import may_have_been_dropped, trading_day
from domain.reconciliation.breaks import fills_name
from domain.reconciliation.order_rows import OrderIndex, Report
from domain.reconciliation.trades import Traded
from domain.settings import ProofSettings


@dataclass(frozen=True, slots=True, kw_only=True)
class Witnesses:
    """What the three books of one whole round show; `asked_at` is when its order book was asked for.

    `shown` are the command ids that the order book shows, or the next one. `apart` are signed units that an account
    holds and no order explains; `moving` is what traded while the books were read, so that nothing can be said of it.
    `unknown` are trades of orders that neither we nor the order book know; `untold` names the breaks between
    order and trade book.
    """

    shown: AbstractSet[str]
    asked_at: datetime
    asked_s: float
    apart: Mapping[InstrumentKey, int]
    moving: AbstractSet[InstrumentKey]
    unknown: tuple[Traded, ...] = ()
    untold: AbstractSet[str] = frozenset()

    def contradict(self, order: Order) -> bool:
        """Say whether a position or a trade that nobody explains may be this order's."""
        if order.command.key in self.moving:
            return False
        moved = self.apart.get(order.command.key, 0) * order.command.side.sign
        untold = order.broker_order_id is not None and fills_name(order.broker_order_id) in self.untold
        return moved > 0 or untold or any(one.may_be(order) for one in self.unknown)


@dataclass(frozen=True, slots=True)
class Absence:
    """The healthy rounds of books, so far, that did not show something."""

    books: int
    first_asked_at: datetime
    last_asked_at: datetime
    first_asked_s: float
    last_asked_s: float

    def proves(self, needed: ProofSettings) -> bool:
        """Say whether enough books over a long enough time have missed it."""
        # Not by the wall's clock: one that is set forward by an hour would make an hour of a second.
        spread = timedelta(seconds=self.last_asked_s - self.first_asked_s)
        return self.books >= needed.books and spread >= timedelta(seconds=needed.window_s)

    def inputs(self) -> dict[str, str]:
        """Return what the proof was made from, for the journal."""
        return {
            "healthy_books": str(self.books),
            "first_asked_at": self.first_asked_at.isoformat(),
            "last_asked_at": self.last_asked_at.isoformat(),
        }


class Absences:
    """Owns the proofs under way, by what is missing."""

    def __init__(self, needed: ProofSettings) -> None:
        self._needed = needed
        self._proofs: dict[str, Absence] = {}

    def advance(self, orders: OrderIndex, seen: Witnesses) -> Iterator[Report]:
        """Count one more healthy round; report what it completes and journal what it begins.

        A round that contradicts a proof lets it begin anew; one in which the instrument traded leaves it as it is.
        """
        asked_at, asked_s = seen.asked_at, seen.asked_s
        missing: dict[str, Order] = {}
        for order in orders:
            name, change = order.command.command_id, order.change
            if may_be_absent(order, seen.shown, asked_at, begun=name in self._proofs):
                missing[name] = order
            elif change is not None and change_may_be_absent(order, seen.shown, asked_at):
                missing[f"{name}/{change.change_id}"] = order
        missing = {name: order for name, order in missing.items() if not seen.contradict(order)}
        self._proofs = {name: proof for name, proof in self._proofs.items() if name in missing}
        for name, order in missing.items():
            if order.command.key in seen.moving:
                continue
            earlier = self._proofs.get(name, Absence(0, asked_at, asked_at, asked_s, asked_s))
            proof = replace(earlier, books=earlier.books + 1, last_asked_at=asked_at, last_asked_s=asked_s)
            self._proofs[name] = proof
            event = self._event_of(order, proof)
            if event is not None:
                yield Report(order.command.command_id, event)

    def _event_of(self, order: Order, proof: Absence) -> OrderEvent | None:
        """Return the end of a proof, or the evidence of one of its first books; later ones add nothing to read."""
        proved = proof.proves(self._needed)
        if order.state is not State.UNCONFIRMED:
            change = order.change
            ended = OrderEvent(
                kind=Event.CHANGE_LAPSED, tag=Reason.CHANGE_NOT_SEEN, change=change, inputs=proof.inputs()
            )
            return ended if proved else None
        if proved:
            return OrderEvent(kind=Event.PROVED_ABSENT, tag=Reason.PROVED_ABSENT, inputs=proof.inputs())
        if proof.books <= self._needed.books:
            return OrderEvent(kind=Event.NOTED, tag=order.tag, inputs=proof.inputs())
        return None


def may_be_absent(order: Order, shown: AbstractSet[str], asked_at: datetime, *, begun: bool = False) -> bool:
    """Say whether a book that does not show `order` counts against it.

    The book must have been asked for after the send, be of the order's own day for sure (the broker turns its books in
    the night), and be able to show the tag. Once a proof has `begun`, what the journal notes of it makes no later book
    too old.
    """
    return (
        order.state is State.UNCONFIRMED
        and bool(order.remarks_tag)
        and order.command.command_id not in shown
        and (begun or asked_at > order.updated_at)
        and order.day == trading_day(asked_at)
        and not may_have_been_dropped(order.created_at, asked_at)
    )


def change_may_be_absent(order: Order, shown: AbstractSet[str], asked_at: datetime) -> bool:
    """Say whether a book that shows `order` as it was counts against its change, whose reply is in."""
    change = order.change
    return (
        change is not None
        and change.stage is not ChangeStage.REQUESTED
        and not order.is_terminal
        and order.command.command_id in shown
        and asked_at > change.asked_at
    )


def must_be_shown(order: Order, shown: AbstractSet[str], asked_at: datetime) -> bool:
    """Say whether a whole book would show `order`, and this one does not."""
    return (
        order.broker_order_id is not None
        and order.command.command_id not in shown
        and asked_at > order.updated_at
        and order.day == trading_day(asked_at)
    )
