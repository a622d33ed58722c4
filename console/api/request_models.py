"""Every body of the HTTP API, as a pydantic model: `/openapi.json` describes them, and the routes read nothing else.

Each field is read by the domain's own parsers, so that the usual other spellings are taken (MKT, B, numbers as text)
and numbers stay exact. A person's reason may be anything: none stops a halt or a way out.
"""

from decimal import Decimal, InvalidOperation
from typing import Annotated, Any, ClassVar, Final

from pydantic import BeforeValidator, Field, ValidationInfo, WithJsonSchema, field_validator, model_validator

from console.api.request_reader import RequestBody
from console.errors import ApiError
from domain.baskets import LEGS_MAX, Basket, InvalidBasketError, OnFailure, Pace
from domain.exits.flatten import PositionKey
from domain.orders.change import ChangeKind
from domain.orders.change_command import ChangeCommand
from domain.orders.command import OrderCommand
from domain.orders.parsing import parse_word, parsers
from domain.orders.resolution import Resolution
from domain.orders.stop_terms import InvalidStopsError, StopTerms
from domain.orders.types import Exchange, InstrumentKey, Intent, OrderType, Origin, Product, Side, TrailingType
from domain.orders.validation import QUANTITY_MAX, InvalidOrderError, check_price
from domain.risk.checks import TradingState
from domain.texts import LINE_CHARACTERS_MAX, one_line


def _parse(value: object, info: ValidationInfo) -> Any:  # noqa: ANN401  each parser's own type
    return parsers[str(info.field_name)](info.field_name, value)


def _level(value: object, info: ValidationInfo) -> Decimal:
    level: Decimal = parsers[str(info.field_name)](info.field_name, value)
    check_price(str(info.field_name), level)
    return level


def _line(value: object) -> str:
    return "" if value is None else one_line(value)


def _given_line(value: object, info: ValidationInfo) -> str:
    line = one_line(value) if isinstance(value, str) else ""
    if not line:
        raise ValueError(f"{info.field_name} must be given, as a line of text")
    return line


def _flag(value: object, info: ValidationInfo) -> bool:
    if not isinstance(value, bool):
        raise ValueError(f"{info.field_name} must be true or false")  # noqa: TRY004  said as every refusal
    return value


def _units(value: object, info: ValidationInfo) -> int:
    if type(value) is not int or value < 0:
        raise ValueError(f"{info.field_name} must be a whole number of units")
    return value


def _average(value: object, info: ValidationInfo) -> Decimal:
    try:
        price = Decimal(str(value))
    except InvalidOperation:
        price = Decimal("NaN")
    if not price.is_finite() or price <= 0:
        raise ValueError(f"{info.field_name} must be a number of rupees above 0")
    return price


_LINE: Final = {"type": "string", "maxLength": LINE_CHARACTERS_MAX}
_NAME: Final = {"type": "string", "minLength": 1, "maxLength": 64}
_RUPEES: Final = {"anyOf": [{"type": "number", "exclusiveMinimum": 0}, {"type": "string"}]}

Parsed = BeforeValidator(_parse)
Text = Annotated[str, Parsed, WithJsonSchema(_NAME)]
Units = Annotated[int, Parsed, WithJsonSchema({"type": "integer", "minimum": 1, "maximum": QUANTITY_MAX})]
Rupees = Annotated[Decimal, Field(allow_inf_nan=True), Parsed, WithJsonSchema(_RUPEES)]
"""As a number or as text; its written digits are taken, none is lost. NaN is for the order itself to refuse."""
Level = Annotated[Decimal, BeforeValidator(_level), WithJsonSchema(_RUPEES)]
Line = Annotated[str, BeforeValidator(_line), WithJsonSchema(_LINE)]
"""Whatever it is, it becomes a short line: kept, and never a reason to refuse."""
GivenLine = Annotated[str, BeforeValidator(_given_line), WithJsonSchema({**_LINE, "minLength": 1})]
Flag = Annotated[bool, BeforeValidator(_flag), WithJsonSchema({"type": "boolean"})]

_REASON: Final = Field(description="Why; it is kept.")
_ORIGIN: Final = Field(description="Who asks; a person where it is left out.")


class OrderTerms(RequestBody):
    """What every order says."""

    null_is_left_out: ClassVar[bool] = True
    undone: ClassVar[str] = "Nothing was registered or sent"

    exchange: Annotated[Exchange, Parsed] = Field(description="The segment.")
    symbol: Text = Field(description="The exchange's trading symbol, such as RELIANCE-EQ.")
    side: Annotated[Side, Parsed] = Field(description="Which way it trades.")
    quantity: Units = Field(description="Units, not lots.")
    product: Annotated[Product, Parsed] = Field(description="How it is carried; CO, BO and MTF are not placed here.")
    order_type: Annotated[OrderType, Parsed] = Field(description="MARKET and SL-M reach the exchange as limits.")
    price: Rupees | None = Field(None, description="The limit of LIMIT and SL, in rupees.")
    trigger_price: Rupees | None = Field(None, description="Where SL and SL-M begin.")
    stop_loss: Rupees | None = Field(None, description="Once held: get out at this price or worse.")
    target: Rupees | None = Field(None, description="Once held: get out at this price or better.")
    trailing_type: Annotated[TrailingType, Parsed] | None = Field(None, description="How trailing_value is meant.")
    trailing_value: Rupees | None = Field(None, description="How far the stop follows the best price.")
    trail_activation: Rupees | None = Field(None, description="From which price on it follows.")
    comment: Annotated[str, Parsed, WithJsonSchema(_LINE)] = Field("", description="Kept with the order.")
    origin: Annotated[Origin, Parsed] = Field(Origin.HUMAN, description=_ORIGIN.description)
    amo: Annotated[bool, Parsed] = Field(default=False, description="Queue it for the next session.")
    client_id: Annotated[Any, WithJsonSchema({"type": "string"})] = Field(None, description="The desk's; leave it out.")

    def command(self, command_id: str, client_id: str, **more: Any) -> OrderCommand:  # noqa: ANN401  fields of it
        """Return the order; raise `ApiError` where it can't be."""
        if self.client_id not in (None, client_id):
            raise ApiError(422, f"this desk trades for {client_id!r} only; leave client_id out", command_id)
        own = {name: getattr(self, name) for name in OrderTerms.model_fields if name != "client_id"}
        try:
            return OrderCommand.parse({**own, **more, "command_id": command_id, "client_id": client_id})
        except InvalidOrderError as error:
            raise ApiError(422, self.refusal(error), command_id) from None


class OrderBody(OrderTerms):
    """POST /orders."""

    command_id: Text | None = Field(None, description="The order's name, never sent twice; or in Idempotency-Key.")
    strategy: Text = Field(description="Whose position it is.")
    intent: Annotated[Intent, Parsed] = Field(
        description="ENTRY takes a position, EXIT gives it up, ADJUST resizes it."
    )
    until_flat: Flag = Field(default=False, description="Of an EXIT: if it can't leave, make all that is held flat.")

    def order(self, idempotency_key: str | None, client_id: str) -> OrderCommand:
        """Return the order that was asked for; raise `ApiError` where it can't be or its id is in doubt."""
        if None not in (self.command_id, idempotency_key) and self.command_id != str(idempotency_key).strip():
            sentence = "command_id and the Idempotency-Key header differ; give one of them, or the same in both"
            raise ApiError(422, sentence, self.command_id)
        command_id = idempotency_key if self.command_id is None else self.command_id
        if command_id is None:
            raise ApiError(
                422, "give the order a command_id (or an Idempotency-Key header), so that a repeat never sends it twice"
            )
        if self.until_flat and self.intent is not Intent.EXIT:
            raise ApiError(422, "until_flat is for an order with the intent EXIT", command_id)
        return self.command(command_id.strip(), client_id, strategy=self.strategy, intent=self.intent)


class LegBody(OrderTerms):
    """An order of a basket: what the basket says may be left out."""

    command_id: Text | None = None
    strategy: Text | None = None
    intent: Annotated[Intent, Parsed] = Intent.ENTRY


class BasketBody(RequestBody):
    """POST /baskets."""

    null_is_left_out: ClassVar[bool] = True
    undone: ClassVar[str] = "Nothing was registered or sent"
    part: ClassVar[type[RequestBody] | None] = LegBody

    basket_id: Annotated[str, WithJsonSchema(_NAME)] = Field(description="The basket's name, never sent twice.")
    strategy: Annotated[str, BeforeValidator(str)] = Field("manual", description="Whose positions they are.")
    legs: list[LegBody] = Field(description="Orders.", json_schema_extra={"minItems": 1, "maxItems": LEGS_MAX})
    pace: Annotated[Pace, BeforeValidator(lambda one: parse_word(Pace, "pace", one))] = Field(
        Pace.SEQUENTIAL, description="One leg after the other, or all at once."
    )
    on_failure: Annotated[OnFailure, BeforeValidator(lambda one: parse_word(OnFailure, "on_failure", one))] = Field(
        OnFailure.STOP, description="Whether what has filled stays or is taken back."
    )
    hedge_first: Flag = Field(default=True, description="Refuse a leg that sells before one that buys.")
    leg_wait_s: float = Field(30, description="Seconds that a leg has to fill in.")
    reason: Line = Field("", description=_REASON.description)

    @field_validator("basket_id", mode="before")
    @classmethod
    def _be_named(cls, given: object) -> object:
        if not given:
            raise ValueError("give the basket a basket_id, so that a repeat never sends it twice")
        return str(given)

    @field_validator("legs", mode="before")
    @classmethod
    def _be_orders(cls, given: object) -> object:
        if not isinstance(given, list) or not all(isinstance(one, dict) for one in given):
            raise ValueError("legs must be a list of orders")
        return given

    def basket(self, client_id: str) -> Basket:
        """Return the basket that was asked for; raise `ApiError` where it can't be."""
        legs = tuple(
            leg.command(
                leg.command_id or f"{self.basket_id}.{number}"[-64:],
                client_id,
                strategy=leg.strategy or self.strategy,
                intent=leg.intent,
            )
            for number, leg in enumerate(self.legs, 1)
        )
        more = {name: getattr(self, name) for name in ("pace", "on_failure", "hedge_first", "leg_wait_s", "reason")}
        try:
            return Basket(basket_id=self.basket_id, strategy=self.strategy, legs=legs, **more)
        except (InvalidOrderError, InvalidBasketError) as error:
            raise ApiError(422, self.refusal(error)) from None


class CancelBody(RequestBody):
    """POST /orders/{command_id}/cancel."""

    may_be_empty: ClassVar[bool] = True
    null_is_left_out: ClassVar[bool] = True
    undone: ClassVar[str] = "Nothing was sent"
    kind: ClassVar[ChangeKind] = ChangeKind.CANCEL

    change_id: Text | None = Field(None, description="The change's name, never sent twice; one is made without it.")
    reason: Line = Field("", description=_REASON.description)
    origin: Annotated[Origin, Parsed] = Field(Origin.HUMAN, description=_ORIGIN.description)

    def command(self, command_id: str, client_id: str, spare_id: str) -> ChangeCommand:
        """Return the change that was asked for, `spare_id` its name where it has none; raise `ApiError`."""
        given = {**self.model_dump(), "change_id": self.change_id or spare_id}
        try:
            return ChangeCommand(client_id=client_id, command_id=command_id, kind=self.kind, **given)
        except InvalidOrderError as error:
            raise ApiError(422, self.refusal(error), command_id) from None


class ModifyBody(CancelBody):
    """POST /orders/{command_id}/modify."""

    may_be_empty: ClassVar[bool] = False
    kind: ClassVar[ChangeKind] = ChangeKind.MODIFY

    change_id: Text = Field(description="The change's name: the same is never sent twice.")
    quantity: Units | None = Field(None, description="The new total, what has traded included.")
    price: Rupees | None = Field(None, description="The new limit.")
    trigger_price: Rupees | None = Field(None, description="Where it begins now.")


class ResolveBody(RequestBody):
    """POST /orders/{command_id}/resolve."""

    placed: Flag = Field(description="true: the broker has it; false: it is not there.")
    reason: GivenLine = Field(description="How you know; it is kept.")
    broker_order_id: Annotated[str, BeforeValidator(str)] | None = Field(None, description="The broker's number of it.")
    filled_quantity: (
        Annotated[int, BeforeValidator(_units), WithJsonSchema({"type": "integer", "minimum": 0})] | None
    ) = Field(None, description="How many units have traded.")
    average_price: Annotated[Decimal, BeforeValidator(_average), WithJsonSchema(_RUPEES)] | None = Field(
        None, description="At which price they traded on average."
    )

    def resolution(self) -> Resolution:
        """Return a person's word on the order."""
        return Resolution(**self.model_dump())


class TradingStateBody(RequestBody):
    """POST /trading-state. Nothing but a word that nobody knows stops a halt."""

    state: TradingState = Field(description="What trading is turned to.")
    reason: Line = Field("", description=_REASON.description)
    force: Annotated[Any, WithJsonSchema({"type": "boolean"})] = Field(
        default=False, description="Resume although the loss limit is broken."
    )

    @field_validator("state", mode="before")
    @classmethod
    def _known(cls, given: object) -> object:
        word = str(given).strip().upper().replace("-", "_")
        if word not in set(TradingState):
            raise ValueError(f"state must be one of {', '.join(TradingState)}")
        return word

    @model_validator(mode="after")
    def _mean_it(self) -> "TradingStateBody":
        if self.state is TradingState.ACTIVE and not isinstance(self.force, bool):
            raise ValueError("force must be true or false")
        return self


class FlattenBody(RequestBody):
    """POST /flatten. A strategy that is null is not "all of them"."""

    may_be_empty: ClassVar[bool] = True

    reason: Line = Field("", description=_REASON.description)
    strategy: Annotated[str | None, BeforeValidator(_given_line), WithJsonSchema({**_LINE, "minLength": 1})] = Field(
        None, description="Only this one's positions."
    )


class PositionBody(RequestBody):
    """Which position is meant: POST /stops/remove, and part of others."""

    strategy: GivenLine = Field(description="Whose position it is.")
    exchange: Annotated[Exchange, Parsed] = Field(Exchange.NSE, description="The segment.")
    symbol: GivenLine = Field(description="The exchange's trading symbol, such as RELIANCE-EQ.")
    product: Annotated[Product, Parsed] = Field(Product.MIS, description="How it is carried.")
    reason: GivenLine = Field(description=_REASON.description)

    @property
    def position_key(self) -> PositionKey:
        """Return the position's name."""
        return PositionKey(self.strategy, InstrumentKey(self.exchange, self.symbol.upper(), self.product))


class StopsBody(PositionBody):
    """POST /stops."""

    stop_loss: Level | None = Field(None, description="Get out at this price or worse.")
    target: Level | None = Field(None, description="Get out at this price or better.")
    trailing_type: Annotated[TrailingType, Parsed] | None = Field(None, description="How trailing_value is meant.")
    trailing_value: Level | None = Field(None, description="How far the stop follows the best price.")
    trail_activation: Level | None = Field(None, description="From which price on it follows.")

    @property
    def terms(self) -> StopTerms:
        """Return the stops that were asked for; raise `ApiError` where they protect nothing."""
        own = StopsBody.model_fields.keys() - PositionBody.model_fields.keys()
        try:
            return StopTerms(**{name: getattr(self, name) for name in own})
        except InvalidStopsError as error:
            raise ApiError(422, self.refusal(error)) from None


class WriteOffBody(PositionBody):
    """POST /positions/write-off."""

    force: Flag = Field(default=False, description="Also while the broker shows units of it.")


class AcceptBody(RequestBody):
    """POST /breaks/accept."""

    name: GivenLine = Field(description="The break's name, as /status has it.")
    reason: GivenLine = Field(description=_REASON.description)
    undo: Flag = Field(default=False, description="Take the acceptance back.")


class AcknowledgeBody(RequestBody):
    """POST /alerts/ack. A topic that is null is not "all of them"."""

    may_be_empty: ClassVar[bool] = True

    topic: Annotated[str | None, BeforeValidator(_given_line), WithJsonSchema({**_LINE, "minLength": 1})] = Field(
        None, description="The alarm's topic; without it all."
    )


BODIES: Final[tuple[type[RequestBody], ...]] = (
    *(OrderBody, BasketBody, CancelBody, ModifyBody, ResolveBody, TradingStateBody, FlattenBody),
    *(PositionBody, StopsBody, WriteOffBody, AcceptBody, AcknowledgeBody),
)
"""Every one that a route takes."""
