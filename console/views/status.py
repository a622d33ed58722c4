"""How the desk stands: all of it for who knows the token, and what any monitor may see."""

from datetime import datetime

from actors.desk_interface import Status
from console.daemon.private import unprotected
from console.views.desk_response_types import HealthForm, StatusForm
from console.views.serializers import channel_form, exits_form, readiness_form, stays_form, trading_form
from console.views.text import taken_text
from domain.risk.checks import TradingState
from domain.settings import Settings


def status_form(settings: Settings, now: Status, at: datetime) -> StatusForm:
    """Return trading, readiness, what is in flight, and how well the broker is seen, at the moment `at`."""
    readiness = readiness_form(now.readiness)
    asked_at = now.watch.book_asked_at
    return {
        "client_id": settings.client_id,
        "mode": settings.mode.value,
        **readiness,
        "trading": trading_form(now.trading),
        "effective": effective(now.trading.state, [one.detail for one in now.readiness.blockers]),
        "in_flight": list(now.readiness.in_flight),
        "exits": exits_form(now.exits),
        "stays": stays_form(now.exits),
        "unwatched": [f"{', '.join(one.strategies)} gets no prices: {one.message}" for one in now.unwatched],
        "unprotected": unprotected(),
        "alerts": {
            "open": list(now.alerts.open),
            "channels": [channel_form(one) for one in now.alerts.channels],
            "trouble": now.alerts.trouble,
        },
        "broker": {
            "session": now.broker.session,
            "session_state": _session_state(now),
            "feed": now.feed,
            "book_asked_at": asked_at.isoformat() if asked_at else None,
            "book_age_s": _age_s(asked_at, at),
            "waiting": now.broker.waiting,
            "placed": now.broker.placed,
            "address_refused": now.broker.address_refused,
            "idle_s": round(now.broker.idle_s, 3),
        },
    }


def health_form(now: Status, at: datetime) -> HealthForm:
    """Return what needs no token: whether entries are taken, and what kind of thing speaks against it."""
    kinds = list(dict.fromkeys(one.kind for one in now.readiness.blockers))
    labels = [kind.label for kind in kinds]
    ready = f"The desk {taken_text(now.trading.state)}."
    return {
        "ready": not kinds,
        "blockers": [kind.value for kind in kinds],
        "sentence": f"Not ready: {'; '.join(labels)}; `status` says more." if kinds else ready,
        "trading": now.trading.state.value,
        "effective": effective(now.trading.state, labels),
        "session_state": _session_state(now),
        "feed": now.feed,
        "book_age_s": _age_s(now.watch.book_asked_at, at),
        "breaks": len(now.readiness.breaks),
    }


def effective(state: TradingState, reasons: list[str]) -> str:
    """Say what is sent at this moment: ACTIVE with anything against entries is EXITS_ONLY for now."""
    if state is TradingState.ACTIVE and reasons:
        return f"{TradingState.EXITS_ONLY.value} for now: {'; '.join(reasons)}"
    return state.value


def _session_state(now: Status) -> str | None:
    """Return how the session stands; None while the broker's actor is in the middle of a request."""
    return now.broker.session_state.value if now.broker.waiting >= 0 else None


def _age_s(asked_at: datetime | None, at: datetime) -> float | None:
    return None if asked_at is None else round((at - asked_at).total_seconds(), 1)
