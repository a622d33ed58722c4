"""The broker's two doors as the desk uses them: requests through a port, prices and pushes through a feed."""

from typing import Any, Protocol

from actors.messages.books import FeedChanged, OrderUpdatesSeen
from actors.messages.market import PriceSeen
from actors.runtime.address import post
from actors.runtime.mailboxes import Mailboxes
from broker.feed.reconnecting_feed import Feed
from broker.noren.adapter import NorenBroker
from broker.port import Broker
from domain.broker.snapshots import OrderUpdate, Tick
from domain.ports import Clock
from domain.settings import Settings


class DeskFeed(Protocol):
    """What brings ticks: told the session by the broker's actor, and what to watch by the market's."""

    def start(self, session: Any) -> None:  # noqa: ANN401  the adapter's own session
        """Begin, or go on, with this session."""

    def watch(self, instrument: Any) -> None:  # noqa: ANN401  an Instrument
        """Bring ticks of this instrument from now on."""

    def stop(self) -> None:
        """End the feed's thread."""


class Adapters:
    """Owns the feed, what it last said of itself, and the broker's port; a test gives its own."""

    def __init__(self, broker: Broker | None, feed: DeskFeed | None, mail: Mailboxes) -> None:
        self._broker = broker
        self._feed = feed
        self._mail = mail
        self._is_running = False
        self.feed_text = "not connected"
        """How the feed stands, as it last said itself: a watcher that is started anew has not heard it."""

    def start(self, settings: Settings, clock: Clock, machine_clock: Clock) -> tuple[DeskFeed, Broker]:
        """Return the feed and the broker, made of the settings where none was given."""
        self._is_running = True
        rules = settings.address_rules
        if self._feed is None:
            self._feed = Feed(
                settings.broker, clock, self.see_tick, self.see_feed, on_orders=self.see_updates, rules=rules
            )
        return self._feed, self._broker or NorenBroker(settings.broker, clock, machine_clock, rules=rules)

    def stop(self) -> None:
        """End the feed, before anybody whom it speaks to; what it would have said the next start reads."""
        self._is_running = False
        if self._feed is not None:
            self._feed.stop()

    def see_tick(self, tick: Tick) -> None:
        """Pass a price on."""
        post(self._mail.market, PriceSeen(tick=tick))

    def see_updates(self, updates: tuple[OrderUpdate, ...]) -> None:
        """Pass on what the broker pushes of orders."""
        post(self._mail.watcher, OrderUpdatesSeen(updates=updates))

    def see_feed(self, up: bool, message: str) -> None:  # noqa: FBT001  the feed's callback
        """Tell the watcher that the feed has come or gone; what a stop takes down is no news."""
        self.feed_text = message
        if up or self._is_running:
            post(self._mail.watcher, FeedChanged(up=up))
