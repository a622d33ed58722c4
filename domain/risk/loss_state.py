"""How the day stands against its loss limits, as one frozen value; what stands against entries, and resuming.

`loss_step.step` decides what follows from a look at it.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace

from domain.alerts.text.risk import resumed_alert
from domain.orders.reasons import Reason
from domain.positions.pnl import Symbol
from domain.risk.after_breach import AfterBreach
from domain.risk.loss_actions import Action, RecordDay, TellPeople
from domain.risk.loss_doubt import LossDoubt
from domain.risk.loss_inputs import LossRules, Now
from domain.risk.loss_limit import RiskDay, cooldown_until
from domain.risk.restriction import Restriction


@dataclass(frozen=True, slots=True, kw_only=True)
class Difference:
    """Since when our figure and the broker's differ too far (monotonic seconds), and whether that was told."""

    since_s: float | None = None
    is_told: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class LossState:
    """The day, and all that is remembered of it between two looks. Seconds are monotonic."""

    day: RiskDay
    earlier: Mapping[str, RiskDay]
    """The days before, by day."""
    recorded_s: float
    watched_s: Mapping[Symbol, float] = field(default_factory=dict)
    """Since when each symbol is watched."""
    are_prices_stale: bool = False
    is_near_told: bool = False
    after_breach: AfterBreach = field(default_factory=AfterBreach)
    difference: Difference = field(default_factory=Difference)
    doubt: LossDoubt | None = None

    def restriction(self, rules: LossRules) -> Restriction | None:
        """Return what speaks against all entries."""
        if self.day.is_broken:
            return Restriction(Reason.DAILY_LOSS_BREACHED, f"the day's loss limit is broken: {self.day.breach}")
        if self.are_prices_stale:
            message = "a held position has no price, so the day's loss is not known"
            return Restriction(Reason.PRICES_STALE, message)
        days = tuple(self.earlier.values())
        cooling = cooldown_until(days, self.day.day, rules.limits, rules.trading_days)
        return None if cooling is None else Restriction(Reason.COOLING_DOWN, cooling)

    def objection_to(self, strategy: str) -> Reason | None:
        """Return what speaks against the entries of one strategy alone."""
        return Reason.STRATEGY_LOSS_BREACHED if strategy in self.day.spent else None

    def recorded(self, now: Now) -> tuple["LossState", tuple[Action, ...]]:
        """Write how the day stands."""
        return replace(self, recorded_s=now.s), (RecordDay(self.day),)

    def entered(self, now: Now) -> tuple["LossState", tuple[Action, ...]]:
        """Begin the day of `now`; the one that ends is written."""
        state = LossState(
            day=RiskDay(day=now.day),
            earlier={**self.earlier, self.day.day: self.day},
            recorded_s=now.s,
            watched_s=self.watched_s,
            difference=replace(self.difference, is_told=False),
        )
        return state, (RecordDay(self.day),)

    def objection_to_resuming(self, rules: LossRules, now: Now, *, force: bool) -> str:
        """Say why trading can't be resumed yet; empty where it can."""
        if self.day.breached_at is None:
            return ""
        waited_s = (now.at - self.day.breached_at).total_seconds()
        if waited_s < rules.limits.resume_cooloff_s:
            left = (rules.limits.resume_cooloff_s - waited_s) / 60
            return f"the loss limit was broken {waited_s / 60:.0f} min ago; resume can be said in {left:.0f} min"
        return "" if force else "the day's loss limit is broken; `resume --force` lets the day lose as much again"

    def resumed(self, now: Now) -> tuple["LossState", tuple[Action, ...]]:
        """Go on after a breach: the limit counts anew from here. Without one nothing changes."""
        if not self.day.is_broken:
            return self, ()
        state = replace(self, day=self.day.resumed(), is_near_told=False, after_breach=AfterBreach())
        recorded, actions = state.recorded(now)
        return recorded, (*actions, TellPeople(resumed_alert(recorded.day)))


def first_state(days: Iterable[RiskDay], now: Now) -> LossState:
    """Return the state of a desk that starts: earlier days, and today as an earlier run has left it."""
    earlier = {one.day: one for one in days}
    return LossState(day=earlier.get(now.day, RiskDay(day=now.day)), earlier=earlier, recorded_s=now.s)
