"""The judge judged: the safety logic broken in one place at a time, each break to be caught by the simulation."""

from typing import Final

from tests.mutation.mutant import Mutant
from tests.simulation.world_mutants import WORLD_MUTANTS

MUTANTS: Final = (
    Mutant(
        "an order leaves before step 3 is written",
        "actors/command/records.py",
        "Records.record",
        "post(self._repo, RecordEvent(command_id=command_id, event=event, at=at, is_urgent=urgent))",
        """
        if event.kind.value == "SENT":
            post(self._command, EventUnrecorded(command_id=command_id, event=event, at=at, cause=""))
            return
        post(self._repo, RecordEvent(command_id=command_id, event=event, at=at, is_urgent=urgent))
        """,
    ),
    Mutant(
        "a lost reply is asked again",
        "actors/broker/actor.py",
        "BrokerActor._send",
        "isinstance(reply, Refused) and reply.reason is Reason.SESSION_EXPIRED",
        'not hasattr(reply, "broker_order_id") and getattr(reply, "reason", None) is None',
        theme="lost replies",
    ),
    Mutant(
        "a lost reply is taken for a refusal",
        "actors/command/placement.py",
        "Placement._record_reply",
        "OrderEvent(kind=Event.REPLY_LOST, tag=Reason.REPLY_LOST, note=message.reply.cause)",
        "OrderEvent(kind=Event.REFUSED, tag=Reason.BROKER_REFUSED, note=message.reply.cause)",
        theme="lost replies",
    ),
    Mutant(
        "a book that could not be read is taken for an empty one",
        "actors/watcher.py",
        "WatcherActor._compare",
        """
        self._report_unavailable(book.cause)
        self._trades = None
        post(self._broker, ReadBook(kind=BookKind.POSITIONS))
        return
        """,
        "book = Book((), book.asked_at, self._clock.monotonic())",
        theme="first orders",
    ),
    Mutant(
        "orders are matched by the broker's number alone",
        "domain/reconciliation/order_rows.py",
        "OrderIndex.match",
        "self._by_broker_id.get(row.broker_order_id) or self._by_remarks.get(row.remarks)",
        "self._by_broker_id.get(row.broker_order_id)",
        theme="lost replies",
    ),
    Mutant(
        "a partly filled order that is canceled counts for nothing",
        "domain/positions/ledger.py",
        "GuardLedger.observe",
        "order.filled_quantity * command.side.sign",
        "0 if order.state is State.CANCELED else order.filled_quantity * command.side.sign",
        theme="ways out",
    ),
    Mutant(
        "an order is written without a look at the state it has",
        "storage/batch.py",
        "_move",
        'f"orders.state = moved.column{state_place}"',
        "f\"moved.column{state_place} <> ''\"",
        theme="disk",
    ),
    Mutant(
        "nothing is synced",
        "storage/repository.py",
        "OrderRepository.transaction",
        """
        if not synced:
            self._connection.execute("PRAGMA synchronous = NORMAL")
        """,
        'self._connection.execute("PRAGMA synchronous = NORMAL")',
    ),
    Mutant(
        "one book proves an order absent",
        "domain/reconciliation/absence.py",
        "Absence.proves",
        "self.books >= needed.books and spread >= timedelta(seconds=needed.window_s)",
        "True",
        theme="lost replies",
    ),
    Mutant(
        "absence is proved by so many books, however quickly",
        "domain/reconciliation/absence.py",
        "Absence.proves",
        "self.books >= needed.books and spread >= timedelta(seconds=needed.window_s)",
        "self.books >= needed.books",
        theme="lost replies",
    ),
    Mutant(
        "a book with fewer rows than before is a whole one",
        "domain/reconciliation/reconciler.py",
        "Reconciler.compare",
        "self._whole = not lost",
        "self._whole, lost = (True, [])",
        theme="sight",
    ),
    Mutant(
        "exits wait among the entries",
        "actors/broker/lanes.py",
        "Lanes.of",
        "is_cancel or message.order.command.intent is Intent.EXIT",
        "is_cancel",
        theme="flood",
    ),
    Mutant(
        "cancels wait among the entries",
        "actors/broker/lanes.py",
        "Lanes.of",
        "is_cancel or message.order.command.intent is Intent.EXIT",
        "message.order.command.intent is Intent.EXIT",
        theme="flood",
    ),
    Mutant(
        "exits are not cut to what is held",
        "domain/positions/ledger.py",
        "GuardLedger._clamp",
        "min(quantity, reducible)",
        "max(quantity, reducible)",
    ),
    Mutant(
        "exits forget the exits that work",
        "domain/positions/ledger.py",
        "GuardLedger._clamp",
        "abs(held) - closing",
        "abs(held)",
    ),
    Mutant(
        "the repository answers before it commits",
        "actors/repo/actor.py",
        "RepoActor._write_group",
        "letters = self._writer.write(batch)",
        """
        letters = self._writer.write(batch)
        _ = [post(self._command, one) for one in letters if one is not None]
        letters = [None] * len(batch)
        """,
        theme="disk",
    ),
    Mutant(
        "a restart sends what was on its way",
        "actors/command/actor.py",
        "CommandActor._resume",
        "event = OrderEvent(kind=Event.RESTARTED, tag=Reason.RESTARTED_IN_FLIGHT)",
        """
        event = OrderEvent(kind=Event.RESTARTED, tag=Reason.RESTARTED_IN_FLIGHT)
        from dataclasses import replace
        self._placement.execute(replace(order, limit_price=order.limit_price or order.command.price))
        """,
        theme="restarts",
    ),
    Mutant(
        "a restart takes what was on its way for failed",
        "actors/command/actor.py",
        "CommandActor._resume",
        "OrderEvent(kind=Event.RESTARTED, tag=Reason.RESTARTED_IN_FLIGHT)",
        "OrderEvent(kind=Event.REFUSED, tag=Reason.BROKER_REFUSED)",
        theme="restarts",
    ),
    Mutant(
        "an update that comes twice counts twice",
        "domain/positions/ledger.py",
        "GuardLedger.observe",
        "filled - self._counted.get(command.command_id, 0)",
        "filled",
        theme="late truths",
    ),
    Mutant(
        "fills are added up",
        "domain/orders/order.py",
        "Order.after",
        "max(self.filled_quantity, event.filled_quantity or 0)",
        "self.filled_quantity + (event.filled_quantity or 0)",
    ),
    Mutant(
        "working orders are no exposure",
        "domain/positions/books.py",
        "StrategyBook.has_exposure",
        "any(one.may_take_a_position for one in self.reservations.values())",
        "False",
        theme="late truths",
    ),
    Mutant(
        "positions are no exposure",
        "domain/positions/books.py",
        "StrategyBook.has_exposure",
        "any(self.positions.values())",
        "False",
    ),
    Mutant(
        "a lost reply frees the guard",
        "domain/positions/ledger.py",
        "GuardLedger.observe",
        "not order.is_terminal",
        "not order.is_terminal and order.state is not State.UNCONFIRMED",
        theme="lost replies",
    ),
    Mutant(
        "entries pass while exits only",
        "domain/risk/checks.py",
        "RiskBook._objection_to_trading",
        "self.trading_state is TradingState.EXITS_ONLY and not is_exit",
        "False",
        theme="halts",
    ),
    Mutant(
        "entries pass a halt",
        "domain/risk/checks.py",
        "RiskBook._objection_to_trading",
        "self.trading_state is TradingState.HALTED and (not (is_exit and command.origin in _PASS_A_HALT))",
        "self.trading_state is TradingState.HALTED and is_exit and (command.origin not in _PASS_A_HALT)",
        theme="halts",
    ),
    Mutant(
        "a halt does not reach what waits at the broker's actor",
        "actors/broker/actor.py",
        "BrokerActor.on_receive",
        """
        self._entries_stopped = message.state.objection_to_entries
        self._stop_entries()
        """,
        "self._entries_stopped = None",
        theme="halts",
    ),
    Mutant(
        "entries pass blindly",
        "actors/command/entry_gate.py",
        "EntryGate.objection",
        """
        if self._session is not None or self._unseen is not None:
            return Reason.DESK_NOT_READY
        """,
        "",
        theme="sight",
    ),
    Mutant(
        "silence is no blindness",
        "actors/command/entry_gate.py",
        "EntryGate._mind_silence",
        "silent_s > self._silence_s_max",
        "silent_s > 3_600",
        theme="sight",
    ),
    Mutant(
        "exits are held back like entries",
        "domain/risk/checks.py",
        "RiskBook._objection_to_trading",
        "self.trading_state is TradingState.EXITS_ONLY and not is_exit",
        "self.trading_state is TradingState.EXITS_ONLY",
        theme="halts",
    ),
    Mutant(
        "the guard holds exits back like entries",
        "domain/positions/ledger.py",
        "GuardLedger.reserve",
        "command.intent is Intent.EXIT",
        "command.intent is Intent.EXIT and (not book.reservations)",
    ),
    Mutant(
        "the rate ceiling is not kept",
        "domain/risk/rate.py",
        "OrderRate.wait_s",
        "max(0.0, free_from - now)",
        "0.0",
        theme="flood",
    ),
    Mutant(
        "requests count from their beginning",
        "actors/broker/actor.py",
        "BrokerActor._send",
        """
        reply = self._ask_broker(message)
        self._rate.count(self._clock.monotonic())
        """,
        """
        self._rate.count(self._clock.monotonic())
        reply = self._ask_broker(message)
        """,
        theme="flood",
    ),
    Mutant(
        "a restart forgets what this second has seen",
        "actors/broker/actor.py",
        "BrokerActor.__init__",
        "None if sent_s_ago is None else runtime.clock.monotonic() - sent_s_ago",
        "None",
        theme="quick restarts",
    ),
    Mutant(
        "late truths are ignored",
        "domain/reconciliation/order_rows.py",
        "match_order_row",
        "late and (not is_younger)",
        "late",
        theme="late truths",
    ),
    Mutant(
        "late truths are told to nobody",
        "actors/command/followers.py",
        "Followers.spread",
        "alert is not None",
        "alert is not None and (not late)",
        theme="late truths",
    ),
    Mutant(
        "the journal misses a change of state",
        "storage/repository.py",
        "OrderRepository.update_status",
        """
        self._journal(
            command_id, event.kind.value, before.state.value, new, changes, event.inputs, event.tag
        )
        """,
        """
        if event.kind is not Event.ACCEPTED:
            self._journal(
                command_id, event.kind.value, before.state.value, new, changes, event.inputs, event.tag
            )
        """,
    ),
    Mutant(
        "orders of others are passed over",
        "actors/command/placement.py",
        "Placement._record_reports",
        """
        for order in message.external:
            post(self._mail.repo, RecordExternalOrder(order=order))
        """,
        "",
        theme="others",
    ),
    Mutant(
        "the trading state is not kept",
        "actors/repo/writer.py",
        "Writer._keep",
        "self._repository.desk_state.set_trading_state(item.state, item.reason, self._clock.now())",
        "",
        theme="halts",
    ),
    Mutant(
        "an accepted cancel is taken for canceled",
        "actors/command/changes.py",
        "Changes._record_reply",
        "event = OrderEvent(kind=Event.CHANGE_ACCEPTED, change=change)",
        """
        ended = Event.CANCELED if change.kind is ChangeKind.CANCEL else Event.CHANGE_ACCEPTED
        event = OrderEvent(kind=ended, change=change)
        """,
        theme="late truths",
    ),
    Mutant(
        "a day's positions are carried",
        "domain/orders/types.py",
        "Product.ends_with_its_day",
        "self.overnight is Overnight.ENDS",
        "self.overnight is Overnight.ENDS and self is not Product.MIS",
        theme="days",
    ),
    Mutant(
        "what a past day left open is never resolved",
        "domain/reconciliation/past_orders.py",
        "past_orders",
        "one.day < today.day",
        "one.day > today.day",
        theme="days",
    ),
    Mutant(
        "the outcome is told to nobody",
        "actors/command/placement.py",
        "Placement._record_reply",
        "pending.answer_after(event, self._clock.now())",
        """
        if not isinstance(message.reply, Unknown):
            pending.answer_after(event, self._clock.now())
        """,
        theme="lost replies",
    ),
    Mutant(
        "a watcher that died is left dead",
        "actors/supervisor.py",
        "SupervisorActor._plan_restart",
        "self._restarting",
        "self._restarting or why",
        theme="sight",
    ),
    Mutant(
        "a request to get out is not kept",
        "actors/repo/writer.py",
        "Writer._keep",
        "self._repository.flatten_requests.keep(item)",
        "",
        theme="ways out",
    ),
    Mutant(
        "an exit that fails is not tried again",
        "domain/exits/flatten.py",
        "FlattenTask.next_step",
        "self._rests(now, is_open=is_open)",
        "self.tries",
        theme="ways out",
    ),
    Mutant(
        "fills that come before their order are dropped",
        "actors/repo/actor.py",
        "RepoActor._write_group",
        "self._repository.take_early_fills()",
        "self._repository.take_early_fills() and ()",
        theme="disk",
    ),
    Mutant(
        "books make an order younger than it is after a clock was set back",
        "storage/orders.py",
        "OrderReader.remembered_orders",
        "tuple((one if one.updated_at <= now else replace(one, updated_at=now) for one in found))",
        "found",
        theme="clocks",
    ),
    Mutant(
        "what the database did not take is forgotten",
        "actors/command/records.py",
        "Records.retry",
        """
        for message in self._unwritten.take():
            post(self._repo, message)
        """,
        "self._unwritten.take()",
        theme="disk",
    ),
    Mutant(
        "an exit leaves before the exit journal has it",
        "actors/repo/journaled_exits.py",
        "JournaledExits.keep",
        "self._journal.append(order)",
        "",
        theme="disk",
    ),
    Mutant(
        "what the exit journal holds is not taken up",
        "actors/repo/journaled_exits.py",
        "JournaledExits.take_up",
        "{order.command.command_id: order for order in self._journal.read()}",
        "{}",
        theme="disk",
    ),
    Mutant(
        "an exit that no disk knows leaves without a look at the books",
        "actors/command/placement.py",
        "Placement._fail_to_register",
        "self._pending_order(name).is_new",
        "True",
        theme="no disk",
    ),
    Mutant(
        "what happens while nothing can be written is told to nobody",
        "actors/command/actor.py",
        "CommandActor._go_on_unrecorded",
        "self._followers.spread(order, event, late=late, late_quantity=late_quantity)",
        "",
        theme="locks",
    ),
    Mutant(
        "stops of before are not taken up",
        "actors/exits/actor.py",
        "ExitsActor._take_up",
        "self._stops.take_up(snapshot.armed_stops, snapshot.unarmed)",
        "self._stops.take_up((), ())",
        theme="stops",
    ),
    Mutant(
        "stops are not armed by fills",
        "actors/exits/actor.py",
        "ExitsActor._follow",
        "event is not None and event.filled_quantity",
        "event is not None and not event.filled_quantity",
        theme="stops",
    ),
    Mutant(
        "books are always read before entries",
        "actors/broker/actor.py",
        "BrokerActor._serve",
        "self._lanes.reading and (not (self._entry_was_passed and self._has_entry_for(now)))",
        "self._lanes.reading",
        theme="halts",
    ),
    Mutant(
        "an entry leaves in one breath with the login it needed",
        "actors/broker/actor.py",
        "BrokerActor._send",
        """
        if self._is_back(message):
            self._lanes.of(message).appendleft((came_at, message))
        else:
            text = f"no session at the broker ({self._session.message}); nothing was sent"
            self._answer(message, Refused(Reason.SESSION_EXPIRED, text))
        """,
        """
        if self._is_back(message):
            self._answer(message, self._ask_broker(message))
            self._rate.count(self._clock.monotonic())
        else:
            text = f"no session at the broker ({self._session.message}); nothing was sent"
            self._answer(message, Refused(Reason.SESSION_EXPIRED, text))
        """,
        theme="sight",
    ),
    Mutant(
        "a wait that is over sends one more",
        "actors/broker/actor.py",
        "BrokerActor.on_receive",
        "not message.woken",
        "message is not None",
        theme="flood",
    ),
    Mutant(
        "a halt is answered as if it were stored",
        "actors/repo/actor.py",
        "RepoActor.on_receive",
        "len(self._queue.unwritten)",
        "0",
        theme="halts",
    ),
    Mutant(
        "an answer that does not know of a fill ends its stop",
        "actors/exits/stops.py",
        "Stops.look",
        "position_key not in stale",
        "True",
        theme="late stops",
    ),
    Mutant(
        "the exits act on what the guard told before the order behind a word reached it",
        "actors/exits/knowledge.py",
        "GuardKnowledge.take",
        "not told.answers",
        "False",
        theme="late stops",
    ),
    Mutant(
        "an old book in the hands of a watcher that wakes up gives sight",
        "actors/command/entry_gate.py",
        "EntryGate.compare",
        """
        if message.whole and message.asked_at >= self._sees_from and (age_s <= self._silence_s_max):
            self._unseen, self._seen_s = (None, self._clock.monotonic() - age_s)
            if self._are_books_stale:
                self._are_books_stale = False
                self._tell(books_available_alert())
        """,
        """
        if message.whole and message.asked_at >= self._sees_from:
            self._unseen, self._seen_s = (None, self._clock.monotonic())
            if self._are_books_stale:
                self._are_books_stale = False
                self._tell(books_available_alert())
        """,
        theme="sight",
    ),
    Mutant(
        "stops of an older entry take the place of a newer one's",
        "actors/exits/stops.py",
        "Stops.arm",
        "order.created_at < self._entered_at.get(known.stop_id, known.armed_at)",
        "order.quantity < 0",
        theme="late stops",
    ),
    Mutant(
        "a halt is answered before it is stored",
        "actors/desk_interface.py",
        "DeskInterface.set_trading_state",
        "replace(now, stored=self.is_stored())",
        "now",
        theme="halts",
    ),
    Mutant(
        "what came of a change answers a repeat that is being looked up",
        "actors/command/changes.py",
        "Changes._change_of",
        "request if request is not None and request.order is not None else None",
        "request",
        theme="late truths",
    ),
    *WORLD_MUTANTS,
)
