"""The rows of baskets: what was asked for as JSON, and how it stands."""

import json
from typing import Any, Final

import peewee

from domain.baskets import Basket, BasketRecord, BasketState, OnFailure, Pace
from domain.orders.command import OrderCommand
from storage.models import BasketTable as Row

ENDED_MAX: Final = 200
"""So many ended baskets a start takes up, for repeats of their ids and for people."""


class Baskets:
    """Owns one client's rows of baskets."""

    def __init__(self, database: peewee.SqliteDatabase, client_id: str) -> None:
        self._database = database
        self._client_id = client_id

    def keep(self, record: BasketRecord) -> None:
        """Keep a basket as it stands; one that has ended has ended."""
        basket = record.basket
        Row.insert(
            client_id=self._client_id,
            basket_id=basket.basket_id,
            strategy=basket.strategy,
            asked_at=record.asked_at,
            given=_given_text(basket),
            state=record.state.value,
            message=record.message,
        ).on_conflict(
            conflict_target=[Row.client_id, Row.basket_id],
            preserve=[Row.state, Row.message],
            where=Row.state == BasketState.RUNNING.value,
        ).execute(self._database)

    def read(self) -> tuple[BasketRecord, ...]:
        """Return the baskets that are open and the last that ended, oldest first."""
        is_open = Row.state == BasketState.RUNNING.value
        rows = Row.select().where(Row.client_id == self._client_id).order_by(is_open.desc(), Row.id.desc())
        return tuple(map(_record, reversed(list(rows.limit(ENDED_MAX).execute(self._database)))))


def _given_text(basket: Basket) -> str:
    return json.dumps(
        {
            "legs": [_leg_form(leg) for leg in basket.legs],
            "pace": basket.pace.value,
            "on_failure": basket.on_failure.value,
            "hedge_first": basket.hedge_first,
            "leg_wait_s": basket.leg_wait_s,
            "reason": basket.reason,
        }
    )


def _record(row: Row) -> BasketRecord:
    asked: dict[str, Any] = json.loads(row.given)
    basket = Basket(
        basket_id=row.basket_id,
        strategy=row.strategy,
        legs=tuple(OrderCommand.parse(leg, unchecked=True) for leg in asked["legs"]),
        pace=Pace(asked["pace"]),
        on_failure=OnFailure(asked["on_failure"]),
        hedge_first=asked["hedge_first"],
        leg_wait_s=asked["leg_wait_s"],
        reason=asked["reason"],
    )
    return BasketRecord(basket=basket, state=BasketState(row.state), message=row.message, asked_at=row.asked_at)


def _leg_form(leg: OrderCommand) -> dict[str, str]:
    return {name: str(value) for name, value in leg.as_given().items() if value is not None}
