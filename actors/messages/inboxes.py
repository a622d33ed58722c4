"""What each actor hears, one union an actor: a command stands in one, a fact in those of all who follow it."""

from typing import TypeAlias

from actors.messages.alerts import AcknowledgeAlarms, FindAlerts, NotificationSent, RaiseAlert
from actors.messages.baskets import (
    BasketAnswered,
    FindBaskets,
    FollowOrders,
    PositionLeaving,
    SubmitBasket,
    SuspendSymbol,
)
from actors.messages.books import (
    AcceptanceUndone,
    AcceptBreak,
    BooksChecked,
    BooksReconciled,
    BooksUnavailable,
    BooksWitnessed,
    BreakResolved,
    ChangedOrders,
    DayBegan,
    ExpiryLearnt,
    FeedChanged,
    FetchChangedOrders,
    FillsSeen,
    FindWatchState,
    OrderBookRead,
    OrderUpdatesSeen,
    PositionsRead,
    PositionVanished,
    PositionWrittenOff,
    ReconcileNow,
    TradeBookRead,
    UndoAcceptance,
    VanishingResolved,
)
from actors.messages.broker import (
    BrokerAnswered,
    ChangeAtBroker,
    FindBrokerState,
    LogIn,
    LookedUp,
    LookUp,
    LookUpTag,
    PlaceOrder,
    ReadBook,
    SendNextRequest,
    SessionChanged,
    TagLookedUp,
)
from actors.messages.changes import (
    ChangeOrder,
    ResolveOrder,
)
from actors.messages.desk import (
    ActorDied,
    FindReadiness,
    HeartbeatSent,
    JoinStrategy,
    KeepAlive,
    RestartWatcher,
    SendHeartbeat,
    SnapshotLoaded,
    StopTaking,
)
from actors.messages.exits import (
    ExitCut,
    FindExits,
    Flatten,
    FlattenAll,
)
from actors.messages.guard import (
    AskForExposures,
    AskForHolders,
    BasketReserved,
    ExposureReserved,
    ExposuresTold,
    FindExposures,
    FindHoldings,
    HoldersTold,
    ReleaseReservation,
    ReserveBasket,
    ReserveExposure,
    WriteOffPosition,
)
from actors.messages.market import (
    AnswerExit,
    FindUnwatched,
    LookUpWatched,
    OrderPriced,
    PriceOrder,
    PriceSeen,
    PriceTicked,
    WatchPrice,
    WatchUnheard,
)
from actors.messages.orders import OrderAnswered, OrderChanged, OrderDeclined, SubmitOrder
from actors.messages.persistence import (
    EventIllegal,
    EventRecorded,
    EventUnrecorded,
    ExternalOrderRecorded,
    FindUnwritten,
    ForgetRegistration,
    LoadSnapshot,
    LookUpOrder,
    OrderLookedUp,
    OrderRegistered,
    Record,
    RecordEvent,
    RecordExternalMove,
    RecordExternalOrder,
    RecordFills,
    RegisterOrder,
    RegistrationFailed,
    UndoRecorded,
)
from actors.messages.risk import (
    CheckRefused,
    CheckRisk,
    FindPnl,
    FindTradingState,
    PositionsSeen,
    RiskApproved,
    SetTradingState,
    TradingStateChanged,
)
from actors.messages.stops import FindStops, SetStops, StopsAnswered
from actors.messages.timer import TimerFired

CommandInbox: TypeAlias = (
    SubmitOrder
    | SuspendSymbol
    | ChangeOrder
    | ResolveOrder
    | AcceptBreak
    | ExternalOrderRecorded
    | BreakResolved
    | HoldersTold
    | UndoRecorded
    | BooksChecked
    | DayBegan
    | OrderRegistered
    | RegistrationFailed
    | TagLookedUp
    | OrderPriced
    | RiskApproved
    | ExposureReserved
    | EventRecorded
    | EventIllegal
    | EventUnrecorded
    | TimerFired
    | SessionChanged
    | FetchChangedOrders
    | BooksReconciled
    | BooksUnavailable
    | BooksWitnessed
    | FillsSeen
    | SnapshotLoaded
    | JoinStrategy
    | FollowOrders
    | PositionWrittenOff
    | StopTaking
    | FindReadiness
    | CheckRefused
    | BrokerAnswered
    | TradingStateChanged
    | OrderLookedUp
)

RepoInbox: TypeAlias = (
    RegisterOrder
    | ForgetRegistration
    | LookUpOrder
    | RecordEvent
    | RecordFills
    | RecordExternalOrder
    | RecordExternalMove
    | UndoAcceptance
    | Record
    | TimerFired
    | FindUnwritten
    | LoadSnapshot
)

MarketInbox: TypeAlias = (
    PriceOrder
    | AnswerExit
    | WatchPrice
    | LookUpWatched
    | FindUnwatched
    | PriceSeen
    | OrderChanged
    | LookedUp
    | PositionsRead
)

RiskInbox: TypeAlias = (
    CheckRisk
    | OrderChanged
    | PositionsSeen
    | BreakResolved
    | TimerFired
    | SetTradingState
    | FindTradingState
    | FindPnl
    | PositionWrittenOff
)

GuardInbox: TypeAlias = (
    ReserveExposure
    | ReserveBasket
    | ReleaseReservation
    | WriteOffPosition
    | OrderChanged
    | BreakResolved
    | BooksChecked
    | AskForHolders
    | DayBegan
    | AskForExposures
    | FindExposures
    | FindHoldings
    | ExpiryLearnt
)

ExitsInbox: TypeAlias = (
    Flatten
    | SnapshotLoaded
    | FlattenAll
    | TimerFired
    | ExposuresTold
    | OrderChanged
    | ExitCut
    | PositionVanished
    | VanishingResolved
    | SetStops
    | FindStops
    | FindExits
)

BasketsInbox: TypeAlias = (
    SubmitBasket | BasketReserved | OrderChanged | PositionLeaving | TimerFired | SnapshotLoaded | FindBaskets
)

BrokerInbox: TypeAlias = (
    PlaceOrder
    | TradingStateChanged
    | ChangeAtBroker
    | SendNextRequest
    | LogIn
    | LookUpTag
    | FindBrokerState
    | LookUp
    | ReadBook
)

WatcherInbox: TypeAlias = (
    TimerFired
    | ReconcileNow
    | ChangedOrders
    | OrderBookRead
    | TradeBookRead
    | PositionsRead
    | OrderUpdatesSeen
    | FeedChanged
    | BreakResolved
    | ExpiryLearnt
    | SendHeartbeat
    | FindWatchState
)

NotifierInbox: TypeAlias = RaiseAlert | TimerFired | NotificationSent | AcknowledgeAlarms | SnapshotLoaded | FindAlerts

SupervisorInbox: TypeAlias = ActorDied | TimerFired | HeartbeatSent | KeepAlive | RestartWatcher

StrategyInbox: TypeAlias = (
    PriceTicked
    | WatchUnheard
    | OrderChanged
    | OrderDeclined
    | BasketAnswered
    | TradingStateChanged
    | PositionWrittenOff
)

CallerInbox: TypeAlias = OrderAnswered | StopsAnswered | PositionsRead | AcceptanceUndone
