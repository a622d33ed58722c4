"""What a person is told about positions on their way to flat."""

from domain.alerts.alert import Alert, Level
from domain.exits.flatten import FlattenRequest, SharesMissing
from domain.texts import counted


def exit_alert(position_key: str, reason: str, number: int, unfilled: int, *, loud: bool) -> Alert:
    """Say that another exit was needed. `unfilled` of the earlier ones were in the market and did not fill."""
    earlier, others = number - 1, number - 1 - unfilled
    said = (
        [f"{unfilled} of {earlier} earlier exits did not fill in time, so the price may be worse now"]
        if unfilled
        else []
    )
    if others:
        ends = "blocked, refused or canceled, or filled for less than is held by now"
        said.append(f"{others} of {earlier} were {ends} (`orders` tells)")
    return Alert(
        topic=f"exit:{position_key}",
        level=Level.CRITICAL if loud else Level.WARNING,
        what=f"{position_key} is not flat yet; exit {number} leaves now ({reason}).",
        means=f"{'; '.join(said) or 'The earlier ones are over'}.",
        do="Look at the broker's own app; the desk goes on until nothing is held.",
    )


def exit_begins_alert(position_key: str, reason: str) -> Alert:
    """Say that a position is being made flat."""
    return Alert(
        topic=f"exit:{position_key}",
        level=Level.INFO,
        what=f"{position_key} is being made flat: {reason}.",
        means="Working orders of it are taken back, then exits are sent until nothing is held.",
    )


def flat_alert(position_key: str, reason: str, exits: int) -> Alert:
    """Say that a position is flat."""
    return Alert(
        topic=f"exit:{position_key}",
        level=Level.INFO,
        what=f"{position_key} is flat after {counted(exits, 'exit')} ({reason}).",
        means="Nothing of it is held or can trade.",
        ends=True,
    )


def shares_missing_alert(request: FlattenRequest, missing: SharesMissing) -> Alert:
    """Say that a way out has ended because the broker has no shares to sell, and how a person decides."""
    strategy, key = request.position_key.strategy, request.position_key.key
    return Alert(
        topic=f"exit:{request.position_key}",
        level=Level.CRITICAL,
        what=f'The broker refuses to sell {missing.held} {key.symbol}: "{missing.message}". '
        f"By this desk's fills {strategy} holds {missing.held} of it ({key.exchange} {key.product}).",
        means=f"The shares are not in the demat account, or fewer are. This exit ({request.reason}) has ended and is "
        "not begun again by itself; a stop that asked for it is over too.",
        do=f"Look at the holdings in the broker's own app. `flatten --strategy {strategy}` tries again once they are "
        f"there; `submit --intent exit` sells a part; `write-off {key.symbol} --strategy {strategy} "
        f"--exchange {key.exchange} --product {key.product} --reason …` takes what is gone out of our books.",
    )
