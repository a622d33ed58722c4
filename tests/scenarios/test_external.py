"""What others do with the account: seen, kept as EXTERNAL, and never undone by an exit of ours (B8, B12)."""

from domain.orders.lifecycle import State
from domain.orders.reasons import Reason
from domain.orders.resolution import Resolution
from domain.reconciliation.breaks import BreakKind
from tests.scenarios.books import rows_of
from tests.scenarios.paper import MakePaper, Paper
from tests.scenarios.scene import MakeScene, Scene
from tests.scenarios.waiting import until


def test_a_phone_order_becomes_an_external_row_with_its_fills(scene: Scene, paper: Paper) -> None:
    """B8."""
    number = paper.phone("B", 7, "1502.00")

    until(lambda: f"ext-{number}" in rows_of(scene.path), "the phone's order was not kept")
    until(lambda: rows_of(scene.path)[f"ext-{number}"]["state"] == State.FILLED, "its fill was not seen")
    row = rows_of(scene.path)[f"ext-{number}"]

    assert (row["strategy"], row["origin"], row["filled_quantity"]) == ("EXTERNAL", "EXTERNAL", 7)
    assert not scene.desk.readiness().breaks
    paper.phone("S", 7, "1498.00")


def test_a_manual_square_off_leaves_our_exit_nothing_to_close(scene: Scene, paper: Paper) -> None:
    """B8: the account is flat; an exit would open the other side."""
    entry = scene.command("entry", strategy=f"{scene.name}-held")
    scene.submit(entry)
    scene.until_state(entry, State.FILLED)
    external = sum(scene.desk.holdings().positions.get("EXTERNAL", {}).values())
    number = paper.phone("S", 10 + external, "1498.00")
    until(lambda: rows_of(scene.path).get(f"ext-{number}", {}).get("state") == State.FILLED, "it was not seen")

    way_out = scene.command("exit", strategy=entry.strategy, intent="EXIT", side="SELL", price="1498.00")
    order = scene.submit(way_out)

    assert (order.state, order.tag) == (State.BLOCKED, Reason.NOTHING_TO_EXIT)
    assert "were closed by others (phone, web or the broker)" in order.note
    assert scene.is_nowhere(way_out)
    scene.until_books_agree()


def test_what_the_phone_closed_by_an_older_order_stays_closed_over_a_restart(scene: Scene, paper: Paper) -> None:
    """B8: it rested from before our entry, so that its row is the older one; the account is flat all the same."""
    entry = scene.command("entry", strategy=f"{scene.name}-rested")
    external = sum(scene.desk.holdings().positions.get("EXTERNAL", {}).values())
    number = paper.phone("S", 10 + external, "1560.00")
    until(lambda: f"ext-{number}" in rows_of(scene.path), "the phone's order was not kept")
    scene.submit(entry)
    scene.until_state(entry, State.FILLED)
    paper.fill(number, 10 + external)
    until(lambda: rows_of(scene.path)[f"ext-{number}"]["state"] == State.FILLED, "its fill was not seen")

    scene.stop()
    scene.start()

    order = scene.submit(scene.command("exit", strategy=entry.strategy, intent="EXIT", side="SELL", price="1498.00"))
    assert (order.state, order.tag) == (State.BLOCKED, Reason.NOTHING_TO_EXIT)
    scene.until_books_agree()


def test_an_order_canceled_by_phone_is_canceled(scene: Scene, paper: Paper) -> None:
    """B8."""
    command = scene.command("rests", price="1450.00")
    scene.submit(command)

    paper.cancel(scene.at_broker(command).number)

    assert scene.until_state(command, State.CANCELED).tag is Reason.BROKER_CANCELED
    scene.until_books_agree()


def test_a_ghost_in_the_order_book_is_named_stops_entries_and_is_missed_when_it_goes(
    make_paper: MakePaper, make_scene: MakeScene
) -> None:
    """B12: first in one book alone, then in none; exits go all the while, and a person's word ends it."""
    paper = make_paper()
    paper.set_price("NSE", "RELIANCE-EQ", "1500.00")
    scene = make_scene(paper, watcher={"break_s_min": 0.2})
    held = scene.command("held")
    scene.submit(held)
    scene.until_state(held, State.FILLED)
    scene.until_books_agree()

    paper.fault("OrderBook", "ghost_row", count=None)
    until(lambda: BreakKind.FILLS in kinds(scene), "the ghost was not noticed")
    declined = scene.answer(scene.command("more", strategy="more"))
    paper.clear_faults()
    until(lambda: kinds(scene) >= {BreakKind.HIDDEN}, "its going was not noticed")
    way_out = scene.command("exit", intent="EXIT", side="SELL", price="1498.00")
    scene.submit(way_out)

    assert getattr(declined, "reason", None) is Reason.RECONCILIATION_BREAK
    assert scene.until_state(way_out, State.FILLED).filled_quantity == 10
    for one in scene.desk.readiness().breaks:
        scene.desk.accept(one.name, "the broker's own mistake")
    scene.until_ready()


def kinds(scene: Scene) -> set[BreakKind]:
    """Return what the books differ about."""
    return {one.kind for one in scene.desk.readiness().breaks}


def test_a_position_that_no_order_explains_stops_entries_until_a_person_accepts_it(
    make_scene: MakeScene, paper: Paper
) -> None:
    """B12: named, entries declined, exits not; what is accepted stays accepted over a restart."""
    scene = make_scene(paper, watcher={"break_s_min": 0.2})
    entry = scene.command("entry")
    scene.submit(entry)
    scene.until_state(entry, State.FILLED)
    scene.until_books_agree()
    paper.fault("PositionBook", "stale_book", count=None)
    later = scene.command("later", strategy=f"{scene.name}-later")
    scene.submit(later)
    scene.until_state(later, State.FILLED)

    until(lambda: scene.desk.readiness().breaks, "nobody noticed")
    (apart,) = scene.desk.readiness().breaks
    declined = scene.answer(scene.command("more", strategy=f"{scene.name}-more"))
    exit_goes = scene.submit(
        scene.command("exit", strategy=later.strategy, intent="EXIT", side="SELL", price="1498.00")
    )

    assert apart.name == "position:NSE|RELIANCE-EQ|MIS"
    assert getattr(declined, "reason", None) is Reason.RECONCILIATION_BREAK
    assert exit_goes.state in {State.WORKING, State.FILLED}
    paper.clear_faults()
    until(lambda: not scene.desk.readiness().breaks, "it did not clear")
    scene.until_ready()


def test_what_a_person_accepts_is_accepted_over_a_restart(make_scene: MakeScene, paper: Paper) -> None:
    """B12: the units become EXTERNAL, so that the sums equal the account again."""
    scene = make_scene(paper, watcher={"break_s_min": 0.2})
    paper.fault("PositionBook", "stale_book", count=None)
    entry = scene.command("entry")
    scene.submit(entry)
    scene.until_state(entry, State.FILLED)
    until(lambda: scene.desk.readiness().breaks, "nobody noticed")

    accepted = scene.desk.accept("position:NSE|RELIANCE-EQ|MIS", "the broker's app shows the same")
    assert accepted is not None
    scene.until_ready()
    held = scene.desk.holdings().positions
    scene.stop()
    scene.start()

    assert accepted.difference == -10
    assert scene.desk.holdings().positions == held
    assert scene.desk.accept("position:NSE|RELIANCE-EQ|MIS", "again") is None
    assert not scene.desk.readiness().breaks


def test_late_truth_undoes_what_a_person_had_accepted_and_the_advice_before_it_makes_nothing_worse(
    make_paper: MakePaper, make_scene: MakeScene
) -> None:
    """K4: neither order nor trade book shows the order, the positions do; it is found after all was accepted."""
    paper = make_paper()
    paper.set_price("NSE", "RELIANCE-EQ", "1500.00")
    scene = make_scene(paper, watcher={"break_s_min": 0.2})
    for route in ("OrderBook", "TradeBook"):
        paper.fault(route, "stale_book", count=None)
    paper.fault("PlaceOrder", "timeout_after")
    command = scene.command("lost")
    answers = scene.send(command)
    until(answers.all, "the caller was not answered")
    until(lambda: scene.desk.readiness().breaks, "the position was not noticed")
    name = "position:NSE|RELIANCE-EQ|MIS"

    too_early = scene.desk.accept(name, "the app shows it")
    scene.desk.resolve(command.command_id, Resolution(placed=False, reason="not in the app's order book"))
    until(lambda: all(one.may_be_accepted for one in scene.desk.readiness().breaks), "it still waits")
    scene.desk.accept(name, "the app shows it")
    until(lambda: scene.held("EXTERNAL") == 10, "the units were not counted")
    paper.clear_faults()

    assert too_early is not None
    assert too_early.unresolved == (command.command_id,)
    assert scene.until_state(command, State.FILLED).tag is Reason.LATE_TRUTH
    until(lambda: (scene.held(), scene.held("EXTERNAL")) == (10, 0), "the acceptance was not undone")
    scene.until_ready()
    scene.until_books_agree()
    scene.stop()
    scene.start()
    assert (scene.held(), scene.held("EXTERNAL")) == (10, 0)


def test_a_person_takes_an_acceptance_back(make_paper: MakePaper, make_scene: MakeScene) -> None:
    """B12: over a restart, too; the difference is named again."""
    paper = make_paper()
    paper.set_price("NSE", "RELIANCE-EQ", "1500.00")
    scene = make_scene(paper, watcher={"break_s_min": 0.2})
    name = "position:NSE|RELIANCE-EQ|MIS"
    paper.fault("PositionBook", "stale_book", count=None)
    entry = scene.command("entry")
    scene.submit(entry)
    scene.until_state(entry, State.FILLED)
    until(lambda: scene.desk.readiness().breaks, "nobody noticed")
    scene.desk.accept(name, "the app shows the same")
    scene.until_ready()
    scene.stop()
    scene.start()

    undone = scene.desk.undo_acceptance(name, "the app was wrong")
    again = scene.desk.undo_acceptance(name, "the app was wrong")

    assert undone is not None
    assert undone.undone is not None
    assert undone.undone.difference == 10
    assert again is not None
    assert again.undone is None
    until(lambda: scene.desk.readiness().breaks, "it is not spoken of again")
    assert scene.held("EXTERNAL") == 0
