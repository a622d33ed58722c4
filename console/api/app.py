"""The loopback HTTP API over a running desk: one bearer token, JSON in and out, a sentence in every error.

Handlers are plain functions, so that FastAPI runs each in a thread of its own: the desk's questions wait.
"""

import asyncio
from functools import partial
from typing import Annotated, Protocol

from anyio import to_thread
from fastapi import APIRouter, Depends, FastAPI, Header, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import HTMLResponse, JSONResponse
from fastapi.security import HTTPBearer
from loguru import logger
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect

from actors.desk_interface import Status
from actors.errors import DeskUnavailableError
from actors.messages.books import PositionsRead
from actors.messages.orders import OrderAnswered, OrderDeclined
from actors.runtime.clock import SystemClock
from console.api.auth import Door
from console.api.openapi import (
    BODY_REFUSALS,
    OPEN_REFUSALS,
    POLICY,
    REFUSALS,
    DescribedApi,
    page_of,
    refuses,
    takes,
)
from console.api.priority_lanes import PriorityLanes
from console.api.request_models import OrderBody, TradingStateBody
from console.api.request_reader import body_of
from console.api.responses import Outcome, goes_on_until_flat, not_known_in_time, outcome_of
from console.api.routes.alerts import AlertingDesk, add_alerts
from console.api.routes.baskets import BasketDesk, add_baskets
from console.api.routes.changes import ChangingDesk, add_changes
from console.api.routes.flatten import ExitingDesk, add_exits
from console.api.routes.orders import ListingDesk, add_listing
from console.api.routes.positions import CorrectingDesk, add_corrections
from console.api.routes.stops import ProtectingDesk, add_stops
from console.errors import ApiError
from console.views.desk_response_types import HealthForm, PositionsForm, StatusForm, TradingForm
from console.views.response_types import OrderForm, OutcomeAnswer, TimelineForm
from console.views.serializers import order_form, positions_form, timeline_form, trading_form
from console.views.status import health_form, status_form
from console.views.text import as_sentence
from domain.exits.flatten import PositionKey
from domain.orders.command import OrderCommand
from domain.orders.text import could_not_leave
from domain.orders.types import Intent
from domain.ports import Clock
from domain.read_models import Holdings, PnlNow, Timeline, TradingStateNow
from domain.risk.checks import TradingState
from domain.settings import Settings

HEALTH_KEPT_S = 1.0
"""So long an answer of /health stands: strangers may ask, and cost the desk nothing."""
HEALTH_WAIT_S = 2.0


class RunningDesk(
    ListingDesk, ChangingDesk, ExitingDesk, ProtectingDesk, AlertingDesk, CorrectingDesk, BasketDesk, Protocol
):
    """What the API may ask of a desk."""

    def submit(self, command: OrderCommand, wait_s: float) -> OrderAnswered | OrderDeclined | None:
        """Send an order and wait for the outcome of steps 1 to 5."""

    def timeline(self, command_id: str) -> Timeline | None:
        """Return an order with its journal."""

    def holdings(self) -> Holdings:
        """Return what each strategy holds."""

    def broker_positions(self) -> PositionsRead | None:
        """Return the account's positions."""

    def set_trading_state(self, state: TradingState, reason: str, *, force: bool = False) -> TradingStateNow:
        """Turn trading."""

    def pnl(self) -> PnlNow:
        """Return how the day stands."""

    def status(self) -> Status:
        """Return the desk at a glance."""


_BEARER = HTTPBearer(auto_error=False)
"""Says in the description of the API that a token is asked for. `console/api/auth.py` asks for it."""


async def _known_parameters(request: Request) -> None:
    """Refuse a query word that the route does not know: a misspelled limit is no limit."""
    known = {one.alias for one in request.scope["route"].dependant.query_params}
    unknown = sorted(set(request.query_params) - known)
    if unknown:
        message = f"the words are: {', '.join(sorted(known))}" if known else "it takes none"
        raise ApiError(422, f"unknown query word {unknown[0]!r}; {message}")


def make_api(desk: RunningDesk, settings: Settings, token: str, clock: Clock | None = None) -> FastAPI:
    """Return the API of this desk; everything but /health and the documentation asks for `token`."""
    clock = clock or SystemClock()
    api = DescribedApi(
        title="Shoonya Desk", description="Orders of one trading account.", docs_url=None, redoc_url=None
    )
    guarded = APIRouter(dependencies=[Depends(_BEARER), Depends(_known_parameters)], responses=REFUSALS)
    lanes = PriorityLanes()
    _add_orders(guarded, desk, settings, lanes)
    add_listing(guarded, desk, lanes)
    add_changes(guarded, desk, settings, lanes)
    add_exits(guarded, desk, lanes)
    add_stops(guarded, desk)
    add_alerts(guarded, desk)
    add_corrections(guarded, desk)
    add_baskets(guarded, desk, settings)
    _add_reading(guarded, desk, settings, clock)
    _add_trading(guarded, desk, lanes)
    api.include_router(guarded)
    _add_health(api, _Health(desk, clock))
    _add_page(api)
    _add_errors(api)
    api.add_middleware(Door, token=token)
    return api


def _add_orders(guarded: APIRouter, desk: RunningDesk, settings: Settings, lanes: PriorityLanes) -> None:
    @guarded.post(
        "/orders",
        summary="Send an order",
        response_model=OutcomeAnswer,
        openapi_extra=takes(OrderBody),
        responses={**BODY_REFUSALS, **refuses(202, 409, 502)},
    )
    async def submit(
        body: Annotated[OrderBody, Depends(body_of(OrderBody))], idempotency_key: Annotated[str | None, Header()] = None
    ) -> JSONResponse:
        """Answer when the outcome of steps 1 to 5 is known, or with the state so far.

        200 accepted, 202 unconfirmed, 409 blocked, 422 invalid, 502 refused by the broker, 503 not ready. With
        `until_flat` an EXIT that finds no way to the broker is made flat by the desk, all that is held: 202.
        """
        command = body.order(idempotency_key, settings.client_id)
        lane = lanes.get_out if command.intent is Intent.EXIT else lanes.enter
        return await lane(partial(_answer_to, command, until_flat=body.until_flat))

    def _answer_to(command: OrderCommand, *, until_flat: bool) -> JSONResponse:
        wait_s = settings.api.answer_wait_s_max
        answer = desk.submit(command, wait_s)
        if answer is None:
            so_far = desk.timeline(command.command_id)
            outcome = not_known_in_time(command, so_far.order if so_far else None, wait_s)
        else:
            outcome = outcome_of(answer, command)
        if until_flat and outcome.order is not None and could_not_leave(outcome.order):
            first = outcome.order.command
            desk.see_to_flat((PositionKey(first.strategy, first.key),), f"exit {first.command_id} could not leave")
            outcome = goes_on_until_flat(outcome, outcome.order, stored=desk.is_stored())
        return JSONResponse(outcome.body(), outcome.http_status)

    @guarded.get("/orders/{command_id}", summary="One order", responses=refuses(404))
    def order(command_id: str) -> OrderForm:
        """Return every field of the order with exactly this command id."""
        return order_form(_known(desk, command_id).order)

    @guarded.get("/orders/{command_id}/timeline", summary="Why an order stands where it stands", responses=refuses(404))
    def timeline(command_id: str) -> TimelineForm:
        """Return the order's journal: each decision with its inputs, its reason, and a sentence."""
        return timeline_form(_known(desk, command_id), settings.proof.books)


def _known(desk: RunningDesk, command_id: str) -> Timeline:
    found = desk.timeline(command_id)
    if found is None:
        raise ApiError(404, f"there is no order {command_id!r}; GET /orders lists the newest", command_id)
    return found


def _add_reading(guarded: APIRouter, desk: RunningDesk, settings: Settings, clock: Clock) -> None:
    @guarded.get("/positions", summary="What is held")
    def positions() -> PositionsForm:
        """Return each strategy's positions from our fills, the account's as the broker has them, and the day's P&L."""
        return positions_form(desk.holdings(), desk.broker_positions(), desk.pnl())

    @guarded.get("/status", summary="The desk at a glance")
    def status() -> StatusForm:
        """Return trading, readiness with all that speaks against it, what is in flight, and how the broker is seen."""
        return status_form(settings, desk.status(), clock.now())


def _add_trading(guarded: APIRouter, desk: RunningDesk, lanes: PriorityLanes) -> None:
    @guarded.post(
        "/trading-state",
        summary="Halt, exits only, or resume",
        openapi_extra=takes(TradingStateBody),
        responses={**BODY_REFUSALS, **refuses(409)},
    )
    async def turn(body: Annotated[TradingStateBody, Depends(body_of(TradingStateBody))]) -> TradingForm:
        """Turn trading to ACTIVE, EXITS_ONLY or HALTED; `reason` is kept with it. `force` passes a broken limit.

        The answer says what is in force, and with `stored` whether a restart would know of it.
        """
        force = body.force is True
        now = await lanes.get_out(partial(desk.set_trading_state, body.state, body.reason, force=force))
        if now.refused:
            raise ApiError(409, f"Trading is not resumed: {now.refused}.")
        return trading_form(now)


class _Health:
    """Owns the last answer of /health, and when it was given (monotonic seconds). It asks once at a time."""

    def __init__(self, desk: RunningDesk, clock: Clock) -> None:
        self._desk = desk
        self._clock = clock
        self._asking: asyncio.Task[HealthForm] | None = None
        self._told_at = 0.0

    async def shown(self) -> HealthForm:
        """Return how the desk stands, as of at most a second ago; raise `DeskUnavailableError` where it is slow."""
        if self._asking is None or (self._asking.done() and self._clock.monotonic() >= self._told_at + HEALTH_KEPT_S):
            self._asking = asyncio.create_task(self._ask())
        try:
            return await asyncio.wait_for(asyncio.shield(self._asking), HEALTH_WAIT_S)
        except TimeoutError:
            raise DeskUnavailableError(f"the desk did not answer within {HEALTH_WAIT_S:g} s") from None

    async def _ask(self) -> HealthForm:
        try:
            return await to_thread.run_sync(lambda: health_form(self._desk.status(), self._clock.now()))
        finally:
            self._told_at = self._clock.monotonic()


def _add_health(api: FastAPI, health: _Health) -> None:
    @api.get(
        "/health",
        summary="Does the desk take orders?",
        response_model=HealthForm,
        responses={**OPEN_REFUSALS, **refuses(503, answer=HealthForm | OutcomeAnswer)},
    )
    async def healthy() -> JSONResponse:
        """Answer 200 when entries are taken, else 503 with the kinds of blockers: no token, no words of the account."""
        shown = await health.shown()
        return JSONResponse(shown, 200 if shown["ready"] else 503)


def _add_page(api: FastAPI) -> None:
    @api.get("/docs", include_in_schema=False)
    async def page() -> HTMLResponse:
        return HTMLResponse(page_of(api.openapi()), headers={"Content-Security-Policy": POLICY})


def _add_errors(api: FastAPI) -> None:
    def refuse(_request: Request, error: Exception) -> JSONResponse:
        assert isinstance(error, ApiError)
        return _refusal(error.http_status, error.sentence, error.command_id)

    def refuse_query(_request: Request, error: Exception) -> JSONResponse:
        assert isinstance(error, RequestValidationError)
        first = error.errors()[0]
        return _refusal(422, f"{first['loc'][-1]}: {first['msg']}; see /docs")

    def refuse_route(request: Request, error: Exception) -> JSONResponse:
        assert isinstance(error, HTTPException)
        sentence = f"{request.method} {request.url.path}: {error.detail}; /docs lists what there is"
        answer = _refusal(error.status_code, sentence)
        answer.headers.update(error.headers or {})
        return answer

    def let_go(_request: Request, _error: Exception) -> JSONResponse:
        """Answer nobody: the caller left before the request was whole."""
        return _refusal(400, "the request was not whole; nothing was done")

    def tell_why(request: Request, error: Exception) -> JSONResponse:
        logger.warning("{} {} could not be answered: {}", request.method, request.url.path, error)
        return _refusal(503, as_sentence(str(error)))

    def admit(_request: Request, error: Exception) -> JSONResponse:
        logger.error("a request failed: {!r}", error)
        sentence = "the desk did not answer; its log says why, and `status` whether it still runs. Nothing is certain"
        return _refusal(500, f"{sentence}: ask for the order again before you send another.")

    api.add_exception_handler(ApiError, refuse)
    api.add_exception_handler(RequestValidationError, refuse_query)
    api.add_exception_handler(HTTPException, refuse_route)
    api.add_exception_handler(ClientDisconnect, let_go)
    api.add_exception_handler(DeskUnavailableError, tell_why)
    api.add_exception_handler(Exception, admit)


def _refusal(http_status: int, sentence: str, command_id: str | None = None) -> JSONResponse:
    """Return a request's refusal: every one has the same fields."""
    return JSONResponse(Outcome(http_status=http_status, command_id=command_id, sentence=sentence).body(), http_status)
