"""What the desk makes of the broker's books (docs of the rows: SCENARIOS, B1 to B12)."""

import pytest

from actors.messages.orders import OrderDeclined
from domain.orders.lifecycle import State, Status
from domain.orders.reasons import Reason
from tests.scenarios.paper import MakePaper, Paper, until_books_are_read
from tests.scenarios.scene import RESTING, MakeScene, Scene
from tests.scenarios.waiting import until


def test_a_session_that_ends_empties_no_book_and_is_renewed(scene: Scene, paper: Paper) -> None:
    """B1: while every book says Not_Ok, positions and orders stay as they are and entries stop; exits go on after."""
    entry = scene.command("entry")
    scene.submit(entry)
    scene.until_state(entry, State.FILLED)
    working = scene.command("working", strategy="other", price=RESTING)
    scene.submit(working)
    refused = paper.fault("QuickAuth", "refuse", text="Server is busy", count=None)
    paper.fault("OrderBook", "session_expired", count=None)

    until(lambda: scene.desk.readiness().blockers and paper.fired(refused), "the dead session was not noticed")
    declined = scene.answer(scene.command("blind"))

    assert isinstance(declined, OrderDeclined)
    assert (scene.held(), scene.order(working).state) == (10, State.WORKING)
    paper.clear_faults()
    scene.until_ready()
    exit_order = scene.command("exit", intent="EXIT", side="SELL", price="1499.00")
    assert scene.submit(exit_order).state is State.WORKING
    scene.until_state(exit_order, State.FILLED)
    scene.until_books_agree()
    assert scene.held() == 0


def test_an_empty_book_of_a_live_session_is_believed(make_scene: MakeScene, make_paper: MakePaper) -> None:
    """B2: the desk starts on it, and it counts in the proof of absence."""
    paper = make_paper()
    scene = make_scene(paper)
    paper.fault("PlaceOrder", "not_arrived")
    command = scene.command("void")

    scene.submit(command)
    scene.until_state(command, State.NOT_PLACED)

    assert not paper.ledger().orders
    scene.until_books_agree()


def test_an_empty_book_of_a_session_that_is_not_proved_alive_is_no_book(
    make_scene: MakeScene, make_paper: MakePaper
) -> None:
    """B2."""
    paper = make_paper()
    scene = make_scene(paper)
    paper.fault("Limits", "refuse", text="Error Occurred : 5", count=None)
    paper.fault("PlaceOrder", "not_arrived")
    command = scene.command("void")

    scene.submit(command)
    until(lambda: scene.desk.readiness().blockers, "the desk believed an empty book without proof")
    until_books_are_read(paper, 15)

    assert scene.order(command).state is State.UNCONFIRMED
    paper.clear_faults()
    scene.until_state(command, State.NOT_PLACED)
    scene.until_books_agree()


def test_a_book_that_has_lost_rows_declares_nothing_absent(scene: Scene, paper: Paper) -> None:
    """B3."""
    seen = scene.command("seen", strategy="other", price=RESTING)
    scene.submit(seen)
    until_books_are_read(paper, 2)
    paper.fault("OrderBook", "shrunk_book", count=None)
    paper.fault("PlaceOrder", "not_arrived")
    command = scene.command("void")

    scene.submit(command)
    until_books_are_read(paper, 20)

    assert scene.order(command).state is State.UNCONFIRMED
    assert scene.order(seen).state is State.WORKING
    paper.clear_faults()
    scene.until_state(command, State.NOT_PLACED)
    scene.until_books_agree()


@pytest.mark.parametrize("word", ["CANCELED", "CANCELLED", "Cancelled", "canceled"])
def test_every_spelling_of_canceled_is_canceled(scene: Scene, paper: Paper, word: str) -> None:
    """B4."""
    paper.spell(CANCELED=word)
    command = scene.command("stopped", price=RESTING)
    placed = scene.submit(command)
    assert placed.broker_order_id is not None

    paper.cancel(placed.broker_order_id)
    order = scene.until_state(command, State.CANCELED)

    assert (order.status, order.tag) == (Status.FAILED, Reason.BROKER_CANCELED)
    scene.until_books_agree()


@pytest.mark.parametrize("word", ["REJECTED", "REJECT", "Rejected", "reject"])
def test_every_spelling_of_rejected_is_rejected(scene: Scene, paper: Paper, word: str) -> None:
    """B4."""
    paper.spell(REJECTED=word)
    paper.fault("PlaceOrder", "reject_later", seconds=0.05, text="RED:no")
    command = scene.command("turned-down")

    scene.submit(command)
    order = scene.until_state(command, State.REJECTED)

    assert (order.status, order.note) == (Status.FAILED, "RED:no")
    scene.until_books_agree()


@pytest.mark.parametrize("word", ["TRIGGER_PENDING", "TRIGGER PENDING", "Trigger Pending", "trigger_pending"])
def test_every_spelling_of_trigger_pending_works(scene: Scene, paper: Paper, word: str) -> None:
    """B4: seen by the book alone, as its reply was lost."""
    paper.spell(TRIGGER_PENDING=word)
    paper.fault("PlaceOrder", "empty_after")
    command = scene.command("stop", order_type="SL", price="1560.00", trigger_price="1550.00")

    scene.submit(command)
    order = scene.until_state(command, State.WORKING)

    assert order.tag is None
    assert scene.at_broker(command).price_type == "SL-LMT"
    scene.until_books_agree()


@pytest.mark.parametrize("word", ["COMPLETE", "Complete", "complete"])
def test_every_spelling_of_complete_is_filled(scene: Scene, paper: Paper, word: str) -> None:
    """B4."""
    paper.spell(COMPLETE=word)
    command = scene.command("done")

    scene.submit(command)
    order = scene.until_state(command, State.FILLED)

    assert order.status is Status.EXECUTED
    scene.until_books_agree()


def test_an_unknown_word_holds_the_order_until_a_known_one_comes(scene: Scene, paper: Paper) -> None:
    """B4: the order stays as it was, says so, and is written once and not with every book."""
    command = scene.command("strange", price=RESTING)
    scene.submit(command)
    scene.until_books_agree()

    paper.spell(OPEN="SUSPENDED BY MOON")
    until(lambda: scene.order(command).tag is Reason.UNKNOWN_BROKER_STATUS, "the unknown word was not seen")
    until_books_are_read(paper, 5)

    held = scene.order(command)
    assert (held.state, held.note) == (State.WORKING, "SUSPENDED BY MOON")
    assert scene.events(command).count("NOTED") == 1
    assert scene.submit(scene.command("next")).tag is Reason.EXECUTION_GUARD_BLOCKED
    paper.spell()
    until(lambda: scene.order(command).tag is None, lambda: f"a known word clears the tag: {scene.order(command)}")
    lines = len(scene.events(command))
    until_books_are_read(paper, 5)
    assert len(scene.events(command)) == lines, "nothing new is written while nothing is new"
    paper.set_price("NSE", "RELIANCE-EQ", "1440.00")
    scene.until_state(command, State.FILLED)
    scene.until_books_agree()


def test_an_unknown_word_keeps_an_unconfirmed_order_from_being_declared_absent(scene: Scene, paper: Paper) -> None:
    """B4: the book shows the order, whatever it says of it."""
    paper.spell(OPEN="SUSPENDED BY MOON")
    paper.fault("PlaceOrder", "empty_after")
    command = scene.command("strange", price=RESTING)

    scene.submit(command)
    until(lambda: scene.order(command).tag is Reason.UNKNOWN_BROKER_STATUS, "the unknown word was not seen")
    until_books_are_read(paper, 20)

    assert scene.order(command).state is State.UNCONFIRMED
    paper.spell()
    assert scene.until_state(command, State.WORKING).tag is None
    scene.until_books_agree()


def test_the_working_rest_of_an_order_counts_while_its_filled_part_is_sold(scene: Scene, paper: Paper) -> None:
    """B5: 450 of 500 filled; an exit sells the 450 that are held, and a second one finds nothing."""
    paper.fault("PlaceOrder", "partial_fill", fraction="0.9")
    entry = scene.command("entry", quantity=500)
    scene.submit(entry)
    scene.until_state(entry, State.PARTIALLY_FILLED)
    until(lambda: scene.held() == 450, "the position was not counted")

    first = scene.command("exit", intent="EXIT", side="SELL", quantity=500, price="1550.00")
    second = scene.command("exit-again", intent="EXIT", side="SELL", quantity=500, price="1550.00")
    sold, nothing = scene.submit(first), scene.submit(second)

    assert (sold.state, sold.quantity, sold.command.quantity) == (State.WORKING, 450, 500)
    assert (nothing.state, nothing.tag) == (State.BLOCKED, Reason.NOTHING_TO_EXIT)
    assert scene.at_broker(first).quantity == 450
    scene.until_books_agree()


def test_an_order_partly_filled_and_canceled_by_phone_keeps_its_position_until_sold(scene: Scene, paper: Paper) -> None:
    """B6."""
    paper.fault("PlaceOrder", "partial_fill", fraction="0.4")
    entry = scene.command("entry", quantity=500)
    placed = scene.submit(entry)
    assert placed.broker_order_id is not None
    scene.until_state(entry, State.PARTIALLY_FILLED)

    paper.cancel(placed.broker_order_id)
    canceled = scene.until_state(entry, State.CANCELED)

    assert (canceled.status, canceled.filled_quantity, canceled.quantity) == (Status.EXECUTED, 200, 500)
    assert canceled.average_price is not None
    until(lambda: scene.held() == 200, "the guard keeps what was filled")
    assert scene.submit(scene.command("again")).tag is Reason.EXECUTION_GUARD_BLOCKED
    exit_order = scene.command("exit", intent="EXIT", side="SELL", quantity=500, price="1499.00")
    sold = scene.submit(exit_order)
    assert sold.quantity == 200
    assert Reason.EXIT_CLAMPED in {line.tag for line in scene.journal(exit_order)}
    scene.until_state(exit_order, State.FILLED)
    scene.until_books_agree()
    assert scene.at_broker(exit_order).quantity == 200
    assert scene.held() == 0
    assert scene.submit(scene.command("anew")).state is State.WORKING
    scene.until_state(scene.command("anew"), State.FILLED)
    scene.until_books_agree()


def test_a_fill_after_a_confirmed_cancel_is_recorded_as_late_truth(scene: Scene, paper: Paper) -> None:
    """B7."""
    command = scene.command("late", price=RESTING)
    placed = scene.submit(command)
    assert placed.broker_order_id is not None
    paper.cancel(placed.broker_order_id)
    scene.until_state(command, State.CANCELED)

    paper.fill(placed.broker_order_id, 10)
    filled = scene.until_state(command, State.FILLED)

    assert (filled.status, filled.tag) == (Status.EXECUTED, Reason.LATE_TRUTH)
    until(lambda: scene.held() == 10, "the guard knows the position")
    scene.until_books_agree()
