"""A person's later words over the API: cancel, modify, resolve, accept, log in."""

from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import pytest
import requests

from actors.messages.orders import OrderAnswered, OrderDeclined
from domain.orders.change import Change, ChangeKind, ChangeStage
from domain.orders.lifecycle import Event, State
from domain.orders.order import Order
from domain.orders.reasons import Reason
from domain.reconciliation.breaks import Break, BreakKind
from tests.console.fakes import FakeDesk
from tests.fakes import order

Ask = Callable[..., requests.Response]
CANCEL = {"change_id": "x1", "reason": "changed my mind"}
ASKED = Change(change_id="x1", kind=ChangeKind.CANCEL, asked_at=datetime(2026, 1, 5, tzinfo=UTC))


def resting(**overrides: Any) -> Order:  # noqa: ANN401  any field of an order
    return order(state=State.WORKING, broker_order_id="B1", command_id="c1", **overrides)


@pytest.mark.parametrize(
    ("answer", "status", "message"),
    [
        (
            OrderAnswered(order=resting(change=replace(ASKED, stage=ChangeStage.ACCEPTED))),
            200,
            "Cancel taken by the broker: BUY 10 RELIANCE-EQ is being canceled, unless a fill wins; `why c1` will tell",
        ),
        (
            OrderAnswered(
                order=resting(change=replace(ASKED, stage=ChangeStage.ACCEPTED), tag=Reason.CHANGE_REFUSED, note="no")
            ),
            200,
            "Cancel taken by the broker",
        ),
        (OrderAnswered(order=resting()), 202, "what came of it is not known yet"),
        (OrderAnswered(order=order(state=State.FILLED)), 200, "The order ended before the cancel did."),
        (
            OrderAnswered(order=resting(change=replace(ASKED, stage=ChangeStage.REPLY_LOST))),
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
            OrderAnswered(order=resting(), repeated=True, outcome=Event.CHANGE_REFUSED),
            502,
            "nothing was sent again. The cancel was refused, or could not be sent.",
        ),
        (
            OrderAnswered(order=resting(), repeated=True, outcome=Event.CHANGE_REJECTED),
            502,
            "The exchange rejected the cancel after the broker had taken it.",
        ),
        (
            OrderAnswered(order=resting(), repeated=True, outcome=Event.CHANGE_LAPSED),
            502,
            "The cancel took no effect: the books never showed it.",
        ),
        (
            OrderAnswered(
                order=resting(change=replace(ASKED, stage=ChangeStage.REPLY_LOST)),
                repeated=True,
                outcome=Event.CHANGE_REPLY_LOST,
            ),
            202,
            "nothing was sent again. The reply to the cancel was lost",
        ),
        (
            OrderAnswered(
                order=resting(change=replace(ASKED, stage=ChangeStage.ACCEPTED)),
                repeated=True,
                outcome=Event.CHANGE_ACCEPTED,
            ),
            200,
            "nothing was sent again. Cancel taken by the broker",
        ),
        (
            OrderAnswered(order=order(state=State.CANCELED), repeated=True, outcome=Event.CHANGE_ACCEPTED),
            200,
            "nothing was sent again. The cancel is done.",
        ),
        (OrderAnswered(order=order(state=State.CANCELED)), 200, "The cancel is done."),
        (OrderDeclined(command_id="c1", reason=Reason.NOT_CHANGEABLE, message="the order is FILLED"), 409, "Not done"),
        (OrderDeclined(command_id="c1", reason=Reason.UNKNOWN_ORDER, message="no order"), 422, "Not done"),
        (None, 202, "it never goes out twice"),
    ],
)
def test_a_cancel_is_answered_by_what_is_known(
    desk: FakeDesk, ask: Ask, answer: OrderAnswered | OrderDeclined | None, status: int, message: str
) -> None:
    desk.change_answer = answer

    reply = ask("POST", "/orders/c1/cancel", json=CANCEL)

    assert (reply.status_code, message in reply.json()["sentence"]) == (status, True), reply.json()
    (asked,) = desk.changes
    assert (asked.command_id, asked.change_id, asked.kind) == ("c1", "x1", ChangeKind.CANCEL)


@pytest.mark.parametrize(
    ("path", "body", "message"),
    [
        ("modify", {"price": "100"}, "change_id is missing"),
        ("cancel", {**CANCEL, "price": "100"}, "unknown field 'price'; the fields are: change_id, origin, reason"),
        ("modify", CANCEL, "a modify needs a new quantity, price or trigger_price"),
        ("modify", {**CANCEL, "quantity": 0}, "quantity must be a whole number"),
        ("modify", {**CANCEL, "prise": "1"}, "unknown field 'prise'"),
        ("resolve", {"placed": True}, "reason is missing"),
        ("resolve", {"placed": True, "reason": " "}, "reason must be given"),
        ("resolve", {"placed": "yes", "reason": "seen"}, "placed must be true"),
        ("resolve", {"placed": True, "reason": "seen", "average_price": "NaN"}, "average_price must be a number"),
    ],
)
def test_what_cannot_be_meant_is_one_sentence_and_reaches_nobody(
    desk: FakeDesk, ask: Ask, path: str, body: dict[str, object], message: str
) -> None:
    reply = ask("POST", f"/orders/c1/{path}", json=body)

    assert (reply.status_code, message in reply.json()["sentence"]) == (422, True), reply.json()
    assert (desk.changes, desk.resolutions) == ([], [])


def test_a_settlement_says_how_the_order_stands_then(desk: FakeDesk, ask: Ask) -> None:
    desk.change_answer = OrderAnswered(order=order(state=State.NOT_PLACED, tag=Reason.RESOLVED_BY_HAND))

    reply = ask("POST", "/orders/c1/resolve", json={"placed": False, "reason": "not in the broker's app"})

    assert (reply.status_code, reply.json()["sentence"][:17]) == (200, "Resolved by hand.")
    ((name, resolution),) = desk.resolutions
    assert (name, resolution.placed, resolution.reason) == ("c1", False, "not in the broker's app")


def test_a_break_is_shown_by_name_and_accepted_by_it(desk: FakeDesk, ask: Ask) -> None:
    name = "position:NSE|RELIANCE-EQ|MIS"
    desk.breaks = (Break(name=name, kind=BreakKind.POSITION, sentence="the account holds 5", difference=5),)

    shown = ask("GET", "/status").json()["breaks"]
    accepted = ask("POST", "/breaks/accept", json={"name": name, "reason": "converted by phone"})
    unknown = ask("POST", "/breaks/accept", json={"name": "fills:1", "reason": "x"})

    fix = f"look at the broker; `accept '{name}' --reason …` if it is right"
    about = {"name": name, "sentence": "the account holds 5", "stops_entries": True, "difference": 5}
    assert shown == [about | {"fix": fix}]
    assert accepted.json()["sentence"].startswith("Accepted: the account holds 5.")
    assert unknown.status_code == 404


def test_an_order_of_a_past_day_is_settled_and_not_accepted(desk: FakeDesk, ask: Ask) -> None:
    desk.breaks = (Break(name="past:c1", kind=BreakKind.PAST, sentence="nobody knows"),)

    reply = ask("POST", "/breaks/accept", json={"name": "past:c1", "reason": "x"})

    assert (reply.status_code, "`resolve c1 --placed NUMBER|--not-placed --reason …`" in reply.json()["sentence"]) == (
        409,
        True,
    )
    assert ask("GET", "/status").json()["breaks"][0]["stops_entries"] is False


def test_what_an_order_of_unknown_fate_may_explain_is_not_accepted(desk: FakeDesk, ask: Ask) -> None:
    name = "position:NSE|RELIANCE-EQ|MIS"
    apart = Break(name=name, kind=BreakKind.POSITION, sentence="it holds 10", difference=10, unresolved=("c1",))
    desk.breaks = (apart,)

    reply = ask("POST", "/breaks/accept", json={"name": name, "reason": "x"})
    shown = ask("GET", "/status").json()["breaks"][0]["fix"]

    assert (reply.status_code, "`resolve c1 --placed NUMBER|--not-placed --reason …`" in reply.json()["sentence"]) == (
        409,
        True,
    )
    assert shown.startswith("don't accept it: c1 may explain it")


def test_an_order_believed_absent_that_may_explain_it_is_named_first(desk: FakeDesk, ask: Ask) -> None:
    apart = Break(name="position:x", kind=BreakKind.POSITION, sentence="it holds 10", absent=("c1",))
    desk.breaks = (apart,)

    fix = ask("GET", "/status").json()["breaks"][0]["fix"]

    assert "if c1 has traded after all, `resolve c1 --placed NUMBER" in fix
    assert "else `accept 'position:x'" in fix


@pytest.mark.parametrize("undo", ["yes", 3, None])
def test_undo_is_yes_or_no(ask: Ask, undo: object) -> None:
    body = {"name": "fills:1", "reason": "x", "undo": undo}

    assert ask("POST", "/breaks/accept", json=body).status_code == 422


def test_a_modify_says_what_is_being_changed_and_when_it_is_done(desk: FakeDesk, ask: Ask) -> None:
    asked = replace(ASKED, kind=ChangeKind.MODIFY, quantity=10, limit_price=Decimal(101), stage=ChangeStage.ACCEPTED)
    given = {"change_id": "x1", "price": "101"}

    desk.change_answer = OrderAnswered(order=resting(change=asked))
    taken = ask("POST", "/orders/c1/modify", json=given)
    desk.change_answer = OrderAnswered(order=resting(limit_price=Decimal(101)))
    done = ask("POST", "/orders/c1/modify", json=given)

    message = "Modify taken by the broker: BUY 10 RELIANCE-EQ is being changed to 10 units, limit 101.00, unless a fill"
    assert (taken.status_code, message in taken.json()["sentence"]) == (200, True)
    assert taken.json()["order"]["change"]["kind"] == "MODIFY"
    assert (done.status_code, done.json()["sentence"][:20]) == (200, "The modify is done. ")
    assert [one.price for one in desk.changes] == [Decimal(101)] * 2
    assert {one.origin for one in desk.changes} == {"HUMAN"}


def test_a_login_is_asked_for(desk: FakeDesk, ask: Ask) -> None:
    assert ask("POST", "/session/login", json={}).status_code == 200
    assert desk.logins == 1
