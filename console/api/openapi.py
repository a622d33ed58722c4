"""What each request of the HTTP API takes, for its description (`/openapi.json`) and the page made of it (`/docs`).

The bodies are read by the rooms themselves, which answer in a sentence; this says beforehand what they understand. The
page is made here, of plain HTML: it loads nothing, runs nothing, and works without a network.
"""

from collections.abc import Mapping, Sequence
from enum import StrEnum
from html import escape
from typing import Any, Final

from domain.baskets import OnFailure, Pace
from domain.orders.types import Exchange, Intent, OrderType, Origin, Product, Side, TrailingType
from domain.orders.validation import QUANTITY_MAX
from domain.risk.checks import TradingState
from domain.texts import LINE_CHARACTERS_MAX

Schema = dict[str, Any]


def _text(about: str, limit: int = 64) -> Schema:
    return {"type": "string", "maxLength": limit, "description": about}


def _word(kind: type[StrEnum], about: str) -> Schema:
    return {"type": "string", "enum": [one.value for one in kind], "description": about}


def _rupees(about: str) -> Schema:
    return {"type": ["number", "string"], "description": f"{about} In rupees; as text no digit is lost."}


def _flag(about: str) -> Schema:
    return {"type": "boolean", "description": about}


_UNITS: Final = {"type": "integer", "minimum": 1, "maximum": QUANTITY_MAX}

FIELDS: Final[Mapping[str, Schema]] = {
    "command_id": _text("The order's name: the same is never sent twice. 1 to 64 of A-Z a-z 0-9 _ . : -"),
    "change_id": _text("The change's name: the same is never sent twice."),
    "basket_id": _text("The basket's name: the same is never sent twice."),
    "strategy": _text("Whose position it is. 1 to 40 of A-Z a-z 0-9 _ . -", 40),
    "intent": _word(Intent, "ENTRY takes a position, EXIT gives it up, ADJUST changes its size."),
    "exchange": _word(Exchange, "The segment."),
    "symbol": _text("The exchange's trading symbol, such as RELIANCE-EQ.", 40),
    "side": _word(Side, "Which way it trades."),
    "quantity": _UNITS | {"description": "Units, not lots; of a modify the new total, what has traded included."},
    "product": _word(Product, "How it is carried; CO, BO and MTF are not placed here."),
    "order_type": _word(OrderType, "MARKET and SL-M reach the exchange as protected limits."),
    "price": _rupees("The limit of LIMIT and SL."),
    "trigger_price": _rupees("Where SL and SL-M begin."),
    "stop_loss": _rupees("Once held: get out at this price or worse."),
    "target": _rupees("Once held: get out at this price or better."),
    "trailing_type": _word(TrailingType, "How trailing_value is meant."),
    "trailing_value": _rupees("How far the stop follows the best price."),
    "trail_activation": _rupees("From which price on it follows."),
    "comment": _text("Kept with the order.", LINE_CHARACTERS_MAX),
    "origin": _word(Origin, "Who asks; a person (HUMAN) where it is left out."),
    "amo": _flag("Queue it for the next session, while the market is closed."),
    "until_flat": _flag("Of an EXIT: where it can't reach the broker, the desk makes all that is held flat."),
    "reason": _text("Why; it is kept.", LINE_CHARACTERS_MAX),
    "state": _word(TradingState, "What trading is turned to."),
    "force": _flag("Do it over an objection that the answer has named."),
    "placed": _flag("true: the broker has it; false: it is not there."),
    "broker_order_id": _text("The broker's number of the order.", 40),
    "filled_quantity": {"type": "integer", "minimum": 0, "description": "How many units have traded."},
    "average_price": _rupees("At which price they traded on average."),
    "name": _text("As /status names it.", LINE_CHARACTERS_MAX),
    "undo": _flag("Take the acceptance back."),
    "topic": _text("The alarm's topic; without it all.", LINE_CHARACTERS_MAX),
    "legs": {"type": "array", "items": {"type": "object"}, "description": "Orders, without what the basket says."},
    "pace": _word(Pace, "One leg after the other, or all at once."),
    "on_failure": _word(OnFailure, "Whether what has filled stays or is taken back."),
    "hedge_first": _flag("Send the bought legs first."),
    "leg_wait_s": {"type": "number", "minimum": 0, "description": "Seconds that a leg has to fill in."},
}
"""Every field of every body."""

POSITION: Final = ("strategy", "exchange", "symbol", "product")
STOPS: Final = ("stop_loss", "target", "trailing_type", "trailing_value", "trail_activation")
ORDER: Final = ("command_id", "strategy", "intent", "exchange", "symbol", "side", "quantity", "product", "order_type")


def takes(*required: str, also: Sequence[str] = ()) -> dict[str, Any]:
    """Return what a route adds to its description: the body's fields. Without required ones it may be left out."""
    schema: Schema = {
        "type": "object",
        "properties": {name: FIELDS[name] for name in (*required, *also)},
        "additionalProperties": False,
    }
    if required:
        schema["required"] = list(required)
    return {"requestBody": {"required": bool(required), "content": {"application/json": {"schema": schema}}}}


_STYLE: Final = (
    "body{font:16px/1.5 system-ui,sans-serif;max-width:60rem;margin:2rem auto;padding:0 1rem;color-scheme:light dark}"
    "code,h2{font-family:ui-monospace,monospace}h2{font-size:1rem;margin-top:2rem}"
    "dt{font-weight:600}dd{margin:0 0 .4rem 1rem}"
)
POLICY: Final = "default-src 'none'; style-src 'unsafe-inline'"


def page_of(described: Mapping[str, Any]) -> str:
    """Return the API's description as a page for people."""
    parts = [_part(path, method, one) for path, ways in described["paths"].items() for method, one in ways.items()]
    title = escape(described["info"]["title"])
    return (
        f'<!doctype html><html lang="en"><head><meta charset="utf-8"><title>{title}</title>'
        f'<meta name="viewport" content="width=device-width"><style>{_STYLE}</style></head><body><h1>{title}</h1>'
        "<p>Every request but <code>/health</code> needs the header <code>Authorization: Bearer TOKEN</code>; the token"
        " stands in the file that <code>api.token_path</code> names. Bodies are JSON objects. The same as"
        f' <a href="/openapi.json">/openapi.json</a>.</p>{"".join(parts)}</body></html>'
    )


def _part(path: str, method: str, one: Mapping[str, Any]) -> str:
    about = escape(f"{one.get('summary', '')}. {one.get('description', '')}")
    rows = [(given["name"], given["schema"], given.get("required", False)) for given in one.get("parameters", ())]
    body = one.get("requestBody", {}).get("content", {}).get("application/json", {}).get("schema", {})
    needed = body.get("required", ())
    rows += [(name, schema, name in needed) for name, schema in body.get("properties", {}).items()]
    fields = "".join(_row(name, schema, required=required) for name, schema, required in rows)
    return f"<h2>{method.upper()} {escape(path)}</h2><p>{about}</p>" + (f"<dl>{fields}</dl>" if fields else "")


def _row(name: str, schema: Schema, *, required: bool) -> str:
    choices = f" One of {', '.join(schema['enum'])}." if "enum" in schema else ""
    message = f"{schema.get('description', '')}{choices}{' Required.' if required else ''}"
    return f"<dt><code>{escape(name)}</code></dt><dd>{escape(message)}</dd>"
