"""Exits that no disk takes, and exits after a run that was killed: the broker's books are asked before one leaves."""

from dataclasses import replace

import pytest

from actors.messages.books import BooksReconciled
from actors.messages.broker import LookUpTag, TagLookedUp
from actors.messages.guard import ReserveExposure
from actors.messages.market import PriceOrder
from actors.messages.orders import OrderAnswered, SubmitOrder
from actors.messages.persistence import (
    ExternalOrderRecorded,
    ForgetRegistration,
    OrderLookedUp,
    OrderRegistered,
    RegisterOrder,
    RegistrationFailed,
)
from domain.blocker import BlockerKind
from domain.broker.reply_types import Unavailable
from domain.broker.snapshots import Book, OrderRow, TradeRow
from domain.orders.command import OrderCommand
from domain.orders.lifecycle import State
from domain.orders.order import Order
from domain.orders.reasons import Reason
from domain.orders.types import EXTERNAL, Intent, Origin, Side
from domain.reconciliation.order_rows import remarks_tag_of
from tests.actors.rooms import CommandRoom, answered, declined
from tests.fakes import command, order, row_of, snapshot_loaded, trade_of

EXIT = command(command_id="x1", intent=Intent.EXIT, side=Side.SELL)
SENT = order(command=EXIT, broker_order_id="B7", state=State.WORKING)


@pytest.fixture
def room() -> CommandRoom:
    return CommandRoom()


@pytest.fixture
def after_a_kill() -> CommandRoom:
    made = CommandRoom()
    made.tell(snapshot_loaded(orders=(), ended_in_order=False))
    return made


def unwritten(room: CommandRoom) -> OrderCommand:
    """Step 1: neither the database nor the exit journal takes what was asked to be registered."""
    (message,) = room.repo.of(RegisterOrder)
    room.repo.messages.clear()
    made = order(command=message.command, remarks_tag=message.remarks_tag, limit_price=None)
    room.tell(
        RegistrationFailed(
            command_id=made.command.command_id, order=made, cause="database is locked; the disk is read-only"
        )
    )
    return message.command


def books(
    room: CommandRoom, orders: tuple[OrderRow, ...] = (), trades: tuple[TradeRow, ...] = (), *, unread: str = ""
) -> TagLookedUp:
    now = room.clock.now()
    shown: dict[str, object] = {"orders": Book(orders, now), "trades": Book(trades, now)}
    if unread:
        shown[unread] = Unavailable("502", now)
    return TagLookedUp(command_id="x1", **shown)  # type: ignore[arg-type]


def leaves(room: CommandRoom) -> bool:
    """Lead the exit on, and say whether it came to the broker."""
    room.price()
    room.clear()
    room.reserve()
    room.fail_to_record()
    return bool(room.place())


def test_an_exit_that_neither_book_shows_is_sent_once(room: CommandRoom) -> None:
    caller = room.submit(EXIT)
    unwritten(room)
    asked = room.broker.only(LookUpTag)
    before = room.risk.messages

    room.tell(books(room))

    assert (asked.command_id, asked.remarks_tag, before) == ("x1", remarks_tag_of(EXIT), [])
    assert leaves(room)
    room.fail_to_record()
    assert answered(caller).state is State.WORKING


@pytest.mark.parametrize("book", ["orders", "trades"])
def test_an_exit_that_either_book_shows_is_found_and_not_sent(room: CommandRoom, book: str) -> None:
    caller = room.submit(EXIT)
    unwritten(room)

    shown = {"orders": (row_of(SENT),)} if book == "orders" else {"trades": (trade_of(SENT),)}
    room.tell(books(room, **shown))

    assert caller.only(OrderAnswered).repeated
    assert answered(caller).state is State.UNCONFIRMED
    assert not leaves(room)


@pytest.mark.parametrize("book", ["orders", "trades"])
def test_an_exit_is_declined_while_a_book_cannot_be_read_and_may_come_again(room: CommandRoom, book: str) -> None:
    caller = room.submit(EXIT)
    unwritten(room)

    room.tell(books(room, unread=book))

    assert declined(caller).reason is Reason.DATABASE_UNAVAILABLE
    assert "can't be read (502)" in declined(caller).message
    assert room.repo.only(ForgetRegistration).command_id == "x1"
    assert not leaves(room)


def test_an_exit_is_declined_when_the_books_do_not_come(room: CommandRoom) -> None:
    caller = room.submit(EXIT)
    unwritten(room)

    room.wait(3)
    room.tell(books(room))

    assert declined(caller).reason is Reason.DATABASE_UNAVAILABLE
    assert not leaves(room)


def test_an_exit_whose_id_this_run_has_made_asks_nobody(room: CommandRoom) -> None:
    room.tell(SubmitOrder(command=EXIT, is_new=True))

    unwritten(room)

    assert room.broker.of(LookUpTag) == []
    assert leaves(room)


def test_after_a_kill_an_exit_waits_for_the_books_and_leaves(after_a_kill: CommandRoom) -> None:
    after_a_kill.submit(EXIT)
    after_a_kill.register()
    waits = after_a_kill.risk.messages == []

    after_a_kill.price()
    after_a_kill.tell(books(after_a_kill))

    assert waits
    assert leaves(after_a_kill)


@pytest.mark.parametrize("unread", ["orders", "trades"])
def test_after_a_kill_an_exit_that_is_stored_leaves_whatever_can_be_read(
    after_a_kill: CommandRoom, unread: str
) -> None:
    after_a_kill.submit(EXIT)
    after_a_kill.register()

    after_a_kill.tell(books(after_a_kill, unread=unread))

    assert leaves(after_a_kill)


def test_after_a_kill_an_order_that_nobody_knows_is_counted_before_an_exit_leaves(after_a_kill: CommandRoom) -> None:
    lost = order(command=command(command_id="lost", intent=Intent.EXIT, side=Side.SELL), broker_order_id="B8")
    after_a_kill.submit(EXIT)
    after_a_kill.register()
    after_a_kill.price()
    shows_it = books(after_a_kill, (row_of(lost),))

    after_a_kill.tell(shows_it)
    waits = after_a_kill.guard.of(ReserveExposure) == [] and after_a_kill.risk.messages == []
    after_a_kill.tell(ExternalOrderRecorded(order=external(lost), known=False))
    asked = len(after_a_kill.broker.of(LookUpTag))
    after_a_kill.tell(shows_it)

    assert waits
    assert asked == 2
    assert leaves(after_a_kill)


def test_after_two_books_of_a_run_nothing_is_asked_any_more(after_a_kill: CommandRoom) -> None:
    after_a_kill.tell(BooksReconciled(reports=(), asked_at=after_a_kill.clock.now()))
    after_a_kill.tell(BooksReconciled(reports=(), asked_at=after_a_kill.clock.now()))

    after_a_kill.submit(EXIT)
    after_a_kill.register()

    assert after_a_kill.broker.of(LookUpTag) == []
    assert leaves(after_a_kill)


def unrecorded(room: CommandRoom, ours: Order) -> None:
    """Let two books show an order of ours that the database does not take, and a book again."""
    seen = BooksReconciled(reports=(), asked_at=room.clock.now(), external=(external(ours),))
    for message in (BooksReconciled(reports=(), asked_at=room.clock.now()), seen, seen):
        room.tell(message)


@pytest.mark.parametrize("read", ["orders", ""])
def test_an_exit_that_the_books_have_shown_is_not_sent_while_no_disk_takes_it(
    after_a_kill: CommandRoom, read: str
) -> None:
    unrecorded(after_a_kill, SENT)
    caller = after_a_kill.submit(EXIT)
    after_a_kill.register()

    if read:
        after_a_kill.tell(books(after_a_kill, (row_of(SENT),)))
    else:
        after_a_kill.wait(3)

    assert caller.only(OrderAnswered).repeated
    assert answered(caller).state is State.UNCONFIRMED
    assert not leaves(after_a_kill)


def test_an_exit_waits_for_an_order_that_no_disk_takes_and_leaves_in_time(after_a_kill: CommandRoom) -> None:
    lost = order(command=command(command_id="lost", intent=Intent.EXIT, side=Side.SELL), broker_order_id="B8")
    unrecorded(after_a_kill, lost)
    after_a_kill.submit(EXIT)
    after_a_kill.register()
    after_a_kill.price()

    after_a_kill.tell(books(after_a_kill, (row_of(lost),)))
    waits = after_a_kill.risk.messages == []
    after_a_kill.wait(3)

    assert waits
    assert leaves(after_a_kill)


def test_nothing_is_waited_for_once_the_order_is_recorded(after_a_kill: CommandRoom) -> None:
    unrecorded(after_a_kill, SENT)
    after_a_kill.tell(ExternalOrderRecorded(order=external(SENT), known=False))
    after_a_kill.tell(BooksReconciled(reports=(), asked_at=after_a_kill.clock.now(), external=(external(SENT),)))

    after_a_kill.submit(replace(EXIT, command_id="x2"))

    after_a_kill.register()
    assert after_a_kill.broker.of(LookUpTag) == []


def forgotten_by_the_books(room: CommandRoom) -> None:
    """Let the broker begin another day while the database takes nothing: no book shows the order any more."""
    for _ in range(2):
        room.tell(BooksReconciled(reports=(), asked_at=room.clock.now()))


def test_an_order_that_every_second_book_tells_is_waited_for_between_them(after_a_kill: CommandRoom) -> None:
    unrecorded(after_a_kill, SENT)
    after_a_kill.tell(BooksReconciled(reports=(), asked_at=after_a_kill.clock.now()))

    after_a_kill.submit(replace(EXIT, command_id="x2"))

    after_a_kill.register()
    assert len(after_a_kill.broker.of(LookUpTag)) == 1


def test_an_order_that_the_books_show_no_more_is_waited_for_no_more(after_a_kill: CommandRoom) -> None:
    unrecorded(after_a_kill, SENT)
    forgotten_by_the_books(after_a_kill)

    after_a_kill.submit(replace(EXIT, command_id="x2"))
    after_a_kill.register()

    assert after_a_kill.broker.of(LookUpTag) == []


def test_an_exit_that_a_book_of_yesterday_has_shown_is_not_sent_today(after_a_kill: CommandRoom) -> None:
    unrecorded(after_a_kill, SENT)
    forgotten_by_the_books(after_a_kill)
    caller = after_a_kill.submit(EXIT)
    after_a_kill.register()

    after_a_kill.tell(books(after_a_kill))

    assert caller.only(OrderAnswered).repeated
    assert not leaves(after_a_kill)


def external(ours: Order) -> Order:
    """Return an order of ours as the books show it to who has no row of it."""
    name = f"ext-{ours.broker_order_id}"
    stored = replace(ours.command, strategy=EXTERNAL, origin=Origin.EXTERNAL, command_id=name, unchecked=True)
    return order(command=stored, remarks_tag="", note=ours.remarks_tag, broker_order_id=ours.broker_order_id)


@pytest.mark.parametrize("intent", [Intent.EXIT, Intent.ENTRY])
def test_an_id_that_counts_as_an_order_of_others_is_not_sent(room: CommandRoom, intent: Intent) -> None:
    asked = command(command_id="x1", intent=intent, side=Side.SELL)
    room.tell(snapshot_loaded(orders=(external(SENT),)))
    caller = room.submit(asked)

    room.tell(OrderLookedUp(command_id="x1", order=None))

    assert declined(caller).reason is Reason.ALREADY_AT_BROKER
    assert room.repo.of(RegisterOrder) == []
    assert room.market.of(PriceOrder) == []


def test_an_exit_in_the_exit_journal_goes_on_at_once_and_says_where_it_is(room: CommandRoom) -> None:
    room.submit(EXIT)
    (message,) = room.repo.of(RegisterOrder)
    made = order(command=message.command, remarks_tag=message.remarks_tag, limit_price=None)

    room.tell(OrderRegistered(order=made, unwritten="database is locked"))

    assert room.broker.of(LookUpTag) == []
    assert leaves(room)
    assert room.readiness.blockers[0].kind is BlockerKind.DATABASE_BEHIND
