"""A slice of `make faults` for every run: each request, and the faults that have cost the most."""

import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from actors.runtime.clock import SystemClock
from broker.noren.adapter import NorenBroker
from domain.broker.reply_types import Accepted
from tests.proofs.faults import (
    BOOKS,
    BOOKS_MET,
    FRAMES_MET,
    ROWS_MISSED,
    Action,
    Cell,
    Matrix,
    all_cells,
    every_cell,
    run_apart,
)
from tests.proofs.readings import Act, ReadingCell, Source, Trial, all_reading_cells, judge_reading
from tests.scenarios.scene import RESTING, Pushed
from tests.timing import patient

WORST = ("timeout_after", "html_200_after", "not_arrived", "session_expired", "refuse")
ORDERS = (Action.PLACE, Action.MODIFY, Action.CANCEL)
SLICE = (
    *(Cell(action, kind, 1) for action in ORDERS for kind in WORST),
    *(Cell(action, kind, BOOKS_MET) for action in BOOKS for kind in ("shrunk_book", "session_expired")),
    Cell(Action.PLACE, "late_acceptance", 1),
    Cell(Action.CANCEL, "fill_wins", 1),
    Cell(Action.CANCEL, "partial_fill_first", 1),
    Cell(Action.MODIFY, "reject_change_later", 1),
    Cell(Action.ORDER_BOOK, "late_book", BOOKS_MET),
    Cell(Action.ORDER_BOOK, "ghost_row", BOOKS_MET),
    Cell(Action.ORDER_BOOK, "stale_book", BOOKS_MET),
    Cell(Action.LOGIN, "html_502", 2),
    Cell(Action.PLACE, "ip_refused", 1),
    Cell(Action.PLACE, "margin_refused", 1),
    Cell(Action.ORDER_BOOK, "missing_rows", ROWS_MISSED),
)
READING_SLICE = (
    ReadingCell(Source.QUOTES, "over_quota", Act.ENTRY),
    ReadingCell(Source.SEARCH, "over_quota", Act.FLATTEN),
    ReadingCell(Source.INFO, "over_quota", Act.HAND_EXIT),
    ReadingCell(Source.LIMITS, "over_quota", Act.RESTART),
    ReadingCell(Source.PRICES, "price_nan", Act.FLATTEN),
    ReadingCell(Source.TICKS, "price_of_another", Act.HAND_EXIT),
    ReadingCell(Source.DATABASE, "locked", Act.ENTRY),
    # These have failed once.
    ReadingCell(Source.QUOTES, "over_quota", Act.LOSS_LIMIT),
    ReadingCell(Source.QUOTES, "timeout_after", Act.RESTART),
    ReadingCell(Source.INFO, "over_quota", Act.RESTART),
    ReadingCell(Source.PRICES, "price_zero", Act.LOSS_LIMIT),
    ReadingCell(Source.TICKS, "other_instrument", Act.STOP),
    ReadingCell(Source.DATABASE, "locked", Act.FLATTEN),
    ReadingCell(Source.DATABASE, "locked", Act.RESTART),
    ReadingCell(Source.DATABASE, "read_only", Act.RESTART),
)
PUSHED_SLICE = (
    Cell(Action.UPDATE, "drop", FRAMES_MET),
    Cell(Action.UPDATE, "reorder", FRAMES_MET),
    Cell(Action.FEED, "refuse_login", 1),
    Cell(Action.FEED, "mute", 1),
)


@pytest.fixture(scope="module")
def matrix(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Matrix]:
    made = Matrix(tmp_path_factory.mktemp("matrix"))
    yield made
    made.close()


@pytest.mark.parametrize("cell", SLICE, ids=lambda cell: cell.name)
def test_a_cell_of_the_matrix_ends_well(matrix: Matrix, cell: Cell) -> None:
    assert matrix.judge(cell) == "ok"


@pytest.fixture(scope="module")
def pushed(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Matrix]:
    made = Matrix(tmp_path_factory.mktemp("pushed"), Pushed)
    yield made
    made.close()


@pytest.mark.parametrize("cell", PUSHED_SLICE, ids=lambda cell: cell.name)
def test_a_cell_of_the_feed_ends_well(pushed: Matrix, cell: Cell) -> None:
    assert pushed.judge(cell) == "ok"


@pytest.mark.parametrize("cell", READING_SLICE, ids=lambda cell: cell.name)
def test_a_cell_of_what_the_desk_has_to_know_ends_well(tmp_path: Path, cell: ReadingCell) -> None:
    assert judge_reading(cell, tmp_path) == "ok"


def test_a_position_that_stays_is_told_with_what_the_desk_said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The judge is judged: nobody gets out of a market that takes no order."""
    monkeypatch.setattr("tests.proofs.readings.WAY_OUT_S_MAX", 0.5)
    monkeypatch.setattr("tests.scenarios.waiting.WAIT_S", 0.0)
    monkeypatch.setattr(Trial, "_ask_for_exit", lambda _: None)

    said = judge_reading(ReadingCell(Source.LIMITS, "refuse", Act.FLATTEN), tmp_path)

    assert said.startswith(f"within {patient(0.5):g} s: holds 10 under refuse")


def test_a_way_out_that_takes_longer_than_it_may_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tests.proofs.readings.WAY_OUT_S_MAX", 0.0)

    said = judge_reading(ReadingCell(Source.LIMITS, "refuse", Act.FLATTEN), tmp_path)

    assert said.startswith("to get out took")


def test_the_slice_is_of_the_matrix() -> None:
    assert {*SLICE, *PUSHED_SLICE} <= set(all_cells())
    assert set(READING_SLICE) <= set(all_reading_cells())


def test_every_cell_has_a_name_of_its_own() -> None:
    names = [one.name for one in every_cell()]

    assert len(set(names)) == len(names)


def test_a_judge_that_finds_two_orders_for_one_command_says_so(matrix: Matrix) -> None:
    """The judge is judged: a second order with the same tag, as a desk that sends twice would leave."""
    told = matrix._submit(Cell(Action.PLACE, "refuse", 1), "twice", RESTING)
    order = matrix.scene.order(told.command)
    other = NorenBroker(matrix.scene.settings.broker, SystemClock())
    other.log_in()

    reply = other.place(order)
    other.close()

    assert isinstance(reply, Accepted)
    assert "is at the broker 2 times" in "; ".join(matrix._untruths([told]))
    matrix.paper.cancel(reply.broker_order_id)


def test_cells_whose_process_dies_are_told_with_its_end(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "executable", "/bin/false")
    told: dict[str, str] = {}

    run_apart("limits-slow", 2, lambda cell, result: told.update({cell.name: result}))

    assert len(told) == 12
    assert set(told.values()) == {"it was not judged: its process ended with 1 ()"}
