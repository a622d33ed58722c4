"""Sends what the exits want of orders: each exit and each change leaves by the way of all others.

A part of ExitsActor, in its thread.
"""

from decimal import Decimal
from typing import Final, TypeAlias

from actors.messages.changes import ChangeOrder
from actors.messages.orders import OrderAnswered, OrderDeclined, SubmitOrder
from actors.runtime.address import Address, post
from actors.runtime.mailboxes import Mailboxes, Runtime
from domain.orders.change import ChangeKind
from domain.orders.change_command import ChangeCommand
from domain.orders.command import OrderCommand
from domain.orders.types import Origin
from domain.orders.validation import COMMENT_CHARACTERS_MAX

ID_LENGTH_MAX: Final = 32

Caller: TypeAlias = "Address[OrderAnswered | OrderDeclined]"


class OrderSender:
    """Owns under which client id the exits send, and who hears what becomes of it."""

    def __init__(self, *, mail: Mailboxes, runtime: Runtime, client_id: str, caller: Caller) -> None:
        self.client_id = client_id
        self._command = mail.command
        self._ids = runtime.ids
        self._caller = caller

    def submit(self, command: OrderCommand) -> None:
        """Send an exit that was sized by a position."""
        post(self._command, SubmitOrder(command=command, reply_to=self._caller, from_position_only=True, is_new=True))

    def cancel(self, command_id: str, reason: str, origin: Origin = Origin.DESK) -> None:
        """Take an order back; the guard tells whether it is gone."""
        self.change(command_id, ChangeKind.CANCEL, reason, origin)

    def change(
        self,
        command_id: str,
        kind: ChangeKind,
        reason: str,
        origin: Origin = Origin.DESK,
        *,
        quantity: int | None = None,
        price: Decimal | None = None,
        trigger_price: Decimal | None = None,
        is_answered: bool = False,
    ) -> None:
        """Change an order; raise `InvalidOrderError` where the terms can't be written down.

        `is_answered`: the broker's answer is to be heard.
        """
        change = ChangeCommand(
            change_id=self._ids.new()[:ID_LENGTH_MAX],
            client_id=self.client_id,
            command_id=command_id,
            kind=kind,
            quantity=quantity,
            price=price,
            trigger_price=trigger_price,
            reason=reason[:COMMENT_CHARACTERS_MAX],
            origin=origin,
        )
        post(self._command, ChangeOrder(command=change, reply_to=self._caller if is_answered else None))
