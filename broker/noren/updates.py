"""Order updates, pushed: from an `om` frame to a typed fact (docs/protocol.md, order updates)."""

import re
from collections.abc import Mapping
from datetime import datetime
from typing import Final

from broker.noren.row_fields import Raw, word_if_told
from broker.noren.row_parsers import order_row
from domain.broker.snapshots import OrderUpdate, ReportType


def _plain(message: str) -> str:
    """Return only the letters of a report type, in one case: CancelRejected and CANCEL_REJECTED are one word."""
    return "".join(filter(str.isalpha, message)).casefold()


_REPORTS: Final[Mapping[str, ReportType]] = {
    **{_plain(report.value): report for report in ReportType},
    "cancelled": ReportType.CANCELED,
}

_ABOUT_A_CHANGE: Final = re.compile(r"order (?:is )?not (?:open|found) to (cancel|modify)", re.IGNORECASE)
_CHANGE_REJECTED: Final = {"cancel": ReportType.CANCEL_REJECTED, "modify": ReportType.REPLACE_REJECTED}


def order_update(frame: Raw, seen_at: datetime) -> OrderUpdate:
    """Read an update, or raise `UnreadableRowError`. It has the fields of a book's row, but for these.

    The product stands in `pcode`; one page of the documents spells the number `norenoordno`. The status is kept as it
    came, also where the report says that it is not the order's own.
    """
    named = {
        "norenordno": frame.get("norenordno") or frame.get("norenoordno"),
        "prd": frame.get("pcode") or frame.get("prd"),
    }
    row = order_row({**frame, **named})
    return OrderUpdate(_report_in(frame), row, seen_at)


def _report_in(frame: Raw) -> ReportType:
    """Return what the update is about. A rejection whose words are of a cancel or modify is theirs, not the order's.

    Assumption: a server that says plain `Rejected` of a refused change, or names no report, gives these words.
    """
    report = _REPORTS.get(_plain(word_if_told(frame, "reporttype")), ReportType.UNKNOWN)
    if report in {ReportType.REJECTED, ReportType.UNKNOWN}:
        about = _ABOUT_A_CHANGE.search(word_if_told(frame, "rejreason"))
        if about is not None:
            return _CHANGE_REJECTED[about[1].lower()]
    return report
