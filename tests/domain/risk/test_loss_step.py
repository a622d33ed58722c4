"""A look at the day's loss as a pure step: what is broken, told, written and made flat, and what never heals."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from domain.exits.flatten import PositionKey
from domain.market.calendar import Calendar
from domain.market.trading_days import TradingDays
from domain.orders.reasons import Reason
from domain.orders.types import EXTERNAL, Exchange, InstrumentKey, Product
from domain.ports import IST
from domain.positions.pnl import PnlRow, Symbol
from domain.risk.loss_actions import Action, AskForQuote, MakeFlat, RecordDay, TellPeople, WatchSymbol
from domain.risk.loss_doubt import DOUBT_S_MAX, is_ours_alone
from domain.risk.loss_inputs import COUNTED, AccountFigure, LossInputs, LossRules, Now
from domain.risk.loss_limit import RiskDay
from domain.risk.loss_state import LossState, first_state
from domain.risk.loss_step import step
from domain.settings import CalendarSettings, RiskSettings

AT = datetime(2026, 1, 5, 10, tzinfo=IST)
SYMBOL: Symbol = (Exchange.NSE, "RELIANCE-EQ")
OURS = PositionKey("trend", InstrumentKey(*SYMBOL, Product.MIS))
PHONE = PositionKey(EXTERNAL, InstrumentKey(*SYMBOL, Product.MIS))
SHARES = PositionKey("invest", InstrumentKey(*SYMBOL, Product.CNC))
LIMIT = 1_000


def now(seconds: float = 0.0) -> Now:
    return Now(AT + timedelta(seconds=seconds), 100.0 + seconds)


def rules(budgets: dict[str, int] | None = None, **limits: Any) -> LossRules:  # noqa: ANN401  any limit
    given = RiskSettings.model_validate({"daily_loss_max": LIMIT, "pnl_difference_max": 100, **limits})
    days = TradingDays(Calendar(CalendarSettings()), enforced=False)
    return LossRules(given, {one: Decimal(limit) for one, limit in (budgets or {}).items()}, days)


RULES = rules()
WITH_BUDGET = rules({"trend": 700})


def seen(
    pnl: int = 0,
    *,
    held: Sequence[PositionKey] = (OURS,),
    account: int | None = None,
    by: LossRules | None = None,
    at: Now | None = None,
    **more: Any,  # noqa: ANN401  any input
) -> LossInputs:
    """Return a look at ten units of ours that have made so much, with a price of this moment."""
    moment = at or now()
    row = PnlRow(OURS, 10 if OURS in held else 0, Decimal(100), Decimal(0), Decimal(pnl))
    figure = None if account is None else AccountFigure(Decimal(account), moment.day, moment.s)
    given: dict[str, Any] = {
        "seen_s": {SYMBOL: moment.s},
        "book_read_s": moment.s,
        "doubted": frozenset(),
        "quotes": {},
    }
    return LossInputs(
        **{
            "rules": by or RULES,
            "rows": (row,),
            "held": tuple(held),
            "first_prices": {},
            "account": figure,
            **given,
            **more,
        }
    )


def begun(**day: Any) -> LossState:  # noqa: ANN401  any figure of the day
    return first_state((RiskDay(day=now().day, **day),), now())


def broken() -> LossState:
    return step(begun(), seen(-LIMIT), now())[0]


def kinds(actions: Sequence[Action]) -> list[type]:
    return [type(one) for one in actions]


def told(actions: Sequence[Action]) -> list[str]:
    return [one.alert.what for one in actions if isinstance(one, TellPeople)]


def test_a_broken_limit_is_written_first_then_told_then_made_flat() -> None:
    state, actions = step(begun(), seen(-LIMIT), now())

    assert kinds(actions) == [WatchSymbol, RecordDay, TellPeople, MakeFlat]
    assert state.day.breached_at == now().at
    assert actions[1] == RecordDay(state.day)
    assert actions[-1] == MakeFlat(
        reason="the day's loss limit: -1,000.00 rupees, at or below -1,000.00", products=COUNTED
    )


def test_a_loss_within_the_limit_breaks_nothing() -> None:
    state, actions = step(begun(), seen(-LIMIT + 1), now())

    assert not state.day.is_broken
    assert MakeFlat not in kinds(actions)


def test_the_worse_of_our_figure_and_the_brokers_counts() -> None:
    for ours, account in ((-LIMIT, -LIMIT + 50), (-10, -LIMIT)):
        assert step(begun(), seen(ours, account=account), now())[0].day.is_broken


def test_the_brokers_figure_of_another_day_counts_for_nothing() -> None:
    yesterday = AccountFigure(Decimal(-LIMIT), "2026-01-02", now().s)

    assert not step(begun(), replace(seen(), account=yesterday), now())[0].day.is_broken


def test_what_a_look_says_again_is_said_once() -> None:
    state, first = step(begun(), seen(-900), now())
    _, second = step(state, seen(-900), now(1))

    assert len(told(first)) == 1
    assert told(second) == []


def test_a_position_that_is_on_its_way_out_is_waited_for_and_flat_is_told_once() -> None:
    state, waiting = step(broken(), seen(-LIMIT), now(1))
    state, flat = step(state, seen(-LIMIT, held=()), now(2))
    state, after = step(state, seen(-LIMIT, held=()), now(3))

    assert (waiting, after) == ((), ())
    assert told(flat) == ["After the loss limit's breach no strategy holds anything; the day stands at -1,000.00."]


def test_what_comes_up_after_a_breach_is_told_and_only_a_strategys_is_made_flat() -> None:
    state, _ = step(broken(), seen(-LIMIT, held=()), now(1))
    state, phone = step(state, seen(-LIMIT, held=(PHONE,)), now(2))
    _, ours = step(state, seen(-LIMIT, held=(PHONE, OURS)), now(3))

    assert kinds(phone) == [TellPeople]
    assert kinds(ours) == [TellPeople, MakeFlat]


def test_delivery_is_left_and_named_and_holds_up_no_word_of_flat() -> None:
    state, breach = step(begun(), seen(-LIMIT, held=(OURS, SHARES)), now())
    _, flat = step(state, seen(-LIMIT, held=(SHARES,)), now(1))

    means = [one.alert.means for one in (*breach, *flat) if isinstance(one, TellPeople)]
    assert len(means) == 2
    assert all(str(SHARES) in one for one in means)


def test_a_strategy_past_its_budget_is_blocked_alone_until_its_day_ends() -> None:
    by = rules({"trend": 500, "other": 500}, daily_loss_max=None)
    state, actions = step(begun(), seen(-500, by=by), now())
    later, again = step(state, seen(100, by=by), now(1))
    tomorrow, _ = later.entered(now(86_400))

    assert [one.strategy for one in actions if isinstance(one, MakeFlat)] == ["trend"]
    assert MakeFlat not in kinds(again)
    assert later.objection_to("trend") is Reason.STRATEGY_LOSS_BREACHED
    assert later.objection_to("other") is None
    assert later.restriction(by) is None
    assert tomorrow.objection_to("trend") is None


def test_a_price_that_is_too_old_restricts_entries_until_one_comes() -> None:
    late = now(31)
    watched, _ = step(begun(), seen(), now())
    state, blind = step(watched, seen(at=now(), account=0), late)
    again, back = step(state, seen(at=late), late)

    restriction = state.restriction(RULES)
    assert restriction is not None
    assert restriction.reason is Reason.PRICES_STALE
    assert again.restriction(RULES) is None
    assert [len(told(one)) for one in (blind, back)] == [1, 1]


def test_a_day_that_ends_is_written_and_the_next_begins_at_nothing() -> None:
    state, actions = broken().entered(now(86_400))

    assert actions == (RecordDay(broken().day),)
    assert state.day == RiskDay(day="2026-01-06")
    assert state.earlier["2026-01-05"].is_broken
    assert state.restriction(RULES) is None


def test_a_person_resumes_after_the_pause_and_the_limit_counts_from_there() -> None:
    state = broken()

    assert "resume can be said in 15 min" in state.objection_to_resuming(RULES, now(1), force=True)
    assert "--force" in state.objection_to_resuming(RULES, now(900), force=False)
    assert state.objection_to_resuming(RULES, now(900), force=True) == ""
    resumed, actions = state.resumed(now(900))
    assert resumed.day.base == -LIMIT
    assert resumed.restriction(RULES) is None
    recorded, told = actions
    assert recorded == RecordDay(resumed.day)
    assert isinstance(told, TellPeople)
    assert (told.alert.topic, told.alert.ends) == ("risk", True)


def test_a_restart_after_a_breach_asks_for_flat_once_more() -> None:
    restarted = first_state((broken().day,), now(5))

    state, first = step(restarted, seen(-LIMIT), now(5))
    _, second = step(state, seen(-LIMIT), now(6))

    assert [kinds(first).count(MakeFlat), kinds(second).count(MakeFlat)] == [1, 0]


# a loss that our figure alone shows


def test_only_what_the_quotes_show_too_breaks_and_the_rest_waits() -> None:
    by = rules({"trend": 300})
    state, asked = step(begun(), seen(-LIMIT, account=0, by=by), now())
    at = now(1)
    quoted = seen(-LIMIT, account=0, by=by, at=at, quotes={SYMBOL: Decimal(60)})

    state, actions = step(state, quoted, at)

    assert AskForQuote(SYMBOL) in asked
    assert state.day.spent == {"trend"}
    assert not state.day.is_broken
    assert [one.strategy for one in actions if isinstance(one, MakeFlat)] == ["trend"]


def test_a_quote_from_before_the_doubt_confirms_nothing() -> None:
    state, asked = step(begun(), seen(-LIMIT, account=0, quotes={SYMBOL: Decimal(0)}), now())
    state, _ = step(state, seen(-LIMIT, account=0, at=now(1)), now(1))

    assert AskForQuote(SYMBOL) in asked
    assert not state.day.is_broken


def test_what_differs_most_is_asked_for_first_and_not_everything_at_once() -> None:
    keys = [InstrumentKey(Exchange.NSE, f"S{number}-EQ", Product.MIS) for number in range(9)]
    held = tuple(PositionKey("trend", key) for key in keys)
    rows = tuple(PnlRow(one, 10, Decimal(100), Decimal(0), Decimal(-200)) for one in held)
    right = {(Exchange.NSE, key.symbol): Decimal(90 + number) for number, key in enumerate(keys)}
    state, first = step(begun(), replace(seen(held=held, account=0), rows=rows), now())

    _, again = step(state, replace(seen(held=held, account=0, at=now(2), quotes=right), rows=rows), now(2))

    assert len([one for one in first if isinstance(one, AskForQuote)]) == len(held)
    asked = [one.symbol[1] for one in again if isinstance(one, AskForQuote)]
    assert asked == ["S8-EQ", "S7-EQ", "S6-EQ", "S5-EQ", "S4-EQ"]


# whatever comes, in whatever order

LOOKS = st.lists(
    st.tuples(
        st.sampled_from([-1_500, -LIMIT, -990, -700, 0, 800]),
        st.sampled_from([None, 0, 0, -950, -1_500]),
        st.sampled_from([(), (OURS,), (PHONE,), (OURS, PHONE), (OURS, SHARES)]),
        st.sampled_from([0.5, 1.0, 7.0, 31.0, 200.0]),
        st.sampled_from([None, 0, 40, 98, 120]),
        st.booleans(),
    ),
    max_size=12,
)


@dataclass(frozen=True, slots=True)
class Look:
    """The state before and after a look, what it went by, and what followed."""

    before: LossState
    after: LossState
    actions: tuple[Action, ...]
    inputs: LossInputs
    at: Now


def looks(moves: list[Any], state: LossState) -> list[Look]:
    """Look at each of these in turn."""
    s, by = 0.0, WITH_BUDGET
    taken: list[Look] = []
    for pnl, account, held, after_s, quote, is_seen in moves:
        s += after_s
        moment = now(s)
        quotes = {} if quote is None else {SYMBOL: Decimal(quote)}
        more: dict[str, Any] = {"quotes": quotes} if is_seen else {"quotes": quotes, "seen_s": {}, "book_read_s": 0.0}
        inputs = seen(pnl, account=account, held=held, by=by, at=moment, **more)
        after, actions = step(state, inputs, moment)
        taken.append(Look(state, after, actions, inputs, moment))
        state = after
    return taken


@settings(deadline=None)
@given(LOOKS)
def test_a_breach_or_a_spent_budget_never_heals_within_the_day_without_a_person(moves: list[Any]) -> None:
    for one in looks(moves, begun()):
        before, after = one.before.day, one.after.day
        assert after.is_broken or not before.is_broken
        assert before.breached_at in {None, after.breached_at}
        assert before.spent <= after.spent


@settings(deadline=None)
@given(LOOKS)
def test_what_is_newly_broken_is_made_flat_and_is_on_its_way_to_the_disk_before(moves: list[Any]) -> None:
    for look in looks(moves, begun()):
        before, after, actions = look.before, look.after, look.actions
        if after.day.is_broken and not before.day.is_broken:
            recorded = next(one for one in actions if isinstance(one, RecordDay))
            assert recorded.day.is_broken
            assert kinds(actions).index(RecordDay) < kinds(actions).index(MakeFlat)
        for strategy in after.day.spent - before.day.spent:
            flat = next(one for one in actions if isinstance(one, MakeFlat) and one.strategy == strategy)
            before_it = actions[: actions.index(flat)]
            assert any(strategy in one.day.spent for one in before_it if isinstance(one, RecordDay))


@settings(deadline=None)
@given(LOOKS)
def test_what_is_restricted_has_a_reason_and_that_reason_is_so(moves: list[Any]) -> None:
    for one in looks(moves, begun()):
        after = one.after
        restriction = after.restriction(RULES)
        is_restricted = after.day.is_broken or after.are_prices_stale
        assert (restriction is not None) is is_restricted
        if restriction is not None:
            wanted = Reason.DAILY_LOSS_BREACHED if after.day.is_broken else Reason.PRICES_STALE
            assert restriction.reason is wanted
            assert restriction.message


@settings(deadline=None)
@given(LOOKS)
def test_a_loss_far_from_the_brokers_figure_breaks_only_what_a_quote_shows_or_what_has_waited(moves: list[Any]) -> None:
    for one in looks(moves, begun()):
        ours, account = one.inputs.ours().total, one.inputs.account_on(one.before.day.day)
        is_new = one.after.day.is_broken and not one.before.day.is_broken
        if not is_new or account is None or account <= -LIMIT or account - ours <= 100:
            continue
        doubt = one.before.doubt
        assert doubt is not None
        at_quotes = one.inputs.valued_at({**doubt.quotes, **one.inputs.quotes})
        assert at_quotes.ours().total <= -LIMIT or one.at.s - doubt.since_s >= DOUBT_S_MAX


@settings(deadline=None)
@given(LOOKS)
def test_nothing_is_told_written_or_asked_twice_at_the_same_look(moves: list[Any]) -> None:
    for look in looks(moves, begun()):
        asked = [one for one in look.actions if isinstance(one, WatchSymbol | AskForQuote)]
        assert len(asked) == len({*asked})
        assert len(told(look.actions)) == len({*told(look.actions)})


APART: Any = {"apart": frozenset({OURS.key}), "account": 0}


def test_a_loss_of_units_that_the_account_does_not_have_waits_however_near_the_figures_are() -> None:
    by = rules(pnl_difference_max=10 * LIMIT)

    state, actions = step(begun(), seen(-LIMIT, by=by, **APART), now())
    waited, more = step(state, seen(-LIMIT, by=by, at=now(5), **APART), now(5))

    assert not state.day.is_broken
    assert not waited.day.is_broken
    assert MakeFlat not in kinds((*actions, *more))
    assert AskForQuote not in kinds((*actions, *more)), "quotes can't tell whose units they are"


def test_after_ten_seconds_the_loss_of_units_apart_breaks_the_limit_all_the_same() -> None:
    by = rules(pnl_difference_max=10 * LIMIT)
    state, _ = step(begun(), seen(-LIMIT, by=by, **APART), now())

    late = now(DOUBT_S_MAX)
    broken_now, actions = step(state, seen(-LIMIT, by=by, at=late, **APART), late)

    assert broken_now.day.is_broken
    assert kinds(actions)[-1] is MakeFlat


def test_a_loss_that_shows_without_the_units_apart_too_breaks_the_limit_at_once() -> None:
    other = InstrumentKey(Exchange.NSE, "INFY-EQ", Product.MIS)

    state, _ = step(begun(), seen(-LIMIT, account=-LIMIT, apart=frozenset({other})), now())

    assert state.day.is_broken


@pytest.mark.parametrize(("strategy", "named"), [(None, ["invest", "other"]), ("invest", ["invest"])])
def test_what_a_broken_limit_leaves_is_named_of_the_strategy_that_broke_it(
    strategy: str | None, named: list[str]
) -> None:
    delivery = replace(OURS.key, product=Product.CNC)
    held = [OURS, *(PositionKey(one, delivery) for one in ("invest", "other", EXTERNAL))]

    assert seen(held=held).left(strategy) == tuple(str(PositionKey(one, delivery)) for one in named)


@pytest.mark.parametrize(("ours", "is_alone"), [(-300, False), (-301, True)])
def test_our_figure_stands_alone_where_it_is_further_from_the_brokers_than_is_allowed(
    ours: int, *, is_alone: bool
) -> None:
    assert is_ours_alone(Decimal(ours), Decimal(-200), Decimal(-250), Decimal(100)) is is_alone


def test_of_several_positions_without_a_price_the_oldest_price_is_told() -> None:
    at, other = now(), (Exchange.NSE, "INFY-EQ")
    state = replace(begun(), watched_s={SYMBOL: at.s - 500, other: at.s - 500})
    held = (OURS, PositionKey("trend", InstrumentKey(*other, Product.MIS)))

    _, actions = step(
        state, seen(held=held, seen_s={SYMBOL: at.s - 100, other: at.s - 200}, book_read_s=at.s - 300), at
    )

    assert any("for 200 s" in one.alert.what for one in actions if isinstance(one, TellPeople))
