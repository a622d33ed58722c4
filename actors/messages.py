"""Every message that crosses a mailbox, in the order of the six steps.

Commands are imperative, outcomes past, queries `Find…` and `Recall…`. At the foot stands one union for each actor:
its inbox. A message stands in exactly one inbox, so the flow of messages can be computed from the code.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, datetime
from decimal import Decimal
from typing import TypeAlias

from actors.runtime.address import Address
from domain.alerts.alert import Alert, AlertRecord, ChannelState, Unfinished
from domain.baskets.basket import Basket, BasketRecord
from domain.broker.evidence import (
    Book,
    ChangeReply,
    InstrumentReply,
    OrderRow,
    OrderUpdate,
    PlaceReply,
    PositionRow,
    PriceReply,
    Tick,
    TradeRow,
    Unavailable,
)
from domain.broker.session import SessionState
from domain.broker.witnesses import Sighting
from domain.exits.flatten import EndedRequest, Exposure, FlattenRequest, PositionKey
from domain.exits.pricing import ExitShape
from domain.exits.stops import ArmedStop, StopTerms
from domain.market.expiry import ContractOver, Expiries
from domain.market.instrument import Instrument
from domain.market.price import Reference, SeenPrice
from domain.market.watching import Unwatched
from domain.orders.change import Change
from domain.orders.change_command import ChangeCommand
from domain.orders.lifecycle import Event
from domain.orders.order import Exchange, InstrumentKey, JournalLine, Order, OrderCommand, OrderEvent, Product
from domain.orders.reasons import Reason
from domain.orders.resolution import Resolution
from domain.ports import Kept
from domain.positions.already_exposed import AlreadyExposed
from domain.positions.nothing_to_exit import NothingToExit
from domain.positions.pnl import Pnl, PnlRow
from domain.reconciliation.breaks import Break
from domain.reconciliation.moves import MoveKind
from domain.reconciliation.order_rows import Report
from domain.reconciliation.reconciler import Checked
from domain.reconciliation.vanishing import Holders
from domain.risk.checks import TradingState
from domain.risk.loss_limit import RiskDay

# the caller's words


@dataclass(frozen=True, slots=True, kw_only=True)
class SubmitOrder:
    """Carry this order through the six steps, and answer `reply_to` once.

    `is_new`: the command id was made by this run of the desk for this very order, so that nobody can have sent it.
    """

    command: OrderCommand
    reply_to: "Address[OrderAnswered | OrderDeclined] | None" = None
    from_position_only: bool = False
    """An exit that the desk sized by a position: of delivery it sells nothing out of the holdings."""
    is_new: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class OrderAnswered:
    """How the order stands after steps 1 to 5. `repeated` says that the command id had been seen before.

    `outcome` is how far a repeated change has come.
    """

    order: Order
    repeated: bool = False
    outcome: Event | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class OrderDeclined:
    """The order was not registered and not sent; the same command id may be tried again later."""

    command_id: str
    reason: Reason
    message: str


@dataclass(frozen=True, slots=True, kw_only=True)
class OrderUpdated:
    """An order of this strategy has moved."""

    order: Order
    event: OrderEvent


# a caller's later words about an order


@dataclass(frozen=True, slots=True, kw_only=True)
class ChangeOrder:
    """Cancel or modify an order, and answer `reply_to` once, when the broker has answered."""

    command: ChangeCommand
    reply_to: "Address[OrderAnswered | OrderDeclined] | None" = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ResolveOrder:
    """A person says what became of an order that the books do not tell of."""

    command_id: str
    resolution: Resolution
    reply_to: "Address[OrderAnswered | OrderDeclined] | None" = None


@dataclass(frozen=True, slots=True, kw_only=True)
class LookUpResolution:
    """Find the order that a person wants to resolve."""

    request: ResolveOrder


@dataclass(frozen=True, slots=True, kw_only=True)
class ResolutionLookedUp:
    """The order as it stands; None when there is none, or when it could not be read (`cause`)."""

    request: ResolveOrder
    order: Order | None
    cause: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class AcceptBreak:
    """A person accepts what the books differ about; units of it become EXTERNAL."""

    name: str
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class LookUpChange:
    """Find the order that a change is about, and whether the change's id has been seen before."""

    command: ChangeCommand


@dataclass(frozen=True, slots=True, kw_only=True)
class ChangeLookedUp:
    """The order as it stands, or None when there is none. `outcome`: how far a change asked for before has come."""

    command: ChangeCommand
    order: Order | None
    outcome: Event | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ChangeUnreadable:
    """The database could not be asked about a change; nothing was sent."""

    change_id: str
    cause: str


@dataclass(frozen=True, slots=True, kw_only=True)
class CheckChange:
    """Check 2A for an order as it would be after a change."""

    change_id: str
    command: OrderCommand
    price: Decimal


@dataclass(frozen=True, slots=True, kw_only=True)
class ReserveChange:
    """Checks 2B and 2C for an order whose total would become `quantity`; a yes reserves the growth."""

    change_id: str
    order: Order
    quantity: int


@dataclass(frozen=True, slots=True, kw_only=True)
class ChangeApproved:
    """Risk says yes to the change."""

    change_id: str
    inputs: Mapping[str, str]


@dataclass(frozen=True, slots=True, kw_only=True)
class ChangeReserved:
    """The guard holds what the order may trade with this total."""

    change_id: str
    quantity: int
    inputs: Mapping[str, str]


@dataclass(frozen=True, slots=True, kw_only=True)
class ChangeBlocked:
    """Risk or guard says no to the change."""

    change_id: str
    reason: Reason
    inputs: Mapping[str, str]


# step 1: register


@dataclass(frozen=True, slots=True, kw_only=True)
class RegisterOrder:
    """Store this order as CREATED, unless its command id is known."""

    command: OrderCommand
    remarks_tag: str
    day: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class LookUpOrder:
    """Find out whether this command id is known, without storing anything."""

    command_id: str


@dataclass(frozen=True, slots=True, kw_only=True)
class OrderRegistered:
    """The order is on disk as CREATED; where `unwritten` says why not in the database, in the exit journal.

    `is_sought`: its tag has been looked for at the broker.
    """

    order: Order
    unwritten: str = ""
    is_sought: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class OrderRepeated:
    """The command id was seen before; this is its order."""

    order: Order


@dataclass(frozen=True, slots=True, kw_only=True)
class OrderNotFound:
    """No order has this command id."""

    command_id: str


@dataclass(frozen=True, slots=True, kw_only=True)
class RegistrationFailed:
    """The database did not take the order."""

    command_id: str
    cause: str


@dataclass(frozen=True, slots=True, kw_only=True)
class RegistrationUnwritten:
    """Neither the database nor the exit journal took this exit: it is known in memory alone."""

    order: Order
    cause: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ForgetRegistration:
    """Forget an exit that was not sent after all: its command id may come again.

    One that the database has got meanwhile is `blocked` instead.
    """

    command_id: str
    blocked: OrderEvent


@dataclass(frozen=True, slots=True, kw_only=True)
class LookUpTag:
    """Read the order book and the trade book: does either show this tag?"""

    command_id: str
    remarks_tag: str


@dataclass(frozen=True, slots=True, kw_only=True)
class TagLookedUp:
    """Both books, in which the tag of this order is looked for."""

    command_id: str
    orders: Book[OrderRow] | Unavailable
    trades: Book[TradeRow] | Unavailable


# step 2: blockers


@dataclass(frozen=True, slots=True, kw_only=True)
class PriceOrder:
    """Say what the exchange demands of this instrument, and its last price if the order needs one.

    `exit` says what an exit wants: it is answered soon, with the best that is known. `anew`: ask the broker for the
    price, however fresh the last one is.
    """

    command_id: str
    exchange: Exchange
    symbol: str
    needs_price: bool
    exit: ExitShape | None = None
    anew: bool = False
    reply_to: "Address[OrderPriced] | None" = None
    """Who asks, where it is not CommandActor."""


@dataclass(frozen=True, slots=True, kw_only=True)
class OrderPriced:
    """What is known of the order's instrument; `last_price` is a fresh one, or None.

    `reference` is the best price known, however old: what an exit goes by.
    """

    command_id: str
    instrument: InstrumentReply
    last_price: Decimal | None
    reference: Reference | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class AnswerExit:
    """An exit has waited long enough to be priced: answer with what is known."""

    command_id: str


@dataclass(frozen=True, slots=True, kw_only=True)
class CheckRisk:
    """Check 2A: may this order be sent at this price? `last_price` is the market's, where it was asked for."""

    command: OrderCommand
    price: Decimal | None
    last_price: Decimal | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class RiskApproved:
    """Check 2A says yes."""

    command_id: str
    inputs: Mapping[str, str]


@dataclass(frozen=True, slots=True, kw_only=True)
class RiskBlocked:
    """Check 2A says no."""

    command_id: str
    reason: Reason
    inputs: Mapping[str, str]


@dataclass(frozen=True, slots=True, kw_only=True)
class ReserveExposure:
    """Checks 2B and 2C, or the clamp of an exit; a yes reserves."""

    command: OrderCommand
    from_position_only: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class ExposureReserved:
    """The guard holds this many units for the order."""

    command_id: str
    quantity: int
    inputs: Mapping[str, str]


@dataclass(frozen=True, slots=True, kw_only=True)
class ExposureRefused:
    """The guard says no. `why` tells what stands in the way of an entry, or what there is instead of units to exit."""

    command_id: str
    reason: Reason
    inputs: Mapping[str, str]
    why: AlreadyExposed | NothingToExit | ContractOver | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ExposureMoved:
    """The guard shall know how this order stands now."""

    order: Order


# steps 3 and 5: record


@dataclass(frozen=True, slots=True, kw_only=True)
class RecordEvent:
    """Write what happened to this order, and when: its row and its journal line, together.

    `is_urgent`: an exit or a cancel goes on with it, and waits for no lock.
    """

    command_id: str
    event: OrderEvent
    at: datetime
    is_urgent: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class EventRecorded:
    """It is on disk; this is the order now. `again`: books or updates had told it before, and nothing was written."""

    order: Order
    event: OrderEvent
    late: bool
    again: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class EventIllegal:
    """The order's state does not allow what was reported; nothing was written."""

    command_id: str
    event: OrderEvent
    cause: str


@dataclass(frozen=True, slots=True, kw_only=True)
class EventUnrecorded:
    """The database did not take it; nothing was written. `order` is as it was last written, where that is known."""

    command_id: str
    event: OrderEvent
    at: datetime
    cause: str
    order: Order | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class RecordFills:
    """Keep these fills, each once."""

    fills: tuple[TradeRow, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class RecordExternalOrder:
    """Keep an order that others placed, as EXTERNAL, once."""

    order: Order


@dataclass(frozen=True, slots=True, kw_only=True)
class ExternalOrderRecorded:
    """An order of others is on disk. `known` says that it was before, whoever's it is."""

    order: Order
    known: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class RecordExternalMove:
    """Keep that the break `name` is resolved, and how: carried into the day by others, or by a person's word."""

    recon_break: Break
    reason: str
    at: datetime
    kind: MoveKind = MoveKind.CARRIED
    ended: tuple[tuple[str, int], ...] = ()
    """Strategies whose signed units end by it: they are taken out of their books."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ExternalMoveRecorded:
    """It is on disk that the break is resolved, and how."""

    recon_break: Break
    kind: MoveKind = MoveKind.CARRIED
    reason: str = ""
    ended: tuple[tuple[str, int], ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class AskForHolders:
    """Who holds the position that this break is about, and what of ours would it close?"""

    recon_break: Break


@dataclass(frozen=True, slots=True, kw_only=True)
class HoldersTold:
    """Who holds the position that the break is about."""

    recon_break: Break
    holders: Holders


@dataclass(frozen=True, slots=True, kw_only=True)
class ExternalCounted:
    """The account holds these units by nobody's order, against ours: they count in the day's profit and loss."""

    key: InstrumentKey
    units: int


@dataclass(frozen=True, slots=True, kw_only=True)
class PositionVanished:
    """The account has units of ours no more, and nobody knows why: their stops wait, and a person is told."""

    recon_break: Break
    holders: Holders


@dataclass(frozen=True, slots=True, kw_only=True)
class VanishingResolved:
    """What became of a position that was gone: it is back, or it has ended for this reason, and so have its stops."""

    key: InstrumentKey
    ended: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class RecordExpiry:
    """Keep the last day of a contract that is traded."""

    exchange: Exchange
    symbol: str
    expires_on: date


@dataclass(frozen=True, slots=True, kw_only=True)
class ExpiryLearnt:
    """The last day of a contract that is traded."""

    exchange: Exchange
    symbol: str
    expires_on: date


@dataclass(frozen=True, slots=True, kw_only=True)
class LastDayLearnt:
    """The guard shall know the last day of a contract that is traded: after it nothing of it counts."""

    exchange: Exchange
    symbol: str
    last_day: date


@dataclass(frozen=True, slots=True, kw_only=True)
class ExpiredStillHeld:
    """The account holds these although their contracts should be over, and no others: the guard counts them."""

    keys: frozenset[InstrumentKey]


@dataclass(frozen=True, slots=True, kw_only=True)
class UndoAcceptance:
    """Take back what a person has accepted under this name, as far as it still counts."""

    name: str
    reason: str
    at: datetime
    reply_to: "Address[AcceptanceUndone]"


@dataclass(frozen=True, slots=True, kw_only=True)
class AcceptanceUndone:
    """What was taken back: its units count no more. `undone` is None where there was nothing, or for `cause`."""

    name: str
    undone: Break | None
    cause: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class UndoRecorded:
    """It is on disk what was taken back, if anything; `reply_to` waits for the word."""

    answer: AcceptanceUndone
    reply_to: "Address[AcceptanceUndone]"


@dataclass(frozen=True, slots=True, kw_only=True)
class RecordTradingState:
    """Keep the trading state over restarts."""

    state: TradingState
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class RecordFlattenRequest:
    """Keep that a position is to be made flat, until it is: over restarts too."""

    request: FlattenRequest


@dataclass(frozen=True, slots=True, kw_only=True)
class RecordFlattened:
    """A request has ended: its position is flat, or of `missing` units the broker has no shares to sell."""

    request_id: str
    at: datetime
    missing: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class CommitNow:
    """Write the next group; with what nobody waits for, when that has `lingered` long enough."""

    lingered: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class WriteAgain:
    """Try again what the database did not take and nobody leads."""


@dataclass(frozen=True, slots=True, kw_only=True)
class FindUnwritten:
    """How many writes that came before this question has the database not taken?"""


@dataclass(frozen=True, slots=True, kw_only=True)
class RetryUnrecorded:
    """Try again to write what the database did not take."""


# step 4: execute


@dataclass(frozen=True, slots=True, kw_only=True)
class PlaceOrder:
    """Place this order at the broker: once."""

    order: Order


@dataclass(frozen=True, slots=True, kw_only=True)
class PlaceAnswered:
    """What became of the one request to place this order."""

    command_id: str
    reply: PlaceReply


@dataclass(frozen=True, slots=True, kw_only=True)
class ChangeAtBroker:
    """Cancel or modify this order at the broker: once."""

    order: Order
    change: Change


@dataclass(frozen=True, slots=True, kw_only=True)
class ChangeAnswered:
    """What became of the one request to change this order."""

    command_id: str
    change: Change
    reply: ChangeReply


@dataclass(frozen=True, slots=True, kw_only=True)
class SendNextRequest:
    """Send the request whose turn it is; or, where a wait is over (`woken`), see whose turn it is."""

    woken: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class LogIn:
    """Open a session at the broker. `by_hand` forgets earlier refusals: a person has mended what was wrong."""

    by_hand: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class SessionChanged:
    """The broker's session stands differently now; `words` say why."""

    state: SessionState
    message: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ReadInstrument:
    """Look this symbol up at the broker."""

    exchange: Exchange
    symbol: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ReadPrice:
    """Ask the broker for this instrument's last price."""

    instrument: Instrument


@dataclass(frozen=True, slots=True, kw_only=True)
class InstrumentRead:
    """What the broker knows of a symbol."""

    exchange: Exchange
    symbol: str
    reply: InstrumentReply


@dataclass(frozen=True, slots=True, kw_only=True)
class PriceRead:
    """The broker's last price of an instrument."""

    instrument: Instrument
    reply: PriceReply


# step 6: watch


@dataclass(frozen=True, slots=True, kw_only=True)
class Poll:
    """It is time to read the order book again."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ReconcileNow:
    """Read the books at once; the clock of the polls goes on as it is."""


@dataclass(frozen=True, slots=True, kw_only=True)
class OrderUpdateSeen:
    """The feed brought an order update."""

    update: OrderUpdate


@dataclass(frozen=True, slots=True, kw_only=True)
class FeedChanged:
    """The feed's connection is up, or down."""

    up: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class ReadOrderBook:
    """Read the account's orders."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ReadTradeBook:
    """Read the account's fills."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ReadPositions:
    """Read the account's net positions for the comparison."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PositionsRead:
    """The account's net positions for the comparison, or why they could not be read."""

    book: Book[PositionRow] | Unavailable


@dataclass(frozen=True, slots=True, kw_only=True)
class ReadPositionBook:
    """Read the account's net positions for a caller."""

    reply_to: "Address[PositionBookRead]"


@dataclass(frozen=True, slots=True, kw_only=True)
class OrderBookRead:
    """The account's orders, or why they could not be read."""

    book: Book[OrderRow] | Unavailable


@dataclass(frozen=True, slots=True, kw_only=True)
class TradeBookRead:
    """The account's fills, or why they could not be read."""

    book: Book[TradeRow] | Unavailable


@dataclass(frozen=True, slots=True, kw_only=True)
class PositionBookRead:
    """The account's net positions, or why they could not be read."""

    book: Book[PositionRow] | Unavailable


@dataclass(frozen=True, slots=True, kw_only=True)
class BooksReconciled:
    """An order book was compared with ours; these are the news in it, and the orders of others.

    Only a `whole` book shows that we see; one that has lost rows is told as unavailable too.
    """

    reports: tuple[Report, ...]
    asked_at: datetime
    external: tuple[Order, ...] = ()
    whole: bool = True


@dataclass(frozen=True, slots=True, kw_only=True)
class UpdatesReconciled:
    """Updates that the broker pushed, or its trades, were compared with ours; these are the news in them."""

    reports: tuple[Report, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class BooksChecked:
    """The three books were held against each other."""

    checked: Checked


@dataclass(frozen=True, slots=True, kw_only=True)
class DayBegan:
    """The exchange's day has turned."""

    day: str


@dataclass(frozen=True, slots=True, kw_only=True)
class BeginDay:
    """Forget what does not outlive its day."""

    day: str


@dataclass(frozen=True, slots=True, kw_only=True)
class CountExternal:
    """The account holds these units by nobody's order; `ended` are signed units that strategies hold no more."""

    key: InstrumentKey
    quantity: int
    ended: tuple[tuple[str, int], ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class PastDayApart:
    """Orders of a past day are not resolved: the account holds so many signed units more than all of us together."""

    key: InstrumentKey
    difference: int


@dataclass(frozen=True, slots=True, kw_only=True)
class BreakResolved:
    """A break is resolved: count its units, or say no more of it today; UNDONE lets it be spoken of again."""

    recon_break: Break
    kind: MoveKind = MoveKind.CARRIED


@dataclass(frozen=True, slots=True, kw_only=True)
class FillsSeen:
    """Fills of ours that the trade book shows."""

    fills: tuple[TradeRow, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class BooksUnavailable:
    """No order book could be read for so long."""

    cause: str
    unavailable_s: float


@dataclass(frozen=True, slots=True, kw_only=True)
class BooksWitnessed:
    """Which of the three books have been away for too long, and which were read, where that has changed."""

    sighting: Sighting


@dataclass(frozen=True, slots=True, kw_only=True)
class FetchChangedOrders:
    """The watcher is about to read a book: which orders have moved since it last asked?"""


@dataclass(frozen=True, slots=True, kw_only=True)
class ChangedOrders:
    """These orders have moved; each stands once, as it is now. `fills_grew` says that one of them traded."""

    orders: tuple[Order, ...]
    fills_grew: bool


# the day's profit and loss


@dataclass(frozen=True, slots=True, kw_only=True)
class FillCounted:
    """An order, ours or of others, has traded more."""

    order: Order


@dataclass(frozen=True, slots=True, kw_only=True)
class OrderOver:
    """An order of ours can't trade any more."""

    command: OrderCommand


@dataclass(frozen=True, slots=True, kw_only=True)
class PositionsSeen:
    """The broker's own figures of the day; those of `doubted` stand on a price that nobody could trade at, or none."""

    book: Book[PositionRow]
    doubted: frozenset[tuple[Exchange, str]] = frozenset()


@dataclass(frozen=True, slots=True, kw_only=True)
class RiskTick:
    """Hold the day against its limits."""


@dataclass(frozen=True, slots=True, kw_only=True)
class FindPnl:
    """How does the day stand?"""


@dataclass(frozen=True, slots=True, kw_only=True)
class PnlNow:
    """The day in rupees: each position, our sum, the broker's own (None: not read yet), and where the limit breaks."""

    rows: tuple[PnlRow, ...]
    total: Pnl
    account: Decimal | None
    account_age_s: float | None
    risk_day: RiskDay
    level: Decimal | None


@dataclass(frozen=True, slots=True, kw_only=True)
class RecordRiskDay:
    """Keep how a trading day stands against its limits."""

    risk_day: RiskDay


# exits


@dataclass(frozen=True, slots=True, kw_only=True)
class SuspendEntries:
    """Entries that wait for their turn, and those to come, are stopped for this reason; None takes them again."""

    stopped: Reason | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Flatten:
    """See these positions through to flat. One that is on its way already is not begun again."""

    requests: tuple[FlattenRequest, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class ResumeExits:
    """Take up the requests of an earlier run, and what has `ended` today because the shares are missing."""

    requests: tuple[FlattenRequest, ...]
    ended: tuple[EndedRequest, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class FlattenAll:
    """See every position through to flat, or those of one strategy.

    `products` leaves the others' positions as they are; only what may still be bought of them is taken back.
    """

    reason: str
    strategy: str | None = None
    products: frozenset[Product] | None = None

    def is_about(self, position_key: PositionKey) -> bool:
        """Say whether the position's strategy is meant."""
        return self.strategy in {None, position_key.strategy}

    def leaves(self, position_key: PositionKey) -> bool:
        """Say whether the position stays as it is."""
        return self.products is not None and position_key.key.product not in self.products


@dataclass(frozen=True, slots=True, kw_only=True)
class ExitsTick:
    """Ask the guard what is still held. A `turn` that is not the last one wound is passed over."""

    turn: int


@dataclass(frozen=True, slots=True, kw_only=True)
class AskForExposures:
    """What does every strategy hold, and what may still trade?"""

    reply_to: "Address[ExposuresTold]"
    question: int
    """Comes back with the answer, which knows of nothing that the guard was told after this was asked."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ExposuresTold:
    """What every strategy holds and may still trade; a position that is flat is not there.

    Nor is one whose contract is over: `over` names these as long as something of them stands in a book.
    `awaited` are the positions of which a basket's leg is reserved and has not come to be sent yet.
    """

    exposures: Mapping[PositionKey, Exposure]
    question: int = 0
    over: frozenset[InstrumentKey] = frozenset()
    awaited: frozenset[PositionKey] = frozenset()


@dataclass(frozen=True, slots=True, kw_only=True)
class FindExposures:
    """Which positions are there to make flat?"""


@dataclass(frozen=True, slots=True, kw_only=True)
class FindExits:
    """Which positions are on their way to flat?"""


@dataclass(frozen=True, slots=True, kw_only=True)
class ExitsNow:
    """The positions on their way to flat, each with how often an exit was sent for it.

    `stays` are those whose way out has ended while these signed units are held: they make no lot, or the broker has no
    shares of them. Each was an alarm.
    """

    under_way: Mapping[PositionKey, int]
    stays: Mapping[PositionKey, int] = field(default_factory=dict)


# a person's corrections


@dataclass(frozen=True, slots=True, kw_only=True)
class WriteOffPosition:
    """Take a strategy's position out of the guard's book and count it under EXTERNAL."""

    position_key: PositionKey


@dataclass(frozen=True, slots=True, kw_only=True)
class PositionWrittenOff:
    """A person has written off these signed units of a strategy, and why."""

    position_key: PositionKey
    units: int
    reason: str
    at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class PnlWrittenOff:
    """These units count for others in the day's profit and loss from now on: at their cost, or at this price."""

    position_key: PositionKey
    units: int
    price: Decimal | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class HoldingWrittenOff:
    """The strategy holds these units no more: a person has written them off."""

    key: InstrumentKey
    units: int


@dataclass(frozen=True, slots=True, kw_only=True)
class RecordWriteOff:
    """Keep that a person has written off a position."""

    position_key: PositionKey
    units: int
    reason: str
    at: datetime


# baskets


@dataclass(frozen=True, slots=True, kw_only=True)
class SubmitBasket:
    """Lead these orders through together, and answer `reply_to` once, when the basket has ended."""

    basket: Basket
    reply_to: "Address[BasketAnswered] | None" = None


@dataclass(frozen=True, slots=True, kw_only=True)
class BasketAnswered:
    """How a basket ended."""

    record: BasketRecord


@dataclass(frozen=True, slots=True, kw_only=True)
class ReserveBasket:
    """Hold all legs of a basket at once, or none."""

    basket_id: str
    legs: tuple[OrderCommand, ...]
    reply_to: "Address[BasketReserved]"


@dataclass(frozen=True, slots=True, kw_only=True)
class BasketReserved:
    """The guard holds a basket's legs; or not, and `refused` says why."""

    basket_id: str
    refused: Reason | None


@dataclass(frozen=True, slots=True, kw_only=True)
class ReleaseReservation:
    """A leg that the guard holds is never sent."""

    command: OrderCommand


@dataclass(frozen=True, slots=True, kw_only=True)
class SuspendSymbol:
    """Take no entries in this symbol, for this reason; an empty one takes them again."""

    exchange: Exchange
    symbol: str
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class FollowOrders:
    """Tell `follower` whenever one of these orders moves, until it is over."""

    command_ids: tuple[str, ...]
    follower: "Address[LegMoved]"


@dataclass(frozen=True, slots=True, kw_only=True)
class LegMoved:
    """An order that is followed has moved."""

    order: Order


@dataclass(frozen=True, slots=True, kw_only=True)
class StopBaskets:
    """Send no further leg of the strategy's baskets, and take none beside this position: it is being made flat."""

    position_key: PositionKey
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class WayOutEnded:
    """The position is not being made flat any more: baskets beside it may begin."""

    position_key: PositionKey


@dataclass(frozen=True, slots=True, kw_only=True)
class BasketsTick:
    """See which legs have waited too long."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ResumeBaskets:
    """Take up the baskets of an earlier run: none is gone on with."""

    baskets: tuple[BasketRecord, ...]
    orders: tuple[Order, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class FindBaskets:
    """Which baskets are there, and how do they stand?"""


@dataclass(frozen=True, slots=True, kw_only=True)
class BasketsNow:
    """The baskets, oldest first."""

    baskets: tuple[BasketRecord, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class RecordBasket:
    """Keep a basket as it stands."""

    record: BasketRecord


# stops


@dataclass(frozen=True, slots=True, kw_only=True)
class EntryMoved:
    """An order that carries stops has traded more."""

    order: Order


@dataclass(frozen=True, slots=True, kw_only=True)
class MarketOrderMoved:
    """An order at the market's price, sent as a protected limit, stands differently at the broker."""

    order: Order


@dataclass(frozen=True, slots=True, kw_only=True)
class SaleRefused:
    """The broker has refused a sale for delivery because the shares are not there."""

    order: Order


@dataclass(frozen=True, slots=True, kw_only=True)
class ExitCut:
    """An exit was refused or cut because orders that close the position are working already."""

    command: OrderCommand


@dataclass(frozen=True, slots=True, kw_only=True)
class TakeUpStops:
    """Take up stops of earlier runs; `unarmed` are entries that traded more than their stops know of.

    `vanished` are positions that the account has no more: their stops wait for a person.
    """

    armed_stops: tuple[ArmedStop, ...]
    unarmed: tuple[Order, ...]
    vanished: tuple[InstrumentKey, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class SetStops:
    """Put a position that is held under these stops, in place of those it has; None removes them."""

    position_key: PositionKey
    terms: StopTerms | None
    reason: str
    reply_to: "Address[StopsAnswered] | None" = None


@dataclass(frozen=True, slots=True, kw_only=True)
class StopsAnswered:
    """What stands now, and of what to beware. Where `refused` says why, nothing was changed."""

    armed_stop: ArmedStop | None
    refused: str = ""
    beware: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class FindStops:
    """Which positions are under stops?"""


@dataclass(frozen=True, slots=True, kw_only=True)
class StopsNow:
    """The armed stops, each with the last price and its age in seconds (None: none was seen yet)."""

    armed: tuple[tuple[ArmedStop, Decimal | None, float | None], ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class RecordArmedStop:
    """Keep these stops as they stand: armed, with their best price, or ended."""

    armed_stop: ArmedStop


# prices


@dataclass(frozen=True, slots=True, kw_only=True)
class BookPricesSeen:
    """The position book: its last prices stand in for a feed that is silent, its rows for what can't be looked up."""

    book: Book[PositionRow]


@dataclass(frozen=True, slots=True, kw_only=True)
class TradePriceSeen:
    """An order of the account traded at this price."""

    exchange: Exchange
    symbol: str
    price: SeenPrice


@dataclass(frozen=True, slots=True, kw_only=True)
class WatchPrice:
    """Tell this subscriber every price of the symbol. A strategy is named, and hears at `unheard` where none come."""

    exchange: Exchange
    symbol: str
    subscriber: "Address[PriceTicked]"
    strategy: str = ""
    unheard: "Address[WatchUnheard] | None" = None


@dataclass(frozen=True, slots=True, kw_only=True)
class LookUpWatched:
    """Look a watched symbol up again whose instrument is not known yet."""


@dataclass(frozen=True, slots=True, kw_only=True)
class WatchUnheard:
    """A symbol that this strategy watches brings no prices so far; `why` says the reason."""

    exchange: Exchange
    symbol: str
    why: str


@dataclass(frozen=True, slots=True, kw_only=True)
class FindUnwatched:
    """Which watched symbols bring no prices?"""


@dataclass(frozen=True, slots=True, kw_only=True)
class UnwatchedNow:
    """The symbols that strategies watch and that bring no prices, with the reason."""

    missing: tuple[Unwatched, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class PriceSeen:
    """The feed saw a price."""

    tick: Tick


@dataclass(frozen=True, slots=True, kw_only=True)
class PriceTicked:
    """A price of a symbol that the strategy watches."""

    tick: Tick


# alerts


@dataclass(frozen=True, slots=True, kw_only=True)
class RaiseAlert:
    """Tell a person."""

    alert: Alert


@dataclass(frozen=True, slots=True, kw_only=True)
class AlertsTick:
    """See what is due to be told."""


@dataclass(frozen=True, slots=True, kw_only=True)
class NotificationSent:
    """A channel has taken a text that tells these alerts."""

    alert_ids: tuple[str, ...]
    channel: str


@dataclass(frozen=True, slots=True, kw_only=True)
class AcknowledgeAlarms:
    """A person has seen this topic's alarm, or all of them."""

    topic: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class AlarmsAcknowledged:
    """These alarms are told no more."""

    topics: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class ResumeAlarms:
    """Go on telling what an earlier run could not, or nobody has acknowledged."""

    left: Unfinished


@dataclass(frozen=True, slots=True, kw_only=True)
class FindAlerts:
    """What was told lately, which alarms are open, and how do the channels deliver?"""

    with_records: bool = True


@dataclass(frozen=True, slots=True, kw_only=True)
class AlertsNow:
    """The last alerts, oldest first, the topics of open alarms, and how each channel delivers.

    `trouble` says why nobody is told; empty: somebody is.
    """

    records: tuple[AlertRecord, ...]
    open: tuple[str, ...]
    trouble: str
    channels: tuple[ChannelState, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class RecordAlert:
    """Keep an alert as it stands."""

    record: AlertRecord


# the desk's own life


@dataclass(frozen=True, slots=True, kw_only=True)
class ResumeOrders:
    """Take over the orders that an earlier run left unresolved: none of them is ever sent.

    Where that run was not `ended_in_order`, the broker may have an exit of it that no disk knows. `vanished` are
    positions that are gone and wait for a person.
    """

    orders: tuple[Order, ...]
    ended_in_order: bool = True
    vanished: tuple[Break, ...] = ()
    unsent: frozenset[str] = frozenset()
    """The command ids of those that are proved never to have left."""


@dataclass(frozen=True, slots=True, kw_only=True)
class StopTaking:
    """Take no new orders; those in flight are seen through."""


@dataclass(frozen=True, slots=True, kw_only=True)
class JoinStrategy:
    """Tell this address what becomes of the strategy's orders."""

    strategy: str
    address: "Address[OrderUpdated | OrderDeclined | TradingStateChanged | HoldingWrittenOff]"


@dataclass(frozen=True, slots=True, kw_only=True)
class SetTradingState:
    """A person turns trading to this state; `force` resumes over a broken loss limit."""

    state: TradingState
    reason: str
    force: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class BroadcastTradingState:
    """Tell every strategy what may be sent now."""

    state: TradingState
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class TradingStateChanged:
    """What may be sent has changed, and why."""

    state: TradingState
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ActorDied:
    """An actor's thread ended with an exception."""

    actor: str
    urn: str
    cause: str


@dataclass(frozen=True, slots=True, kw_only=True)
class CheckHeartbeat:
    """It is time to hear from the watcher."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SendHeartbeat:
    """Say that you are alive."""


@dataclass(frozen=True, slots=True, kw_only=True)
class HeartbeatSent:
    """The watcher is alive."""

    urn: str


@dataclass(frozen=True, slots=True, kw_only=True)
class KeepAlive:
    """Start this thread again whenever it dies."""

    thread: Kept


@dataclass(frozen=True, slots=True, kw_only=True)
class RestartWatcher:
    """The delay is over: start a new watcher."""


# queries


@dataclass(frozen=True, slots=True, kw_only=True)
class LoadSnapshot:
    """What does the database remember that the actors start from?"""


@dataclass(frozen=True, slots=True, kw_only=True)
class DeskSnapshot:
    """Unresolved orders and today's, positions from everything older, today's count, and the trading state.

    `moved` are EXTERNAL units by nobody's order, `accepted_units` those of them that a person has accepted, `accepted`
    today's breaks that a person has accepted, `requests` the positions that are on their way to flat,
    `ended_requests` those whose way out has ended today because the shares are missing, `armed_stops` the armed stops
    and today's ended ones, `unarmed` the entries that traded more than their stops know of, `risk_days` how the last
    days stood against their limits, `baskets` the open ones and the last that ended, `alerts` those that are still to
    be told or acknowledged, `written_off` the signed units that a person has written off and that count today,
    `last_prices` the price at which each instrument was last traded by any order of the account, `against_ours` moves
    that stand against units of strategies, `vanished` positions that are gone and wait for a person, `ended` those that
    ended with their contracts, `closed_at` those of the written-off units that the broker has squared off today, with
    their average price, `expiries` the last days of contracts. `ended_in_order` says that the last run was not killed.
    """

    orders: tuple[Order, ...]
    positions: Mapping[str, Mapping[InstrumentKey, int]]
    orders_today: int
    trading_state: TradingState
    reason: str
    moved: Mapping[InstrumentKey, int] = field(default_factory=dict)
    accepted_units: Mapping[InstrumentKey, int] = field(default_factory=dict)
    against_ours: Mapping[InstrumentKey, int] = field(default_factory=dict)
    vanished: tuple[Break, ...] = ()
    ended: frozenset[InstrumentKey] = frozenset()
    closed_at: Mapping[PositionKey, tuple[int, Decimal]] = field(default_factory=dict)
    expiries: Expiries = field(default_factory=dict)
    accepted: tuple[str, ...] = ()
    requests: tuple[FlattenRequest, ...] = ()
    ended_requests: tuple[EndedRequest, ...] = ()
    armed_stops: tuple[ArmedStop, ...] = ()
    unarmed: tuple[Order, ...] = ()
    risk_days: tuple[RiskDay, ...] = ()
    baskets: tuple[BasketRecord, ...] = ()
    alerts: Unfinished = field(default_factory=Unfinished)
    written_off: Mapping[PositionKey, int] = field(default_factory=dict)
    last_prices: Mapping[tuple[Exchange, str], SeenPrice] = field(default_factory=dict)
    ended_in_order: bool = True
    stored_by: Mapping[str, str] = field(default_factory=dict)
    """Which run stored each order that is SENDING."""


@dataclass(frozen=True, slots=True, kw_only=True)
class FindOrders:
    """Which orders are there, newest first: `most`, or as many as a turn tells, after the one called `before`?"""

    limit: int
    open_only: bool = False
    before: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class FindTimeline:
    """What does the journal say of this order?"""

    command_id: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Timeline:
    """An order and all that happened to it, oldest first."""

    order: Order
    lines: tuple[JournalLine, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class FindReadiness:
    """Does the desk take orders, and if not, why?"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Readiness:
    """Whether entries are taken; `reasons` are sentences, empty when they are. `in_flight` are command ids.

    `breaks` are what the broker's books tell differently; not all of them stop entries.
    """

    reasons: tuple[str, ...]
    in_flight: tuple[str, ...]
    stopping: bool
    breaks: tuple[Break, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class FindWatchState:
    """How well do we see the broker?"""


@dataclass(frozen=True, slots=True, kw_only=True)
class WatchState:
    """When the last whole order book was asked for."""

    book_asked_at: datetime | None


@dataclass(frozen=True, slots=True, kw_only=True)
class FindTradingState:
    """What may be sent?"""


@dataclass(frozen=True, slots=True, kw_only=True)
class TradingStateNow:
    """What may be sent, why, and how many orders passed the risk check today.

    `refused` says why a request to turn it was not followed; `stored` whether a restart would know of the turn.
    """

    state: TradingState
    reason: str
    orders_today: int
    refused: str = ""
    stored: bool = True


@dataclass(frozen=True, slots=True, kw_only=True)
class FindHoldings:
    """What does each strategy hold?"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Holdings:
    """Each strategy's positions in signed units, from fills; and what moved in delivery today.

    `sold_from_holdings` are the units of delivery that a strategy sold today beyond what it had bought: no position.
    `delivery_today` is what all orders of today moved in delivery, signed: what the broker's position book shows of it.
    """

    positions: Mapping[str, Mapping[InstrumentKey, int]]
    sold_from_holdings: Mapping[str, Mapping[InstrumentKey, int]] = field(default_factory=dict)
    delivery_today: Mapping[InstrumentKey, int] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class FindBrokerState:
    """How busy is the broker's line?"""


@dataclass(frozen=True, slots=True, kw_only=True)
class BrokerState:
    """The session, what waits, and how long (seconds) the actor had nothing to do since it started.

    `address_refused` is the broker's word against the IP address that orders come from, until one is accepted.
    """

    session: str
    session_state: SessionState = SessionState.LOGGED_OUT
    waiting: int
    placed: int
    idle_s: float
    address_refused: str = ""


# inboxes

CommandInbox: TypeAlias = (
    SubmitOrder
    | SuspendSymbol
    | ChangeOrder
    | ResolveOrder
    | ResolutionLookedUp
    | AcceptBreak
    | ChangeLookedUp
    | ChangeUnreadable
    | ChangeApproved
    | ChangeReserved
    | ChangeBlocked
    | ChangeAnswered
    | ExternalOrderRecorded
    | ExternalMoveRecorded
    | HoldersTold
    | UndoRecorded
    | UpdatesReconciled
    | BooksChecked
    | DayBegan
    | OrderRegistered
    | OrderRepeated
    | OrderNotFound
    | RegistrationFailed
    | RegistrationUnwritten
    | TagLookedUp
    | OrderPriced
    | RiskApproved
    | RiskBlocked
    | ExposureReserved
    | ExposureRefused
    | EventRecorded
    | EventIllegal
    | EventUnrecorded
    | RetryUnrecorded
    | PlaceAnswered
    | SessionChanged
    | FetchChangedOrders
    | BooksReconciled
    | BooksUnavailable
    | BooksWitnessed
    | FillsSeen
    | ResumeOrders
    | JoinStrategy
    | FollowOrders
    | BroadcastTradingState
    | PositionWrittenOff
    | StopTaking
    | FindReadiness
)
RepoInbox: TypeAlias = (
    RegisterOrder
    | ForgetRegistration
    | LookUpOrder
    | RecordEvent
    | RecordFills
    | RecordExternalOrder
    | RecordExternalMove
    | RecordExpiry
    | UndoAcceptance
    | LookUpChange
    | LookUpResolution
    | RecordTradingState
    | RecordFlattenRequest
    | RecordFlattened
    | RecordArmedStop
    | RecordRiskDay
    | RecordBasket
    | RecordAlert
    | RecordWriteOff
    | CommitNow
    | WriteAgain
    | FindUnwritten
    | LoadSnapshot
    | FindOrders
    | FindTimeline
)
MarketInbox: TypeAlias = (
    PriceOrder
    | AnswerExit
    | InstrumentRead
    | PriceRead
    | WatchPrice
    | LookUpWatched
    | FindUnwatched
    | PriceSeen
    | BookPricesSeen
    | TradePriceSeen
)
RiskInbox: TypeAlias = (
    CheckRisk
    | CheckChange
    | FillCounted
    | OrderOver
    | PositionsSeen
    | PnlWrittenOff
    | ExternalCounted
    | RiskTick
    | SetTradingState
    | FindTradingState
    | FindPnl
)
"""What RiskActor is told; prices it hears as any subscriber does."""
GuardInbox: TypeAlias = (
    ReserveExposure
    | ReserveChange
    | ReserveBasket
    | ReleaseReservation
    | WriteOffPosition
    | ExposureMoved
    | CountExternal
    | PastDayApart
    | AskForHolders
    | BeginDay
    | AskForExposures
    | FindExposures
    | FindHoldings
    | LastDayLearnt
    | ExpiredStillHeld
)
ExitsInbox: TypeAlias = (
    Flatten
    | ResumeExits
    | FlattenAll
    | ExitsTick
    | ExposuresTold
    | EntryMoved
    | MarketOrderMoved
    | SaleRefused
    | ExitCut
    | TakeUpStops
    | PositionVanished
    | VanishingResolved
    | SetStops
    | FindStops
    | FindExits
)
"""What ExitsActor is told; what became of its orders, and prices, it hears as any caller and subscriber does."""
BasketsInbox: TypeAlias = (
    SubmitBasket | BasketReserved | LegMoved | StopBaskets | WayOutEnded | BasketsTick | ResumeBaskets | FindBaskets
)
"""What BasketsActor is told; what its legs' first answers were it hears as any caller does."""
BrokerInbox: TypeAlias = (
    PlaceOrder
    | SuspendEntries
    | ChangeAtBroker
    | SendNextRequest
    | LogIn
    | ReadInstrument
    | ReadPrice
    | ReadOrderBook
    | ReadTradeBook
    | ReadPositions
    | ReadPositionBook
    | LookUpTag
    | FindBrokerState
)
WatcherInbox: TypeAlias = (
    Poll
    | ReconcileNow
    | ChangedOrders
    | OrderBookRead
    | TradeBookRead
    | PositionsRead
    | OrderUpdateSeen
    | FeedChanged
    | BreakResolved
    | ExpiryLearnt
    | SendHeartbeat
    | FindWatchState
)
NotifierInbox: TypeAlias = RaiseAlert | AlertsTick | NotificationSent | AcknowledgeAlarms | ResumeAlarms | FindAlerts
SupervisorInbox: TypeAlias = ActorDied | CheckHeartbeat | HeartbeatSent | KeepAlive | RestartWatcher
StrategyInbox: TypeAlias = (
    PriceTicked | WatchUnheard | OrderUpdated | OrderDeclined | BasketAnswered | TradingStateChanged | HoldingWrittenOff
)
CallerInbox: TypeAlias = OrderAnswered | StopsAnswered | PositionBookRead | AcceptanceUndone
"""What callers outside the actors hear: a future set once."""
