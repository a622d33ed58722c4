"""Every tag the desk can put on an order, each with one sentence for people."""

from dataclasses import dataclass
from enum import StrEnum
from typing import Final


class Kind(StrEnum):
    """Who said no, which decides how a caller is answered."""

    INVALID = "INVALID"
    BLOCKED = "BLOCKED"
    NOT_READY = "NOT_READY"
    BROKER = "BROKER"
    UNRESOLVED = "UNRESOLVED"
    INFO = "INFO"


class Reason(StrEnum):
    """The value of `orders.tag`: why an order stands where it stands."""

    RISK_LIMITS_EXCEEDED = "RISK_LIMITS_EXCEEDED"
    TRADING_EXITS_ONLY = "TRADING_EXITS_ONLY"
    TRADING_HALTED = "TRADING_HALTED"
    DAILY_LOSS_BREACHED = "DAILY_LOSS_BREACHED"
    STRATEGY_LOSS_BREACHED = "STRATEGY_LOSS_BREACHED"
    COOLING_DOWN = "COOLING_DOWN"
    PRICES_STALE = "PRICES_STALE"
    OPEN_POSITIONS_EXCEEDED = "OPEN_POSITIONS_EXCEEDED"
    PRICE_OUTSIDE_COLLAR = "PRICE_OUTSIDE_COLLAR"
    ORDERS_PER_DAY_EXCEEDED = "ORDERS_PER_DAY_EXCEEDED"
    ORDER_QUANTITY_EXCEEDED = "ORDER_QUANTITY_EXCEEDED"
    ORDER_NOTIONAL_EXCEEDED = "ORDER_NOTIONAL_EXCEEDED"
    EXECUTION_GUARD_BLOCKED = "EXECUTION_GUARD_BLOCKED"
    DUPLICATE_ORDER_BLOCKED = "DUPLICATE_ORDER_BLOCKED"
    NOTHING_TO_EXIT = "NOTHING_TO_EXIT"
    EXIT_CLAMPED = "EXIT_CLAMPED"
    UNKNOWN_INSTRUMENT = "UNKNOWN_INSTRUMENT"
    QUANTITY_OFF_LOT = "QUANTITY_OFF_LOT"
    FREEZE_QUANTITY_EXCEEDED = "FREEZE_QUANTITY_EXCEEDED"
    PRICE_OFF_TICK = "PRICE_OFF_TICK"
    PRICE_OUTSIDE_CIRCUIT = "PRICE_OUTSIDE_CIRCUIT"
    STOP_WRONG_SIDE = "STOP_WRONG_SIDE"
    PRICE_UNAVAILABLE = "PRICE_UNAVAILABLE"
    INSTRUMENT_UNAVAILABLE = "INSTRUMENT_UNAVAILABLE"
    DESK_NOT_READY = "DESK_NOT_READY"
    DESK_STOPPING = "DESK_STOPPING"
    DESK_BUSY = "DESK_BUSY"
    DATABASE_UNAVAILABLE = "DATABASE_UNAVAILABLE"
    STEP_3_UNRECORDED = "STEP_3_UNRECORDED"
    BROKER_REFUSED = "BROKER_REFUSED"
    BROKER_UNREACHABLE = "BROKER_UNREACHABLE"
    SESSION_EXPIRED = "SESSION_EXPIRED"
    BROKER_RATE_LIMITED = "BROKER_RATE_LIMITED"
    RATE_LIMITED = "RATE_LIMITED"
    REPLY_LOST = "REPLY_LOST"
    RESTARTED_IN_FLIGHT = "RESTARTED_IN_FLIGHT"
    BROKER_REJECTED = "BROKER_REJECTED"
    BROKER_CANCELED = "BROKER_CANCELED"
    CANCELED_AS_ASKED = "CANCELED_AS_ASKED"
    PROVED_ABSENT = "PROVED_ABSENT"
    NEVER_LEFT = "NEVER_LEFT"
    UNKNOWN_BROKER_STATUS = "UNKNOWN_BROKER_STATUS"
    TWO_AT_BROKER = "TWO_AT_BROKER"
    RECONCILIATION_BREAK = "RECONCILIATION_BREAK"
    MARKET_CLOSED = "MARKET_CLOSED"
    SQUARE_OFF_BEGAN = "SQUARE_OFF_BEGAN"
    SYMBOL_SUSPENDED = "SYMBOL_SUSPENDED"
    CONTRACT_EXPIRED = "CONTRACT_EXPIRED"
    DAY_ENDED = "DAY_ENDED"
    DAY_ENDED_UNKNOWN = "DAY_ENDED_UNKNOWN"
    RESOLVED_BY_HAND = "RESOLVED_BY_HAND"
    UNKNOWN_ORDER = "UNKNOWN_ORDER"
    NOT_CHANGEABLE = "NOT_CHANGEABLE"
    CHANGE_IN_FLIGHT = "CHANGE_IN_FLIGHT"
    CHANGE_REFUSED = "CHANGE_REFUSED"
    CHANGE_REJECTED = "CHANGE_REJECTED"
    CHANGE_REPLY_LOST = "CHANGE_REPLY_LOST"
    CHANGE_NOT_SEEN = "CHANGE_NOT_SEEN"
    CANNOT_RESOLVE = "CANNOT_RESOLVE"
    ALREADY_AT_BROKER = "ALREADY_AT_BROKER"
    LATE_TRUTH = "LATE_TRUTH"
    LEGACY_ORDER = "LEGACY_ORDER"


@dataclass(frozen=True, slots=True)
class Explanation:
    """What a reason means to the person whose money it is."""

    kind: Kind
    sentence: str


EXPLANATIONS: Final[dict[Reason, Explanation]] = {
    Reason.RISK_LIMITS_EXCEEDED: Explanation(Kind.BLOCKED, "A risk limit stopped the order before it was sent."),
    Reason.TRADING_EXITS_ONLY: Explanation(
        Kind.BLOCKED, "Trading is EXITS_ONLY: only exits are sent. `resume` takes entries again."
    ),
    Reason.TRADING_HALTED: Explanation(
        Kind.BLOCKED,
        "Trading is HALTED: only exits of a person, a stop or a limit are sent. `resume` takes orders again.",
    ),
    Reason.DAILY_LOSS_BREACHED: Explanation(
        Kind.BLOCKED, "The day's loss limit is broken (risk.daily_loss_max): only exits are sent today."
    ),
    Reason.STRATEGY_LOSS_BREACHED: Explanation(
        Kind.BLOCKED, "The strategy has lost what it may lose in a day (its loss_max): it takes nothing new today."
    ),
    Reason.COOLING_DOWN: Explanation(
        Kind.BLOCKED, "Too many trading days in a row were lost (risk.losing_days_max): entries rest."
    ),
    Reason.PRICES_STALE: Explanation(
        Kind.NOT_READY, "A held position has had no price for too long, so the day's loss is not known: exits only."
    ),
    Reason.OPEN_POSITIONS_EXCEEDED: Explanation(
        Kind.BLOCKED, "Maximum open positions reached (risk.open_positions_max)."
    ),
    Reason.PRICE_OUTSIDE_COLLAR: Explanation(
        Kind.BLOCKED, "The price is too far from the last one (risk.price_collar_percent)."
    ),
    Reason.ORDERS_PER_DAY_EXCEEDED: Explanation(
        Kind.BLOCKED, "The day's number of orders is used up (risk.orders_per_day_max)."
    ),
    Reason.ORDER_QUANTITY_EXCEEDED: Explanation(
        Kind.BLOCKED, "The quantity is above the limit for one order (risk.order_quantity_max)."
    ),
    Reason.ORDER_NOTIONAL_EXCEEDED: Explanation(
        Kind.BLOCKED, "The order's value is above the limit for one order (risk.order_notional_max)."
    ),
    Reason.EXECUTION_GUARD_BLOCKED: Explanation(
        Kind.BLOCKED, "The strategy already holds, works or may be holding a position; it cannot enter again."
    ),
    Reason.DUPLICATE_ORDER_BLOCKED: Explanation(
        Kind.BLOCKED, "The strategy has another open order for this symbol and side."
    ),
    Reason.NOTHING_TO_EXIT: Explanation(
        Kind.BLOCKED,
        "Nothing is left to exit: nothing is held, orders close it already or may have on a past day, or others did.",
    ),
    Reason.EXIT_CLAMPED: Explanation(Kind.INFO, "The exit was cut to what is held and not already being closed."),
    Reason.UNKNOWN_INSTRUMENT: Explanation(Kind.INVALID, "The broker knows no such symbol on that exchange."),
    Reason.QUANTITY_OFF_LOT: Explanation(Kind.INVALID, "The quantity is not a multiple of the lot."),
    Reason.FREEZE_QUANTITY_EXCEEDED: Explanation(
        Kind.INVALID, "The quantity reaches the exchange's freeze quantity; send it in smaller orders."
    ),
    Reason.PRICE_OFF_TICK: Explanation(Kind.INVALID, "The price is not a multiple of the tick."),
    Reason.PRICE_OUTSIDE_CIRCUIT: Explanation(Kind.INVALID, "The price is outside the day's circuit limits."),
    Reason.STOP_WRONG_SIDE: Explanation(
        Kind.INVALID, "The stop, trail or target is on the wrong side of the price: it would get out at once."
    ),
    Reason.PRICE_UNAVAILABLE: Explanation(
        Kind.NOT_READY,
        "No price is known for the symbol, so a market order cannot be protected; nothing sent.",
    ),
    Reason.INSTRUMENT_UNAVAILABLE: Explanation(
        Kind.NOT_READY, "The broker could not be asked about the symbol, so it was not checked; nothing sent."
    ),
    Reason.DESK_NOT_READY: Explanation(
        Kind.NOT_READY, "The desk has not yet compared its orders with the broker's books; try again shortly."
    ),
    Reason.DESK_STOPPING: Explanation(Kind.NOT_READY, "The desk is stopping and takes no more orders."),
    Reason.DESK_BUSY: Explanation(
        Kind.NOT_READY, "Too many orders are waiting already (broker.orders_waiting_max); nothing was registered."
    ),
    Reason.DATABASE_UNAVAILABLE: Explanation(
        Kind.NOT_READY, "The order could not be stored, so it was not sent. Check the disk and the database."
    ),
    Reason.STEP_3_UNRECORDED: Explanation(
        Kind.INFO,
        "The database did not take the SENT_TO_BROKER write; the order went on and its tag will find it.",
    ),
    Reason.BROKER_REFUSED: Explanation(Kind.BROKER, "The broker refused the order; it is not in the market."),
    Reason.BROKER_UNREACHABLE: Explanation(
        Kind.BROKER,
        "The broker could not be reached; not a byte was sent, so the order is not in the market.",
    ),
    Reason.SESSION_EXPIRED: Explanation(
        Kind.BROKER, "There was no valid session at the broker, so the order was not taken; it is not in the market."
    ),
    Reason.BROKER_RATE_LIMITED: Explanation(
        Kind.BROKER, "The broker refused the order for too many requests; lower broker.orders_per_second_max."
    ),
    Reason.RATE_LIMITED: Explanation(
        Kind.BROKER, "The order waited too long for its turn under the rate ceiling and was not sent."
    ),
    Reason.REPLY_LOST: Explanation(
        Kind.UNRESOLVED,
        "The broker's reply was lost; the order may be live. It is being searched for and is never sent again.",
    ),
    Reason.RESTARTED_IN_FLIGHT: Explanation(
        Kind.UNRESOLVED,
        "The desk stopped while the order was on its way; it is being searched for and is never sent again.",
    ),
    Reason.BROKER_REJECTED: Explanation(Kind.BROKER, "The broker or the exchange rejected the order."),
    Reason.BROKER_CANCELED: Explanation(Kind.BROKER, "The rest of the order was canceled at the broker."),
    Reason.CANCELED_AS_ASKED: Explanation(Kind.BROKER, "What was open of the order was canceled, as was asked."),
    Reason.PROVED_ABSENT: Explanation(
        Kind.BROKER, "The broker's books prove that the order never arrived; it is not in the market."
    ),
    Reason.NEVER_LEFT: Explanation(
        Kind.BROKER, "The desk stopped before the order's turn came: no request for it was made, and none will be."
    ),
    Reason.UNKNOWN_BROKER_STATUS: Explanation(
        Kind.UNRESOLVED,
        "The broker gave the order a status this desk does not know; it is held as it was. Look at the broker.",
    ),
    Reason.TWO_AT_BROKER: Explanation(
        Kind.INFO, "The broker shows a second order with this order's tag. Check the position at the broker now."
    ),
    Reason.RECONCILIATION_BREAK: Explanation(
        Kind.NOT_READY,
        "The broker's books differ from each other or from ours, so no entries are taken; see `status`.",
    ),
    Reason.MARKET_CLOSED: Explanation(Kind.INVALID, "The segment is closed at this time."),
    Reason.SQUARE_OFF_BEGAN: Explanation(
        Kind.BLOCKED, "The time square-off of the day has begun: positions are made flat, and none is taken."
    ),
    Reason.SYMBOL_SUSPENDED: Explanation(
        Kind.BLOCKED, "A stop in the symbol is held until a person sets it anew: its prices seem to be adjusted."
    ),
    Reason.CONTRACT_EXPIRED: Explanation(
        Kind.INVALID, "The contract's last day is over: nothing can be ordered in it any more."
    ),
    Reason.DAY_ENDED: Explanation(
        Kind.BROKER, "The order ended with its trading day; what is left of it is no longer in the market."
    ),
    Reason.DAY_ENDED_UNKNOWN: Explanation(
        Kind.BROKER, "The order ended with its trading day, unseen: what it traded last is not known from any book."
    ),
    Reason.RESOLVED_BY_HAND: Explanation(Kind.INFO, "A person resolved what became of the order."),
    Reason.UNKNOWN_ORDER: Explanation(Kind.INVALID, "No order has this command id."),
    Reason.NOT_CHANGEABLE: Explanation(
        Kind.BLOCKED, "Only an order that the broker is working on can be canceled or modified."
    ),
    Reason.CHANGE_IN_FLIGHT: Explanation(
        Kind.BLOCKED, "Another change of the order is not resolved yet; wait for it, or cancel the order."
    ),
    Reason.CHANGE_REFUSED: Explanation(
        Kind.BROKER, "The change was refused, or could not be sent; the order stands as it was."
    ),
    Reason.CHANGE_REJECTED: Explanation(
        Kind.BROKER, "The exchange rejected the change after the broker took it; the order stands as it was."
    ),
    Reason.CHANGE_REPLY_LOST: Explanation(
        Kind.UNRESOLVED,
        "The reply to the change was lost; it may have taken effect. The books will tell; it is never sent again.",
    ),
    Reason.CHANGE_NOT_SEEN: Explanation(
        Kind.INFO, "The books never showed the change; the order stands as it was, and may be changed again."
    ),
    Reason.ALREADY_AT_BROKER: Explanation(
        Kind.BLOCKED,
        "The broker has an order of this command id already, sent by a run of the desk that could write nothing down; "
        "it counts as EXTERNAL, and nothing more was sent.",
    ),
    Reason.CANNOT_RESOLVE: Explanation(Kind.BLOCKED, "The order can't be resolved by hand that way."),
    Reason.LATE_TRUTH: Explanation(
        Kind.INFO,
        "The broker showed the order alive or filled after it was believed over. Check the position.",
    ),
    Reason.LEGACY_ORDER: Explanation(
        Kind.UNRESOLVED, "The order was taken over from an older orders table; the broker's books will tell."
    ),
}
"""Each reason's kind and sentence. A test holds that none is missing."""


def explain(reason: Reason) -> str:
    """Return the sentence for people."""
    return EXPLANATIONS[reason].sentence
