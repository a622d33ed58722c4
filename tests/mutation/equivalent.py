"""Mutants that the draw has shown to change nothing that anybody could see, each with the reason."""

from typing import Final

EQUIVALENT: Final[dict[str, str]] = {
    "domain/positions/ledger.py GuardLedger.reserve_change: boundary: growth > 0 -> growth >= 0": (
        "a growth of nothing is cut to nothing, and leaves the quantity that was asked for"
    ),
    "domain/positions/nothing_to_exit.py NothingToExit._reducible: boundary: self.held * self.side.sign < 0"
    " -> self.held * self.side.sign <= 0": "of nothing held, nothing can be reduced either way",
    "domain/baskets.py Basket.__post_init__: boundary: sells[0] < buys[-1] -> sells[0] <= buys[-1]": (
        "no leg both buys and sells, so the two numbers are never the same"
    ),
    "storage/roll_ups.py : sql: ' FROM orders WHERE client_id = ? AND day >= ? AND filled_quantity > 0'"
    " -> ' FROM orders WHERE client_id = ? AND day >= ? AND filled_quantity >= 0'": (
        "what has traded nothing adds nothing to a sum"
    ),
    "domain/orders/stop_terms.py StopTerms.check_against: another constant: 1 -> 2": (
        "the way is multiplied and held against zero: its sign alone counts"
    ),
    "domain/positions/pnl.py PnlBook.carry: boundary: quantity < 0 -> quantity <= 0": (
        "what is carried into a day is never nothing: positions that are flat are in no list of it"
    ),
}
