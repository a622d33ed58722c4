"""Breaks of what the desk does where something is missing, wrong or other than before (see `mutants.py`)."""

from typing import Final

from tests.mutation.mutant import Mutant

WORLD_MUTANTS: Final = (
    Mutant(
        "prices are believed as they come",
        "domain/market/price.py",
        "could_trade",
        "low <= price <= high",
        "True",
        theme="wrong prices",
    ),
    Mutant(
        "another instrument's price is believed",
        "domain/market/knowledge.py",
        "MarketKnowledge.judge",
        "is_of_another(tick, instrument)",
        "False",
        theme="wrong prices",
    ),
    Mutant(
        "a quote moves what a younger tick has moved on",
        "domain/market/knowledge.py",
        "MarketKnowledge.judge",
        "overtaken_by(tick, self._prices.get(key, {}).values(), now) is not None",
        "False",
        theme="late quotes",
    ),
    Mutant(
        "an exit is not cut to whole lots",
        "domain/exits/pricing.py",
        "whole_lots",
        "quantity // lot * lot or quantity",
        "quantity",
        theme="new terms",
    ),
    Mutant(
        "a refused exit counts as one that did not fill",
        "actors/exits/actor.py",
        "ExitsActor._send_priced",
        "step.unfilled + 1",
        "step.number",
        theme="refusals",
    ),
    Mutant(
        "a market order that rests is left to rest",
        "domain/exits/resting.py",
        "RestingOrders.due",
        "tuple(one for one in looked if one.to_tell is not None or one.order.command.intent is Intent.EXIT)",
        "()",
        theme="resting",
    ),
    Mutant(
        "an exit that the database does not take is refused",
        "actors/repo/refusals.py",
        "Refusals.answer",
        "message.command.intent is Intent.EXIT",
        "False",
        theme="locks",
    ),
    Mutant(
        "the position book's prices stand in for nothing",
        "actors/market.py",
        "MarketActor._see_book",
        "prices_in(book)",
        "()",
        theme="no prices",
    ),
    Mutant(
        "a way out asks again and again for shares that are missing",
        "domain/exits/flatten.py",
        "FlattenTask.next_step",
        "self._missing and self._is_final(exposure)",
        "False",
        theme="delivery",
    ),
    Mutant(
        "a way out without shares is begun anew by each start",
        "actors/exits/actor.py",
        "ExitsActor._end_without_shares",
        """
        post(
            self._repo,
            Record(item=FlattenEnd(request_id=request.request_id, at=self._clock.now(), missing=step.held)),
        )
        """,
        "None",
        theme="delivery",
    ),
    Mutant(
        "the band of the morning holds all day",
        "domain/market/knowledge.py",
        "MarketKnowledge.wants_for_exit",
        "now_s - known[1] > READ_AGAIN_S",
        "False",
        theme="bands",
    ),
    Mutant(
        "the order book alone proves an order absent",
        "domain/reconciliation/absence.py",
        "Absences.advance",
        "not seen.contradict(order)",
        "True",
        theme="hidden rows",
    ),
    Mutant(
        "a hedge leaves with its short",
        "domain/exits/leg_order.py",
        "ExitOrder.look",
        "now - began_at < self.settings.hedge_wait_s",
        "False",
        theme="spreads",
    ),
    Mutant(
        "a contract that is over counts until the books end it",
        "domain/positions/ledger.py",
        "GuardLedger._why_over",
        "self._now is None",
        "True",
        theme="expiries",
    ),
    Mutant(
        "a start forgets the last days of contracts",
        "actors/wiring.py",
        "known_of",
        "snapshot.expiries",
        "{}",
        theme="expiries",
    ),
)
