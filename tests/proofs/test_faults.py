"""A slice of `make faults` for every run: each request, and the faults that have cost the most."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from actors.messages import PlaceOrder
from tests.proofs.faults import BOOKS, BOOKS_MET, Action, Cell, Matrix, all_cells
from tests.scenarios.waiting import until

WORST = ("timeout_after", "html_200_after", "not_arrived", "session_expired", "refuse")
ORDERS = (Action.PLACE, Action.MODIFY, Action.CANCEL)
SLICE = (
    *(Cell(action, kind, 1) for action in ORDERS for kind in WORST),
    *(Cell(action, kind, BOOKS_MET) for action in BOOKS for kind in ("shrunk_book", "session_expired")),
    Cell(Action.PLACE, "late_acceptance", 1),
    Cell(Action.ORDER_BOOK, "stale_book", BOOKS_MET),
    Cell(Action.LOGIN, "html_502", 2),
)


@pytest.fixture(scope="module")
def matrix(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Matrix]:
    made = Matrix(tmp_path_factory.mktemp("matrix"))
    yield made
    made.close()


@pytest.mark.parametrize("cell", SLICE, ids=lambda cell: cell.name)
def test_a_cell_of_the_matrix_ends_well(matrix: Matrix, cell: Cell) -> None:
    assert matrix.judge(cell) == "ok"


def test_the_slice_is_of_the_matrix() -> None:
    assert set(SLICE) <= set(all_cells())


def test_a_judge_that_finds_two_orders_for_one_command_says_so(tmp_path: Path) -> None:
    """The judge is judged: a second order with the same tag, as a desk that sends twice would leave."""
    matrix = Matrix(tmp_path)
    try:
        cell = Cell(Action.PLACE, "refuse", 1)
        told = matrix._submit(cell, "twice", "1450.00")
        matrix.scene.desk._broker.tell(_again(matrix, told.command.command_id))
        tag = matrix.scene.order(told.command).remarks_tag

        until(lambda: len(matrix.paper.ledger().tagged(tag)) == 2, "no second order came")
        assert "is at the broker 2 times" in "; ".join(matrix._untruths([told]))
    finally:
        matrix.scene.stop(grace_s=0)
        matrix.paper.stop()


def _again(matrix: Matrix, command_id: str) -> PlaceOrder:

    timeline = matrix.scene.desk.timeline(command_id)
    assert timeline is not None
    return PlaceOrder(order=timeline.order)
