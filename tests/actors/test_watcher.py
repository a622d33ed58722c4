from dataclasses import replace

import pytest

from actors.messages.books import (
    BooksChecked,
    BooksReconciled,
    BooksUnavailable,
    BooksWitnessed,
    ChangedOrders,
    FeedChanged,
    FetchChangedOrders,
    FillsSeen,
    OrderBookRead,
    OrderUpdatesSeen,
    PositionsRead,
    TradeBookRead,
)
from actors.messages.broker import ReadBook
from actors.messages.desk import HeartbeatSent, SendHeartbeat
from actors.messages.timer import TimerFired
from actors.watcher import WatcherActor
from domain.broker.book_outages import BookKind, Sighting
from domain.broker.reply_types import Unavailable
from domain.broker.snapshots import Book, BrokerStatus, OrderUpdate, ReportType
from domain.orders.lifecycle import Event, State
from domain.orders.order import Order
from domain.reconciliation.reconciler import Checked, Known, Reconciler
from domain.settings import ProofSettings, WatcherSettings
from tests.actors.rooms import own_mailbox
from tests.fakes import FakeClock, ManualTimer, Probe, book, mailboxes, order, row_of, runtime, trade_of


class WatcherRoom:
    """A WatcherActor without a thread."""

    def __init__(self, *orders: Order) -> None:
        self.clock = FakeClock()
        self.timer = ManualTimer(self.clock)
        self.supervisor, self.command, self.broker = (Probe() for _ in range(3))
        self.actor = WatcherActor(
            mail=mailboxes(supervisor=self.supervisor, command=self.command, broker=self.broker),
            runtime=runtime(self.clock, timer=self.timer),
            reconciler=Reconciler(Known(orders=orders), "FA1", ProofSettings(), WatcherSettings()),
            settings=WatcherSettings(poll_interval_s=1.0),
        )
        self.own = own_mailbox(self.actor)

    def see(self, *rows: Order, status: BrokerStatus = BrokerStatus.OPEN, filled: int = 0) -> None:
        self.clock.advance(1)
        shown = book([row_of(one, status, filled_quantity=filled) for one in rows], self.clock.now())
        self.actor.on_receive(OrderBookRead(book=shown))

    def go_blind(self) -> None:
        self.actor.on_receive(OrderBookRead(book=Unavailable("HTTP 502", self.clock.now())))


WORKING = order(state=State.WORKING, broker_order_id="B1")


@pytest.fixture
def room() -> WatcherRoom:
    return WatcherRoom(WORKING)


def test_a_poll_learns_what_moved_before_it_reads_the_book(room: WatcherRoom) -> None:
    room.actor.on_receive(TimerFired())
    asked_first = (room.command.take(), room.broker.take())

    room.actor.on_receive(ChangedOrders(orders=(), fills_grew=False))

    assert asked_first == ([FetchChangedOrders()], [])
    assert room.broker.messages == [ReadBook(kind=BookKind.ORDERS)]


def test_the_next_poll_is_wound_by_the_book_that_was_asked_for(room: WatcherRoom) -> None:
    room.actor.on_receive(TimerFired())

    room.see(WORKING)

    assert len(room.timer.of(TimerFired)) == 1
    room.clock.advance(1)
    room.timer.fire_due()
    assert room.own.messages == [TimerFired()]


def test_a_book_that_an_earlier_watcher_asked_for_winds_no_second_clock(room: WatcherRoom) -> None:
    room.actor.on_receive(TimerFired())

    room.see(WORKING)
    room.see(WORKING)

    assert len(room.timer.of(TimerFired)) == 1


def test_a_book_that_could_not_be_read_winds_the_clock_too(room: WatcherRoom) -> None:
    room.actor.on_receive(TimerFired())

    room.go_blind()

    assert len(room.timer.of(TimerFired)) == 1


def test_what_a_book_proves_is_reported_and_nothing_is_written(room: WatcherRoom) -> None:
    room.see(WORKING, status=BrokerStatus.COMPLETE, filled=10)

    reports = room.command.only(BooksReconciled).reports

    assert [(one.command_id, one.event.kind) for one in reports] == [("c1", Event.FILLED)]


def test_a_healthy_book_without_news_is_told_too(room: WatcherRoom) -> None:
    # It is what says that the desk sees.
    room.see(WORKING)

    assert room.command.only(BooksReconciled).reports == ()


def test_a_moved_order_is_compared_as_it_is_now(room: WatcherRoom) -> None:
    filled = order(state=State.FILLED, broker_order_id="B1", filled_quantity=10)

    room.actor.on_receive(ChangedOrders(orders=(filled,), fills_grew=True))
    room.see(filled, status=BrokerStatus.COMPLETE, filled=10)

    assert room.command.only(BooksReconciled).reports == ()


def test_blindness_is_told_with_its_length_and_changes_nothing(room: WatcherRoom) -> None:
    # B1, G8.
    room.see(WORKING)
    room.command.take()
    room.clock.advance(4)

    room.go_blind()

    assert room.command.only(BooksUnavailable).unavailable_s == 4
    assert room.command.of(BooksReconciled) == []


def test_a_round_reads_the_three_books_one_after_the_other(room: WatcherRoom) -> None:
    room.see(WORKING)
    after_orders = room.broker.take()
    room.actor.on_receive(TradeBookRead(book=Book((), room.clock.now())))

    assert after_orders == [ReadBook(kind=BookKind.TRADES)]
    assert room.broker.take() == [ReadBook(kind=BookKind.POSITIONS)]


def test_a_round_is_judged_by_the_next_order_book(room: WatcherRoom) -> None:
    room.see(WORKING)
    room.actor.on_receive(TradeBookRead(book=Book((), room.clock.now())))
    room.actor.on_receive(PositionsRead(book=Book((), room.clock.now())))
    assert room.command.of(BooksChecked) == []

    room.see(WORKING)

    assert room.command.only(BooksChecked).checked == Checked((), (), ())


def test_fills_are_told_once(room: WatcherRoom) -> None:
    for shown in ((trade_of(WORKING),), (trade_of(WORKING), trade_of(WORKING, "2"))):
        room.actor.on_receive(TradeBookRead(book=Book(shown, room.clock.now())))

    assert [[fill.fill_id for fill in told.fills] for told in room.command.of(FillsSeen)] == [["1"], ["2"]]


def test_an_update_waits_until_it_is_known_how_the_order_stands(room: WatcherRoom) -> None:
    sent = order(command_id="new", state=State.SENDING)
    shown = row_of(sent, BrokerStatus.COMPLETE, broker_order_id="B9", filled_quantity=10)
    room.actor.on_receive(OrderUpdatesSeen(updates=(OrderUpdate(ReportType.FILL, shown, room.clock.now()),)))
    assert room.command.take() == [FetchChangedOrders()]

    room.actor.on_receive(ChangedOrders(orders=(sent,), fills_grew=False))

    (report,) = room.command.of(BooksReconciled)[-1].reports
    assert (report.command_id, report.event.kind) == ("new", Event.FILLED)
    assert room.broker.messages == [], "an update reads no book"


def test_updates_that_come_while_it_asks_are_compared_together(room: WatcherRoom) -> None:
    alive, traded = row_of(WORKING, BrokerStatus.OPEN), row_of(WORKING, BrokerStatus.OPEN, filled_quantity=3)
    for row in (alive, traded):
        room.actor.on_receive(OrderUpdatesSeen(updates=(OrderUpdate(ReportType.FILL, row, room.clock.now()),)))
    assert room.command.take() == [FetchChangedOrders()]

    room.actor.on_receive(ChangedOrders(orders=(), fills_grew=False))

    assert [one.reports[0].event.kind for one in room.command.take()] == [Event.PARTIALLY_FILLED]
    assert room.broker.messages == [], "no poll"


def test_a_feed_that_is_up_again_has_the_books_read_and_winds_no_clock(room: WatcherRoom) -> None:
    room.actor.on_receive(FeedChanged(up=True))
    room.actor.on_receive(ChangedOrders(orders=(), fills_grew=False))
    assert room.broker.take() == [ReadBook(kind=BookKind.ORDERS)]

    room.see(WORKING)

    assert room.timer.of(TimerFired) == []


def test_a_book_that_has_lost_rows_is_told_as_blindness(room: WatcherRoom) -> None:
    # B3.
    room.see(WORKING)
    room.command.take()

    room.see()

    assert room.command.only(BooksReconciled).whole is False
    assert room.command.only(BooksUnavailable).unavailable_s == 1


def test_fills_are_passed_on(room: WatcherRoom) -> None:
    fill = trade_of(WORKING)

    room.actor.on_receive(TradeBookRead(book=Book((fill,), room.clock.now())))

    assert room.command.only(FillsSeen).fills == (fill,)


def test_a_fill_waits_until_the_number_of_its_order_is_known(room: WatcherRoom) -> None:
    sent = order(command_id="new", state=State.SENDING)
    known = replace(sent, state=State.WORKING, broker_order_id="B2")
    fill = trade_of(known, remarks="")
    room.actor.on_receive(ChangedOrders(orders=(sent,), fills_grew=False))
    room.actor.on_receive(TradeBookRead(book=Book((fill,), room.clock.now())))
    told_early = room.command.of(FillsSeen)

    room.actor.on_receive(ChangedOrders(orders=(known,), fills_grew=True))
    room.actor.on_receive(TradeBookRead(book=Book((fill,), room.clock.now())))

    assert told_early == []
    assert room.command.only(FillsSeen).fills == (fill,)


def test_a_trade_with_our_tag_finds_its_order_and_is_told_with_it(room: WatcherRoom) -> None:
    lost = order(command_id="lost", state=State.UNCONFIRMED)
    fill = trade_of(lost, broker_order_id="B2")
    room.actor.on_receive(ChangedOrders(orders=(lost,), fills_grew=False))
    room.see(WORKING)

    for _ in range(2):
        room.actor.on_receive(TradeBookRead(book=Book((fill,), room.clock.now())))

    (report,) = room.command.of(BooksReconciled)[-1].reports
    assert (report.command_id, report.event.kind) == ("lost", Event.FILLED)
    assert (report.event.broker_order_id, report.event.average_price) == ("B2", fill.price)
    assert room.command.only(FillsSeen).fills == (fill,)


def test_trades_that_could_not_be_read_are_asked_for_again(room: WatcherRoom) -> None:
    room.see(WORKING)
    room.actor.on_receive(TradeBookRead(book=Unavailable("HTTP 502", room.clock.now())))

    room.see(WORKING)

    assert room.broker.of(ReadBook).count(ReadBook(kind=BookKind.TRADES)) == 2
    assert room.command.of(FillsSeen) == []


def test_positions_are_read_also_when_the_trades_could_not_be(room: WatcherRoom) -> None:
    room.see(WORKING)

    room.actor.on_receive(TradeBookRead(book=Unavailable("HTTP 502", room.clock.now())))
    room.actor.on_receive(PositionsRead(book=Book((), room.clock.now())))
    room.see(WORKING)

    assert room.broker.of(ReadBook).count(ReadBook(kind=BookKind.POSITIONS)) == 1
    assert room.command.of(BooksChecked) == [], "two books judge nothing"


def test_positions_are_read_also_when_the_orders_could_not_be(room: WatcherRoom) -> None:
    room.see(WORKING)
    room.actor.on_receive(TradeBookRead(book=Book((), room.clock.now())))
    room.broker.take()

    room.actor.on_receive(OrderBookRead(book=Unavailable("HTTP 502", room.clock.now())))
    room.actor.on_receive(PositionsRead(book=Book((), room.clock.now())))
    room.see(WORKING)

    assert room.broker.of(ReadBook).count(ReadBook(kind=BookKind.POSITIONS)) == 1
    assert room.command.of(BooksChecked) == [], "positions are judged with the orders and trades of their own round"


def test_a_book_that_is_away_for_long_is_told_once_and_so_is_its_return(room: WatcherRoom) -> None:
    for seconds in (0, 300, 299, 1, 100):
        room.clock.advance(seconds)
        room.actor.on_receive(TradeBookRead(book=Unavailable("HTTP 502", room.clock.now())))
    away = [one.sighting.away for one in room.command.of(BooksWitnessed)]

    room.actor.on_receive(TradeBookRead(book=Book((), room.clock.now())))

    assert away == [(), ((BookKind.TRADES, "HTTP 502"),)]
    assert room.command.of(BooksWitnessed)[-1].sighting == Sighting(read=frozenset({BookKind.TRADES}))


def test_a_heartbeat_names_who_sends_it(room: WatcherRoom) -> None:
    room.actor.on_receive(SendHeartbeat())

    assert room.supervisor.only(HeartbeatSent).urn == room.actor.actor_urn
