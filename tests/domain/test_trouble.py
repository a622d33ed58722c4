"""What lasts is told when it begins, at growing distance, and when it ends (FINDINGS D7)."""

from itertools import pairwise

from domain.trouble import AGAIN_S, AGAIN_S_MAX, Trouble


def test_a_trouble_that_lasts_is_told_less_and_less_often() -> None:
    trouble = Trouble()

    said = {float(second): trouble.tell(f"unreadable for {second} s", float(second)) for second in range(4_000)}
    told = [second for second, message in said.items() if message]

    assert told[:4] == [0.0, AGAIN_S, 3 * AGAIN_S, 7 * AGAIN_S]
    assert max(later - earlier for earlier, later in pairwise(told)) == AGAIN_S_MAX
    assert said[0.0] == "unreadable for 0 s"
    assert said[AGAIN_S] == "unreadable for 60 s (61 times in 60 s)"


def test_another_trouble_is_told_at_once() -> None:
    trouble = Trouble()
    trouble.tell("connection refused", 0.0)

    assert trouble.tell("HTTP 502: Bad Gateway", 1.0) == "HTTP 502: Bad Gateway"
    assert trouble.tell("HTTP 503: Bad Gateway", 2.0) == ""


def test_its_end_says_how_long_it_took_and_the_next_is_a_new_one() -> None:
    trouble = Trouble()
    assert trouble.end(0.0) == ""
    trouble.tell("connection refused", 10.0)

    assert trouble.end(41.0) == "well again after 31 s"
    assert trouble.end(42.0) == ""
    assert trouble.tell("connection refused", 43.0) == "connection refused"
