"""What was to be flat and is not: units that make no lot, and shares that the broker does not have.

Each was an alarm. The desk itself does not begin it anew while the position is the same: its limits and times would ask
again and again. A person's word does, and so do another position and, for missing shares, another day.
"""

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field

from domain.exits.flatten import EndedRequest, Exposure, PositionKey


@dataclass(slots=True)
class LeftBehind:
    """Owns the signed units that make no lot, and the requests of a trading day that ended for want of shares."""

    _odd: dict[PositionKey, int] = field(default_factory=dict)
    _ended: dict[PositionKey, EndedRequest] = field(default_factory=dict)
    _ended_on: str = ""

    @property
    def stays(self) -> dict[PositionKey, int]:
        """Return the signed units that stay."""
        return {**self._odd, **{position_key: one.held for position_key, one in self._ended.items()}}

    @property
    def ended(self) -> Collection[PositionKey]:
        """Return the positions that the broker has no shares of."""
        return self._ended.keys()

    def makes_no_lot(self, position_key: PositionKey) -> bool:
        """Say whether only units are held that make no lot."""
        return position_key in self._odd

    def remember(self, ended: Iterable[EndedRequest], day: str) -> None:
        """Take up what has ended in an earlier run of this trading day."""
        self._ended, self._ended_on = {one.position_key: one for one in ended}, day

    def leave_odd(self, position_key: PositionKey, units: int) -> None:
        """Leave signed units that make no lot."""
        self._odd[position_key] = units

    def leave_missing(self, ended: EndedRequest, day: str) -> None:
        """Leave what the broker has no shares of."""
        self._ended[ended.position_key], self._ended_on = ended, day

    def begin_anew(self, position_keys: Iterable[PositionKey]) -> list[EndedRequest]:
        """Forget and return the ended requests of positions whose way out begins again."""
        return [self._ended.pop(one) for one in position_keys if one in self._ended]

    def see(self, exposures: Mapping[PositionKey, Exposure], day: str) -> list[EndedRequest]:
        """Forget what is another position by now, or another day's; return the requests whose position has changed."""
        self._odd = {one: units for one, units in self._odd.items() if _held(one, exposures) == units}
        if day != self._ended_on:
            self._ended.clear()
        return self.begin_anew([one for one, ended in self._ended.items() if _held(one, exposures) != ended.held])


def _held(position_key: PositionKey, exposures: Mapping[PositionKey, Exposure]) -> int:
    exposure = exposures.get(position_key)
    return 0 if exposure is None else exposure.held
