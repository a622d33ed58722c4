"""What the judge holds the desk to, each by its name."""

from dataclasses import dataclass
from typing import Final

from tests.simulation.rules import RULES

INVARIANTS: Final = {
    "once": "at most one order at the broker for each command id",
    "row first": "no order at the broker without an earlier durable row",
    "no false end": "no row is final while its order lives or says otherwise",
    "fills": "filled quantities never exceed the exchange's, and equal them when it is quiet",
    "sums": "what the strategies hold, and EXTERNAL, is what the account holds",
    "entries stop": "no entry passes while EXITS_ONLY, HALTED or blind",
    "guard": "no entry passes while its strategy has an exposure",
    "stored": "a halt that is answered as stored is on the disk",
    "exits out": "an exit is never refused by us",
    "exits bounded": "exits never exceed what is held",
    "rate": "at most 10 requests in any second, rolling or of the calendar",
    "exits first": "an exit or cancel waits for no more than the request in flight",
    "journal": "every change of state is in the table and in the journal, and the journal replays to the table",
    "resolves": "with the faults gone everything resolves",
    "start twice": "starting twice leaves what starting once leaves",
    "answers": "each caller is answered exactly once",
    "alarm": "a late truth is told as an alarm",
    "alive": "no actor dies",
    "flat": "what is told to get out gets out",
    "stops": "what was entered under a stop stays under one, and a stop whose price is reached gets out",
    **RULES,
}


@dataclass(frozen=True, slots=True)
class Violation:
    """What was broken, and when."""

    invariant: str
    message: str
    at_s: float
    effect: int
