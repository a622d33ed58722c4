"""Where the running desk is found: its settings file, the address that it left, and the token in its owner's file."""

import os
import secrets
from pathlib import Path
from typing import Final

from console.errors import PlainError

API_FILE: Final = "api.json"
DEFAULT_FILE: Final = Path("desk.toml")
"""The settings file, where none is named."""


def api_url(host: str, port: int) -> str:
    """Return the API's address."""
    return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"


def token_in(path: Path) -> str:
    """Return the API's token from its file, which is made at the first start (mode 0600)."""
    return kept_token(path) or _new_token(path)


def kept_token(path: Path) -> str:
    """Return the token in this file, or "" where there is none; refuse a file that others may read."""
    try:
        if os.name == "posix" and path.stat().st_mode & 0o077:
            raise PlainError(f"others may read the token in {path}; `chmod 600 {path}`, or delete it for a new one", 2)
        return path.read_text(encoding="utf-8").strip()
    except FileNotFoundError:
        return ""
    except OSError as error:
        raise PlainError(f"the token in {path} cannot be read: {error.strerror}", 2) from None


def _new_token(path: Path) -> str:
    token = secrets.token_urlsafe(32)
    write_private(path, token + "\n")
    return token


def write_private(path: Path, message: str) -> None:
    """Write a file that only its owner may read, whole or not at all."""
    path.parent.mkdir(parents=True, exist_ok=True)
    fresh = path.with_name(f"{path.name}.{secrets.token_hex(4)}")
    with os.fdopen(os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w", encoding="utf-8") as file:
        file.write(message)
    fresh.replace(path)
