"""Breaks of what the desk does where something is missing, wrong or other than before (see `mutants.py`)."""

from typing import Final

from tests.mutation.mutant import Mutant

WORLD_MUTANTS: Final = (
    Mutant(
        "prices are believed as they come",
        "domain/market_price.py",
        "could_trade",
        "low <= price <= high",
        "True",
        theme="wrong prices",
    ),
    Mutant(
        "another instrument's price is believed",
        "domain/market_knowledge.py",
        "MarketKnowledge.judge",
        "is_of_another(tick, instrument)",
        "False",
        theme="wrong prices",
    ),
    Mutant(
        "an exit is not cut to whole lots",
        "domain/exit_terms.py",
        "whole_lots",
        "quantity // lot * lot or quantity",
        "quantity",
        theme="new terms",
    ),
    Mutant(
        "a refused exit counts as one that did not fill",
        "actors/exits.py",
        "ExitsActor._send_priced",
        "step.unfilled + 1",
        "step.number",
        theme="refusals",
    ),
    Mutant(
        "a market order that rests is left to rest",
        "domain/resting.py",
        "RestingOrders.due",
        "tuple(one for one in looked if one.to_tell is not None or one.order.command.intent is Intent.EXIT)",
        "()",
        theme="resting",
    ),
    Mutant(
        "an exit that the database does not take is refused",
        "actors/repo.py",
        "RepoActor._failed",
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
        "the band of the morning holds all day",
        "domain/market_knowledge.py",
        "MarketKnowledge.wants_for_exit",
        "now_s - known[1] > READ_AGAIN_S",
        "False",
        theme="bands",
    ),
    Mutant(
        "a hedge leaves with its short",
        "domain/exit_order.py",
        "ExitOrder.look",
        "now - began_at < self.settings.hedge_wait_s",
        "False",
        theme="spreads",
    ),
)
