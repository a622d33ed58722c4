"""The simulated world can lack, hide, refuse and change things; the ways out of it are tried with anything missing."""

import random
from decimal import Decimal

import pytest

from domain.orders.types import Side
from tests.simulation import cells
from tests.simulation.back_office import Checks
from tests.simulation.cells import SOURCES, WAYS, Cell
from tests.simulation.contracts import FAR, FUTURE, NEAR, Contracts, Customs
from tests.simulation.exchange import Habits, Key, Ledger
from tests.simulation.invariants import INVARIANTS
from tests.simulation.rules import RULES
from tests.simulation.scheduler import Scheduler, VirtualClock
from tests.simulation.shrink import from_json, to_json
from tests.simulation.stories import ALL_THEMES, all_seeds, seeds_of, story_of
from tests.simulation.story import Story
from tests.simulation.world import MONDAY, tell
from tests.simulation.worlds import WORLD_THEMES

SHARE: Key = ("NSE", "AAA-EQ", "C")


def _ledger(**more: Customs | Checks | Habits) -> Ledger:
    scheduler = Scheduler(VirtualClock(MONDAY), 1)
    ledger = Ledger(scheduler, 1, **{"habits": Habits(), **more})  # type: ignore[arg-type]
    ledger.begin_day("2026-01-05")
    return ledger


def _objection(ledger: Ledger, key: Key, side: Side, quantity: int) -> str:
    return ledger.back_office.objection(key, side, quantity, 0.0)


@pytest.mark.parametrize("theme", WORLD_THEMES)
def test_a_story_of_each_theme_ends_well(theme: str) -> None:
    told = tell(story_of(next(seeds_of(theme))))

    assert told.effects > 100
    assert told.violations == []


def test_a_story_about_the_world_survives_being_written_in_a_line() -> None:
    for theme in WORLD_THEMES:
        story = story_of(next(seeds_of(theme)))
        assert from_json(to_json(story)) == story
        assert story.name == theme
        assert {*story.rules} <= {*RULES}


def test_every_theme_is_told_by_the_seeds_of_the_proof() -> None:
    seeds = all_seeds()

    names = {story_of(next(seeds)).name for _ in range(100)}

    assert names == {*ALL_THEMES}
    assert {*RULES} <= {*INVARIANTS}


# the world itself


def test_a_band_widens_when_prices_touch_it_and_orders_outside_are_rejected() -> None:
    ledger = _ledger(customs=Customs(band_rupees=2, band_relaxes=True), habits=Habits(drift_ticks=8))

    outside = ledger.place((*FUTURE, "M"), Side.BUY, 5, Decimal(103), None, "")
    for _ in range(80):
        ledger.walk()

    assert "outside 98 to 102" in outside.reason
    assert ledger.contracts.relaxed > 0


def test_what_the_exchange_changes_overnight_is_other_in_the_morning() -> None:
    ledger = _ledger(customs=Customs(lot_changes=True, tick_changes=True, freeze_changes=True))

    ledger.begin_day("2026-01-06")

    future = ledger.contracts.today[FUTURE]
    assert (future.lot, future.tick, future.freeze_quantity) == (4, Decimal("0.10"), 20)


@pytest.mark.parametrize(("customs", "left"), [(Customs(expires=True), 0), (Customs(renames=True), 5)])
def test_a_contract_that_ends_leaves_no_position_and_one_renamed_leaves_it_under_the_new_name(
    customs: Customs, left: int
) -> None:
    ledger = _ledger(customs=customs)
    ledger.phone((*FUTURE, "M"), Side.BUY, 5)

    ledger.begin_day("2026-01-06")

    assert ledger.is_gone(FUTURE)
    assert (*FUTURE, "M") not in ledger.net
    assert sum(ledger.net.values()) == left


def test_delivery_is_sold_from_the_demat_alone_and_bought_shares_lie_there_the_next_day() -> None:
    ledger = _ledger(checks=Checks(delivers=True, holdings=10))

    assert _objection(ledger, SHARE, Side.SELL, 10) == ""
    assert "Insufficient holdings" in _objection(ledger, SHARE, Side.SELL, 11)
    ledger.phone(SHARE, Side.BUY, 3)
    ledger.begin_day("2026-01-06")

    assert SHARE not in ledger.net
    assert ledger.back_office.demat[SHARE[:2]] == 13


def test_no_exchange_squares_delivery_off_and_shares_may_leave_the_demat_overnight() -> None:
    ledger = _ledger(checks=Checks(delivers=True, holdings=10, pledged=4))
    ledger.phone(SHARE, Side.BUY, 3)
    ledger.phone((*SHARE[:2], "I"), Side.BUY, 5)

    ledger.end_day()
    ledger.begin_day("2026-01-06")

    assert [order.key[2] for order in ledger.orders.values() if order.source == "AUTO"] == ["I"]
    assert ledger.back_office.demat[SHARE[:2]] == 9


def test_a_hedge_is_not_sold_while_the_margin_of_its_short_needs_it() -> None:
    ledger = _ledger(customs=Customs(options=True), checks=Checks(margin=10))
    near, far = (*NEAR, "M"), (*FAR, "M")

    assert "Margin Exceeds" in _objection(ledger, near, Side.SELL, 20)
    ledger.phone(far, Side.BUY, 20)
    assert _objection(ledger, near, Side.SELL, 20) == ""
    ledger.phone(near, Side.SELL, 20)

    assert "Margin Exceeds" in _objection(ledger, far, Side.SELL, 20)
    assert _objection(ledger, near, Side.BUY, 20) == ""


def test_a_row_that_the_order_book_hides_stands_in_the_other_books() -> None:
    ledger = _ledger(habits=Habits(hide_share=1.0))

    ledger.place((*FUTURE, "M"), Side.BUY, 5, Decimal(101), None, "sdtag")

    assert ledger.order_rows() == ()
    assert [row.remarks for row in ledger.trade_rows()] == ["sdtag"]
    assert [row.net_quantity for row in ledger.position_rows()] == [5]


def test_contracts_of_an_ordinary_story_never_change() -> None:
    contracts = Contracts(Customs(), random.Random(1))  # noqa: S311  a seed has to bring the same again
    before = dict(contracts.today)

    for _ in range(3):
        contracts.begin_day(dict.fromkeys(before, Decimal(100)))

    assert contracts.today == before


def test_a_locked_file_and_missing_sources_are_met_by_a_story() -> None:
    story = Story(seed=4, seconds=6.0, locks=2, missing=("tick", "quote"), is_short=True)

    told = tell(story)

    assert told.violations == []
    assert told.orders > 0


# the ways out


def test_there_is_a_cell_for_each_subset_and_way() -> None:
    every = [*cells.cells()]

    assert len(every) == len({*every}) == cells.COUNT == len(WAYS) * 2 ** len(SOURCES)
    assert len(cells.sample()) == 96


@pytest.mark.parametrize("way", WAYS)
def test_an_exit_leaves_or_one_of_three_reasons_is_told_whatever_is_missing(way: str) -> None:
    """With nothing missing, each source alone, all but each, and everything; `make prove` tries every subset."""
    for cell in cells.sample():
        if cell.way == way:
            ended = cells.run(cell)
            assert ended.is_well, ended


def test_a_cell_ends_badly_where_the_exit_is_told_another_reason() -> None:
    stuck = cells.Ended(Cell("hand exit", ("tick",)), told="PRICE_UNAVAILABLE")
    out = cells.Ended(Cell("hand exit", ("tick",)), left_s=0.1)

    assert not stuck.is_well
    assert out.is_well
    assert not cells.Ended(out.cell, left_s=0.1, violation="once").is_well
