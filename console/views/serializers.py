"""What the desk knows, as JSON: decimals as text, times as ISO 8601. The same forms feed the tables."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from decimal import Decimal
from typing import Any, Final

from actors.messages.books import PositionsRead
from console.views.desk_response_types import (
    AccountRowForm,
    BreakForm,
    ChannelForm,
    ExitForm,
    HeldForm,
    PnlForm,
    PositionsForm,
    ReadinessForm,
    StayForm,
    TradingForm,
)
from console.views.response_types import ChangeForm, LineForm, OrderForm, StepsForm, StopTermsForm, TimelineForm
from console.views.story import BOOKS_NEEDED, sentences
from console.views.text import decided_from
from domain.alerts.alert import ChannelState
from domain.alerts.text.breaks import fix_of
from domain.broker.snapshots import PRODUCT_LETTERS, Book, PositionRow
from domain.orders.change import Change
from domain.orders.order import JournalLine, Order
from domain.orders.stop_terms import StopTerms
from domain.orders.types import InstrumentKey
from domain.read_models import ExitsNow, Holdings, PnlNow, Readiness, Timeline, TradingStateNow
from domain.reconciliation.breaks import Break

_ANSWERS: Final = frozenset({"BLOCKED", "ACCEPTED", "REFUSED", "REPLY_LOST", "RESTARTED"})
_PRODUCT_OF: Final = {letter: product.value for product, letter in PRODUCT_LETTERS.items()}
_ENDS_IN_FILL: Final = frozenset({"FILLED", "PARTIALLY_FILLED"})


def channel_form(state: ChannelState) -> ChannelForm:
    """Return how a channel of the alerts delivers: `failing_since` is None where it does."""
    return {
        "channel": state.name,
        "last_told_at": None if state.last_told_at is None else state.last_told_at.isoformat(),
        "failing_since": None if state.failing_since is None else state.failing_since.isoformat(),
        "why": state.why,
        "waiting": state.waiting,
    }


def text(price: Decimal | None) -> str | None:
    """Write a price or an amount as plain digits."""
    return None if price is None else f"{price:f}"


def stops_form(stops: StopTerms | None) -> StopTermsForm:
    """Return the terms of an order's stops; each is None where it carries none."""
    if stops is None:
        return StopTermsForm(
            stop_loss=None, target=None, trailing_type=None, trailing_value=None, trail_activation=None
        )
    return {
        "stop_loss": text(stops.stop_loss),
        "target": text(stops.target),
        "trailing_type": stops.trailing_type.value if stops.trailing_type else None,
        "trailing_value": text(stops.trailing_value),
        "trail_activation": text(stops.trail_activation),
    }


def order_form(order: Order) -> OrderForm:
    """Return every field of an order."""
    command = order.command
    return {
        "command_id": command.command_id,
        "client_id": command.client_id,
        "strategy": command.strategy,
        "intent": command.intent.value,
        "origin": command.origin.value,
        "exchange": command.exchange.value,
        "symbol": command.symbol,
        "side": command.side.value,
        "quantity": order.quantity,
        "requested_quantity": command.quantity,
        "product": command.product.value,
        "order_type": command.order_type.value,
        "price": text(command.price),
        "trigger_price": text(command.trigger_price),
        "limit_price": text(order.limit_price),
        **stops_form(command.stops),
        "comment": command.comment,
        "state": order.state.value,
        "status": order.status.value,
        "is_terminal": order.is_terminal,
        "tag": order.tag.value if order.tag else None,
        "note": order.note,
        "broker_order_id": order.broker_order_id,
        "remarks_tag": order.remarks_tag,
        "filled_quantity": order.filled_quantity,
        "average_price": text(order.average_price),
        "wire_trigger_price": text(order.wire_trigger_price),
        "day": order.day,
        "amo": command.amo,
        "change": change_form(order.change) if order.change else None,
        "created_at": order.created_at.isoformat(),
        "updated_at": order.updated_at.isoformat(),
    }


def change_form(change: Change) -> ChangeForm:
    """Return a cancel or modify that is not resolved yet."""
    return {
        "change_id": change.change_id,
        "kind": change.kind.value,
        "stage": change.stage.value,
        "asked_at": change.asked_at.isoformat(),
        "quantity": change.quantity,
        "limit_price": text(change.limit_price),
        "trigger_price": text(change.trigger_price),
    }


def timeline_form(timeline: Timeline, books_needed: int = BOOKS_NEEDED) -> TimelineForm:
    """Return an order, its journal with a sentence a line, and how long its steps took.

    `books_needed` (proof.books) complete a proof of absence.
    """
    told = zip(timeline.lines, sentences(timeline, books_needed), strict=True)
    return {
        "order": order_form(timeline.order),
        "steps": steps_of(timeline.lines),
        "lines": [_line_form(line, sentence) for line, sentence in told],
    }


def _line_form(line: JournalLine, sentence: str) -> LineForm:
    return {
        "at": line.at.isoformat(),
        "event": line.event,
        "state_before": line.state_before,
        "state_after": line.state_after,
        "tag": line.tag,
        "note": line.note,
        "inputs": dict(line.inputs),
        "changes": dict(line.changes),
        "sentence": sentence,
        "decided_from": decided_from(line.inputs),
    }


def steps_of(lines: Sequence[JournalLine]) -> StepsForm:
    """Return when the order was registered, and the milliseconds from then to each later step (None: not yet)."""
    first = lines[0].at if lines else None

    def since(wanted: frozenset[str]) -> float | None:
        found = next((line.at for line in lines if line.event in wanted), None)
        return None if found is None or first is None else _ms(first, found)

    return {
        "registered_at": None if first is None else first.isoformat(),
        "sent_ms": since(frozenset({"SENT"})),
        "answered_ms": since(_ANSWERS),
        "filled_ms": since(_ENDS_IN_FILL),
    }


def _ms(first: datetime, later: datetime) -> float:
    return round((later - first).total_seconds() * 1000, 3)


def positions_form(holdings: Holdings, account: PositionsRead | None, pnl: PnlNow) -> PositionsForm:
    """Return what each strategy holds from our fills, the day in rupees, and the account as the broker has it.

    `account` is null, and `account_unavailable` says why, when the broker could not be asked: that is not "flat".
    """
    rows, unavailable = None, None
    if account is None:
        unavailable = "the broker did not answer in time"
    elif isinstance(account.book, Book):
        rows = [_position_form(row) for row in account.book.rows]
    else:
        unavailable = account.book.cause
    return {
        "strategies": _held_forms(holdings.positions),
        "sold_from_holdings": _held_forms(holdings.sold_from_holdings),
        "pnl": pnl_form(pnl),
        "account": rows,
        "account_unavailable": unavailable,
    }


def _held_forms(held: Mapping[str, Mapping[InstrumentKey, int]]) -> list[HeldForm]:
    return [
        {
            "strategy": strategy,
            "exchange": key.exchange.value,
            "symbol": key.symbol,
            "product": key.product.value,
            "quantity": quantity,
        }
        for strategy, units in sorted(held.items())
        for key, quantity in units.items()
    ]


def _position_form(row: PositionRow) -> AccountRowForm:
    return {
        "exchange": row.exchange,
        "symbol": row.symbol,
        "product": _PRODUCT_OF.get(row.product, row.product),
        "quantity": row.net_quantity,
        "average_price": text(row.net_average_price),
        "last_price": text(row.last_price),
        "realised": text(row.realised),
        "unrealised": text(row.unrealised),
    }


def pnl_form(pnl: PnlNow) -> PnlForm:
    """Return the day in rupees: each position, the sums, and where the loss limit breaks (null: there is none)."""
    return {
        "rows": [
            {
                "strategy": row.position_key.strategy,
                "exchange": row.position_key.key.exchange.value,
                "symbol": row.position_key.key.symbol,
                "product": row.position_key.key.product.value,
                "quantity": row.quantity,
                "average_price": _rupees(row.average),
                "last_price": text(row.last),
                "realised": _rupees(row.realised),
                "open": _rupees(row.open),
            }
            for row in pnl.rows
        ],
        "realised": _rupees(pnl.total.realised),
        "open": _rupees(pnl.total.open),
        "total": _rupees(pnl.total.total),
        "unpriced": [str(position_key) for position_key in pnl.total.unpriced],
        "account": _rupees(pnl.account),
        "account_age_s": None if pnl.account_age_s is None else round(pnl.account_age_s, 1),
        "limit_breaks_at": _rupees(pnl.level),
        "breach": pnl.risk_day.breach,
    }


def _rupees(amount: Decimal | None) -> str | None:
    return None if amount is None else f"{amount:.2f}"


def trading_form(trading: TradingStateNow) -> TradingForm:
    """Return what may be sent, why, and the day's count."""
    return {
        "state": trading.state.value,
        "reason": trading.reason,
        "orders_today": trading.orders_today,
        "stored": trading.stored,
    }


def exits_form(exits: ExitsNow) -> list[ExitForm]:
    """Return each position on its way to flat, and how often an exit was sent for it."""
    return [{"position": str(position_key), "tries": tries} for position_key, tries in exits.under_way.items()]


def stays_form(exits: ExitsNow) -> list[StayForm]:
    """Return each position that is held though its way out has ended: an odd lot, or shares the broker doesn't have."""
    return [{"position": str(position_key), "units": units} for position_key, units in exits.stays.items()]


def readiness_form(readiness: Readiness) -> ReadinessForm:
    """Return whether entries are taken, what speaks against it, and what the books differ about."""
    return {
        "ready": not readiness.blockers,
        "blockers": [{"kind": one.kind.value, "detail": one.detail} for one in readiness.blockers],
        "breaks": [break_form(one) for one in readiness.breaks],
    }


def break_form(one: Break) -> BreakForm:
    """Return what the books tell differently, and what a person can do about it."""
    return {
        "name": one.name,
        "sentence": one.sentence,
        "stops_entries": one.kind.stops_entries,
        "difference": one.difference,
        "fix": fix_of(one),
    }


def tally(orders: Sequence[Mapping[str, Any]]) -> dict[str, int]:
    """Count orders by how they ended; `unresolved` are those whose end is not known yet."""
    executed = sum(one["status"] == "EXECUTED" for one in orders)
    failed = sum(one["status"] == "FAILED" for one in orders)
    unresolved = sum(not one["is_terminal"] for one in orders)
    return {"orders": len(orders), "executed": executed, "failed": failed, "unresolved": unresolved}
