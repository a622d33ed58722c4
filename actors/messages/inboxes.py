"""What each actor hears, one union an actor: a message stands in exactly one, so that the flow can be computed."""

from typing import TypeAlias

from actors.messages.alerts import AcknowledgeAlarms, AlertsTick, FindAlerts, NotificationSent, RaiseAlert, ResumeAlarms
from actors.messages.baskets import (
    BasketAnswered,
    BasketsTick,
    FindBaskets,
    FollowOrders,
    LegMoved,
    PositionLeaving,
    ResumeBaskets,
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
    OrderUpdateSeen,
    Poll,
    PositionsRead,
    PositionVanished,
    PositionWrittenOff,
    ReconcileNow,
    TradeBookRead,
    UndoAcceptance,
    UpdatesReconciled,
    VanishingResolved,
)
from actors.messages.broker import (
    ChangeAnswered,
    ChangeAtBroker,
    FindBrokerState,
    InstrumentRead,
    LogIn,
    LookUpTag,
    PlaceAnswered,
    PlaceOrder,
    PositionBookRead,
    PriceRead,
    ReadInstrument,
    ReadOrderBook,
    ReadPositionBook,
    ReadPositions,
    ReadPrice,
    ReadTradeBook,
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
    ExpiredStillHeld,
    ExposureMoved,
    ExposureRefused,
    ExposureReserved,
    ExposuresTold,
    FindExposures,
    FindHoldings,
    HoldersTold,
    LastDayLearnt,
    PastDayApart,
    ReleaseReservation,
    ReserveBasket,
    ReserveExposure,
    WriteOffPosition,
)
from actors.messages.market import (
    AnswerExit,
    BookPricesSeen,
    FindUnwatched,
    LookUpWatched,
    OrderPriced,
    PriceOrder,
    PriceSeen,
    PriceTicked,
    TradePriceSeen,
    WatchPrice,
    WatchUnheard,
)
from actors.messages.orders import OrderAnswered, OrderDeclined, OrderUpdated, SubmitOrder
from actors.messages.persistence import (
    CommitNow,
    EventIllegal,
    EventRecorded,
    EventUnrecorded,
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
    Record,
    RecordEvent,
    RecordExternalMove,
    RecordExternalOrder,
    RecordFills,
    RegisterOrder,
    RegistrationFailed,
    RegistrationUnwritten,
    RetryUnrecorded,
    UndoRecorded,
)
from actors.messages.risk import (
    CheckRisk,
    FillCounted,
    FindPnl,
    FindTradingState,
    OrderOver,
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
    | BreakResolved
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
    | TradingStateChanged
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
    | UndoAcceptance
    | LookUpChange
    | LookUpResolution
    | Record
    | CommitNow
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
    | PositionWrittenOff
    | BreakResolved
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
    | BreakResolved
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

BasketsInbox: TypeAlias = (
    SubmitBasket | BasketReserved | LegMoved | PositionLeaving | BasketsTick | ResumeBaskets | FindBaskets
)

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
    PriceTicked
    | WatchUnheard
    | OrderUpdated
    | OrderDeclined
    | BasketAnswered
    | TradingStateChanged
    | PositionWrittenOff
)

CallerInbox: TypeAlias = OrderAnswered | StopsAnswered | PositionBookRead | AcceptanceUndone
