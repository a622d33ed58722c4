"""Exits hold, for any order of events: the real ledger and the real flatten tasks against a small model of an exchange.

Two strategies enter, are filled in part, exit by themselves and are made flat, while the phone trades the same symbol,
orders are rejected or lost and found, and the desk is restarted, its ledger rebuilt from the orders alone.
"""

from dataclasses import dataclass, field, replace

from hypothesis import given, settings
from hypothesis import strategies as st

from domain.exits.flatten import CancelOrders, Exposure, Flat, FlattenRequest, FlattenTask, PositionKey, SendExit
from domain.orders.command import OrderCommand
from domain.orders.lifecycle import State
from domain.orders.order import Order
from domain.orders.types import EXTERNAL, Intent, Origin, Side
from domain.positions.ledger import GuardLedger
from domain.positions.verdicts import Reserved
from domain.settings import ExitSettings
from tests.fakes import TEN_O_CLOCK, command, order

STRATEGIES = ("one", "two")
KEY = command().key
SETTINGS = ExitSettings(unfilled_s=2, cancel_again_s=1, retry_s=0.5, retry_s_max=1, flat_for_s=0.2, cancel_wait_s=1)


@dataclass(slots=True)
class World:
    """Owns the exchange's truth (what has traded), every order, the desk's ledger, and the flatten tasks."""

    orders: dict[str, Order] = field(default_factory=dict)
    ledger: GuardLedger = field(default_factory=GuardLedger)
    tasks: dict[PositionKey, FlattenTask] = field(default_factory=dict)
    account: int = 0
    now: float = 0.0
    count: int = 0

    def place(self, asked: OrderCommand) -> None:
        """Let the guard judge an order, and send it when it says yes."""
        verdict = self.ledger.reserve(asked)
        if not isinstance(verdict, Reserved):
            return
        made = order(command_id=asked.command_id, quantity=verdict.quantity, side=asked.side, state=State.WORKING)
        self.move(replace(made, command=asked))
        self.check_exits(asked)

    def check_exits(self, asked: OrderCommand) -> None:
        """No exit may be let through beyond what its strategy holds, nor all together beyond what others left."""
        if asked.intent is not Intent.EXIT:
            return
        working = [one for one in self.orders.values() if one.command.intent is Intent.EXIT and not one.is_terminal]
        for strategy in STRATEGIES:
            own = sum(one.open_quantity for one in working if one.command.strategy == strategy)
            assert own <= abs(self.held(strategy)), f"{strategy} sells {own} of {self.held(strategy)}"
        ways = [one for one in working if one.command.side is asked.side]
        ours = sum(max(0, self.held(strategy) * -asked.side.sign) for strategy in STRATEGIES)
        assert sum(one.open_quantity for one in ways) <= ours

    def held(self, strategy: str) -> int:
        return self.ledger.positions().get(strategy, {}).get(KEY, 0)

    def move(self, moved: Order) -> None:
        self.orders[moved.command.command_id] = moved
        self.ledger.observe(moved)

    def fill(self, name: str, units: int) -> None:
        before = self.orders[name]
        units = min(units, before.open_quantity)
        filled = before.filled_quantity + units
        state = State.FILLED if filled == before.quantity else State.PARTIALLY_FILLED
        self.account += units * before.command.side.sign
        self.move(replace(before, filled_quantity=filled, state=state, average_price=before.limit_price))

    def end(self, name: str, state: State) -> None:
        self.move(replace(self.orders[name], state=state))

    def phone(self, side: Side, units: int) -> None:
        self.count += 1
        name = f"phone{self.count}"
        made = order(command_id=name, side=side, quantity=units, state=State.FILLED, filled_quantity=units)
        theirs = replace(made.command, strategy=EXTERNAL, unchecked=True)
        self.account += units * side.sign
        self.move(replace(made, command=theirs))

    def restart(self) -> None:
        self.ledger = GuardLedger(orders=self.orders.values())

    def request(self, strategy: str) -> None:
        position_key = PositionKey(strategy, KEY)
        if position_key not in self.tasks:
            self.count += 1
            asked = FlattenRequest(
                request_id=f"w{self.count}",
                position_key=position_key,
                reason="x",
                origin=Origin.DESK,
                asked_at=TEN_O_CLOCK,
            )
            self.tasks[position_key] = FlattenTask(asked, f"exit{self.count}", self.now, SETTINGS)

    def look(self) -> list[str]:
        """Let each flatten task take its step; return the orders it wants back."""
        self.now += 0.1
        back: list[str] = []
        for position_key, task in list(self.tasks.items()):
            exposure = self.ledger.exposures().get(position_key, Exposure())
            step = task.next_step(exposure, self.now)
            if isinstance(step, Flat):
                del self.tasks[position_key]
            elif isinstance(step, CancelOrders):
                back += step.command_ids
            elif isinstance(step, SendExit):
                way_out = command(
                    command_id=step.command_id,
                    strategy=position_key.strategy,
                    intent=Intent.EXIT,
                    side=step.side,
                    quantity=step.quantity,
                )
                self.place(way_out)
                task.answered(step.command_id)
        return back

    @property
    def working(self) -> list[str]:
        return [name for name, one in self.orders.items() if not one.is_terminal]

    def happen(self, kind: str, strategy: str, data: st.DataObject) -> None:
        """Let something happen; what can't happen now does not."""
        self.count += 1
        name = f"o{self.count}"
        asked = {"command_id": name, "strategy": strategy}
        match kind:
            case "enter":
                self.place(command(**asked, side=data.draw(SIDES), quantity=10))
            case "exit":
                side = Side.SELL if self.held(strategy) > 0 else Side.BUY
                self.place(command(**asked, intent=Intent.EXIT, side=side, quantity=data.draw(st.integers(1, 20))))
            case "request":
                self.request(strategy)
            case "look":
                self.look()
            case "phone":
                self.phone(data.draw(SIDES), data.draw(st.integers(1, 15)))
            case "restart":
                live = self.ledger
                self.restart()
                assert self.ledger.positions() == live.positions(), "rebuilt from the orders alone"
            case _:
                if self.working:
                    self.move_one(kind, data.draw(st.sampled_from(self.working)), data)

    def move_one(self, kind: str, name: str, data: st.DataObject) -> None:
        if kind == "fill":
            self.fill(name, data.draw(st.integers(1, 10)))
        else:
            self.end(name, ENDS[kind])


SIDES = st.sampled_from(Side)
ENDS = {"cancel": State.CANCELED, "reject": State.REJECTED, "lose": State.UNCONFIRMED}
KINDS = st.sampled_from(["enter", "fill", "fill", *ENDS, "exit", "request", "look", "phone", "restart"])


@settings(deadline=None, max_examples=200)
@given(st.data())
def test_exits_never_sell_more_than_is_held_and_every_wish_ends_flat(data: st.DataObject) -> None:
    world = World()
    for _ in range(data.draw(st.integers(0, 40))):
        world.happen(data.draw(KINDS), data.draw(st.sampled_from(STRATEGIES)), data)
        total = sum(held.get(KEY, 0) for held in world.ledger.positions().values())
        assert total == world.account, "strategies and EXTERNAL add up to the account"

    for strategy in STRATEGIES:
        world.request(strategy)
    for _ in range(3_000):
        for name in world.look():
            if not world.orders[name].is_terminal:
                world.end(name, State.CANCELED)
        for name in world.working:
            if world.orders[name].command.intent is Intent.EXIT:
                world.fill(name, world.orders[name].open_quantity)
        if not world.tasks:
            break
    assert not world.tasks, "a request to be flat did not end"
    assert world.ledger.exposures() == {}
