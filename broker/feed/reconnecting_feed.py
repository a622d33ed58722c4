"""Ticks and order updates, pushed: the broker's WebSocket (docs/protocol.md), kept alive on a thread of its own.

One connection at a time. It logs in, subscribes to the account's orders and to all that is watched, and is replaced
when it ends or falls silent; subscriptions do not survive a connection, so each new one subscribes anew. Nothing that
was missed is replayed: whoever hears that the feed is up again reads the books. The loop of the broker's client is not
used: it reconnects ten times a second, never notices silence, and hears no stop.
"""

import math
import random
import ssl
import threading
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Final

from loguru import logger

from broker.feed.connection import ConnectionLostError, FeedConnection, endpoint_of
from broker.feed.dispatch import FrameDispatch
from broker.noren.row_parsers import Session
from domain.backoff import Backoff
from domain.broker.addresses import TLS_OFF_LOOPBACK, AddressRules
from domain.broker.snapshots import OrderUpdate, Tick
from domain.market.instrument import Instrument
from domain.ports import Clock
from domain.settings import BrokerSettings
from domain.trouble import Trouble

_STOPPED: Final = "stopped"


@dataclass(frozen=True, slots=True, kw_only=True)
class FeedLimits:
    """How long the feed waits, and how much it watches."""

    silence_s_max: float = 16.0
    """Three unanswered heartbeats, and a bit."""
    retry_s_min: float = 0.5
    retry_s_max: float = 30.0
    steady_s: float = 10.0
    """A connection that stayed up this long was a good one: the next retry is quick again. Two clients that evict each
    other stay below it, so their retries slow down."""
    watched_max: int = 500
    """The broker's bound on one connection (docs/protocol.md, rates)."""
    keys_per_frame_max: int = 50
    look_s: float = 0.1
    """What is newly watched is asked for within this on a feed that is silent, else with its next frame."""

    @property
    def heartbeat_s(self) -> float:
        """Return how often we say that we are there."""
        return self.silence_s_max / 3.2


def _ignore_state(_up: bool, _message: str) -> None:  # noqa: FBT001  the callback's shape
    """Let the log tell."""


def _ignore(_: tuple[OrderUpdate, ...]) -> None:
    """Let the books tell."""


class Feed:
    """Owns the feed's thread, its connection, and the list of what is watched.

    `on_tick`, `on_orders` and `on_state` run on the feed's thread, under no lock, and must not wait; what they raise is
    logged, and the feed goes on. `on_state` says up or down, and why, on changes only; up means logged in, with order
    updates asked for. Updates may be lost, doubled and out of order. Without `websocket_url` there is no feed; a
    malformed one raises `ValueError`. Frames that can't be read are counted in `malformed` and ignored.
    """

    def __init__(  # noqa: PLR0913  each seam to the world is a parameter
        self,
        settings: BrokerSettings,
        clock: Clock,
        on_tick: Callable[[Tick], None],
        on_state: Callable[[bool, str], None] = _ignore_state,
        *,
        on_orders: Callable[[tuple[OrderUpdate, ...]], None] = _ignore,
        chance: random.Random | None = None,
        limits: FeedLimits | None = None,
        tls: ssl.SSLContext | None = None,
        rules: AddressRules = TLS_OFF_LOOPBACK,
    ) -> None:
        if settings.websocket_url is not None:
            endpoint_of(settings.websocket_url)
        self._url = settings.websocket_url
        self._connect_timeout_s = settings.connect_timeout_s
        self._clock = clock
        self._on_state = on_state
        self._chance = chance or random.Random()  # noqa: S311  spreads retries, keeps no secret
        self._limits = limits or FeedLimits(
            silence_s_max=settings.feed_silence_s_max, retry_s_max=settings.feed_retry_s_max
        )
        self._tls = tls
        self._rules = rules
        self._lock = threading.Lock()
        self._watched: dict[tuple[str, str], Instrument] = {}
        self._dispatch = FrameDispatch(clock, self._watched, on_tick, on_orders)
        self._session: Session | None = None
        self._connection: FeedConnection | None = None
        self._thread: threading.Thread | None = None
        self._nudged = threading.Event()
        self._stopping = threading.Event()
        self._told: tuple[bool, str] | None = None
        self._trouble = Trouble()
        self._up_at = math.inf

    # From any thread

    @property
    def malformed(self) -> int:
        """Return how many frames could not be read so far."""
        return self._dispatch.malformed

    def start(self, session: Session) -> None:
        """Begin with this session, or go on with it on a new connection when it is another than before."""
        if self._url is None:
            return
        with self._lock:
            if session == self._session or self._stopping.is_set():
                return
            self._session = session
            connection = self._connection
            if self._thread is None:
                self._thread = threading.Thread(target=self._run, name="broker-feed", daemon=True)
                self._thread.start()
        self._nudged.set()
        if connection is not None:
            connection.cut()

    def watch(self, instrument: Instrument) -> None:
        """Bring ticks of this instrument from now on, on this connection and on later ones.

        Beyond `watched_max` instruments it is refused with a warning: its prices have to be asked for.
        """
        key = (instrument.exchange.value, instrument.token)
        with self._lock:
            if key not in self._watched and len(self._watched) >= self._limits.watched_max:
                logger.warning("the feed is full ({}): no ticks of {}", len(self._watched), instrument.symbol)
                return
            self._watched[key] = instrument

    def stop(self) -> None:
        """End the thread and wait for it, at most the time that a connection may take to open."""
        self._stopping.set()
        with self._lock:
            thread, connection = self._thread, self._connection
        self._nudged.set()
        if connection is not None:
            connection.cut()
        if thread is not None and thread is not threading.current_thread():
            thread.join(self._connect_timeout_s + 1.0)

    # On the feed's own thread

    def _run(self) -> None:
        retries = 0
        message = "the feed's thread died of an error of ours"
        try:
            while not self._stopping.is_set():
                self._nudged.clear()
                self._up_at = math.inf
                session = self._session
                assert session is not None
                try:
                    self._connect_and_serve(session)
                except ConnectionLostError as error:
                    if self._is_wanted(session):
                        self._tell(up=False, message=str(error))
                if self._session is not session:
                    retries = 0
                    continue
                steady = self._clock.monotonic() - self._up_at >= self._limits.steady_s
                retries = 0 if steady else retries + 1
                self._rest(retries, session)
            message = _STOPPED
        finally:
            self._tell(up=False, message=message)

    def _is_wanted(self, session: Session) -> bool:
        return self._session is session and not self._stopping.is_set()

    def _connect_and_serve(self, session: Session) -> None:
        """Serve one connection until it is lost, or until we want another."""
        assert self._url is not None
        connection = FeedConnection(self._url, self._clock, self._connect_timeout_s, self._tls, self._rules)
        with self._lock:
            self._connection = connection
        try:
            if not self._is_wanted(session):
                return
            connection.shake_hands()
            connection.log_in(session)
            connection.subscribe_orders(session)
            self._up_at = self._clock.monotonic()
            self._tell(up=True, message="logged in")
            self._serve(connection, session)
        finally:
            self._dispatch.tell_updates()
            with self._lock:
                self._connection = None
            connection.close()

    def _serve(self, connection: FeedConnection, session: Session) -> None:
        limits, clock = self._limits, self._clock
        asked: set[tuple[str, str]] = set()
        beat_at = clock.monotonic() + limits.heartbeat_s
        while self._is_wanted(session):
            self._subscribe(connection, asked)
            now = clock.monotonic()
            silent_since = connection.told_at if self._dispatch.hears_hearts else connection.heard_at
            if now - silent_since >= limits.silence_s_max:
                raise ConnectionLostError(f"nothing was heard for {limits.silence_s_max:g} s")
            if now >= beat_at:
                connection.beat()
                beat_at = now + limits.heartbeat_s
            longest_s = min(beat_at - now, silent_since + limits.silence_s_max - now, limits.look_s)
            text = connection.receive(self._dispatch.wait_s(longest_s))
            if text is not None:
                self._dispatch.hear(text)
            else:
                self._dispatch.tell_due_updates()

    def _subscribe(self, connection: FeedConnection, asked: set[tuple[str, str]]) -> None:
        """Ask for the touchline of what is watched and was not yet asked for on this link."""
        if len(asked) == len(self._watched):
            return
        with self._lock:
            missing = [key for key in self._watched if key not in asked]
        for keys in batches(missing, self._limits.keys_per_frame_max):
            connection.send({"t": "t", "k": "#".join("|".join(key) for key in keys)})
        asked.update(missing)

    def _rest(self, retries: int, session: Session) -> None:
        """Wait before the next try: doubled each time, with jitter, bounded; a new session or the end cuts it short."""
        limits = self._limits
        backoff = Backoff(limits.retry_s_min, limits.retry_s_max)
        ends_at = self._clock.monotonic() + backoff.spread_s(max(retries - 1, 0), self._chance.random)
        while self._is_wanted(session):
            left_s = ends_at - self._clock.monotonic()
            if left_s <= 0:
                return
            self._nudged.wait(left_s)
            self._nudged.clear()

    def _tell(self, *, up: bool, message: str) -> None:
        self._log(up=up, message=message)
        if self._told != (up, message):
            self._told = (up, message)
            self._dispatch.tell(self._on_state, up, message)

    def _log(self, *, up: bool, message: str) -> None:
        """Log a trouble when it begins, at growing distance, and when it ends: two clients may evict each other."""
        now = self._clock.monotonic()
        if message == _STOPPED:
            logger.info("feed: stopped")
        elif not up:
            if told := self._trouble.tell(message, now):
                logger.warning("feed down: {}", told)
        elif (told := self._trouble.end(now)) or self._told is None:
            logger.info("feed up: {}", told or message)


def batches(keys: list[tuple[str, str]], size: int) -> Iterable[list[tuple[str, str]]]:
    """Cut a list into pieces of at most `size`."""
    return (keys[start : start + size] for start in range(0, len(keys), size))
