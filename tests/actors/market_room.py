from dataclasses import replace
from datetime import datetime
from decimal import Decimal

from actors.market import MarketActor
from actors.messages.books import PositionsRead
from actors.messages.broker import LookedUp, LookUp
from actors.messages.market import (
    AnswerExit,
    LookUpWatched,
    OrderPriced,
    PriceOrder,
    PriceSeen,
)
from domain.broker.reply_types import InstrumentReply, PriceReply, Unavailable
from domain.broker.snapshots import Book, PositionRow, Tick
from domain.exits.pricing import ExitShape
from domain.market.knowledge import Want
from domain.orders.types import Exchange, Side
from tests.actors.rooms import own_mailbox
from tests.fakes import FakeClock, FakeFeed, ManualTimer, Probe, instrument, mailboxes, runtime

SHARE = instrument()
BANDED = instrument(lower_circuit=Decimal(60), upper_circuit=Decimal(240))
AWAY = Unavailable("Invalid Input :  Order Recieved 121 in a current minute exceeds Limit 120", FakeClock().now())


class MarketRoom:
    """A MarketActor without a thread."""

    def __init__(self) -> None:
        self.clock = FakeClock()
        self.supervisor, self.command, self.broker, self.risk, self.notifier = (Probe() for _ in range(5))
        self.feed = FakeFeed()
        self.timer = ManualTimer(self.clock)
        self.actor = MarketActor(
            mail=mailboxes(
                supervisor=self.supervisor,
                command=self.command,
                broker=self.broker,
                risk=self.risk,
                notifier=self.notifier,
            ),
            runtime=runtime(self.clock, timer=self.timer),
            feed=self.feed,
            remembered={},
        )
        self.mailbox = own_mailbox(self.actor)

    def ask(self, *names: str, needs_price: bool = True) -> None:
        for name in names:
            self.actor.on_receive(
                PriceOrder(command_id=name, exchange=Exchange.NSE, symbol="RELIANCE-EQ", needs_price=needs_price)
            )

    def found(self, reply: InstrumentReply = SHARE) -> None:
        self.actor.on_receive(LookedUp(exchange=Exchange.NSE, symbol="RELIANCE-EQ", want=Want.INSTRUMENT, reply=reply))

    def read(self, reply: PriceReply | None = None) -> None:
        reply = reply or self.tick(100)
        self.actor.on_receive(LookedUp(exchange=SHARE.exchange, symbol=SHARE.symbol, want=Want.PRICE, reply=reply))

    def tick(self, price: int) -> Tick:
        return Tick(exchange=Exchange.NSE, symbol="RELIANCE-EQ", last_price=Decimal(price), seen_at=self.clock.now())

    def see(self, price: int, called: str = "") -> None:
        self.actor.on_receive(PriceSeen(tick=replace(self.tick(price), called=called)))

    def ask_out(self, name: str = "out", quantity: int = 10, price: Decimal | None = None) -> None:
        shape = ExitShape(side=Side.SELL, quantity=quantity, price=price)
        self.actor.on_receive(
            PriceOrder(command_id=name, exchange=Exchange.NSE, symbol="RELIANCE-EQ", needs_price=True, exit=shape)
        )

    def show(self, price: int | None, token: str = "", units: int = 10, asked_at: datetime | None = None) -> None:
        row = PositionRow(
            exchange="NSE",
            symbol="RELIANCE-EQ",
            product="I",
            net_quantity=units,
            net_average_price=Decimal(90),
            last_price=None if price is None else Decimal(price),
            realised=Decimal(0),
            unrealised=Decimal(0),
            token=token,
            tick=Decimal("0.10"),
            lot=5,
        )
        self.actor.on_receive(PositionsRead(book=Book((row,), asked_at or self.clock.now())))

    def wait(self, seconds: float) -> None:
        self.clock.advance(seconds)
        self.timer.fire_due()
        for late in self.mailbox.of(AnswerExit):
            self.actor.on_receive(late)
        for look in self.mailbox.of(LookUpWatched):
            self.actor.on_receive(look)
        self.mailbox.messages.clear()

    @property
    def asked(self) -> list[Want]:
        """What the broker was asked for."""
        return [Want.INSTRUMENT if one.instrument is None else Want.PRICE for one in self.broker.of(LookUp)]

    @property
    def way_out(self) -> OrderPriced:
        (told,) = [one for one in self.command.of(OrderPriced) if one.command_id == "out"]
        return told

    @property
    def prices(self) -> dict[str, Decimal | None]:
        return {one.command_id: one.last_price for one in self.command.of(OrderPriced)}
