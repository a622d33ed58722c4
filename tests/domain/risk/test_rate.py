from bisect import bisect_left, bisect_right

from hypothesis import given
from hypothesis import strategies as st

from domain.risk.rate import WINDOW_S, OrderRate


def test_entries_leave_room_for_exits() -> None:
    rate = OrderRate(per_second_max=10, reserved_for_exits=3)

    for _ in range(7):
        rate.count(ended_at=5.0)

    assert rate.wait_s(5.0, is_exit=False) == WINDOW_S
    assert rate.wait_s(5.0, is_exit=True) == 0.0


def test_after_a_restart_nobody_knows_what_this_second_has_seen() -> None:
    rate = OrderRate(per_second_max=10, reserved_for_exits=3, sent_at=5.0)

    assert rate.wait_s(5.25, is_exit=True) == rate.wait_s(5.25, is_exit=False) == 0.75
    assert rate.wait_s(6.0, is_exit=False) == 0.0


def test_exits_too_wait_at_the_ceiling() -> None:
    rate = OrderRate(per_second_max=10, reserved_for_exits=3)

    for _ in range(10):
        rate.count(ended_at=5.0)

    assert rate.wait_s(5.25, is_exit=True) == 0.75


def test_a_request_counts_from_its_end_and_not_from_its_start() -> None:
    rate = OrderRate(per_second_max=1, reserved_for_exits=0)

    rate.count(ended_at=7.0)

    assert rate.wait_s(7.5, is_exit=True) == 0.5


@given(
    ceiling=st.integers(1, 10),
    requests=st.lists(
        st.tuples(st.floats(0, 0.5), st.floats(0, 3), st.floats(0, 1), st.booleans()), min_size=1, max_size=60
    ),
    data=st.data(),
)
def test_no_rolling_second_sees_more_arrivals_than_the_ceiling(
    ceiling: int, requests: list[tuple[float, float, float, bool]], data: st.DataObject
) -> None:
    # One request at a time: idle, wait as told, be under way for some time, arrive at any instant within it.
    reserved = data.draw(st.integers(0, ceiling - 1))
    rate, now, arrivals = OrderRate(ceiling, reserved), 0.0, []

    for idle, duration, share, is_exit in requests:
        now += idle
        now += rate.wait_s(now, is_exit=is_exit)
        arrivals.append(now + duration * share)
        now += duration
        rate.count(now)

    slack = 1e-9
    for at in arrivals:
        inside = bisect_left(arrivals, at + WINDOW_S - slack) - bisect_left(arrivals, at)
        assert inside <= ceiling


@given(ceiling=st.integers(2, 10), durations=st.lists(st.floats(0, 0.2), min_size=20, max_size=60))
def test_no_calendar_second_sees_more_arrivals_than_the_ceiling(ceiling: int, durations: list[float]) -> None:
    rate, now, arrivals = OrderRate(ceiling, 1), 0.3, []

    for duration in durations:
        now += rate.wait_s(now, is_exit=False)
        arrivals.append(now)
        now += duration
        rate.count(now)

    for second in range(int(now) + 1):
        assert bisect_right(arrivals, second + 1 - 1e-9) - bisect_left(arrivals, second) <= ceiling
