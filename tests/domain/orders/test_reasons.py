from pathlib import Path

import pytest

from domain.orders.reasons import EXPLANATIONS, Kind, Reason, explain

ROOT = Path(__file__).parents[3]
ROOMS = ("domain", "actors", "storage", "broker", "console")
PART_OF_A_CONTRACT = {
    # The guide's word for check 2A; finer reasons are used until the profit-and-loss limits come.
    Reason.RISK_LIMITS_EXCEEDED,
}


@pytest.mark.parametrize("reason", Reason)
def test_each_reason_has_one_sentence_for_people(reason: Reason) -> None:
    sentence = explain(reason)

    assert sentence[0].isupper() or sentence[0] == "`"
    assert sentence.endswith(".")
    assert reason.value not in sentence


def test_no_two_reasons_share_a_sentence() -> None:
    assert len({explain(reason) for reason in Reason}) == len(Reason)


def test_every_kind_of_answer_has_a_reason() -> None:
    assert {one.kind for one in EXPLANATIONS.values()} == set(Kind)


def test_each_reason_is_used_somewhere() -> None:
    code = "\n".join(
        path.read_text(encoding="utf-8")
        for room in ROOMS
        for path in (ROOT / room).rglob("*.py")
        if path.name != "reasons.py"
    )

    unused = {reason for reason in Reason if f"Reason.{reason.name}" not in code and f"'{reason.value}'" not in code}

    assert unused - PART_OF_A_CONTRACT == set()
