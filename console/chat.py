"""What a person may say in the chat, and what the desk answers there."""

import secrets
from typing import Final, Protocol

from actors.errors import DeskUnavailableError
from console.views.text import taken_text
from domain.alerts.text.risk import rupees
from domain.exits.flatten import PositionKey
from domain.orders.types import EXTERNAL
from domain.ports import Clock
from domain.read_models import AlarmsAcknowledged, ExitsNow, Holdings, PnlNow, Readiness, TradingStateNow
from domain.risk.checks import TradingState
from domain.texts import counted

CONFIRM_S: Final = 60.0
WRONG_S: Final = 5.0
WRONG_S_MAX: Final = 300.0
"""After a wrong code the next can be asked for so much later, twice as long each time: 10,000 codes can't be tried."""
HELP: Final = """\
/status: what is taken now, and what speaks against entries
/positions: what is held, and the day in rupees
/halt: send nothing any more but exits of a person, a stop or a limit
/flatten: get out of everything; asks for a code first
/ack: the open alarms have been seen"""


class ChattingDesk(Protocol):
    """What is asked of a desk here."""

    def readiness(self) -> Readiness:
        """Return whether entries are taken."""

    def trading_state(self) -> TradingStateNow:
        """Return what may be sent."""

    def exits(self) -> ExitsNow:
        """Return the positions on their way to flat."""

    def holdings(self) -> Holdings:
        """Return what each strategy holds."""

    def pnl(self) -> PnlNow:
        """Return how the day stands."""

    def set_trading_state(self, state: TradingState, reason: str, *, force: bool = False) -> TradingStateNow:
        """Turn trading."""

    def flatten(self, reason: str, strategy: str | None = None) -> tuple[PositionKey, ...]:
        """See positions through to flat."""

    def is_stored(self) -> bool:
        """Say whether a restart would know of it."""

    def acknowledge(self, topic: str | None) -> AlarmsAcknowledged:
        """Take alarms as seen."""


class Chat:
    """Owns the code that a flatten waits for, until when (monotonic seconds), and how often it was wrong."""

    def __init__(self, desk: ChattingDesk, clock: Clock) -> None:
        self._desk = desk
        self._clock = clock
        self._code = ""
        self._until = 0.0
        self._wrong = 0
        self._not_before = 0.0

    def answer(self, text: str) -> str:
        """Return what to answer; what went wrong is answered too."""
        word, _, rest = text.strip().partition(" ")
        try:
            return self._answer(word.lower().partition("@")[0], rest.strip())
        except DeskUnavailableError as error:
            return f"Not done: {error}."

    def _answer(self, word: str, rest: str) -> str:
        match word:
            case "/status":
                return self._status()
            case "/positions":
                return self._positions()
            case "/halt":
                now = self._desk.set_trading_state(TradingState.HALTED, "said in the chat")
                kept = "" if now.stored else " The database does not take it: a restart would not know of it."
                return (
                    f"Trading is {now.state}: only exits of a person, a stop or a limit are sent. `resume` undoes it."
                    + kept
                )
            case "/flatten":
                return self._flatten(rest)
            case "/ack":
                topics = self._desk.acknowledge(rest or None).topics
                return f"Seen: {', '.join(topics)}." if topics else "No alarm is open."
            case _:
                return HELP

    def _status(self) -> str:
        trading, ready, exits = self._desk.trading_state(), self._desk.readiness(), self._desk.exits()
        lines = [f"Trading is {trading.state}{f' ({trading.reason})' if trading.reason else ''}."]
        stopped = () if trading.state is TradingState.ACTIVE else (f"the desk {taken_text(trading.state)}",)
        against = (*stopped, *map(str, ready.blockers))
        lines.append(f"No entries: {'; '.join(against)}." if against else "Entries are taken.")
        lines += [
            f"On its way to flat: {position_key}, {counted(tries, 'exit')} sent."
            for position_key, tries in exits.under_way.items()
        ]
        return "\n".join(lines)

    def _positions(self) -> str:
        held = self._desk.holdings().positions
        lines = [
            f"{strategy}: {quantity:+d} {key.symbol} ({key.product})"
            for strategy, positions in sorted(held.items())
            for key, quantity in positions.items()
        ]
        total = self._desk.pnl().total
        day = f"Today {rupees(total.total)} (realised {rupees(total.realised)}, open {rupees(total.open)})."
        unknown = f" No price is known of {len(total.unpriced)} positions." if total.unpriced else ""
        return "\n".join([*(lines or ["Nothing is held."]), day + unknown])

    def _flatten(self, code: str) -> str:
        """Ask for a code first: a word in a chat is said quickly."""
        now = self._clock.monotonic()
        if now < self._not_before:
            return f"A code was wrong. Say /flatten again in {self._not_before - now:.0f} s; `flatten` works at once."
        if not code:
            self._code, self._until = f"{secrets.randbelow(10_000):04d}", now + CONFIRM_S
            held = sum(len(one) for name, one in self._desk.holdings().positions.items() if name != EXTERNAL)
            return f"This gets out of {held} positions. Say /flatten {self._code} within {CONFIRM_S:.0f} s."
        if now > self._until or not secrets.compare_digest(code.encode(), self._code.encode()):
            self._code, self._until = "", 0.0
            self._wrong += 1
            self._not_before = now + min(WRONG_S * 2 ** (self._wrong - 1), WRONG_S_MAX)
            return (
                "That is not the code, or it is too old. Nothing was done; "
                f"say /flatten for a new one in {self._not_before - now:.0f} s."
            )
        self._code, self._until, self._wrong = "", 0.0, 0
        position_keys = self._desk.flatten("said in the chat")
        found = (
            f"On the way to flat: {', '.join(map(str, position_keys))}."
            if position_keys
            else "Nothing is held or working."
        )
        kept = "" if self._desk.is_stored() else " The database does not take it: a restart would not know of it."
        return f"{found} Entries stay stopped until `resume`.{kept}"
