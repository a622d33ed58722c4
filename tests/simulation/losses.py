"""What the judge asks of a day's loss limit, held against how the account truly stood."""

from decimal import Decimal
from typing import TYPE_CHECKING, Final

from domain.orders.command import OrderCommand

if TYPE_CHECKING:
    from tests.simulation.judge import Judge

LOSS_SLACK: Final = Decimal("0.7")
"""A loss limit may speak when this share of it was truly lost: books and ticks are not of one moment."""
ZERO: Final = Decimal(0)


class Losses:
    """Owns how the account stood at its worst, day by day, and since when a limit is broken and nothing leaves."""

    def __init__(self, judge: "Judge") -> None:
        self._judge = judge
        self._worst: dict[str, Decimal] = {}
        self._since_s: float | None = None
        self.loss_max: Decimal | None = None

    def begin_to_wait(self) -> None:
        """Begin anew to wait for an exit: one has left, or a process or a day begins."""
        self._since_s = None

    def check_exit(self, command: OrderCommand) -> None:
        """An exit for a loss limit needs a true loss, of the day whose limit it speaks of."""
        if self.loss_max is None:
            return
        worst = self._worst.get(self._day_of(command), ZERO)
        if worst > -self.loss_max * LOSS_SLACK:
            message = f"{command.command_id} leaves because of {command.comment!r}"
            rule = "believed prices" if self._judge.gateway.sayings.err is None else "doubtful losses"
            self._judge.blame(rule, f"{message}; the worst of the day was {worst:.2f}")

    def _day_of(self, command: OrderCommand) -> str:
        """Return the day whose limit has broken: a way out that is not over goes on in the morning after it."""
        broken = "SELECT day FROM risk_days WHERE breach != '' AND ? LIKE '%: ' || breach"
        days = self._judge.read(broken, command.comment)
        return days[0][0] if days else self._judge.ledger.day

    def _unseen_gains(self) -> Decimal:
        """Return what is gained where an order of an earlier day has traded more than our rows say: nobody knows it."""
        ledger = self._judge.ledger
        gains = {key: gain for key in ledger.carried if (gain := ledger.profit_of(key)) > 0}
        if not gains:
            return ZERO
        rows = self._judge.read("SELECT remarks_tag, filled_quantity FROM orders WHERE day < ?", ledger.day)
        there = ((one, filled) for tag, filled in rows for one in ledger.by_tag.get(tag, ()))
        unseen = {one.key for one, filled in there if one.filled != filled}
        return sum((gain for key, gain in gains.items() if key in unseen), ZERO)

    def look(self, late_s: float) -> None:
        """A loss limit that is truly broken gets out, at latest after so many seconds."""
        if self.loss_max is None:
            return
        judge, ledger, now_s = self._judge, self._judge.ledger, self._judge.scheduler.clock.seconds
        lost = sum((ledger.profit_of(key) for key in ledger.net if key[2] != "C"), ZERO)
        self._worst[ledger.day] = min(self._worst.get(ledger.day, ZERO), lost - self._unseen_gains())
        held = [key for key, units in ledger.net.items() if units and key[2] != "C"]
        covered = any(one.is_live for one in ledger.today)
        if lost > -self.loss_max or not held or covered or judge.phone_traded:
            self._since_s = None
        elif self._since_s is None:
            self._since_s = now_s
        elif now_s - self._since_s > late_s:
            judge.blame("never waits", f"the day stands at {lost:.2f}, and no exit of {held[0][1]} has left")
