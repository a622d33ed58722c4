"""Mutants that once lived, and faults of ours as they once were: each with the tests that go red under it."""

from dataclasses import dataclass
from typing import Final

from tests.mutation.mutant import Mutant


@dataclass(frozen=True, slots=True)
class Known:
    """A mutant and the file of tests that catches it."""

    mutant: Mutant
    tests: str


KNOWN: Final = (
    Known(
        Mutant(
            "refused logins are tried for ever",
            "domain/broker/session.py",
            "LoginPace.after",
            "self.is_final or reply.final or refusals >= settings.login_refusals_max",
            "self.is_final or reply.final",
        ),
        "tests/domain/broker/test_session.py",
    ),
    Known(
        Mutant(
            "a modify lets an exit grow beyond what is held",
            "domain/positions/ledger.py",
            "GuardLedger.reserve_change",
            "max(0, min(growth, own, self._closed.left(command.key, command.side)))",
            "growth",
        ),
        "tests/domain/positions/test_ledger_changes.py",
    ),
    Known(
        Mutant(
            "a modify lets an exit grow into what others closed",
            "domain/positions/ledger.py",
            "GuardLedger.reserve_change",
            "min(growth, own, self._closed.left(command.key, command.side))",
            "min(growth, own)",
        ),
        "tests/domain/positions/test_ledger_changes.py",
    ),
    Known(
        Mutant(
            "a request to get out is taken up by every start, flat or not",
            "storage/flatten_requests.py",
            "FlattenRequests.end",
            "ended.where(Row.client_id == self._client_id, Row.request_id == request_id).execute(self._database)",
            "",
        ),
        "tests/storage/test_flatten_requests.py",
    ),
    Known(
        Mutant(
            "the better of our loss and the broker's counts",
            "domain/risk/loss_step.py",
            "_judge",
            "min(ours, account)",
            "max(ours, account)",
        ),
        "tests/actors/risk/test_loss_monitor.py",
    ),
    Known(
        Mutant(
            "a broken loss limit is written some seconds later",
            "domain/risk/loss_step.py",
            "_break",
            "(*record, told, flat)",
            "(told, flat)",
        ),
        "tests/actors/risk/test_loss_monitor.py",
    ),
    Known(
        Mutant(
            "the beginning of the token opens the API",
            "console/api/auth.py",
            "Door._objection",
            "hmac.compare_digest(token.strip(), self._token)",
            "self._token.startswith(token.strip())",
        ),
        "tests/console/api/test_auth.py",
    ),
    Known(
        Mutant(
            "a new session is trusted without a book",
            "actors/command/entry_gate.py",
            "EntryGate.take_session",
            "self._unseen = self._unseen or Blocker.of(BlockerKind.LOGIN_RECONCILIATION)",
            "",
        ),
        "tests/actors/command/test_entry_gate.py",
    ),
    Known(
        Mutant(
            "a book from before the login vouches for the new session",
            "actors/command/entry_gate.py",
            "EntryGate.compare",
            "message.whole and message.asked_at >= self._sees_from and age_s <= self._silence_s_max",
            "message.whole and age_s <= self._silence_s_max",
        ),
        "tests/actors/command/test_entry_gate.py",
    ),
    Known(
        Mutant(
            "the collar looks upwards only",
            "domain/risk/checks.py",
            "RiskBook._objection_beside",
            "abs(price - last_price)",
            "(price - last_price)",
        ),
        "tests/domain/risk/test_checks.py",
    ),
    Known(
        Mutant(
            "a late write arms stops that have ended",
            "storage/armed_stops.py",
            "ArmedStops.keep",
            '(Row.ended == "") | (EXCLUDED.quantity > Row.quantity)',
            "None",
        ),
        "tests/storage/test_flatten_requests.py",
    ),
    Known(
        Mutant(
            "a proof of absence goes on after its order was shown",
            "domain/reconciliation/absence.py",
            "Absences.advance",
            "{name: proof for name, proof in self._proofs.items() if name in missing}",
            "dict(self._proofs)",
        ),
        "tests/domain/reconciliation/test_absence.py",
    ),
    Known(
        Mutant(
            "a basket may buy, sell and buy",
            "domain/baskets.py",
            "Basket.__post_init__",
            "sells[0] < buys[-1]",
            "sells[0] < buys[0]",
        ),
        "tests/domain/test_baskets.py",
    ),
    Known(
        Mutant(
            "a difference that was accepted once is accepted for ever",
            "domain/reconciliation/reconciler.py",
            "Reconciler._enter_day",
            "self._accepted.clear()",
            "",
        ),
        "tests/domain/reconciliation/test_reconciler.py",
    ),
    Known(
        Mutant(
            "a difference that was accepted once is accepted for ever after a restart",
            "storage/external_moves.py",
            "ExternalMoves.accepted_today",
            "trading_day(one.at) == trading_day(now)",
            "trading_day(one.at) <= trading_day(now)",
        ),
        "tests/storage/test_flatten_requests.py",
    ),
    Known(
        Mutant(
            "what others closed of a day's position is carried",
            "domain/positions/ledger.py",
            "GuardLedger.begin_day",
            "self._closed.begin_day()",
            "",
        ),
        "tests/domain/positions/test_ledger.py",
    ),
    Known(
        Mutant(
            "the days of after-market and regular orders are swapped",
            "actors/command/admission.py",
            "Admission.day_of",
            "not command.amo",
            "command.amo",
        ),
        "tests/actors/command/test_actor.py",
    ),
    Known(
        Mutant(
            "a restart's rate knows nothing of changes under way",
            "domain/starting.py",
            "sent_s_ago",
            "one.state in _UNANSWERED or one.change is not None",
            "one.state in _UNANSWERED",
        ),
        "tests/domain/test_starting.py",
    ),
    Known(
        Mutant(
            "a modify of an exit waits among the entries",
            "actors/broker/lanes.py",
            "Lanes.of",
            "message.order.command.intent is Intent.EXIT",
            "isinstance(message, PlaceOrder) and message.order.command.intent is Intent.EXIT",
        ),
        "tests/actors/test_broker.py",
    ),
    Known(
        Mutant(
            "a stop at the broker that has less to catch waits for its pause",
            "actors/exits/broker_stops.py",
            "BrokerStops._move",
            "stop_order.open_quantity > wanted.quantity",
            "False",
        ),
        "tests/actors/exits/test_broker_stops.py",
    ),
    Known(
        Mutant(
            "a wrong code in the chat may be tried again",
            "console/chat.py",
            "Chat._flatten",
            """
            self._code, self._until = "", 0.0
            self._wrong += 1
            """,
            "self._wrong += 1",
        ),
        "tests/console/test_chat.py",
    ),
    Known(
        Mutant(
            "clearing holds any product against a position",
            "domain/reconciliation/write_off.py",
            "objection_to_write_off",
            "key_of(row) == position_key.key",
            "row.symbol == position_key.key.symbol",
        ),
        "tests/domain/reconciliation/test_write_off.py",
    ),
    Known(
        Mutant(
            "clearing minds the orders of any product",
            "domain/positions/books.py",
            "Books.living",
            "one.key == key",
            "one.key.symbol == key.symbol",
        ),
        "tests/domain/positions/test_ledger.py",
    ),
    Known(
        Mutant(
            "a day that ended at zero counts as lost",
            "domain/risk/loss_limit.py",
            "cooldown_until",
            "one.pnl < 0",
            "one.pnl <= 0",
        ),
        "tests/actors/risk/test_loss_monitor.py",
    ),
    Known(
        Mutant(
            "what a person accepted is never taken back",
            "domain/reconciliation/explaining.py",
            "undone_by",
            "replace(found, explained_by=tuple(explaining)) if explaining else None",
            "None",
        ),
        "tests/domain/reconciliation/test_explaining.py",
    ),
    Known(
        Mutant(
            "a Saturday counts as a day of rest",
            "domain/market/trading_days.py",
            "TradingDays.between",
            "self.calendar.is_trading_day(Exchange.NSE, day)",
            "True",
        ),
        "tests/domain/market/test_trading_days.py",
    ),
    Known(
        Mutant(
            "a change counts as an order of the day",
            "domain/risk/checks.py",
            "RiskBook.check_change",
            "self._judged(command, price, None, 0, None)",
            "self._judged(command, price, None, 0, self._objection_to_another(command))",
        ),
        "tests/domain/risk/test_checks.py",
    ),
    Known(
        Mutant(
            "a stop on the wrong side of the price is taken",
            "domain/exits/stop_check.py",
            "stop_objection",
            "(level - price) * wanted <= 0",
            "False",
        ),
        "tests/domain/exits/test_stop_check.py",
    ),
    Known(
        Mutant(
            "what the broker turned out of its books in the night is missing",
            "domain/reconciliation/reconciler.py",
            "Reconciler._lost",
            "not may_have_been_dropped(at, asked_at)",
            "True",
        ),
        "tests/domain/test_night.py",
    ),
    Known(
        Mutant(
            "an order that was handed to the wire never left",
            "domain/orders/hand_over.py",
            "never_left",
            "stored_by == handed.run and order.remarks_tag not in handed.tags",
            "stored_by == handed.run",
        ),
        "tests/domain/orders/test_hand_over.py",
    ),
    Known(
        Mutant(
            "the notes of any run prove that an order never left",
            "domain/orders/hand_over.py",
            "never_left",
            "stored_by == handed.run and order.remarks_tag not in handed.tags",
            "order.remarks_tag not in handed.tags",
        ),
        "tests/domain/orders/test_hand_over.py",
    ),
    Known(
        Mutant(
            "a sale out of the holdings is a short",
            "domain/positions/delivery.py",
            "Delivered.trade",
            "self.held < 0",
            "False",
        ),
        "tests/domain/positions/test_delivery.py",
    ),
    Known(
        Mutant(
            "a loss limit sells delivery",
            "domain/risk/loss_inputs.py",
            "LossRules.products",
            "None if self.limits.breach_sells_delivery else COUNTED",
            "None",
        ),
        "tests/actors/test_loss_products.py",
    ),
    Known(
        Mutant(
            "paper trades wherever the address leads",
            "domain/broker/addresses.py",
            "AddressRules.objection",
            "self.loopback_only",
            "False",
        ),
        "tests/domain/broker/test_addresses.py",
    ),
    Known(
        Mutant(
            "a watched symbol is looked up once",
            "domain/market/watching.py",
            "Watching.due",
            "one.again_s <= now_s",
            "one.again_s <= now_s and (not one.failures)",
        ),
        "tests/domain/market/test_watching.py",
    ),
    Known(
        Mutant(
            "a stop fires by an adjusted price",
            "domain/market/corporate_actions.py",
            "Openings.judge",
            "close is not None and self._has_moved(symbol, close, level, is_down=is_down)",
            "False",
        ),
        "tests/domain/market/test_corporate_actions.py",
    ),
    Known(
        Mutant(
            "a basket begins beside what is being made flat",
            "actors/baskets.py",
            "BasketsActor._take",
            "beside_ways_out(message.basket, self._leaving)",
            "''",
        ),
        "tests/actors/test_baskets.py",
    ),
    Known(
        Mutant(
            "each leg of a spread ends by itself",
            "domain/exits/flatten_sequence.py",
            "FlattenSequence.ending",
            "one not in ordered or _spread_of(one) not in unended",
            "True",
        ),
        "tests/domain/exits/test_flatten_sequence.py",
    ),
    Known(
        Mutant(
            "what others trade meanwhile may resolve a past day",
            "domain/reconciliation/past_orders.py",
            "past_orders",
            "key in today.moving",
            "key in set()",
        ),
        "tests/domain/reconciliation/test_past_orders.py",
    ),
)
