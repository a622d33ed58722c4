"""Which held positions have had neither a price nor a place in a readable position book for too long.

Then the day's loss is not known, and that is never no loss.
"""

from collections.abc import Mapping

from domain.exits.flatten import PositionKey
from domain.positions.pnl import Symbol, symbol_of
from domain.risk.loss_inputs import LossInputs, Now


def stale_prices(inputs: LossInputs, watched_s: Mapping[Symbol, float], now: Now) -> dict[PositionKey, float]:
    """Return the positions whose price is too old, each with its age in seconds.

    `watched_s`: since when each symbol is watched. Where the market is closed no price can come.
    """
    book_age_s = now.s - inputs.book_read_s
    ages: dict[PositionKey, float] = {}
    for one in inputs.held_beside_delivery:
        if not inputs.rules.trading_days.can_trade(one.key.exchange, now.at):
            continue
        symbol = symbol_of(one.key)
        age_s = now.s - max(inputs.seen_s.get(symbol, 0.0), watched_s.get(symbol, now.s))
        ages[one] = age_s if symbol in inputs.doubted else min(age_s, book_age_s)
    return {one: age_s for one, age_s in ages.items() if age_s > inputs.rules.limits.prices_stale_s_max}
