"""A person's word on trading and what the day speaks against: the stricter one is in force."""

import pytest

from domain.orders.reasons import Reason
from domain.risk.checks import TradingState
from domain.risk.restriction import Restriction, TradingWord

BLIND = Restriction(Reason.PRICES_STALE, "a held position has no price")


@pytest.mark.parametrize(
    ("said", "restriction", "in_force"),
    [
        (TradingState.ACTIVE, None, TradingState.ACTIVE),
        (TradingState.ACTIVE, BLIND, TradingState.EXITS_ONLY),
        (TradingState.EXITS_ONLY, BLIND, TradingState.EXITS_ONLY),
        (TradingState.HALTED, BLIND, TradingState.HALTED),
    ],
)
def test_the_stricter_word_is_in_force(
    said: TradingState, restriction: Restriction | None, in_force: TradingState
) -> None:
    word = TradingWord(said, "a person")

    now = word.under(restriction)

    assert now.state is in_force
    assert now.reason == (BLIND.message if said is TradingState.ACTIVE and restriction else "a person")


def test_an_entry_is_told_what_the_day_speaks_against_where_no_person_said_so() -> None:
    refused = Reason.TRADING_EXITS_ONLY

    assert TradingWord(TradingState.ACTIVE, "").finer(refused, BLIND) is Reason.PRICES_STALE
    assert TradingWord(TradingState.EXITS_ONLY, "").finer(refused, BLIND) is refused
    assert TradingWord(TradingState.ACTIVE, "").finer(Reason.ORDER_QUANTITY_EXCEEDED, BLIND) is not BLIND.reason
