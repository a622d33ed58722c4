"""After the day's limit is broken nothing that its sum counts may be held, until the day ends or a person resumes.

What comes up again is told, and a strategy's is made flat again. A restart asks for flat once more: the run before it
may have ended between the breach and its exits.
"""

from dataclasses import dataclass, replace
from typing import Final

from domain.alerts.text.risk import again_alert, flat_alert
from domain.exits.flatten import PositionKey
from domain.positions.pnl import is_ours
from domain.risk.loss_actions import Action, MakeFlat, TellPeople
from domain.risk.loss_inputs import LossInputs
from domain.risk.loss_limit import RiskDay

_AGAIN: Final = "the day's loss limit was broken before"


@dataclass(frozen=True, slots=True, kw_only=True)
class AfterBreach:
    """What was done since the breach: flat asked for, flat told, and which positions were known or told since."""

    is_flat_asked: bool = False
    is_flat_told: bool = False
    known: frozenset[PositionKey] = frozenset()

    def look(self, day: RiskDay, inputs: LossInputs) -> "tuple[AfterBreach, tuple[Action, ...]]":
        """Hold what is held against the breach of the day."""
        again = MakeFlat(reason=_AGAIN, products=inputs.rules.products)
        actions: list[Action] = [] if self.is_flat_asked else [again]
        after, held = replace(self, is_flat_asked=True), [one for one in inputs.held if inputs.rules.makes_flat(one)]
        has_ours = any(is_ours(one) for one in held)
        if not has_ours and not after.is_flat_told:
            after = replace(after, is_flat_told=True, known=frozenset(held))
            actions.append(TellPeople(flat_alert(day, inputs.left())))
        if not after.is_flat_told:
            return after, tuple(actions)
        new = [one for one in held if one not in after.known]
        if new:
            actions.append(TellPeople(again_alert(", ".join(map(str, new)))))
        if has_ours:
            actions.append(again)
        return replace(after, known=frozenset(held)), tuple(actions)
