"""The themes in which the desk lacks something, is told something wrong, or meets what changes without a word."""

import random
from collections.abc import Callable, Mapping
from typing import Any, Final

from tests.simulation.back_office import Checks
from tests.simulation.contracts import Customs
from tests.simulation.crowd import Manners
from tests.simulation.exchange import Habits
from tests.simulation.port import Troubles
from tests.simulation.story import CrashAt

_PRICES: Final = ("tick", "quote", "position row")
_QUICK_PROOF: Final = {"proof": {"books": 3, "window_s": 2.0}}


def _few_crashes(chance: random.Random, limit: int) -> tuple[CrashAt, ...]:
    return tuple(
        CrashAt(chance.randint(200, 2_000), power=chance.random() < 0.4) for _ in range(chance.randint(0, limit))
    )


def _way_out(chance: random.Random, **more: Any) -> Manners:  # noqa: ANN401  shares of any kind
    """Return people and strategies who get out in every way there is, and do little else."""
    chosen: dict[str, Any] = {
        "strategies": 6,
        "deeds_per_s": chance.choice((2.0, 5.0)),
        "market_share": 0.7,
        "stops_share": 0.5,
        "flatten_share": 0.08,
        "hand_share": 0.4,
        "exit_share": 0.5,
        "oversize_share": 0.0,
        "repeat_share": 0.0,
        "modify_share": 0.0,
        "cancel_share": 0.02,
    }
    return Manners(**{**chosen, **more})


def _no_prices(chance: random.Random) -> dict[str, Any]:
    """The feed is silent, quotes and look-ups fail; the position book can be read."""
    return {
        "missing": ("tick", "quote", "instrument"),
        "outages": chance.randint(1, 2),
        "outage_s_max": chance.choice((12.0, 40.0)),
        "habits": Habits(walk_ticks=10, drift_ticks=chance.choice((0, 2))),
        "manners": _way_out(chance, stops_share=0.9, exit_share=chance.choice((0.02, 0.5)), flatten_share=0.01),
        "crashes": _few_crashes(chance, 2),
        "seconds": 30.0,
        "rules": ("never waits",),
    }


def _few_sources(chance: random.Random) -> dict[str, Any]:
    """Some of what tells a price, the band or the lot is away; reads are refused for the quota of calls."""
    every = (*_PRICES, "band", "tick and lot", "instrument", "trade book", "order book", "quota")
    return {
        "missing": tuple(one for one in every if chance.random() < 0.4),
        "outages": chance.randint(1, 3),
        "habits": Habits(walk_ticks=6),
        "troubles": Troubles(
            quote_fails=chance.choice((0.0, 0.5)),
            look_up_fails=chance.choice((0.0, 0.5)),
            read_refused=chance.choice((0.0, 0.2)),
            row_bare=chance.choice((0.0, 0.5)),
        ),
        "manners": _way_out(chance),
        "crashes": _few_crashes(chance, 2),
        "seconds": 20.0,
        "rules": ("never waits",),
    }


def _wrong_prices(chance: random.Random) -> dict[str, Any]:
    """Prices nobody could have traded at, in every place that tells one."""
    return {
        "troubles": Troubles(
            tick_wrong=chance.choice((0.0, 0.02, 0.2)),
            quote_wrong=chance.choice((0.0, 0.3)),
            row_wrong=chance.choice((0.0, 0.1, 0.5)),
            stranger=chance.choice((0.0, 0.1)),
        ),
        "missing": chance.choice(((), (), ("tick",), ("tick", "quote"))),
        "outages": 2,
        "habits": Habits(tells_profit=True),
        "manners": _way_out(chance, stops_share=0.9),
        "settings": {"risk": {"daily_loss_max": "3000"}},
        "crashes": _few_crashes(chance, 1),
        "rules": ("believed prices",),
    }


def _bands(chance: random.Random) -> dict[str, Any]:
    """A band that prices run into, widened when they do; or one that closes in the middle of the day."""
    return {
        "customs": Customs(band_rupees=chance.choice((4, 8)), band_relaxes=True, band_narrows=True),
        "band_narrows": chance.randint(0, 1),
        "habits": Habits(drift_ticks=chance.choice((3, 8)), walk_ticks=4),
        "manners": _way_out(chance),
        "crashes": _few_crashes(chance, 1),
        "seconds": 20.0,
        "rules": ("never waits",),
    }


def _new_terms(chance: random.Random) -> dict[str, Any]:
    """Lots, ticks and freeze quantities that are others the next morning, with positions carried over."""
    return {
        "days": 2,
        "abrupt_ends": True,
        "customs": Customs(
            lot_changes=chance.random() < 0.6, tick_changes=chance.random() < 0.6, freeze_changes=chance.random() < 0.6
        ),
        "checks": Checks(lots=True),
        "manners": _way_out(chance),
        "rules": ("never waits",),
    }


def _expiries(chance: random.Random) -> dict[str, Any]:
    """A future that is held, and ends overnight or bears another name in the morning."""
    renames = chance.random() < 0.3
    return {
        "days": 2,
        "abrupt_ends": True,
        "customs": Customs(expires=not renames, renames=renames),
        "manners": _way_out(chance, exit_share=0.2, flatten_share=0.02),
        "rules": ("expiry", "vanished"),
    }


def _delivery(chance: random.Random) -> dict[str, Any]:
    """Shares bought and sold for delivery, beside positions of the day and a loss limit."""
    days, holdings = chance.choice((1, 2)), chance.choice((10, 40))
    return {
        "days": days,
        "abrupt_ends": True,
        "checks": Checks(delivers=True, holdings=holdings, pledged=chance.choice((0, 12))),
        "habits": Habits(tells_profit=True, drift_ticks=chance.choice((0, 4))),
        "manners": _way_out(chance, delivery=4, sell_shares_share=0.4, twice_share=0.0),
        "settings": {"risk": {"daily_loss_max": "150"}} if chance.random() < 0.5 else {},
        "seconds": 15.0,
        "rules": ("delivery",),
    }


def _hidden_rows(chance: random.Random) -> dict[str, Any]:
    """Orders that the order book lacks for a while, the trade book and the positions not."""
    return {
        "habits": Habits(
            hide_share=0.5, hide_s_max=chance.choice((8.0, 20.0)), tags_trades=chance.choice((True, False))
        ),
        "troubles": Troubles(reply_lost=0.4, update_lost=0.9),
        "manners": Manners(strategies=6, deeds_per_s=3.0),
        "settings": _QUICK_PROOF,
        "crashes": _few_crashes(chance, 1),
        "rules": ("every witness",),
    }


def _locks(chance: random.Random) -> dict[str, Any]:
    """Another process holds the database's file, again and again."""
    return {
        "locks": chance.randint(1, 3),
        "settings": {"storage": {"busy_timeout_ms": chance.choice((0, 300, 2_000))}},
        "manners": _way_out(chance),
        "habits": Habits(walk_ticks=8),
        "crashes": _few_crashes(chance, 2),
        "rules": ("never waits",),
    }


def _refusals(chance: random.Random) -> dict[str, Any]:
    """Orders refused for the address they come from, for the session or for margin, while prices stand nearly still."""
    return {
        "ip_refusals": chance.randint(1, 2),
        "takeovers": chance.randint(0, 2),
        "troubles": Troubles(refused=chance.choice((0.0, 0.3))),
        "habits": Habits(walk_ticks=1, fill_share=0.9, reject_later_share=chance.choice((0.0, 0.2))),
        "manners": _way_out(chance, stops_share=0.0, flatten_share=0.15),
        "rules": ("worse prices", "never waits"),
    }


def _spreads(chance: random.Random) -> dict[str, Any]:
    """Shorts that are hedged, and an account whose margin needs the hedge as long as the short stands."""
    return {
        "customs": Customs(options=True),
        "checks": Checks(margin=chance.choice((20, 60))),
        "manners": Manners(strategies=2, spreads=4, deeds_per_s=4.0, flatten_share=0.3),
        "habits": Habits(fill_share=chance.choice((0.3, 0.9)), tells_profit=True),
        "crashes": _few_crashes(chance, 1),
        "rules": ("shorts first",),
    }


def _losses(chance: random.Random) -> dict[str, Any]:
    """A day's loss limit that breaks, while prices are hard to have."""
    return {
        "missing": chance.choice((("quote",), ("tick", "quote"), ("quote", "instrument"), ("trade book", "quote"))),
        "outages": chance.randint(0, 2),
        "habits": Habits(tells_profit=True, drift_ticks=6, walk_ticks=4),
        "manners": _way_out(chance, flatten_share=0.0, exit_share=0.05, stops_share=0.0),
        "settings": {"risk": {"daily_loss_max": "100"}},
        "seconds": 20.0,
        "rules": ("never waits",),
    }


def _doubtful_losses(chance: random.Random) -> dict[str, Any]:
    """A feed that errs inside the band, and quotes that its ticks overtake: no loss of the account's is true."""
    return {
        "feed_errs": 6,
        "troubles": Troubles(
            tick_errs=chance.choice((0.3, 0.9, 1.0)),
            quote_late=chance.choice((0.0, 0.5, 1.0)),
            quote_fails=chance.choice((0.0, 0.0, 0.3)),
        ),
        "habits": Habits(tells_profit=True, walk_ticks=2),
        "manners": _way_out(chance, flatten_share=0.0, exit_share=0.05, stops_share=0.0),
        "settings": {"risk": {"daily_loss_max": "300", "pnl_difference_max": "40", "look_s": 0.25}},
        "seconds": 40.0,
        "rules": ("doubtful losses", "never waits"),
    }


def _resting(chance: random.Random) -> dict[str, Any]:
    """Market orders that become limits nobody trades with."""
    return {
        "habits": Habits(rest_share=0.4, drift_ticks=chance.choice((0, 4)), walk_ticks=2),
        "manners": _way_out(chance, market_share=0.9, stops_share=0.0),
        "seconds": 45.0,
        "rules": ("resting",),
    }


def _late_quotes(chance: random.Random) -> dict[str, Any]:
    """Quotes that are long on their way, a feed that comes and goes, and ticks that overtake them."""
    return {
        "missing": ("tick",),
        "outages": chance.randint(3, 6),
        "outage_s_max": 2.0,
        "troubles": Troubles(quote_late=chance.choice((0.5, 1.0))),
        "habits": Habits(walk_ticks=20),
        "manners": _way_out(chance, stops_share=1.0, exit_share=0.2, flatten_share=0.02),
        "settings": {"stops": {"price_age_s_max": 6.0}},
        "crashes": _few_crashes(chance, 4),
        "seconds": 30.0,
        "rules": ("prices in order",),
    }


def _the_phone(chance: random.Random) -> dict[str, Any]:
    """A person who trades what the strategies trade, at once or by orders that rest, and a desk that dies meanwhile."""
    return {
        "manners": Manners(
            strategies=4,
            deeds_per_s=chance.choice((4.0, 8.0)),
            exit_share=chance.choice((0.1, 0.5)),
            phone_share=chance.choice((0.08, 0.2)),
            phone_rest_share=0.6,
            flatten_share=chance.choice((0.0, 0.05)),
            stops_share=chance.choice((0.0, 0.5)),
        ),
        "habits": Habits(
            fill_share=chance.choice((0.4, 0.9)),
            partial_share=0.3,
            hide_share=chance.choice((0.0, 0.2)),
            walk_ticks=8,
        ),
        "troubles": Troubles(update_lost=chance.choice((0.1, 0.5, 0.9)), reply_lost=chance.choice((0.0, 0.05))),
        "crashes": tuple(CrashAt(chance.randint(100, 1_500)) for _ in range(chance.randint(0, 3))),
        "downtime_s_max": chance.choice((0.3, 3.0)),
        "disk_locks": chance.choice((0, 0, 2, 4)),
    }


def _the_phone_and_a_lock(chance: random.Random) -> dict[str, Any]:
    """The same while the database is locked again and again, and the desk dies on the way out of it."""
    return {
        "manners": Manners(
            strategies=4,
            deeds_per_s=8.0,
            exit_share=chance.choice((0.05, 0.2)),
            phone_share=0.2,
            phone_rest_share=0.3,
        ),
        "habits": Habits(fill_share=0.9, partial_share=0.2, walk_ticks=8),
        "troubles": Troubles(update_lost=chance.choice((0.1, 0.9))),
        "downtime_s_max": 0.3,
        "disk_locks": 4,
        "dies_after_lock": True,
    }


def _no_disk(chance: random.Random) -> dict[str, Any]:
    """Exits that neither the database nor the exit journal takes, sent again to a desk that has died meanwhile."""
    return {
        "manners": Manners(
            strategies=8,
            deeds_per_s=8.0,
            exit_share=0.6,
            repeat_share=0.1,
        ),
        "habits": Habits(fill_share=0.9, partial_share=chance.choice((0.0, 0.2))),
        "troubles": Troubles(update_lost=chance.choice((0.1, 0.9)), flight_s_max=0.1),
        "downtime_s_max": 0.2,
        "journal_refuses": 3,
        "dies_in_lock": True,
        "start_lock_share": 0.4,
    }


def _missed_exits(chance: random.Random) -> dict[str, Any]:
    """Exits that trade at the end of a day, when no desk runs: the morning's books show fewer units and no order.

    A day is shorter than the ten seconds for which a loss of units that the account does not have may wait.
    """
    return {
        "days": 2,
        "abrupt_ends": True,
        "habits": Habits(tells_profit=True, drift_ticks=4, fill_share=chance.choice((0.1, 0.3))),
        "manners": _way_out(chance, flatten_share=0.0, exit_share=chance.choice((0.3, 0.6)), stops_share=0.0),
        "settings": {"risk": {"daily_loss_max": "100"}},
        "seconds": 8.0,
        "rules": ("believed prices",),
    }


WORLD_THEMES: Final[Mapping[str, Callable[[random.Random], dict[str, Any]]]] = {
    "no prices": _no_prices,
    "few sources": _few_sources,
    "wrong prices": _wrong_prices,
    "bands": _bands,
    "new terms": _new_terms,
    "expiries": _expiries,
    "delivery": _delivery,
    "hidden rows": _hidden_rows,
    "locks": _locks,
    "refusals": _refusals,
    "spreads": _spreads,
    "losses": _losses,
    "resting": _resting,
    "late quotes": _late_quotes,
    "doubtful losses": _doubtful_losses,
    "the phone": _the_phone,
    "the phone and a lock": _the_phone_and_a_lock,
    "no disk": _no_disk,
    "missed exits": _missed_exits,
}
"""What a story about the world is about; their seeds begin at `WORLD_SEEDS`, and take them in turn."""

WORLD_SEEDS: Final = 10_000_000
