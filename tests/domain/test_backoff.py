from domain.backoff import Backoff


def test_a_pause_doubles_with_each_failure_up_to_the_longest() -> None:
    backoff = Backoff(first_s=0.5, longest_s=4.0)

    assert [backoff.pause_s(failures) for failures in range(5)] == [0.5, 1.0, 2.0, 4.0, 4.0]


def test_a_pause_stays_the_longest_after_years_of_failures() -> None:
    assert Backoff(first_s=0.5, longest_s=30.0).pause_s(1_000_000) == 30.0


def test_chance_spreads_a_pause_between_its_half_and_its_whole() -> None:
    backoff = Backoff(first_s=2.0, longest_s=8.0)
    chances = iter((0.0, 0.5, 1.0))

    assert [backoff.spread_s(1, lambda: next(chances)) for _ in range(3)] == [2.0, 3.0, 4.0]
