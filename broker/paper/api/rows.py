"""Orders, trades and positions as rows and frames (docs/protocol.md, order book, trade book, position book, frames)."""

from collections.abc import Mapping
from decimal import Decimal
from typing import Final

from broker.paper.api.wire import date_first, encoded, epoch, money, time_first
from broker.paper.engine.instruments import Instrument
from broker.paper.engine.orders import WORKING, Event, Order, Report, Status
from broker.paper.engine.positions import Position

Row = dict[str, str]

_NO_SHARES: Final = (
    "dpqty",
    "npoadqty",
    "colqty",
    "benqty",
    "unplgdqty",
    "brkcolqty",
    "btstqty",
    "btstcolqty",
)
"""Shares that lie elsewhere than in the demat account; nobody has any on paper."""

PRODUCT_NAMES: Final = {"C": "CNC", "M": "NRML", "I": "MIS"}


class Speller:
    """Owns how rows are written for one account: whose they are, and how statuses are spelled."""

    def __init__(self, user_id: str, *, blank_rejreason: bool) -> None:
        self._user_id = user_id
        self._blank_rejreason = blank_rejreason
        self._status_texts: dict[str, str] = {}
        self._known: dict[str, tuple[int, bytes]] = {}

    def use_words(self, message: Mapping[str, str]) -> None:
        """Spell statuses otherwise from now on, in books and frames."""
        self._status_texts = dict(message)
        self._known.clear()

    def forget(self) -> None:
        """Forget the rows of an earlier day."""
        self._known.clear()

    def order(self, order: Order) -> Row:
        """Return the order book's row."""
        return self._row(order, order.state)

    def order_text(self, order: Order) -> bytes:
        """Return the order book's row as it goes out; an order that did not change keeps its text."""
        known = self._known.get(order.terms.number)
        if known is None or known[0] != len(order.events):
            known = self._known[order.terms.number] = (len(order.events), encoded(self.order(order)))
        return known[1]

    def history(self, order: Order) -> list[Row]:
        """Return the order's history, newest first, each with its `rpt`."""
        return [
            {**self._row(order, event), "rpt": event.report.value, **_fill_fields(event)}
            for event in reversed(order.events)
        ]

    def trades(self, order: Order) -> list[Row]:
        """Return a row for each fill."""
        terms = order.terms
        found = []
        for event in order.events:
            if event.fill:
                row: Row = {
                    "stat": "Ok",
                    "norenordno": terms.number,
                    "uid": self._user_id,
                    "actid": self._user_id,
                    "exch": terms.instrument.exchange,
                    "prctyp": event.price_type,
                    "ret": terms.retention,
                    "s_prdt_ali": PRODUCT_NAMES[terms.product],
                    "prd": terms.product,
                    **_fill_fields(event),
                    "trantype": terms.side,
                    "tsym": terms.instrument.symbol,
                    "qty": str(event.quantity),
                    "token": terms.instrument.token,
                    "fillshares": str(event.filled),
                    "avgprc": money(event.average or Decimal(0)),
                    **_scrip_fields(terms.instrument),
                    "prc": money(event.price),
                    "norentm": time_first(event.at),
                    "exch_tm": date_first(event.at),
                    "exchordid": event.exchange_number,
                    "cstFrm": "C",
                    "ordersource": terms.source,
                }
                if terms.remarks is not None:
                    row["remarks"] = terms.remarks
                found.append(row)
        return found

    def frame(self, order: Order, event: Event) -> Row:
        """Return the `om` frame of one event; the product's key is `pcode` there."""
        terms = order.terms
        status = event.status
        if event.report is Report.CANCEL_REJECTED:
            # Assumption: the frame says REJECTED while the order stands as it was, which is why the report comes first.
            status = Status.REJECTED
        frame: Row = {
            "t": "om",
            "norenordno": terms.number,
            "uid": self._user_id,
            "actid": self._user_id,
            "exch": terms.instrument.exchange,
            "tsym": terms.instrument.symbol,
            "trantype": terms.side,
            "qty": str(event.quantity),
            "prc": money(event.price),
            "pcode": terms.product,
            "status": self._status_texts.get(status, status.value),
            "reporttype": event.report.value,
            **_fill_fields(event),
            "prctyp": event.price_type,
            "ret": terms.retention,
            "exchordid": event.exchange_number,
            "dscqty": str(terms.disclosed),
            "token": terms.instrument.token,
            "norentm": time_first(event.at),
            "tm": epoch(event.at),
            "kidid": str(event.revision),
            **self._state_fields(event),
        }
        if terms.remarks is not None:
            frame["remarks"] = terms.remarks
        if event.exchange_number:
            frame["exch_tm"] = date_first(event.at)
        return frame

    def position(self, position: Position, last: Decimal, working: list[Order]) -> Row:
        """Return a position's row. `working` are its open orders, which the `open` fields speak of."""
        scrip = position.instrument
        carried = money(position.carried_price)
        row: Row = {
            "stat": "Ok",
            "uid": self._user_id,
            "actid": self._user_id,
            "exch": scrip.exchange,
            "tsym": scrip.symbol,
            "s_prdt_ali": PRODUCT_NAMES[position.product],
            "prd": position.product,
            "token": scrip.token,
            "instname": scrip.kind,
            "dname": f"{scrip.name} ",
            "frzqty": str(scrip.freeze_quantity),
            **_scrip_fields(scrip),
            "daybuyqty": str(position.buy_quantity),
            "daysellqty": str(position.sell_quantity),
            "daybuyamt": money(position.buy_amount),
            "daybuyavgprc": money(position.day_buy_average),
            "daysellamt": money(position.sell_amount),
            "daysellavgprc": money(position.day_sell_average),
            "cforgavgprc": carried,
        }
        for name, quantity in (("buy", position.carried_buy), ("sell", position.carried_sell)):
            row[f"cf{name}qty"] = str(quantity)
            row[f"cf{name}amt"] = money(quantity * position.carried_price)
            row[f"cf{name}avgprc"] = carried if quantity else "0.00"
        row |= _open_fields(working)
        average = money(position.net_average)
        return row | {
            "dayavgprc": average,
            "netqty": str(position.net),
            "netavgprc": average,
            "upldprc": carried,
            "netupldprc": average,
            "lp": money(last),
            "urmtom": money(position.unrealised(last)),
            "bep": average,
            "totbuyamt": money(position.total_buy_amount),
            "totsellamt": money(position.total_sell_amount),
            "totbuyavgprc": money(position.buy_average),
            "totsellavgprc": money(position.sell_average),
            "rpnl": money(position.realised),
        }

    def holding(self, held: Position, sold: int) -> dict[str, object]:
        """Return the row of delivered shares; what was sold of them today is used, and still held."""
        scrip = held.instrument
        listing = {"exch": scrip.exchange, "token": scrip.token, "tsym": scrip.symbol, **_scrip_fields(scrip)}
        return {
            "stat": "Ok",
            "exch_tsym": [listing],
            "s_prdt_ali": PRODUCT_NAMES[held.product],
            "prd": held.product,
            "holdqty": str(held.carried),
            **dict.fromkeys(_NO_SHARES, "0"),
            "usedqty": str(sold),
            "upldprc": money(held.carried_price),
        }

    def _row(self, order: Order, event: Event) -> Row:
        terms, scrip = order.terms, order.terms.instrument
        row: Row = {
            "stat": "Ok",
            "norenordno": terms.number,
            "kidid": str(event.revision),
            "uid": self._user_id,
            "actid": self._user_id,
            "exch": scrip.exchange,
            "tsym": scrip.symbol,
            "qty": str(event.quantity),
            "ordenttm": epoch(event.entered_at),
            "trantype": terms.side,
            "prctyp": event.price_type,
            "ret": terms.retention,
            "token": scrip.token,
            "instname": scrip.kind,
            "ordersource": terms.source,
            "dname": f"{scrip.name} ",
            **_scrip_fields(scrip),
            "prc": money(event.price),
            "rprc": money(event.price),
            "dscqty": str(terms.disclosed),
            "brnchid": "HO",
            "C": "C",
            "s_prdt_ali": PRODUCT_NAMES[terms.product],
            "prd": terms.product,
            "status": self._status_texts.get(event.status, event.status.value),
            "st_intrn": event.internal,
            "norentm": time_first(event.at),
            "rqty": str(event.quantity),
            **self._state_fields(event),
        }
        if terms.amo:
            row["amo"] = "Yes"
        if event.original_quantity is not None and event.original_price is not None:
            row["rorgqty"] = str(event.original_quantity)
            row["rorgprc"] = money(event.original_price)
        if event.original_trigger is not None:
            row["orgtrgprc"] = money(event.original_trigger)
        if event.exchange_number:
            row["exchordid"] = event.exchange_number
            row["exch_tm"] = date_first(event.at)
        if terms.remarks is not None:
            row["remarks"] = terms.remarks
        return row

    def _state_fields(self, event: Event) -> Row:
        """Return what is there only when there is something to say."""
        found: Row = {}
        if event.trigger is not None:
            found["trgprc"] = money(event.trigger)
        if event.average is not None:
            found["fillshares"] = str(event.filled)
            found["avgprc"] = money(event.average)
        if event.cancelled:
            found["cancelqty"] = str(event.cancelled)
        if event.reject_reason:
            found["rejreason"] = event.reject_reason
        elif self._blank_rejreason:
            found["rejreason"] = " "
        if event.rejected_by:
            found["rejby"] = event.rejected_by
        return found


def working_by_position(orders: list[Order]) -> dict[tuple[str, str], list[Order]]:
    """Sort working orders by the position they belong to."""
    found: dict[tuple[str, str], list[Order]] = {}
    for order in orders:
        if order.state.status in WORKING:
            found.setdefault((order.terms.instrument.key, order.terms.product), []).append(order)
    return found


def _open_fields(working: list[Order]) -> Row:
    """Return what is open of these orders, by side: units, rupees and their average price."""
    fields: Row = {}
    for side, name in (("B", "buy"), ("S", "sell")):
        waiting = [one for one in working if one.terms.side == side]
        quantity = sum(one.open_quantity for one in waiting)
        amount = sum((one.open_quantity * one.state.price for one in waiting), Decimal(0))
        fields[f"open{name}qty"] = str(quantity)
        fields[f"open{name}amt"] = money(amount)
        fields[f"open{name}avgprc"] = money(amount / quantity if quantity else Decimal(0))
    return fields


def _scrip_fields(scrip: Instrument) -> Row:
    return {"pp": "2", "ls": str(scrip.lot), "ti": money(scrip.tick), "mult": "1", "prcftr": "1.000000"}


def _fill_fields(event: Event) -> Row:
    if event.fill is None:
        return {}
    return {
        "flqty": str(event.fill.quantity),
        "flprc": money(event.fill.price),
        "flid": event.fill.number,
        "fltm": date_first(event.fill.at),
    }
