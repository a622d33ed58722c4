"""Orders for the guard's ledger, and what it said of them."""

from dataclasses import replace
from typing import Any

from domain.orders.lifecycle import State
from domain.orders.order import Order
from domain.orders.reasons import Reason
from domain.orders.types import EXTERNAL, Exchange, InstrumentKey, Intent, Product, Side
from domain.positions.verdicts import GuardRefused, Reserved
from tests.fakes import command, order

KEY = InstrumentKey(Exchange.NSE, "RELIANCE-EQ", Product.MIS)
ENTRY = command(command_id="entry", quantity=100)


def way_out(name: str = "exit", quantity: int = 100, **overrides: object) -> Order:
    return order(command_id=name, intent=Intent.EXIT, side=Side.SELL, quantity=quantity, **overrides)


def filled(quantity: int = 100, **overrides: object) -> Order:
    return order(
        **(
            {"command_id": "entry", "quantity": quantity, "state": State.FILLED, "filled_quantity": quantity}
            | overrides
        )
    )


def reason_of(verdict: Reserved | GuardRefused) -> Reason | None:
    return verdict.reason if isinstance(verdict, GuardRefused) else None


def quantity_of(verdict: Reserved | GuardRefused) -> int:
    return verdict.quantity if isinstance(verdict, Reserved) else 0


def elsewhere(side: Side, quantity: int, name: str = "phone", **overrides: Any) -> Order:  # noqa: ANN401  any field
    """Return a filled order that others placed."""
    asked = command(command_id=name, side=side, quantity=quantity)
    made = {"state": State.FILLED, "filled_quantity": quantity} | overrides
    return order(command=replace(asked, strategy=EXTERNAL, unchecked=True), quantity=quantity, **made)
