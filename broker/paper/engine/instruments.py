"""What can be traded on paper: a table of scrips, and the derivatives that follow from it on a given day.

Symbols, lots, ticks and freeze quantities are in the form of docs/protocol.md, symbol master.
Assumption: exchange holidays are not known here; an expiry that falls on one is not moved.
"""

import calendar
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from typing import Final, Literal

from broker.paper.clock import DAY_BEGINS, Moment
from broker.paper.engine.pricing import circuit_limits, fair_price

Kind = Literal["EQ", "UNDIND", "FUTIDX", "OPTIDX"]

_EXPIRY_WEEKDAY: Final = calendar.TUESDAY
_EXPIRY_TIME: Final = time(15, 30)
_STRIKES_EACH_SIDE: Final = 5
_TOKEN_EPOCH: Final = date(2024, 1, 1)


@dataclass(frozen=True, slots=True, kw_only=True)
class Instrument:
    """One row of the symbol master, with its limits for the day."""

    exchange: str
    token: str
    symbol: str
    kind: Kind
    underlying: str
    name: str
    tick: Decimal
    lot: int
    freeze_quantity: int
    depth_units: int
    close: Decimal
    lower_circuit: Decimal
    upper_circuit: Decimal
    expiry: date | None = None
    strike: Decimal | None = None
    option: str | None = None

    @property
    def key(self) -> str:
        """Return the name that subscriptions use, as in `NSE|2885`."""
        return f"{self.exchange}|{self.token}"

    def part(self, quantity: int, fraction: Decimal) -> int:
        """Return a fraction of a quantity in whole lots, and at least one lot."""
        return max(self.lot, int(quantity * fraction) // self.lot * self.lot)

    def lives_on(self, day: date) -> bool:
        """Say whether it has not expired before `day`."""
        return self.expiry is None or self.expiry >= day

    @property
    def tradable(self) -> bool:
        """An index has quotes and nothing to buy."""
        return self.kind != "UNDIND"


@dataclass(frozen=True, slots=True, kw_only=True)
class _Equity:
    symbol: str
    token: str
    name: str
    base: Decimal
    tick: Decimal
    freeze_quantity: int


@dataclass(frozen=True, slots=True, kw_only=True)
class _Index:
    name: str
    display: str
    token: str
    base: Decimal
    lot: int
    freeze_quantity: int
    strike_step: int
    future_tick: Decimal
    weekly: bool
    digit: int


def _equity(name: str, token: str, base: str, tick: str, freeze_quantity: int) -> _Equity:
    return _Equity(
        symbol=f"{name}-EQ",
        token=token,
        name=name,
        base=Decimal(base),
        tick=Decimal(tick),
        freeze_quantity=freeze_quantity,
    )


EQUITIES: Final = (
    _equity("RELIANCE", "2885", "1500.00", "0.10", 33_001),
    _equity("INFY", "1594", "1600.00", "0.10", 31_001),
    _equity("TCS", "11536", "3200.00", "0.10", 15_001),
    _equity("HDFCBANK", "1333", "990.00", "0.05", 50_001),
    _equity("SBIN", "3045", "860.00", "0.05", 58_001),
    _equity("ICICIBANK", "4963", "1380.00", "0.10", 36_001),
)
"""Assumption: prices and freeze quantities are those of a day in 2026, rounded; nothing hangs on them."""
INDICES: Final = (
    _Index(
        name="NIFTY",
        display="Nifty 50",
        token="26000",  # noqa: S106  the exchange's number for an index
        base=Decimal("26000.00"),
        lot=65,
        freeze_quantity=1_800,
        strike_step=50,
        future_tick=Decimal("0.10"),
        weekly=True,
        digit=1,
    ),
    _Index(
        name="BANKNIFTY",
        display="Nifty Bank",
        token="26009",  # noqa: S106  as above
        base=Decimal("58000.00"),
        lot=30,
        freeze_quantity=600,
        strike_step=100,
        future_tick=Decimal("0.20"),
        weekly=False,
        digit=2,
    ),
)
BASES: Final = {equity.name: equity.base for equity in EQUITIES} | {index.name: index.base for index in INDICES}
_OPTION_TICK: Final = Decimal("0.05")
_EQUITY_DEPTH_UNITS: Final = 1_000
_DEPTH_LOTS: Final = 10


def weekly_expiry(now: datetime) -> date:
    """Return the next Tuesday; a Tuesday itself counts until 15:30 IST."""
    first = now.date() if now.time() < _EXPIRY_TIME else now.date() + timedelta(days=1)
    return first + timedelta(days=(_EXPIRY_WEEKDAY - first.weekday()) % 7)


def monthly_expiry(now: datetime) -> date:
    """Return the next last Tuesday of a month; the day itself counts until 15:30 IST."""
    first = now.date() if now.time() < _EXPIRY_TIME else now.date() + timedelta(days=1)
    last = _last_expiry_of(first.year, first.month)
    if last >= first:
        return last
    return _last_expiry_of(first.year + first.month // 12, first.month % 12 + 1)


def listed_at(now: datetime) -> Iterator[Instrument]:
    """Yield everything that is listed at `now` (IST)."""
    for equity in EQUITIES:
        lower, upper = circuit_limits("EQ", equity.base, equity.base, equity.tick)
        yield Instrument(
            exchange="NSE",
            token=equity.token,
            symbol=equity.symbol,
            kind="EQ",
            underlying=equity.name,
            name=equity.name,
            tick=equity.tick,
            lot=1,
            freeze_quantity=equity.freeze_quantity,
            depth_units=_EQUITY_DEPTH_UNITS,
            close=equity.base,
            lower_circuit=lower,
            upper_circuit=upper,
        )
    for index in INDICES:
        yield Instrument(
            exchange="NSE",
            token=index.token,
            symbol=index.display,
            kind="UNDIND",
            underlying=index.name,
            name=index.display.upper(),
            tick=_OPTION_TICK,
            lot=1,
            freeze_quantity=0,
            depth_units=0,
            close=index.base,
            lower_circuit=Decimal(0),
            upper_circuit=Decimal(0),
        )
        yield _derivative(index, monthly_expiry(now), now.date(), None, "XX")
        expiry = weekly_expiry(now) if index.weekly else monthly_expiry(now)
        middle = int(index.base) // index.strike_step * index.strike_step
        for step in range(-_STRIKES_EACH_SIDE, _STRIKES_EACH_SIDE + 1):
            for option in ("CE", "PE"):
                yield _derivative(index, expiry, now.date(), middle + step * index.strike_step, option)


class Catalogue:
    """Owns what is listed now, and remembers what expired so that its orders of the day stay readable.

    `revise` says what an instrument is on a trading day, where that is not what its table says.
    """

    def __init__(self, now: datetime, revise: Callable[[Instrument, date], Instrument] = lambda one, _: one) -> None:
        self._revise = revise
        self._by_key: dict[str, Instrument] = {}
        self._by_symbol: dict[tuple[str, str], Instrument] = {}
        self._rolls_at = now
        # What was listed this morning and has expired since is still needed to read the day's orders.
        for at in (now.replace(hour=0, minute=0, second=0, microsecond=0), now):
            self._list(at)

    def roll(self, now: datetime) -> bool:
        """List anew when a day began or contracts expired since the last time; say whether it was so."""
        if now < self._rolls_at:
            return False
        self.relist(now)
        return True

    def relist(self, now: datetime) -> None:
        """List anew."""
        self._list(now)

    def current(self, instrument: Instrument) -> Instrument:
        """Return an instrument with the terms it has by now."""
        return self._by_key.get(instrument.key, instrument)

    def listed(self) -> list[Instrument]:
        """Return what can be found now."""
        return list(self._by_symbol.values())

    def by_token(self, exchange: str, token: str) -> Instrument | None:
        """Return the instrument, expired ones of today included."""
        return self._by_key.get(f"{exchange}|{token}")

    def by_key(self, key: str) -> Instrument | None:
        """Return the instrument that a subscription names, as in `NSE|2885`."""
        return self._by_key.get(key)

    def by_symbol(self, exchange: str, symbol: str) -> Instrument | None:
        """Return what is listed now under exactly this trading symbol."""
        return self._by_symbol.get((exchange, symbol))

    def search(self, exchange: str, text: str) -> list[Instrument]:
        """Return what contains every word of `text` (docs/protocol.md, SearchScrip)."""
        message = text.upper().split()
        return [
            one
            for (listed_on, _), one in self._by_symbol.items()
            if message and listed_on == exchange and all(word in one.symbol.upper() for word in message)
        ]

    def _list(self, now: datetime) -> None:
        day = Moment(now, 0.0).day
        as_ever = list(listed_at(now))
        revised = [self._revise(one, day) for one in as_ever]
        self._by_symbol = {(one.exchange, one.symbol): one for one in revised if one.lives_on(day)}
        self._by_key.update((one.key, one) for one in (*as_ever, *revised))
        midnight = now.replace(hour=0, minute=0, second=0, microsecond=0)
        turns = (midnight + DAY_BEGINS, datetime.combine(now.date(), _EXPIRY_TIME, now.tzinfo))
        self._rolls_at = next((one for one in turns if now < one), midnight + timedelta(days=1))


def _last_expiry_of(year: int, month: int) -> date:
    last = date(year, month, calendar.monthrange(year, month)[1])
    return last - timedelta(days=(last.weekday() - _EXPIRY_WEEKDAY) % 7)


def _derivative(index: _Index, expiry: date, today: date, strike: int | None, option: str) -> Instrument:
    kind: Kind = "FUTIDX" if strike is None else "OPTIDX"
    tick = index.future_tick if strike is None else _OPTION_TICK
    close = fair_price(float(index.base), strike, option, (expiry - today).days, tick)
    lower, upper = circuit_limits(kind, close, index.base, tick)
    stem = f"{index.name}{expiry:%d%b%y}".upper()
    # The number is made of what the symbol is made of, so that the same symbol has the same token for ever.
    side = {"XX": 0, "CE": 1, "PE": 2}[option]
    token = f"{index.digit}{(expiry - _TOKEN_EPOCH).days:04d}{(strike or 0) // index.strike_step:04d}{side}"
    return Instrument(
        exchange="NFO",
        token=token,
        symbol=f"{stem}F" if strike is None else f"{stem}{option[0]}{strike}",
        kind=kind,
        underlying=index.name,
        name=f"{index.name} {expiry:%b} {'FUT' if strike is None else strike}".upper()
        + ("" if strike is None else f" {option}"),
        tick=tick,
        lot=index.lot,
        freeze_quantity=index.freeze_quantity,
        depth_units=index.lot * _DEPTH_LOTS,
        close=close,
        lower_circuit=lower,
        upper_circuit=upper,
        expiry=expiry,
        strike=None if strike is None else Decimal(strike),
        option=option,
    )
