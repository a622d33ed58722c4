"""Shapes that nobody should send: the right names with the wrong things behind them."""

from typing import Any

from hypothesis import strategies as st

SCALARS: st.SearchStrategy[Any] = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(-(10**25), 10**25),
    st.floats(),
    st.text(max_size=30),
    st.sampled_from(
        [
            "",
            "0",
            "-1",
            "1e400",
            "NaN",
            "Infinity",
            "10",
            "0.05",
            "BUY",
            "B",
            "NSE",
            "RELIANCE-EQ",
            "M&M-EQ",
            "\x00",
            "😀",
            "\ud800",
        ]
    ),
)
ANYTHING: st.SearchStrategy[Any] = st.recursive(
    SCALARS,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner, max_size=4),
    max_leaves=12,
)


NUMBERS: st.SearchStrategy[Any] = st.sampled_from(
    ["0", "-1", "-0.05", "0.00", "1e-30", "00", "1,000", " 5 ", 0, -1, 0.5]
)


def shaped(names: tuple[str, ...], good: dict[str, Any]) -> st.SearchStrategy[dict[str, Any]]:
    """Yield objects near a good one: some fields gone, some replaced, some that nobody knows."""
    broken = st.dictionaries(st.sampled_from(names), NUMBERS | ANYTHING, max_size=2)
    gone = st.just(frozenset[str]()) | st.sets(st.sampled_from(names), max_size=len(names) // 2)
    more = st.dictionaries(st.text(max_size=8), ANYTHING, max_size=1)
    return st.tuples(broken, gone, more).map(
        lambda made: {name: one for name, one in {**good, **made[0], **made[2]}.items() if name not in made[1]}
    )
