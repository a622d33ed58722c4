"""What a person is told about positions that get out together."""

from typing import assert_never

from domain.alerts.alert import Alert, Level
from domain.exits.flatten_sequence import AllFlat, LongLeaves, LongWaits, News, Stuck


def exit_order_alert(news: News) -> Alert:
    """Say what is new of positions that are made flat together."""
    match news:
        case LongWaits():
            shorts = ", ".join(map(str, news.shorts))
            return Alert(
                topic=f"exit:{news.position_key}",
                level=Level.INFO,
                what=f"{news.position_key} waits for the short of its underlying to be bought back: {shorts}.",
                means="A short without its hedge needs more margin, and its exit could be refused. "
                f"The long leaves after its fills, in {news.seconds_max:.0f} s at the latest.",
            )
        case LongLeaves():
            shorts = ", ".join(map(str, news.shorts))
            return Alert(
                topic=f"exit:{news.position_key}",
                level=Level.WARNING,
                what=f"{news.position_key} leaves now: after {news.seconds:.0f} s this short is not bought back: "
                f"{shorts}.",
                means="The short may stand without its hedge until it is bought back, and need more margin.",
                do="Look at the margin in the broker's own app; the desk goes on until all is flat.",
            )
        case Stuck():
            left = ", ".join(map(str, news.left))
            done = news.all - len(news.left)
            return Alert(
                topic=f"flat:{news.name}",
                level=Level.CRITICAL,
                what=f"Not flat after {news.seconds:.0f} s ({news.reason}): {left}.",
                means=f"So far {done} of {news.all} positions are flat; what is left may stand without its hedge.",
                do="Look at the broker's own app, at the margin first; the desk goes on until nothing is held.",
            )
        case AllFlat():
            return Alert(
                topic=f"flat:{news.name}",
                level=Level.INFO,
                what=f"All {news.all} positions are flat ({news.reason})."
                if news.all > 1
                else f"The position is flat ({news.reason}).",
                means="Nothing of them is held or can trade."
                if news.all > 1
                else "Nothing of it is held or can trade.",
                ends=True,
            )
        case _:
            assert_never(news)
