import queue
from typing import Any

import pytest

from actors.broker.actor import BrokerActor
from actors.messages.books import OrderBookRead, PositionsRead, TradeBookRead
from actors.messages.broker import (
    BrokerAnswered,
    ChangeAtBroker,
    FindBrokerState,
    LogIn,
    LookedUp,
    LookUp,
    PlaceOrder,
    ReadBook,
    SendNextRequest,
    SessionChanged,
)
from actors.messages.risk import TradingStateChanged
from domain.broker.book_outages import BookKind
from domain.broker.reply_types import Accepted, LoggedIn, LoginFailed, PlaceReply, Refused, Unknown, UnknownInstrument
from domain.broker.session import EXIT_LOGIN_S, SessionState
from domain.market.knowledge import Want
from domain.orders.change import ChangeKind
from domain.orders.reasons import Reason
from domain.orders.types import Exchange, Intent, Side
from domain.read_models import BrokerState
from domain.risk.checks import TradingState
from domain.settings import BrokerSettings
from tests.actors.rooms import own_mailbox
from tests.fakes import (
    FakeBroker,
    FakeClock,
    FakeFeed,
    FakeSession,
    ManualTimer,
    Probe,
    change,
    instrument,
    mailboxes,
    order,
    runtime,
)

EXPIRED = Refused(Reason.SESSION_EXPIRED, "Session Expired : Invalid Session Key")


class BrokerRoom:
    """A BrokerActor without a thread. `serve` lets it read its mailbox to the end and send what may leave now."""

    def __init__(self, *, logged_in: bool = True, **settings: Any) -> None:  # noqa: ANN401  any setting of the broker
        self.clock = FakeClock()
        self.timer = ManualTimer(self.clock)
        self.supervisor, self.command, self.watcher, self.market = Probe(), Probe(), Probe(), Probe()
        self.broker, self.feed = FakeBroker(self.clock), FakeFeed()
        if logged_in:
            self.broker.session, self.broker.needs_login = FakeSession(), False
        self.actor = BrokerActor(
            mail=mailboxes(supervisor=self.supervisor, command=self.command, watcher=self.watcher, market=self.market),
            runtime=runtime(self.clock, timer=self.timer),
            broker=self.broker,
            feed=self.feed,
            settings=BrokerSettings(**settings),
        )
        self.own = own_mailbox(self.actor)

    def tell(self, *messages: Any) -> None:  # noqa: ANN401  any message of the inbox
        """Hand over messages while a request is under way: nothing is sent yet."""
        for message in messages:
            self.actor.on_receive(message)

    def serve(self) -> None:
        """Let every request leave that may leave at this instant."""
        while self.own.messages:
            self.actor.on_receive(self.own.messages.pop(0))

    def serve_one(self) -> None:
        self.actor.on_receive(self.own.messages.pop(0))

    def wait(self, seconds: float, step: float = 0.05) -> None:
        """Let time pass in small steps, and requests leave as they may."""
        for _ in range(round(seconds / step)):
            self.clock.advance(step)
            self.timer.fire_due()
            self.serve()

    @property
    def answers(self) -> dict[str, PlaceReply]:
        return {one.command_id: one.reply for one in self.command.of(BrokerAnswered)}

    @property
    def placed(self) -> list[str]:
        return [one.command.command_id for one in self.broker.placed]


def entry(name: str) -> PlaceOrder:
    return PlaceOrder(order=order(command_id=name))


def way_out(name: str) -> PlaceOrder:
    return PlaceOrder(order=order(command_id=name, intent=Intent.EXIT, side=Side.SELL))


@pytest.fixture
def room() -> BrokerRoom:
    return BrokerRoom()


@pytest.mark.parametrize(
    "reply", [Accepted("B1"), Refused(Reason.BROKER_REFUSED, "no margin"), Unknown("no answer within 7 s")]
)
def test_an_order_is_placed_once_and_its_reply_passed_on(room: BrokerRoom, reply: PlaceReply) -> None:
    room.broker.places.say(reply)

    room.tell(entry("c1"))
    room.serve()
    room.wait(60)

    assert room.placed == ["c1"]
    assert room.command.of(BrokerAnswered) == [BrokerAnswered(command_id="c1", reply=reply)]


def test_with_an_empty_mailbox_a_request_leaves_in_the_turn_in_which_it_came(room: BrokerRoom) -> None:
    room.actor.actor_inbox = queue.SimpleQueue()

    room.tell(entry("c1"))

    assert (room.placed, room.own.messages) == (["c1"], [])


def test_what_comes_during_a_request_is_read_before_the_next_one_leaves(room: BrokerRoom) -> None:
    inbox: queue.SimpleQueue[Any] = queue.SimpleQueue()

    def accept_while_an_exit_comes() -> PlaceReply:
        inbox.put(way_out("x1"))
        return Accepted("B1")

    room.broker.places.say(accept_while_an_exit_comes, Accepted("B2"))
    room.tell(entry("c1"), entry("c2"))
    room.actor.actor_inbox = inbox

    room.serve_one()
    assert room.placed == ["c1"]
    room.tell(inbox.get())
    room.serve()

    assert room.placed == ["c1", "x1", "c2"]


def test_one_request_leaves_at_a_time(room: BrokerRoom) -> None:
    room.tell(entry("c1"), entry("c2"), ReadBook(kind=BookKind.ORDERS))

    room.serve_one()

    assert len(room.broker.calls) == 1


def test_the_mailbox_is_read_to_its_end_before_the_next_request(room: BrokerRoom) -> None:
    # The request to serve stands behind what came before it.
    room.tell(entry("c1"))
    room.tell(way_out("x1"))

    room.serve_one()

    assert room.broker.calls == ["place x1"]


def test_an_exit_leaves_next_with_a_thousand_entries_waiting() -> None:
    room = BrokerRoom(orders_per_second_max=10_000)
    room.tell(*(entry(f"c{number}") for number in range(1_000)))
    room.serve_one()

    room.tell(way_out("x1"))
    room.serve_one()

    assert room.placed == ["c0", "x1"]


@pytest.mark.parametrize(
    ("intent", "kind", "first"),
    [
        (Intent.EXIT, ChangeKind.MODIFY, True),
        (Intent.EXIT, ChangeKind.CANCEL, True),
        (Intent.ENTRY, ChangeKind.CANCEL, True),
        (Intent.ENTRY, ChangeKind.MODIFY, False),
    ],
)
def test_changes_of_exits_and_cancels_pass_waiting_entries(
    room: BrokerRoom, intent: Intent, kind: ChangeKind, *, first: bool
) -> None:
    changed = order(command_id="x", intent=intent, side=Side.SELL, broker_order_id="B1")

    room.tell(entry("e1"), entry("e2"), ChangeAtBroker(order=changed, change=change(kind=kind)))
    room.serve()

    entries = ["place e1", "place e2"]
    asked = f"{kind.lower()} x"
    assert room.broker.calls == ([asked, *entries] if first else [*entries, asked])


def test_a_wait_that_ends_puts_no_second_request_before_an_exit() -> None:
    room = BrokerRoom(orders_per_second_max=2, orders_reserved_for_exits=1)
    room.tell(entry("c1"), entry("c2"), entry("c3"))
    room.serve()
    room.clock.advance(1.0)
    room.tell(ReadBook(kind=BookKind.ORDERS))

    room.timer.fire_due()
    room.own.tell(way_out("x1"))
    room.serve_one()
    room.serve()

    assert room.broker.calls == ["place c1", "order_book", "place x1"]


def test_books_are_read_before_entries_and_after_exits(room: BrokerRoom) -> None:
    room.tell(LogIn())
    room.serve()
    room.broker.calls.clear()

    room.tell(entry("c1"), ReadBook(kind=BookKind.ORDERS), way_out("x1"))

    room.serve()

    assert room.broker.calls == ["place x1", "order_book", "place c1"]


def test_a_broker_so_slow_that_books_always_wait_gets_entries_all_the_same(room: BrokerRoom) -> None:
    room.tell(ReadBook(kind=BookKind.ORDERS), entry("c1"), entry("c2"))

    for _ in range(4):
        room.tell(ReadBook(kind=BookKind.ORDERS))
        room.serve_one()

    assert room.broker.calls == ["order_book", "place c1", "order_book", "place c2"]


def test_entries_leave_in_the_order_of_their_coming(room: BrokerRoom) -> None:
    names = [f"c{number}" for number in range(30)]
    room.tell(*(entry(name) for name in names))

    room.serve()
    room.wait(10)

    assert room.placed == names


def test_entries_that_are_stopped_are_refused_where_they_wait_and_exits_go(room: BrokerRoom) -> None:
    room.tell(
        entry("waits"), way_out("out"), TradingStateChanged(state=TradingState.EXITS_ONLY, reason=""), entry("late")
    )
    room.serve()

    assert room.placed == ["out"]
    assert {name: getattr(room.answers[name], "reason", None) for name in ("waits", "late")} == {
        "waits": Reason.TRADING_EXITS_ONLY,
        "late": Reason.TRADING_EXITS_ONLY,
    }

    room.tell(TradingStateChanged(state=TradingState.ACTIVE, reason=""), entry("again"))
    room.serve()
    assert room.placed == ["out", "again"]


def test_an_exit_leaves_at_once_when_entries_have_used_their_share(room: BrokerRoom) -> None:
    room.tell(*(entry(f"c{number}") for number in range(20)))
    room.serve()
    entries_sent = len(room.placed)

    room.tell(way_out("x1"))
    room.serve()

    assert entries_sent == 7
    assert room.placed[-1] == "x1"


def test_the_rate_ceiling_holds_in_every_rolling_second(room: BrokerRoom) -> None:
    # D6.
    sent_at: list[float] = []

    def answer() -> PlaceReply:
        sent_at.append(room.clock.monotonic())
        return Accepted("B1")

    room.broker.places.say(answer)
    room.tell(*(entry(f"c{number}") for number in range(60)), *(way_out(f"x{number}") for number in range(10)))

    room.serve()
    room.wait(12)

    assert len(sent_at) == 70
    assert all(later - earlier >= 1.0 for earlier, later in zip(sent_at, sent_at[10:], strict=False))


def test_waiting_for_the_rate_winds_one_timer(room: BrokerRoom) -> None:
    room.tell(*(entry(f"c{number}") for number in range(7)))
    room.serve()

    room.tell(*(entry(f"n{number}") for number in range(500)))
    room.serve()

    assert len(room.timer.of(SendNextRequest)) == 1


def test_an_entry_that_waited_too_long_is_refused_and_not_sent() -> None:
    room = BrokerRoom(rate_wait_s_max=2.0)
    room.tell(*(entry(f"c{number}") for number in range(40)))

    room.serve()
    room.wait(10)

    refused = {name for name, reply in room.answers.items() if isinstance(reply, Refused)}
    reasons = {reply.reason for reply in room.answers.values() if isinstance(reply, Refused)}
    assert reasons == {Reason.RATE_LIMITED}
    assert refused.isdisjoint(room.placed)
    assert len(refused) + len(room.placed) == 40
    assert room.placed == [f"c{number}" for number in range(len(room.placed))]


def test_an_exit_never_waits_too_long_to_be_sent() -> None:
    room = BrokerRoom(rate_wait_s_max=0.1)
    room.tell(*(way_out(f"x{number}") for number in range(25)))

    room.serve()
    room.wait(10)

    assert len(room.placed) == 25


# The session.


def test_a_login_is_told_and_the_feed_begins() -> None:
    room = BrokerRoom(logged_in=False)
    room.tell(LogIn())
    room.serve()

    told = [one.state for one in room.command.of(SessionChanged)]
    assert told == [SessionState.LOGGING_IN, SessionState.LOGGED_IN]
    assert room.feed.sessions == [room.broker.session]


def test_an_expired_session_is_opened_again_once_and_the_order_sent_a_second_time(room: BrokerRoom) -> None:
    # R7: proof that nothing was taken, so a second asking is not a second order.
    room.broker.places.say(EXPIRED, Accepted("B1"))

    room.tell(entry("c1"))
    room.serve()

    assert room.broker.calls == ["place c1", "log_in", "place c1"]
    assert room.answers == {"c1": Accepted("B1")}


def test_a_session_that_stays_expired_refuses_the_order(room: BrokerRoom) -> None:
    room.broker.places.say(EXPIRED)

    room.tell(entry("c1"))
    room.serve()

    assert room.broker.calls == ["place c1", "log_in", "place c1"]
    assert room.answers == {"c1": EXPIRED}


def test_a_way_out_that_comes_in_during_the_login_an_entry_needed_goes_before_that_entry() -> None:
    room = BrokerRoom(logged_in=False)
    room.tell(entry("c1"))

    room.serve_one()
    room.tell(way_out("x1"))
    room.serve()

    assert room.broker.calls == ["log_in", "place x1", "place c1"]


def test_a_login_that_fails_refuses_the_order(room: BrokerRoom) -> None:
    room.broker.places.say(EXPIRED)
    room.broker.logins.say(LoginFailed("wrong password", final=True))

    room.tell(entry("c1"))
    room.serve()

    assert room.broker.calls == ["place c1", "log_in"]
    assert room.answers == {"c1": EXPIRED}


@pytest.mark.parametrize("reply", [Unknown("no answer"), Refused(Reason.BROKER_UNREACHABLE, "refused")])
def test_no_other_reply_is_ever_followed_by_a_second_asking(room: BrokerRoom, reply: PlaceReply) -> None:
    room.broker.places.say(reply)

    room.tell(entry("c1"))
    room.serve()

    assert room.broker.calls == ["place c1"]


def test_many_orders_on_a_dead_session_do_not_try_the_password_many_times() -> None:
    # Brokers lock an account after a few wrong passwords.
    room = BrokerRoom(login_retry_s=5.0)
    room.broker.places.say(EXPIRED)
    room.broker.logins.say(LoginFailed("Invalid Input : Wrong user id or password", final=True))

    room.tell(*(way_out(f"x{number}") for number in range(20)))
    room.serve()
    room.wait(4)

    assert room.broker.calls.count("log_in") == 1
    assert len(room.answers) == 20


def test_a_login_that_is_useless_is_not_tried_again() -> None:
    room = BrokerRoom(logged_in=False)
    room.broker.logins.say(LoginFailed("Account blocked", final=True))

    for _ in range(60):
        room.tell(ReadBook(kind=BookKind.ORDERS))
        room.serve()
        room.wait(1, step=1)

    assert room.broker.calls.count("log_in") == 1


def test_the_second_asking_keeps_the_rate_ceiling() -> None:
    room = BrokerRoom(orders_per_second_max=2, orders_reserved_for_exits=0)
    sent_at: list[float] = []

    def answer() -> PlaceReply:
        sent_at.append(room.clock.monotonic())
        return EXPIRED if len(sent_at) == 2 else Accepted("B1")

    room.broker.places.say(answer)
    room.tell(entry("c1"), entry("c2"))
    room.serve()
    room.wait(5)

    assert len(sent_at) == 3
    assert sent_at[2] - sent_at[0] >= 1.0


def test_a_dead_session_seen_by_a_read_is_opened_again_no_oftener_than_set() -> None:
    # B1.
    room = BrokerRoom(logged_in=False, login_retry_s=5.0)
    room.broker.logins.say(LoginFailed("server is down", final=False))

    for _ in range(40):
        room.tell(ReadBook(kind=BookKind.ORDERS))
        room.serve()
        room.wait(1, step=1)

    assert room.broker.calls.count("log_in") == 4, "after 0, 5, 15 and 35 seconds"
    assert room.broker.calls.count("order_book") == 40


def test_a_way_out_is_sent_soon_after_a_broker_that_was_away_opens_sessions_again() -> None:
    room = BrokerRoom(logged_in=False, login_retry_s=5.0, login_retry_s_max=60.0)
    room.broker.logins.say(*[LoginFailed("server is down", final=False)] * 6, LoggedIn("FA1"))
    for _ in range(80):
        room.tell(ReadBook(kind=BookKind.ORDERS))
        room.serve()
        room.wait(1, step=1)
    assert room.broker.calls.count("log_in") == 5, "the next would be tried after 135 seconds"

    for number in range(2):
        room.tell(entry(f"c{number}"), way_out(f"x{number}"))
        room.serve()
        room.wait(EXIT_LOGIN_S + 0.1)

    assert room.placed == ["x1", "c1"]
    assert room.broker.calls.count("log_in") == 7


# Reading, status, the end.


def test_each_reading_is_answered_to_whom_it_concerns(room: BrokerRoom) -> None:
    room.tell(LogIn())
    room.serve()
    caller = Probe()

    room.tell(
        ReadBook(kind=BookKind.ORDERS),
        ReadBook(kind=BookKind.TRADES),
        ReadBook(kind=BookKind.POSITIONS, reply_to=caller),
        LookUp(exchange=Exchange.NSE, symbol="NOSUCH-EQ"),
        LookUp(exchange=Exchange.NSE, symbol=instrument().symbol, instrument=instrument()),
    )
    room.serve()

    assert [type(one) for one in room.watcher.messages] == [OrderBookRead, TradeBookRead]
    assert caller.only(PositionsRead).book.asked_at == room.clock.now()
    assert [one.want for one in room.market.of(LookedUp)] == [Want.INSTRUMENT, Want.PRICE]
    assert room.market.of(LookedUp)[0].reply == UnknownInstrument(Exchange.NSE, "NOSUCH-EQ")


def test_positions_for_the_comparison_show_their_prices_too(room: BrokerRoom) -> None:
    room.tell(ReadBook(kind=BookKind.POSITIONS))
    room.serve()

    assert room.market.only(PositionsRead) == room.watcher.only(PositionsRead)


def test_look_ups_of_many_symbols_keep_no_book_away(room: BrokerRoom) -> None:
    """Each may take as long as a request may: the books tell how a way out stands."""
    room.tell(LogIn())
    room.serve()
    room.tell(*(LookUp(exchange=Exchange.NSE, symbol=f"S{number}-EQ") for number in range(10)))
    room.tell(
        LookUp(exchange=Exchange.NSE, symbol=instrument().symbol, instrument=instrument()),
        ReadBook(kind=BookKind.ORDERS),
        ReadBook(kind=BookKind.TRADES),
    )
    room.broker.calls.clear()

    room.serve()

    assert room.broker.calls[1:4:2] == ["order_book", "trade_book"]
    assert [one.want for one in room.market.of(LookedUp)].count(Want.INSTRUMENT) == 10
    assert [one.want for one in room.market.of(LookedUp)].count(Want.PRICE) == 1


def test_the_state_says_what_waits_and_what_was_placed(room: BrokerRoom) -> None:
    room.tell(*(entry(f"c{number}") for number in range(10)))
    room.serve()

    state = room.actor.on_receive(FindBrokerState())

    assert isinstance(state, BrokerState)
    assert (state.waiting, state.placed, state.session) == (3, 7, "not logged in")


def test_idle_time_is_time_without_work(room: BrokerRoom) -> None:
    def answer() -> PlaceReply:
        room.clock.advance(2)
        return Accepted("B1")

    room.clock.advance(10)
    room.broker.places.say(answer)

    room.tell(entry("c1"))
    room.serve()
    room.clock.advance(3)

    state = room.actor.on_receive(FindBrokerState())
    assert isinstance(state, BrokerState)
    assert state.idle_s == 13


def test_a_stop_answers_every_waiting_order_and_sends_none(room: BrokerRoom) -> None:
    room.tell(entry("c1"), way_out("x1"))

    room.actor.on_stop()

    assert room.placed == []
    assert {name: getattr(reply, "reason", None) for name, reply in room.answers.items()} == {
        "c1": Reason.DESK_STOPPING,
        "x1": Reason.DESK_STOPPING,
    }
    assert room.broker.closed
