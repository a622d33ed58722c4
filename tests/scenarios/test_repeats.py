"""D6, the narrow moment: an id that comes again while the first order's answer is being written.

The repeat's question to the market is answered between the first order's last write and the word that the id was
known. No thread can be made to do this at will, so the command actor is led through it message by message.
"""

from actors.command.actor import CommandActor, CommandLimits
from actors.messages.books import BooksReconciled
from actors.messages.broker import BrokerAnswered, PlaceOrder, SessionChanged
from actors.messages.market import OrderPriced
from actors.messages.orders import OrderAnswered, SubmitOrder
from actors.messages.persistence import EventRecorded, OrderRegistered, RegistrationFailed
from actors.messages.risk import CheckRisk, RiskApproved
from domain.broker.reply_types import Accepted
from domain.broker.session import SessionState
from domain.orders.lifecycle import Event
from domain.orders.order import Order, OrderEvent
from tests.actors.rooms import looked_up
from tests.fakes import TEN_O_CLOCK, FakeClock, ManualTimer, Probe, command, instrument, mailboxes, order, runtime

ACCEPT = OrderEvent(kind=Event.ACCEPTED, broker_order_id="1")
SEND = OrderEvent(kind=Event.SENT)


def test_a_repeat_that_meets_the_first_orders_last_write_is_no_second_order() -> None:
    risk, broker, caller = Probe(), Probe(), Probe()
    actor = _actor(risk, broker)
    given = command()
    created = order(command=given)
    priced = OrderPriced(command_id=given.command_id, instrument=instrument(), last_price=None)
    working = _lead_to_the_brokers_answer(actor, created, priced)
    risk.take()
    broker.take()

    actor.on_receive(SubmitOrder(command=given, reply_to=caller))
    actor.on_receive(EventRecorded(order=working, event=ACCEPT, late=False))
    actor.on_receive(priced)
    actor.on_receive(looked_up(working))

    assert risk.of(CheckRisk) == []
    assert broker.of(PlaceOrder) == []
    assert caller.only(OrderAnswered) == OrderAnswered(order=working, repeated=True)


def _actor(risk: Probe, broker: Probe) -> CommandActor:
    clock = FakeClock()
    actor = CommandActor(
        mail=mailboxes(
            supervisor=Probe(),
            repo=Probe(),
            market=Probe(),
            risk=risk,
            guard=Probe(),
            broker=broker,
            watcher=Probe(),
            exits=Probe(),
            notifier=Probe(),
        ),
        runtime=runtime(clock, timer=ManualTimer(clock)),
        limits=CommandLimits(orders_waiting_max=10, books_unavailable_s_max=5.0, silence_s_max=3_600.0),
        calendar=None,
    )
    actor.on_receive(SessionChanged(state=SessionState.LOGGED_IN, message="logged in"))
    actor.on_receive(BooksReconciled(reports=(), asked_at=clock.now()))
    return actor


def _lead_to_the_brokers_answer(actor: CommandActor, created: Order, priced: OrderPriced) -> Order:
    name = created.command.command_id
    sending = created.after(SEND, TEN_O_CLOCK)
    actor.on_receive(SubmitOrder(command=created.command, reply_to=Probe()))
    actor.on_receive(OrderRegistered(order=created))
    actor.on_receive(priced)
    actor.on_receive(RiskApproved(command_id=name, inputs={}))
    actor.on_receive(EventRecorded(order=sending, event=SEND, late=False))
    actor.on_receive(BrokerAnswered(command_id=name, reply=Accepted("1")))
    return sending.after(ACCEPT, TEN_O_CLOCK)


def test_an_order_whose_price_is_told_twice_goes_on_once() -> None:
    """A first try that the database did not take has asked the market too, and both answers come."""
    risk, broker = Probe(), Probe()
    actor = _actor(risk, broker)
    given = command()
    priced = OrderPriced(command_id=given.command_id, instrument=instrument(), last_price=None)
    actor.on_receive(SubmitOrder(command=given, reply_to=Probe()))
    actor.on_receive(RegistrationFailed(command_id=given.command_id, cause="the disk is full"))

    actor.on_receive(SubmitOrder(command=given, reply_to=Probe()))
    actor.on_receive(OrderRegistered(order=order(command=given)))
    actor.on_receive(priced)
    actor.on_receive(priced)

    assert len(risk.of(CheckRisk)) == 1
