"""What the desk makes of the broker's reply to an order (SCENARIOS, R1 to R12; what comes late is in test_late.py)."""

from datetime import datetime, timedelta

import pytest

from actors.messages.orders import OrderAnswered, OrderDeclined
from domain.orders.lifecycle import State, Status
from domain.orders.reasons import Reason
from tests.scenarios.paper import MakePaper, Paper, until_books_are_read
from tests.scenarios.scene import RESTING, MakeScene, Scene
from tests.scenarios.waiting import until

LOST_AFTER = (
    "timeout_after",
    "reset_after",
    "empty_after",
    "html_502_after",
    "truncated_after",
    "html_200_after",
    "drip_after",
)


@pytest.mark.parametrize("kind", LOST_AFTER)
def test_an_order_whose_reply_is_lost_is_found_by_its_tag_and_never_sent_again(
    scene: Scene, paper: Paper, kind: str
) -> None:
    """R1 (timeout) and R3 (reset, empty, 502 HTML, truncated, HTML with 200, a drip beyond the deadline)."""
    paper.fault("PlaceOrder", kind)
    command = scene.command("lost")

    answers = scene.send(command)
    first = until(answers.all, "the caller was not answered")[0]

    assert isinstance(first, OrderAnswered)
    assert (first.order.state, first.order.tag, first.repeated) == (State.UNCONFIRMED, Reason.REPLY_LOST, False)
    filled = scene.until_state(command, State.FILLED)
    assert filled.status is Status.EXECUTED
    assert filled.broker_order_id == scene.at_broker(command).number
    lines = scene.journal(command)
    assert [line.event for line in lines[:3]] == ["REGISTERED", "SENT", "REPLY_LOST"]
    assert lines[3].inputs["matched_by"] == "tag"
    repeated = scene.answer(command)
    assert isinstance(repeated, OrderAnswered)
    assert (repeated.repeated, repeated.order) == (True, filled)
    scene.until_books_agree()
    assert scene.times_sent(command) == 1
    assert len(answers.all()) == 1
    assert scene.held() == 10


def test_an_order_that_the_trade_book_alone_shows_is_filled_and_never_proved_absent(
    make_scene: MakeScene, paper: Paper
) -> None:
    """K4: the reply is lost and the order book does not have the order; its trade finds it by the tag."""
    scene = make_scene(paper)
    paper.fault("OrderBook", "stale_book", count=None)
    paper.fault("PlaceOrder", "timeout_after")
    command = scene.command("traded")

    answers = scene.send(command)
    until(answers.all, "the caller was not answered")
    filled = scene.until_state(command, State.FILLED)

    assert filled.broker_order_id == scene.at_broker(command).number
    assert [line.inputs["book"] for line in scene.journal(command) if line.event == "FILLED"] == ["trade book"]
    assert scene.held() == 10
    paper.clear_faults()
    scene.until_ready()
    scene.until_books_agree()
    assert "PROVED_ABSENT" not in scene.events(command)


def test_a_strategy_whose_entry_is_unconfirmed_cannot_enter_again(scene: Scene, paper: Paper) -> None:
    """R2."""
    paper.fault("PlaceOrder", "timeout_after")
    paper.fault("OrderBook", "html_502", count=None)
    first, second = scene.command("first", price=RESTING), scene.command("second", price=RESTING)

    lost, blocked = scene.send(first), scene.send(second)
    until(lambda: lost.all() and blocked.all(), "not both were answered")

    (answer,) = blocked.all()
    assert isinstance(answer, OrderAnswered)
    assert (answer.order.state, answer.order.tag) == (State.BLOCKED, Reason.EXECUTION_GUARD_BLOCKED)
    assert scene.order(first).state is State.UNCONFIRMED
    paper.clear_faults()
    scene.until_state(first, State.WORKING)
    scene.until_books_agree()
    assert scene.is_nowhere(second)


@pytest.mark.parametrize(("books", "window_s"), [(3, 0.8), (15, 0.1)])
def test_an_order_that_never_arrived_is_not_placed_only_after_the_whole_proof(
    make_scene: MakeScene, paper: Paper, books: int, window_s: float
) -> None:
    """R4: not before so many books, and not before so many seconds, all asked for after the reply was lost."""
    scene = make_scene(paper, proof={"books": books, "window_s": window_s})
    paper.fault("PlaceOrder", "not_arrived")
    command = scene.command("void")

    assert scene.submit(command).state is State.UNCONFIRMED
    order = scene.until_state(command, State.NOT_PLACED)

    assert (order.status, order.tag) == (Status.FAILED, Reason.PROVED_ABSENT)
    lines = scene.journal(command)
    lost, proof = next(line for line in lines if line.event == "REPLY_LOST"), lines[-1]
    evidence = [line for line in lines[lines.index(lost) + 1 : -1] if line.event == "NOTED"]
    assert proof.event == "PROVED_ABSENT"
    assert [int(line.inputs["healthy_books"]) for line in evidence] == list(range(1, len(evidence) + 1))
    assert len(evidence) == min(books, int(proof.inputs["healthy_books"]) - 1), "each book's evidence is journalled"
    first, last = (datetime.fromisoformat(proof.inputs[name]) for name in ("first_asked_at", "last_asked_at"))
    assert int(proof.inputs["healthy_books"]) >= books
    assert last - first >= timedelta(seconds=window_s)
    assert datetime.fromisoformat(lost.at) < first
    assert datetime.fromisoformat(proof.at) > last
    assert int(proof.inputs["healthy_books"]) == books or last - first < timedelta(seconds=window_s + 1)
    assert scene.times_sent(command) == 1
    assert scene.is_nowhere(command)
    entered_again = scene.submit(scene.command("again"))
    assert entered_again.state is State.WORKING
    scene.until_state(scene.command("again"), State.FILLED)
    scene.until_books_agree()


def test_a_refusal_of_our_address_tells_from_which_one_it_was_asked(scene: Scene, paper: Paper) -> None:
    """S1: `status` names it until an order is accepted."""
    paper.fault("PlaceOrder", "ip_refused")

    refused = scene.submit(scene.command("elsewhere"))

    message = "Rejected : ALGO_CHK: Invalid IP address (asked from 127.0.0.1)"
    assert (refused.tag, refused.note) == (Reason.BROKER_REFUSED, message)
    assert scene.desk.status().broker.address_refused == message

    scene.submit(scene.command("registered"))

    assert not scene.desk.status().broker.address_refused


@pytest.mark.parametrize("http_status", [200, 400])
def test_a_refused_order_keeps_the_brokers_words_and_is_sent_once(scene: Scene, paper: Paper, http_status: int) -> None:
    """R6."""
    message = "Rejected : ORA:Margin Shortfall, INR 12.50 short"
    paper.fault("PlaceOrder", "refuse", text=message, http_status=http_status)
    logins = paper.ledger().requests["QuickAuth"]
    command = scene.command("no")

    order = scene.submit(command)

    assert (order.state, order.status, order.tag) == (State.REFUSED, Status.FAILED, Reason.BROKER_REFUSED)
    assert order.note == message
    assert scene.times_sent(command) == 1
    assert scene.is_nowhere(command)
    assert scene.submit(scene.command("next")).state is State.WORKING, "the guard let go"
    scene.until_state(scene.command("next"), State.FILLED)
    scene.until_books_agree()
    assert paper.ledger().requests["QuickAuth"] == logins


def test_a_refusal_that_tells_of_trouble_behind_the_front_hides_no_live_order(scene: Scene, paper: Paper) -> None:
    paper.fault("PlaceOrder", "refuse_after", text="Request timed out", http_status=200)
    command = scene.command("behind")

    order = scene.submit(command)

    assert (order.state, order.tag) == (State.UNCONFIRMED, Reason.REPLY_LOST)
    scene.until_state(command, State.FILLED)
    assert scene.times_sent(command) == 1
    scene.until_books_agree()


def test_an_order_that_meets_a_dead_session_leaves_again_after_one_login(scene: Scene, paper: Paper) -> None:
    """R7: the dead session proves that nothing was taken."""
    paper.fault("PlaceOrder", "session_expired")
    logins = paper.ledger().requests["QuickAuth"]
    command = scene.command("renewed")

    order = scene.submit(command)

    assert order.state is State.WORKING
    scene.until_state(command, State.FILLED)
    scene.until_books_agree()
    assert scene.times_sent(command) == 2
    assert paper.ledger().requests["QuickAuth"] == logins + 1


def test_an_order_that_meets_a_dead_session_is_refused_when_no_login_comes_about(scene: Scene, paper: Paper) -> None:
    """R7."""
    scene.submit(scene.command("warm", strategy="warm", price=RESTING))
    paper.fault("QuickAuth", "refuse", text="Invalid Input : Wrong password", count=None)
    paper.fault("PlaceOrder", "session_expired")
    command = scene.command("locked-out")

    order = scene.submit(command)

    assert (order.state, order.tag) == (State.REFUSED, Reason.SESSION_EXPIRED)
    assert scene.times_sent(command) == 1
    assert scene.is_nowhere(command)
    declined = scene.answer(scene.command("later"))
    assert isinstance(declined, OrderDeclined)
    assert declined.reason is Reason.DESK_NOT_READY
    paper.clear_faults()


def test_a_broker_that_cannot_be_reached_refuses_and_entries_pause_until_it_is_back(
    make_scene: MakeScene, make_paper: MakePaper
) -> None:
    """R8: not a byte was sent, so there is nothing to be unsure of."""
    paper = make_paper()
    scene = make_scene(paper, watcher={"poll_interval_s": 0.1, "books_unavailable_s_max": 5.0})
    scene.submit(scene.command("before", strategy="before"))
    scene.until_state(scene.command("before"), State.FILLED)
    scene.until_books_agree()
    paper.stop()
    command = scene.command("away")

    order = scene.submit(command)
    paused = scene.answer(scene.command("paused"))

    assert (order.state, order.status, order.tag) == (State.REFUSED, Status.FAILED, Reason.BROKER_UNREACHABLE)
    assert isinstance(paused, OrderDeclined)
    assert paused.reason is Reason.DESK_NOT_READY
    scene.paper = make_paper(port=paper.port)
    scene.until_ready()
    assert scene.submit(scene.command("back")).state is State.WORKING
    scene.until_state(scene.command("back"), State.FILLED)
    scene.until_books_agree()
    assert scene.is_nowhere(command)


def test_an_order_rejected_after_it_was_accepted_keeps_the_reason_and_frees_the_strategy(
    scene: Scene, paper: Paper
) -> None:
    """R10."""
    message = "RED:Margin Shortfall:INR 999.00 Available:INR 0.00 for C-PAPER [DEFAULT]"
    paper.fault("PlaceOrder", "reject_later", seconds=0.3, text=message)
    command = scene.command("turned-down")

    accepted = scene.submit(command)
    assert scene.submit(scene.command("meanwhile")).tag is Reason.EXECUTION_GUARD_BLOCKED
    rejected = scene.until_state(command, State.REJECTED)

    assert accepted.state is State.WORKING
    assert (rejected.status, rejected.tag, rejected.note) == (Status.FAILED, Reason.BROKER_REJECTED, message)
    assert scene.submit(scene.command("after")).state is State.WORKING
    scene.until_state(scene.command("after"), State.FILLED)
    scene.until_books_agree()
    assert scene.held() == 10
    assert scene.times_sent(command) == 1


def test_a_refusal_for_too_many_requests_is_final_and_named(scene: Scene, paper: Paper) -> None:
    """R12."""
    message = "Invalid Input :  Order Recieved 11 in a current second exceeds Limit 10 for user"
    paper.fault("PlaceOrder", "refuse", text=message)
    command = scene.command("too-fast")

    order = scene.submit(command)

    assert (order.state, order.tag) == (State.REFUSED, Reason.BROKER_RATE_LIMITED)
    assert " ".join(message.split()) == order.note
    until_books_are_read(paper, 3)
    assert scene.times_sent(command) == 1
    scene.until_books_agree()
