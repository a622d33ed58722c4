"""Which watched symbols bring no prices yet because their instrument is not known, when to ask again, when to tell.

A subscription is nothing until the feed has the instrument's token. A look-up that failed is repeated, each time after
a longer pause and only a few at once, until the broker has answered. A symbol that the broker does not know is told at
once; one that could not be looked up is told after `TOLD_S`.
"""

from dataclasses import dataclass, field, replace
from typing import Final

from domain.alerts.alert import Alert, Level
from domain.backoff import Backoff
from domain.broker.reply_types import InstrumentReply, Unavailable, UnknownInstrument
from domain.market.knowledge import Key

TOLD_S: Final = 30.0
"""A symbol that could not be looked up for so long is told of."""
AGAIN_S: Final = 2.0
AGAIN_S_MAX: Final = 60.0
"""The pause before the next look-up doubles from the first to the second."""
UNKNOWN_AGAIN_S: Final = 600.0
"""So seldom a symbol is looked up again that the broker does not know."""
LOOK_S: Final = 2.0
"""Between two look-ups of watched symbols lies at least this: many that fail must not use the call quota up."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Unwatched:
    """A watched symbol without prices. `strategies` wait for it; `cause` is empty until the first answer."""

    key: Key
    strategies: tuple[str, ...]
    since_s: float
    again_s: float
    failures: int = 0
    cause: str = ""
    is_unknown: bool = False
    is_told: bool = False

    @property
    def message(self) -> str:
        """Return why no prices come, for people."""
        exchange, symbol = self.key
        if self.is_unknown:
            return f"the broker knows no {symbol} on {exchange}"
        return f"{symbol} ({exchange}) could not be looked up: {self.cause or 'no answer yet'}"


@dataclass(slots=True)
class Watching:
    """Owns the watched symbols whose instrument is not known."""

    _missing: dict[Key, Unwatched] = field(default_factory=dict)

    def want(self, key: Key, strategy: str, now_s: float) -> None:
        """Note that a symbol without an instrument is watched; `strategy` is empty for the desk's own watching."""
        known = self._missing.get(key) or Unwatched(key=key, strategies=(), since_s=now_s, again_s=now_s + AGAIN_S)
        names = known.strategies if not strategy else (*dict.fromkeys((*known.strategies, strategy)),)
        is_new = names != known.strategies
        self._missing[key] = replace(known, strategies=names, is_told=known.is_told and not is_new)

    def answered(self, key: Key, reply: InstrumentReply, now_s: float) -> Unwatched | None:
        """Take a look-up's answer; return the symbol when its story has come to an end that was told of before."""
        known = self._missing.get(key)
        if known is None:
            return None
        match reply:
            case Unavailable():
                pause_s = Backoff(AGAIN_S, AGAIN_S_MAX).pause_s(known.failures)
                self._missing[key] = replace(
                    known, failures=known.failures + 1, cause=reply.cause, is_unknown=False, again_s=now_s + pause_s
                )
            case UnknownInstrument():
                self._missing[key] = replace(
                    known, failures=known.failures + 1, is_unknown=True, again_s=now_s + UNKNOWN_AGAIN_S
                )
            case _:
                del self._missing[key]
                return known if known.is_told else None
        return None

    def due(self, now_s: float) -> Key | None:
        """Return the symbol to look up now, the one that has waited longest; None while none is due."""
        waiting = [one for one in self._missing.values() if one.again_s <= now_s]
        if not waiting:
            return None
        first = min(waiting, key=lambda one: one.again_s)
        # Where no answer comes at all it is asked for again, but not at once.
        self._missing[first.key] = replace(first, again_s=now_s + AGAIN_S_MAX)
        return first.key

    def news(self, now_s: float) -> tuple[Unwatched, ...]:
        """Return what has to be told now, each symbol once for all who watch it."""
        due = tuple(
            one
            for one in self._missing.values()
            if one.strategies and not one.is_told and (one.is_unknown or now_s - one.since_s >= TOLD_S)
        )
        for one in due:
            self._missing[one.key] = replace(one, is_told=True)
        return due

    def lacking(self) -> tuple[Unwatched, ...]:
        """Return the symbols that strategies watch and that bring no prices."""
        return tuple(one for one in self._missing.values() if one.strategies)

    def __bool__(self) -> bool:
        """Say whether anything is missing."""
        return bool(self._missing)


def unwatched_alert(one: Unwatched) -> Alert:
    """Say that a strategy watches a symbol and hears nothing of it."""
    names = ", ".join(one.strategies)
    spelling = "Correct the symbol in the strategy (as the exchange spells it, such as RELIANCE-EQ) and start again."
    return Alert(
        topic=_topic(one.key),
        level=Level.WARNING,
        what=f"{names} watches {one.key[1]} ({one.key[0]}) and gets no prices: {one.message}.",
        means="The strategy runs without prices of it; the desk goes on asking the broker.",
        do=spelling if one.is_unknown else "Nothing needs to be done at first; `status` names it until prices come.",
    )


def watched_alert(one: Unwatched) -> Alert:
    """Say that prices come after all."""
    return Alert(
        topic=_topic(one.key),
        level=Level.INFO,
        what=f"{one.key[1]} ({one.key[0]}) has been looked up; {', '.join(one.strategies)} gets its prices now.",
        means="The strategies that watch it hear its ticks.",
        ends=True,
    )


def _topic(key: Key) -> str:
    return f"watch:{key[0]}:{key[1]}"
