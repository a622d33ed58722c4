"""What is heard of the day's loss between two looks: fills, prices, quotes, and the broker's position book."""

from collections.abc import Iterable, Mapping
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, field
from decimal import Decimal

from domain.broker.snapshots import Book, PositionRow, Tick
from domain.exits.flatten import PositionKey
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
        if self.rules.trading_days.counts_figures_of(book.asked_at):
            self._account = AccountFigure(figure_of(book.rows, doubted, self.book.prices), now.day, now.s)

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
        )

    def take_inputs(self) -> LossInputs:
        """Return what a look goes by now; the quotes are for this look alone."""
        inputs, self._quotes = self.inputs(), {}
        return inputs
