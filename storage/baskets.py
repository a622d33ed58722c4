"""The rows of baskets: what was asked for as JSON, and how it stands."""

import json
import sqlite3
from typing import Any, Final

from domain.baskets import Basket, BasketRecord, BasketState, OnFailure, Pace
from domain.orders.command import OrderCommand
from storage.rows import to_moment, to_text

ENDED_MAX: Final = 200
"""So many ended baskets a start takes up, for repeats of their ids and for people."""

_KEEP: Final = (
    "INSERT INTO baskets (client_id, basket_id, strategy, asked_at, given, state, message) VALUES (?, ?, ?, ?, ?, ?, ?)"
    " ON CONFLICT (client_id, basket_id) DO UPDATE SET state = excluded.state, message = excluded.message"
    " WHERE baskets.state = 'RUNNING'"
)


def keep_basket(connection: sqlite3.Connection, client_id: str, record: BasketRecord) -> None:
    """Keep a basket as it stands; one that has ended has ended."""
    basket = record.basket
    given = {
        "legs": [_leg_form(leg) for leg in basket.legs],
        "pace": basket.pace.value,
        "on_failure": basket.on_failure.value,
        "hedge_first": basket.hedge_first,
        "leg_wait_s": basket.leg_wait_s,
        "reason": basket.reason,
    }
    asked = (basket.basket_id, basket.strategy, to_text(record.asked_at), json.dumps(given))
    connection.execute(_KEEP, (client_id, *asked, record.state.value, record.message))


def read_baskets(connection: sqlite3.Connection, client_id: str) -> tuple[BasketRecord, ...]:
    """Return the baskets that are open and the last that ended, oldest first."""
    rows = connection.execute(
        "SELECT basket_id, strategy, asked_at, given, state, message FROM baskets WHERE client_id = ?"
        " ORDER BY state = 'RUNNING' DESC, id DESC LIMIT ?",
        (client_id, ENDED_MAX),
    ).fetchall()
    return tuple(_record(*row) for row in reversed(rows))


def _record(basket_id: str, strategy: str, asked_at: str, given: str, state: str, message: str) -> BasketRecord:
    asked: dict[str, Any] = json.loads(given)
    basket = Basket(
        basket_id=basket_id,
        strategy=strategy,
        legs=tuple(OrderCommand.parse(leg, unchecked=True) for leg in asked["legs"]),
        pace=Pace(asked["pace"]),
        on_failure=OnFailure(asked["on_failure"]),
        hedge_first=asked["hedge_first"],
        leg_wait_s=asked["leg_wait_s"],
        reason=asked["reason"],
    )
    return BasketRecord(basket=basket, state=BasketState(state), message=message, asked_at=to_moment(asked_at))


def _leg_form(leg: OrderCommand) -> dict[str, str]:
    return {name: str(value) for name, value in leg.as_given().items() if value is not None}
