"""What alerts say where the facts decide: the command that ends a break, and how many positions are flat."""

import pytest

from domain.alerts.text.breaks import fix_of
from domain.alerts.text.broker import session_alert
from domain.alerts.text.flatten_sequence import exit_order_alert
from domain.broker.session import SessionState
from domain.exits.flatten_sequence import AllFlat
from domain.reconciliation.breaks import Break, BreakKind


@pytest.mark.parametrize(
    ("given", "says"),
    [
        (
            Break(name="past:c1", kind=BreakKind.PAST, sentence=""),
            "`resolve c1 --placed NUMBER|--not-placed --reason …`",
        ),
        (
            Break(name="x", kind=BreakKind.POSITION, sentence="", unresolved=("c1", "c2")),
            "don't accept it: c1, c2 may explain it",
        ),
        (
            Break(name="x", kind=BreakKind.POSITION, sentence="", absent=("c1",)),
            "if c1 has traded after all, `resolve c1 --placed NUMBER",
        ),
        (
            Break(name="x", kind=BreakKind.POSITION, sentence=""),
            "look at the broker; `accept 'x' --reason …` if it is right",
        ),
    ],
    ids=["past", "unresolved", "absent", "nobody's"],
)
def test_a_break_names_the_command_that_ends_it_and_makes_nothing_worse(given: Break, says: str) -> None:
    assert says in fix_of(given)


@pytest.mark.parametrize(("count", "says"), [(1, "The position is flat"), (3, "All 3 positions are flat")])
def test_what_was_begun_together_is_told_flat_in_one_sentence(count: int, says: str) -> None:
    alert = exit_order_alert(AllFlat(name="f1", reason="the day's end", all=count, is_told=True))

    assert alert.what == f"{says} (the day's end)."
    assert alert.ends


def test_a_login_under_way_is_no_news() -> None:
    assert session_alert(SessionState.LOGGING_IN, "") is None
