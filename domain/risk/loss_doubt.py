"""A loss that only our own figure shows: it waits for one fresh quote before anything is made flat.

Our figure stands on the last prices, the broker's on its own. Where ours alone breaks a limit, and lies further from
the broker's than `risk.pnl_difference_max`, one wrong price is likelier than a loss. So each position's price is asked
for anew, and the limit breaks when the loss shows at the quotes' own prices too, whatever ticks have overtaken them.
While quotes and ticks differ they are asked for again. After `DOUBT_S_MAX` the worse figure counts: being blind is no
profit. A doubt is over when the loss has not shown for `OVER_S`: a quote that sets a wrong price right for a moment
does not begin it anew, or a loss that quotes alone don't know of would wait for ever.

Where the account has fewer units than we count (an exit that filled while no desk ran), a limit that breaks by those
alone waits just as long, however near the figures are: the books resolve such a break within seconds.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from decimal import Decimal
from typing import Final

from domain.positions.pnl import Symbol, symbol_of
from domain.risk.loss_inputs import LossInputs, Now
from domain.risk.loss_limit import RiskDay

DOUBT_S_MAX: Final = 10.0
"""The longest that a loss which only our own figure shows may wait for quotes."""
ASK_AGAIN_S: Final = 2.0
ASKED_AGAIN_MAX: Final = 5
"""So many quotes are asked for again at once, those first that differ most from the last price."""
OVER_S: Final = 3.0


@dataclass(frozen=True, slots=True)
class Overrun:
    """The limits that a figure breaks and that are not broken yet: the account's, and strategies' budgets."""

    is_account: bool = False
    strategies: frozenset[str] = frozenset()

    def __bool__(self) -> bool:
        """Say whether there are any."""
        return self.is_account or bool(self.strategies)

    def without(self, other: "Overrun") -> "Overrun":
        """Return those that the other figure does not break."""
        return Overrun(self.is_account and not other.is_account, self.strategies - other.strategies)

    def also(self, other: "Overrun") -> "Overrun":
        """Return the limits of both."""
        return Overrun(self.is_account or other.is_account, self.strategies | other.strategies)


def overrun(day: RiskDay, inputs: LossInputs) -> Overrun:
    """Return the limits that our own figure newly breaks."""
    level = day.level(inputs.rules.limits)
    is_account = level is not None and not day.is_broken and inputs.ours().total <= level
    return Overrun(is_account, frozenset(day.newly_spent(inputs.by_strategy(), inputs.rules.budgets)))


def overrun_by_units_apart(day: RiskDay, shown: Overrun, inputs: LossInputs) -> Overrun:
    """Return those of the `shown` limits that break by units alone that the account does not have."""
    return shown.without(overrun(day, inputs.without_apart())) if inputs.apart else Overrun()


def is_ours_alone(ours: Decimal, account: Decimal | None, level: Decimal | None, difference_max: Decimal) -> bool:
    """Say whether our figure alone stands at or below the limit's level, far from the broker's (rupees)."""
    if account is None:
        return False
    broken_by_both = level is not None and account <= level
    return not broken_by_both and account - ours > difference_max


@dataclass(frozen=True, slots=True, kw_only=True)
class LossDoubt:
    """Since when a loss is in doubt, when it showed and quotes were asked for last (monotonic seconds), and the quotes.

    `held_back` are the limits that may not break yet; `is_far`: our figure alone breaks them, and quotes decide.
    """

    since_s: float
    shown_s: float
    asked_s: float
    quotes: Mapping[Symbol, Decimal] = field(default_factory=dict)
    held_back: Overrun = field(default_factory=Overrun)
    is_far: bool = True

    def look(self, day: RiskDay, shown: Overrun, inputs: LossInputs, now: Now, *, is_far: bool) -> "LossDoubt | None":
        """Hear the quotes since the last look; `shown` is what our figure breaks. None: there is no doubt any more."""
        doubt = replace(self, quotes={**self.quotes, **inputs.quotes}, held_back=Overrun(), is_far=is_far)
        if not shown:
            return doubt if now.s - self.shown_s < OVER_S else None
        doubt = replace(doubt, shown_s=now.s)
        if now.s - self.since_s >= DOUBT_S_MAX:
            return None
        if is_far and doubt.missing(inputs):
            return replace(doubt, held_back=shown)
        held_back = overrun_by_units_apart(day, shown, inputs)
        if is_far:
            held_back = held_back.also(shown.without(overrun(day, inputs.valued_at(doubt.quotes))))
        return replace(doubt, held_back=held_back) if held_back else None

    def missing(self, inputs: LossInputs) -> frozenset[Symbol]:
        """Return the symbols that move the day's sum and of which no quote has come."""
        return frozenset(symbol_of(one.key) for one in inputs.held_beside_delivery) - self.quotes.keys()

    def asks(self, inputs: LossInputs, now: Now) -> tuple[Symbol, ...]:
        """Return whose prices are to be asked for again now: what is missing, else what differs most."""
        if not self.is_far or not self.held_back or now.s - self.asked_s < ASK_AGAIN_S:
            return ()
        missing = self.missing(inputs)
        if missing:
            return tuple(sorted(missing))
        better = inputs.better_at(self.quotes)
        return tuple(sorted(better, key=lambda one: (-better[one], one))[:ASKED_AGAIN_MAX])


def first_doubt(held_back: Overrun, now: Now, *, is_far: bool = True) -> LossDoubt:
    """Begin to doubt: no quote that came before counts."""
    since_s, asked_s = now.s, now.s - ASK_AGAIN_S
    return LossDoubt(since_s=since_s, shown_s=now.s, asked_s=asked_s, held_back=held_back, is_far=is_far)
