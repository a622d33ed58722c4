"""What the tester may change of the world: instruments, shares in the demat account, money and limits."""

from collections.abc import Mapping
from dataclasses import replace
from datetime import date, timedelta
from decimal import Decimal
from typing import Any, Final

from broker.paper.api import scrips
from broker.paper.control.faults import FaultError
from broker.paper.engine.instruments import Instrument
from broker.paper.engine.revisions import Revision
from broker.paper.engine.venue import Venue
from broker.paper.settings import PaperSettings

Given = Mapping[str, Any]
Shown = dict[str, object]

_NAMES: Final = ("exch", "tsym", "from", "lc", "uc", "ls", "ti", "frzqty", "exd", "becomes", "token", "ratio")
_OF_A_NEW_DAY: Final = ("becomes", "token", "ratio")
_FLAGS: Final = ("hedged_margin", "short_delivery")
_LIMITS: Final = ("orders_per_s_max", "orders_per_min_max", "requests_per_s_max", "requests_per_min_max")


class World:
    """Owns nothing but the way to the venue."""

    def __init__(self, venue: Venue) -> None:
        self._venue = venue

    def instruments(self, given: Given) -> Shown:
        """Change an instrument from `"now"` or from `"tomorrow"`, the next trading day, on."""
        for name in given:
            if name not in _NAMES:
                raise FaultError(f"{name} is not known here; what can be changed is {', '.join(_NAMES[3:])}.")
        scrip, moment = self.scrip(given), self._venue.moment()
        when = given.get("from", "now")
        if when not in {"now", "tomorrow"}:
            raise FaultError('from has to be "now" or "tomorrow".')
        if when == "now" and any(name in given for name in _OF_A_NEW_DAY):
            raise FaultError(f'{", ".join(_OF_A_NEW_DAY)} change over night: from has to be "tomorrow".')
        begins = moment.day if when == "now" else moment.day + timedelta(days=1)
        revision = Revision(
            key=scrip.key,
            begins=begins,
            lower_circuit=_decimal(given, "lc"),
            upper_circuit=_decimal(given, "uc"),
            lot=_whole(given, "ls"),
            tick=_decimal(given, "ti"),
            freeze_quantity=_whole(given, "frzqty"),
            expiry=_day(given, moment.day),
            symbol=given.get("becomes"),
            token=None if given.get("token") is None else str(given["token"]),
            ratio=_decimal(given, "ratio") or Decimal(1),
        )
        after = revision.of(scrip)
        if after.lower_circuit > after.upper_circuit:
            raise FaultError("lc can't be above uc.")
        self._venue.revise(revision, moment)
        return {"begins": begins.isoformat(), **scrips.security_info(after)}

    def holdings(self, given: Given) -> Shown:
        """Put `qty` shares into the demat account, bought at `price`, in the place of those that lie there."""
        scrip, quantity = self.scrip(given), int(given["qty"])
        if scrip.kind != "EQ" or quantity < 0:
            raise FaultError("only shares lie in a demat account, and none fewer than zero.")
        self._venue.hold(scrip, quantity, Decimal(str(given.get("price", scrip.close))))
        return {"holdqty": quantity}

    def rules(self, given: Given) -> Shown:
        """Change money, margin, delivery or limits (null lifts one); say what holds. A restart forgets it."""
        changed: dict[str, Any] = {}
        for name, value in given.items():
            if name == "cash":
                changed[name] = Decimal(str(value))
            elif name in _FLAGS:
                changed[name] = value is True
            elif name in _LIMITS:
                changed[name] = None if value is None else int(value)
            else:
                raise FaultError(f"{name} is no rule; the rules are cash, {', '.join((*_FLAGS, *_LIMITS))}.")
        self._venue.retune(replace(self._venue.settings, **changed))
        return _rules(self._venue.settings)

    def scrip(self, given: Given) -> Instrument:
        """Return the instrument of `exch` and `tsym`, or refuse."""
        scrip = self._venue.catalogue.by_symbol(str(given["exch"]), str(given["tsym"]))
        if scrip is None:
            raise FaultError(f"{given['tsym']} is not listed on {given['exch']}.")
        return scrip


def _rules(settings: PaperSettings) -> Shown:
    shown: Shown = {name: getattr(settings, name) for name in (*_FLAGS, *_LIMITS)}
    return {"cash": str(settings.cash), **shown}


def _decimal(given: Given, name: str) -> Decimal | None:
    if name not in given:
        return None
    value = Decimal(str(given[name]))
    if not value.is_finite() or value <= 0:
        raise FaultError(f"{name} has to be above zero.")
    return value


def _whole(given: Given, name: str) -> int | None:
    value = _decimal(given, name)
    if value is not None and value != int(value):
        raise FaultError(f"{name} has to be a whole number.")
    return None if value is None else int(value)


def _day(given: Given, today: date) -> date | None:
    if "exd" not in given:
        return None
    return today if given["exd"] == "today" else date.fromisoformat(str(given["exd"]))
