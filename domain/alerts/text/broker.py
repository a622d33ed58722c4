"""What a person is told about the broker: its session, its books, and reconciliation breaks."""

from domain.alerts.alert import Alert, Level
from domain.broker.session import SessionState


def session_alert(state: SessionState, message: str) -> Alert | None:
    """Return what to tell about the broker's session."""
    match state:
        case SessionState.LOGGED_IN:
            return Alert(
                topic="session",
                level=Level.INFO,
                what="The broker's session is open.",
                means="Orders can be sent once the books have been compared.",
                ends=True,
            )
        case SessionState.REFUSED:
            return Alert(
                topic="session",
                level=Level.CRITICAL,
                what=f"The broker refuses the login: {message}.",
                means="No order, exit or cancel can be sent; what is held stays as it is at the broker.",
                do="Fix the credentials, then `login`. Until then act in the broker's own app.",
            )
        case SessionState.EXPIRED:
            return Alert(
                topic="session",
                level=Level.WARNING,
                what=f"The broker's session is over: {message}.",
                means=(
                    "No entries are taken; the desk logs in again by itself, and flattens and stops leave with it. "
                    "An exit sent by hand now is refused."
                ),
                do="Nothing needs to be done, unless this is told again; `flatten` gets out once there is a session.",
            )
        case _:
            return None


def books_unavailable_alert(cause: str) -> Alert:
    """Say that the broker's books can't be read."""
    return Alert(
        topic="sight",
        level=Level.WARNING,
        what=f"The broker's books can't be read: {cause}.",
        means="No entries are taken; exits go on, and nothing is taken for flat or failed.",
        do="Nothing needs to be done at first; `status` tells since when.",
    )


def books_available_alert() -> Alert:
    """Say that the books are read again."""
    return Alert(
        topic="sight",
        level=Level.INFO,
        what="The broker's books are read and compared again.",
        means="Entries are taken again, where nothing else speaks against them.",
        ends=True,
    )


def break_alert(name: str, sentence: str, *, stops_entries: bool, do: str = "") -> Alert:
    """Say that the books differ, and what ends it."""
    return Alert(
        topic=f"books:{name}",
        level=Level.CRITICAL if stops_entries else Level.WARNING,
        what=f"The books differ: {sentence}.",
        means="No entries are taken until it is resolved; exits go on." if stops_entries else "Entries go on.",
        do=f"{do[:1].upper()}{do[1:] or 'Look at the broker'}; `status` says more.",
    )


def break_over_alert(name: str) -> Alert:
    """Say that the books agree again."""
    return Alert(
        topic=f"books:{name}",
        level=Level.INFO,
        what=f"The books agree again about {name}.",
        means="Entries are taken again, where nothing else speaks against them.",
        ends=True,
    )
