"""What lasts is told when it begins, at growing distance, and when it ends (FINDINGS D7)."""

from itertools import pairwise

from domain.trouble import AGAIN_S, AGAIN_S_MAX, Trouble, Troubles


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


def test_causes_that_take_turns_are_one_trouble() -> None:
    trouble = Trouble()
    causes = ("connection refused", "HTTP 502: Bad Gateway")

    told = [second for second in range(300) if trouble.tell(causes[second % 2], float(second))]

    assert told == [0, 1, 61, 181]


def test_its_end_says_how_long_it_took_and_a_later_one_is_a_new_one() -> None:
    trouble = Trouble()
    assert trouble.end(0.0) == ""
    trouble.tell("connection refused", 10.0)

    assert trouble.end(41.0) == "well again after 31 s"
    assert trouble.end(42.0) == ""
    assert trouble.tell("connection refused", 41.0 + AGAIN_S + 1) == "connection refused"


def test_spells_that_follow_each_other_are_one_trouble() -> None:
    trouble = Trouble()
    told: list[str] = []

    for second in range(0, 240, 2):
        told.append(trouble.tell("connection refused", float(second)))
        told.append(trouble.end(second + 1.0))

    assert [one for one in told if one] == [
        "connection refused",
        "well again after 1 s",
        "connection refused (31 times in 60 s)",
        "well again after 1 s",
        "connection refused (91 times in 180 s)",
        "well again after 1 s",
    ]


def test_what_comes_back_after_a_long_trouble_is_told_at_once() -> None:
    trouble = Trouble()
    for second in range(3_600):
        trouble.tell("connection refused", float(second))

    assert trouble.end(3_600.0) == "well again after 3600 s"
    assert trouble.tell("connection refused", 3_601.0) == "connection refused"


def test_the_trouble_of_one_thing_is_not_that_of_another() -> None:
    troubles = Troubles()

    assert troubles.tell("order book", "HTTP 502", 0.0) == troubles.tell("trade book", "HTTP 502", 0.0) == "HTTP 502"
    assert troubles.end("order book", 5.0) == "well again after 5 s"
    assert troubles.tell("trade book", "HTTP 502", 6.0) == ""
    assert troubles.end("position book", 7.0) == ""
