"""The last days of contracts, so that a position is known to end with its own. A part of CommandActor."""

from datetime import date

from actors.messages.books import ExpiryLearnt
from actors.messages.persistence import Record
from actors.runtime.address import post
from actors.runtime.mailboxes import Mailboxes
from domain.market.expiry import Expiry, has_expired
from domain.market.instrument import Instrument
from domain.orders.types import Exchange
from domain.ports import Clock


class LastDays:
    """Owns the last days that were told since the start."""

    def __init__(self, mail: Mailboxes, clock: Clock) -> None:
        self._repo = mail.repo
        self._watcher = mail.watcher
        self._guard = mail.guard
        self._clock = clock
        self._known: dict[tuple[Exchange, str], date] = {}

    def learn(self, instrument: object) -> None:
        """Keep and tell the last day of what is traded, where it is news.

        One that is over already tells nothing: what is known of an earlier day, or the broker's list, may be old.
        """
        if not isinstance(instrument, Instrument) or instrument.expires_on is None:
            return
        symbol, last_day = (instrument.exchange, instrument.symbol), instrument.expires_on
        if self._known.get(symbol) != last_day and not has_expired(last_day, self._clock.now()):
            self._known[symbol] = last_day
            post(self._repo, Record(item=Expiry(exchange=symbol[0], symbol=symbol[1], expires_on=last_day)))
            learnt = ExpiryLearnt(exchange=symbol[0], symbol=symbol[1], expires_on=last_day)
            post(self._watcher, learnt)
            post(self._guard, learnt)
