import socket
import threading
from dataclasses import replace
from decimal import Decimal
from itertools import pairwise

import pytest
from loguru import logger

from broker.feed.connection import FRAME_BYTES_MAX
from broker.feed.reconnecting_feed import Feed, FeedLimits
from broker.noren.row_parsers import Session
from domain.broker.snapshots import Tick
from domain.orders.types import Exchange
from tests.broker.conftest import WallClock, settings
from tests.broker.web import (
    CLOSE,
    INFY,
    PING,
    QUICK,
    RELIANCE,
    SESSION,
    TOKEN,
    WAIT_S,
    Ears,
    Peer,
    WebStub,
    instrument,
)


def test_the_login_frame_speaks_the_older_dialect(feed: Feed, web: WebStub) -> None:
    feed.start(SESSION)

    assert web.peer().next() == {"t": "c", "uid": "FA1", "actid": "FA1", "susertoken": TOKEN, "source": "API"}


def test_the_login_frame_speaks_the_oauth_dialect(feed: Feed, web: WebStub, listener: Ears) -> None:
    feed.start(Session("FA1", "FA1", TOKEN, "oauth"))
    peer = web.peer()

    assert peer.next() == {"t": "a", "uid": "FA1", "actid": "FA1", "accesstoken": TOKEN, "source": "API"}
    peer.send({"t": "ak", "s": "Ok", "uid": "FA1"})

    assert listener.next_state() == (True, "logged in")
    assert peer.next() == {"t": "o", "actid": "FA1"}


def test_orders_are_subscribed_after_the_login_though_nothing_is_watched(
    feed: Feed, web: WebStub, listener: Ears
) -> None:
    feed.start(SESSION)
    peer = web.peer()
    assert peer.next()["t"] == "c"
    assert listener.states.empty()

    peer.send({"t": "ck", "s": "OK", "uid": "FA1"})

    assert peer.next() == {"t": "o", "actid": "FA1"}
    assert listener.next_state() == (True, "logged in")


def test_orders_are_subscribed_for_the_account_and_not_for_the_user(feed: Feed, web: WebStub) -> None:
    feed.start(Session("FA1", "ACCOUNT7", TOKEN, "quickauth"))
    peer = web.peer()
    peer.next()
    peer.send({"t": "ck", "s": "OK", "uid": "FA1"})

    assert peer.next() == {"t": "o", "actid": "ACCOUNT7"}


def test_what_is_watched_is_subscribed_once_logged_in(feed: Feed, web: WebStub) -> None:
    feed.watch(RELIANCE)
    feed.watch(INFY)
    feed.start(SESSION)
    peer = web.logged_in()

    assert peer.next() == {"t": "t", "k": "NSE|2885#NSE|1594"}


def test_what_is_watched_later_is_subscribed_at_once_and_only_once(feed: Feed, web: WebStub) -> None:
    feed.start(SESSION)
    peer = web.logged_in()

    feed.watch(RELIANCE)
    assert peer.next() == {"t": "t", "k": "NSE|2885"}
    feed.watch(RELIANCE)
    feed.watch(INFY)

    assert peer.next() == {"t": "t", "k": "NSE|1594"}


def test_frames_with_a_last_price_become_ticks(feed: Feed, web: WebStub, listener: Ears) -> None:
    feed.watch(RELIANCE)
    feed.start(SESSION)
    peer = web.logged_in()
    peer.next()

    peer.send({"t": "tk", "e": "NSE", "tk": "2885", "ts": "RELIANCE-EQ", "lp": "2850.50", "c": "2840.00"})
    peer.send({"t": "tf", "e": "NSE", "tk": "2885", "bp1": "2850.45"})
    peer.send({"t": "tf", "e": "NSE", "tk": "9999", "lp": "1.00"})
    peer.send({"t": "tf", "e": "NSE", "tk": "2885", "lp": "2850.55"})

    first, second = listener.next_tick(), listener.next_tick()
    assert (first.exchange, first.symbol, first.last_price) == (Exchange.NSE, "RELIANCE-EQ", Decimal("2850.50"))
    assert second.last_price == Decimal("2850.55")
    assert (first.previous_close, second.previous_close) == (Decimal("2840.00"), None)
    assert feed.malformed == 0


def test_prices_that_the_feed_calls_another_symbols_say_so_until_it_calls_them_ours(
    feed: Feed, web: WebStub, listener: Ears
) -> None:
    feed.watch(RELIANCE)
    feed.start(SESSION)
    peer = web.logged_in()
    peer.next()

    # Later frames bring the name only where it has changed.
    peer.send({"t": "tk", "e": "NSE", "tk": "2885", "ts": "INFY-EQ", "lp": "1520.50"})
    peer.send({"t": "tf", "e": "NSE", "tk": "2885", "lp": "1520.55"})
    peer.send({"t": "tf", "e": "NSE", "tk": "2885", "ts": "RELIANCE-EQ", "lp": "2850.50"})
    peer.send({"t": "tf", "e": "NSE", "tk": "2885", "lp": "2850.55"})

    ticks = [listener.next_tick() for _ in range(4)]
    assert {one.symbol for one in ticks} == {"RELIANCE-EQ"}
    assert [one.called for one in ticks] == ["INFY-EQ", "INFY-EQ", "", ""]


def test_an_index_may_have_another_name_in_the_feed(feed: Feed, web: WebStub, listener: Ears) -> None:
    """[assumption] Indices can't be traded, and the feed may spell them otherwise: the token alone tells them."""
    feed.watch(replace(RELIANCE, symbol="Nifty 50", token="26000", kind="UNDIND"))
    feed.start(SESSION)
    peer = web.logged_in()
    peer.next()

    peer.send({"t": "tk", "e": "NSE", "tk": "26000", "ts": "NIFTY INDEX", "lp": "24631.20"})

    assert listener.next_tick().called == ""


def test_malformed_frames_are_counted_and_ignored(feed: Feed, web: WebStub, listener: Ears) -> None:
    feed.watch(RELIANCE)
    feed.start(SESSION)
    peer = web.logged_in()
    peer.next()
    broken = [
        b"{",
        b"[]",
        b"\xff\xfe\xfd",
        b'{"x":1}',
        b'{"t":5}',
        b'{"t":"tf"}',
        b'{"t":"tf","e":[],"tk":"2885","lp":"1"}',
        b'{"t":"tf","e":"NSE","tk":"2885","lp":"NaN"}',
        b'{"t":"tf","e":"NSE","tk":"2885","lp":{}}',
    ]

    for payload in broken:
        peer.send_raw(payload)
    peer.send({"t": "hk"})
    peer.send({"t": "tf", "e": "NSE", "tk": "2885", "lp": "1.00"})

    assert listener.next_tick().last_price == Decimal("1.00")
    assert feed.malformed == len(broken)


def test_a_lost_connection_is_replaced_and_subscribed_anew(feed: Feed, web: WebStub, listener: Ears) -> None:
    feed.watch(RELIANCE)
    feed.start(SESSION)
    peer = web.logged_in()
    peer.next()
    assert listener.next_state() == (True, "logged in")

    peer.connection.shutdown(socket.SHUT_RDWR)

    assert listener.next_state()[0] is False
    assert web.logged_in().next() == {"t": "t", "k": "NSE|2885"}
    assert listener.next_state() == (True, "logged in")


def test_a_goodbye_of_the_broker_names_its_code(feed: Feed, web: WebStub, listener: Ears) -> None:
    feed.start(SESSION)
    peer = web.logged_in()
    listener.next_state()

    peer.send_raw((1000).to_bytes(2, "big"), CLOSE)

    up, message = listener.next_state()
    assert not up
    assert "1000" in message
    assert "another client" in message


def test_a_frame_beyond_the_bound_ends_a_connection(feed: Feed, web: WebStub, listener: Ears) -> None:
    feed.start(SESSION)
    peer = web.logged_in()
    listener.next_state()

    # Told by its head alone: nothing of its length is ever kept.
    peer.connection.sendall(bytes([0x81, 127]) + (FRAME_BYTES_MAX + 1).to_bytes(8, "big"))

    up, message = listener.next_state()
    assert not up
    assert "broke" in message
    web.logged_in()


def test_silence_ends_a_connection(feed: Feed, web: WebStub, listener: Ears) -> None:
    feed.start(SESSION)
    peer = web.logged_in()
    peer.answers_pings = False
    listener.next_state()

    up, message = listener.next_state()

    assert not up
    assert "nothing was heard" in message
    web.logged_in()


def test_heartbeats_go_out_and_their_answers_keep_a_quiet_connection(feed: Feed, web: WebStub, listener: Ears) -> None:
    feed.start(SESSION)
    peer = web.logged_in()
    listener.next_state()

    assert peer.beaten.wait(WAIT_S)
    assert peer.pinged.wait(WAIT_S)
    # Twice the time after which silence would have ended it.
    assert not peer.ended.wait(2 * QUICK.silence_s_max)
    assert listener.states.empty()


def test_a_line_that_answers_pings_alone_is_mute_once_hearts_have_been_answered(
    feed: Feed, web: WebStub, listener: Ears
) -> None:
    feed.start(SESSION)
    peer = web.logged_in()
    listener.next_state()
    peer.send({"t": "hk"})

    up, message = listener.next_state()

    assert not up
    assert "nothing was heard" in message
    assert peer.pinged.is_set()
    web.logged_in()


def test_a_refused_session_is_told_and_tried_again_on_a_new_connection(
    feed: Feed, web: WebStub, listener: Ears
) -> None:
    feed.start(SESSION)
    peer = web.peer()
    peer.next()

    peer.send({"t": "ck", "s": "NOT_OK"})

    up, message = listener.next_state()
    assert not up
    assert "NOT_OK" in message
    assert TOKEN not in message
    assert peer.ended.wait(WAIT_S)
    web.logged_in()
    assert listener.next_state() == (True, "logged in")


def test_a_session_that_is_taken_back_ends_the_connection(feed: Feed, web: WebStub, listener: Ears) -> None:
    feed.start(SESSION)
    peer = web.logged_in()
    listener.next_state()
    peer.send({"t": "ck", "s": "OK", "uid": "FA1"})
    # Its answer comes only after what was sent before it has been heard.
    peer.send_raw(b"?", PING)
    assert peer.ponged.wait(WAIT_S)
    assert listener.states.empty()

    peer.send({"t": "ck", "s": "NOT_OK", "uid": "FA1"})

    up, message = listener.next_state()
    assert not up
    assert "NOT_OK" in message
    assert peer.ended.wait(WAIT_S)
    web.logged_in()


def test_frames_ahead_of_the_answer_to_the_login_are_no_answer(feed: Feed, web: WebStub, listener: Ears) -> None:
    feed.start(SESSION)
    peer = web.peer()
    peer.next()

    peer.send({"t": "hk"})
    peer.send({"t": "om", "norenordno": "1"})
    peer.send_raw(b"{")
    peer.send({"t": "ck", "s": "OK", "uid": "FA1"})

    assert peer.next() == {"t": "o", "actid": "FA1"}
    assert listener.next_state() == (True, "logged in")


def test_short_connections_slow_the_retries_down_so_that_evictions_make_no_tight_loop(
    web: WebStub, listener: Ears, clock: WallClock
) -> None:
    limits = FeedLimits(retry_s_min=0.04, retry_s_max=0.16, steady_s=10.0)
    config = settings("http://127.0.0.1:1", websocket_url=web.url, connect_timeout_s=WAIT_S)
    feed = Feed(config, clock, listener.ticks.put, listener.state, limits=limits)
    feed.start(SESSION)
    evicted_at: list[float] = []
    pauses: list[float] = []

    for _ in range(6):
        peer = web.peer()
        if evicted_at:
            pauses.append(clock.monotonic() - evicted_at[-1])
        peer.next()
        peer.send({"t": "ck", "s": "OK", "uid": "FA1"})
        peer.next()
        evicted_at.append(clock.monotonic())
        peer.send_raw((1000).to_bytes(2, "big"), CLOSE)
    feed.stop()

    # Each pause is between half of its longest and that: 0.04 s, doubled each time, 0.16 s at most.
    for pause, longest_s in zip(pauses, (0.04, 0.08, 0.16, 0.16, 0.16), strict=True):
        assert pause >= longest_s / 2
    assert (True, "logged in") in listener.states.queue


def test_a_feed_that_comes_and_goes_fills_no_log(web: WebStub, listener: Ears, clock: WallClock) -> None:
    lines: list[str] = []
    sink = logger.add(lines.append, level="INFO", format="{message}")
    limits = FeedLimits(retry_s_min=0.01, retry_s_max=0.02)
    config = settings("http://127.0.0.1:1", websocket_url=web.url, connect_timeout_s=WAIT_S)
    feed = Feed(config, clock, listener.ticks.put, listener.state, limits=limits)
    feed.start(SESSION)

    for _ in range(6):
        web.logged_in().send_raw((1000).to_bytes(2, "big"), CLOSE)
    feed.stop()
    logger.remove(sink)

    told = [line.partition(":")[0] for line in lines]
    assert told == ["feed up", "feed down", "feed up", "feed"]
    assert "another client may have taken the session" in lines[1]
    assert lines[-1].strip() == "feed: stopped"


def test_one_good_connection_does_not_make_later_retries_quick(web: WebStub, listener: Ears, clock: WallClock) -> None:
    limits = FeedLimits(retry_s_min=0.04, retry_s_max=0.16, steady_s=0.0)
    config = settings("http://127.0.0.1:1", websocket_url=web.url, connect_timeout_s=WAIT_S)
    feed = Feed(config, clock, listener.ticks.put, listener.state, limits=limits)
    feed.start(SESSION)
    refused_at: list[float] = []

    web.logged_in().send_raw((1000).to_bytes(2, "big"), CLOSE)
    for _ in range(5):
        peer = web.peer()
        peer.next()
        refused_at.append(clock.monotonic())
        peer.send({"t": "ck", "s": "NOT_OK", "uid": "FA1"})
    feed.stop()

    pauses = [later - earlier for earlier, later in pairwise(refused_at)]
    for pause, longest_s in zip(pauses, (0.04, 0.08, 0.16, 0.16), strict=True):
        assert pause >= longest_s / 2


def test_a_connection_that_stayed_up_is_replaced_quickly(web: WebStub, listener: Ears, clock: WallClock) -> None:
    limits = FeedLimits(retry_s_min=0.01, retry_s_max=30.0, steady_s=0.0)
    config = settings("http://127.0.0.1:1", websocket_url=web.url, connect_timeout_s=WAIT_S)
    feed = Feed(config, clock, listener.ticks.put, listener.state, limits=limits)
    feed.start(SESSION)

    began = clock.monotonic()
    for _ in range(15):
        web.logged_in().send_raw((1000).to_bytes(2, "big"), CLOSE)
    feed.stop()

    # Doubled each time, the pauses would have come to more than a minute.
    assert clock.monotonic() - began < WAIT_S


def test_an_owner_that_fails_loses_what_he_was_told_and_not_the_feed(
    web: WebStub, listener: Ears, clock: WallClock
) -> None:
    lines: list[str] = []
    sink = logger.add(lines.append, level="ERROR", format="{message} {exception}")
    config = settings("http://127.0.0.1:1", websocket_url=web.url, connect_timeout_s=WAIT_S)

    def fail_once(tick: Tick) -> None:
        if tick.last_price == 1:
            raise RuntimeError("the owner's inbox is gone")
        listener.ticks.put(tick)

    feed = Feed(config, clock, fail_once, listener.state, limits=QUICK)
    feed.watch(RELIANCE)
    feed.start(SESSION)
    peer = web.logged_in()
    for price in ("1.00", "1.00", "1.00", "2.00"):
        peer.send({"t": "tf", "e": "NSE", "tk": "2885", "lp": price})

    assert listener.next_tick().last_price == 2
    feed.stop()
    logger.remove(sink)
    assert feed.malformed == 0
    assert list(listener.states.queue) == [(True, "logged in"), (False, "stopped")]
    # The first and the second are logged, the third is not.
    assert [line.startswith("the feed could not tell its owner") for line in lines] == [True, True]
    assert "the owner's inbox is gone" in lines[0]
    assert TOKEN not in "".join(lines)


def test_an_owner_that_fails_to_hear_the_state_does_not_end_the_feed(
    web: WebStub, listener: Ears, clock: WallClock
) -> None:
    def fail(up: bool, message: str) -> None:  # noqa: FBT001  the callback's shape
        listener.state(up, message)
        raise RuntimeError(message)

    config = settings("http://127.0.0.1:1", websocket_url=web.url, connect_timeout_s=WAIT_S)
    feed = Feed(config, clock, listener.ticks.put, fail, limits=QUICK)
    feed.watch(RELIANCE)
    feed.start(SESSION)
    peer = web.logged_in()

    peer.send({"t": "tf", "e": "NSE", "tk": "2885", "lp": "1.00"})

    assert listener.next_tick().last_price == 1
    feed.stop()


def test_a_mute_login_ends_in_time(feed: Feed, web: WebStub, listener: Ears) -> None:
    feed.start(SESSION)
    peer = web.peer()

    assert "did not answer" in listener.next_state()[1]
    assert peer.ended.wait(WAIT_S)


def test_a_refused_handshake_is_told_with_its_status(feed: Feed, web: WebStub, listener: Ears) -> None:
    def refuse(peer: Peer) -> None:
        peer.connection.recv(65_536)
        peer.connection.sendall(b"HTTP/1.1 502 Bad Gateway\r\nContent-Length: 0\r\n\r\n")

    web.welcome = refuse
    feed.start(SESSION)

    assert "502" in listener.next_state()[1]


def test_a_redirect_is_not_followed(feed: Feed, web: WebStub, listener: Ears) -> None:
    elsewhere = WebStub()

    def redirect(peer: Peer) -> None:
        peer.connection.recv(65_536)
        to = elsewhere.url.encode()
        peer.connection.sendall(b"HTTP/1.1 302 Found\r\nLocation: " + to + b"\r\nContent-Length: 0\r\n\r\n")

    web.welcome = redirect
    feed.start(SESSION)

    assert listener.next_state()[0] is False
    assert not elsewhere._all
    elsewhere.stop()


def test_the_same_trouble_is_told_once(feed: Feed, web: WebStub, listener: Ears) -> None:
    def refuse(peer: Peer) -> None:
        peer.connection.recv(65_536)
        peer.connection.sendall(b"HTTP/1.1 502 Bad Gateway\r\nContent-Length: 0\r\n\r\n")

    web.welcome = refuse
    feed.start(SESSION)
    for _ in range(3):
        web.peer()

    assert listener.next_state()[0] is False
    assert listener.states.empty()


def test_a_new_session_replaces_the_connection_and_the_same_one_does_not(
    feed: Feed, web: WebStub, listener: Ears
) -> None:
    feed.start(SESSION)
    peer = web.logged_in()
    listener.next_state()

    feed.start(Session("FA1", "FA1", TOKEN, "quickauth"))
    assert not peer.ended.wait(0.2)
    feed.start(Session("FA1", "FA1", "another-token", "quickauth"))

    assert web.peer().next()["susertoken"] == "another-token"
    assert peer.ended.wait(WAIT_S)


def test_stop_ends_the_thread_and_is_told(feed: Feed, web: WebStub, listener: Ears) -> None:
    feed.start(SESSION)
    web.logged_in()
    listener.next_state()

    feed.stop()
    feed.stop()

    assert listener.next_state() == (False, "stopped")
    assert not any(thread.name == "broker-feed" for thread in threading.enumerate())


def test_stop_ends_a_connection_that_is_still_opening(web: WebStub, listener: Ears, clock: WallClock) -> None:
    patient = settings("http://127.0.0.1:1", websocket_url=web.url, connect_timeout_s=30.0)
    feed = Feed(patient, clock, listener.ticks.put, listener.state, limits=QUICK)
    reached = threading.Event()

    def keep_waiting(peer: Peer) -> None:
        reached.set()
        peer.say_nothing()

    web.welcome = keep_waiting
    feed.start(SESSION)
    assert reached.wait(WAIT_S)

    began = clock.monotonic()
    feed.stop()

    assert clock.monotonic() - began < WAIT_S
    assert not any(thread.name == "broker-feed" for thread in threading.enumerate())


def test_more_than_the_bound_is_not_watched(feed: Feed, web: WebStub) -> None:
    for token in range(5):
        feed.watch(instrument(str(token), f"S{token}-EQ"))
    feed.start(SESSION)

    assert web.logged_in().next() == {"t": "t", "k": "NSE|0#NSE|1#NSE|2"}


def test_without_an_address_there_are_no_ticks_and_no_thread(listener: Ears, clock: WallClock) -> None:
    feed = Feed(settings("http://127.0.0.1:1"), clock, listener.ticks.put)

    feed.start(SESSION)
    feed.watch(RELIANCE)
    feed.stop()

    assert not any(thread.name == "broker-feed" for thread in threading.enumerate())


def test_an_address_that_is_none_is_refused_when_the_feed_is_made(listener: Ears, clock: WallClock) -> None:
    with pytest.raises(ValueError, match="websocket_url"):
        Feed(settings("http://127.0.0.1:1", websocket_url="http://x"), clock, listener.ticks.put)


def test_a_broker_that_is_down_is_tried_until_it_is_up(feed: Feed, web: WebStub, listener: Ears) -> None:
    port = web.listener.getsockname()[1]
    web.stop()
    feed.start(SESSION)
    assert "no connection" in listener.next_state()[1]

    again = WebStub(port)
    again.logged_in()

    assert listener.next_state() == (True, "logged in")
    feed.stop()
    again.stop()
