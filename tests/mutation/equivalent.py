"""Mutants that the draw has shown to change nothing that anybody could see, each with the reason."""

from typing import Final

EQUIVALENT: Final[dict[str, str]] = {
    "domain/positions/ledger.py GuardLedger.reserve_change: boundary: growth > 0 -> growth >= 0": (
        "a growth of nothing is cut to nothing, and leaves the quantity that was asked for"
    ),
    "domain/positions/nothing_to_exit.py NothingToExit._reducible: boundary: self.held * self.side.sign < 0"
    " -> self.held * self.side.sign <= 0": "of nothing held, nothing can be reduced either way",
    "domain/positions/pnl.py PnlBook.carry: boundary: quantity < 0 -> quantity <= 0": (
        "what is carried into a day is never nothing: positions that are flat are in no list of it"
    ),
}
