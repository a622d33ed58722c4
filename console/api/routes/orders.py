"""The list of orders, which may be long: read and spelled out a few at a time, and never before a way out."""

import json
from collections.abc import Callable
from functools import partial
from typing import Annotated, Final, Protocol

from anyio import to_thread
from fastapi import APIRouter, Query
from fastapi.responses import Response

from console.api.priority_lanes import PriorityLanes
from console.views.response_types import OrdersAnswer
from console.views.serializers import order_form
from domain.orders.order import Order

ORDERS_MAX: Final = 10_000
SPELLED_AT_ONCE: Final = 25
SHORT: Final = 200
"""So many are no long list. Neither that nor a named order, which a cancel is about, waits behind one."""


class ListingDesk(Protocol):
    """What the list asks of a desk."""

    def orders(
        self,
        limit: int,
        *,
        open_only: bool = False,
        reference: str | None = None,
        between: Callable[[], None] = lambda: None,
    ) -> tuple[Order, ...]:
        """Return orders, newest first, or those that `reference` may mean; call `between` again and again meanwhile."""


def add_listing(guarded: APIRouter, desk: ListingDesk, lanes: PriorityLanes) -> None:
    """Add the list of orders."""

    @guarded.get("/orders", summary="The orders, newest first", response_model=OrdersAnswer)
    async def orders(
        limit: Annotated[int, Query(ge=1, le=ORDERS_MAX)] = 50,
        open: bool = False,  # noqa: A002, FBT001, FBT002  the query's word is the caller's
        ref: str | None = None,
    ) -> Response:
        """`open` leaves out those that are over; `ref` is the start of a command id, or a broker order id."""
        lane = lanes.list if ref is None and limit > SHORT else to_thread.run_sync
        return await lane(partial(_listed, desk, lanes, limit, ref, open_only=open))


def _listed(desk: ListingDesk, lanes: PriorityLanes, limit: int, ref: str | None, *, open_only: bool) -> Response:
    """Spell the orders out here, one by one, where nobody else waits, and let every way out go first."""
    orders = desk.orders(limit, open_only=open_only, reference=ref, between=lanes.let_out)
    spelled = []
    for number, one in enumerate(orders):
        if number % SPELLED_AT_ONCE == 0:
            lanes.let_out()
        spelled.append(json.dumps(order_form(one)))
    return Response(f'{{"orders":[{",".join(spelled)}]}}', media_type="application/json")
