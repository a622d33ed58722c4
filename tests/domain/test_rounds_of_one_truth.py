"""Whatever trades, and whenever it is read: books of one truth agree."""

from dataclasses import dataclass, field, replace

from hypothesis import given, settings
from hypothesis import strategies as st

from domain.broker.snapshots import (
    PRODUCT_LETTERS,
    Book,
    BrokerStatus,
    OrderRow,
    OrderUpdate,
    PositionRow,
    ReportType,
    TradeRow,
)
from domain.orders.lifecycle import State
from domain.orders.types import InstrumentKey, Side
from domain.reconciliation.order_rows import remarks_tag_of
from domain.reconciliation.reconciler import Checked, Known
from tests.domain.rounds import (
    CNC,
    MIS,
    NRML,
    Rounds,
    at,
    holding,
)
from tests.fakes import order, trade_of

KEYS = (MIS, CNC, NRML)


@dataclass
class Account:
    """One truth, and the three books of it. Ours are told to the comparison when they are placed."""

    orders: dict[str, OrderRow] = field(default_factory=dict)
    trades: list[TradeRow] = field(default_factory=list)
    carried: dict[InstrumentKey, int] = field(default_factory=dict)

    def place(self, key: InstrumentKey, side: Side, quantity: int, remarks: str) -> str:
        number = f"B{len(self.orders) + 1}"
        self.orders[number] = OrderRow(
            broker_order_id=number,
            status=BrokerStatus.OPEN,
            status_text="OPEN",
            remarks=remarks,
            exchange=key.exchange.value,
            symbol=key.symbol,
            side=side,
            product=PRODUCT_LETTERS[key.product],
            quantity=quantity,
            filled_quantity=0,
            average_price=None,
            reject_reason="",
        )
        return number

    def trade(self, number: str, quantity: int) -> None:
        row = self.orders[number]
        units = min(quantity, row.quantity - row.filled_quantity)
        if row.status is not BrokerStatus.OPEN or not units:
            return
        traded = row.filled_quantity + units
        status = BrokerStatus.COMPLETE if traded == row.quantity else BrokerStatus.OPEN
        self.orders[number] = replace(row, filled_quantity=traded, status=status)
        fill_id = str(len(self.trades))
        self.trades.append(trade_of(order(), fill_id, broker_order_id=number, quantity=units, side=row.side))

    def cancel(self, number: str) -> None:
        row = self.orders[number]
        if row.status is BrokerStatus.OPEN:
            self.orders[number] = replace(row, status=BrokerStatus.CANCELED)

    def positions(self) -> list[PositionRow]:
        held = []
        for key in KEYS:
            where = (key.exchange.value, key.symbol, PRODUCT_LETTERS[key.product])
            of_day = sum(
                row.filled_quantity * row.side.sign
                for row in self.orders.values()
                if (row.exchange, row.symbol, row.product) == where
            )
            left = self.carried.get(key, 0)
            if of_day or left:
                held.append(holding(key, of_day + left, left))
        return held


STEPS = st.lists(
    st.tuples(
        st.sampled_from(["place", "phone", "trade", "trade", "cancel", "book", "trades", "positions", "push"]),
        st.integers(0, 50),
        st.integers(1, 30),
        st.sampled_from(Side),
    ),
    max_size=40,
)


def play(account: Account, rounds: Rounds, steps: list[tuple[str, int, int, Side]]) -> list[Checked]:
    """Let the truth move between and during the rounds, which are read in their order; return every judgement."""
    checked: list[Checked] = []
    trades: Book[TradeRow] | None = None
    for step, which, quantity, side in steps:
        numbers = sorted(account.orders)
        number = numbers[which % len(numbers)] if numbers else ""
        key = KEYS[which % len(KEYS)]
        if step == "place":
            asked = order(
                command_id=f"c{len(account.orders)}",
                exchange=key.exchange,
                symbol=key.symbol,
                product=key.product,
                side=side,
                quantity=quantity,
                state=State.SENDING,
            )
            rounds.reconciler.orders.observe(asked)
            account.place(key, side, quantity, remarks_tag_of(asked.command))
        elif step == "phone":
            account.place(key, side, quantity, "")
        elif step == "trade" and number:
            account.trade(number, quantity)
        elif step == "cancel" and number:
            account.cancel(number)
        elif step == "push" and number:
            rounds.reconciler.reconcile_update(
                OrderUpdate(ReportType.UNKNOWN, account.orders[number], at(rounds.now_s + 0.5))
            )
        elif step == "book":
            compared = rounds.see(*account.orders.values())
            assert compared.whole
            checked += [compared.checked] if compared.checked is not None else []
            trades = None
        elif step == "trades":
            trades = Book(tuple(account.trades), at(rounds.now_s))
        elif step == "positions" and trades is not None:
            rounds.reconciler.keep(trades, Book(tuple(account.positions()), at(rounds.now_s)))
    return checked


@settings(max_examples=200)
@given(steps=STEPS, carried=st.integers(-20, 20))
def test_books_of_one_truth_agree_whatever_trades_while_they_are_read(
    steps: list[tuple[str, int, int, Side]], carried: int
) -> None:
    account = Account(carried={NRML: carried, MIS: carried})
    rounds = Rounds(Known(carried={NRML: carried, MIS: carried}))
    often = [step for one in steps for step in (one, ("book", 0, 1, Side.BUY), ("trades", 0, 1, Side.BUY))]

    for played in (steps, [*often, ("positions", 0, 1, Side.BUY), ("book", 0, 1, Side.BUY)]):
        for checked in play(account, rounds, played):
            assert checked == Checked((), (), ())


@given(steps=STEPS, stolen=st.integers(1, 9), key=st.sampled_from(KEYS))
def test_books_that_stay_apart_are_found_whatever_traded_before(
    steps: list[tuple[str, int, int, Side]], stolen: int, key: InstrumentKey
) -> None:
    account, rounds = Account(), Rounds()
    play(account, rounds, steps)
    rounds.see(*account.orders.values())
    positions = {(one.exchange, one.symbol, one.product): one for one in account.positions()}
    where = (key.exchange.value, key.symbol, PRODUCT_LETTERS[key.product])
    honest = positions.get(where, holding(key, 0))
    positions[where] = replace(honest, net_quantity=honest.net_quantity + stolen)

    checked = rounds.round(account.orders.values(), account.trades, positions.values())

    assert [(one.key, one.difference) for one in checked.breaks] == [(key, stolen)]
