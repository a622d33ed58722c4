"""Units by nobody's order: carried into the day, accepted by a person, gone with a contract or vanished."""

from datetime import datetime
from typing import Final

import peewee
from peewee import fn

from domain.orders.types import InstrumentKey
from domain.ports import trading_day
from domain.reconciliation.breaks import Break, BreakKind, key_in_name
from domain.reconciliation.moves import AGAINST_OURS, BY_A_PERSON, MoveKind
from domain.reconciliation.vanishing import vanished_of
from storage.fields import columns_of, key_of
from storage.models import AcceptedRecord as Accepted
from storage.models import ExternalMoveRecord as Move

ACCEPTED_MAX: Final = 1000
"""So many of the last acceptances are looked through for those of today."""
_OF_A_VANISHING: Final = (MoveKind.VANISHED, MoveKind.RETURNED, MoveKind.DECIDED)


class ExternalMoves:
    """Owns one client's rows of external_moves and accepted_breaks."""

    def __init__(self, database: peewee.SqliteDatabase, client_id: str) -> None:
        self._database = database
        self._client_id = client_id

    def resolve_break(self, recon_break: Break, reason: str, at: datetime, kind: MoveKind = MoveKind.CARRIED) -> None:
        """Keep that a break is resolved: its units become EXTERNAL, or it is accepted for the day."""
        row = {"client_id": self._client_id, "at": at, "reason": reason}
        key = recon_break.key
        if key is None:
            Accepted.insert(name=recon_break.name, **row).execute(self._database)
            return
        units = {"day": trading_day(at), "quantity": recon_break.difference, "kind": kind.value}
        Move.insert(**row, **units, **columns_of(key)).execute(self._database)

    def undo_acceptance(self, name: str, reason: str, at: datetime) -> Break | None:
        """Take back what a person has accepted under this name and still counts; return what is undone, if anything."""
        key = key_in_name(name)
        units = 0 if key is None else self.units(at, BY_A_PERSON).get(key, 0)
        if units:
            undone = Break(name=name, kind=BreakKind.POSITION, sentence="", difference=-units, key=key)
            self.resolve_break(undone, reason, at, MoveKind.UNDONE)
            return undone
        if name not in self.accepted_today(at):
            return None
        standing = (Accepted.client_id == self._client_id, Accepted.name == name, Accepted.undone_at.is_null())
        Accepted.update(undone_at=at).where(*standing).execute(self._database)
        return Break(name=name, kind=BreakKind.EXTERNAL, sentence="")

    def accepted_today(self, now: datetime) -> tuple[str, ...]:
        """Return the names of the breaks that a person has accepted today."""
        standing = Accepted.select().where(Accepted.client_id == self._client_id, Accepted.undone_at.is_null())
        newest = standing.order_by(Accepted.id.desc()).limit(ACCEPTED_MAX).execute(self._database)
        return tuple(one.name for one in newest if trading_day(one.at) == trading_day(now))

    def units(self, now: datetime, kinds: frozenset[MoveKind] = frozenset(MoveKind)) -> dict[InstrumentKey, int]:
        """Return the units of these kinds that count today: of carried products all, of others today's."""
        place = (Move.exchange, Move.symbol, Move.product)
        counts = (Move.product == "NRML") | (Move.day >= trading_day(now))
        of_kinds = Move.kind.in_([kind.value for kind in sorted(kinds)])
        rows = Move.select(*place, fn.SUM(Move.quantity)).where(Move.client_id == self._client_id, counts, of_kinds)
        return {key_of(*where): units for *where, units in rows.group_by(*place).tuples().execute(self._database)}

    def accepted_units(self, now: datetime) -> dict[InstrumentKey, int]:
        """Return those of the units that count today which a person has accepted, and not undone."""
        return {key: units for key, units in self.units(now, BY_A_PERSON).items() if units}

    def against_ours(self, now: datetime) -> dict[InstrumentKey, int]:
        """Return those of the units that stand against units of our strategies."""
        return {key: units for key, units in self.units(now, AGAINST_OURS).items() if units}

    def vanished(self) -> tuple[Break, ...]:
        """Return the positions that are gone, have not returned, and wait for a person's decision."""
        rows = Move.select().where(Move.client_id == self._client_id, Move.kind.in_([k.value for k in _OF_A_VANISHING]))
        gone: dict[InstrumentKey, int] = {}
        for one in rows.order_by(Move.id).execute(self._database):
            key = key_of(one.exchange, one.symbol, one.product)
            gone[key] = 0 if one.kind == MoveKind.DECIDED else gone.get(key, 0) + one.quantity
        return tuple(vanished_of(key, units) for key, units in gone.items() if units)

    def ended(self) -> frozenset[InstrumentKey]:
        """Return the positions that have ended with their contracts."""
        expired = (Move.client_id == self._client_id, Move.kind == MoveKind.EXPIRED.value)
        rows = Move.select(Move.exchange, Move.symbol, Move.product).where(*expired).distinct()
        return frozenset(key_of(*where) for where in rows.tuples().execute(self._database))
