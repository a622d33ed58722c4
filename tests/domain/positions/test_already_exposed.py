"""What a blocked entry is told: what is in its way, and the two ways on."""

import pytest

from domain.orders.types import Exchange, InstrumentKey, Product
from domain.positions.already_exposed import AlreadyExposed

HELD = ((InstrumentKey(Exchange.NSE, "RELIANCE-EQ", Product.MIS), 10),)


@pytest.mark.parametrize(
    ("held", "working", "says"),
    [
        (HELD, (), "trend holds +10 RELIANCE-EQ (NSE MIS), so it"),
        ((), ("c1",), "trend has open orders (c1), so it"),
        (HELD, ("c1",), "trend holds +10 RELIANCE-EQ (NSE MIS) and has open orders (c1), so it"),
    ],
    ids=["held", "working", "both"],
)
def test_what_is_in_the_way_is_named(
    held: tuple[tuple[InstrumentKey, int], ...], working: tuple[str, ...], says: str
) -> None:
    assert says in AlreadyExposed(strategy="trend", held=held, working=working).sentence(None)
