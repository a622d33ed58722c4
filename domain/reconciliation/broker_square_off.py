"""The broker's own square-off of MIS: which positions it closed, by evidence that leaves no other reading.

Three witnesses: an order in the order book that neither this desk nor a person's terminal sent, with fills on that day;
a row of the position book that says flat; and our own sums, in which strategies of one side and EXTERNAL come to zero.
"""

from collections.abc import Iterable, Sequence
from collections.abc import Set as AbstractSet
from decimal import Decimal
from typing import Final

from domain.broker.snapshots import OrderRow, PositionRow, key_of
from domain.orders.types import InstrumentKey
from domain.reconciliation.breaks import Break, BreakKind, position_name
from domain.reconciliation.order_rows import filled_in
from domain.reconciliation.vanishing import Holders, where

_TERMINALS: Final = frozenset({"", "API", "MOB", "WEB", "TT"})
"""Whence people and programs send (docs/protocol.md). Assumption: the broker's own orders name another source."""
_STEP: Final = Decimal("0.0001")


class SquareOffs:
    """Owns which of the broker's orders have been taken over, by the position that they closed."""

    def __init__(self) -> None:
        self._known: dict[InstrumentKey, frozenset[str]] = {}

    def close(self, one: Break) -> None:
        """Note that this square-off is taken over: the same orders tell it no more."""
        assert one.key is not None, "only a position is squared off"
        self._known[one.key] = frozenset(one.name.rpartition(":")[2].split("+"))

    def found(
        self, rows: Iterable[OrderRow], positions: Iterable[PositionRow], moving: AbstractSet[InstrumentKey]
    ) -> list[Break]:
        """Return the positions that the broker has squared off, and that are not taken over yet; none that trades."""
        own: dict[InstrumentKey, list[OrderRow]] = {}
        for row in rows:
            if row.source in _TERMINALS or row.source.upper() in _TERMINALS:
                continue
            key = key_of(row) if filled_in(row) else None
            if key is not None and key.product.ends_with_its_day and key not in moving:
                own.setdefault(key, []).append(row)
        flat = {key_of(row) for row in positions if not row.net_quantity} if own else set()
        names = {key: frozenset(row.broker_order_id for row in closing) for key, closing in own.items()}
        return [
            _named(key, closing)
            for key, closing in own.items()
            if key in flat and self._known.get(key) != names[key] and len({row.side for row in closing}) == 1
        ]


def _named(key: InstrumentKey, closing: Sequence[OrderRow]) -> Break:
    """Name a square-off, so that it has to last like any other news of the three books."""
    numbers = "+".join(sorted(row.broker_order_id for row in closing))
    name = f"squared-off:{position_name(key)}:{numbers}"
    sentence = f"the broker has squared off {where(key)}"
    return Break(name=name, kind=BreakKind.SQUARED_OFF, sentence=sentence, key=key, price=_average(closing))


def _average(rows: Iterable[OrderRow]) -> Decimal | None:
    units, value = 0, Decimal(0)
    for row in rows:
        if row.average_price is None:
            return None
        units += filled_in(row)
        value += row.average_price * filled_in(row)
    return (value / units).quantize(_STEP)


def closed_by(holders: Holders) -> tuple[tuple[str, int], ...]:
    """Return whose units the square-off has closed: all, where they and EXTERNAL come to zero; else nobody's."""
    return holders.shares_of(sum(abs(units) for _, units in holders.strategies)) if not holders.total else ()
