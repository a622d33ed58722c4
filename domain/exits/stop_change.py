"""A person's or a strategy's word about the stops of a position that is held."""

from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime
from decimal import Decimal

from domain.exits.flatten import Exposure, PositionKey
from domain.exits.stop_check import check_held
from domain.exits.stops import ArmedStop
from domain.orders.stop_terms import InvalidStopsError, StopTerms


def stop_by_hand(
    position_key: PositionKey,
    terms: StopTerms,
    *,
    known: ArmedStop | None,
    exposures: Mapping[PositionKey, Exposure],
    last_price: Decimal | None,
    stop_id: str,
    at: datetime,
) -> ArmedStop:
    """Return the stop that takes the place of the `known` one, whose prices it keeps where it is of the same side.

    Raise `InvalidStopsError` where nothing is held, or where it would get out at once.
    """
    exposure = exposures.get(position_key)
    if exposure is None or not exposure.held:
        raise InvalidStopsError(_nothing_held(position_key, exposures))
    is_long = exposure.held > 0
    terms.check_against(last_price, is_long=is_long)
    if known is not None and known.is_long is is_long:
        new = replace(known, terms=terms, stop_id=stop_id, quantity=0)
    else:
        entry_price = _first_price(position_key, terms, last_price)
        new = ArmedStop(
            stop_id=stop_id,
            position_key=position_key,
            terms=terms,
            is_long=is_long,
            entry_price=entry_price,
            best_price=entry_price,
            armed_at=at,
        )
    check_held(new, last_price)
    return new


def _nothing_held(position_key: PositionKey, exposures: Mapping[PositionKey, Exposure]) -> str:
    symbol = position_key.key.symbol
    alike = [str(one) for one, now in exposures.items() if now.held and one.key.symbol.startswith(symbol)]
    meant = f"; what is held is {', '.join(alike)}" if alike else ""
    return f"nothing is held of {position_key}, so there is nothing to protect{meant}"


def _first_price(position_key: PositionKey, terms: StopTerms, last_price: Decimal | None) -> Decimal:
    """Return the price that a new stop begins with: the last one, or a level where a trail does not need one."""
    price = last_price if last_price is not None else terms.stop_loss or terms.target or terms.trailing_value
    if price is None or (last_price is None and terms.trailing_type is not None):
        raise InvalidStopsError(f"no price of {position_key.key.symbol} is known yet to trail from; try again shortly")
    return price
