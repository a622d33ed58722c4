"""What becomes of instruments within a day and over night: bands, lots, ticks, freeze quantities, expiry, names.

A revision holds from a trading day on. Those that change who an instrument is (its symbol, its token, how many units
one becomes) begin with a day, so that no order of a day changes its name.
"""

from collections.abc import Mapping
from dataclasses import dataclass, fields, replace
from datetime import date
from decimal import ROUND_DOWN, ROUND_UP, Decimal
from typing import Any, Final

from broker.paper.engine.instruments import Catalogue, Instrument

_TERMS: Final = ("lower_circuit", "upper_circuit", "lot", "tick", "freeze_quantity", "expiry", "symbol", "token")


@dataclass(frozen=True, slots=True, kw_only=True)
class Revision:
    """One change of one instrument; what is None stays."""

    key: str
    begins: date
    lower_circuit: Decimal | None = None
    upper_circuit: Decimal | None = None
    lot: int | None = None
    tick: Decimal | None = None
    freeze_quantity: int | None = None
    expiry: date | None = None
    symbol: str | None = None
    token: str | None = None
    ratio: Decimal = Decimal(1)
    """So many units one becomes, at a price divided by it: a bonus or a split."""

    @property
    def new_key(self) -> str:
        """Return the name that subscriptions use from then on."""
        return f"{self.key.partition('|')[0]}|{self.token}" if self.token else self.key

    def of(self, before: Instrument) -> Instrument:
        """Return the instrument as it is from then on."""
        changed = {name: value for name in _TERMS if (value := getattr(self, name)) is not None}
        after = replace(before, **changed)
        if self.ratio == 1:
            return after
        return replace(
            after,
            close=_on_grid(before.close / self.ratio, after.tick, ROUND_DOWN),
            lower_circuit=self.lower_circuit or _on_grid(before.lower_circuit / self.ratio, after.tick, ROUND_UP),
            upper_circuit=self.upper_circuit or _on_grid(before.upper_circuit / self.ratio, after.tick, ROUND_DOWN),
        )

    def record(self) -> dict[str, object]:
        """Return it as a line of the ledger."""
        given = {one.name: getattr(self, one.name) for one in fields(self)}
        return {name: value if isinstance(value, int) else str(value) for name, value in given.items() if value}


def revision_from(record: Mapping[str, Any]) -> Revision:
    """Read a revision back from its line."""
    given = dict(record)
    for name in ("begins", "expiry"):
        if name in given:
            given[name] = date.fromisoformat(given[name])
    for name in ("lower_circuit", "upper_circuit", "tick", "ratio"):
        if name in given:
            given[name] = Decimal(given[name])
    return Revision(**given)


class Revisions:
    """Owns the revisions, oldest first."""

    def __init__(self) -> None:
        self._all: list[Revision] = []

    def add(self, revision: Revision) -> None:
        """Take one more."""
        self._all.append(revision)

    def of(self, instrument: Instrument, day: date) -> Instrument:
        """Return an instrument as it stands on a trading day."""
        for one in self._all:
            if one.key == instrument.key and one.begins <= day:
                instrument = one.of(instrument)
        return instrument

    def key_on(self, key: str, day: date) -> str:
        """Return the key under which an instrument is known on a trading day."""
        for one in self._all:
            if one.key == key and one.begins <= day:
                key = one.new_key
        return key

    def between(self, before: date, day: date) -> list[Revision]:
        """Return what begins after `before`, and by `day`."""
        return [one for one in self._all if before < one.begins <= day]

    def heir(self, catalogue: Catalogue, instrument: Instrument, before: date, day: date) -> tuple[Instrument, Decimal]:
        """Return what an instrument of `before` is on `day`, expired or not, and how many units one has become."""
        ratio, key = Decimal(1), instrument.key
        for one in self.between(before, day):
            if one.key == key:
                ratio, key = ratio * one.ratio, one.new_key
        return catalogue.by_key(key) or instrument, ratio


def _on_grid(price: Decimal, tick: Decimal, rounding: str) -> Decimal:
    return (price / tick).quantize(Decimal(1), rounding=rounding) * tick
