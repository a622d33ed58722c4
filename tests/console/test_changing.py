"""A person's later words over the API: cancel, modify, settle, accept, log in."""

from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import pytest
import requests

from actors.messages import OrderAnswered, OrderDeclined
from domain.books import Disagreement, Quarrel
from domain.change import Change, ChangeKind, ChangeStage
from domain.lifecycle import Event, State
from domain.order import Order
from domain.reasons import Reason
from tests.console.fakes import FakeDesk
from tests.fakes import order

Ask = Callable[..., requests.Response]
CANCEL = {"change_id": "x1", "because": "changed my mind"}
ASKED = Change(change_id="x1", kind=ChangeKind.CANCEL, asked_at=datetime(2026, 1, 5, tzinfo=UTC))


def resting(**overrides: Any) -> Order:  # noqa: ANN401  any field of an order
    return order(state=State.WORKING, broker_order_id="B1", command_id="c1", **overrides)


@pytest.mark.parametrize(
    ("answer", "status", "words"),
    [
        (
            OrderAnswered(order=resting(change=replace(ASKED, stage=ChangeStage.TAKEN))),
            200,
            "Cancel taken by the broker: BUY 10 RELIANCE-EQ is being canceled, unless a fill wins; `why c1` will tell",
        ),
        (
            OrderAnswered(
                order=resting(change=replace(ASKED, stage=ChangeStage.TAKEN), tag=Reason.CHANGE_REFUSED, note="no")
            ),
            200,
            "Cancel taken by the broker",
        ),
        (OrderAnswered(order=resting()), 202, "what came of it is not known yet"),
        (OrderAnswered(order=order(state=State.FILLED)), 200, "The order ended before the cancel did."),
        (
            OrderAnswered(order=resting(change=replace(ASKED, stage=ChangeStage.LOST))),
            202,
            "The reply to the cancel was",
        ),
        (
            OrderAnswered(order=resting(tag=Reason.CHANGE_REFUSED, note="no")),
            502,
            "The cancel was not made: “no”",
        ),
        (OrderAnswered(order=resting(), repeated=True), 202, "nothing was sent again"),
        (
            OrderAnswered(order=resting(), repeated=True, outcome=Event.REFUSE_CHANGE),
            502,
            "nothing was sent again. The cancel was refused, or could not be sent.",
        ),
        (
            OrderAnswered(order=resting(), repeated=True, outcome=Event.REJECT_CHANGE),
            502,
            "The exchange rejected the cancel after the broker had taken it.",
        ),
        (
            OrderAnswered(order=resting(), repeated=True, outcome=Event.LAPSE_CHANGE),
            502,
            "The cancel took no effect: the books never showed it.",
        ),
        (
            OrderAnswered(
                order=resting(change=replace(ASKED, stage=ChangeStage.LOST)), repeated=True, outcome=Event.LOSE_CHANGE
            ),
            202,
            "nothing was sent again. The reply to the cancel was lost",
        ),
        (
            OrderAnswered(
                order=resting(change=replace(ASKED, stage=ChangeStage.TAKEN)), repeated=True, outcome=Event.TAKE_CHANGE
            ),
            200,
            "nothing was sent again. Cancel taken by the broker",
        ),
        (
            OrderAnswered(order=order(state=State.CANCELED), repeated=True, outcome=Event.TAKE_CHANGE),
            200,
            "nothing was sent again. The cancel is done.",
        ),
        (OrderAnswered(order=order(state=State.CANCELED)), 200, "The cancel is done."),
        (OrderDeclined(command_id="c1", reason=Reason.NOT_CHANGEABLE, words="the order is FILLED"), 409, "Not done"),
        (OrderDeclined(command_id="c1", reason=Reason.UNKNOWN_ORDER, words="no order"), 422, "Not done"),
        (None, 202, "it never goes out twice"),
    ],
)
def test_a_cancel_is_answered_by_what_is_known(
    desk: FakeDesk, ask: Ask, answer: OrderAnswered | OrderDeclined | None, status: int, words: str
) -> None:
    desk.change_answer = answer

    reply = ask("POST", "/orders/c1/cancel", json=CANCEL)

    assert (reply.status_code, words in reply.json()["sentence"]) == (status, True), reply.json()
    (asked,) = desk.changes
    assert (asked.command_id, asked.change_id, asked.kind) == ("c1", "x1", ChangeKind.CANCEL)


@pytest.mark.parametrize(
    ("path", "body", "words"),
    [
        ("modify", {"price": "100"}, "change_id is missing"),
        ("cancel", {**CANCEL, "price": "100"}, "a cancel takes no price"),
        ("modify", CANCEL, "a modify needs a new quantity, price or trigger_price"),
        ("modify", {**CANCEL, "quantity": 0}, "quantity must be a whole number"),
        ("modify", {**CANCEL, "prise": "1"}, "unknown field 'prise'"),
        ("settle", {"found": True}, "because must be given"),
        ("settle", {"found": "yes", "because": "seen"}, "found must be true"),
        ("settle", {"found": True, "because": "seen", "average_price": "NaN"}, "average_price must be a number"),
    ],
)
def test_what_cannot_be_meant_is_one_sentence_and_reaches_nobody(
    desk: FakeDesk, ask: Ask, path: str, body: dict[str, object], words: str
) -> None:
    reply = ask("POST", f"/orders/c1/{path}", json=body)

    assert (reply.status_code, words in reply.json()["sentence"]) == (422, True), reply.json()
    assert (desk.changes, desk.settlements) == ([], [])


def test_a_settlement_says_how_the_order_stands_then(desk: FakeDesk, ask: Ask) -> None:
    desk.change_answer = OrderAnswered(order=order(state=State.NOT_PLACED, tag=Reason.SETTLED_BY_HAND))

    reply = ask("POST", "/orders/c1/settle", json={"found": False, "because": "not in the broker's app"})

    assert (reply.status_code, reply.json()["sentence"][:16]) == (200, "Settled by hand.")
    ((name, settlement),) = desk.settlements
    assert (name, settlement.found, settlement.because) == ("c1", False, "not in the broker's app")


def test_a_disagreement_is_shown_by_name_and_accepted_by_it(desk: FakeDesk, ask: Ask) -> None:
    name = "position:NSE|RELIANCE-EQ|MIS"
    desk.disagreements = (
        Disagreement(name=name, quarrel=Quarrel.POSITION, sentence="the account holds 5", difference=5),
    )

    shown = ask("GET", "/status").json()["disagreements"]
    accepted = ask("POST", "/disagreements/accept", json={"name": name, "because": "converted by phone"})
    unknown = ask("POST", "/disagreements/accept", json={"name": "fills:1", "because": "x"})

    fix = f"look at the broker; `accept '{name}' --because …` if it is right"
    about = {"name": name, "sentence": "the account holds 5", "stops_entries": True, "difference": 5}
    assert shown == [about | {"fix": fix}]
    assert accepted.json()["sentence"].startswith("Accepted: the account holds 5.")
    assert unknown.status_code == 404


def test_an_order_of_a_past_day_is_settled_and_not_accepted(desk: FakeDesk, ask: Ask) -> None:
    desk.disagreements = (Disagreement(name="past:c1", quarrel=Quarrel.PAST, sentence="nobody knows"),)

    reply = ask("POST", "/disagreements/accept", json={"name": "past:c1", "because": "x"})

    assert (reply.status_code, "`settle c1 found|absent --because …`" in reply.json()["sentence"]) == (409, True)
    assert ask("GET", "/status").json()["disagreements"][0]["stops_entries"] is False


def test_what_an_order_of_unknown_fate_may_explain_is_not_accepted(desk: FakeDesk, ask: Ask) -> None:
    name = "position:NSE|RELIANCE-EQ|MIS"
    apart = Disagreement(name=name, quarrel=Quarrel.POSITION, sentence="it holds 10", difference=10, unsettled=("c1",))
    desk.disagreements = (apart,)

    reply = ask("POST", "/disagreements/accept", json={"name": name, "because": "x"})
    shown = ask("GET", "/status").json()["disagreements"][0]["fix"]

    assert (reply.status_code, "`settle c1 found|absent --because …`" in reply.json()["sentence"]) == (409, True)
    assert shown.startswith("don't accept it: c1 may explain it")


def test_an_order_believed_absent_that_may_explain_it_is_named_first(desk: FakeDesk, ask: Ask) -> None:
    apart = Disagreement(name="position:x", quarrel=Quarrel.POSITION, sentence="it holds 10", absent=("c1",))
    desk.disagreements = (apart,)

    fix = ask("GET", "/status").json()["disagreements"][0]["fix"]

    assert "if c1 has traded after all, `settle c1 found" in fix
    assert "else `accept 'position:x'" in fix


@pytest.mark.parametrize("undo", ["yes", 3, None])
def test_undo_is_yes_or_no(ask: Ask, undo: object) -> None:
    body = {"name": "fills:1", "because": "x", "undo": undo}

    assert ask("POST", "/disagreements/accept", json=body).status_code == 422


def test_a_modify_says_what_is_being_changed_and_when_it_is_done(desk: FakeDesk, ask: Ask) -> None:
    asked = replace(ASKED, kind=ChangeKind.MODIFY, quantity=10, limit_price=Decimal(101), stage=ChangeStage.TAKEN)
    given = {"change_id": "x1", "price": "101"}

    desk.change_answer = OrderAnswered(order=resting(change=asked))
    taken = ask("POST", "/orders/c1/modify", json=given)
    desk.change_answer = OrderAnswered(order=resting(limit_price=Decimal(101)))
    done = ask("POST", "/orders/c1/modify", json=given)

    words = "Modify taken by the broker: BUY 10 RELIANCE-EQ is being changed to 10 units, limit 101.00, unless a fill"
    assert (taken.status_code, words in taken.json()["sentence"]) == (200, True)
    assert taken.json()["order"]["change"]["kind"] == "MODIFY"
    assert (done.status_code, done.json()["sentence"][:20]) == (200, "The modify is done. ")
    assert [one.price for one in desk.changes] == [Decimal(101)] * 2
    assert {one.origin for one in desk.changes} == {"HUMAN"}


def test_a_login_is_asked_for(desk: FakeDesk, ask: Ask) -> None:
    assert ask("POST", "/session/login", json={}).status_code == 200
    assert desk.logins == 1
