"""Instruments and prices as rows and frames (docs/protocol.md, SearchScrip, GetSecurityInfo, GetQuotes, tk and tf)."""

from datetime import datetime
from decimal import Decimal
from typing import Final

from broker.paper.api.wire import date_first, epoch, money
from broker.paper.engine.instruments import Instrument
from broker.paper.engine.market import Quote

Row = dict[str, str]

_LEVELS: Final = 5
_LEVEL_LOTS: Final = 10
_NEVER_TRADED: Final = "05:30:00"


def search_row(scrip: Instrument) -> Row:
    """Return one value of a SearchScrip answer."""
    row = {
        "exch": scrip.exchange,
        "token": scrip.token,
        "tsym": scrip.symbol,
        "pp": "2",
        "ti": money(scrip.tick),
        "ls": str(scrip.lot),
        "instname": scrip.kind,
        "symname": scrip.underlying,
        "cname": scrip.name,
        "dname": f"{scrip.name} ",
    }
    return row | _contract(scrip)


def security_info(scrip: Instrument) -> Row:
    """Return what GetSecurityInfo says, without `stat` and `request_time`."""
    row = search_row(scrip) | {
        "seg": {"EQ": "EQT", "UNDIND": "EQT"}.get(scrip.kind, "DERV"),
        "prcftr": "1.000000",
        "mult": "1",
        "prcftr_d": "(1 / 1 ) * (1 / 1)",
    }
    return row | _limits(scrip) | ({"frzqty": str(scrip.freeze_quantity)} if scrip.tradable else {})


def quote_row(scrip: Instrument, quote: Quote) -> Row:
    """Return what GetQuotes says, without `stat` and `request_time`."""
    traded = quote.traded_at
    row = search_row(scrip) | {
        "seg": {"EQ": "EQT", "UNDIND": "EQT"}.get(scrip.kind, "DERV"),
        "mult": "1",
        "prcftr_d": "(1 / 1 ) * (1 / 1)",
        **_prices(quote),
        "v": str(quote.volume),
        "ltt": f"{traded:%H:%M:%S}" if traded else _NEVER_TRADED,
        "ltd": f"{traded:%d-%m-%Y}" if traded else "01-01-1970",
        "lut": epoch(traded) if traded else "0",
    }
    return row | _limits(scrip) | (_ladder(scrip, quote) if scrip.tradable else {})


def touchline(scrip: Instrument, quote: Quote, now: datetime) -> Row:
    """Return a whole `tk` frame; an index has no bid and no ask."""
    row = {
        "t": "tk",
        "e": scrip.exchange,
        "tk": scrip.token,
        "ts": scrip.symbol,
        "pp": "2",
        "ti": money(scrip.tick),
        "ls": str(scrip.lot),
        **_prices(quote),
        "pc": money((quote.last / quote.close - 1) * 100),
        "ft": epoch(now),
    }
    if scrip.tradable:
        size = str(scrip.lot * _LEVEL_LOTS)
        row |= {"v": str(quote.volume), "bp1": money(quote.bid), "bq1": size, "sp1": money(quote.ask), "sq1": size}
    return row


def depth(scrip: Instrument, quote: Quote, now: datetime) -> Row:
    """Return a whole `dk` frame: the touchline and five levels."""
    row = touchline(scrip, quote, now) | {"t": "dk"} | _limits(scrip)
    return row | _ladder(scrip, quote) if scrip.tradable else row


def delta(kind: str, before: Row, now: Row) -> Row | None:
    """Return the `tf` or `df` frame of what changed, None where no price or size did."""
    changed = {name: value for name, value in now.items() if before.get(name) != value and name != "t"}
    if not changed.keys() - {"ft"}:
        return None
    return {"t": kind, "e": now["e"], "tk": now["tk"], **changed}


def told_price(whole: Row) -> Row:
    """Return the last price of a whole frame, as a delta tells it."""
    return {"lp": whole["lp"]} if "lp" in whole else {}


def bars(quote: Quote, start: float, end: float, minutes: int) -> list[Row]:
    """Return candles of `minutes` minutes between two epochs, newest first (docs/protocol.md, TPSeries)."""
    found: dict[int, Row] = {}
    width = minutes * 60
    for bar in quote.bars:
        at = int(bar.start.timestamp())
        if not start <= at <= end:
            continue
        slot = at // width * width
        row = found.get(slot)
        if row is None:
            begins = datetime.fromtimestamp(slot, tz=bar.start.tzinfo)
            found[slot] = {
                "stat": "Ok",
                "time": date_first(begins),
                "ssboe": str(slot),
                "into": money(bar.open),
                "inth": money(bar.high),
                "intl": money(bar.low),
                "intc": money(bar.close),
                "intvwap": money((bar.high + bar.low + bar.close) / 3),
                "intv": str(bar.volume),
                "intoi": "0",
                "v": str(bar.volume),
                "oi": "0",
            }
            continue
        volume = str(int(row["intv"]) + bar.volume)
        row["inth"] = money(max(bar.high, Decimal(row["inth"])))
        row["intl"] = money(min(bar.low, Decimal(row["intl"])))
        row |= {"intc": money(bar.close), "intv": volume, "v": volume}
    return [found[slot] for slot in sorted(found, reverse=True)]


def _contract(scrip: Instrument) -> Row:
    if scrip.expiry is None:
        return {}
    row = {"exd": f"{scrip.expiry:%d-%b-%Y}".upper(), "optt": scrip.option or "XX"}
    return row if scrip.strike is None else row | {"strprc": money(scrip.strike)}


def _limits(scrip: Instrument) -> Row:
    return {"lc": money(scrip.lower_circuit), "uc": money(scrip.upper_circuit)} if scrip.tradable else {}


def _prices(quote: Quote) -> Row:
    return {
        "lp": money(quote.last),
        "o": money(quote.open),
        "h": money(quote.high),
        "l": money(quote.low),
        "c": money(quote.close),
        "ap": money(quote.average),
    }


def _ladder(scrip: Instrument, quote: Quote) -> Row:
    row: Row = {"ltq": str(scrip.lot)}
    size = scrip.lot * _LEVEL_LOTS
    row["tbq"] = row["tsq"] = str(size * _LEVELS)
    for level in range(1, _LEVELS + 1):
        away = (level - 1) * quote.tick
        row[f"bp{level}"] = money(max(quote.bid - away, Decimal(0)))
        row[f"sp{level}"] = money(quote.ask + away)
        row[f"bq{level}"] = row[f"sq{level}"] = str(size)
        row[f"bo{level}"] = row[f"so{level}"] = "1"
    return row
