"""What the judge asks of exits, prices, delivery and contracts, in a world where things are missing or wrong.

Each rule is a plain sentence in `RULES`; the method that holds it says how it is seen.
"""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from decimal import Decimal
from typing import TYPE_CHECKING, Any, Final

from actors.messages.orders import OrderAnswered, OrderDeclined
from domain.broker.reply_types import PlaceReply, Refused
from domain.broker.snapshots import PRODUCT_LETTERS, BrokerStatus
from domain.orders.command import OrderCommand
from domain.orders.lifecycle import State
from domain.orders.order import Order
from domain.orders.reasons import Reason
from domain.orders.types import Intent, OrderType, Origin, Product, Side
from domain.reconciliation.order_rows import remarks_tag_of
from tests.simulation.contracts import TICK, underlying_of
from tests.simulation.exchange import Key, Placed
from tests.simulation.late_exits import FINAL, check_closing, check_entered_anew
from tests.simulation.losses import Losses
from tests.simulation.prices import is_possible

if TYPE_CHECKING:
    from tests.simulation.judge import Judge

RULES: Final[Mapping[str, str]] = {
    "never waits": "an exit never waits for knowledge: it leaves, or one of the three reasons against it is told",
    "believed prices": "a price at which nobody could trade moves nothing: no stop, no loss limit, no exit's limit",
    "doubtful losses": "a loss that the feed alone shows, for less than ten seconds, breaks no limit",
    "prices in order": "a price that was true before another one that the desk has heard fires no stop",
    "every witness": "nothing is NOT_PLACED that the trade book or the positions carried",
    "delivery": "a sale for delivery is never bought back, waits for no position, no loss limit sells delivery, and the"
    " broker's word that the shares are missing ends the way out that asked for them, and is told",
    "expiry": "after a contract has ended nothing is ordered in it, and nobody is blocked by it",
    "vanished": "a carried position that is gone in the morning is told",
    "worse prices": "an exit's limit gets worse only after an order that was in the market and did not fill",
    "shorts first": "the shorts of an underlying are bought back before its longs are sold",
    "entered anew": "what a strategy enters once a stop has got it out is not sold by that way out",
    "resting": "a MARKET order that rests in the market is re-priced, or told",
}

ALLOWED: Final = frozenset({Reason.NOTHING_TO_EXIT, Reason.TRADING_HALTED, Reason.DESK_STOPPING})
"""The reasons for which an exit may not leave; a desk that stops takes no orders at all."""
UNREAD: Final = "books can't be read"
"""What an exit is told that no disk takes, when the broker's books can't say whether it was sent before."""
LOOK_UP_S: Final = 3.0
"""So long after the disk was lost an exit may still be looked for in the broker's books."""
LEAVES_S: Final = 6.0
"""So long an exit may take to leave while the broker takes orders; the desk waits 2 s for cancels of other orders."""
SEEN_S: Final = 5.5
"""So long a silent feed is trusted before the position book's price stands in for it."""
KNOWN_S: Final = 8.0
"""So long after a fill the desk may honestly not know of it, the books being unreadable now and then."""
UPDATED_S: Final = 1.0
"""So long the word of a fill may be on its way."""
CASH: Final = frozenset({"NSE", "BSE"})
HEDGE_WAIT_S: Final = 10.0
"""So long a hedge waits for the short that it covers."""
FREED_S: Final = 2.0
"""So long an exit takes to leave when nothing stands in its way any more: the pause after a refused try, and a look."""
RESTS_S: Final = 20.0
REFUSED_S: Final = 30.0
"""So long the price of a refused exit is remembered."""
IN_VAIN_S: Final = 0.9
"""An exit that has rested for so long did not fill: the desk waits for 1 s from the moment it sends one."""
SLAB_ENDS: Final = Decimal(100)
"""Here the usual band of a share or future changes (docs/protocol.md, price types), from 2 % below to 1 %."""
_NUMBER: Final = re.compile(r"\d+\.\d+")
_REACHED: Final = re.compile(r"reached at (\d+(?:\.\d+)?)")


@dataclass(slots=True)
class PendingChange:
    """Somebody wants a position flat: since when, and how he said so."""

    at_s: float
    what: str


@dataclass(frozen=True, slots=True)
class Tried:
    """An exit that has left: at what limit, when, and whether the broker refused it."""

    tag: str
    why: tuple[Origin, str]
    limit: Decimal
    at_s: float
    refused: bool


class Rules:
    """Owns the requests to get out, the exits that have left, and how the account truly stands."""

    def __init__(self, judge: "Judge") -> None:
        self._judge = judge
        self._about: frozenset[str] = frozenset()
        self._wishes: dict[tuple[str, Key], PendingChange] = {}
        self._asked_s: dict[str, float] = {}
        self._through_s: dict[tuple[str, Key], float] = {}
        self._tried: dict[tuple[str, Key], Tried] = {}
        self._began_s = 0.0
        self._exits_asked: set[str] = set()
        self._repeats: set[str] = set()
        self._carried: list[tuple[str, Key]] = []
        self._alerts_before = 0
        self._without_shares: dict[str, Order] = {}
        self.losses = Losses(judge)

    def begin(self, names: Iterable[str], loss_max: Decimal | None = None) -> None:
        """Judge a story that is about the rules of these names; all rules hold in every story."""
        unknown = {*names} - {*RULES}
        assert not unknown, unknown
        self._about = frozenset(names)
        self.losses.loss_max = loss_max

    def end_day(self) -> None:
        """Note what is carried into the next day, and what was told before it; the exchange turns its books after."""
        judge = self._judge
        keys = [key for key, units in judge.ledger.net.items() if units and key[2] == "M"]
        names = sorted({one.strategy for one in judge.commands.values()})
        self._carried = [(name, key) for name in names for key in keys if judge.held(name, key)]
        if self._carried:
            self._alerts_before = judge.read("SELECT COALESCE(MAX(rowid), 0) FROM alerts")[0][0]

    def begin_day(self) -> None:
        self.losses.begin_to_wait()
        self._tried.clear()
        self._without_shares.clear()
        self._wishes.clear()
        self._through_s.clear()
        self._began_s = self._now

    def begin_life(self) -> None:
        """A new process: what was asked by hand is asked again, or not; what was to be flat still is."""
        self._wishes = {
            place: PendingChange(self._now, one.what) for place, one in self._wishes.items() if one.what != "hand"
        }
        self._through_s.clear()
        self._without_shares.clear()
        self.losses.begin_to_wait()
        self._began_s = self._now
        self._judge.gateway.sayings.begin_life()

    @property
    def _now(self) -> float:
        return self._judge.scheduler.clock.seconds

    # what is asked and answered

    def see_wish(self, place: tuple[str, Key], what: str) -> None:
        """Somebody has asked for a position that is held to be flat."""
        self._asked_s[place[0]] = self._now
        if not self._judge.is_out(*place):
            self._wishes.setdefault(place, PendingChange(self._now, what))

    def see_exit_asked(self, command: OrderCommand) -> None:
        """A strategy or a person has sent an exit."""
        if command.intent is Intent.EXIT:
            if command.command_id in self._exits_asked:
                self._repeats.add(command.command_id)
            self._exits_asked.add(command.command_id)
            place = (command.strategy, key_of(command))
            if self._judge.held(*place) * command.side.sign < 0:
                self._wishes.setdefault(place, PendingChange(self._now, "hand"))

    def see_answer(self, command: OrderCommand, answer: Any) -> None:  # noqa: ANN401  an answer
        """An exit was answered: only three reasons may stand against it, and they have to be so."""
        if command.intent is not Intent.EXIT:
            return
        reason: Reason | None = None
        if isinstance(answer, OrderDeclined):
            reason = answer.reason
        elif isinstance(answer, OrderAnswered) and answer.order.state is State.BLOCKED:
            reason = answer.order.tag
        place = (command.strategy, key_of(command))
        request = self._wishes.get(place)
        if request is not None and request.what == "hand":
            del self._wishes[place]
        # Whoever repeats an id while the file can't be read hears that its outcome can't be told: it is not sent again.
        # Nor is one sent that no disk takes, while the broker's books can't say whether it was sent before.
        no_disk = self._now < self._judge.disk.journal_refuses_until_s + LOOK_UP_S and UNREAD in str(answer)
        is_untold = reason is Reason.DATABASE_UNAVAILABLE and (no_disk or command.command_id in self._repeats)
        if reason is None or is_untold:
            return
        if reason is Reason.ALREADY_AT_BROKER and remarks_tag_of(command) in self._judge.forgotten.tags:
            return
        if reason not in ALLOWED:
            self._judge.blame("never waits", f"exit {command.command_id} of {command.symbol} is told {reason}")
        elif reason is Reason.NOTHING_TO_EXIT:
            self._check_nothing(command, place)

    def _check_nothing(self, command: OrderCommand, place: tuple[str, Key]) -> None:
        """Nothing to exit is true where nothing is held, a working exit covers it, or a fill is too young to know."""
        judge, (strategy, key) = self._judge, place
        if command.product is Product.CNC:
            office = judge.ledger.back_office
            # One sale at a time may lean on the demat, and none while it is unknown what is held beside it.
            beside = judge.read(
                "SELECT other.state, other.updated_at >= own.created_at FROM orders AS other, orders AS own"
                " WHERE own.command_id = ? AND other.command_id <> own.command_id AND other.symbol = own.symbol"
                " AND other.product = 'CNC'",
                command.command_id,
            )
            working = any(state not in FINAL or moved_since for state, moved_since in beside)
            if command.side is Side.SELL and not working and office.demat.get(key[:2], 0) >= command.quantity:
                message = f"the sale {command.command_id} of {key[1]} is told that nothing is held"
                self._judge.blame("delivery", f"{message}; {office.free_shares(key)} lie in the demat")
            return
        held = judge.held(strategy, key)
        if held * command.side.sign >= 0 or judge.cannot_know(strategy) or self._covers(strategy, key):
            return
        if self._is_on_its_way_out(command, key):
            return
        if self._is_unknown(strategy, key) or self._moved_since(command) or "never waits" not in self._about:
            # Where books lag, updates are lost and others trade as well, nobody here can say what the desk may know.
            return
        if self._now - max(judge.filled_s.get(place, 0.0), self._began_s) > KNOWN_S:
            self._judge.blame("never waits", f"exit {command.command_id} is told NOTHING_TO_EXIT, and {held} are held")

    def _covers(self, strategy: str, key: Key) -> bool:
        """Say whether an order of the strategy works that may close its position, or ended too lately to be known."""
        sign = -1 if self._judge.held(strategy, key) > 0 else 1
        same = (one for one in self._judge.of_strategy(strategy) if one.key == key and one.side.sign == sign)
        return any(one.is_live or self._now - one.changed_s < KNOWN_S for one in same)

    def _is_on_its_way_out(self, command: OrderCommand, key: Key) -> bool:
        """Say whether another exit was asked for and is not answered: it has no row yet where the file is locked."""
        judge = self._judge
        waiting = {one.command_id for one in judge.callers if one.life == judge.life and not one.answers}
        waiting.discard(command.command_id)
        others = (one for one in judge.commands.values() if one.command_id in waiting and one.intent is Intent.EXIT)
        return any((one.strategy, key_of(one)) == (command.strategy, key) for one in others)

    def _moved_since(self, command: OrderCommand) -> bool:
        """Say whether another order of the strategy has moved since this one came: it may have stood in its way."""
        moved = (
            "SELECT COUNT(*) FROM orders AS other, orders AS own WHERE own.command_id = ? AND other.strategy = ?"
            " AND other.command_id <> own.command_id AND other.updated_at >= own.created_at"
        )
        return bool(self._judge.read(moved, command.command_id, command.strategy)[0][0])

    def _is_unknown(self, strategy: str, key: Key) -> bool:
        """Say whether the fate of an order is still unknown here, or by our rows something else is held."""
        rows = self._judge.read(
            "SELECT day, state, side, filled_quantity FROM orders WHERE strategy = ? AND symbol = ?", strategy, key[1]
        )
        today = self._judge.ledger.day
        past = any(state not in FINAL and day < today for day, state, _, _ in rows)
        unresolved = any(state in {"CREATED", "SENDING", "UNCONFIRMED"} and day == today for day, state, _, _ in rows)
        counted = [(side, filled) for day, _, side, filled in rows if key[2] == "M" or day == today]
        ours = sum(filled if side == Side.BUY.value else -filled for side, filled in counted)
        return unresolved or (past and self._past_is_untold(key)) or ours != self._judge.held(strategy, key)

    def _past_is_untold(self, key: Key) -> bool:
        """Say whether it may still be unknown what orders of past days did to this.

        Intraday they did nothing: it was squared off. A carried position tells within `KNOWN_S` of the first moment
        from which all books of today could be read without a pause, and nothing traded in it. Where one of them has
        traded unseen, the position does not add up, and waits for a person.
        """
        if key[2] == "I":
            return False
        ledger = self._judge.ledger
        product = next(product.value for product, letter in PRODUCT_LETTERS.items() if letter == key[2])
        rows = self._judge.read(
            "SELECT remarks_tag, filled_quantity, state FROM orders WHERE symbol = ? AND product = ? AND day < ?",
            key[1],
            product,
            ledger.day,
        )
        if key[2] == "C" and any(state == "UNCONFIRMED" for _, _, state in rows):
            return True  # a holding tells nothing of it: it waits for a person
        left = ((ledger.by_tag.get(remarks, []), filled) for remarks, filled, state in rows if state not in FINAL)
        unseen = any(sum(one.filled for one in there) != filled for there, filled in left)
        traded_s = max((at_s for (_, place), at_s in self._judge.filled_s.items() if place == key), default=0.0)
        told_from_s = max(self._began_s, self._judge.gateway.read_from_s, traded_s)
        return unseen or self._now - told_from_s < KNOWN_S

    # at the wire

    def see_send(self, order: Order) -> None:
        """An order is about to leave."""
        command, key = order.command, key_of(order.command)
        if self._judge.ledger.is_gone(key[:2]) and key[:2] not in self._judge.ledger.contracts.heirs:
            self._judge.blame("expiry", f"{command.command_id} orders {key[1]}, which has ended")
        if command.intent is not Intent.EXIT:
            return
        place = (command.strategy, key)
        self._wishes.pop(place, None)
        self._through_s.pop(place, None)
        self.losses.begin_to_wait()
        self._check_delivery(order, key)
        check_closing(self._judge, order)
        check_entered_anew(self._judge, order)
        self._check_price(order)
        self._check_worse(order, place)
        self._check_hedge(order, key)
        if order.limit_price is not None:
            why = (command.origin, command.comment)
            self._tried[place] = Tried(order.remarks_tag, why, order.limit_price, self._now, refused=False)

    def see_reply(self, order: Order, what: str, reply: PlaceReply) -> None:
        """The broker has answered."""
        place = (order.command.strategy, key_of(order.command))
        tried = self._tried.get(place)
        if what == "place" and tried is not None and tried.tag == order.remarks_tag and isinstance(reply, Refused):
            self._tried[place] = replace(tried, refused=True)
        if what == "place" and isinstance(reply, Refused) and "Insufficient holdings" in reply.message:
            self._see_shares_missing(order, place)

    def _see_shares_missing(self, order: Order, place: tuple[str, Key]) -> None:
        """The broker has no shares for an exit: the same way out does not ask again for as many, but is told to end.

        Only where no other order of the share has worked or moved since: that one may have had them put by.
        """
        task, _, number = order.command.command_id.rpartition("-")
        if not task.startswith("exit-") or not number.isdecimal():
            return
        if not any(one.is_live and one.key == place[1] and one.side is Side.SELL for one in self._judge.ledger.today):
            self._judge.to_be_flat.discard(place)
        before = self._without_shares.get(task)
        if before is not None and before.quantity == order.quantity and not self._has_moved_beside(before, task):
            message = f"{order.command.command_id} asks again for {order.quantity} {place[1][1]}"
            self._judge.blame(
                "delivery", f"{message} that the broker had no shares for when {before.command.command_id} did"
            )
        self._without_shares[task] = order

    def _has_moved_beside(self, before: Order, task: str) -> bool:
        """Say whether another order of the share works, or has moved since this one was decided, after the last try."""
        rows = self._judge.read(
            "SELECT state, updated_at >= (SELECT COALESCE((SELECT MAX(updated_at) FROM orders WHERE command_id LIKE ?"
            " AND id < made.id), created_at) FROM orders AS made WHERE command_id = ?) FROM orders"
            " WHERE symbol = ? AND product = 'CNC' AND command_id NOT LIKE ?",
            *(f"{task}-%", before.command.command_id, before.command.symbol, f"{task}-%"),
        )
        return any(is_younger or state not in FINAL for state, is_younger in rows)

    def _check_delivery(self, order: Order, key: Key) -> None:
        """No exit buys shares back for delivery; no loss limit sells them."""
        command = order.command
        if command.product is not Product.CNC:
            return
        if command.side is Side.BUY:
            self._judge.blame(
                "delivery", f"{command.command_id} buys back {order.quantity} {key[1]}, sold for delivery"
            )
        elif command.origin is Origin.DESK and "loss limit" in command.comment:
            self._judge.blame("delivery", f"{command.command_id} sells delivery of {key[1]} for the loss limit")

    def _check_price(self, order: Order) -> None:
        """An exit of the desk's own is neither priced from, nor caused by, what nobody could have traded at."""
        command = order.command
        if order.limit_price is not None and not is_possible(order.limit_price):
            self._judge.blame("believed prices", f"{command.command_id} leaves at {order.limit_price}")
        if command.origin is not Origin.DESK:
            return
        if "loss" not in command.comment:
            if self._is_overtaken(command):
                self._judge.blame("prices in order", f"{command.command_id} leaves because of {command.comment!r}")
            wrong = [one for one in _NUMBER.findall(command.comment) if not is_possible(Decimal(one))]
            if wrong or self._is_anothers(command):
                self._judge.blame("believed prices", f"{command.command_id} leaves because of {command.comment!r}")
        else:
            self.losses.check_exit(command)

    def _is_anothers(self, command: OrderCommand) -> bool:
        """Say whether the price at a level was never this instrument's: a request may be of an earlier day."""
        reached = _REACHED.search(command.comment)
        if reached is None:
            return False
        return Decimal(reached[1]) not in self._judge.ledger.ever[command.exchange.value, command.symbol]

    def _is_overtaken(self, command: OrderCommand) -> bool:
        """Say whether the price that reached a level was told only after younger ones: it moves nothing."""
        reached = _REACHED.search(command.comment)
        if reached is None or self._is_anothers(command):
            return False
        place = (command.exchange.value, command.symbol)
        return Decimal(reached[1]) not in self._judge.gateway.sayings.in_order.get(place, ())

    def _check_worse(self, order: Order, place: tuple[str, Key]) -> None:
        """After an exit that was refused the next for the same cause gives away no more than the market has moved.

        What bears another name today has no market under its old one.
        """
        tried, command = self._tried.get(place), order.command
        if self._judge.ledger.is_gone(place[1][:2]):
            return
        if tried is None or order.limit_price is None or self._now - tried.at_s > REFUSED_S:
            return
        if not command.comment or tried.why != (command.origin, command.comment):
            return
        there = self._judge.ledger.by_tag.get(tried.tag, [])
        rejected = [one for one in there if one.status is BrokerStatus.REJECTED and not one.filled]
        # One that the exchange rejected after it had rested in vain was in the market.
        if not (tried.refused or any(one.changed_s - one.accepted_s < IN_VAIN_S for one in rejected)):
            return
        gave = (order.limit_price - tried.limit) * command.side.sign
        low, high = self._judge.ledger.range_of(place[1][:2], tried.at_s - SEEN_S)
        # A band of the protected limit is a share of the price: it moves a little with it.
        limit = high - low + TICK * 2 + high * Decimal("0.001")
        if low < SLAB_ENDS <= high:
            limit += high * Decimal("0.01")  # the band below is twice as wide
        if gave > limit:
            message = f"{command.command_id} leaves at {order.limit_price} after {tried.limit} was refused"
            self._judge.blame("worse prices", f"{message}; the market was between {low} and {high}")

    def _check_hedge(self, order: Order, key: Key) -> None:
        """Where a strategy was told to get out of everything, its longs go after its shorts."""
        strategy, command = order.command.strategy, order.command
        asked_s = self._asked_s.get(strategy)
        if command.side is Side.BUY or asked_s is None or command.origin is Origin.STRATEGY:
            return
        if self._now - asked_s > HEDGE_WAIT_S:
            return
        for other in self._legs_beside(key):
            if self._now - self._judge.filled_s.get((strategy, other), -99.0) < UPDATED_S:
                continue
            if self._judge.held(strategy, other) < 0:
                message = f"{command.command_id} sells {key[1]} {self._now - asked_s:.1f} s after {strategy} was told"
                self._judge.blame("shorts first", f"{message} to get out, and {other[1]} is still short")

    # in the journal

    def see_line(self, name: str, event: str, state: str, tag: str | None, there: list[Placed], strategy: str) -> None:
        """A line of the journal was written."""
        filled = sum(one.filled for one in there)
        if state == "NOT_PLACED" and event != "NOTED" and filled:
            self._judge.blame(
                "every witness", f"{name} is NOT_PLACED in our books; {filled} of it are in the trade book"
            )
        if event == "BLOCKED" and tag == Reason.EXECUTION_GUARD_BLOCKED.value and self._judge.ledger.contracts.gone:
            self._check_blocked(name, strategy)

    def _check_blocked(self, name: str, strategy: str) -> None:
        """Nobody is blocked by what has ended: something else must be held, or work."""
        judge = self._judge
        if judge.cannot_know(strategy) or self._now - self._began_s < KNOWN_S:
            return
        orders = judge.of_strategy(strategy)
        recent = any(self._now - at_s < KNOWN_S for (who, _), at_s in judge.filled_s.items() if who == strategy)
        keys = {key_of(one) for one in judge.commands.values() if one.strategy == strategy}
        heirs = {(*old, key[2]) for key in keys for old in judge.ledger.contracts.heirs}
        if recent or any(one.is_live for one in orders) or any(judge.held(strategy, key) for key in keys - heirs):
            return
        on_their_way = "SELECT 1 FROM orders WHERE strategy = ? AND state = 'SENDING' AND day = ?"
        if judge.read(on_their_way, strategy, judge.ledger.day):
            return
        if not heirs & keys:
            self._judge.blame("expiry", f"{name} of {strategy} is blocked by the guard, and {strategy} holds nothing")

    # as time goes on

    def look(self) -> None:
        """Look what is overdue; the world does so with each move of the market."""
        judge = self._judge
        if not judge.gateway.takes_orders or not judge.is_up():
            for request in self._wishes.values():
                request.at_s = self._now
            return
        self._look_at_wishes()
        self._look_at_stops()
        self.losses.look(SEEN_S + LEAVES_S)
        self._look_at_resting()

    def _look_at_wishes(self) -> None:
        for place, request in list(self._wishes.items()):
            held = self._judge.held(*place)
            if self._judge.is_out(*place) or self._judge.cannot_know(place[0]) or self._covers(*place):
                del self._wishes[place]
            elif self._is_unknown(*place) or self._waits_for_short(*place):
                request.at_s = max(request.at_s, self._now - LEAVES_S + FREED_S)
            elif self._now - request.at_s > LEAVES_S:
                message = f"{place[0]} holds {held} of {place[1][1]}, and no exit has left"
                self._judge.blame("never waits", f"{message} {self._now - request.at_s:.1f} s after {request.what}")

    def _waits_for_short(self, strategy: str, key: Key) -> bool:
        """Say whether a hedge still waits for a short of its underlying, anybody's, to be bought back.

        One margin account carries them all: a broker refuses the way out of a short that has lost its hedge.
        """
        judge, since_s = self._judge, max(self._asked_s.get(strategy, -99.0), self._began_s)
        if judge.held(strategy, key) < 0 or self._now - since_s > HEDGE_WAIT_S:
            return False
        names = {one.strategy for one in judge.commands.values()}
        return any(judge.held(name, other) < 0 for name in names for other in self._legs_beside(key))

    def _legs_beside(self, key: Key) -> list[Key]:
        """Return the other contracts of its underlying; none of a share, whose margin hangs on no other leg."""
        if key[0] in CASH:
            return []
        return [one for one in self._judge.ledger.net if one != key and underlying_of(one[1]) == underlying_of(key[1])]

    def _look_at_stops(self) -> None:
        """A stop whose price was passed, where any price of it can be had, gets out."""
        judge = self._judge
        sees = {"tick", "quote", "position row"} - judge.gateway.missing and "quota" not in judge.gateway.missing
        passed = {}
        for place, level, sign in judge.stops_in_force() if sees else ():
            price = judge.ledger.prices[place[1][:2]]
            if (price - level) * sign < 0 and not judge.cannot_know(place[0]) and not self._covers(*place):
                passed[place] = self._through_s.get(place, self._now)
                if self._now - passed[place] > SEEN_S + LEAVES_S and not self._is_unknown(*place):
                    message = (
                        f"{place[0]} holds {judge.held(*place)} of {place[1][1]} at {price} under a stop at {level}"
                    )
                    self._judge.blame("never waits", f"{message}, and no exit has left")
        self._through_s = passed

    def _look_at_resting(self) -> None:
        """What was sent as a market order and rests is told, if it is not re-priced."""
        for order in self._judge.ledger.today:
            command = self._judge.commands.get(order.tag)
            if command is None or not order.is_live or command.order_type is not OrderType.MARKET:
                continue
            if self._now - max(order.accepted_s, order.changed_s, self._began_s) > RESTS_S:
                told = " ".join(f"{topic} {what}" for topic, what in self._judge.read("SELECT topic, what FROM alerts"))
                if command.command_id not in told:
                    message = f"{command.command_id} rests at {order.price} for {RESTS_S:.0f} s, sent as a market order"
                    self._judge.blame("resting", f"{message}, and no alert names it")

    # when it is quiet

    def _check_expired(self) -> None:
        judge = self._judge
        contracts = judge.ledger.contracts
        ended = {symbol for _, symbol in contracts.gone - {*contracts.heirs}}
        waiting = judge.read("SELECT symbol FROM external_moves WHERE kind = 'VANISHED'") if ended else []
        for symbol in sorted(ended & {name for (name,) in waiting}):
            self._judge.blame("expiry", f"{symbol} has expired, and a person has to say what became of it")

    def _check_without_shares(self) -> None:
        judge = self._judge
        for task, order in self._without_shares.items():
            name, strategy = order.command.command_id, order.command.strategy
            later = judge.read(
                "SELECT 1 FROM orders WHERE command_id LIKE ? AND id > (SELECT id FROM orders WHERE command_id = ?)",
                *(f"{task}-%", name),
            )
            alerts = judge.read(
                "SELECT what FROM alerts WHERE topic LIKE ?", f"exit:{order.command.symbol} %{strategy}"
            )
            if not later and not any("refuses to sell" in what for (what,) in alerts):
                self._judge.blame("delivery", f"{name} found no shares, and no alert says that its way out has ended")
            if not later and self._is_forgotten(order, task):
                self._judge.blame("delivery", f"{name} found no shares, and its way out is stored as one that is flat")

    def _is_forgotten(self, order: Order, task: str) -> bool:
        """Say whether the last request about a position that has not moved since is stored as one that is flat."""
        strategy, key = order.command.strategy, key_of(order.command)
        if self._judge.held(strategy, key) != order.quantity or self._has_moved_beside(order, task):
            return False
        requests = (
            "SELECT flat_at, missing FROM flatten_requests WHERE strategy = ? AND symbol = ? ORDER BY id DESC LIMIT 1"
        )
        return any(flat_at and missing is None for flat_at, missing in self._judge.read(requests, strategy, key[1]))

    def check_quiet(self) -> None:
        """Check that all was told that had to be: what is gone, what has expired, and ways out that found no shares."""
        self._check_without_shares()
        self._check_expired()
        judge = self._judge
        if not judge.ledger.contracts.gone:
            return
        rows = judge.read("SELECT topic, what FROM alerts WHERE rowid > ?", self._alerts_before)
        told = " ".join(f"{topic} {what}" for topic, what in rows)
        for strategy, key in self._carried:
            if judge.ledger.is_gone(key[:2]) and key[1] not in told:
                self._judge.blame("vanished", f"{key[1]}, carried by {strategy}, is gone, and no alert speaks of it")


def key_of(command: OrderCommand) -> Key:
    """Return what a command trades in, in the exchange's words."""
    return command.exchange.value, command.symbol, PRODUCT_LETTERS[command.product]
