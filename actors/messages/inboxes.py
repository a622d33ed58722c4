"""What each actor hears, one union an actor: a command stands in one, a fact may stand in several."""

from typing import TypeAlias

from actors.messages.alerts import AcknowledgeAlarms, AlertsTick, FindAlerts, NotificationSent, RaiseAlert, ResumeAlarms
from actors.messages.baskets import (
    BasketAnswered,
    BasketsTick,
    FindBaskets,
    FollowOrders,
    LegMoved,
    ResumeBaskets,
    StopBaskets,
    SubmitBasket,
    SuspendSymbol,
    WayOutEnded,
)
from actors.messages.books import (
    AcceptanceUndone,
    AcceptBreak,
    BooksReconciled,
    BooksUnavailable,
    BooksWitnessed,
    BreakResolved,
    ChangedOrders,
    DayBegan,
    ExpiryLearnt,
    ExternalCounted,
    FeedChanged,
    FetchChangedOrders,
    FillsSeen,
    FindWatchState,
    HoldingWrittenOff,
    OrderBookRead,
    OrderUpdateSeen,
    Poll,
    PositionsRead,
    PositionVanished,
    PositionWrittenOff,
    ReconcileNow,
    TradeBookRead,
    UndoAcceptance,
    VanishingResolved,
)
from actors.messages.broker import (
    ChangeAnswered,
    ChangeAtBroker,
    FindBrokerState,
    LogIn,
    LookedUp,
    LookUp,
    LookUpTag,
    PlaceAnswered,
    PlaceOrder,
    ReadBook,
    SendNextRequest,
    SessionChanged,
    TagLookedUp,
)
from actors.messages.changes import (
    ChangeApproved,
    ChangeBlocked,
    ChangeLookedUp,
    ChangeOrder,
    ChangeReserved,
    ChangeUnreadable,
    CheckChange,
    LookUpChange,
    LookUpResolution,
    ReserveChange,
    ResolutionLookedUp,
    ResolveOrder,
)
from actors.messages.desk import (
    ActorDied,
    CheckHeartbeat,
    FindReadiness,
    HeartbeatSent,
    JoinStrategy,
    KeepAlive,
    RestartWatcher,
    ResumeOrders,
    SendHeartbeat,
    StopTaking,
)
from actors.messages.exits import (
    ExitCut,
    ExitsTick,
    FindExits,
    Flatten,
    FlattenAll,
    MarketOrderMoved,
    ResumeExits,
    SaleRefused,
    SuspendEntries,
)
from actors.messages.guard import (
    AskForExposures,
    AskForHolders,
    BasketReserved,
    BeginDay,
    CountExternal,
    ExpiredStillHeld,
    ExposureMoved,
    ExposureRefused,
    ExposureReserved,
    ExposuresTold,
    FindExposures,
    FindHoldings,
    HoldersTold,
    PastDayApart,
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
from actors.messages.orders import OrderAnswered, OrderDeclined, OrderUpdated, SubmitOrder
from actors.messages.persistence import (
    CommitNow,
    EventIllegal,
    EventRecorded,
    EventUnrecorded,
    ExternalMoveRecorded,
    ExternalOrderRecorded,
    FindOrders,
    FindTimeline,
    FindUnwritten,
    ForgetRegistration,
    LoadSnapshot,
    LookUpOrder,
    OrderNotFound,
    OrderRegistered,
    OrderRepeated,
    RecordAlert,
    RecordArmedStop,
    RecordBasket,
    RecordEvent,
    RecordExpiry,
    RecordExternalMove,
    RecordExternalOrder,
    RecordFills,
    RecordFlattened,
    RecordFlattenRequest,
    RecordRiskDay,
    RecordTradingState,
    RecordWriteOff,
    RegisterOrder,
    RegistrationFailed,
    RegistrationUnwritten,
    RetryUnrecorded,
    UndoRecorded,
    WriteAgain,
)
from actors.messages.risk import (
    BroadcastTradingState,
    CheckRisk,
    FillCounted,
    FindPnl,
    FindTradingState,
    OrderOver,
    PnlWrittenOff,
    PositionsSeen,
    RiskApproved,
    RiskBlocked,
    RiskTick,
    SetTradingState,
    TradingStateChanged,
)
from actors.messages.stops import EntryMoved, FindStops, SetStops, StopsAnswered, TakeUpStops

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
    PriceOrder | AnswerExit | WatchPrice | LookUpWatched | FindUnwatched | PriceSeen | LookedUp | PositionsRead
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
    | ExpiredStillHeld
    | ExpiryLearnt
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

BasketsInbox: TypeAlias = (
    SubmitBasket | BasketReserved | LegMoved | StopBaskets | WayOutEnded | BasketsTick | ResumeBaskets | FindBaskets
)

BrokerInbox: TypeAlias = (
    PlaceOrder
    | SuspendEntries
    | ChangeAtBroker
    | SendNextRequest
    | LogIn
    | LookUpTag
    | FindBrokerState
    | LookUp
    | ReadBook
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

CallerInbox: TypeAlias = OrderAnswered | StopsAnswered | PositionsRead | AcceptanceUndone
