"""The process: its database, its HTTP API, and how deaths are answered."""

from pathlib import Path
from typing import Annotated, Final, Self

from pydantic import Field, SecretStr, model_validator

from domain.settings.fields import Count, Seconds, Section

DATA_DIR: Final = Path(".desk")
TOKEN_CHARACTERS_MIN: Final = 16


class StorageSettings(Section):
    """Where the database lies."""

    path: Path = DATA_DIR / "desk.db"
    """The file of the SQLite database. It follows `data_dir` unless it is placed elsewhere."""
    commit_linger_ms: Annotated[int, Field(ge=0, le=1_000)] = 10
    """Milliseconds that a write waits for others to share its commit; 0 to 1000."""
    busy_timeout_ms: Annotated[int, Field(ge=0)] = 2_000
    """Milliseconds that SQLite waits for a lock of another process; 0 or more."""


class ApiSettings(Section):
    """The loopback HTTP API."""

    host: str = "127.0.0.1"
    """The address to listen on: 127.0.0.1 or ::1, never another."""
    port: Annotated[int, Field(ge=0, le=65_535)] = 8_711
    """The port, 0 to 65535; 0 takes any free one."""
    token: SecretStr = SecretStr("")
    """What callers have to present, at least 16 characters. Empty: the desk makes one. Secret."""
    token_path: Path = DATA_DIR / "api-token"
    """Where the token that the desk makes is kept. It follows `data_dir` unless it is placed elsewhere."""
    answer_wait_s_max: Seconds = 15.0
    """Seconds that a request waits for the desk before it is told that the outcome is open."""

    @model_validator(mode="after")
    def _stay_on_loopback(self) -> Self:
        # Not `localhost`: which of the two it leads to is decided anew each time.
        if self.host not in {"127.0.0.1", "::1"}:
            raise ValueError(f"host must be 127.0.0.1 or ::1, not {self.host!r}")
        if 0 < len(self.token.get_secret_value()) < TOKEN_CHARACTERS_MIN:
            raise ValueError(
                f"token must have at least {TOKEN_CHARACTERS_MIN} characters that nobody can guess; "
                "leave it out, and the desk makes one"
            )
        return self


class SupervisorSettings(Section):
    """How deaths are answered."""

    restarts_max: Count = 5
    """So often the watcher is restarted within `restart_window_s`; the next death ends the process."""
    restart_window_s: Seconds = 60.0
    """Seconds over which restarts are counted."""
    restart_delay_s: Seconds = 0.2
    """Seconds before a restart, doubled with each one in the window."""
    heartbeat_s: Seconds = 2.0
    """Seconds between two heartbeats of the watcher."""
    heartbeat_missed_max: Count = 5
    """So many heartbeats in a row may be missed; with the next the watcher is replaced."""
    shutdown_grace_s: Seconds = 10.0
    """Seconds that a stop lets orders in flight end."""
