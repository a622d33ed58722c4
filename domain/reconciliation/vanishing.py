"""Positions that are gone in the morning: who held them, whether they ended, and what may have become of them."""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Final

from domain.orders.command import OrderCommand
from domain.orders.order import Order
from domain.orders.reasons import Reason
from domain.orders.types import InstrumentKey
from domain.reconciliation.breaks import Break, BreakKind
from domain.reconciliation.moves import MoveKind
from domain.reconciliation.order_rows import Report

_UNDERLYING: Final = re.compile(r"[A-Z]+")
_VANISHED: Final = "vanished:"
_EXPIRED: Final = "expired:"
HEIR: Final = "may_be"
"""The input of an order's end that names the position which may be what it traded."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Holders:
    """Who holds an instrument by our books, in signed units; `closes` are those of ours that a move would close."""

    strategies: tuple[tuple[str, int], ...] = ()
    external: int = 0
    closes: int = 0

    @property
    def total(self) -> int:
        """Return what all of them hold together."""
        return self.external + sum(units for _, units in self.strategies)

    @property
    def are_none(self) -> bool:
        """Say whether nothing is held by anybody."""
        return not self.strategies and not self.external

    def shares_of(self, units: int) -> tuple[tuple[str, int], ...]:
        """Return whose units are gone when so many are: all of them, or part of the only one's; else nobody can say."""
        held = sum(abs(one) for _, one in self.strategies)
        same_way = len({one > 0 for _, one in self.strategies}) == 1
        if same_way and units == held:
            return self.strategies
        if len(self.strategies) == 1 and units < held:
            ((name, one),) = self.strategies
            return ((name, units if one > 0 else -units),)
        return ()


def kind_of_carried(holders: Holders, *, vanished_before: bool) -> MoveKind:
    """Say what units are that the night moved and no order explains: ours gone, ours back, or others' own."""
    if holders.closes:
        return MoveKind.VANISHED
    return MoveKind.RETURNED if vanished_before else MoveKind.CARRIED


def vanished_of(key: InstrumentKey, difference: int, heir: InstrumentKey | None = None) -> Break:
    """Return the vanishing of a carried position, which waits for a person; `difference` is less what was held."""
    sentence = f"{abs(difference)} units of {where(key)} were held, and the account has them no more"
    return Break(
        name=vanished_name(key),
        kind=BreakKind.VANISHED,
        sentence=sentence,
        difference=difference,
        key=key,
        heir=heir,
    )


def expired(key: InstrumentKey) -> Break:
    """Name a position whose contract is over."""
    name = f"{_EXPIRED}{key.exchange}|{key.symbol}|{key.product}"
    return Break(name=name, kind=BreakKind.EXPIRED, sentence=f"{where(key)} has expired", key=key)


def vanished_name(key: InstrumentKey) -> str:
    """Return the name of the break about a position that is gone."""
    return f"{_VANISHED}{key.exchange}|{key.symbol}|{key.product}"


def where(key: InstrumentKey) -> str:
    """Name a position for people."""
    return f"{key.symbol} ({key.exchange} {key.product})"


def heir_of(gone: Break, apart: Iterable[Break]) -> InstrumentKey | None:
    """Return the position that nobody explains and that a lost one may have become: renamed, adjusted or converted."""
    assert gone.key is not None, "what was carried is a position"
    others = [
        (one.key, one.difference)
        for one in apart
        if one.key is not None and one.key != gone.key and one.difference * gone.difference < 0
    ]
    related = [(key, units) for key, units in others if underlying(key.symbol) == underlying(gone.key.symbol)]
    as_many = [key for key, units in related if units == -gone.difference]
    return next(iter([*as_many, *(key for key, _ in related)]), None)


def with_heirs(
    ended: Iterable[Report], orders: Iterable[Order], unexplained: Mapping[InstrumentKey, int]
) -> list[Report]:
    """Say of orders that a past day left open which position, that no order explains, may be what they traded.

    Under its old name a renamed contract has no position any more: that none is there proves nothing then. Names need
    not resemble each other, as the underlying may be renamed too.
    """
    left = {one.command.command_id: one.command for one in orders}
    return [_with_heir(one, left[one.command_id], unexplained) for one in ended]


def _with_heir(ended: Report, command: OrderCommand, unexplained: Mapping[InstrumentKey, int]) -> Report:
    key, event = command.key, ended.event
    related = (
        one
        for one, units in unexplained.items()
        if units * command.side.sign > 0 and one != key and (one.exchange, one.product) == (key.exchange, key.product)
    )
    heir = next(related, None)
    if heir is None or event.tag is not Reason.DAY_ENDED:
        return ended
    inputs = {**event.inputs, HEIR: where(heir)}
    return replace(ended, event=replace(event, tag=Reason.DAY_ENDED_UNKNOWN, inputs=inputs))


def underlying(symbol: str) -> str:
    """Return the letters that a symbol begins with."""
    found = _UNDERLYING.match(symbol)
    return found[0] if found else symbol
