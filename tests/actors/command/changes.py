"""What the tests of changes share: replies, and what a broker was asked and a book has told."""

from actors.messages.books import BooksReconciled
from actors.messages.broker import ChangeAtBroker
from domain.broker.reply_types import Refused, Unknown
from domain.orders.lifecycle import Event
from domain.orders.order import OrderEvent
from domain.orders.reasons import Reason
from domain.reconciliation.order_rows import Report
from tests.actors.rooms import CommandRoom

LOST = Unknown("no answer within 7 s")
NO = Refused(Reason.BROKER_REFUSED, "Order is not open to cancel")


def sent(room: CommandRoom) -> list[str]:
    return [one.change.change_id for one in room.broker.of(ChangeAtBroker)]


def fill(room: CommandRoom, quantity: int, name: str = "c1") -> None:
    """Let a book or an update tell that the order has traded."""
    event = Event.FILLED if quantity == room.orders[name].quantity else Event.PARTIALLY_FILLED
    room.tell(
        BooksReconciled(
            reports=(Report(name, OrderEvent(kind=event, filled_quantity=quantity)),),
            asked_at=room.clock.now(),
            whole=False,
        )
    )
    room.record()
