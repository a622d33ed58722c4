"""What the guard says to an order: so many units are held for it, or why none are."""

from collections.abc import Mapping
from dataclasses import dataclass

from domain.market.expiry import ContractOver
from domain.orders.command import OrderCommand
from domain.orders.reasons import Reason
from domain.orders.types import Intent
from domain.positions.already_exposed import AlreadyExposed
from domain.positions.books import StrategyBook
from domain.positions.nothing_to_exit import NothingToExit, OrderAtWork


@dataclass(frozen=True, slots=True)
class Reserved:
    """The guard's yes: this many units are now held for the order."""

    quantity: int
    inputs: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class GuardRefused:
    """The guard's no. `why` tells what stands in the way of an entry, or what there is instead of units to exit."""

    reason: Reason
    inputs: Mapping[str, str]
    why: AlreadyExposed | NothingToExit | ContractOver | None = None


def contract_over(command: OrderCommand, over: ContractOver, inputs: dict[str, str]) -> GuardRefused:
    """Refuse what can't be ordered any more; of an exit there is nothing left that it could close."""
    inputs |= {"last_day": over.last_day.isoformat()}
    if command.intent is Intent.EXIT:
        return GuardRefused(Reason.NOTHING_TO_EXIT, inputs, over)
    return GuardRefused(Reason.CONTRACT_EXPIRED, inputs)


def already_exposed(strategy: str, book: StrategyBook) -> AlreadyExposed:
    """Return what a strategy holds and works, which is why it may not enter."""
    held = tuple((key, units) for key, units in book.positions.items() if units)
    return AlreadyExposed(strategy=strategy, held=held, working=tuple(book.reservations))


def duplicate_or_exposed(book: StrategyBook, command: OrderCommand, inputs: dict[str, str]) -> GuardRefused | None:
    """Refuse an entry beside any exposure (check 2B), and two orders of one symbol and side (2C)."""
    if command.intent is Intent.ENTRY and book.has_exposure:
        unconfirmed = sum(reservation.unconfirmed for reservation in book.reservations.values())
        exposure = {"unconfirmed_orders": str(unconfirmed)}
        why = already_exposed(command.strategy, book)
        return GuardRefused(Reason.EXECUTION_GUARD_BLOCKED, inputs | exposure, why)
    for other, reservation in book.reservations.items():
        same_symbol = (reservation.key.exchange, reservation.key.symbol) == (command.exchange, command.symbol)
        if same_symbol and reservation.side is command.side:
            return GuardRefused(Reason.DUPLICATE_ORDER_BLOCKED, inputs | {"other_order": other})
    return None


def nothing_to_exit(
    book: StrategyBook, command: OrderCommand, held: int, closed_by_others: int, today: str
) -> NothingToExit:
    """Return what there is instead of units to exit."""
    orders = tuple(
        OrderAtWork(
            name,
            reservation.side,
            reservation.open_quantity,
            reservation.limit_price,
            reservation.unconfirmed,
            past_day=reservation.day if reservation.is_past(today) else "",
        )
        for name, reservation in book.reservations.items()
        if reservation.key == command.key and not reservation.is_gone(today)
    )
    return NothingToExit(
        strategy=command.strategy,
        key=command.key,
        side=command.side,
        held=held,
        orders=orders,
        closed_by_others=closed_by_others,
    )
