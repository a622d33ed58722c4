"""BasketsActor: what it does with a basket beside what is being made flat."""

import pytest

from actors.baskets import BasketsActor
from actors.messages.baskets import BasketAnswered, PositionLeaving, SubmitBasket
from actors.messages.guard import BasketReserved, ReleaseReservation, ReserveBasket
from actors.messages.orders import SubmitOrder
from domain.baskets import Basket, BasketRecord, BasketState
from domain.exits.flatten import PositionKey
from domain.orders.types import Exchange, Product, Side
from tests.fakes import FakeClock, FakeIds, ManualTimer, Probe, command, mailboxes, runtime

WING = command(
    command_id="wing", exchange=Exchange.NFO, symbol="NIFTY01DEC26C26500", product=Product.NRML, side=Side.BUY
)
SHORT = command(
    command_id="short", exchange=Exchange.NFO, symbol="NIFTY01DEC26C26000", product=Product.NRML, side=Side.SELL
)
BASKET = Basket(basket_id="b", strategy=WING.strategy, legs=(WING, SHORT))


class BasketsRoom:
    """A BasketsActor without a thread; guard and command are played by hand."""

    def __init__(self) -> None:
        self.clock = FakeClock()
        self.command, self.guard, self.exits, self.repo, self.notifier, self.caller = (Probe() for _ in range(6))
        self.actor = BasketsActor(
            mail=mailboxes(
                supervisor=Probe(),
                command=self.command,
                guard=self.guard,
                exits=self.exits,
                repo=self.repo,
                notifier=self.notifier,
            ),
            runtime=runtime(self.clock, ids=FakeIds(), timer=ManualTimer(self.clock)),
            client_id="FA1",
        )

    def submit(self) -> None:
        self.actor.on_receive(SubmitBasket(basket=BASKET, reply_to=self.caller))

    @property
    def states(self) -> list[BasketState]:
        return [one.state for one in self.repo.records(BasketRecord)]


@pytest.fixture
def room() -> BasketsRoom:
    return BasketsRoom()


def test_none_begins_beside_what_is_being_made_flat(room: BasketsRoom) -> None:
    room.actor.on_receive(
        PositionLeaving(position_key=PositionKey(WING.strategy, WING.key), reason="made flat: a person")
    )

    room.submit()

    assert room.guard.of(ReserveBasket) == []
    assert room.states == [BasketState.RUNNING, BasketState.STOPPED]
    message = room.caller.only(BasketAnswered).record.message
    assert "is being made flat: a person" in message
    assert room.command.of(SubmitOrder) == []


def test_one_begins_when_the_way_out_has_ended(room: BasketsRoom) -> None:
    leaving = PositionKey(WING.strategy, WING.key)
    room.actor.on_receive(PositionLeaving(position_key=leaving, reason="made flat: a person"))
    room.actor.on_receive(PositionLeaving(position_key=leaving, reason=""))

    room.submit()

    assert room.guard.only(ReserveBasket).legs == BASKET.legs


def test_one_that_is_stopped_before_it_is_reserved_sends_nothing_and_gives_all_back(room: BasketsRoom) -> None:
    room.submit()
    room.actor.on_receive(
        PositionLeaving(position_key=PositionKey(WING.strategy, WING.key), reason="made flat: a person")
    )

    room.actor.on_receive(BasketReserved(basket_id="b", refused=None))

    assert room.states[-1] is BasketState.STOPPED
    assert [one.command for one in room.guard.of(ReleaseReservation)] == [WING, SHORT]
    assert room.command.of(SubmitOrder) == []
