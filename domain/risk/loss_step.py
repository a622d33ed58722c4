"""One look at the day's loss: the state after it, and what follows, in the order in which it is to be delivered."""

from collections.abc import Callable
from collections.abc import Set as AbstractSet
from dataclasses import replace
from typing import Final, TypeAlias

from domain.alerts.text import risk as risk_text
from domain.positions.pnl import symbol_of
from domain.risk.loss_actions import Action, AskForQuote, MakeFlat, TellPeople, WatchSymbol
from domain.risk.loss_doubt import Overrun, first_doubt, is_ours_alone, overrun, overrun_by_units_apart
from domain.risk.loss_inputs import LossInputs, Now
from domain.risk.loss_state import Difference, LossState
from domain.risk.stale_prices import stale_prices

RECORD_S: Final = 5.0
"""So often the day's figures are written while they move."""

Step: TypeAlias = tuple[LossState, tuple[Action, ...]]


def step(state: LossState, inputs: LossInputs, now: Now) -> Step:
    """Hold the day against its limits; what is newly broken is written first, then acted on."""
    before, actions = state.day, list[Action]()
    for part in _PARTS:
        state, more = part(state, inputs, now)
        actions += more
    has_entered = state.day.first_prices != inputs.first_prices
    if has_entered:
        state = replace(state, day=replace(state.day, first_prices=dict(inputs.first_prices)))
    if has_entered or (state.day != before and now.s - state.recorded_s >= RECORD_S):
        state, more = state.recorded(now)
        actions += more
    return state, tuple(actions)


def watch(state: LossState, inputs: LossInputs, now: Now) -> Step:
    """Watch the prices of what is held and not watched yet."""
    new = sorted({symbol_of(one.key) for one in inputs.held} - state.watched_s.keys())
    if not new:
        return state, ()
    watched_s = {**state.watched_s, **dict.fromkeys(new, now.s)}
    return replace(state, watched_s=watched_s), tuple(WatchSymbol(one) for one in new)


def _mind_price_ages(state: LossState, inputs: LossInputs, now: Now) -> Step:
    """Tell once that a held position has no price, and once that it has one again."""
    stale = stale_prices(inputs, state.watched_s, now)
    if bool(stale) == state.are_prices_stale:
        return state, ()
    which = ", ".join(map(str, stale))
    alert = risk_text.prices_stale_alert(which, max(stale.values())) if stale else risk_text.prices_back_alert()
    return replace(state, are_prices_stale=bool(stale)), (TellPeople(alert),)


def _mind_limits(state: LossState, inputs: LossInputs, now: Now) -> Step:
    """Judge the account and the strategies; what is in doubt waits."""
    state, asked = _doubt(state, inputs, now)
    held_back = Overrun() if state.doubt is None else state.doubt.held_back
    state, judged = (state, ()) if held_back.is_account else _judge(state, inputs, now)
    state, spent = _mind_budgets(state, inputs, now, held_back.strategies)
    return state, (*asked, *judged, *spent)


def _doubt(state: LossState, inputs: LossInputs, now: Now) -> Step:
    """Doubt what our figure alone breaks, and ask for quotes; forget the doubt where it is over."""
    shown, account = overrun(state.day, inputs), inputs.account_on(state.day.day)
    level, limits = state.day.level(inputs.rules.limits), inputs.rules.limits
    is_far = is_ours_alone(inputs.ours().total, account, level, limits.pnl_difference_max)
    held_back = shown if is_far else overrun_by_units_apart(state.day, shown, inputs)
    if shown and not held_back:
        return replace(state, doubt=None), ()
    if state.doubt is not None:
        doubt = state.doubt.look(state.day, shown, inputs, now, is_far=is_far)
    else:
        doubt = first_doubt(held_back, now, is_far=is_far) if shown else None
    asks = () if doubt is None else doubt.asks(inputs, now)
    if doubt is not None and asks:
        doubt = replace(doubt, asked_s=now.s)
    return replace(state, doubt=doubt), tuple(AskForQuote(one) for one in asks)


def _judge(state: LossState, inputs: LossInputs, now: Now) -> Step:
    """Hold the worse of our figure and the broker's against the day's limit."""
    ours, account = inputs.ours().total, inputs.account_on(state.day.day)
    day, limits = state.day.seen(ours if account is None else min(ours, account)), inputs.rules.limits
    state = replace(state, day=day)
    if day.is_broken:
        after, actions = state.after_breach.look(day, inputs)
        return replace(state, after_breach=after), actions
    if day.is_over_the_limit(limits):
        return _break(state, inputs, now)
    level = day.level(limits)
    if level is None or state.is_near_told or not day.is_near_the_limit(limits):
        return state, ()
    return replace(state, is_near_told=True), (TellPeople(risk_text.near_alert(day, level)),)


def _break(state: LossState, inputs: LossInputs, now: Now) -> Step:
    message = risk_text.breach_message(state.day, inputs.rules.limits)
    after = replace(state.after_breach, is_flat_asked=True)
    state, record = replace(state, day=state.day.broken(message, now.at), after_breach=after).recorded(now)
    told = TellPeople(risk_text.breach_alert(state.day, inputs.left()))
    flat = MakeFlat(reason=f"the day's loss limit: {message}", products=inputs.rules.products)
    return state, (*record, told, flat)


def _mind_budgets(state: LossState, inputs: LossInputs, now: Now, held_back: AbstractSet[str]) -> Step:
    """Get strategies out that have lost what they may lose in a day, those apart whose loss is in doubt."""
    totals, budgets, actions = inputs.by_strategy(), inputs.rules.budgets, list[Action]()
    for strategy in state.day.newly_spent(totals, budgets):
        if strategy in held_back:
            continue
        state, record = replace(state, day=state.day.spent_by(strategy)).recorded(now)
        alert = risk_text.strategy_alert(strategy, totals[strategy], budgets[strategy], inputs.left(strategy))
        reason = f"{strategy} may lose {budgets[strategy]} rupees a day"
        flat = MakeFlat(reason=reason, strategy=strategy, products=inputs.rules.products)
        actions += (*record, TellPeople(alert), flat)
    return state, tuple(actions)


def _mind_difference(state: LossState, inputs: LossInputs, now: Now) -> Step:
    """Tell once that our figure and the broker's have differed too far for too long."""
    ours, account, limits = inputs.ours(), inputs.account_on(state.day.day), inputs.rules.limits
    if account is None or ours.unpriced:
        return state, ()
    if abs(ours.total - account) <= limits.pnl_difference_max:
        return replace(state, difference=Difference()), ()
    since_s = state.difference.since_s
    if since_s is None:
        return replace(state, difference=replace(state.difference, since_s=now.s)), ()
    if state.difference.is_told or now.s - since_s < limits.prices_stale_s_max:
        return state, ()
    told = TellPeople(risk_text.differs_alert(ours.total, account))
    return replace(state, difference=replace(state.difference, is_told=True)), (told,)


_PARTS: Final[tuple[Callable[[LossState, LossInputs, Now], Step], ...]] = (
    watch,
    _mind_price_ages,
    _mind_limits,
    _mind_difference,
)
