"""Cancel and modify: asked for once, told by the books, and never the end of an order by their own word."""

from decimal import Decimal
from typing import Any

import pytest

from actors.messages.orders import OrderAnswered, OrderDeclined
from domain.orders.change import ChangeKind, ChangeStage
from domain.orders.change_command import ChangeCommand
from domain.orders.command import OrderCommand
from domain.orders.lifecycle import State, Status
from domain.orders.order import Order
from domain.orders.reasons import Reason
from tests.scenarios.paper import Paper
from tests.scenarios.scene import CLIENT, RESTING, Scene
from tests.scenarios.waiting import WAIT_S, until


def change_of(command: OrderCommand, kind: ChangeKind, name: str = "x", **terms: Any) -> ChangeCommand:  # noqa: ANN401  any term
    change_id = f"{name}-{command.command_id}"
    return ChangeCommand(change_id=change_id, client_id=CLIENT, command_id=command.command_id, kind=kind, **terms)


def answer_to(scene: Scene, change: ChangeCommand) -> OrderAnswered | OrderDeclined:
    answer = scene.desk.change(change, WAIT_S)
    assert answer is not None, f"{change.change_id} was not answered"
    return answer


def taken(scene: Scene, change: ChangeCommand) -> Order:
    answer = answer_to(scene, change)
    assert isinstance(answer, OrderAnswered), answer
    return answer.order


def resting(scene: Scene, name: str = "rests", **given: Any) -> OrderCommand:  # noqa: ANN401  any field of a command
    command = scene.command(name, price=RESTING, strategy=f"{scene.name}-{name}", **given)
    scene.submit(command)
    return command


def until_settled(scene: Scene, command: OrderCommand) -> Order:
    until(lambda: scene.order(command).change is None, lambda: f"still open: {scene.order(command).change}")
    return scene.order(command)


def test_a_cancel_is_taken_by_the_reply_and_done_by_the_books(scene: Scene) -> None:
    command = resting(scene)

    answered = taken(scene, change_of(command, ChangeKind.CANCEL))

    assert answered.state in {State.WORKING, State.CANCELED}
    gone = scene.until_state(command, State.CANCELED)
    assert (gone.status, gone.change, gone.tag) == (Status.FAILED, None, Reason.CANCELED_AS_ASKED)
    assert scene.events(command)[:5] == ["REGISTERED", "SENT", "ACCEPTED", "CHANGE_REQUESTED", "CHANGE_ACCEPTED"]
    again = scene.submit(scene.command("again", strategy=command.strategy))
    assert again.state is State.WORKING, "the guard let go"
    scene.until_books_agree()


@pytest.mark.parametrize("terms", [{"price": Decimal("1451.00")}, {"quantity": 25}, {"quantity": 4}])
def test_a_modify_holds_when_the_book_shows_its_terms(scene: Scene, terms: dict[str, Any]) -> None:
    command = resting(scene)

    taken(scene, change_of(command, ChangeKind.MODIFY, **terms))
    order = until_settled(scene, command)

    wanted = (terms.get("quantity", 10), terms.get("price", Decimal(RESTING)))
    assert (order.state, order.quantity, order.limit_price) == (State.WORKING, *wanted)
    assert "REPLACED" in scene.events(command)
    assert scene.at_broker(command).quantity == wanted[0]
    scene.until_books_agree()


@pytest.mark.parametrize("kind", ["timeout_after", "reset_after", "html_502_after", "truncated_after"])
@pytest.mark.parametrize("change", [ChangeKind.CANCEL, ChangeKind.MODIFY])
def test_a_change_whose_reply_is_lost_is_told_by_the_books_and_never_sent_again(
    scene: Scene, paper: Paper, kind: str, change: ChangeKind
) -> None:
    command = resting(scene)
    route = "CancelOrder" if change is ChangeKind.CANCEL else "ModifyOrder"
    sent = paper.ledger().requests.get(route, 0)
    paper.fault(route, kind, seconds=1.0)
    terms: dict[str, Any] = {} if change is ChangeKind.CANCEL else {"quantity": 12}
    request = change_of(command, change, **terms)

    answered = taken(scene, request)
    repeated = answer_to(scene, request)

    assert answered.change is None or answered.change.stage is ChangeStage.REPLY_LOST
    assert isinstance(repeated, OrderAnswered)
    assert repeated.repeated
    order = until_settled(scene, command)
    if change is ChangeKind.CANCEL:
        scene.until_state(command, State.CANCELED)
    else:
        assert (order.state, order.quantity) == (State.WORKING, 12)
    assert paper.ledger().requests[route] == sent + 1
    scene.until_books_agree()


def test_a_change_that_never_arrived_lapses_only_after_the_proof(scene: Scene, paper: Paper) -> None:
    command = resting(scene)
    paper.fault("CancelOrder", "not_arrived", seconds=1.0)

    taken(scene, change_of(command, ChangeKind.CANCEL))
    order = until_settled(scene, command)

    assert (order.state, order.tag) == (State.WORKING, Reason.CHANGE_NOT_SEEN)
    lapsed = next(line for line in scene.journal(command) if line.event == "CHANGE_LAPSED")
    assert int(lapsed.inputs["healthy_books"]) >= 3
    taken(scene, change_of(command, ChangeKind.CANCEL, "second"))
    scene.until_state(command, State.CANCELED)
    scene.until_books_agree()


def test_a_refused_change_leaves_the_order_as_it_was(scene: Scene, paper: Paper) -> None:
    command = resting(scene)
    paper.fault("ModifyOrder", "refuse", text="Rejected : RED:Margin Shortfall")

    order = taken(scene, change_of(command, ChangeKind.MODIFY, quantity=20))

    assert (order.state, order.quantity, order.tag, order.change) == (State.WORKING, 10, Reason.CHANGE_REFUSED, None)
    assert order.note == "Rejected : RED:Margin Shortfall"
    scene.until_books_agree()


def test_a_cancel_of_an_order_that_has_just_filled_finds_it_filled(scene: Scene, paper: Paper) -> None:
    """B10: the broker takes the cancel, the fill has won, and the order is FILLED."""
    command = resting(scene)
    number = scene.at_broker(command).number
    paper.fill(number, 10)

    answer = answer_to(scene, change_of(command, ChangeKind.CANCEL))

    filled = scene.until_state(command, State.FILLED)
    assert filled.status is Status.EXECUTED
    assert isinstance(answer, OrderAnswered) or answer.reason is Reason.NOT_CHANGEABLE
    until_settled(scene, command)
    assert "REJECTED" not in scene.events(command)
    scene.until_books_agree()


def test_a_partly_filled_order_that_is_canceled_keeps_its_position(scene: Scene, paper: Paper) -> None:
    command = resting(scene)
    paper.fill(scene.at_broker(command).number, 4)
    scene.until_state(command, State.PARTIALLY_FILLED)

    taken(scene, change_of(command, ChangeKind.CANCEL))
    order = scene.until_state(command, State.CANCELED)

    assert (order.status, order.filled_quantity) == (Status.EXECUTED, 4)
    assert scene.held(command.strategy) == 4
    scene.until_books_agree()


def test_a_session_that_expires_on_a_cancel_is_renewed_once_and_the_cancel_sent_again(
    scene: Scene, paper: Paper
) -> None:
    command = resting(scene)
    logins = paper.ledger().requests["QuickAuth"]
    paper.fault("CancelOrder", "session_expired")

    taken(scene, change_of(command, ChangeKind.CANCEL))

    scene.until_state(command, State.CANCELED)
    assert paper.ledger().requests["QuickAuth"] >= logins + 1
    scene.until_books_agree()


def test_a_change_of_what_is_not_working_is_declined_in_words(scene: Scene) -> None:
    done = scene.command("done")
    scene.submit(done)
    scene.until_state(done, State.FILLED)

    filled = answer_to(scene, change_of(done, ChangeKind.CANCEL))
    unknown = answer_to(scene, change_of(scene.command("nobody"), ChangeKind.CANCEL))

    assert isinstance(filled, OrderDeclined)
    assert (filled.reason, "FILLED" in filled.message) == (Reason.NOT_CHANGEABLE, True)
    assert isinstance(unknown, OrderDeclined)
    assert unknown.reason is Reason.UNKNOWN_ORDER


def test_a_restart_takes_up_a_change_that_was_on_its_way(scene: Scene, paper: Paper) -> None:
    command = resting(scene)
    paper.fault("CancelOrder", "timeout_after", seconds=1.0)
    taken(scene, change_of(command, ChangeKind.CANCEL))

    scene.stop()
    scene.start()

    scene.until_state(command, State.CANCELED)
    assert until_settled(scene, command).is_terminal
    scene.until_books_agree()
