"""What an order book proves, and what enough of them prove absent."""

from collections.abc import Iterable
from dataclasses import replace
from datetime import datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.broker.snapshots import Book, BrokerStatus, OrderRow
from domain.orders.change import ChangeStage
from domain.orders.lifecycle import Event, State
from domain.orders.order import Order
from domain.reconciliation.breaks import BreakKind
from domain.reconciliation.order_rows import Report
from domain.reconciliation.reconciler import Known, Reconciler
from domain.settings import ProofSettings, WatcherSettings
from tests.fakes import TEN_O_CLOCK, book, change, order, row_of

THREE_IN_NINETY = ProofSettings(books=3, window_s=90)


def at(seconds: float) -> datetime:
    return TEN_O_CLOCK + timedelta(seconds=seconds)


def working(**overrides: object) -> Order:
    return order(**({"state": State.WORKING, "broker_order_id": "B1"} | overrides))


def lost(**overrides: object) -> Order:
    return order(**({"state": State.UNCONFIRMED} | overrides))


def comparing(orders: Iterable[Order], proof: ProofSettings = THREE_IN_NINETY) -> Reconciler:
    return Reconciler(Known(orders=tuple(orders)), "FA1", proof, WatcherSettings())


def told(reconciler: Reconciler, shown: Book[OrderRow]) -> tuple[Report, ...]:
    """What a round says of orders, less the evidence that a proof under way leaves in the journal.

    Nothing traded, and nothing is held; the round is judged by an order book that is as the first was.
    """
    reports = reconciler.compare(shown).reports
    reconciler.keep(Book((), shown.asked_at), Book((), shown.asked_at))
    proved = (one for one in reconciler.compare(shown).reports if one not in reports)
    return tuple(one for one in (*reports, *proved) if one.event.kind is not Event.NOTED)


def events(reports: tuple[Report, ...]) -> list[tuple[str, Event]]:
    return [(one.command_id, one.event.kind) for one in reports]


def test_a_finished_order_found_by_its_tag_takes_the_brokers_id_once() -> None:
    reconciler = comparing([lost()], THREE_IN_NINETY)
    shown = book([row_of(lost(), BrokerStatus.COMPLETE, filled_quantity=10)], at(1))

    first = told(reconciler, shown)
    reconciler.orders.observe(lost().after(first[0].event, at(1)))
    second = told(reconciler, book(shown.rows, at(2)))

    assert events(first) == [("c1", Event.FILLED)]
    assert second == ()


@pytest.mark.parametrize(
    ("asked", "proved_at"),
    [
        ([1, 50, 91], 3),
        ([1, 2, 3, 4, 90], None),
        ([1, 2, 3, 4, 91], 5),
        ([1, 92], None),
        ([1, 92, 93], 3),
    ],
)
def test_absence_is_proved_by_enough_books_over_enough_time_and_never_earlier(
    asked: list[float], proved_at: int | None
) -> None:
    # R4.
    reconciler = comparing([lost()], THREE_IN_NINETY)

    said = [events(told(reconciler, book(at=at(moment)))) for moment in asked]

    proofs = [place for place, one in enumerate(said, start=1) if one]
    assert proofs == ([] if proved_at is None else [proved_at])


@given(
    gaps=st.lists(st.floats(0.1, 60), min_size=1, max_size=30),
    books=st.integers(1, 5),
    window_s=st.floats(0, 200),
)
def test_no_proof_comes_early_whatever_the_books_times(gaps: list[float], books: int, window_s: float) -> None:
    reconciler = comparing([lost()], ProofSettings(books=books, window_s=window_s))
    moments = [at(sum(gaps[: count + 1])) for count in range(len(gaps))]

    for count, moment in enumerate(moments, start=1):
        proved = bool(told(reconciler, book(at=moment)))

        enough = count >= books and moment - moments[0] >= timedelta(seconds=window_s)
        assert proved == enough


def test_a_wall_clock_that_is_set_forward_makes_no_proof_come_early() -> None:
    reconciler = comparing([lost()], THREE_IN_NINETY)
    hour = 3600.0

    said = [
        events(told(reconciler, Book((), at(wall), asked_s=seconds)))
        for wall, seconds in ((1, 1), (2, 2), (hour + 3, 3), (hour + 90, 90), (hour + 91, 91))
    ]

    assert [bool(one) for one in said] == [False, False, False, False, True]


def test_books_asked_before_the_order_left_prove_nothing() -> None:
    reconciler = comparing([lost(updated_at=at(100))], THREE_IN_NINETY)

    said = [told(reconciler, book(at=at(moment))) for moment in (0, 50, 100, 101, 150)]

    assert said == [()] * 5


def test_books_of_another_day_prove_nothing() -> None:
    reconciler = comparing([lost()], THREE_IN_NINETY)
    tomorrow = 24 * 3600.0

    said = [told(reconciler, book(at=at(tomorrow + moment))) for moment in (0, 50, 100, 200)]

    assert said == [()] * 4


@pytest.mark.parametrize("state", [State.CREATED, State.SENDING, State.WORKING, State.PARTIALLY_FILLED])
def test_only_an_unconfirmed_order_is_ever_declared_absent(state: State) -> None:
    reconciler = comparing([order(state=state)], THREE_IN_NINETY)

    said = [told(reconciler, book(at=at(moment))) for moment in (1, 50, 100, 200)]

    assert said == [()] * 4


def test_an_order_without_a_tag_is_never_declared_absent() -> None:
    reconciler = comparing([lost(remarks_tag="")], THREE_IN_NINETY)

    said = [told(reconciler, book(at=at(moment))) for moment in (1, 50, 100, 200)]

    assert said == [()] * 4


def test_an_order_that_arrives_late_is_found_and_its_proof_forgotten() -> None:
    # R5: 85 s after the reply was lost.
    reconciler = comparing([lost()], THREE_IN_NINETY)
    before = [told(reconciler, book(at=at(moment))) for moment in (1, 40, 80)]

    found = told(reconciler, book([row_of(lost())], at(85)))

    assert before == [(), (), ()]
    assert events(found) == [("c1", Event.WORKING)]


def test_a_book_with_fewer_rows_than_before_proves_nothing_absent() -> None:
    # B3.
    other = row_of(order(command_id="other"), broker_order_id="B7", remarks="foreign")
    reconciler = comparing([lost()], THREE_IN_NINETY)
    told(reconciler, book([other, replace(other, broker_order_id="B8")], at(1)))

    said = [told(reconciler, book([other], at(moment))) for moment in (50, 100, 150, 200)]

    assert said == [()] * 4


def test_a_book_with_fewer_rows_still_shows_what_it_shows() -> None:
    other = row_of(order(command_id="other"), broker_order_id="B7", remarks="foreign")
    reconciler = comparing([lost()], THREE_IN_NINETY)
    told(reconciler, book([other, replace(other, broker_order_id="B8")], at(1)))

    found = told(reconciler, book([row_of(lost())], at(2)))

    assert events(found) == [("c1", Event.WORKING)]


def test_a_row_that_another_has_taken_the_place_of_is_a_loss_too() -> None:
    # B3: the book is as long as before.
    other = row_of(order(command_id="other"), broker_order_id="B7", remarks="foreign")
    reconciler = comparing([lost()], THREE_IN_NINETY)
    reconciler.compare(book([other], at(1)))

    assert not reconciler.compare(book([replace(other, broker_order_id="B8")], at(2))).whole


def test_a_row_that_stays_lost_is_named_when_an_absence_would_be_proved_and_not_earlier() -> None:
    # B12: a ghost that went as it came.
    ghost = row_of(order(command_id="other"), broker_order_id="B7", remarks="foreign")
    reconciler = comparing([], THREE_IN_NINETY)
    reconciler.compare(book([ghost], at(1)))

    said = [reconciler.compare(book(at=at(moment))).checked for moment in (2, 50, 91, 92)]

    assert said[:3] == [None] * 3
    assert said[3] is not None
    assert [(one.name, one.kind) for one in said[3].breaks] == [("hidden:B7", BreakKind.HIDDEN)]


def test_a_row_whose_loss_a_person_accepts_is_missed_no_more_today() -> None:
    ghost = row_of(order(command_id="other"), broker_order_id="B7", remarks="foreign")
    reconciler = comparing([lost()], THREE_IN_NINETY)
    reconciler.compare(book([ghost], at(1)))
    reconciler.compare(book(at=at(2)))

    reconciler.accept("hidden:B7")

    said = [told(reconciler, book(at=at(moment))) for moment in (3, 50, 94)]
    assert reconciler.compare(book(at=at(95))).whole
    assert events(said[2]) == [("c1", Event.PROVED_ABSENT)]


def test_a_new_days_book_may_be_shorter() -> None:
    tomorrow = at(24 * 3600)
    fresh = lost(command_id="fresh", created_at=tomorrow, updated_at=tomorrow)
    reconciler = comparing([fresh], ProofSettings(books=1, window_s=0))
    told(reconciler, book([row_of(order(command_id="other"), remarks="foreign")], at(1)))

    said = told(reconciler, book(at=tomorrow + timedelta(seconds=1)))

    assert events(said) == [("fresh", Event.PROVED_ABSENT)]


def test_orders_of_earlier_days_that_are_over_are_forgotten_and_open_ones_kept() -> None:
    done, resting = working(command_id="done", state=State.FILLED), working(command_id="open", broker_order_id="B2")
    reconciler = comparing([done, resting], THREE_IN_NINETY)

    told(reconciler, book(at=at(24 * 3600)))

    assert [one.command.command_id for one in reconciler.orders] == ["open"]


def test_foreign_rows_move_no_order_of_ours_and_are_told() -> None:
    external = row_of(order(), remarks="typed by hand", broker_order_id="B99")

    compared = comparing([working()], THREE_IN_NINETY).compare(book([row_of(working()), external], at(1)))

    assert compared.reports == ()
    assert [one.command.command_id for one in compared.external] == ["ext-B99"]


def test_a_proof_names_what_it_rests_on() -> None:
    reconciler = comparing([lost()], ProofSettings(books=2, window_s=5))
    told(reconciler, book(at=at(1)))

    (proof,) = told(reconciler, book(at=at(7)))

    assert proof.event.inputs == {
        "healthy_books": "2",
        "first_asked_at": at(1).isoformat(),
        "last_asked_at": at(7).isoformat(),
    }


def test_a_new_watcher_takes_no_book_for_whole_that_misses_an_order_the_broker_has_named() -> None:
    reconciler = comparing([lost(command_id="c1"), working(command_id="w")], THREE_IN_NINETY)

    reports = [told(reconciler, book(at=at(after_s))) for after_s in (1, 50, 95, 200)]

    assert reports == [(), (), (), ()]


def test_a_proof_begins_anew_after_a_book_that_showed_the_order() -> None:
    # The row was seen and is lost; a person accepts the loss before our order has taken over what the row said.
    reconciler = comparing([lost()], THREE_IN_NINETY)
    reconciler.compare(book(at=at(1)))
    reconciler.compare(book(at=at(50)))
    reconciler.compare(book([row_of(lost(), broker_order_id="B1")], at(60)))
    reconciler.accept("hidden:B1")

    after = [events(told(reconciler, book(at=at(moment)))) for moment in (95, 150, 186)]

    assert after == [[], [], [("c1", Event.PROVED_ABSENT)]]


def test_what_a_person_has_accepted_is_told_again_on_the_next_day() -> None:
    ghost = row_of(order(command_id="other"), broker_order_id="B7", remarks="foreign")
    tomorrow = 24 * 3600
    reconciler = comparing([], THREE_IN_NINETY)
    reconciler.compare(book([ghost], at(1)))
    reconciler.accept("hidden:B7")
    today = reconciler.compare(book(at=at(2)))

    reconciler.compare(book([ghost], at(tomorrow)))
    again = reconciler.compare(book(at=at(tomorrow + 1)))

    assert (today.whole, again.whole) == (True, False)


@pytest.mark.parametrize(("after_s", "proved"), [(0, False), (0.001, True)])
def test_a_book_of_the_instant_in_which_an_order_left_proves_nothing(after_s: float, *, proved: bool) -> None:
    reconciler = comparing([lost(updated_at=at(0))], ProofSettings(books=1, window_s=0))

    assert bool(told(reconciler, book(at=at(after_s)))) is proved


@pytest.mark.parametrize(
    ("after_s", "stage", "proved"),
    [
        (0, ChangeStage.ACCEPTED, False),
        (0.001, ChangeStage.ACCEPTED, True),
        (0.001, ChangeStage.REPLY_LOST, True),
        (0.001, ChangeStage.REQUESTED, False),
    ],
)
def test_a_change_lapses_by_a_book_from_after_its_asking_once_its_reply_is_in(
    after_s: float, stage: ChangeStage, *, proved: bool
) -> None:
    changing = working(change=change(asked_at=at(0), stage=stage))
    reconciler = comparing([changing], ProofSettings(books=1, window_s=0))

    reports = told(reconciler, book([row_of(changing)], at(after_s)))

    assert events(reports) == ([("c1", Event.CHANGE_LAPSED)] if proved else [])


def test_a_change_of_an_order_that_a_book_does_not_show_does_not_lapse_by_it() -> None:
    changing = working(change=change(asked_at=at(0)))
    reconciler = comparing([changing], ProofSettings(books=1, window_s=0))

    assert told(reconciler, book(at=at(1))) == ()
