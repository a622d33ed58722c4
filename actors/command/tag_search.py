"""Exits of whose command id no disk knows enough: looked for at the broker by their tag before they are sent.

A part of CommandActor, in its thread. Where neither the database nor the exit journal took an exit, only the broker can
tell whether an earlier run has sent it. After a run that was killed the same is asked until the books have been
compared, and as long as the database takes no order that they have shown: one with a tag like ours and without a row is
that run's, and what it traded is no longer held. It is waited for until it counts as EXTERNAL, a bounded time; then the
guard cuts the exit to what is left. An exit that a book has shown itself is never sent again; for others it is waited
for only as long as the books show it, as nothing records it any more once the broker has begun another day.
"""

from dataclasses import dataclass, replace
from typing import Final, TypeAlias

from actors.messages.books import BooksReconciled
from actors.messages.broker import LookUpTag, TagLookedUp
from actors.messages.persistence import OrderRegistered
from actors.runtime.address import post
from actors.runtime.mailboxes import Mailboxes, Runtime
from domain.broker.reply_types import Unavailable
from domain.broker.snapshots import Book
from domain.orders.command import OrderCommand
from domain.orders.order import Order
from domain.orders.tag_lookup import TagShown, look_for_tag
from domain.orders.types import EXTERNAL, Intent
from domain.reconciliation.order_rows import looks_like_ours, remarks_tag_of

LOOK_UP_S_MAX: Final = 2.0
BOOKS_RECONCILED_MIN: Final = 2
"""An order with a tag like ours is taken for another's only when a second book shows it, and told by every second."""


@dataclass(frozen=True, slots=True)
class Seeking:
    """An exit that waits for the books. `unwritten`: no disk knows it, so that they must be read."""

    registered: OrderRegistered
    unwritten: str


@dataclass(frozen=True, slots=True)
class Unrecorded:
    """An order of others with a tag like ours that the database has not taken; `book` counts the last that told it."""

    broker_order_id: str
    book: int


@dataclass(frozen=True, slots=True)
class SentBefore:
    """An earlier run has sent the exit; where it counts as EXTERNAL (`is_external`), its command id says nothing."""

    order: Order
    broker_order_id: str
    is_external: bool


@dataclass(frozen=True, slots=True)
class NotSent:
    """Nothing shows that the exit was sent; `seen` says what the books told of its tag."""

    registered: OrderRegistered
    seen: str


@dataclass(frozen=True, slots=True)
class CannotTell:
    """Neither a disk nor a book can tell whether the exit was sent."""

    message: str


TagFound: TypeAlias = SentBefore | NotSent | CannotTell


class TagSearch:
    """Owns the exits that wait for the books, and the tags at the broker of which there is no row."""

    def __init__(self, mail: Mailboxes, runtime: Runtime) -> None:
        self._broker = mail.broker
        self._command = mail.command
        self._clock = runtime.clock
        self._timer = runtime.timer
        self._seeking: dict[str, Seeking] = {}
        self._unclaimed: dict[str, str] = {}
        self._unrecorded: dict[str, Unrecorded] = {}
        self._known: set[str] = set()
        self._reconciled = 0
        self._ended_in_order = True

    def resume(self, orders: tuple[Order, ...], *, ended_in_order: bool) -> None:
        """Learn what the database knows, and whether an earlier run may have left more than that."""
        self._ended_in_order = ended_in_order
        for order in orders:
            self.claim(order)
            self._known.add(order.remarks_tag)

    def know(self, order: Order) -> None:
        """Note an order of this run, as long as the books may show one that nobody knows."""
        if self._may_show_strangers():
            self._known.add(order.remarks_tag)

    def claim(self, order: Order) -> None:
        """Note an order of others that carries a tag like ours, or that one the books have shown is ours after all."""
        for tag in (order.note, order.remarks_tag):
            self._unrecorded.pop(tag, None)
        if order.command.strategy == EXTERNAL and looks_like_ours(order.note):
            self._unclaimed[order.note] = order.broker_order_id or ""

    def see_books(self, message: BooksReconciled) -> None:
        """Count a whole book that was compared with ours, and note whose orders it shows that nobody knows."""
        self._reconciled += message.whole
        for order in message.external:
            if looks_like_ours(order.note) and order.note not in self._unclaimed:
                self._unrecorded[order.note] = Unrecorded(order.broker_order_id or "", self._reconciled)

    def number_of(self, command: OrderCommand) -> str | None:
        """Return the broker's number of an order of others that carries the tag of this command."""
        return self._unclaimed.get(remarks_tag_of(command)) if self._unclaimed else None

    def must_ask(self, command: OrderCommand) -> bool:
        """Say whether an exit that is registered now may have been sent by a run that left no word of it."""
        if command.intent is not Intent.EXIT:
            return False
        return self._may_show_strangers() or remarks_tag_of(command) in self._unrecorded

    def _may_show_strangers(self) -> bool:
        if not self._ended_in_order and self._reconciled < BOOKS_RECONCILED_MIN:
            return True
        return any(self._reconciled - one.book < BOOKS_RECONCILED_MIN for one in self._unrecorded.values())

    def begin(self, registered: OrderRegistered, *, unwritten: str = "") -> None:
        """Ask for both books; what has not come within the bound counts as unreadable."""
        order = registered.order
        name = order.command.command_id
        self.know(order)
        self._seeking[name] = Seeking(registered, unwritten)
        post(self._broker, LookUpTag(command_id=name, remarks_tag=order.remarks_tag))
        late = Unavailable(f"the books were not read within {LOOK_UP_S_MAX:g} s", self._clock.now())
        self._timer.tell_after(LOOK_UP_S_MAX, self._command, TagLookedUp(command_id=name, orders=late, trades=late))

    def look(self, message: TagLookedUp) -> TagFound | None:
        """Return what the books tell of the exit that waits; None where it waits on, or the answer came too late."""
        seeking = self._seeking.get(message.command_id)
        if seeking is None:
            return None
        order = seeking.registered.order
        fate = look_for_tag(order.remarks_tag, message.orders, message.trades)
        if order.remarks_tag in self._unrecorded:
            fate = TagShown(self._unrecorded[order.remarks_tag].broker_order_id)
        if self._has_strangers(message) and not isinstance(fate, TagShown):
            return None
        del self._seeking[message.command_id]
        if isinstance(fate, TagShown):
            return SentBefore(order, fate.broker_order_id, self.number_of(order.command) is not None)
        if isinstance(fate, Unavailable) and seeking.unwritten:
            return CannotTell(
                f"whether this id was sent before can't be told: nothing can be written ({seeking.unwritten}), and the"
                f" broker's books can't be read ({fate.cause}). Nothing was sent; send it again, or use `flatten`"
            )
        seen = fate.cause if isinstance(fate, Unavailable) else "not there"
        return NotSent(replace(seeking.registered, is_sought=True), seen)

    def _has_strangers(self, message: TagLookedUp) -> bool:
        """Say whether the books show an order of ours that is neither known nor counted as EXTERNAL yet."""
        if not self._may_show_strangers():
            return False
        books = (message.orders, message.trades)
        shown = {row.remarks for book in books if isinstance(book, Book) for row in book.rows}
        return any(looks_like_ours(tag) for tag in shown - self._known - self._unclaimed.keys())

    def ask_again(self) -> None:
        """Ask for the books anew, now that an order counts as EXTERNAL."""
        for name, seeking in self._seeking.items():
            post(self._broker, LookUpTag(command_id=name, remarks_tag=seeking.registered.order.remarks_tag))
