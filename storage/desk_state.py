"""What a desk must know again at its next start: what may be sent, how the days stood, and when contracts end."""

import json
from datetime import date, datetime
from decimal import Decimal
from typing import Final

import peewee

from domain.orders.types import Exchange
from domain.risk.checks import TradingState
from domain.risk.loss_limit import RiskDay
from storage.models import ExpiryRecord, RiskDayRecord, TradingStateRecord

DAYS_MAX: Final = 100
"""So many of the last days are read back."""


class DeskState:
    """Owns one client's rows of trading_state, risk_days and expiries."""

    def __init__(self, database: peewee.SqliteDatabase, client_id: str) -> None:
        self._database = database
        self._client_id = client_id

    def set_trading_state(self, state: TradingState, reason: str, at: datetime) -> None:
        """Keep the trading state over restarts."""
        row = {"client_id": self._client_id, "state": state.value, "reason": reason, "since": at}
        TradingStateRecord.insert(**row).on_conflict_replace().execute(self._database)

    def trading_state(self) -> tuple[TradingState, str]:
        """Return the stored trading state and its reason; ACTIVE when none was stored."""
        rows = TradingStateRecord.select().where(TradingStateRecord.client_id == self._client_id)
        for one in rows.execute(self._database):
            return TradingState(one.state), one.reason
        return TradingState.ACTIVE, ""

    def keep_risk_day(self, day: RiskDay) -> None:
        """Keep how a trading day stands against its limits."""
        RiskDayRecord.insert(
            client_id=self._client_id,
            day=day.day,
            pnl=day.pnl,
            peak_pnl=day.peak_pnl,
            base=day.base,
            breach=day.breach,
            breached_at=day.breached_at,
            spent=json.dumps(sorted(day.spent)),
            first_prices=json.dumps(
                [[exchange.value, symbol, str(price)] for (exchange, symbol), price in day.first_prices.items()]
            ),
        ).on_conflict_replace().execute(self._database)

    def risk_days(self) -> tuple[RiskDay, ...]:
        """Return how the last days stood, oldest first."""
        rows = RiskDayRecord.select().where(RiskDayRecord.client_id == self._client_id)
        newest = rows.order_by(RiskDayRecord.day.desc()).limit(DAYS_MAX)
        return tuple(map(_risk_day, reversed(list(newest.execute(self._database)))))

    def keep_expiry(self, exchange: Exchange, symbol: str, expires_on: date) -> None:
        """Keep the last day of a contract."""
        row = {"exchange": exchange.value, "symbol": symbol, "expires_on": expires_on.isoformat()}
        ExpiryRecord.insert(client_id=self._client_id, **row).on_conflict_replace().execute(self._database)

    def expiries(self) -> dict[tuple[Exchange, str], date]:
        """Return the last days of the contracts that were traded here."""
        rows = ExpiryRecord.select().where(ExpiryRecord.client_id == self._client_id).execute(self._database)
        return {(Exchange(one.exchange), one.symbol): date.fromisoformat(one.expires_on) for one in rows}


def _risk_day(one: RiskDayRecord) -> RiskDay:
    first = json.loads(one.first_prices)
    return RiskDay(
        day=one.day,
        pnl=one.pnl,
        peak_pnl=one.peak_pnl,
        base=one.base,
        breach=one.breach,
        breached_at=one.breached_at,
        spent=frozenset(json.loads(one.spent)),
        first_prices={(Exchange(exchange), symbol): Decimal(price) for exchange, symbol, price in first},
    )
