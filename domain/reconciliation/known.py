"""What the database knows when the comparing of books begins."""

from collections import defaultdict
from collections.abc import Iterable, Mapping

from domain.market.expiry import Expiries
from domain.orders.order import Order
from domain.orders.types import InstrumentKey
from domain.reconciliation.reconciler import Known


def known_from(
    orders: Iterable[Order],
    positions: Mapping[str, Mapping[InstrumentKey, int]],
    moved: Mapping[InstrumentKey, int],
    accepted: Iterable[str],
    accepted_units: Mapping[InstrumentKey, int] | None = None,
    expiries: Expiries | None = None,
    ended: Iterable[InstrumentKey] = (),
) -> Known:
    """Gather what a comparison begins with; `positions` are what earlier days left to each strategy."""
    carried: defaultdict[InstrumentKey, int] = defaultdict(int)
    for held in positions.values():
        for key, quantity in held.items():
            if quantity:
                carried[key] += quantity
    return Known(
        orders=tuple(orders),
        carried=dict(carried),
        moved=dict(moved),
        accepted_units=dict(accepted_units or {}),
        accepted=frozenset(accepted),
        expiries=dict(expiries or {}),
        ended=frozenset(ended),
    )
