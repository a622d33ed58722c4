"""What is heard of the day's loss between two looks: fills, prices, quotes, and the broker's position book."""

from collections.abc import Iterable, Mapping
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, field
from decimal import Decimal

from domain.broker.snapshots import Book, PositionRow, Tick, key_of
from domain.exits.flatten import PositionKey
from domain.orders.types import InstrumentKey
from domain.positions.pnl import PnlBook, Symbol
from domain.reconciliation.breaks import Break
from domain.reconciliation.moves import AGAINST_OURS, MoveKind
from domain.risk.broker_figure import figure_of
from domain.risk.loss_inputs import AccountFigure, LossInputs, LossRules, Now


@dataclass(slots=True, kw_only=True)
class LossSources:
    """Owns our profit and loss, the broker's figure, and when prices were seen (monotonic seconds)."""

    rules: LossRules
    book: PnlBook
    book_read_s: float
    _account: AccountFigure | None = None
    _doubted: AbstractSet[Symbol] = frozenset()
    _seen_s: dict[Symbol, float] = field(default_factory=dict)
    _quotes: Mapping[Symbol, Decimal] = field(default_factory=dict)
    _units: Mapping[InstrumentKey, int] = field(default_factory=dict)
    """What we counted when the last position book came."""
    _apart: AbstractSet[InstrumentKey] = frozenset()
    _listed: tuple[str, frozenset[InstrumentKey]] = ("", frozenset())
    """The positions that a book of this trading day has had a row of."""

    def __post_init__(self) -> None:
        """Count what is held at the start: the first book is compared with it."""
        self._units = self.book.units()

    def count_move(self, resolved: Break, kind: MoveKind, ended: Iterable[tuple[str, int]]) -> None:
        """Count for others what strategies hold no more (`ended`), and units of others that stand against ours.

        A position that is gone gains and loses nothing more.
        """
        if resolved.key is None:
            return
        for strategy, units in ended:
            self.book.shift(PositionKey(strategy, resolved.key), units, resolved.price)
        if kind in AGAINST_OURS:
            self.book.move(resolved.key, resolved.difference)

    def see(self, tick: Tick, now: Now) -> None:
        """Value what is held at a new price."""
        self._seen_s[tick.exchange, tick.symbol] = now.s
        self.book.see((tick.exchange, tick.symbol), tick.last_price)

    def hear_quote(self, symbol: Symbol, price: Decimal) -> None:
        """Keep what the broker has answered until the next look."""
        self._quotes = {**self._quotes, symbol: price}

    def take_positions(self, book: Book[PositionRow], doubted: AbstractSet[Symbol], now: Now) -> None:
        """Take the broker's own figures of the day; `doubted` stand on no price to believe."""
        self.book_read_s, self._doubted = now.s, doubted
        self._compare_units(book, now)
        if self.rules.trading_days.counts_figures_of(book.asked_at):
            self._account = AccountFigure(figure_of(book.rows, doubted, self.book.prices), now.day, now.s)

    def _compare_units(self, book: Book[PositionRow], now: Now) -> None:
        """Note the positions of which the account has fewer units; what has just moved is too new to say.

        A row that was there today and is missing says nothing: the broker keeps it, with 0 units, until the night.
        """
        theirs = {key: row.net_quantity for row in book.rows if (key := key_of(row)) is not None}
        day, listed = self._listed
        lost = listed - theirs.keys() if day == now.day else frozenset()
        self._listed = now.day, lost | theirs.keys()
        before, self._units = self._units, self.book.units()
        self._apart = frozenset(
            key
            for key, units in self._units.items()
            if units
            and before.get(key) == units
            and key not in lost
            and abs(units) > theirs.get(key, 0) * (1 if units > 0 else -1)
        )

    def account_on(self, day: str) -> AccountFigure | None:
        """Return the broker's figure of this day; None where none was read."""
        return self._account if self._account is not None and self._account.day == day else None

    def inputs(self) -> LossInputs:
        """Return what a look goes by now."""
        return LossInputs(
            rules=self.rules,
            rows=self.book.rows(),
            held=self.book.held,
            first_prices=self.book.first_prices,
            account=self._account,
            seen_s=self._seen_s,
            book_read_s=self.book_read_s,
            doubted=self._doubted,
            quotes=self._quotes,
            apart=self._apart,
        )

    def take_inputs(self) -> LossInputs:
        """Return what a look goes by now; the quotes are for this look alone."""
        inputs, self._quotes = self.inputs(), {}
        return inputs
