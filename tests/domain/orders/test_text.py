"""No word about an order denies what its state says: every state with every reason, in answers, stories and alerts."""

from collections.abc import Iterable, Iterator
from dataclasses import replace
from decimal import Decimal
from itertools import product
from typing import Any

import pytest

from console.api.responses import http_status_of, standing
from domain.alerts.text.exits import exit_alert
from domain.alerts.text.orders import order_alert
from domain.orders.change import ChangeStage
from domain.orders.lifecycle import TERMINAL, Event, State, Status
from domain.orders.order import Order, OrderEvent
from domain.orders.reasons import Reason
from domain.orders.text import meaning_of, outcome_line, way_out_of
from domain.orders.types import Intent, Side
from tests.fakes import TEN_O_CLOCK, change, order

LIVE = {State.WORKING, State.PARTIALLY_FILLED}
IN_DOUBT = ("may be live", "may be in the market", "being searched for", "unconfirmed", "may have taken effect")
GONE = ("is not in the market", "never arrived", "never reached", "nothing sent", "was not sent", "not taken")
SAID_NO = ("refused the order", "rejected the order", "Refused by the broker", "Blocked")
STANDS = ("stands as it was", "may be changed again")
FORBIDDEN: dict[State, tuple[str, ...]] = {
    State.CREATED: (*IN_DOUBT, *SAID_NO, *STANDS, "has filled"),
    State.SENDING: (*IN_DOUBT, *SAID_NO, "has filled"),
    State.UNCONFIRMED: (*GONE, *SAID_NO, "has filled", "nothing is in doubt"),
    State.WORKING: ("may be live", "being searched for", "unconfirmed", *GONE, *SAID_NO, "has filled"),
    State.PARTIALLY_FILLED: ("may be live", "being searched for", "unconfirmed", *GONE, *SAID_NO, "nothing traded"),
    State.FILLED: (*IN_DOUBT, *GONE, *SAID_NO, *STANDS, "was canceled", "has ended with its trading day"),
    State.CANCELED: (*IN_DOUBT, *SAID_NO, *STANDS, "never arrived", "never reached", "alive or filled"),
    State.REJECTED: (*IN_DOUBT, *STANDS, "never arrived", "never reached", "refused the order", "alive or filled"),
    State.REFUSED: (*IN_DOUBT, *STANDS, "has filled", "rejected the order", "was canceled"),
    State.NOT_PLACED: (*IN_DOUBT, *STANDS, "has filled", "refused the order", "rejected the order", "was canceled"),
    State.BLOCKED: (*IN_DOUBT, *STANDS, "has filled", "refused the order", "Refused by", "rejected the order"),
}


def every_order(of: Iterable[State] = State) -> Iterator[Order]:
    for state, tag in product(of, [None, *Reason]):
        filled = {State.FILLED: 10, State.PARTIALLY_FILLED: 4}.get(state, 0)
        sent = state not in {State.CREATED, State.BLOCKED, State.SENDING, State.REFUSED, State.NOT_PLACED}
        yield order(
            state=state,
            tag=tag,
            quantity=10,
            filled_quantity=filled,
            broker_order_id="B1" if sent and state is not State.UNCONFIRMED else None,
            note="no answer within 7 s",
        )


def contradictions(message: str, state: State) -> list[str]:
    return [phrase for phrase in FORBIDDEN[state] if phrase.lower() in message.lower()]


def name_of(one: Order) -> str:
    return f"{one.state}-{one.tag}"


@pytest.mark.parametrize("state", State)
def test_what_an_answer_says_is_what_the_state_says(state: State) -> None:
    for one, note in product(every_order([state]), ("", "no answer within 7 s")):
        said = standing(replace(one, note=note))
        assert contradictions(said, state) == [], said


@pytest.mark.parametrize("state", State)
def test_a_failed_order_never_counts_as_taken_and_a_taken_one_never_as_failed(state: State) -> None:
    for one in every_order([state]):
        status = http_status_of(one)

        assert (status >= 400) is (one.status is Status.FAILED), name_of(one)
        assert (status == 202) is (state in {State.CREATED, State.SENDING, State.UNCONFIRMED}), name_of(one)


def test_an_open_change_of_unknown_fate_is_told_and_a_settled_one_is_not() -> None:
    for one in every_order():
        pending = replace(one, change=replace(change(), stage=ChangeStage.REPLY_LOST))

        assert "may have taken effect" not in meaning_of(one), name_of(one)
        told = "may have taken effect" in meaning_of(pending)
        assert told is (one.tag is Reason.CHANGE_REPLY_LOST and one.state in LIVE), name_of(one)


@pytest.mark.parametrize("state", State)
def test_what_an_alert_says_is_what_the_state_says(state: State) -> None:
    for one, event, late in product(every_order([state]), Event, (False, True)):
        alert = order_alert(one, OrderEvent(kind=event, tag=one.tag), late=late)
        if alert is not None:
            said = f"{alert.what} {alert.means}"
            assert contradictions(said, state) == [], f"{name_of(one)} {event}: {said}"


def test_a_lost_reply_to_an_order_that_the_books_have_shown_is_no_alert() -> None:
    for state in (State.WORKING, State.PARTIALLY_FILLED, State.FILLED, State.CANCELED, State.REJECTED):
        known = order(state=state, tag=Reason.REPLY_LOST, broker_order_id="B1")

        assert order_alert(known, OrderEvent(kind=Event.REPLY_LOST, tag=Reason.REPLY_LOST), late=False) is None


def test_a_lost_reply_to_a_change_says_that_it_may_be_done_and_not_that_it_was_refused() -> None:
    lost = replace(change(), stage=ChangeStage.REPLY_LOST)
    pending = order(state=State.WORKING, tag=Reason.CHANGE_REPLY_LOST, broker_order_id="B1", change=lost)

    alert = order_alert(pending, OrderEvent(kind=Event.CHANGE_REPLY_LOST, tag=pending.tag, change=lost), late=False)

    assert alert is not None
    assert "a change may be done or not" in alert.what
    assert "not made" not in alert.what


@pytest.mark.parametrize("event", [Event.CHANGE_REQUESTED, Event.REPLACED])
@pytest.mark.parametrize(
    "tag", [Reason.CHANGE_REFUSED, Reason.CHANGE_REJECTED, Reason.CHANGE_REPLY_LOST, Reason.CHANGE_NOT_SEEN]
)
def test_a_tag_about_a_change_is_gone_once_new_terms_are_asked_for_or_seen(tag: Reason, event: Event) -> None:
    before = order(state=State.WORKING, tag=tag, broker_order_id="B1")

    after = before.after(OrderEvent(kind=event, change=change()), TEN_O_CLOCK)

    assert after.tag is None


@pytest.mark.parametrize(
    ("tag", "heading"),
    [
        (Reason.BROKER_REFUSED, "Refused by the broker (BROKER_REFUSED)"),
        (Reason.BROKER_RATE_LIMITED, "Refused by the broker (BROKER_RATE_LIMITED)"),
        (Reason.BROKER_UNREACHABLE, "Never sent (BROKER_UNREACHABLE)"),
        (Reason.RATE_LIMITED, "Never sent (RATE_LIMITED)"),
        (Reason.TRADING_HALTED, "Never sent (TRADING_HALTED)"),
        (Reason.SESSION_EXPIRED, "Not accepted, no session (SESSION_EXPIRED)"),
    ],
)
def test_the_broker_is_said_to_have_refused_only_what_reached_it(tag: Reason, heading: str) -> None:
    assert standing(order(state=State.REFUSED, tag=tag)).startswith(heading)


@pytest.mark.parametrize("state", State)
@pytest.mark.parametrize("tag", Reason)
def test_an_exit_that_could_not_be_sent_names_the_command_that_goes_on(state: State, tag: Reason) -> None:
    way_out = order(state=state, tag=tag, intent=Intent.EXIT, side=Side.SELL)

    passing = {
        Reason.SESSION_EXPIRED,
        Reason.BROKER_UNREACHABLE,
        Reason.BROKER_RATE_LIMITED,
        Reason.RATE_LIMITED,
    }
    told = standing(way_out).endswith(" is sent with `--until-flat`.")
    assert told is (state is State.REFUSED and tag in passing)
    assert way_out_of(order(state=state, tag=tag)) == ""


def test_the_alert_of_an_exit_that_could_not_be_sent_names_the_command_too() -> None:
    way_out = order(state=State.REFUSED, tag=Reason.SESSION_EXPIRED, intent=Intent.EXIT, side=Side.SELL)

    alert = order_alert(way_out, OrderEvent(kind=Event.REFUSED, tag=way_out.tag), late=False)

    assert alert is not None
    assert "was not sent" in alert.what
    assert alert.do.startswith("This exit is not tried again by itself: `flatten --strategy trend`")


@pytest.mark.parametrize(("number", "unfilled"), [(2, 0), (2, 1), (4, 1)])
def test_another_exit_is_told_by_what_the_earlier_ones_did(number: int, unfilled: int) -> None:
    said = exit_alert("X of dip", "the stop", number, unfilled, loud=False).means

    assert ("did not fill in time" in said) is bool(unfilled)
    assert ("were blocked, refused" in said) is (number - 1 > unfilled)
    assert "rejected" not in said


@pytest.mark.parametrize(
    ("given", "event", "said"),
    [
        (
            {"state": State.WORKING, "broker_order_id": "B1"},
            Event.ACCEPTED,
            " is WORKING, broker order B1, limit 100.50",
        ),
        (
            {"state": State.PARTIALLY_FILLED, "broker_order_id": "B1", "filled_quantity": 4},
            Event.PARTIALLY_FILLED,
            " is PARTIALLY_FILLED, broker order B1, limit 100.50, 4 filled",
        ),
        (
            {"state": State.FILLED, "filled_quantity": 10, "average_price": Decimal("100.45")},
            Event.FILLED,
            " is FILLED, 10 filled at 100.45",
        ),
        (
            {"state": State.REFUSED, "tag": Reason.BROKER_REFUSED, "note": "RMS"},
            Event.REFUSED,
            " is REFUSED, BROKER_REFUSED (RMS)",
        ),
        ({"state": State.SENDING}, Event.SENT, None),
    ],
)
def test_the_log_says_what_has_become_of_an_order_with_its_numbers(
    given: dict[str, Any], event: Event, said: str | None
) -> None:
    line = outcome_line(order(price=Decimal("100.50"), strategy="trend", **given), event)

    assert line == ("" if said is None else f"c1: ENTRY BUY 10 RELIANCE-EQ MIS of trend{said}")


def test_every_state_has_its_forbidden_words() -> None:
    assert set(FORBIDDEN) == set(State)
    assert set(FORBIDDEN) >= TERMINAL
